"""The exact language model's arithmetic, compiled by numba: integers only, so no order matters.

Values between layers count units of ``2^-16``. Before a linear map they are rounded to at most 14
bits, weights have 8: their products and sums stay below ``2^31`` for any input up to the widths
that `exact_lm` admits. A row's sum is then scaled by the row's own 30-bit multiplier. Whatever the
processor does with such integers, vectors of 16 or one after the other, the result is the same.

Attention keeps keys and values by dimension and time, so that the loops run along time.

All stays in one file, since numba's cache compiles a function anew when its own file changes, not
when that of a function it calls does.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from audiolab.codec import _coder
from audiolab.codec._coder import PRECISION_BITS
from audiolab.codec._exact_parameters import (
    POINT,
    Attention,
    Embedding,
    FeedForward,
    Head,
    Int8s,
    Int16s,
    Int32s,
    Int64s,
    Linear,
    Parameters,
    Work,
)
from audiolab.codec._exact_tables import EXP_BITS, GELU_BITS, TURN_BITS

__all__ = [
    "attend",
    "decode_frames",
    "embed",
    "feed_forward",
    "intervals",
    "make_room",
    "project",
    "widths",
]

# Typed, since numba compiles a function anew for each constant that it is called with.
_POINT = np.int64(POINT)
_FRACTION = (1 << EXP_BITS) - 1
_TILE = 64

Int = int | np.int64


@njit(cache=True, nogil=True)
def _matmul(weight: Int8s, x: Int16s, out: Int32s) -> None:
    """Set ``out[t, r]`` to the dot product of ``x[t]`` and row r."""
    rows, columns = weight.shape
    count = x.shape[0]
    for first in range(0, rows, _TILE):
        last = min(first + _TILE, rows)
        t = 0
        while t + 4 <= count:
            for r in range(first, last):
                a, b, c, d = np.int32(0), np.int32(0), np.int32(0), np.int32(0)
                for i in range(columns):
                    w = np.int32(weight[r, i])
                    a = np.int32(a + np.int32(w * np.int32(x[t, i])))
                    b = np.int32(b + np.int32(w * np.int32(x[t + 1, i])))
                    c = np.int32(c + np.int32(w * np.int32(x[t + 2, i])))
                    d = np.int32(d + np.int32(w * np.int32(x[t + 3, i])))
                out[t, r], out[t + 1, r], out[t + 2, r], out[t + 3, r] = a, b, c, d
            t += 4
        while t < count:
            for r in range(first, last):
                a = np.int32(0)
                for i in range(columns):
                    a = np.int32(a + np.int32(np.int32(weight[r, i]) * np.int32(x[t, i])))
                out[t, r] = a
            t += 1


@njit(cache=True, nogil=True)
def _round_into(x: Int64s, shift: Int, limit: Int, out: Int16s) -> None:
    """Drop `shift` bits, to the nearest, and stay within `limit`."""
    half = np.int64(1) << shift >> 1
    for i in range(len(x)):
        out[i] = min(max((x[i] + half) >> shift, -limit), limit)


@njit(cache=True, nogil=True)
def _scale(sums: Int32s, rows: Int64s, out: Int64s) -> None:
    for r in range(len(sums)):
        half = np.int64(1) << rows[2, r] >> 1
        out[r] = ((sums[r] * rows[0, r] + half) >> rows[2, r]) + rows[1, r]


@njit(cache=True, nogil=True, inline="always")
def _floor_sqrt(value: Int) -> int:
    """Return the integer square root of a value below 2^53."""
    root = int(math.sqrt(value))
    while root * root > value:
        root -= 1
    while (root + 1) * (root + 1) <= value:
        root += 1
    return root


@njit(cache=True, nogil=True)
def _layer_norm(x: Int64s, point: Int, norm: Int64s) -> None:
    """Normalise `x` in place: mean 0, variance 1 (plus 1e-5), then gain and offset."""
    count = len(x)
    total = np.int64(0)
    for i in range(count):
        total += x[i]
    largest = np.int64(0)
    for i in range(count):
        # Deviations times `count`, so that the mean needs no rounding.
        x[i] = x[i] * count - total
        largest = max(largest, abs(x[i]))
    shift = 0
    while largest >> shift >= 1 << 26:
        shift += 1
    squares = np.int64(0)
    for i in range(count):
        x[i] >>= shift
        squares += x[i] * x[i]
    # 1e-5 = 10995116 / 2^40, in the units of the squares.
    epsilon = np.int64(10995116) * count * count
    places = 2 * point - 2 * shift - 40
    epsilon = epsilon << places if places >= 0 else epsilon >> min(-places, 62)
    deviation = max(_floor_sqrt(squares // count + epsilon), 1)
    inverse = (np.int64(1) << 48) // deviation
    for i in range(count):
        unit = (x[i] * inverse + (np.int64(1) << 31)) >> 32
        x[i] = ((unit * norm[0, i] + (1 << 15)) >> 16) + norm[1, i]


@njit(cache=True, nogil=True)
def embed(e: Embedding, known: Int64s, position: Int, xs: Int64s, begin: Int, end: Int) -> None:
    """Start frames ``begin:end``: `known` ``(frame, codebook)`` is 1 + the codes before."""
    quarter = np.uint64(1 << (TURN_BITS - 2))
    mask = np.uint64((1 << TURN_BITS) - 1)
    half = len(e.turns)
    for t in range(begin, end):
        x = xs[t]
        x[:] = 0
        for k in range(known.shape[1]):
            row = e.table[k, known[t, k]]
            for i in range(len(x)):
                x[i] += row[i]
        _layer_norm(x, e.point, e.norm)
        for i in range(half):
            phase = np.uint64(np.uint64(position + t) * e.turns[i])
            # To the nearest entry of the table.
            index = np.uint64(phase + (np.uint64(1) << np.uint64(63 - TURN_BITS)))
            index = index >> np.uint64(64 - TURN_BITS)
            x[i] += e.cosine[index]
            x[half + i] += e.cosine[(index - quarter) & mask]


@njit(cache=True, nogil=True)
def project(linear: Linear, layer: Int, work: Work, fill: Int, begin: Int, end: Int) -> None:
    """Compute queries, and store keys and values from time ``fill + begin`` on."""
    count, dim, rows = end - begin, work.x.shape[1], linear.weight.shape[1]
    point, limit = linear.inputs[layer, 0], linear.inputs[layer, 1]
    small = np.empty((count, dim), np.int16)
    for t in range(count):
        _round_into(work.x[begin + t], POINT - point, limit, small[t])
    sums = np.empty((count, rows), np.int32)
    row = np.empty(rows, np.int64)
    _matmul(linear.weight[layer], small, sums)
    for t in range(count):
        # They come in their own units already.
        _scale(sums[t], linear.rows[layer], row)
        for i in range(dim):
            work.query[i, begin + t] = min(max(row[i], -32767), 32767)
        for i in range(dim):
            work.keys[layer, i, fill + begin + t] = min(max(row[dim + i], -32767), 32767)
        for i in range(dim):
            work.values[layer, i, fill + begin + t] = min(max(row[2 * dim + i], -32767), 32767)


@njit(cache=True, nogil=True, inline="always")
def _mix(
    score: Int64s, exp2: Int32s, heads: Int, query: Int16s, keys: Int16s, values: Int16s,
    low: Int, high: Int, out: Int16s,
) -> None:  # fmt: skip
    """Mix the values ``(dim, time)`` of times ``low:high`` by the softmax of their keys' scores."""
    count, width = high - low, len(out) // heads
    multiplier, shift = score[0], score[1]
    scores = np.empty(count, np.int32)
    shares = np.empty(count, np.int16)
    powers = np.empty(count, np.int32)
    for head in range(heads):
        scores[:] = 0
        for i in range(head * width, (head + 1) * width):
            q, row = np.int32(query[i]), keys[i, low:high]
            for j in range(count):
                scores[j] = np.int32(scores[j] + np.int32(q * np.int32(row[j])))
        largest = np.int64(scores[0])
        for j in range(count):
            largest = max(largest, np.int64(scores[j]))
        total = np.int64(0)
        for j in range(count):
            below = ((largest - scores[j]) * multiplier) >> shift
            powers[j] = exp2[below & _FRACTION] >> min(below >> EXP_BITS, 31)
            total += powers[j]
        # Shares of 15 bits, whose sum stays within them; what rounding took is divided out.
        inverse = (np.int64(32767) << 40) // total
        given = np.int64(0)
        for j in range(count):
            shares[j] = (powers[j] * inverse) >> 40
            given += shares[j]
        for i in range(head * width, (head + 1) * width):
            row, total32 = values[i, low:high], np.int32(0)
            for j in range(count):
                total32 = np.int32(total32 + np.int32(np.int32(shares[j]) * np.int32(row[j])))
            out[i] = (2 * np.int64(total32) + given) // (2 * given)


