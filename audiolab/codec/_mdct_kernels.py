"""Loops of the `mdct` backbone, compiled by numba, over ``(frames, channels)`` float32 arrays.

Each row is computed by itself, in one order: how a signal is cut into pieces changes no bit.

GELU needs ``erf``; Abramowitz and Stegun's formula 7.1.26 gives it to 1.5e-7 with one division and
one exponential, which a compiler turns into vector instructions.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from audiolab.codec._kernels import _elu

__all__ = ["depthwise", "gelu", "normalize_rows"]

# No estimated reciprocals (arcp): vectors get them and the rest of a loop doesn't, so that a number
# would depend on its place.
_MATHS = {"nnan", "ninf", "nsz", "contract"}
_f = np.float32
_ZERO, _HALF, _ONE = _f(0), _f(0.5), _f(1)
_ROOT_HALF = _f(0.70710678)
_P = _f(0.3275911)
_A1, _A2, _A3 = _f(0.254829592), _f(-0.284496736), _f(1.421413741)
_A4, _A5 = _f(-1.453152027), _f(1.061405429)


@njit(fastmath=_MATHS, error_model="numpy", nogil=True, cache=True)
def gelu(x: NDArray[np.float32]) -> None:
    """Replace the flat `x` by ``x (1 + erf(x / sqrt(2))) / 2``."""
    for i in range(x.size):
        v = x[i]
        z = abs(v) * _ROOT_HALF
        t = _ONE / (_ONE + _P * z)
        p = ((((_A5 * t + _A4) * t + _A3) * t + _A2) * t + _A1) * t
        tail = _HALF * p * (_elu(-z * z) + _ONE)  # of the normal distribution, beyond |v|
        x[i] = v * (tail if v < _ZERO else _ONE - tail)


# Sums may be taken apart to fill vectors: every row has one length, so in one way.
@njit(fastmath={*_MATHS, "reassoc"}, error_model="numpy", nogil=True, cache=True)
def normalize_rows(
    x: NDArray[np.float32],
    gain: NDArray[np.float32],
    offset: NDArray[np.float32],
    epsilon: np.float32,
) -> None:
    """Replace each row of `x` by its layer normalisation."""
    frames, channels = x.shape
    for t in range(frames):
        row = x[t]
        total = _ZERO
        for c in range(channels):
            total += row[c]
        mean = total / _f(channels)
        squares = _ZERO
        for c in range(channels):
            d = row[c] - mean
            squares += d * d
        scale = _ONE / np.sqrt(squares / _f(channels) + epsilon)
        for c in range(channels):
            row[c] = (row[c] - mean) * scale * gain[c] + offset[c]


@njit(fastmath=_MATHS, error_model="numpy", nogil=True, cache=True)
def depthwise(
    x: NDArray[np.float32],
    weight: NDArray[np.float32],
    bias: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None:
    """Write the convolution of each channel of `x` with its own taps ``(taps, channels)``."""
    taps, channels = weight.shape
    for t in range(out.shape[0]):
        row = out[t]
        row[:] = bias
        for k in range(taps):
            source, factors = x[t + k], weight[k]
            for c in range(channels):
                row[c] += source[c] * factors[c]
