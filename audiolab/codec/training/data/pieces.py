"""Pieces: one utterance, song, piece of music or texture, as it lies in a rendered set.

The generators give sound with no level in particular. Here each gets what recordings have in
common: speech the emphasis of words and pauses between sentences, music a hall and the spectral
tilt of mixes, and all of it one level, no rumble, and ends that don't click.
"""

from __future__ import annotations

import numpy as np

from audiolab.codec.training.data import formants, music, orchestra, textures, voices
from audiolab.codec.training.data._dsp import (
    Samples,
    band_pass,
    convolve,
    high_pass,
    low_pass,
    raised_cosine,
)

__all__ = ["KINDS", "make_piece"]

#: Kinds of sound and their shares of the minutes. A kind's place says what its draws are seeded
#: with: new ones come last.
KINDS = {
    "speech": 0.5,
    "music": 0.24,
    "texture": 0.1,
    "formants": 0.04,
    "song": 0.07,
    "orchestra": 0.05,
}
#: RMS of each piece's louder half; training draws its own levels.
_LEVEL = 0.08
_SPOKEN = ("speech", "formants")


def make_piece(kind: str, rng: np.random.Generator, sample_rate: int) -> tuple[Samples, str]:
    """Make a piece.

    Parameters
    ----------
    kind : str
        One of `KINDS`. Without a speech synthesiser on the machine, ``"speech"`` is made like
        ``"formants"``.
    rng : numpy.random.Generator
        Source of randomness.
    sample_rate : int
        Sample rate in Hz.

    Returns
    -------
    samples : ndarray
        Shape ``(time,)``, within full scale; speech is followed by a pause.
    source : str
        ``"flite:"``, ``"espeak-ng:"`` or ``"audiolab:"`` and details.

    Raises
    ------
    ValueError
        If there is no such kind.

    Examples
    --------
    >>> import numpy as np
    >>> samples, source = make_piece("texture", np.random.default_rng(2), 24_000)
    >>> samples.size > 24_000, source.split(":")[0]
    (True, 'audiolab')
    """
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
    made, source = _make(kind, rng, sample_rate)
    made = _finish(made, rng, sample_rate)
    if kind in _SPOKEN:  # people stop between sentences, and don't speak equally loud
        made *= 10.0 ** (rng.uniform(-9.0, 0.0) / 20.0)
        pause = int(min(rng.exponential(0.35), 1.5) * sample_rate)
        made = np.concatenate([made, np.zeros(pause)])
    return made, source


def _make(kind: str, rng: np.random.Generator, rate: int) -> tuple[Samples, str]:
    if kind in _SPOKEN:
        spoken, voice = (
            voices.speak(rng, rate)
            if kind == "speech" and voices.installed_voices()
            else formants.speak_formants(rng, rate)
        )
        return _emphasise(spoken, rng, rate), voice
    duration_s = rng.uniform(4.0, 10.0)
    if kind == "music":
        return _colour(music.compose(rng, duration_s, rate), rng, rate), "audiolab:music"
    if kind == "song":
        singer = formants.draw_soloist(rng, rate)
        song = music.compose(rng, duration_s, rate, soloist=singer)
        return _colour(song, rng, rate), "audiolab:song"
    if kind == "orchestra":
        return _colour(orchestra.play(rng, duration_s, rate), rng, rate), "audiolab:orchestra"
    made, name = textures.texture(rng, duration_s, rate)
    return made, f"audiolab:{name}"


def _emphasise(spoken: Samples, rng: np.random.Generator, rate: int) -> Samples:
    """Let the voice rise and fall by some decibels from word to word and towards the end.

    Synthesisers speak at one level: their envelopes have a tenth of the power at 0.5 to 2 Hz that
    recorded speech has.
    """
    duration_s = spoken.size / rate
    knots = rng.normal(0.0, 4.0, max(3, int(3.0 * duration_s)))
    knots -= np.linspace(0.0, rng.uniform(0.0, 8.0), knots.size)
    place = np.linspace(0.0, knots.size - 1.0, spoken.size)
    # Cosine between knots: no corner for the ear or the codec.
    left = np.minimum(place.astype(int), knots.size - 2)
    blend = 0.5 - 0.5 * np.cos(np.pi * (place - left))
    gain_db = (1.0 - blend) * knots[left] + blend * knots[left + 1]
    emphasised: Samples = spoken * 10.0 ** (gain_db / 20.0)
    return emphasised


def _colour(made: Samples, rng: np.random.Generator, rate: int) -> Samples:
    """Put music into a hall, tilt it, drive it: each sometimes."""
    if rng.random() < 0.55:
        length = int(rng.uniform(0.15, 1.5) * rate)
        hall = rng.standard_normal(length) * np.exp(-6.9 * np.arange(length) / length)
        hall *= rng.uniform(0.02, 0.12)
        hall[0] = 1.0
        made = convolve(made, hall)
    if rng.random() < 0.5:
        low, high = rng.uniform(80, 1000), rng.uniform(1500, 8000)
        made = made + rng.uniform(-0.3, 0.9) * band_pass(made, low, high, rate, 1)
    # Mixes of recorded music fall by 4 to 6 dB an octave above some hundred hertz.
    if rng.random() < 0.85:
        corner = 10.0 ** rng.uniform(2.5, 3.5)
        made = low_pass(made, corner, rate, 1) + rng.uniform(0.0, 0.3) * made
    if rng.random() < 0.15:
        made = np.tanh(rng.uniform(1.5, 4.0) * made / (np.abs(made).max() + 1e-9))
    return made


def _finish(made: Samples, rng: np.random.Generator, rate: int) -> Samples:
    """Trim silent ends, take away rumble, bring to one level, and fade in and out."""
    made = high_pass(made, 20.0, rate, 2)
    loud = np.flatnonzero(np.abs(made) > 0.01 * np.abs(made).max())
    start = max(int(loud[0]) - int(rng.uniform(0.02, 0.1) * rate), 0)
    made = made[start : int(loud[-1]) + int(rng.uniform(0.05, 0.3) * rate)]
    power = np.square(made)
    louder = power[power >= np.median(power)].mean() / 2.0
    made = made * (_LEVEL / np.sqrt(louder + 1e-12))
    made = made * min(1.0, 0.95 / np.abs(made).max())
    edge = min(made.size // 4, int(0.008 * rate))
    ramp = raised_cosine(edge)
    made[:edge] *= ramp
    made[made.size - edge :] *= ramp[::-1]
    finished: Samples = made
    return finished