@njit(cache=True, nogil=True)
def attend(
    a: Attention, layer: Int, heads: Int, context: Int, work: Work, fill: Int, begin: Int, end: Int
) -> None:
    """Attend to the past, and add what is found."""
    count, dim = end - begin, work.x.shape[1]
    mixed = np.empty((count, dim), np.int16)
    for t in range(count):
        now = fill + begin + t
        low = max(now - context, 0)
        _mix(
            a.score[layer], a.exp2, heads, work.query[:, begin + t],
            work.keys[layer], work.values[layer], low, now + 1, mixed[t],
        )  # fmt: skip
    _add(a.out, layer, mixed, a.norm[layer], work.x[begin:end])


@njit(cache=True, nogil=True)
def _add(linear: Linear, layer: Int, inputs: Int16s, norm: Int64s, xs: Int64s) -> None:
    """Add a linear map of `inputs` to the frames, and normalise them."""
    sums = np.empty(xs.shape, np.int32)
    row = np.empty(xs.shape[1], np.int64)
    _matmul(linear.weight[layer], inputs, sums)
    for t in range(len(xs)):
        _scale(sums[t], linear.rows[layer], row)
        for i in range(len(row)):
            xs[t, i] += row[i]
        _layer_norm(xs[t], _POINT, norm)


