"""What the augmentations are timed on: transforms that two or three libraries know, and a recipe.

Each job makes a transform of `audiolab.augment`, of audiomentations and of torch-audiomentations
with the same ranges, applied with certainty unless a recipe says otherwise. `Folders` holds sounds
and impulse responses as files, which is how the others take them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audiolab import augment
from audiolab.augment import Uniform

__all__ = ["JOBS", "RECIPE", "Folders", "Job"]


@dataclass(frozen=True)
class Folders:
    """Where the sounds lie.

    Parameters
    ----------
    sounds, responses
        Folders of WAVE files at 16 kHz.
    """

    sounds: Path
    responses: Path


#: From a library's module and the folders to a transform.
Make = Callable[[Any, Folders], Any]


@dataclass(frozen=True)
class Job:
    """One transform in three libraries.

    Parameters
    ----------
    name
        What the table calls it.
    ours
        Makes audiolab's.
    audiomentations, torch_audiomentations
        Make theirs, where they have it.
    note
        What differs.
    """

    name: str
    ours: Callable[[Folders], augment.Transform]
    audiomentations: Make | None = None
    torch_audiomentations: Make | None = None
    note: str = ""


#: Noise, a room, a level, an equaliser, and now and then another pitch: what speech is trained on.
RECIPE = Job(
    "recipe",
    lambda f: augment.Compose(
        [
            augment.PitchShift(semitones=Uniform(-4.0, 4.0), p=0.3),
            augment.ApplyImpulseResponse(source=f.responses),
            augment.AddBackgroundNoise(source=f.sounds, snr_db=Uniform(5.0, 20.0)),
            augment.SevenBandEqualizer(gain_db=Uniform(-12.0, 12.0)),
            augment.Gain(gain_db=Uniform(-12.0, 12.0)),
        ]
    ),
    lambda a, f: a.Compose(
        [
            a.PitchShift(-4.0, 4.0, p=0.3),
            a.ApplyImpulseResponse(f.responses, p=1.0),
            a.AddBackgroundNoise(f.sounds, 5.0, 20.0, p=1.0),
            a.SevenBandParametricEQ(-12.0, 12.0, p=1.0),
            a.Gain(-12.0, 12.0, p=1.0),
        ]
    ),
    lambda t, f: t.Compose(
        [
            t.PitchShift(-4.0, 4.0, p=0.3, sample_rate=16_000, output_type="dict"),
            t.ApplyImpulseResponse(f.responses, p=1.0, output_type="dict"),
            t.AddBackgroundNoise(f.sounds, 5.0, 20.0, p=1.0, output_type="dict"),
            t.BandStopFilter(p=1.0, output_type="dict"),
            t.Gain(-12.0, 12.0, p=1.0, output_type="dict"),
        ],
        output_type="dict",
    ),
    note="torch-audiomentations has no equaliser, a band-stop filter stands in; four pitches "
    "only. The quickest turns of one clip are those without a shift, everybody's.",
)

JOBS: tuple[Job, ...] = (
    Job(
        "background noise",
        lambda f: augment.AddBackgroundNoise(source=f.sounds, snr_db=Uniform(5.0, 20.0)),
        lambda a, f: a.AddBackgroundNoise(f.sounds, 5.0, 20.0, p=1.0),
        lambda t, f: t.AddBackgroundNoise(f.sounds, 5.0, 20.0, p=1.0, output_type="dict"),
        note="torch-audiomentations opens the file each time",
    ),
    Job(
        "short noises",
        lambda f: augment.AddShortNoises(source=f.sounds),
        lambda a, f: a.AddShortNoises(f.sounds, p=1.0),
    ),
    Job(
        "white noise",
        lambda f: augment.AddGaussianNoise(),
        lambda a, f: a.AddGaussianNoise(p=1.0),
    ),
    Job(
        "coloured noise",
        lambda f: augment.AddColoredNoise(snr_db=Uniform(5.0, 40.0)),
        lambda a, f: a.AddColorNoise(5.0, 40.0, p=1.0),
        lambda t, f: t.AddColoredNoise(5.0, 40.0, p=1.0, output_type="dict"),
    ),
    Job(
        "impulse response",
        lambda f: augment.ApplyImpulseResponse(source=f.responses),
        lambda a, f: a.ApplyImpulseResponse(f.responses, p=1.0),
        lambda t, f: t.ApplyImpulseResponse(f.responses, p=1.0, output_type="dict"),
        note="0.5 s; torch-audiomentations opens the file each time",
    ),
    Job(
        "simulated room",
        lambda f: augment.RoomSimulation(),
        lambda a, f: a.RoomSimulator(p=1.0),
        note="each library's default ranges",
    ),
    Job(
        "gain",
        lambda f: augment.Gain(gain_db=Uniform(-12.0, 12.0)),
        lambda a, f: a.Gain(-12.0, 12.0, p=1.0),
        lambda t, f: t.Gain(-12.0, 12.0, p=1.0, output_type="dict"),
    ),
    Job(
        "gain transition",
        lambda f: augment.GainTransition(),
        lambda a, f: a.GainTransition(p=1.0),
    ),
    Job(
        "polarity",
        lambda f: augment.PolarityInversion(),
        lambda a, f: a.PolarityInversion(p=1.0),
        lambda t, f: t.PolarityInversion(p=1.0, output_type="dict"),
    ),
    Job(
        "peak normalisation",
        lambda f: augment.NormalizePeak(level_db=0.0),
        lambda a, f: a.Normalize(p=1.0),
        lambda t, f: t.PeakNormalization(p=1.0, output_type="dict"),
    ),
    Job(
        "loudness normalisation",
        lambda f: augment.NormalizeLoudness(),
        lambda a, f: a.LoudnessNormalization(p=1.0),
    ),
    Job(
        "limiter",
        lambda f: augment.Limiter(),
        lambda a, f: a.Limiter(p=1.0),
    ),
    Job(
        "low-pass",
        lambda f: augment.LowPass(),
        lambda a, f: a.LowPassFilter(150.0, 7500.0, p=1.0),
        lambda t, f: t.LowPassFilter(p=1.0, output_type="dict"),
    ),
    Job(
        "high-pass",
        lambda f: augment.HighPass(),
        lambda a, f: a.HighPassFilter(p=1.0),
        lambda t, f: t.HighPassFilter(p=1.0, output_type="dict"),
    ),
    Job(
        "band-pass",
        lambda f: augment.BandPass(),
        lambda a, f: a.BandPassFilter(p=1.0),
        lambda t, f: t.BandPassFilter(p=1.0, output_type="dict"),
    ),
    Job(
        "band-stop",
        lambda f: augment.BandStop(),
        lambda a, f: a.BandStopFilter(p=1.0),
        lambda t, f: t.BandStopFilter(p=1.0, output_type="dict"),
    ),
    Job("low shelf", lambda f: augment.LowShelf(), lambda a, f: a.LowShelfFilter(p=1.0)),
    Job("high shelf", lambda f: augment.HighShelf(), lambda a, f: a.HighShelfFilter(p=1.0)),
    Job("peaking", lambda f: augment.Peaking(), lambda a, f: a.PeakingFilter(p=1.0)),
    Job(
        "seven-band equaliser",
        lambda f: augment.SevenBandEqualizer(),
        lambda a, f: a.SevenBandParametricEQ(p=1.0),
    ),
    Job(
        "pitch",
        lambda f: augment.PitchShift(semitones=Uniform(-4.0, 4.0)),
        lambda a, f: a.PitchShift(-4.0, 4.0, p=1.0),
        lambda t, f: t.PitchShift(-4.0, 4.0, p=1.0, sample_rate=16_000, output_type="dict"),
        note="torch-audiomentations has four pitches at 16 kHz",
    ),
    Job(
        "time stretch",
        lambda f: augment.TimeStretch(rate=Uniform(0.8, 1.25)),
        lambda a, f: a.TimeStretch(0.8, 1.25, leave_length_unchanged=False, p=1.0),
    ),
    Job(
        "shift",
        lambda f: augment.Shift(),
        lambda a, f: a.Shift(p=1.0),
        lambda t, f: t.Shift(p=1.0, output_type="dict"),
    ),
    Job(
        "reverse",
        lambda f: augment.Reverse(),
        lambda a, f: a.Reverse(p=1.0),
        lambda t, f: t.TimeInversion(p=1.0, output_type="dict"),
    ),
    Job(
        "splice out",
        lambda f: augment.SpliceOut(),
        None,
        lambda t, f: t.SpliceOut(p=1.0, output_type="dict"),
    ),
    Job("repeat part", lambda f: augment.RepeatPart(), lambda a, f: a.RepeatPart(p=1.0)),
    Job("trim", lambda f: augment.TrimSilence(), lambda a, f: a.Trim(p=1.0)),
    Job("pad", lambda f: augment.Pad(), lambda a, f: a.Padding(p=1.0)),
    Job(
        "duration",
        lambda f: augment.AdjustDuration(duration_s=3.0),
        lambda a, f: a.AdjustDuration(duration_seconds=3.0, p=1.0),
    ),
    Job("time mask", lambda f: augment.TimeMask(), lambda a, f: a.TimeMask(p=1.0)),
    Job("clipping", lambda f: augment.Clipping(), lambda a, f: a.ClippingDistortion(p=1.0)),
    Job("tanh", lambda f: augment.TanhDistortion(), lambda a, f: a.TanhDistortion(p=1.0)),
    Job("bit depth", lambda f: augment.BitCrush(), lambda a, f: a.BitCrush(p=1.0)),
    Job("aliasing", lambda f: augment.Aliasing(), lambda a, f: a.Aliasing(8000, 15_000, p=1.0)),
    Job(
        "air absorption",
        lambda f: augment.AirAbsorption(),
        lambda a, f: a.AirAbsorption(p=1.0),
    ),
    Job(
        "MP3",
        lambda f: augment.LossyCodec(codec="mp3"),
        lambda a, f: a.Mp3Compression(p=1.0),
    ),
)
