"""Level and polarity: what multiplies. The clean twin is multiplied by the same."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch

from audiolab import metrics
from audiolab.augment._fields import Amount, amount, option
from audiolab.augment._shared_fields import shared_last
from audiolab.augment.distributions import Uniform
from audiolab.augment.single import LevelTransform
from audiolab.augment.transform import Params

__all__ = [
    "Gain",
    "GainTransition",
    "NormalizeLoudness",
    "NormalizePeak",
    "PolarityInversion",
]


def as_factors(values: Sequence[float], waveform: torch.Tensor) -> torch.Tensor:
    """Return numbers, one an item, as ``(items, 1, 1)`` of the waveform's dtype."""
    return torch.tensor(values, dtype=waveform.dtype, device=waveform.device)[:, None, None]


def amplitude(level_db: float) -> float:
    """Return the factor of a gain: Python's own power, the same in any batch."""
    return float(10.0 ** (level_db / 20.0))


@shared_last
@dataclass(frozen=True, kw_only=True)
class Gain(LevelTransform):
    r"""Amplify by :math:`10^{G/20}`.

    Parameters
    ----------
    gain_db : float or Distribution, default: Uniform(-18, 6)
        Gain in dB. Nothing is clipped.

    Examples
    --------
    >>> import torch
    >>> Gain(gain_db=-20)(torch.ones(1, 1, 2), 16_000).waveform
    tensor([[[0.1000, 0.1000]]])
    """

    gain_db: Amount = amount(Uniform(-18.0, 6.0), low=-200.0, high=200.0)

    name: ClassVar[str] = "gain"
    ragged: ClassVar[bool] = True

    def _factors(
        self,
        waveform: torch.Tensor,
        sample_rate: int,
        params: Sequence[Params],
        lengths: Sequence[int],
    ) -> torch.Tensor:
        return as_factors([amplitude(each["gain_db"]) for each in params], waveform)


@shared_last
@dataclass(frozen=True, kw_only=True)
class GainTransition(LevelTransform):
    """Change the level on the way, along a straight line in decibels.

    Parameters
    ----------
    start_db : float or Distribution, default: Uniform(-24, 6)
        Gain in dB before the change.
    stop_db : float or Distribution, default: Uniform(-24, 6)
        Gain in dB after it.
    duration_s : float or Distribution, default: Uniform(0.2, 6)
        How long it takes. It begins anywhere in the item, and may go on beyond its end.
    """

    start_db: Amount = amount(Uniform(-24.0, 6.0), low=-200.0, high=200.0)
    stop_db: Amount = amount(Uniform(-24.0, 6.0), low=-200.0, high=200.0)
    duration_s: Amount = amount(Uniform(0.2, 6.0), low=0.0, above=True)

    name: ClassVar[str] = "gain_transition"
    ragged: ClassVar[bool] = True
    positions: ClassVar[tuple[str, ...]] = ("position",)

    def _factors(
        self,
        waveform: torch.Tensor,
        sample_rate: int,
        params: Sequence[Params],
        lengths: Sequence[int],
    ) -> torch.Tensor:
        wide = torch.float64 if waveform.dtype == torch.float64 else torch.float32
        curves = torch.empty(len(params), 1, waveform.shape[-1], dtype=wide, device="cpu")
        for each, length, curve in zip(params, lengths, curves.numpy()[:, 0], strict=True):
            begin, count = each["position"] * length, each["duration_s"] * sample_rate
            first = min(math.ceil(begin), len(curve))
            last = min(max(first, math.ceil(begin + count)), len(curve))
            share = (np.arange(first, last) - begin) / count
            start, change = each["start_db"], each["stop_db"] - each["start_db"]
            curve[:first] = amplitude(start)
            curve[first:last] = np.exp((start + change * share) * (math.log(10.0) / 20.0))
            curve[last:] = amplitude(start + change)
        return curves.to(waveform)


@shared_last
@dataclass(frozen=True, kw_only=True)
class PolarityInversion(LevelTransform):
    """Turn the sign of all samples.

    Examples
    --------
    >>> import torch
    >>> PolarityInversion()(torch.ones(1, 1, 2), 16_000).waveform
    tensor([[[-1., -1.]]])
    """

    name: ClassVar[str] = "polarity_inversion"
    ragged: ClassVar[bool] = True

    def _factors(
        self,
        waveform: torch.Tensor,
        sample_rate: int,
        params: Sequence[Params],
        lengths: Sequence[int],
    ) -> torch.Tensor:
        return as_factors([-1.0] * len(params), waveform)


@shared_last
@dataclass(frozen=True, kw_only=True)
class NormalizePeak(LevelTransform):
    """Scale so that the largest sample over all channels has a given level; silence stays silence.

    Parameters
    ----------
    level_db : float or Distribution, default: -1.0
        Peak in dB of full scale.
    only_louder : bool, default: False
        Whether items below the level are left as they are.

    Examples
    --------
    >>> import torch
    >>> NormalizePeak(level_db=0)(torch.tensor([[[0.5, -0.25]]]), 16_000).waveform
    tensor([[[ 1.0000, -0.5000]]])
    """

    level_db: Amount = amount(-1.0, low=-200.0, high=200.0)
    only_louder: bool = option(False, type=bool)

    name: ClassVar[str] = "normalize_peak"
    ragged: ClassVar[bool] = True

    def _factors(
        self,
        waveform: torch.Tensor,
        sample_rate: int,
        params: Sequence[Params],
        lengths: Sequence[int],
    ) -> torch.Tensor:
        peaks: list[Any] = waveform.detach().abs().amax(dim=(1, 2)).double().tolist()
        wanted = [amplitude(each["level_db"]) for each in params]
        factors = [
            1.0 if peak == 0.0 or (self.only_louder and peak <= level) else level / peak
            for peak, level in zip(peaks, wanted, strict=True)
        ]
        return as_factors(factors, waveform)


@shared_last
@dataclass(frozen=True, kw_only=True)
class NormalizeLoudness(LevelTransform):
    """Bring to a loudness after BS.1770; what is below -70 LUFS stays.

    An item shorter than 0.4 s, the standard's block, is measured with silence behind it. The
    standard has weights for up to five channels.

    Parameters
    ----------
    loudness_lufs : float or Distribution, default: Uniform(-31, -13)
        Loudness in LUFS.
    """

    loudness_lufs: Amount = amount(Uniform(-31.0, -13.0), low=-70.0, high=20.0)

    name: ClassVar[str] = "normalize_loudness"
    ragged: ClassVar[bool] = True

    def _factors(
        self,
        waveform: torch.Tensor,
        sample_rate: int,
        params: Sequence[Params],
        lengths: Sequence[int],
    ) -> torch.Tensor:
        least = math.ceil(0.4 * sample_rate)
        factors = []
        for item, each, length in zip(waveform.detach(), params, lengths, strict=True):
            own = item[:, :length].double()
            whole = torch.nn.functional.pad(own, (0, max(0, least - length)))
            measured = float(metrics.loudness_lufs(whole, sample_rate))
            gain_db = 0.0 if measured == -math.inf else each["loudness_lufs"] - measured
            # The last bits of a transform depend on the number of threads: a millionth of a
            # decibel is kept.
            factors.append(amplitude(round(gain_db, 6)))
        return as_factors(factors, waveform)
