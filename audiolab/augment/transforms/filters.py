"""Filters and equalisers: recursive filters of second order from `audiolab.effects`.

One recipe serves several sample rates: a frequency that is drawn beyond 0.49 of the rate is taken
to be there. On the clean twin only where `on_clean` says so.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from audiolab.augment._fields import Amount, amount
from audiolab.augment._sections import run_sections
from audiolab.augment._shared_fields import shared_last
from audiolab.augment.distributions import Choice, LogUniform, Uniform
from audiolab.augment.seeds import uniform
from audiolab.augment.single import WaveformTransform, column
from audiolab.augment.transform import Params
from audiolab.effects.filters import design
from audiolab.effects.filters.design import Biquad

__all__ = [
    "BandPass",
    "BandStop",
    "HighPass",
    "HighShelf",
    "LowPass",
    "LowShelf",
    "Peaking",
    "SevenBandEqualizer",
]


def frequency(
    params: Sequence[Params], name: str, waveform: torch.Tensor, sample_rate: int
) -> torch.Tensor:
    """Return one frequency an item, at most 0.49 of the sample rate."""
    limit = 0.49 * sample_rate
    return each_item([{name: min(float(each[name]), limit)} for each in params], name, waveform)


def each_item(params: Sequence[Params], name: str, waveform: torch.Tensor) -> torch.Tensor:
    """Return a parameter as ``(items, 1)``, as designs of filters take it."""
    return column(params, name, waveform)[:, None]


def butterworth(
    design: Callable[..., Biquad],
    waveform: torch.Tensor,
    sample_rate: int,
    cutoff_hz: torch.Tensor,
    counts: Sequence[int],
) -> list[Biquad]:
    """Return two-pole sections that make a low or high pass of Butterworth, a number an item."""
    sections = []
    for stage in range(max(counts)):
        # poles at equal angles on the circle; 1 / (2 cos) of each angle
        widths = [
            0.5 / math.cos(math.pi * (2 * stage + 1) / (4 * count)) if stage < count else 1.0
            for count in counts
        ]
        q = torch.tensor(widths, dtype=torch.float64, device=waveform.device)
        each = design(sample_rate, cutoff_hz=cutoff_hz, q=q[:, None])
        idle = torch.tensor([stage >= count for count in counts], device=waveform.device)
        unity = torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64, device=waveform.device)
        b, a = (torch.where(idle[:, None, None], unity, part) for part in each)
        sections.append(Biquad(b, a))
    return sections


@shared_last
@dataclass(frozen=True, kw_only=True)
class LowPass(WaveformTransform):
    """Keep what is below a frequency: Butterworth's filter, recursive.

    Parameters
    ----------
    cutoff_hz : float or Distribution, default: LogUniform(150, 7500)
        Frequency in Hz where the power is halved.
    sections : int or Distribution, default: Choice([1, 2])
        Sections of second order: 12 dB an octave each. Up to 8.
    """

    cutoff_hz: Amount = amount(LogUniform(150.0, 7500.0), low=0.0, above=True)
    sections: Amount = amount(Choice([1, 2]), low=1, high=8, whole=True)

    name: ClassVar[str] = "low_pass"
    ragged: ClassVar[bool] = True

    def _change(
        self,
        waveform: torch.Tensor,
        sample_rate: int,
        params: Sequence[Params],
        lengths: Sequence[int],
    ) -> torch.Tensor:
        cutoff_hz = frequency(params, "cutoff_hz", waveform, sample_rate)
        sections = [each["sections"] for each in params]
        low = butterworth(design.lowpass, waveform, sample_rate, cutoff_hz, sections)
        return run_sections(waveform, low)


@shared_last
@dataclass(frozen=True, kw_only=True)
class HighPass(WaveformTransform):
    """Keep what is above a frequency: Butterworth's filter, recursive.

    Parameters
    ----------
    cutoff_hz : float or Distribution, default: LogUniform(20, 2400)
        Frequency in Hz where the power is halved.
    sections : int or Distribution, default: Choice([1, 2])
        Sections of second order: 12 dB an octave each. Up to 8.
    """

    cutoff_hz: Amount = amount(LogUniform(20.0, 2400.0), low=0.0, above=True)
    sections: Amount = amount(Choice([1, 2]), low=1, high=8, whole=True)

    name: ClassVar[str] = "high_pass"
    ragged: ClassVar[bool] = True

    def _change(
        self,
        waveform: torch.Tensor,
        sample_rate: int,
        params: Sequence[Params],
        lengths: Sequence[int],
    ) -> torch.Tensor:
        cutoff_hz = frequency(params, "cutoff_hz", waveform, sample_rate)
        sections = [each["sections"] for each in params]
        high = butterworth(design.highpass, waveform, sample_rate, cutoff_hz, sections)
        return run_sections(waveform, high)


@shared_last
@dataclass(frozen=True, kw_only=True)
class BandPass(WaveformTransform):
    """Keep what is around a frequency: a high and a low pass of Butterworth in a row.

    Parameters
    ----------
    center_hz : float or Distribution, default: LogUniform(200, 4000)
        Centre in Hz; the edges lie around it in equal ratios.
    bandwidth_octaves : float or Distribution, default: Uniform(0.7, 2.8)
        Distance of the edges, where the power is halved, in octaves.
    sections : int or Distribution, default: Choice([1, 2])
        Sections of second order on each side: 12 dB an octave each. Up to 8.
    """

    center_hz: Amount = amount(LogUniform(200.0, 4000.0), low=0.0, above=True)
    bandwidth_octaves: Amount = amount(Uniform(0.7, 2.8), low=0.01, high=12.0)
    sections: Amount = amount(Choice([1, 2]), low=1, high=8, whole=True)

    name: ClassVar[str] = "band_pass"
    ragged: ClassVar[bool] = True

    def _change(
        self,
        waveform: torch.Tensor,
        sample_rate: int,
        params: Sequence[Params],
        lengths: Sequence[int],
    ) -> torch.Tensor:
        edges = [_edges(each) for each in params]
        sections = [each["sections"] for each in params]
        both: list[Biquad] = []
        for name, side in (("low", design.highpass), ("high", design.lowpass)):
            cutoff_hz = frequency(edges, name, waveform, sample_rate)
            both += butterworth(side, waveform, sample_rate, cutoff_hz, sections)
        return run_sections(waveform, both)


@shared_last
@dataclass(frozen=True, kw_only=True)
class BandStop(WaveformTransform):
    """Take away what is around a frequency: a notch, as wide as asked where it lies at -3 dB.

    Parameters
    ----------
    center_hz : float or Distribution, default: LogUniform(200, 4000)
        Centre in Hz.
    bandwidth_octaves : float or Distribution, default: Uniform(0.7, 2.8)
        Width in octaves.
    """

    center_hz: Amount = amount(LogUniform(200.0, 4000.0), low=0.0, above=True)
    bandwidth_octaves: Amount = amount(Uniform(0.7, 2.8), low=0.01, high=12.0)

    name: ClassVar[str] = "band_stop"
    ragged: ClassVar[bool] = True

    def _change(
        self,
        waveform: torch.Tensor,
        sample_rate: int,
        params: Sequence[Params],
        lengths: Sequence[int],
    ) -> torch.Tensor:
        edges = [_edges(each) for each in params]
        widths = [
            each["center_hz"] / (edge["high"] - edge["low"])
            for each, edge in zip(params, edges, strict=True)
        ]
        q = torch.tensor(widths, dtype=torch.float64, device=waveform.device)
        center_hz = frequency(params, "center_hz", waveform, sample_rate)
        notch = design.bandreject(sample_rate, center_hz=center_hz, q=q[:, None])
        return run_sections(waveform, [notch])


def _edges(params: Params) -> dict[str, float]:
    half = 2.0 ** (params["bandwidth_octaves"] / 2)
    return {"low": params["center_hz"] / half, "high": params["center_hz"] * half}


@shared_last
@dataclass(frozen=True, kw_only=True)
class Peaking(WaveformTransform):
    """Raise or lower what is around a frequency.

    Parameters
    ----------
    center_hz : float or Distribution, default: LogUniform(50, 7500)
        Centre in Hz.
    gain_db : float or Distribution, default: Uniform(-24, 24)
        Gain there in dB.
    q : float or Distribution, default: Uniform(0.5, 5)
        Width as a Q factor.
    """

    center_hz: Amount = amount(LogUniform(50.0, 7500.0), low=0.0, above=True)
    gain_db: Amount = amount(Uniform(-24.0, 24.0), low=-96.0, high=96.0)
    q: Amount = amount(Uniform(0.5, 5.0), low=0.0, above=True)

    name: ClassVar[str] = "peaking"
    ragged: ClassVar[bool] = True

    def _change(
        self,
        waveform: torch.Tensor,
        sample_rate: int,
        params: Sequence[Params],
        lengths: Sequence[int],
    ) -> torch.Tensor:
        section = design.equalizer(
            sample_rate,
            center_hz=frequency(params, "center_hz", waveform, sample_rate),
            gain_db=each_item(params, "gain_db", waveform),
            q=each_item(params, "q", waveform),
        )
        return run_sections(waveform, [section])


@shared_last
@dataclass(frozen=True, kw_only=True)
class LowShelf(WaveformTransform):
    """Raise or lower what is below a frequency.

    Parameters
    ----------
    center_hz : float or Distribution, default: LogUniform(50, 4000)
        Middle of the slope in Hz.
    gain_db : float or Distribution, default: Uniform(-18, 18)
        Gain below it in dB.
    q : float or Distribution, default: Uniform(0.1, 0.999)
        Steepness as a Q factor.
    """

    center_hz: Amount = amount(LogUniform(50.0, 4000.0), low=0.0, above=True)
    gain_db: Amount = amount(Uniform(-18.0, 18.0), low=-96.0, high=96.0)
    q: Amount = amount(Uniform(0.1, 0.999), low=0.0, above=True)

    name: ClassVar[str] = "low_shelf"
    ragged: ClassVar[bool] = True

    def _change(
        self,
        waveform: torch.Tensor,
        sample_rate: int,
        params: Sequence[Params],
        lengths: Sequence[int],
    ) -> torch.Tensor:
        section = design.bass(
            sample_rate,
            gain_db=each_item(params, "gain_db", waveform),
            center_hz=frequency(params, "center_hz", waveform, sample_rate),
            q=each_item(params, "q", waveform),
        )
        return run_sections(waveform, [section])


@shared_last
@dataclass(frozen=True, kw_only=True)
class HighShelf(WaveformTransform):
    """Raise or lower what is above a frequency.

    Parameters
    ----------
    center_hz : float or Distribution, default: LogUniform(300, 7500)
        Middle of the slope in Hz.
    gain_db : float or Distribution, default: Uniform(-18, 18)
        Gain above it in dB.
    q : float or Distribution, default: Uniform(0.1, 0.999)
        Steepness as a Q factor.
    """

    center_hz: Amount = amount(LogUniform(300.0, 7500.0), low=0.0, above=True)
    gain_db: Amount = amount(Uniform(-18.0, 18.0), low=-96.0, high=96.0)
    q: Amount = amount(Uniform(0.1, 0.999), low=0.0, above=True)

    name: ClassVar[str] = "high_shelf"
    ragged: ClassVar[bool] = True

    def _change(
        self,
        waveform: torch.Tensor,
        sample_rate: int,
        params: Sequence[Params],
        lengths: Sequence[int],
    ) -> torch.Tensor:
        section = design.treble(
            sample_rate,
            gain_db=each_item(params, "gain_db", waveform),
            center_hz=frequency(params, "center_hz", waveform, sample_rate),
            q=each_item(params, "q", waveform),
        )
        return run_sections(waveform, [section])


@shared_last
@dataclass(frozen=True, kw_only=True)
class SevenBandEqualizer(WaveformTransform):
    """An equaliser as on a mixing desk: two shelves and five bells, an octave or two apart.

    The bands lie at 100, 200, 400, 1000, 2500, 5000 and 10000 Hz, each moved by up to a third of an
    octave; those beyond 0.49 of the sample rate are left out.

    Parameters
    ----------
    gain_db : float or Distribution, default: Uniform(-12, 12)
        Gain of each band in dB, drawn seven times.
    q : float or Distribution, default: Uniform(0.5, 1.5)
        Width of each bell as a Q factor, drawn seven times; shelves have 0.707.
    """

    gain_db: Amount = amount(Uniform(-12.0, 12.0), low=-96.0, high=96.0, count=7)
    q: Amount = amount(Uniform(0.5, 1.5), low=0.0, above=True, count=7)

    name: ClassVar[str] = "seven_band_equalizer"
    ragged: ClassVar[bool] = True
    bands_hz: ClassVar[tuple[float, ...]] = (100.0, 200.0, 400.0, 1e3, 2.5e3, 5e3, 1e4)

    def _values(self, seed: int) -> dict[str, Any]:
        drawn = super()._values(seed)
        thirds = [(2.0 * uniform(seed, f"center {band}") - 1.0) / 3.0 for band in range(7)]
        centers = [band * 2.0**third for band, third in zip(self.bands_hz, thirds, strict=True)]
        return {**drawn, "center_hz": centers}

    def _change(
        self,
        waveform: torch.Tensor,
        sample_rate: int,
        params: Sequence[Params],
        lengths: Sequence[int],
    ) -> torch.Tensor:
        # Bands that the sample rate has not are left out, for all items or none.
        limit = 0.49 * sample_rate * 2.0 ** (-1.0 / 3.0)
        sections = []
        for band in (index for index, center in enumerate(self.bands_hz) if center <= limit):
            own = [
                {name: each[name][band] for name in ("gain_db", "center_hz", "q")}
                for each in params
            ]
            shape: dict[str, Any] = {
                "center_hz": frequency(own, "center_hz", waveform, sample_rate),
                "gain_db": each_item(own, "gain_db", waveform),
            }
            if band in (0, 6):
                shelf = design.bass if band == 0 else design.treble
                sections.append(shelf(sample_rate, q=math.sqrt(0.5), **shape))
            else:
                width = each_item(own, "q", waveform)
                sections.append(design.equalizer(sample_rate, q=width, **shape))
        return run_sections(waveform, sections)
