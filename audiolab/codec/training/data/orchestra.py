"""An orchestra: slow chords of many sections, each of many partials, that swell and fade.

What is hardest for a codec at a low rate, and rare in `music`: a hundred partials that hardly move,
close to one another up to several kilohertz.

Left out: melody, rhythm, and everything else that makes it music.
"""

from __future__ import annotations

import numpy as np

from audiolab.codec.training.data._dsp import Samples
from audiolab.codec.training.data.instruments import draw_instrument
from audiolab.units import midi_to_hz

__all__ = ["play"]

#: Semitones above the root, within three octaves.
_CHORDS = (
    (0, 7, 12, 16, 19, 24, 28),
    (0, 7, 12, 15, 19, 24, 27),
    (0, 7, 10, 16, 22, 24, 31),
    (0, 5, 12, 17, 21, 24, 29),
    (0, 8, 12, 15, 20, 24, 32),
    (0, 6, 9, 15, 18, 24, 27),
)
_SECTIONS = ("ensemble", "ensemble", "choir", "partials", "analogue", "ensemble")


def play(rng: np.random.Generator, duration_s: float, sample_rate: int) -> Samples:
    """Play chords.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    duration_s : float
        Duration in seconds.
    sample_rate : int
        Sample rate in Hz.

    Returns
    -------
    ndarray
        Samples, shape ``(time,)``, with no level in particular.

    Examples
    --------
    >>> import numpy as np
    >>> play(np.random.default_rng(0), 1.0, 24_000).shape
    (24000,)
    """
    num_samples = round(duration_s * sample_rate)
    mix = np.zeros(num_samples)
    count = int(rng.integers(3, len(_SECTIONS) + 1))
    names = rng.permutation(np.array(_SECTIONS))[:count]
    sections = [draw_instrument(rng, sample_rate, str(name)) for name in names]
    root, position = rng.uniform(33.0, 48.0), 0
    while position < num_samples:
        length = int(rng.uniform(0.8, 4.0) * sample_rate)
        chord = _CHORDS[int(rng.integers(len(_CHORDS)))]
        step = root + float(rng.choice([0, 0, 2, 4, 5, 7, 9]))
        swell = np.interp(np.arange(length), np.linspace(0, length, 4), rng.uniform(-9.0, 0.0, 4))
        tutti = np.zeros(length)
        for section in sections:
            for semitones in rng.choice(np.array(chord), size=3, replace=False):
                tutti += rng.uniform(0.3, 1.0) * section(
                    float(midi_to_hz(step + semitones)), length
                )
        stop = min(position + length, num_samples)
        mix[position:stop] += (tutti * 10.0 ** (swell / 20.0))[: stop - position]
        position += int(0.9 * length)
    return mix
