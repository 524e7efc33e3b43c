"""Masks: spans of time and bands of frequency that are silenced. The clean twin stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch

from audiolab.augment._fields import Amount, amount, option
from audiolab.augment._shared_fields import shared_last
from audiolab.augment.distributions import LogUniform, Uniform
from audiolab.augment.masks import mask_frequency, mask_time
from audiolab.augment.single import WaveformTransform
from audiolab.augment.transform import Params

__all__ = ["FrequencyMask", "TimeMask"]


@shared_last
@dataclass(frozen=True, kw_only=True)
class TimeMask(WaveformTransform):
    """Silence a span of time, anywhere in the item.

    Parameters
    ----------
    share : float or Distribution, default: Uniform(0.01, 0.2)
        Length of the span, in the unit.
    unit : {"fraction", "seconds"}, default: "fraction"
        Whether `share` is a part of the item's length, or seconds.
    fade_s : float, default: 0.005
        Duration of the fades around it in seconds.
    """

    share: Amount = amount(Uniform(0.01, 0.2), low=0.0)
    unit: Literal["fraction", "seconds"] = option("fraction", choices=("fraction", "seconds"))
    fade_s: float = option(0.005, low=0.0, high=1.0)

    name: ClassVar[str] = "time_mask"
    positions: ClassVar[tuple[str, ...]] = ("position",)

    def _change(
        self,
        waveform: torch.Tensor,
        sample_rate: int,
        params: Sequence[Params],
        lengths: Sequence[int],
    ) -> torch.Tensor:
        seconds = [length / sample_rate for length in lengths]
        spans = [
            min(each["share"] * (total if self.unit == "fraction" else 1.0), total)
            for each, total in zip(params, seconds, strict=True)
        ]
        starts = [
            each["position"] * (total - span)
            for each, total, span in zip(params, seconds, spans, strict=True)
        ]
        return mask_time(
            waveform, sample_rate, start_s=starts, duration_s=spans, fade_s=self.fade_s
        )


@shared_last
@dataclass(frozen=True, kw_only=True)
class FrequencyMask(WaveformTransform):
    """Take a band of frequencies out, without a change of phase.

    Parameters
    ----------
    center_hz : float or Distribution, default: LogUniform(200, 4000)
        Centre of the band in Hz.
    bandwidth_hz : float or Distribution, default: LogUniform(100, 2000)
        Its width in Hz.
    """

    center_hz: Amount = amount(LogUniform(200.0, 4000.0), low=0.0)
    bandwidth_hz: Amount = amount(LogUniform(100.0, 2000.0), low=0.0)

    name: ClassVar[str] = "frequency_mask"

    def _change(
        self,
        waveform: torch.Tensor,
        sample_rate: int,
        params: Sequence[Params],
        lengths: Sequence[int],
    ) -> torch.Tensor:
        low = [max(0.0, each["center_hz"] - each["bandwidth_hz"] / 2) for each in params]
        high = [each["center_hz"] + each["bandwidth_hz"] / 2 for each in params]
        return mask_frequency(waveform, sample_rate, low_hz=low, high_hz=high)
