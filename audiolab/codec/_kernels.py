"""Element-wise loops of the codec, compiled by numba, over time-major float32 arrays.

ELU is a third of a network's time in torch, since its ``expm1`` is not vectorised. Here
``exp(x) - 1`` is split as ``2^k e^r - 1`` with ``|r| <= ln(2) / 2`` and a polynomial of degree 7
for ``e^r - 1`` (Cephes' coefficients), which a compiler turns into vector instructions. The
absolute error is below 4e-8, less than that of torch's own.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from audiolab.codec._products import DEPTH, product, product_of_pairs, round_to_bfloat16

__all__ = [
    "add_affine",
    "affine",
    "affine_in_place",
    "elu",
    "elu_in_place",
    "lstm_cell",
    "lstm_layer",
    "moments",
    "pick_nearest",
]

# No re-association: results must not depend on how a loop is unrolled.
_MATHS = {"nnan", "ninf", "nsz", "contract", "arcp"}
_f = np.float32
_LOG2_E = _f(1.44269504)
# Adding and taking away 1.5 * 2^23 rounds to the nearest whole number.
_ROUND = _f(12582912.0)
_LN2_HIGH, _LN2_LOW = _f(0.693359375), _f(-2.12194440e-4)
_P0, _P1, _P2 = _f(1.9875691500e-4), _f(1.3981999507e-3), _f(8.3334519073e-3)
_P3, _P4, _P5 = _f(4.1665795894e-2), _f(1.6666665459e-1), _f(5.0000001201e-1)
_ZERO, _ONE = _f(0), _f(1)
# exp(-17.5) is below half the distance from 1 to the next float.
_LOWEST = _f(-17.5)


@njit(fastmath=_MATHS, error_model="numpy", inline="always")
def _elu(v):  # type: ignore[no-untyped-def]
    m = v if v < _ZERO else _ZERO
    m = m if m > _LOWEST else _LOWEST
    k = (m * _LOG2_E + _ROUND) - _ROUND
    r = m - k * _LN2_HIGH
    r = r - k * _LN2_LOW
    p = ((((_P0 * r + _P1) * r + _P2) * r + _P3) * r + _P4) * r + _P5
    p = p * r * r + r
    power = np.int32((np.int32(k) + np.int32(127)) << np.int32(23)).view(np.float32)
    e = p * power + (power - _ONE)
    return v if v > _ZERO else e


@njit(fastmath=_MATHS, error_model="numpy", nogil=True, cache=True)
def elu(x: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    """Write ``ELU(x)`` to `out`, both flat; they don't overlap."""
    for i in range(x.size):
        out[i] = _elu(x[i])


@njit(fastmath=_MATHS, error_model="numpy", nogil=True, cache=True)
def elu_in_place(x: NDArray[np.float32]) -> None:
    """Replace `x` by ``ELU(x)``: a loop of its own, since one that might overlap is no vector's."""
    for i in range(x.size):
        x[i] = _elu(x[i])


@njit(fastmath=_MATHS, error_model="numpy", nogil=True, cache=True)
def affine(
    x: NDArray[np.float32],
    gain: NDArray[np.float32],
    offset: NDArray[np.float32],
    out: NDArray[np.float32],
    activate: bool,
) -> None:
    """Write ``x * gain + offset``, or ELU of it, for each channel of ``(time, channels)``.

    The arrays don't overlap.
    """
    for t in range(x.shape[0]):
        if activate:
            for c in range(x.shape[1]):
                out[t, c] = _elu(x[t, c] * gain[c] + offset[c])
        else:
            for c in range(x.shape[1]):
                out[t, c] = x[t, c] * gain[c] + offset[c]


@njit(fastmath=_MATHS, error_model="numpy", nogil=True, cache=True)
def affine_in_place(
    x: NDArray[np.float32],
    gain: NDArray[np.float32],
    offset: NDArray[np.float32],
    activate: bool,
) -> None:
    """Do the same to `x` itself."""
    for t in range(x.shape[0]):
        if activate:
            for c in range(x.shape[1]):
                x[t, c] = _elu(x[t, c] * gain[c] + offset[c])
        else:
            for c in range(x.shape[1]):
                x[t, c] = x[t, c] * gain[c] + offset[c]


@njit(fastmath=_MATHS, error_model="numpy", nogil=True, cache=True)
def add_affine(
    x: NDArray[np.float32],
    x_gain: NDArray[np.float32],
    y: NDArray[np.float32],
    y_gain: NDArray[np.float32],
    offset: NDArray[np.float32],
    activate: bool,
) -> None:
    """Replace `x` by ``x * x_gain + y * y_gain + offset``, or ELU of it."""
    for t in range(x.shape[0]):
        if activate:
            for c in range(x.shape[1]):
                x[t, c] = _elu(x[t, c] * x_gain[c] + y[t, c] * y_gain[c] + offset[c])
        else:
            for c in range(x.shape[1]):
                x[t, c] = x[t, c] * x_gain[c] + y[t, c] * y_gain[c] + offset[c]


