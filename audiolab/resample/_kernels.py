"""Polyphase filtering in compiled loops: 4 neighbouring outputs of 3 streams at a time.

A load from memory costs a processor as much as a multiplication, and a sum of products needs two
loads for each. So 12 sums grow side by side, 4 sets of coefficients times 3 stretches of signal:
7 loads for 12 products, in the 16 registers that AVX2 has. numba's compiler makes vectors of the
inner loop; on an EPYC core that gives 43 to 48 thousand million products a second.

Streams that are not there (the last of a number that 3 does not divide) repeat the one before, and
all outputs take the same path: neither the number of threads, nor the place in the batch, nor the
chunks of a stream change a bit.

Compiled at the first use in about 3 s, and kept on disk from then on (numba's ``cache``).
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["copy", "filter_drifting", "filter_phases"]

Samples = NDArray[np.float32] | NDArray[np.float64]

# Sums may be taken in any order, or there are no vectors; NaN and infinity stay what they are.
_MATHS = {"reassoc", "contract", "nsz"}


@njit(fastmath=_MATHS, error_model="numpy", inline="always")
def _twelve(h, v0, v1, v2, zero):  # type: ignore[no-untyped-def]
    """Sum the products of each of 4 rows of `h` with each of 3 stretches."""
    h0, h1, h2, h3 = h[0], h[1], h[2], h[3]
    a0 = a1 = a2 = b0 = b1 = b2 = zero
    c0 = c1 = c2 = d0 = d1 = d2 = zero
    for j in range(h.shape[1]):
        a, b, c, d = h0[j], h1[j], h2[j], h3[j]
        x0, x1, x2 = v0[j], v1[j], v2[j]
        a0 += a * x0
        a1 += a * x1
        a2 += a * x2
        b0 += b * x0
        b1 += b * x1
        b2 += b * x2
        c0 += c * x0
        c1 += c * x1
        c2 += c * x2
        d0 += d * x0
        d1 += d * x1
        d2 += d * x2
    return (a0, b0, c0, d0), (a1, b1, c1, d1), (a2, b2, c2, d2)


@njit(fastmath=_MATHS, error_model="numpy", inline="always")
def _window(x, row, num_samples, begin, span, spare):  # type: ignore[no-untyped-def]
    """Return samples `begin` to ``begin + span`` of a row, zeros where it has none."""
    if begin >= 0 and begin + span <= num_samples:
        place = row * num_samples + begin
        return x[place : place + span]
    low = min(max(0, -begin), span)
    high = max(low, min(span, num_samples - begin))
    spare[:low] = 0
    for j in range(low, high):
        spare[j] = x[row * num_samples + begin + j]
    spare[high:] = 0
    return spare


@njit(fastmath=_MATHS, error_model="numpy", inline="always")
def _store(y, place, low, high, four):  # type: ignore[no-untyped-def]
    """Write 4 outputs to `y` from `place` on, those that fall between `low` and `high`."""
    if place >= low and place + 4 <= high:
        y[place], y[place + 1], y[place + 2], y[place + 3] = four
        return
    for k in range(max(0, low - place), min(4, high - place)):
        y[place + k] = four[k]


@njit(fastmath=_MATHS, error_model="numpy", nogil=True, cache=True)
def filter_phases(
    x: Samples,
    y: Samples,
    table: Samples,
    bases: NDArray[np.int64],
    geometry: tuple[int, int, int, int, int, int],
    streams: tuple[int, int],
    skip: int,
) -> None:
    """Compute the outputs of some streams, each one period of p outputs of one row.

    `x` holds rows of `num_samples` from sample number `origin` on, one after the other; the outputs
    are rows of `length` from output number `start` on, and `y` begins with the one at `skip`.
    `table` holds the coefficients of 4 outputs after the other, ``(groups, 4, taps)``, which begin
    with sample ``bases[group]`` of a period's.
    """
    p, q, num_samples, origin, start, length = geometry
    first, last = streams
    groups, _, taps = table.shape
    lead = bases[0]
    span = bases[groups - 1] + taps - lead
    spare = np.empty((3, span), x.dtype)
    zero = np.zeros(1, x.dtype)[0]
    first_period = start // p
    periods = (start + length - 1) // p + 1 - first_period
    rows = np.empty(3, np.int64)
    begins = np.empty(3, np.int64)  # of a stream's window, in its row
    places = np.empty(3, np.int64)  # in y, of its outputs,
    lows = np.empty(3, np.int64)  # and of those that are to be kept
    highs = np.empty(3, np.int64)
    for stream in range(first, last, 3):
        low, high = p, 0  # outputs of a period that some stream keeps
        whole = True  # whether all streams keep all of them
        for i in range(3):
            number = min(stream + i, last - 1)
            row = number // periods
            period = first_period + number % periods
            offset = period * p - start
            kept_from, kept_to = max(0, -offset), min(p, length - offset)
            low, high = min(low, kept_from), max(high, kept_to)
            whole = whole and kept_to - kept_from == p
            rows[i] = row
            begins[i] = period * q + lead - origin
            places[i] = row * length + offset - skip
            lows[i] = places[i] + kept_from
            highs[i] = places[i] + kept_to
        place0, place1, place2 = places[0], places[1], places[2]
        w0 = _window(x, rows[0], num_samples, begins[0], span, spare[0])
        w1 = _window(x, rows[1], num_samples, begins[1], span, spare[1])
        w2 = _window(x, rows[2], num_samples, begins[2], span, spare[2])
        for group in range(low // 4, (high + 3) // 4):
            b = bases[group] - lead
            y0, y1, y2 = _twelve(
                table[group], w0[b : b + taps], w1[b : b + taps], w2[b : b + taps], zero
            )
            at0, at1, at2 = place0 + 4 * group, place1 + 4 * group, place2 + 4 * group
            if whole and at0 + 4 <= highs[0]:
                y[at0], y[at0 + 1], y[at0 + 2], y[at0 + 3] = y0
                y[at1], y[at1 + 1], y[at1 + 2], y[at1 + 3] = y1
                y[at2], y[at2 + 1], y[at2 + 2], y[at2 + 3] = y2
            else:
                _store(y, at0, lows[0], highs[0], y0)
                _store(y, at1, lows[1], highs[1], y1)
                _store(y, at2, lows[2], highs[2], y2)


@njit(fastmath=_MATHS, error_model="numpy", nogil=True, cache=True)
def filter_drifting(
    x: Samples,
    y: Samples,
    cubics: Samples,
    before: int,
    geometry: tuple[int, int, int, int],
    groups: tuple[int, int],
    skip: int,
) -> None:
    """Compute some groups of 4 outputs of all rows, for any ratio p/q.

    `x` as for `filter_phases`; `y` holds as many rows, from output number `skip` on. `cubics`,
    ``(intervals, 4, taps)``, holds polynomials for the coefficients between two samples: of the
    distance from the middle of an interval, in intervals. They begin `before` samples before an
    output's time.
    """
    p, q, num_samples, origin = geometry
    intervals, _, taps = cubics.shape
    span = taps + (3 * q + p - 1) // p
    h = np.zeros((4, span), x.dtype)
    spare = np.empty((3, span), x.dtype)
    zero = np.zeros(1, x.dtype)[0]
    rows, width = y.shape
    flat = y.reshape(-1)
    for group in range(groups[0], groups[1]):
        base = 4 * group * q // p
        for i in range(4):
            position = (4 * group + i) * q
            sample = position // p
            place = (position - sample * p) / p * intervals
            interval = min(int(place), intervals - 1)
            u = x.dtype.type(place - interval - 0.5)
            c0, c1 = cubics[interval, 0], cubics[interval, 1]
            c2, c3 = cubics[interval, 2], cubics[interval, 3]
            begin = sample - base
            h[i, :begin] = 0
            h[i, begin + taps :] = 0
            target = h[i, begin : begin + taps]
            for j in range(taps):
                target[j] = c0[j] + u * (c1[j] + u * (c2[j] + u * c3[j]))
        begin = base - before - origin
        for row in range(0, rows, 3):
            r1, r2 = min(row + 1, rows - 1), min(row + 2, rows - 1)
            w0 = _window(x, row, num_samples, begin, span, spare[0])
            w1 = _window(x, r1, num_samples, begin, span, spare[1])
            w2 = _window(x, r2, num_samples, begin, span, spare[2])
            y0, y1, y2 = _twelve(h, w0, w1, w2, zero)
            at = 4 * group - skip
            _store(flat, row * width + at, row * width, row * width + width, y0)
            _store(flat, r1 * width + at, r1 * width, r1 * width + width, y1)
            _store(flat, r2 * width + at, r2 * width, r2 * width + width, y2)


@njit(nogil=True, cache=True)
def copy(source: Samples, target: Samples) -> None:
    """Copy rows, without holding Python's lock as NumPy would."""
    for row in range(source.shape[0]):
        for i in range(source.shape[1]):
            target[row, i] = source[row, i]
