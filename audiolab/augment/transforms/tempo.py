"""Faster, slower, higher, lower: time and pitch, together or apart.

The waveform and its clean twin are stretched as channels of one sound, cut at the same places.
Where the two differ already (noise came before), those places are found in both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar, Literal

import torch
from torch.nn.functional import pad

from audiolab.augment._fields import Amount, amount, option
from audiolab.augment._shared_fields import shared_last
from audiolab.augment.channels.clocks import clock_drift
from audiolab.augment.distributions import Uniform
from audiolab.augment.pitch_shift import pitch_shift
from audiolab.augment.single import TimeTransform, WaveformTransform
from audiolab.augment.targets import Piece, TimeMap
from audiolab.augment.time_stretch import stretched_length, time_stretch
from audiolab.augment.transform import Params
from audiolab.resample import output_length, resample

__all__ = ["ClockDrift", "PitchShift", "Speed", "TimeStretch"]

Engine = Literal["wsola", "phase_vocoder"]
Use = Literal["general", "speech", "music"]
ENGINES = ("wsola", "phase_vocoder")
USES = ("general", "speech", "music")


def fitted(items: list[torch.Tensor], maps: list[TimeMap]) -> list[torch.Tensor]:
    """Return items cut or filled up to the lengths that their maps have."""
    ends = [each.length for each in maps]
    return [pad(item, (0, end - item.shape[-1])) for item, end in zip(items, ends, strict=True)]


def scaled(length: int, factor: float, new_length: int, *, keep_length: bool) -> TimeMap:
    """Return the map of a time axis that runs faster by a factor."""
    total = length if keep_length else new_length
    return TimeMap((Piece(0, length, 0, 1.0 / factor),) if length else (), total)


@shared_last
@dataclass(frozen=True, kw_only=True)
class TimeStretch(TimeTransform):
    """Change the tempo and keep the pitch.

    Parameters
    ----------
    rate : float or Distribution, default: Uniform(0.8, 1.25)
        New tempo over old, 0.1 to 10; above 1 is faster and shorter.
    engine : {"wsola", "phase_vocoder"}, default: "wsola"
        As for `time_stretch`.
    use : {"general", "speech", "music"}, default: "general"
        As for `time_stretch`.
    keep_length : bool, default: False
        Whether the item is cut off or filled up with silence, so that its length stays.
    """

    rate: Amount = amount(Uniform(0.8, 1.25), low=0.1, high=10.0)
    engine: Engine = option("wsola", choices=ENGINES)
    use: Use = option("general", choices=USES)
    keep_length: bool = option(False, type=bool)

    name: ClassVar[str] = "time_stretch"

    def _time_map(self, item: torch.Tensor, sample_rate: int, params: Params) -> TimeMap:
        length, rate = item.shape[-1], float(params["rate"])
        new = int(stretched_length(length, rate))
        return scaled(length, rate, new, keep_length=self.keep_length)

    def _move(
        self, items: torch.Tensor, sample_rate: int, params: Sequence[Params], maps: list[TimeMap]
    ) -> list[torch.Tensor]:
        rates = torch.tensor([float(each["rate"]) for each in params], dtype=torch.float64)
        done = time_stretch(items, sample_rate, rates, engine=self.engine, use=self.use)
        return fitted(list(done), maps)


@shared_last
@dataclass(frozen=True, kw_only=True)
class Speed(TimeTransform):
    """Play faster or slower, pitch and all, by exact resampling.

    Parameters
    ----------
    factor : float or Distribution, default: Uniform(0.9, 1.1)
        New speed over old, 0.1 to 10; above 1 is faster, higher and shorter.
    keep_length : bool, default: False
        Whether the item is cut off or filled up with silence, so that its length stays.
    """

    factor: Amount = amount(Uniform(0.9, 1.1), low=0.1, high=10.0)
    keep_length: bool = option(False, type=bool)

    name: ClassVar[str] = "speed"

    def _ratio(self, params: Params) -> Fraction:
        # Ten-thousandths: nobody hears less, and filters of few phases are kept for all of them.
        return Fraction(round(float(params["factor"]) * 10_000), 10_000)

    def _time_map(self, item: torch.Tensor, sample_rate: int, params: Params) -> TimeMap:
        length, ratio = item.shape[-1], self._ratio(params)
        new = output_length(length, ratio, 1) if length else 0
        return scaled(length, float(ratio), new, keep_length=self.keep_length)

    def _move(
        self, items: torch.Tensor, sample_rate: int, params: Sequence[Params], maps: list[TimeMap]
    ) -> list[torch.Tensor]:
        if not items.shape[-1]:
            return list(items)
        ratios = [self._ratio(each) for each in params]
        # A channel at a time: how several are computed depends on how many there are.
        done = [
            torch.cat([resample(row, ratio, 1) for row in item.split(1)])
            for item, ratio in zip(items, ratios, strict=True)
        ]
        return fitted(done, maps)


@shared_last
@dataclass(frozen=True, kw_only=True)
class ClockDrift(TimeTransform):
    """Record with a clock that is off by parts per million; the length stays.

    Parameters
    ----------
    drift_ppm : float or Distribution, default: Uniform(-200, 200)
        How much too fast it plays, in millionths.
    """

    drift_ppm: Amount = amount(Uniform(-200.0, 200.0), low=-100_000.0, high=100_000.0)

    name: ClassVar[str] = "clock_drift"

    def _time_map(self, item: torch.Tensor, sample_rate: int, params: Params) -> TimeMap:
        factor = 1.0 + 1e-6 * float(params["drift_ppm"])
        return scaled(item.shape[-1], factor, item.shape[-1], keep_length=True)

    def _move(
        self, items: torch.Tensor, sample_rate: int, params: Sequence[Params], maps: list[TimeMap]
    ) -> list[torch.Tensor]:
        return list(clock_drift(items, [float(each["drift_ppm"]) for each in params]))


@shared_last
@dataclass(frozen=True, kw_only=True)
class PitchShift(WaveformTransform):
    """Change the pitch and keep the tempo and the length.

    Parameters
    ----------
    semitones : float or Distribution, default: Uniform(-4, 4)
        How far up, in semitones; fractions are fine, -36 to 36.
    engine : {"wsola", "phase_vocoder"}, default: "wsola"
        As for `time_stretch`.
    use : {"general", "speech", "music"}, default: "general"
        As for `time_stretch`.
    preserve_formants : bool, default: False
        Whether a voice keeps its vocal tract; with the phase vocoder only.
    """

    semitones: Amount = amount(Uniform(-4.0, 4.0), low=-36.0, high=36.0)
    engine: Engine = option("wsola", choices=ENGINES)
    use: Use = option("general", choices=USES)
    preserve_formants: bool = option(False, type=bool)

    name: ClassVar[str] = "pitch_shift"
    changes_clean: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.preserve_formants and self.engine == "wsola":
            raise ValueError("preserve_formants needs engine='phase_vocoder': WSOLA has no spectra")

    def _change(
        self,
        waveform: torch.Tensor,
        sample_rate: int,
        params: Sequence[Params],
        lengths: Sequence[int],
    ) -> torch.Tensor:
        semitones = torch.tensor([float(each["semitones"]) for each in params], dtype=torch.float64)
        return pitch_shift(
            waveform,
            sample_rate,
            semitones,
            engine=self.engine,
            use=self.use,
            preserve_formants=self.preserve_formants,
        )

    def _change_both(
        self,
        waveform: torch.Tensor,
        clean: torch.Tensor,
        sample_rate: int,
        params: Sequence[Params],
        lengths: Sequence[int],
    ) -> tuple[torch.Tensor, torch.Tensor]:
        both = torch.cat([waveform, clean], dim=1)
        done = self._change_lengths(both, sample_rate, params, lengths)
        channels = waveform.shape[1]
        return done[:, :channels].contiguous(), done[:, channels:].contiguous()
