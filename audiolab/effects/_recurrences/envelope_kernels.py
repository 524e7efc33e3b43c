"""Compiled loops of level followers: the average alone, and together with a curve of gains.

The curve needs a logarithm and an exponential a sample. Written out as polynomials, without calls
and branches, both become vector instructions: 2 ns a sample instead of 20. Their relative errors
stay below 1e-15.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["follow", "follow_and_map"]

Samples = NDArray[Any]
Doubles = NDArray[np.float64]

_MATHS = {"contract", "nsz"}
_BLOCK = 512

_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
_LOG2_E = 1.4426950408889634
# Adding and taking away 1.5 * 2**52 rounds to the nearest whole number.
_ROUND = 6755399441055744.0
_TWO_52 = 4503599627370496.0


@njit(fastmath=_MATHS, error_model="numpy")
def _log(v):  # type: ignore[no-untyped-def]
    """Logarithm of a positive normal number: exponent, and 2 artanh((m - 1) / (m + 1))."""
    bits = np.float64(v).view(np.int64)
    # A shift by the bits of sqrt(1/2) makes mantissas lie in [sqrt(1/2), sqrt(2)).
    moved = bits + np.int64(0x3FF0000000000000 - 0x3FE6A09E667F3BCD)
    # Exponents are positive: put into the mantissa of 2**52 they turn into a float.
    exponent = np.int64((moved >> np.int64(52)) | np.int64(0x4330000000000000))
    k = exponent.view(np.float64) - (_TWO_52 + 1023.0)
    mantissa = np.int64((moved & np.int64(0x000FFFFFFFFFFFFF)) + np.int64(0x3FE6A09E667F3BCD))
    m = mantissa.view(np.float64)
    s = (m - 1.0) / (m + 1.0)
    z = s * s
    p = 1.0 / 19.0 + z * (1.0 / 21.0 + z * (1.0 / 23.0))
    p = 1.0 / 13.0 + z * (1.0 / 15.0 + z * (1.0 / 17.0 + z * p))
    p = 1.0 / 7.0 + z * (1.0 / 9.0 + z * (1.0 / 11.0 + z * p))
    p = z * (1.0 / 3.0 + z * (1.0 / 5.0 + z * p))
    return k * _LN2_HIGH + (2.0 * s + (2.0 * s * p + k * _LN2_LOW))


@njit(fastmath=_MATHS, error_model="numpy")
def _exp(v):  # type: ignore[no-untyped-def]
    """Exponential, as ``2**k e**r`` with ``|r| <= ln(2) / 2``; saturates at 2**±1000."""
    scaled = min(max(v * _LOG2_E, -1000.0), 1000.0)
    shifted = scaled + _ROUND
    k = shifted - _ROUND
    r = min(max(v, -700.0), 700.0) - k * _LN2_HIGH
    r = r - k * _LN2_LOW
    p = 1.0 / 39916800.0 + r * (1.0 / 479001600.0 + r * (1.0 / 6227020800.0))
    p = 1.0 / 40320.0 + r * (1.0 / 362880.0 + r * (1.0 / 3628800.0 + r * p))
    p = 1.0 / 120.0 + r * (1.0 / 720.0 + r * (1.0 / 5040.0 + r * p))
    p = 1.0 + r * (1.0 + r * (0.5 + r * (1.0 / 6.0 + r * (1.0 / 24.0 + r * p))))
    # The whole number stands in the lowest bits of `shifted`.
    whole = np.float64(shifted).view(np.int64)
    power = np.int64((whole + np.int64(1023)) << np.int64(52))
    return p * power.view(np.float64)


@njit(fastmath=_MATHS, error_model="numpy", nogil=True, cache=True)
def follow(
    x: Samples, rise: Doubles, fall: Doubles, initial: Doubles, v: Samples, final: Doubles
) -> None:
    """Write the average of every row of ``(rows, time)``, and its last value."""
    for r in range(x.shape[0]):
        up, down = rise[r], fall[r]
        keep_up, keep_down = 1.0 - up, 1.0 - down
        last = initial[r]
        if up >= down:
            for n in range(x.shape[1]):
                level = np.float64(x[r, n])
                rose = keep_up * last + up * level
                fell = keep_down * last + down * level
                last = rose if rose > fell else fell
                v[r, n] = last
        else:
            for n in range(x.shape[1]):
                level = np.float64(x[r, n])
                rose = keep_up * last + up * level
                fell = keep_down * last + down * level
                last = rose if rose < fell else fell
                v[r, n] = last
        final[r] = last


@njit(fastmath=_MATHS, error_model="numpy", nogil=True, cache=True)
def follow_and_map(
    x: Samples,
    rise: Doubles,
    fall: Doubles,
    initial: Doubles,
    gain: Samples,
    final: Doubles,
    lines: Doubles,
) -> None:
    """Follow the largest magnitude over the channels of ``(rows, channels, time)``; write gains.

    `lines` is ``(pieces, 4)``: the natural logarithm of the level from which a piece holds,
    that of the gain there, and the coefficients of the square and the linear term above it. Below
    the first piece the gain is that of its start.
    """
    rows, channels, time = x.shape
    level = np.empty(_BLOCK)
    log_gain = np.empty(_BLOCK)
    for r in range(rows):
        up, down = rise[r], fall[r]
        keep_up, keep_down = 1.0 - up, 1.0 - down
        last = initial[r]
        for start in range(0, time, _BLOCK):
            count = min(_BLOCK, time - start)
            for i in range(count):
                level[i] = abs(np.float64(x[r, 0, start + i]))
            for c in range(1, channels):
                for i in range(count):
                    level[i] = max(level[i], abs(np.float64(x[r, c, start + i])))
            if up >= down:
                for i in range(count):
                    rose = keep_up * last + up * level[i]
                    fell = keep_down * last + down * level[i]
                    last = rose if rose > fell else fell
                    level[i] = last
            else:
                for i in range(count):
                    rose = keep_up * last + up * level[i]
                    fell = keep_down * last + down * level[i]
                    last = rose if rose < fell else fell
                    level[i] = last
            for i in range(count):
                # No level that matters is below 1e-300, the logarithm's least.
                level[i] = _log(max(level[i], 1e-300))
                log_gain[i] = lines[0, 1]
            for s in range(lines.shape[0]):
                from_level, from_gain = lines[s, 0], lines[s, 1]
                square, linear = lines[s, 2], lines[s, 3]
                for i in range(count):
                    above = level[i] - from_level
                    value = from_gain + above * (square * above + linear)
                    log_gain[i] = value if above > 0.0 else log_gain[i]
            for i in range(count):
                gain[r, start + i] = _exp(log_gain[i])
        final[r] = last