@njit(cache=True, nogil=True)
def feed_forward(f: FeedForward, layer: Int, xs: Int64s) -> None:
    """Add what the two linear maps and the GELU between them make of the frames."""
    count, dim, hidden = len(xs), xs.shape[1], f.up.weight.shape[1]
    small = np.empty((count, dim), np.int16)
    for t in range(count):
        _round_into(xs[t], POINT - f.up.inputs[layer, 0], f.up.inputs[layer, 1], small[t])
    wide = np.empty((count, hidden), np.int32)
    inner = np.empty((count, hidden), np.int16)
    row = np.empty(hidden, np.int64)
    _matmul(f.up.weight[layer], small, wide)
    step = POINT - GELU_BITS
    for t in range(count):
        _scale(wide[t], f.up.rows[layer], row)
        for i in range(hidden):
            value = row[i]
            index = (abs(value) + (1 << (step - 1))) >> step
            taken = np.int64(f.gelu[index]) if index < len(f.gelu) else np.int64(0)
            row[i] = max(value, 0) - taken
        _round_into(row, POINT - f.down.inputs[layer, 0], f.down.inputs[layer, 1], inner[t])
    _add(f.down, layer, inner, f.norm[layer], xs)


@njit(cache=True, nogil=True, inline="always")
def _powers(rows: Int64s, exp2: Int32s, sums: Int32s, scaled: Int64s, powers: Int32s) -> np.int64:
    """Set `powers` to the softmax's numerators; return what turns them into frequencies."""
    _scale(sums, rows, scaled)
    largest = scaled[0]
    for i in range(len(scaled)):
        largest = max(largest, scaled[i])
    total = np.int64(0)
    for i in range(len(scaled)):
        below = largest - scaled[i]
        powers[i] = exp2[below & _FRACTION] >> min(below >> EXP_BITS, 31)
        total += powers[i]
    # Two units for every entry, as the coder needs, the rest by share: together 2^24 at most.
    room = np.int64((1 << PRECISION_BITS) - 2 * len(scaled))
    share: np.int64 = (room << 34) // total
    return share


