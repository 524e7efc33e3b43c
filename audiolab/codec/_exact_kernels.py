"""The exact language model's arithmetic, compiled by numba: integers only, so no order matters.

Values between layers count units of ``2^-16``. Before a linear map they are rounded to at most 14
bits, weights have 8: their products and sums stay below ``2^31`` for any input up to the widths
that `exact_lm` admits. A row's sum is then scaled by the row's own 30-bit multiplier. Whatever the
processor does with such integers, vectors of 16 or one after the other, the result is the same.

Attention keeps keys and values by dimension and time, so that the loops run along time.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from audiolab.codec import _coder
from audiolab.codec._coder import PRECISION_BITS
from audiolab.codec._exact_tables import EXP_BITS, GELU_BITS, TURN_BITS

__all__ = [
    "POINT",
    "Linear",
    "Parameters",
    "Work",
    "decode_frames",
    "embed",
    "finish_layer",
    "intervals",
    "make_room",
    "project",
    "widths",
]

#: Bits after the point of values between layers.
POINT = 16

_FRACTION = (1 << EXP_BITS) - 1
_TILE = 64

Int8s = NDArray[np.int8]
Int16s = NDArray[np.int16]
Int32s = NDArray[np.int32]
Int64s = NDArray[np.int64]


class Linear(NamedTuple):
    """Linear maps of one kind: ``(w @ x * multiplier >> shift) + bias``, x rounded to `limit`."""

    weight: Int8s  # (layer, row, column)
    multiplier: Int64s  # (layer, row)
    bias: Int64s  # (layer, row)
    shift: Int64s  # (layer,)
    point: Int64s  # (layer,): bits after the point of the input
    limit: int  # largest input


class Parameters(NamedTuple):
    """All integers of the model."""

    embedding: Int16s  # (codebook, 1 + entry, dim)
    embedding_point: int
    turns: NDArray[np.uint64]  # (dim / 2,), of 2^64
    gain: Int64s  # (1 + 2 * layer, dim), 2^-16
    offset: Int64s  # (1 + 2 * layer, dim), 2^-16
    query: Linear
    key: Linear
    value: Linear
    out: Linear
    up: Linear
    down: Linear
    head: Linear  # one "layer" a codebook
    score: Int64s  # (layer, 2): multiplier and shift from a dot product to log2 units
    cosine: Int32s
    exp2: Int32s
    gelu: Int16s


class Work(NamedTuple):
    """What is kept of the past, and room for a block of frames."""

    x: Int64s  # (frame, dim)
    small: Int16s  # (frame, dim): x, rounded for the linear maps
    query: Int16s  # (dim, frame)
    keys: Int16s  # (layer, dim, time)
    values: Int16s  # (layer, dim, time)


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
def _round_into(x: Int64s, shift: int, limit: int, out: Int16s) -> None:
    """Drop `shift` bits, to the nearest, and stay within `limit`."""
    half = np.int64(1) << shift >> 1
    for i in range(len(x)):
        out[i] = min(max((x[i] + half) >> shift, -limit), limit)


@njit(cache=True, nogil=True)
def _scale(sums: Int32s, multiplier: Int64s, bias: Int64s, shift: int, out: Int64s) -> None:
    half = np.int64(1) << shift >> 1
    for r in range(len(sums)):
        out[r] = ((sums[r] * multiplier[r] + half) >> shift) + bias[r]


@njit(cache=True, nogil=True)
def _floor_sqrt(value: int | np.int64) -> int:
    """Return the integer square root of a value below 2^53."""
    root = int(math.sqrt(value))
    while root * root > value:
        root -= 1
    while (root + 1) * (root + 1) <= value:
        root += 1
    return root


@njit(cache=True, nogil=True)
def _layer_norm(x: Int64s, point: int, gain: Int64s, offset: Int64s) -> None:
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
        x[i] = ((unit * gain[i] + (1 << 15)) >> 16) + offset[i]


@njit(cache=True, nogil=True)
def embed(p: Parameters, known: Int64s, position: int, work: Work, begin: int, end: int) -> None:
    """Start frames ``begin:end``: `known` ``(frame, codebook)`` is 1 + the codes before."""
    quarter = np.uint64(1 << (TURN_BITS - 2))
    mask = np.uint64((1 << TURN_BITS) - 1)
    half = len(p.turns)
    for t in range(begin, end):
        x = work.x[t]
        x[:] = 0
        for k in range(known.shape[1]):
            row = p.embedding[k, known[t, k]]
            for i in range(len(x)):
                x[i] += row[i]
        _layer_norm(x, p.embedding_point, p.gain[0], p.offset[0])
        for i in range(half):
            phase = np.uint64(np.uint64(position + t) * p.turns[i])
            # To the nearest entry of the table.
            index = np.uint64(phase + (np.uint64(1) << np.uint64(63 - TURN_BITS)))
            index = index >> np.uint64(64 - TURN_BITS)
            x[i] += p.cosine[index]
            x[half + i] += p.cosine[(index - quarter) & mask]


@njit(cache=True, nogil=True)
def _project_into(linear: Linear, layer: int, small: Int16s, out: Int16s, first: int) -> None:
    """Store rows by time, from `first` on; they come in their own units already."""
    count, rows = small.shape[0], linear.weight.shape[1]
    sums = np.empty((count, rows), np.int32)
    row = np.empty(rows, np.int64)
    _matmul(linear.weight[layer], small, sums)
    for t in range(count):
        _scale(sums[t], linear.multiplier[layer], linear.bias[layer], linear.shift[layer], row)
        for i in range(rows):
            out[i, first + t] = min(max(row[i], -32767), 32767)


@njit(cache=True, nogil=True)
def project(p: Parameters, layer: int, work: Work, fill: int, begin: int, end: int) -> None:
    """Compute queries, and store keys and values from time ``fill + begin`` on."""
    small = work.small[begin:end]
    for t in range(end - begin):
        _round_into(work.x[begin + t], POINT - p.query.point[layer], p.query.limit, small[t])
    _project_into(p.query, layer, small, work.query, begin)
    _project_into(p.key, layer, small, work.keys[layer], fill + begin)
    _project_into(p.value, layer, small, work.values[layer], fill + begin)


@njit(cache=True, nogil=True)
def _attend(
    p: Parameters, layer: int, heads: int, work: Work, frame: int, low: int, high: int, out: Int16s
) -> None:
    """Mix the values of times ``low:high``, by the softmax of their keys' scores."""
    count, width = high - low, len(out) // heads
    multiplier, shift = p.score[layer, 0], p.score[layer, 1]
    scores = np.empty(count, np.int32)
    shares = np.empty(count, np.int16)
    powers = np.empty(count, np.int32)
    for head in range(heads):
        scores[:] = 0
        for i in range(head * width, (head + 1) * width):
            q = np.int32(work.query[i, frame])
            keys = work.keys[layer, i, low:high]
            for j in range(count):
                scores[j] = np.int32(scores[j] + np.int32(q * np.int32(keys[j])))
        largest = np.int64(scores[0])
        for j in range(count):
            largest = max(largest, np.int64(scores[j]))
        total = np.int64(0)
        for j in range(count):
            below = ((largest - scores[j]) * multiplier) >> shift
            powers[j] = p.exp2[below & _FRACTION] >> min(below >> EXP_BITS, 31)
            total += powers[j]
        # Shares of 15 bits, whose sum stays within them; what rounding took is divided out.
        inverse = (np.int64(32767) << 40) // total
        given = np.int64(0)
        for j in range(count):
            shares[j] = (powers[j] * inverse) >> 40
            given += shares[j]
        for i in range(head * width, (head + 1) * width):
            values = work.values[layer, i, low:high]
            total32 = np.int32(0)
            for j in range(count):
                total32 = np.int32(total32 + np.int32(np.int32(shares[j]) * np.int32(values[j])))
            out[i] = (2 * np.int64(total32) + given) // (2 * given)


