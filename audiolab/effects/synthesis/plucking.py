"""A plucked string: a burst of noise that runs round a delay line and loses its edge.

K. Karplus and A. Strong, "Digital synthesis of plucked-string and drum timbres", Computer Music
Journal 7(2), 1983, with the tuning all-pass of D. Jaffe and J. Smith, "Extensions of the
Karplus-Strong plucked-string algorithm", same issue. SoX's ``pluck`` is of this family; its
internals are its own, and ours match it in pitch and character, not sample by sample.
"""

from __future__ import annotations

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray

from audiolab.effects.synthesis.generator import draw_uniform

__all__ = ["PluckedString"]


class PluckedString:
    """One string for each item of a batch, played on block by block.

    Parameters
    ----------
    frequency_hz : float
        Pitch, between 1 Hz and an eighth of the rate.
    sample_rate : float
        Rate in Hz.
    sustain : float
        0 dies away at once, 1 rings longest: the fundamental falls by ``4.3 / (0.054 + sustain)``
        dB a second, the rule that SoX's own strings follow.
    tone_1, tone_2 : float
        Brightness of the burst, 0 to 1: corners of its two low-passes, from 1.25 to 320 partials.
    states : Tensor
        Noise state of each item, ``(batch,)``; advanced in place.

    Raises
    ------
    ValueError
        If the pitch is out of range.
    """

    def __init__(
        self,
        frequency_hz: float,
        sample_rate: float,
        sustain: float,
        tone_1: float,
        tone_2: float,
        states: torch.Tensor,
    ) -> None:
        if not 1.0 <= frequency_hz <= sample_rate / 8:
            raise ValueError(
                f"pluck needs a frequency between 1 Hz and an eighth of the sample rate, "
                f"{sample_rate / 8:g} Hz, got {frequency_hz:g}"
            )
        period = sample_rate / frequency_hz
        # The two-point mean delays by half a sample, the all-pass by what is left, 0.1 to 1.1.
        self._length = int(period - 0.5 - 0.1)
        rest = period - 0.5 - self._length
        self._tuning = (1 - rest) / (1 + rest)
        self._loss = 10.0 ** (-4.3 / (0.054 + sustain) / 20 / frequency_hz)
        burst = draw_uniform(states, 1, self._length)[:, 0].numpy()
        self._line = _coloured(burst, (tone_1, tone_2))
        self._memory = np.zeros((len(states), 3))
        self._place = 0

    def play(self, num_samples: int) -> torch.Tensor:
        """Return the next samples of every string, ``(batch, num_samples)`` float64."""
        out = np.empty((len(self._line), num_samples))
        for item in range(len(self._line)):
            _ring(
                self._line[item],
                self._memory[item],
                self._place,
                self._tuning,
                self._loss,
                out[item],
            )
        self._place = (self._place + num_samples) % self._length
        return torch.from_numpy(out)


def _coloured(burst: NDArray[np.float64], tones: tuple[float, float]) -> NDArray[np.float64]:
    """Shape the burst's spectrum by two one-pole low-passes, without a mean, peak 1."""
    spectrum = np.fft.rfft(burst, axis=-1)
    partial = np.arange(spectrum.shape[-1])
    for tone in tones:
        corner = 20.0 * 2.0 ** (8.0 * tone - 4.0)
        spectrum *= 1 / np.sqrt(1 + (partial / corner) ** 2)
    spectrum[:, 0] = 0
    shaped = np.fft.irfft(spectrum, n=burst.shape[-1], axis=-1)
    peak = np.abs(shaped).max(axis=-1, keepdims=True) if shaped.size else np.ones((1, 1))
    return np.ascontiguousarray(shaped / np.where(peak > 0, peak, 1.0))


@njit(cache=True, nogil=True)
def _ring(
    line: NDArray[np.float64],
    memory: NDArray[np.float64],
    place: int,
    tuning: float,
    loss: float,
    out: NDArray[np.float64],
) -> None:
    for n in range(out.size):
        value = line[place]
        out[n] = value
        mean = 0.5 * (value + memory[0]) * loss
        memory[0] = value
        tuned = tuning * (mean - memory[2]) + memory[1]
        memory[1] = mean
        memory[2] = tuned
        line[place] = tuned
        place += 1
        if place == line.size:
            place = 0