@njit(cache=True, nogil=True)
def widths(head: Head, num_codebooks: Int, xs: Int64s) -> Int32s:
    """Return the frequency of every entry ``(frame, codebook, entry)``."""
    count, size = len(xs), head.linear.weight.shape[1]
    small = np.empty(xs.shape, np.int16)
    for t in range(count):
        _round_into(xs[t], POINT - head.linear.inputs[0, 0], head.linear.inputs[0, 1], small[t])
    out = np.empty((count, num_codebooks, size), np.int32)
    sums = np.empty((count, size), np.int32)
    scaled = np.empty(size, np.int64)
    powers = np.empty(size, np.int32)
    for k in range(num_codebooks):
        _matmul(head.linear.weight[k], small, sums)
        for t in range(count):
            share = _powers(head.linear.rows[k], head.exp2, sums[t], scaled, powers)
            for i in range(size):
                out[t, k, i] = 2 + ((powers[i] * share) >> 34)
    return out


@njit(cache=True, nogil=True)
def intervals(widths: Int32s, codes: Int64s, out: Int64s) -> None:
    """Set ``out[frame, codebook]`` to the start and stop of the frequencies of the frame's code."""
    for t in range(codes.shape[0]):
        for k in range(codes.shape[1]):
            start = np.int64(0)
            for i in range(codes[t, k]):
                start += widths[t, k, i]
            out[t, k, 0] = start
            out[t, k, 1] = start + widths[t, k, codes[t, k]]


@njit(cache=True, nogil=True)
def make_room(keys: Int16s, values: Int16s, fill: Int, context: Int, count: Int) -> Int:
    """Move the window to the front if `count` more times don't fit; return the times filled."""
    layers, dim, capacity = keys.shape
    if fill + count <= capacity:
        return fill
    kept = min(fill, context)
    for layer in range(layers):
        for i in range(dim):
            for j in range(kept):
                keys[layer, i, j] = keys[layer, i, fill - kept + j]
                values[layer, i, j] = values[layer, i, fill - kept + j]
    return kept


@njit(cache=True, nogil=True)
def decode_frames(
    p: Parameters, heads: Int, context: Int, work: Work, fill: Int, position: Int,
    known: Int64s, data: NDArray[np.uint8], state: Int64s, out: Int64s,
) -> tuple[Int, int]:  # fmt: skip
    """Fill `out` ``(frame, codebook)``; return the times filled, and how many codes were read.

    `known` is ``(1, codebook)``, 1 + the codes of the frame before, and kept up to date.
    """
    zero, one = np.int64(0), np.int64(1)
    num_codebooks = out.shape[1]
    cdf = np.empty((num_codebooks, p.head.linear.weight.shape[1]), np.int64)
    x = work.x[:1]
    for t in range(out.shape[0]):
        fill = make_room(work.keys, work.values, fill, context, one)
        embed(p.embedding, known, position + t, x, zero, one)
        for layer in range(p.attention.score.shape[0]):
            project(p.attention.query_key_value, layer, work, fill, zero, one)
            attend(p.attention, layer, heads, context, work, fill, zero, one)
            feed_forward(p.feed_forward, layer, x)
        fill += 1
        frequencies = widths(p.head, num_codebooks, x)
        for k in range(num_codebooks):
            total = np.int64(0)
            for i in range(cdf.shape[1]):
                total += frequencies[0, k, i]
                cdf[k, i] = total
        done = _coder.decode(data, cdf, state, out[t])
        if done < num_codebooks:
            return fill, t * num_codebooks + done
        for k in range(num_codebooks):
            known[0, k] = 1 + out[t, k]
    return fill, out.size
