"""Everything that ``stats`` counts in a channel, in one pass over its samples."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["COUNTS", "LEVELS", "count_samples"]

#: Places in the integer state: samples seen, bits set; then samples at the maximum, the length of
#: the run that is going on there, and the same for the minimum.
COUNTS = 6
#: Places in the float state: sum, sum of squares, smoothed power, its minimum and maximum; then the
#: maximum, the sum of the squares of its runs that have ended, and the same for the minimum.
LEVELS = 9


@njit(cache=True, nogil=True)
def count_samples(
    samples: NDArray[np.float64],
    decay: float,
    settled: int,
    counts: NDArray[np.int64],
    levels: NDArray[np.float64],
) -> None:
    """Go on counting with the next samples of a channel.

    Parameters
    ----------
    samples : ndarray
        Samples, ``(time,)``.
    decay : float
        Factor by which the smoothed power forgets, a sample.
    settled : int
        Samples before the smoothed power counts.
    counts, levels : ndarray
        State, changed in place.
    """
    seen, bits = counts[0], counts[1]
    total, power, smooth, low, high = levels[0], levels[1], levels[2], levels[3], levels[4]
    for n in range(samples.size):
        x = samples[n]
        square = x * x
        total += x
        power += square
        smooth = decay * smooth + (1.0 - decay) * square
        if seen >= settled:
            low = min(low, smooth)
            high = max(high, smooth)
        seen += 1
        word = np.floor(x * 2147483648.0 + 0.5)
        bits |= np.int64(min(max(word, -2147483648.0), 2147483647.0))
        for k in range(2):
            value = x if k == 0 else -x
            extreme = levels[5 + 2 * k]
            if value > extreme:
                levels[5 + 2 * k] = value
                levels[6 + 2 * k] = 0.0
                counts[2 + 2 * k] = 1
                counts[3 + 2 * k] = 1
            elif value == extreme:
                counts[2 + 2 * k] += 1
                counts[3 + 2 * k] += 1
            elif counts[3 + 2 * k]:
                levels[6 + 2 * k] += float(counts[3 + 2 * k]) ** 2
                counts[3 + 2 * k] = 0
    counts[0], counts[1] = seen, bits
    levels[0], levels[1], levels[2], levels[3], levels[4] = total, power, smooth, low, high
