"""Dynamics: compressor and limiter, from `audiolab.effects`. The clean twin stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from audiolab import effects
from audiolab.augment._fields import Amount, amount
from audiolab.augment._shared_fields import shared_last
from audiolab.augment.distributions import LogUniform, Uniform
from audiolab.augment.single import WaveformTransform, column
from audiolab.augment.transform import Params

__all__ = ["Compressor", "Limiter"]


@shared_last
@dataclass(frozen=True, kw_only=True)
class Compressor(WaveformTransform):
    """Turn down what is loud.

    Parameters
    ----------
    threshold_db : float or Distribution, default: Uniform(-40, -10)
        Level in dB of full scale above which it is turned down.
    ratio : float or Distribution, default: Uniform(1.5, 8)
        Decibels of input for one of output.
    attack_s : float or Distribution, default: LogUniform(0.001, 0.03)
        Time constant of turning down, in seconds.
    release_s : float or Distribution, default: LogUniform(0.03, 0.3)
        Time constant of coming back, in seconds.
    makeup_db : float or Distribution, default: 0.0
        Gain afterwards in dB.
    """

    threshold_db: Amount = amount(Uniform(-40.0, -10.0), low=-120.0, high=20.0)
    ratio: Amount = amount(Uniform(1.5, 8.0), low=1.0, high=1000.0)
    attack_s: Amount = amount(LogUniform(0.001, 0.03), low=0.0, high=10.0)
    release_s: Amount = amount(LogUniform(0.03, 0.3), low=0.0, high=10.0)
    makeup_db: Amount = amount(0.0, low=-60.0, high=60.0)

    name: ClassVar[str] = "compressor"

    def _change(
        self,
        waveform: torch.Tensor,
        sample_rate: int,
        params: Sequence[Params],
        lengths: Sequence[int],
    ) -> torch.Tensor:
        names = ("threshold_db", "ratio", "attack_s", "release_s", "makeup_db")
        drawn: dict[str, Any] = {each: column(params, each, waveform) for each in names}
        return effects.compressor(waveform, sample_rate, **drawn)


@shared_last
@dataclass(frozen=True, kw_only=True)
class Limiter(WaveformTransform):
    """Keep every sample within a ceiling, after a gain.

    Parameters
    ----------
    ceiling_db : float or Distribution, default: Uniform(-24, -2)
        Largest magnitude in dB of full scale.
    drive_db : float or Distribution, default: 0.0
        Gain before it in dB.
    release_s : float or Distribution, default: LogUniform(0.03, 0.3)
        Time constant of coming back, in seconds.
    """

    ceiling_db: Amount = amount(Uniform(-24.0, -2.0), low=-120.0, high=20.0)
    drive_db: Amount = amount(0.0, low=-60.0, high=60.0)
    release_s: Amount = amount(LogUniform(0.03, 0.3), low=0.0, high=10.0)

    name: ClassVar[str] = "limiter"

    def _change(
        self,
        waveform: torch.Tensor,
        sample_rate: int,
        params: Sequence[Params],
        lengths: Sequence[int],
    ) -> torch.Tensor:
        drawn: dict[str, Any] = {
            each: column(params, each, waveform) for each in ("ceiling_db", "drive_db", "release_s")
        }
        return effects.limiter(waveform, sample_rate, **drawn)
