"""Compiled loops of packet-loss concealment, over rows: one row after the other.

A lost stretch is filled with the period before it, again and again. The last quarter of that period
is blended with what came a period earlier, in the received signal too: so the period joins itself,
and the fill joins the past. Reference: the idea of ITU-T G.711, appendix I, 1999.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["conceal", "find_period"]

Samples = NDArray[Any]
Integers = NDArray[np.int64]

#: Correlation from which a sound has a period, and by how much a shorter one may fit worse.
_VOICED, _ALIKE = 0.5, 0.05


@njit(error_model="numpy", nogil=True, cache=True)
def find_period(past: Samples, stop: int, least: int, most: int, window: int) -> int:
    """Return the lag of highest normalised correlation before `stop`; `most` where none is high."""
    window = min(window, stop - most)
    if window < least:
        return min(most, stop)
    energy = 0.0
    for n in range(stop - window, stop):
        energy += np.float64(past[n]) * past[n]
    scores = np.zeros(most + 1)
    for lag in range(least, most + 1):
        product = other = 0.0
        for n in range(stop - window, stop):
            product += np.float64(past[n]) * past[n - lag]
            other += np.float64(past[n - lag]) * past[n - lag]
        if energy * other > 0.0:
            scores[lag] = product / np.sqrt(energy * other)
    highest = scores.max()
    if highest < _VOICED:
        return most
    # Multiples of the period fit as well as the period: the first hill of nearly full height.
    lag = least
    while scores[lag] < highest - _ALIKE:
        lag += 1
    while lag < most and scores[lag + 1] > scores[lag]:
        lag += 1
    return lag


@njit(error_model="numpy", nogil=True, cache=True)
def conceal(y: Samples, lost: Samples, plan: Integers) -> None:
    """Replace lost packets of each row of `y`, in place.

    `plan` has a row for each: valid samples, packet, method (0 silence, 1 packet, 2 period), least
    and most lag, window, samples to hold, samples to fade, samples of the join back.
    """
    for r in range(y.shape[0]):
        row = y[r]
        end, packet, method, least, most, window = plan[r, 0:6]
        hold, fade, join = plan[r, 6:9]
        start = 0
        while start < end:
            index = start // packet
            if not lost[r, index]:
                start += packet
                continue
            stop = start
            while stop < end and lost[r, stop // packet]:
                stop += packet
            stop = min(stop, end)
            period = 0
            if method == 1:
                period = min(packet, start)
            elif method == 2 and start > 0:
                period = find_period(row, start, least, most, window)
            blend = min(period // 4, start - period)
            for j in range(blend):
                weight = (j + 1.0) / (blend + 1.0)
                n = start - blend + j
                row[n] = (1.0 - weight) * row[n] + weight * row[n - period]
            # The fill runs on into what is received again, and fades there.
            last = min(stop + join, end) if period else stop
            for n in range(start, last):
                gone = n - start
                level = min(1.0, max(0.0, 1.0 - (gone - hold) / max(fade, 1)))
                fill = level * row[start - period + gone % period] if period else 0.0
                if n < stop:
                    row[n] = fill
                else:
                    weight = (n - stop + 1.0) / (join + 1.0)
                    row[n] = (1.0 - weight) * fill + weight * row[n]
            start = stop
