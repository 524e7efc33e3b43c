"""Instruments: each draw is a new patch, a function from pitch and length to samples.

Seven families, as different in spectrum and attack as real ones: sums of partials (pipes, bars,
bells, winds), plucked strings, frequency modulation, filtered saw teeth, string ensembles and
choirs of many detuned voices, and sung vowels. A patch keeps its character from note to note;
details of each note (phases, vibrato) are drawn anew.

Left out: models of real instruments, velocity layers, legato.

References
----------
J. Chowning, "The synthesis of complex audio spectra by means of frequency modulation", Journal of
the Audio Engineering Society 21(7), 1973. D. Klatt, "Software for a cascade/parallel formant
synthesizer", Journal of the Acoustical Society of America 67, 1980, doi:10.1121/1.383940.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from audiolab import signals
from audiolab.codec.training.data._dsp import Samples, all_pole, low_pass, resonance

__all__ = ["FAMILIES", "Instrument", "draw_instrument"]

#: Fundamental in Hz, number of samples -> samples.
Instrument = Callable[[float, int], Samples]

#: First formants of sung vowels in Hz; those above are shared.
_VOWELS = (
    (730.0, 1090.0, 2440.0),
    (530.0, 1840.0, 2480.0),
    (270.0, 2290.0, 3010.0),
    (570.0, 840.0, 2410.0),
    (300.0, 870.0, 2240.0),
    (440.0, 1020.0, 2240.0),
    (660.0, 1720.0, 2410.0),
    (490.0, 1350.0, 1690.0),
)
_UPPER_FORMANTS = (3400.0, 4500.0, 6200.0, 8300.0)


def draw_instrument(
    rng: np.random.Generator, sample_rate: int, family: str | None = None
) -> Instrument:
    """Draw a patch.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness, kept by the patch for its notes.
    sample_rate : int
        Sample rate in Hz.
    family : str, optional
        One of `FAMILIES`; drawn if left out.

    Returns
    -------
    callable
        Takes the fundamental in Hz and a number of samples, gives a note of that many samples that
        starts and ends at zero, with a peak of about 1.

    Raises
    ------
    ValueError
        If there is no such family.

    Examples
    --------
    >>> import numpy as np
    >>> note = draw_instrument(np.random.default_rng(0), 24_000, "choir")(220.0, 24_000)
    >>> note.shape, bool(abs(note).max() < 4.0)
    ((24000,), True)
    """
    if family is None:
        family = FAMILIES[int(rng.choice(len(FAMILIES), p=_SHARES))]
    if family not in _MAKERS:
        raise ValueError(f"family must be one of {', '.join(FAMILIES)}, got {family!r}")
    return _MAKERS[family](rng, sample_rate)


def envelope(
    num_samples: int,
    rate: int,
    *,
    attack_s: float,
    decay_s: float,
    sustain: float,
    release_s: float,
) -> Samples:
    """Return an attack towards 1, a decay towards `sustain`, and a release that ends at zero."""
    time = np.arange(num_samples) / rate
    rise = 0.5 - 0.5 * np.cos(np.pi * np.minimum(time / attack_s, 1.0))
    curve: Samples = rise * (sustain + (1.0 - sustain) * np.exp(-time / decay_s))
    release = min(max(int(release_s * rate), 1), num_samples)
    curve[num_samples - release :] *= np.linspace(1.0, 0.0, release)
    return curve


def _draw_envelope(
    rng: np.random.Generator, rate: int, sustains: tuple[float, ...]
) -> Callable[[int], Samples]:
    attack, decay = 10.0 ** rng.uniform(-2.7, -1.0), 10.0 ** rng.uniform(-0.7, 0.6)
    sustain, release = float(rng.choice(sustains)), rng.uniform(0.02, 0.15)
    return lambda num_samples: envelope(
        num_samples, rate, attack_s=attack, decay_s=decay, sustain=sustain, release_s=release
    )


def _turns(
    frequency_hz: float, num_samples: int, rate: int, rng: np.random.Generator, depth: float
) -> Samples:
    """Return the phase in turns, with vibrato that sets in and a pitch that wanders a little."""
    time = np.arange(num_samples) / rate
    vibrato = depth * np.sin(2.0 * np.pi * (rng.uniform(4.5, 6.8) * time + rng.random()))
    knots = np.cumsum(rng.standard_normal(max(3, int(8 * num_samples / rate)))) * 0.15 * depth
    drift = np.interp(time, np.linspace(0.0, time[-1] + 1e-9, knots.size), knots)
    swell = np.minimum(time / 0.3, 1.0)
    turns: Samples = np.cumsum(frequency_hz * (1.0 + swell * vibrato + drift)) / rate
    return turns + rng.random()


def _partials(rng: np.random.Generator, rate: int) -> Instrument:
    shape = _draw_envelope(rng, rate, (0.0, 0.0, 0.4, 0.8))
    depth = float(rng.choice([0.0, 0.0, 0.004, 0.008]))
    odd_only = rng.random() < 0.2
    stiffness = float(rng.choice([0.0, 0.0, 3e-4, 1e-3]))
    bell = rng.random() < 0.15
    tilt, damping = rng.uniform(0.6, 2.2), float(rng.choice([0.0, 0.3, 1.0, 2.0]))
    levels = rng.uniform(0.2, 1.0, 48)
    ratios = np.sort(rng.uniform(0.5, 9.0, 9)) if bell else np.arange(1.0, 49.0)

    def play(frequency_hz: float, num_samples: int) -> Samples:
        turns = _turns(frequency_hz, num_samples, rate, rng, depth)
        time = np.arange(num_samples) / rate
        note = np.zeros(num_samples)
        for number, ratio in enumerate(ratios):
            stretched = ratio * np.sqrt(1.0 + stiffness * ratio * ratio)
            if odd_only and not bell and number % 2 == 1:
                continue
            if frequency_hz * stretched > 0.47 * rate:
                break
            sine = np.sin(2.0 * np.pi * (stretched * turns + rng.random()))
            decay = np.exp(-damping * ratio * time) if damping else 1.0
            note += levels[number] * ratio**-tilt * decay * sine
        return note * shape(num_samples)

    return play


def _string(rng: np.random.Generator, rate: int) -> Instrument:
    decay, brightness = rng.uniform(0.6, 5.0), rng.uniform(0.1, 0.95)
    position, release = rng.uniform(0.06, 0.5), rng.uniform(0.02, 0.2)

    def play(frequency_hz: float, num_samples: int) -> Samples:
        while frequency_hz > rate / 16:  # an octave that the string can still play
            frequency_hz /= 2.0
        note = signals.pluck(
            frequency_hz,
            num_samples / rate,
            rate,
            decay_s=min(decay, 3.0 * (220.0 / frequency_hz)),
            brightness=brightness,
            position=position,
            amplitude=1.0,
            generator=int(rng.integers(1 << 31)),
        )
        ends = envelope(
            num_samples, rate, attack_s=0.0005, decay_s=1.0, sustain=1.0, release_s=release
        )
        plucked: Samples = note.double().numpy() * ends
        return plucked

    return play


def _modulated(rng: np.random.Generator, rate: int) -> Instrument:
    shape = _draw_envelope(rng, rate, (0.0, 0.0, 0.5))
    index, fall = rng.uniform(0.5, 8.0), 10.0 ** rng.uniform(-1.3, 0.3)
    ratio = float(rng.choice([0.5, 1.0, 1.0, 1.41, 2.0, 3.0, 3.5, 7.0]))

    def play(frequency_hz: float, num_samples: int) -> Samples:
        time = np.arange(num_samples) / rate
        # Carson's rule: side bands reach about (index + 1) times the modulator; keep them below
        # half the rate, where they would fold back.
        room = max((0.47 * rate / frequency_hz - 1.0) / ratio - 1.0, 0.0)
        depth = min(index, room) * np.exp(-time / fall)
        angle = 2.0 * np.pi * frequency_hz * time
        note: Samples = np.sin(angle + depth * np.sin(ratio * angle)) * shape(num_samples)
        return note

    return play


def _saw(turns: Samples, step: float) -> Samples:
    """Return a saw tooth whose jump is rounded over two samples (polyBLEP), so it hardly folds."""
    phase = turns % 1.0
    saw = 2.0 * phase - 1.0
    early = phase < step
    saw[early] += (1.0 - phase[early] / step) ** 2
    late = phase > 1.0 - step
    saw[late] -= (1.0 - (1.0 - phase[late]) / step) ** 2
    rounded: Samples = saw
    return rounded


def _analogue(rng: np.random.Generator, rate: int) -> Instrument:
    shape = _draw_envelope(rng, rate, (0.0, 0.3, 0.8))
    detune = [0.0, *rng.uniform(-0.008, 0.008, int(rng.integers(0, 4)))]
    cutoff, square = rng.uniform(2.0, 30.0), rng.random() < 0.35

    def play(frequency_hz: float, num_samples: int) -> Samples:
        note = np.zeros(num_samples)
        for offset in detune:
            turns = _turns(frequency_hz * (1.0 + offset), num_samples, rate, rng, 0.001)
            step = frequency_hz * (1.0 + offset) / rate
            note += _saw(turns, step) - (_saw(turns + 0.5, step) if square else 0.0)
        corner = min(0.45 * rate, frequency_hz * cutoff)
        filtered = low_pass(note, corner, rate, 2) * shape(num_samples)
        return filtered / float(np.sqrt(len(detune)))

    return play


def _ensemble(rng: np.random.Generator, rate: int) -> Instrument:
    """Bowed strings: many detuned saw teeth, each with its own vibrato, through a body."""
    players, spread = int(rng.integers(3, 9)), rng.uniform(0.002, 0.008)
    attack, release = rng.uniform(0.04, 0.4), rng.uniform(0.05, 0.4)
    bow, top = rng.uniform(0.0, 0.05), rng.uniform(2500.0, 9000.0)
    body = [(rng.uniform(200.0, 3000.0), rng.uniform(2.0, 6.0)) for _ in range(4)]

    def play(frequency_hz: float, num_samples: int) -> Samples:
        note = bow * rng.standard_normal(num_samples)
        for _ in range(players):
            pitch = frequency_hz * (1.0 + spread * rng.standard_normal())
            turns = _turns(pitch, num_samples, rate, rng, rng.uniform(0.001, 0.006))
            note += _saw(turns, pitch / rate) / np.sqrt(players)
        note = low_pass(note, top, rate, 1)
        for centre, quality in body:
            note = note + 0.7 * resonance(note, centre, quality, rate)
        ends = envelope(
            num_samples, rate, attack_s=attack, decay_s=1.0, sustain=1.0, release_s=release
        )
        bowed: Samples = 0.5 * note * ends
        return bowed

    return play


def _sung(
    frequency_hz: float,
    num_samples: int,
    rate: int,
    rng: np.random.Generator,
    formants: tuple[tuple[float, ...], tuple[float, ...]],
    breath: float,
) -> Samples:
    """Return a glottal pulse train through formants that glide from one vowel to another."""
    turns = _turns(frequency_hz, num_samples, rate, rng, rng.uniform(0.002, 0.012))
    phase = turns % 1.0
    flow = np.where(phase < 0.62, phase**2 * (0.62 - phase), 0.0)
    source = np.diff(flow, prepend=flow[0]) * rate / frequency_hz
    source = source + breath * rng.standard_normal(num_samples) * (0.3 + (phase > 0.5))
    mix = np.linspace(0.0, 1.0, num_samples)
    voiced = np.zeros(num_samples)
    for vowel, weight in zip(formants, (1.0 - mix, mix), strict=True):
        for number, centre in enumerate(vowel):
            if centre > 0.45 * rate:
                continue
            radius = float(np.exp(-np.pi * (60.0 + 0.05 * centre) / rate))
            poles = [1.0, -2.0 * radius * np.cos(2.0 * np.pi * centre / rate), radius**2]
            voiced += weight * 0.62**number * all_pole(source, 1.0 - radius, poles)
    return voiced


def _singer(rng: np.random.Generator, rate: int) -> Instrument:
    size, breath = rng.uniform(0.85, 1.3), rng.uniform(0.002, 0.04)

    def play(frequency_hz: float, num_samples: int) -> Samples:
        note = _sung(frequency_hz, num_samples, rate, rng, _two_vowels(rng, size), breath)
        return note * _soft_ends(num_samples, rate, rng) / (float(np.abs(note).max()) + 1e-9)

    return play


def _choir(rng: np.random.Generator, rate: int) -> Instrument:
    singers, breath = int(rng.integers(3, 7)), rng.uniform(0.005, 0.05)
    sizes = rng.uniform(0.85, 1.25, singers)

    def play(frequency_hz: float, num_samples: int) -> Samples:
        note, vowels = np.zeros(num_samples), rng.integers(len(_VOWELS), size=2)
        for size in sizes:
            pitch = frequency_hz * (1.0 + 0.006 * rng.standard_normal())
            pair = (_vowel(int(vowels[0]), size), _vowel(int(vowels[1]), size))
            note += _sung(pitch, num_samples, rate, rng, pair, breath)
        return note * _soft_ends(num_samples, rate, rng) / (float(np.abs(note).max()) + 1e-9)

    return play


def _vowel(number: int, size: float) -> tuple[float, ...]:
    return tuple(size * centre for centre in (*_VOWELS[number], *_UPPER_FORMANTS))


def _two_vowels(
    rng: np.random.Generator, size: float
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    first, second = rng.integers(len(_VOWELS), size=2)
    return _vowel(int(first), size), _vowel(int(second), size)


def _soft_ends(num_samples: int, rate: int, rng: np.random.Generator) -> Samples:
    attack, release = rng.uniform(0.03, 0.12), rng.uniform(0.05, 0.2)
    return envelope(num_samples, rate, attack_s=attack, decay_s=1.0, sustain=1.0, release_s=release)


_MAKERS: dict[str, Callable[[np.random.Generator, int], Instrument]] = {
    "partials": _partials,
    "string": _string,
    "modulated": _modulated,
    "analogue": _analogue,
    "ensemble": _ensemble,
    "singer": _singer,
    "choir": _choir,
}
#: Names of the families.
FAMILIES = tuple(_MAKERS)
_SHARES = (0.26, 0.18, 0.12, 0.12, 0.12, 0.12, 0.08)
