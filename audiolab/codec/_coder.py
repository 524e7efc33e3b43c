"""The arithmetic coder's inner loops, compiled by numba: integers in, integers out.

The state is seven integers: both ends of the interval, the index of their top bit (-1: no bits
yet), the number of straddling bits taken out below it, the bits written or read, and the
decoder's own number. All fit 64 bits: a product of a frequency and a width stays below 2^49.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

#: Frequencies are counted out of two to this power.
PRECISION_BITS = 24

LOW, HIGH, TOP, PENDING, POSITION, CURRENT = range(6)

_UNIT = 1 << PRECISION_BITS


def new_state() -> NDArray[np.int64]:
    """Return the state before the first symbol."""
    state = np.zeros(6, dtype=np.int64)
    state[TOP] = -1
    return state


@njit(cache=True, nogil=True)
def increasing(rows: NDArray[np.int64]) -> bool:
    """Tell whether every row increases by two or more a symbol, from zero to at most ``2^24``."""
    for i in range(rows.shape[0]):
        last = 0
        for j in range(rows.shape[1]):
            if rows[i, j] - last < 2:
                return False
            last = rows[i, j]
        if last > _UNIT:
            return False
    return True


@njit(cache=True, nogil=True)
def _put(state: NDArray[np.int64], out: NDArray[np.uint8], bit: int) -> None:
    position = state[POSITION]
    if bit:
        out[position >> 3] |= np.uint8(1 << (position & 7))
    state[POSITION] = position + 1


@njit(cache=True, nogil=True)
def encode_intervals(
    bounds: NDArray[np.int64], state: NDArray[np.int64], out: NDArray[np.uint8]
) -> None:
    """Append symbols that are given by the start and stop of their frequencies."""
    low, high, top = state[LOW], state[HIGH], state[TOP]
    for i in range(len(bounds)):
        start, stop = bounds[i, 0], bounds[i, 1]
        while high - low + 1 < _UNIT:
            low, high, top = low << 1, (high << 1) | 1, top + 1
        width = high - low + 1
        high = low + (((stop - 1) * width) >> PRECISION_BITS)
        low = low + ((start * width + _UNIT - 1) >> PRECISION_BITS)
        while top >= 0 and (low >> top) == (high >> top):
            bit = low >> top
            _put(state, out, bit)
            while state[PENDING] > 0:
                _put(state, out, 1 - bit)
                state[PENDING] -= 1
            low, high, top = low - (bit << top), high - (bit << top), top - 1
        # 01... below 10...: the second bit will be the opposite of the first, once that is known.
        while top >= 1 and (low >> (top - 1)) == 1 and (high >> (top - 1)) == 2:
            half = 1 << (top - 1)
            low, high, top = low - half, high - half, top - 1
            state[PENDING] += 1
    state[LOW], state[HIGH], state[TOP] = low, high, top


@njit(cache=True, nogil=True)
def encode(
    symbols: NDArray[np.int64],
    rows: NDArray[np.int64],
    state: NDArray[np.int64],
    out: NDArray[np.uint8],
) -> None:
    """Append `symbols` to the zeroed bytes `out`, which must be long enough."""
    bounds = np.empty((len(symbols), 2), np.int64)
    for i in range(len(symbols)):
        row = rows[i if rows.shape[0] > 1 else 0]
        symbol = symbols[i]
        bounds[i, 0] = row[symbol - 1] if symbol > 0 else 0
        bounds[i, 1] = row[symbol]
    encode_intervals(bounds, state, out)


@njit(cache=True, nogil=True)
def flush(state: NDArray[np.int64], out: NDArray[np.uint8]) -> None:
    """Write the lower end of the interval, which every decoder can tell from all other messages."""
    low, top = state[LOW], state[TOP]
    first = True
    while top >= 0:
        bit = (low >> top) & 1
        _put(state, out, bit)
        if first:
            while state[PENDING] > 0:
                _put(state, out, 1 - bit)
                state[PENDING] -= 1
            first = False
        top -= 1
    state[LOW], state[HIGH], state[TOP] = 0, 0, -1


@njit(cache=True, nogil=True)
def decode(
    data: NDArray[np.uint8],
    rows: NDArray[np.int64],
    state: NDArray[np.int64],
    symbols: NDArray[np.int64],
) -> int:
    """Fill `symbols`; return how many could be read before the bits ended or named no symbol."""
    low, high, top, current = state[LOW], state[HIGH], state[TOP], state[CURRENT]
    num_bits = 8 * len(data)
    done = 0
    for i in range(len(symbols)):
        row = rows[i if rows.shape[0] > 1 else 0]
        short = False
        while high - low + 1 < _UNIT:
            position = state[POSITION]
            if position >= num_bits:
                short = True
                break
            bit = (np.int64(data[position >> 3]) >> (position & 7)) & 1
            state[POSITION] = position + 1
            low, high, current, top = low << 1, (high << 1) | 1, (current << 1) | bit, top + 1
        if short:
            break
        width = high - low + 1
        offset = current - low
        # The first symbol whose share ends at or above the number.
        left, right = 0, len(row) - 1
        while left < right:
            middle = (left + right) >> 1
            if ((row[middle] - 1) * width) >> PRECISION_BITS < offset:
                left = middle + 1
            else:
                right = middle
        start = row[left - 1] if left > 0 else 0
        lowest = (start * width + _UNIT - 1) >> PRECISION_BITS
        highest = ((row[left] - 1) * width) >> PRECISION_BITS
        if not lowest <= offset <= highest:
            break
        symbols[i] = left
        done += 1
        low, high = low + lowest, low + highest
        while top >= 0 and (low >> top) == (high >> top):
            bit = low >> top
            low, high, current = low - (bit << top), high - (bit << top), current - (bit << top)
            top -= 1
        while top >= 1 and (low >> (top - 1)) == 1 and (high >> (top - 1)) == 2:
            half = 1 << (top - 1)
            low, high, current, top = low - half, high - half, current - half, top - 1
    state[LOW], state[HIGH], state[TOP], state[CURRENT] = low, high, top, current
    return done