@njit(cache=True, nogil=True)
def finish_layer(
    p: Parameters, layer: int, heads: int, context: int, work: Work, fill: int, begin: int, end: int
) -> None:
    """Do the rest of a layer: attention, norm, the two linear maps, norm."""
    count, dim = end - begin, work.x.shape[1]
    hidden = p.up.weight.shape[1]
    mixed = np.empty((count, dim), np.int16)
    for t in range(count):
        now = fill + begin + t
        low = max(now - context, 0)
        _attend(p, layer, heads, work, begin + t, low, now + 1, mixed[t])
    sums = np.empty((count, dim), np.int32)
    row = np.empty(dim, np.int64)
    _matmul(p.out.weight[layer], mixed, sums)
    for t in range(count):
        x = work.x[begin + t]
        _scale(sums[t], p.out.multiplier[layer], p.out.bias[layer], p.out.shift[layer], row)
        for i in range(dim):
            x[i] += row[i]
        _layer_norm(x, POINT, p.gain[1 + 2 * layer], p.offset[1 + 2 * layer])
        _round_into(x, POINT - p.up.point[layer], p.up.limit, mixed[t])
    wide = np.empty((count, hidden), np.int32)
    inner = np.empty((count, hidden), np.int16)
    wide_row = np.empty(hidden, np.int64)
    _matmul(p.up.weight[layer], mixed, wide)
    step = POINT - GELU_BITS
    for t in range(count):
        _scale(wide[t], p.up.multiplier[layer], p.up.bias[layer], p.up.shift[layer], wide_row)
        for i in range(hidden):
            value = wide_row[i]
            index = (abs(value) + (1 << (step - 1))) >> step
            taken = np.int64(p.gelu[index]) if index < len(p.gelu) else np.int64(0)
            wide_row[i] = max(value, 0) - taken
        _round_into(wide_row, POINT - p.down.point[layer], p.down.limit, inner[t])
    _matmul(p.down.weight[layer], inner, sums)
    for t in range(count):
        x = work.x[begin + t]
        _scale(sums[t], p.down.multiplier[layer], p.down.bias[layer], p.down.shift[layer], row)
        for i in range(dim):
            x[i] += row[i]
        _layer_norm(x, POINT, p.gain[2 + 2 * layer], p.offset[2 + 2 * layer])


