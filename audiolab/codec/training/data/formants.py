r"""Speech-like sound that needs no program: syllables without words, by formant waves.

Each glottal pulse sets off one damped sine a formant,

.. math:: s(t) = e^{-\pi b t} \sin(2\pi f t + \phi), \quad t \ge 0,

whose attack is smoothed over a millisecond; summed over pulses this is what Rodet calls
formant-wave functions. Formants glide from phone to phone, pitch falls over an utterance and rises
at stresses, and consonants are shaped noise: hissing ones, bursts after a closure, and nasals,
which are vowels with most of the upper formants gone.

It has what a codec must learn of speech (pitch pulses, moving resonances, frication, closures,
pauses), and can't be understood. `voices` is better where its programs are installed.

References
----------
X. Rodet, "Time-domain formant-wave-function synthesis", Computer Music Journal 8(3), 1984,
doi:10.2307/3679809. G. E. Peterson and H. L. Barney, "Control methods used in a study of the
vowels", Journal of the Acoustical Society of America 24(2), 1952, doi:10.1121/1.1906875.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from audiolab.codec.training.data._dsp import Samples, band_pass, raised_cosine
from audiolab.codec.training.data.instruments import Instrument

__all__ = ["draw_soloist", "speak_formants"]


#: First three formants of ten vowels in Hz, near Peterson and Barney's means of men.
_VOWELS = np.array(
    [
        (270, 2290, 3010),
        (390, 1990, 2550),
        (530, 1840, 2480),
        (660, 1720, 2410),
        (730, 1090, 2440),
        (570, 840, 2410),
        (440, 1020, 2240),
        (300, 870, 2240),
        (640, 1190, 2390),
        (490, 1350, 1690),
    ],
    dtype=np.float64,
)
_UPPER = np.array([3400.0, 4400.0, 5600.0, 7200.0])
#: The first entry is that of the fundamental.
_BANDWIDTHS = np.array([60.0, 70.0, 90.0, 130.0, 200.0, 260.0, 340.0, 450.0])
_LEVELS = np.array([0.5, 1.0, 0.55, 0.3, 0.18, 0.1, 0.06, 0.04])
#: Low and high edge of hissing consonants in Hz, and their level.
_HISSES = (
    (4200.0, 9500.0, 0.5),
    (2200.0, 7000.0, 0.45),
    (1500.0, 9000.0, 0.12),
    (700.0, 6000.0, 0.1),
)


@dataclass(frozen=True)
class _Phone:
    duration_s: float
    formants: Samples  # three, in Hz
    voicing: float
    nasal: bool = False
    hiss: tuple[float, float, float] | None = None


def speak_formants(rng: np.random.Generator, sample_rate: int) -> tuple[Samples, str]:
    """Utter syllables that mean nothing.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    sample_rate : int
        Sample rate in Hz.

    Returns
    -------
    samples : ndarray
        Some seconds, shape ``(time,)``, with a peak of 1.
    voice : str
        ``"audiolab:formants"``.

    Examples
    --------
    >>> import numpy as np
    >>> samples, voice = speak_formants(np.random.default_rng(0), 24_000)
    >>> samples.size > 24_000, voice
    (True, 'audiolab:formants')
    """
    size = rng.uniform(0.92, 1.32)  # of the vocal tract: below 1 longer than a man's
    pitch = rng.uniform(85.0, 140.0) * size**2.2
    phones = _plan(rng, size)
    duration_s = sum(phone.duration_s for phone in phones)
    knots = np.arange(0.0, duration_s + 0.25, 0.25)
    fall = 1.15 - 0.3 * knots / duration_s
    contour = _Contour(knots, pitch * fall * np.exp(rng.normal(0.0, 0.09, knots.size)), 0.008)
    samples = _utter(phones, contour, size, sample_rate, rng)
    return samples / np.abs(samples).max(), "audiolab:formants"


def draw_soloist(rng: np.random.Generator, sample_rate: int) -> Instrument:
    """Draw a singer who sings a syllable on each note.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness, kept for the notes.
    sample_rate : int
        Sample rate in Hz.

    Returns
    -------
    callable
        As `instruments.draw_instrument` returns; sings in its own octaves.

    Examples
    --------
    >>> import numpy as np
    >>> draw_soloist(np.random.default_rng(0), 24_000)(220.0, 12_000).shape
    (12000,)
    """
    size = rng.uniform(0.92, 1.32)
    lowest = 75.0 * size**2.2  # of a range of two octaves
    depth, rate_hz = rng.uniform(0.0, 0.012), rng.uniform(4.5, 6.5)

    def sing(frequency_hz: float, num_samples: int) -> Samples:
        while frequency_hz > 4.0 * lowest:
            frequency_hz /= 2.0
        while frequency_hz < lowest:
            frequency_hz *= 2.0
        duration_s = num_samples / sample_rate
        start = _consonant(rng, size, 0.8) if rng.random() < 0.8 else []
        left = max(duration_s - sum(phone.duration_s for phone in start) - 0.03, 0.03)
        first, second = rng.integers(len(_VOWELS), size=2)
        vowels = [
            _Phone(0.6 * left, size * _VOWELS[first], 1.0),
            _Phone(0.4 * left, size * _VOWELS[second if rng.random() < 0.4 else first], 0.8),
        ]
        phones = [*start, *vowels, _Phone(0.03, size * _VOWELS[6], 0.0)]
        knots = np.arange(0.0, duration_s + 0.02, 0.02)
        swell = np.minimum(knots / 0.3, 1.0)
        vibrato = depth * swell * np.sin(2.0 * np.pi * rate_hz * knots)
        scoop = 1.0 - rng.uniform(0.0, 0.06) * np.exp(-knots / 0.05)
        contour = _Contour(knots, frequency_hz * scoop * (1.0 + vibrato), 0.003)
        note = _utter(phones, contour, size, sample_rate, rng)
        note = np.pad(note, (0, max(num_samples - note.size, 0)))[:num_samples]
        return note / (float(np.abs(note).max()) + 1e-9)

    return sing


@dataclass(frozen=True)
class _Contour:
    """Pitch over time, and how unsteady it is from pulse to pulse."""

    times_s: Samples
    pitches_hz: Samples
    jitter: float


def _utter(
    phones: list[_Phone], contour: _Contour, size: float, rate: int, rng: np.random.Generator
) -> Samples:
    ends = np.cumsum([phone.duration_s for phone in phones])
    num_samples = round(float(ends[-1]) * rate)
    voiced = _voice(phones, ends, contour, size, num_samples, rate, rng)
    hissed = _hiss(phones, ends, num_samples, rate, rng)
    return voiced / (float(np.abs(voiced).max()) + 1e-9) + rng.uniform(0.3, 0.9) * hissed


def _plan(rng: np.random.Generator, size: float) -> list[_Phone]:
    """Return syllables: a consonant or two, a vowel that may glide, perhaps an end."""
    phones = [_Phone(0.05, size * _VOWELS[6], 0.0)]
    for _ in range(int(rng.integers(8, 20))):
        if rng.random() < 0.1:
            phones.append(_Phone(rng.uniform(0.1, 0.5), size * _VOWELS[6], 0.0))
        pace = rng.uniform(0.75, 1.3)
        phones.extend(_consonant(rng, size, pace))
        start, stop = rng.integers(len(_VOWELS), size=2)
        phones.append(_Phone(pace * rng.uniform(0.07, 0.16), size * _VOWELS[start], 1.0))
        if rng.random() < 0.4:
            phones.append(_Phone(pace * rng.uniform(0.05, 0.1), size * _VOWELS[stop], 0.9))
        if rng.random() < 0.35:
            phones.extend(_consonant(rng, size, pace))
    phones.append(_Phone(0.06, size * _VOWELS[6], 0.0))
    return phones


def _consonant(rng: np.random.Generator, size: float, pace: float) -> list[_Phone]:
    locus = size * np.array([300.0, rng.uniform(800.0, 2200.0), 2500.0])
    kind = rng.random()
    low, high, level = _HISSES[int(rng.integers(len(_HISSES)))]
    band = (low * size**0.5, high, level)
    if kind < 0.3:  # fricative, voiced or not
        voicing = float(rng.choice([0.0, 0.0, 0.25]))
        return [_Phone(pace * rng.uniform(0.06, 0.14), locus, voicing, hiss=band)]
    if kind < 0.62:  # closure, then a burst
        closure = _Phone(pace * rng.uniform(0.03, 0.08), locus, float(rng.choice([0.0, 0.06])))
        burst = (low * size**0.5, high, level * rng.uniform(1.0, 2.0))
        return [closure, _Phone(pace * rng.uniform(0.008, 0.045), locus, 0.0, hiss=burst)]
    if kind < 0.85:
        nasal = size * np.array([260.0, rng.uniform(1000.0, 2000.0), 2400.0])
        return [_Phone(pace * rng.uniform(0.04, 0.09), nasal, 0.5, nasal=True)]
    return [_Phone(pace * rng.uniform(0.04, 0.08), locus, 0.6)]  # a glide or a liquid


def _voice(
    phones: list[_Phone],
    ends: Samples,
    contour: _Contour,
    size: float,
    num_samples: int,
    rate: int,
    rng: np.random.Generator,
) -> Samples:
    """Return the sum of formant waves over all glottal pulses."""
    middles = ends - [0.5 * phone.duration_s for phone in phones]
    times, now = [], 0.5 / float(contour.pitches_hz[0])
    while now < num_samples / rate:
        times.append(now)
        jitter = 1.0 + contour.jitter * rng.standard_normal()
        now += jitter / float(np.interp(now, contour.times_s, contour.pitches_hz))
    at = np.array(times)
    pitches = np.interp(at, contour.times_s, contour.pitches_hz)
    tracks = np.array([np.append(phone.formants, size * _UPPER) for phone in phones])
    formants = np.stack([np.interp(at, middles, track) for track in tracks.T], axis=1)
    # A voice always has its fundamental, and a first formant is never below it.
    formants[:, 0] = np.maximum(formants[:, 0], pitches)
    formants = np.column_stack([pitches, formants])
    voicing = np.interp(at, middles, [phone.voicing for phone in phones])
    damped = np.interp(at, middles, [float(phone.nasal) for phone in phones])
    shimmer = 1.0 + 0.04 * rng.standard_normal(at.size)
    tilt = rng.uniform(0.6, 1.5)
    length = round(0.025 * rate)
    local = np.arange(length) / rate
    attack = 0.5 - 0.5 * np.cos(np.pi * np.minimum(local / 0.001, 1.0))
    voiced = np.zeros(num_samples + length)
    start = (at * rate).astype(int)
    inside = at * rate - start  # pulses fall between samples: pitch must not be rounded
    for number in range(formants.shape[1]):
        centre = formants[:, number, None]
        width = _BANDWIDTHS[number] * (1.0 + 0.3 * damped[:, None])
        level = _LEVELS[number] ** tilt * voicing * shimmer
        if number > 1:
            level = level * (1.0 - 0.75 * damped)
        shifted = np.maximum(local - inside[:, None] / rate, 0.0)
        wave = np.exp(-np.pi * width * shifted) * np.sin(2.0 * np.pi * centre * shifted)
        wave *= level[:, None] * attack * (centre < 0.46 * rate)
        np.add.at(voiced, start[:, None] + np.arange(length), wave)
    return voiced[:num_samples]


def _hiss(
    phones: list[_Phone], ends: Samples, num_samples: int, rate: int, rng: np.random.Generator
) -> Samples:
    mix = np.zeros(num_samples)
    for phone, end_s in zip(phones, ends, strict=True):
        if phone.hiss is None:
            continue
        low, high, level = phone.hiss
        margin = int(0.006 * rate)
        start = max(int((end_s - phone.duration_s) * rate) - margin, 0)
        stop = min(int(end_s * rate) + margin, num_samples)
        noise = rng.standard_normal(stop - start)
        noise = band_pass(noise, low, min(high, 0.46 * rate), rate, 2)
        ramp = min(2 * margin, noise.size // 2)
        shape = np.ones(noise.size)
        shape[:ramp] = raised_cosine(ramp)
        shape[noise.size - ramp :] = shape[:ramp][::-1]
        mix[start:stop] += level * noise * shape
    return mix
