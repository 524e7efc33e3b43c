"""Fewer bits, with the rounding error turned into noise.

Rounding to a coarser grid makes an error that follows the signal and is heard as distortion. Noise
of triangular distribution (TPDF), two steps of the grid wide, added before rounding, makes the
error's mean and power independent of the signal: S. P. Lipshitz, R. A. Wannamaker and
J. Vanderkooy, "Quantization and dither: a theoretical survey", JAES 40(5), 1992.
"""

from __future__ import annotations

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray

__all__ = ["Ditherer"]


class Ditherer:
    """Dither a batch to fewer bits, block by block, with SoX's arithmetic.

    Parameters
    ----------
    precision : int
        Bits to round to, 1 to 24.
    states : Tensor
        Noise state of each item, ``(batch,)``.
    num_channels : int
        Channels; each has a generator of its own.
    sloped : bool, default: False
        Noise that rises with frequency: the difference of successive uniform numbers.
    shaping : ndarray, optional
        Coefficients `c` of error feedback: ``v[n] = x[n] - sum c[k] e[n-1-k]``.
    """

    def __init__(
        self,
        precision: int,
        states: torch.Tensor,
        num_channels: int,
        *,
        sloped: bool = False,
        shaping: NDArray[np.float64] | None = None,
    ) -> None:
        self._precision, self._sloped = precision, sloped
        self._shaping = np.zeros(0) if shaping is None else np.asarray(shaping, dtype=np.float64)
        count = len(states)
        self._states = np.empty((count, num_channels), dtype=np.uint32)
        current = states.cpu().numpy().astype(np.uint64)
        # Channel k starts at the generator's state after k + 1 steps, plus k: as SoX seeds them.
        for channel in range(num_channels):
            current = (current * np.uint64(1664525) + np.uint64(1013904223)) % np.uint64(1 << 32)
            self._states[:, channel] = current + np.uint64(channel)
        self._previous = np.zeros((count, num_channels), dtype=np.int64)
        self._errors = np.zeros((count, num_channels, max(len(self._shaping), 1)))

    def dither(self, waveform: torch.Tensor) -> torch.Tensor:
        """Return the next block ``(batch, channels, time)`` on the coarser grid."""
        plain = not self._sloped and not self._shaping.size
        samples = waveform.detach().cpu().contiguous().numpy()
        if not plain or samples.dtype != np.float32:
            samples = samples.astype(np.float64, copy=False)
        out = np.empty_like(samples)
        for item in range(samples.shape[0]):
            for channel in range(samples.shape[1]):
                row, result = samples[item, channel], out[item, channel]
                state = self._states[item, channel : channel + 1]
                done = _dither_plain(row, self._precision, state, result) if plain else 0
                _dither(
                    row[done:],
                    self._precision,
                    self._sloped,
                    self._shaping,
                    state,
                    self._previous[item, channel : channel + 1],
                    self._errors[item, channel],
                    result[done:],
                )
        return torch.from_numpy(out).to(waveform)


def _leaps(count: int) -> NDArray[np.uint32]:
    """Return factor and summand that take the generator 1 to `count` steps ahead at once."""
    factor, summand, found = 1, 0, []
    for _ in range(count):
        factor, summand = factor * 1664525 % 2**32, (summand * 1664525 + 1013904223) % 2**32
        found.append((factor, summand))
    return np.array(found, dtype=np.uint32)


# Samples whose noise is drawn side by side: each takes two steps of the generator, and a step waits
# for the one before unless it leaps.
_LANES = 16
_LEAPS = _leaps(2 * _LANES)
_FIRST_FACTORS, _FIRST_SUMMANDS = (each.copy() for each in _LEAPS[0::2].T)
_SECOND_FACTORS, _SECOND_SUMMANDS = (each.copy() for each in _LEAPS[1::2].T)


@njit(cache=True, nogil=True)
def _dither_plain(
    samples: NDArray[np.floating],
    precision: int,
    state: NDArray[np.uint32],
    out: NDArray[np.floating],
) -> int:
    """Do what `_dither` does without slope and shaping, in vectors; return how many were done.

    What is left at the end is less than a vector.
    """
    x = state[0]
    shift = np.int32(precision)
    step = 2.0 ** (32 - precision)
    scale, unscale = 2147483648.0 / step, 1.0 / step
    high = 2.0 ** (precision - 1) - 1
    low = -(2.0 ** (precision - 1))
    whole = 1.0 / (high + 1)
    last = 2 * _LANES - 1
    factor, summand = np.uint32(_LEAPS[last, 0]), np.uint32(_LEAPS[last, 1])
    noise = np.empty(_LANES)
    done = samples.size // _LANES * _LANES
    for begin in range(0, done, _LANES):
        for k in range(_LANES):
            first = np.int32(np.uint32(np.uint32(x * _FIRST_FACTORS[k]) + _FIRST_SUMMANDS[k]))
            second = np.int32(np.uint32(np.uint32(x * _SECOND_FACTORS[k]) + _SECOND_SUMMANDS[k]))
            both = np.int32(np.int32(first >> shift) + np.int32(second >> shift))
            noise[k] = np.float64(both) * unscale
        for k in range(_LANES):
            # Powers of two only: the same to the bit as dividing at the end.
            value = np.float64(samples[begin + k]) * scale + noise[k]
            rounded = np.trunc(value + np.copysign(0.5, value))
            rounded = low if rounded < low else rounded
            rounded = high if rounded > high else rounded
            out[begin + k] = rounded * whole
        x = np.uint32(np.uint32(x * factor) + summand)
    state[0] = x
    return int(done)


@njit(cache=True, nogil=True)
def _dither(
    samples: NDArray[np.floating],
    precision: int,
    sloped: bool,
    shaping: NDArray[np.float64],
    state: NDArray[np.uint32],
    previous: NDArray[np.int64],
    errors: NDArray[np.float64],
    out: NDArray[np.floating],
) -> None:
    a, c = np.uint32(1664525), np.uint32(1013904223)
    x = state[0]
    before = previous[0]
    step = 2.0 ** (32 - precision)
    high = 2.0 ** (precision - 1) - 1
    low = -(2.0 ** (precision - 1))
    taps = shaping.size
    for n in range(samples.size):
        x = np.uint32(a * x + c)
        first = np.int64(np.int32(x))
        if sloped:
            noise = (first >> precision) - (before >> precision)
            before = first
        else:
            x = np.uint32(a * x + c)
            noise = (first >> precision) + (np.int64(np.int32(x)) >> precision)
        exact = samples[n] * 2147483648.0
        for k in range(taps):
            exact -= shaping[k] * errors[k]
        value = (exact + noise) / step
        rounded = np.floor(value + 0.5) if value >= 0 else np.ceil(value - 0.5)
        rounded = min(max(rounded, low), high)
        if taps:
            for k in range(taps - 1, 0, -1):
                errors[k] = errors[k - 1]
            errors[0] = rounded * step - exact
        out[n] = rounded / (high + 1)
    state[0] = x
    previous[0] = before
