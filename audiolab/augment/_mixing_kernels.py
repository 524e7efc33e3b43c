"""Compiled loops that fit noise to a length, measure energies and mix: one item after another.

Sums are float64, and each item's are computed by one thread in one order: an item's result is the
same to the bit alone, in any batch, and with any number of threads.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["energies", "fit", "mix"]

Samples = NDArray[Any]
Integers = NDArray[np.int64]
Doubles = NDArray[np.float64]

# Sums may be split over the lanes of a vector: the split depends on an item's length alone.
_SUMS = {"contract", "nsz", "reassoc"}


@njit(fastmath=_SUMS, error_model="numpy", nogil=True, cache=True)
def energies(x: Samples, ends: Integers, sums: Doubles) -> None:
    """Write the sum of squares of the first ``ends[i]`` samples of all channels of item i."""
    for i in range(x.shape[0]):
        total = 0.0
        for c in range(x.shape[1]):
            row = x[i, c]
            part = 0.0
            for n in range(ends[i]):
                value = np.float64(row[n])
                part += value * value
            total += part
        sums[i] = total


@njit(fastmath={"contract"}, error_model="numpy", nogil=True, cache=True)
def fit(y: Samples, noise: Samples, ends: Integers, plan: Integers) -> None:
    """Write noise of the right length: a crop, or a loop with equal-power joins.

    `plan` has a row an item: which noise, its valid samples, first sample, length of the join.
    """
    for i in range(y.shape[0]):
        source, available, start, join = plan[i, 0], plan[i, 1], plan[i, 2], plan[i, 3]
        stop = ends[i]
        period = available - join
        for c in range(y.shape[1]):
            row = noise[source, c if noise.shape[1] > 1 else 0]
            out = y[i, c]
            if start + stop <= available:
                part = row[start : start + stop]
                for n in range(stop):
                    out[n] = part[n]
                continue
            n, position = 0, start
            while n < stop and position < period:
                out[n] = row[position]
                n += 1
                position += 1
            position -= period
            while n < stop:
                while n < stop and position < join:
                    angle = 0.5 * math.pi * (position + 0.5) / join
                    out[n] = (
                        math.sin(angle) * row[position] + math.cos(angle) * (row[period + position])
                    )
                    n += 1
                    position += 1
                while n < stop and position < period:
                    out[n] = row[position]
                    n += 1
                    position += 1
                position = 0


# Products are rounded before they are added, as they are where the parts are returned too.
@njit(error_model="numpy", nogil=True, cache=True)
def mix(y: Samples, speech: Samples, ends: Integers, gains: Samples) -> None:
    """Replace noise in `y` by speech plus gain times noise, and what lies beyond by speech."""
    for i in range(y.shape[0]):
        gain = gains[i]
        for c in range(y.shape[1]):
            out, clean = y[i, c], speech[i, c]
            for n in range(ends[i]):
                out[n] = clean[n] + gain * out[n]
            for n in range(ends[i], y.shape[2]):
                out[n] = clean[n]