@njit(fastmath={"reassoc", "nnan", "ninf", "nsz", "contract"}, nogil=True, cache=True)
def moments(x: NDArray[np.float32]) -> tuple[float, float]:
    """Return mean and variance of a flat array, summed in float64 around a first guess."""
    shift = np.float64(x[0])
    total = 0.0
    squares = 0.0
    for i in range(x.size):
        d = np.float64(x[i]) - shift
        total += d
        squares += d * d
    mean = total / x.size
    return mean + shift, squares / x.size - mean * mean


@njit(fastmath=_MATHS, error_model="numpy", nogil=True, cache=True)
def lstm_cell(
    gates: NDArray[np.float32],
    cell: NDArray[np.float32],
    hidden: NDArray[np.float32],
) -> None:
    """Update cell and hidden state ``(batch, n)`` from the four gates ``(batch, 4 n)``."""
    n = cell.shape[1]
    for b in range(cell.shape[0]):
        for i in range(n):
            enter = _sigmoid(gates[b, i])
            keep = _sigmoid(gates[b, n + i])
            new = _tanh(gates[b, 2 * n + i])
            leave = _sigmoid(gates[b, 3 * n + i])
            state = keep * cell[b, i] + enter * new
            cell[b, i] = state
            hidden[b, i] = leave * _tanh(state)


@njit(fastmath=_MATHS, error_model="numpy", inline="always")
def _sigmoid(v):  # type: ignore[no-untyped-def]
    e = _elu(-abs(v)) + _ONE  # exp(-|v|)
    s = _ONE / (_ONE + e)
    return s if v >= _ZERO else e * s


@njit(fastmath=_MATHS, error_model="numpy", inline="always")
def _tanh(v):  # type: ignore[no-untyped-def]
    e = _elu(_f(-2) * abs(v))  # exp(-2 |v|) - 1
    t = -e / (_f(2) + e)
    return t if v >= _ZERO else -t


@njit(error_model="numpy", nogil=True, cache=True)
def lstm_layer(
    gates: NDArray[np.float32],
    weight: NDArray[np.float32],
    cell: NDArray[np.float32],
    hidden: NDArray[np.float32],
    out: NDArray[np.float32],
    pairs: bool,
) -> None:
    """Run signals through a layer: `gates` hold what the input adds, ``(time, batch, 4 n)``.

    One step reads the whole packed recurrent weight, so that its memory sets the pace of a single
    signal. `cell` ``(batch, n)`` and `hidden` ``(batch * n,)`` are updated; `out` is flat
    ``(time * batch * n,)``. With `pairs`, `weight` holds pairs of bfloat16, and what was put out is
    rounded to such before it goes round again.
    """
    time, batch, width = gates.shape
    n = width // 4
    flat = gates.reshape(-1)
    rounded = np.empty(batch * n if pairs else 0, np.uint16)
    for t in range(time):
        a, a_start = (hidden, 0) if t == 0 else (out, (t - 1) * batch * n)
        at = t * batch * width
        if pairs:
            round_to_bfloat16(a[a_start : a_start + batch * n], rounded)
            m = n // 2
            product_of_pairs(
                rounded, 0, m, batch, m, weight, flat, at, width, flat, at, width, width, m
            )
        else:
            product(a, a_start, n, batch, n, weight, flat, at, width, flat, at, width, width, n)
        now = out[t * batch * n : (t + 1) * batch * n].reshape(batch, n)
        lstm_cell(gates[t], cell, now)
    hidden[:] = out[(time - 1) * batch * n : time * batch * n]


@njit(error_model="numpy", nogil=True, cache=True)
def pick_nearest(
    residual: NDArray[np.float32],
    packed: NDArray[np.float32],
    offsets: NDArray[np.float32],
    entries: NDArray[np.float32],
    codes: NDArray[np.int64],
) -> None:
    """Set `codes` to the entry nearest to each row of `residual`, and take it away from the row.

    `packed` holds the entries ``(size, n)`` as `product` reads them, transposed, and `offsets` half
    of their energy below zero, so that the nearest one scores highest; the first among equals wins.
    """
    rows, n = residual.shape
    size = entries.shape[0]
    flat = residual.reshape(-1)
    # Scores of so many rows stay within the cache.
    at_once = min(rows, 64)
    scores = np.empty(at_once * size, np.float32)
    for begin in range(0, rows, at_once):
        some = min(at_once, rows - begin)
        product(
            flat, begin * n, n, some, n, packed, offsets, 0, 0, scores, 0, size, size, DEPTH
        )  # fmt: skip
        for r in range(some):
            row = scores[r * size : (r + 1) * size]
            best = row[0]
            for j in range(size):
                best = max(best, row[j])
            picked = 0
            while row[picked] != best:
                picked += 1
            codes[begin + r] = picked
            for k in range(n):
                residual[begin + r, k] -= entries[picked, k]
