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

from audiolab import effects
from audiolab.augment._fields import Amount, amount
from audiolab.augment.distributions import Choice, LogUniform, Uniform
from audiolab.augment.seeds import uniform
from audiolab.augment.single import WaveformTransform, column
from audiolab.augment.transform import Params

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
    return torch.tensor(
        [min(float(each[name]), limit) for each in params],
        dtype=torch.float64,
        device=waveform.device,
    )


def cascade(
    function: Callable[..., torch.Tensor],
    waveform: torch.Tensor,
    sample_rate: int,
    cutoff_hz: torch.Tensor,
    sections: Sequence[int],
) -> torch.Tensor:
    """Apply a two-pole filter several times, with the widths that make it Butterworth's."""
    for stage in range(max(sections)):
        rows = [index for index, count in enumerate(sections) if count > stage]
        # poles at equal angles on the circle; 1 / (2 cos) of each angle
        widths = [
            0.5 / math.cos(math.pi * (2 * stage + 1) / (4 * sections[index])) for index in rows
        ]
        q = torch.tensor(widths, dtype=torch.float64, device=waveform.device)
        if len(rows) == len(sections):
            waveform = function(waveform, sample_rate, cutoff_hz=cutoff_hz, q=q)
        else:
            index = torch.tensor(rows, device=waveform.device)
            done = function(waveform[index], sample_rate, cutoff_hz=cutoff_hz[index], q=q)
            waveform = waveform.index_copy(0, index, done)
    return waveform


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
        return cascade(effects.lowpass, waveform, sample_rate, cutoff_hz, sections)


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
        return cascade(effects.highpass, waveform, sample_rate, cutoff_hz, sections)


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
        for name, function in (("low", effects.highpass), ("high", effects.lowpass)):
            cutoff_hz = frequency(edges, name, waveform, sample_rate)
            waveform = cascade(function, waveform, sample_rate, cutoff_hz, sections)
        return waveform


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
        return effects.bandreject(waveform, sample_rate, center_hz=center_hz, q=q)


def _edges(params: Params) -> dict[str, float]:
    half = 2.0 ** (params["bandwidth_octaves"] / 2)
    return {"low": params["center_hz"] / half, "high": params["center_hz"] * half}


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
        return effects.equalizer(
            waveform,
            sample_rate,
            center_hz=frequency(params, "center_hz", waveform, sample_rate),
            gain_db=column(params, "gain_db", waveform),
            q=column(params, "q", waveform),
        )


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
        return effects.bass(
            waveform,
            sample_rate,
            gain_db=column(params, "gain_db", waveform),
            center_hz=frequency(params, "center_hz", waveform, sample_rate),
            q=column(params, "q", waveform),
        )


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
        return effects.treble(
            waveform,
            sample_rate,
            gain_db=column(params, "gain_db", waveform),
            center_hz=frequency(params, "center_hz", waveform, sample_rate),
            q=column(params, "q", waveform),
        )


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
        for band in range(7):
            # Each band leaves out the items whose sample rate has it not: all or none.
            if self.bands_hz[band] * 2 ** (1 / 3) > 0.49 * sample_rate:
                continue
            own = [
                {name: each[name][band] for name in ("gain_db", "center_hz", "q")}
                for each in params
            ]
            shape: dict[str, Any] = {
                "center_hz": frequency(own, "center_hz", waveform, sample_rate),
                "gain_db": column(own, "gain_db", waveform),
            }
            if band in (0, 6):
                shelf = effects.bass if band == 0 else effects.treble
                waveform = shelf(waveform, sample_rate, q=math.sqrt(0.5), **shape)
            else:
                width = column(own, "q", waveform)
                waveform = effects.equalizer(waveform, sample_rate, q=width, **shape)
        return waveform
