"""Pieces of music: a lead, chords, a bass and drums over a progression, drawn anew each time.

Enough of music for a codec to meet its problems: held tones that beat, sharp attacks over
sustained chords, voices over accompaniment, wide and narrow spectra. Tempo, key, scale, patches
and which parts play are random; notes are those of a major or minor scale.

Left out: form, swing, expression, mixing as a person would.
"""

from __future__ import annotations

import numpy as np

from audiolab.codec.training.data._dsp import Samples, high_pass
from audiolab.codec.training.data.instruments import Instrument, draw_instrument
from audiolab.units import midi_to_hz

__all__ = ["compose", "drum"]

_SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10))


def compose(
    rng: np.random.Generator,
    duration_s: float,
    sample_rate: int,
    *,
    soloist: Instrument | None = None,
) -> Samples:
    """Make a piece of music.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    duration_s : float
        Duration in seconds.
    sample_rate : int
        Sample rate in Hz.
    soloist : callable, optional
        Plays the lead, one note at a time, instead of an instrument that is drawn.

    Returns
    -------
    ndarray
        Samples, shape ``(time,)``, with no level in particular.

    Examples
    --------
    >>> import numpy as np
    >>> compose(np.random.default_rng(1), 2.0, 24_000).shape
    (48000,)
    """
    num_samples = round(duration_s * sample_rate)
    mix = np.zeros(num_samples)
    step_s = 30.0 / rng.uniform(60.0, 170.0)  # an eighth note
    root, scale = rng.uniform(36.0, 60.0), _SCALES[int(rng.integers(2))]
    lead, pad, bass = (draw_instrument(rng, sample_rate) for _ in range(3))
    has_lead, has_pad, has_bass, has_drums = rng.random(4) < (0.75, 0.55, 0.55, 0.45)
    if soloist is not None or not (has_lead or has_pad or has_bass or has_drums):
        has_lead = True
    drum_level = rng.uniform(0.2, 0.9)
    progression, voices = rng.integers(7, size=4), int(rng.integers(1, 3))
    if soloist is not None:
        lead, voices = soloist, 1

    def pitch(degree: int) -> float:
        return float(midi_to_hz(root + 12 * (degree // 7) + scale[degree % 7]))

    def steps(count: int) -> int:
        return max(int(count * step_s * sample_rate), 64)

    for number in range(int(duration_s / step_s) + 1):
        at = int(number * step_s * sample_rate)
        chord = int(progression[(number // 8) % 4])
        if has_lead and rng.random() < 0.6:
            for _ in range(voices):
                degree = chord + int(rng.choice([0, 2, 4, 7, 9, 11, 1])) + int(rng.choice([7, 14]))
                length = steps(int(rng.choice([1, 1, 2, 4])))
                _add(mix, at, rng.uniform(0.3, 1.0) * lead(pitch(degree), length))
        if has_pad and number % 8 == 0:
            for third in (0, 2, 4):
                _add(mix, at, 0.4 * pad(pitch(chord + third + 7), steps(8)))
        if has_bass and number % 2 == 0 and rng.random() < 0.7:
            _add(mix, at, 0.8 * bass(pitch(chord) / 2.0, steps(2)))
        if has_drums:
            _beat(mix, at, number, drum_level, rng, sample_rate)
    return mix


def _beat(
    mix: Samples, at: int, number: int, level: float, rng: np.random.Generator, rate: int
) -> None:
    if number % 4 == 0 or rng.random() < 0.1:
        _add(mix, at, level * drum("kick", rng, rate))
    if number % 4 == 2:
        _add(mix, at, 0.8 * level * drum("snare", rng, rate))
    if rng.random() < 0.6:
        _add(mix, at, 0.4 * level * drum("hat" if rng.random() < 0.7 else "bell", rng, rate))


def drum(kind: str, rng: np.random.Generator, sample_rate: int) -> Samples:
    """Strike a drum.

    Parameters
    ----------
    kind : {"kick", "snare", "hat", "bell"}
        A falling sine; noise with a tone; high-passed noise; partials out of tune.
    rng : numpy.random.Generator
        Source of randomness.
    sample_rate : int
        Sample rate in Hz.

    Returns
    -------
    ndarray
        A third of a second, shape ``(time,)``, that has died away at its end.

    Examples
    --------
    >>> import numpy as np
    >>> drum("kick", np.random.default_rng(0), 24_000).shape
    (8400,)
    """
    num_samples = int(0.35 * sample_rate)
    time = np.arange(num_samples) / sample_rate
    noise = rng.standard_normal(num_samples)
    if kind == "kick":
        high, low, fall = rng.uniform(90, 250), rng.uniform(35, 60), rng.uniform(0.02, 0.06)
        turns = np.cumsum(low + (high - low) * np.exp(-time / fall)) / sample_rate
        hit = np.sin(2.0 * np.pi * turns) * np.exp(-time / rng.uniform(0.05, 0.12))
        hit += rng.uniform(0.0, 0.3) * noise * np.exp(-time / 0.004)
    elif kind == "snare":
        rattle = high_pass(noise, rng.uniform(800, 2500), sample_rate, 2)
        hit = 0.6 * rattle * np.exp(-time / rng.uniform(0.03, 0.09))
        hit += 0.6 * np.sin(2.0 * np.pi * rng.uniform(160, 260) * time) * np.exp(-time / 0.05)
    elif kind == "hat":
        rattle = high_pass(noise, rng.uniform(4500, 8500), sample_rate, 4)
        hit = 0.5 * rattle * np.exp(-time / 10 ** rng.uniform(-1.8, -1.0))
    else:
        pitches, phases = rng.uniform(1500, 9000, 7), rng.random(7)
        waves = np.sin(2.0 * np.pi * (np.outer(pitches, time) + phases[:, None]))
        hit = 0.15 * waves.sum(0) * np.exp(-time / 10 ** rng.uniform(-1.3, -0.9))
    ends = np.ones(num_samples)
    ends[-sample_rate // 20 :] = np.linspace(1.0, 0.0, sample_rate // 20)
    ends[: sample_rate // 1000] = np.linspace(0.0, 1.0, sample_rate // 1000)
    struck: Samples = hit * ends
    return struck


def _add(mix: Samples, at: int, sound: Samples) -> None:
    length = min(sound.size, mix.size - at)
    if length > 0:
        mix[at : at + length] += sound[:length]