@njit(cache=True, nogil=True)
def _powers(p: Parameters, codebook: int, sums: Int32s, scaled: Int64s, powers: Int32s) -> np.int64:
    """Set `powers` to the softmax's numerators; return what turns them into frequencies."""
    linear = p.head
    _scale(sums, linear.multiplier[codebook], linear.bias[codebook], linear.shift[codebook], scaled)
    largest = scaled[0]
    for i in range(len(scaled)):
        largest = max(largest, scaled[i])
    total = np.int64(0)
    for i in range(len(scaled)):
        below = largest - scaled[i]
        powers[i] = p.exp2[below & _FRACTION] >> min(below >> EXP_BITS, 31)
        total += powers[i]
    # Two units for every entry, as the coder needs, the rest by share: together 2^24 at most.
    room = np.int64((1 << PRECISION_BITS) - 2 * len(scaled))
    share: np.int64 = (room << 34) // total
    return share


@njit(cache=True, nogil=True)
def _head_input(p: Parameters, work: Work, begin: int, end: int) -> Int16s:
    for t in range(begin, end):
        _round_into(work.x[t], POINT - p.head.point[0], p.head.limit, work.small[t])
    return work.small[begin:end]


@njit(cache=True, nogil=True)
def widths(p: Parameters, num_codebooks: int, work: Work, begin: int, end: int) -> Int32s:
    """Return the frequency of every entry ``(frame, codebook, entry)``."""
    x = _head_input(p, work, begin, end)
    size = p.head.weight.shape[1]
    out = np.empty((end - begin, num_codebooks, size), np.int32)
    sums = np.empty((end - begin, size), np.int32)
    scaled = np.empty(size, np.int64)
    powers = np.empty(size, np.int32)
    for k in range(num_codebooks):
        _matmul(p.head.weight[k], x, sums)
        for t in range(end - begin):
            share = _powers(p, k, sums[t], scaled, powers)
            for i in range(size):
                out[t, k, i] = 2 + ((powers[i] * share) >> 34)
    return out


@njit(cache=True, nogil=True)
def intervals(p: Parameters, codes: Int64s, work: Work, begin: int, end: int, out: Int64s) -> None:
    """Set ``out[frame, codebook]`` to the start and stop of the frequencies of the frame's code."""
    x = _head_input(p, work, begin, end)
    size = p.head.weight.shape[1]
    sums = np.empty((end - begin, size), np.int32)
    scaled = np.empty(size, np.int64)
    powers = np.empty(size, np.int32)
    for k in range(codes.shape[1]):
        _matmul(p.head.weight[k], x, sums)
        for t in range(end - begin):
            share = _powers(p, k, sums[t], scaled, powers)
            code = codes[begin + t, k]
            start = np.int64(2 * code)
            for i in range(code):
                start += (powers[i] * share) >> 34
            out[begin + t, k, 0] = start
            out[begin + t, k, 1] = start + 2 + ((powers[code] * share) >> 34)


@njit(cache=True, nogil=True)
def make_room(work: Work, fill: int, context: int, count: int) -> int:
    """Move the window to the front if `count` more times don't fit; return the times filled."""
    layers, dim, capacity = work.keys.shape
    if fill + count <= capacity:
        return fill
    kept = min(fill, context)
    for layer in range(layers):
        for i in range(dim):
            for j in range(kept):
                work.keys[layer, i, j] = work.keys[layer, i, fill - kept + j]
                work.values[layer, i, j] = work.values[layer, i, fill - kept + j]
    return kept


@njit(cache=True, nogil=True)
def decode_frames(
    p: Parameters, heads: int, context: int, work: Work, fill: int, position: int,
    known: Int64s, data: NDArray[np.uint8], state: Int64s, out: Int64s,
) -> tuple[int, int]:  # fmt: skip
    """Fill `out` ``(frame, codebook)``; return the times filled, and how many codes were read.

    `known` is ``(1, codebook)``, 1 + the codes of the frame before, and kept up to date.
    """
    num_codebooks = out.shape[1]
    cdf = np.empty((num_codebooks, p.head.weight.shape[1]), np.int64)
    for t in range(out.shape[0]):
        fill = make_room(work, fill, context, 1)
        embed(p, known, position + t, work, 0, 1)
        for layer in range(p.score.shape[0]):
            project(p, layer, work, fill, 0, 1)
            finish_layer(p, layer, heads, context, work, fill, 0, 1)
        fill += 1
        frequencies = widths(p, num_codebooks, work, 0, 1)
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
