"""The limiter's gain in one compiled loop: held, released and averaged while it is in the cache."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["limiting_gain"]

Samples = NDArray[np.float32] | NDArray[np.float64]
Doubles = NDArray[np.float64]


@njit(fastmath={"contract", "nsz"}, error_model="numpy", nogil=True, cache=True)
def limiting_gain(
    magnitude: Samples, ceiling: Doubles, fall: Doubles, gain: Samples, ahead: int
) -> None:
    """Write the gain of every row of ``(rows, time)``.

    The maximum of a window is that of what it has of two blocks of its length, the end of one and
    the start of the next: two passes, whatever the window.
    """
    rows, time = magnitude.shape
    size = ahead + 1
    padded = -(-(time + 2 * ahead) // size) * size
    ends, starts = np.zeros(padded), np.zeros(padded)
    total = np.empty(time + size)
    for r in range(rows):
        highest = ceiling[r]
        for n in range(time):
            level = np.float64(magnitude[r, n])
            starts[ahead + n] = 0.0 if level <= highest else 1.0 - highest / level
        starts[:ahead], starts[ahead + time :] = 0.0, 0.0
        for first in range(0, padded, size):
            last = first + size - 1
            ends[last] = starts[last]
            for i in range(last - 1, first - 1, -1):
                ends[i] = starts[i] if starts[i] > ends[i + 1] else ends[i + 1]
            for i in range(first + 1, last + 1):
                starts[i] = starts[i] if starts[i] > starts[i - 1] else starts[i - 1]
        keep, last_value, running = 1.0 - fall[r], 0.0, 0.0
        total[0] = 0.0
        for j in range(time + ahead):
            held = ends[j] if ends[j] > starts[j + ahead] else starts[j + ahead]
            fallen = keep * last_value + fall[r] * held
            last_value = held if held > fallen else fallen
            running += last_value
            total[j + 1] = running
        for n in range(time):
            gain[r, n] = 1.0 - (total[n + size] - total[n]) / size
