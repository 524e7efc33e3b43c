"""The exact language model's integers as its kernels take them, and the room they work in.

A kernel takes the tuple it needs and no more: each array of an argument is several values to the
compiler, whose time grows with them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["POINT", "Attention", "Embedding", "FeedForward", "Head", "Linear", "Parameters", "Work"]

#: Bits after the point of values between layers.
POINT = 16

Int8s = NDArray[np.int8]
Int16s = NDArray[np.int16]
Int32s = NDArray[np.int32]
Int64s = NDArray[np.int64]


class Linear(NamedTuple):
    """Linear maps of one kind: ``(w @ x * multiplier >> shift) + bias``, row by row."""

    weight: Int8s  # (layer, row, column)
    rows: Int64s  # (layer, 3, row): multiplier, bias, shift
    inputs: Int64s  # (layer, 2): bits after the point of x, and its largest value


class Embedding(NamedTuple):
    """What starts a frame."""

    table: Int16s  # (codebook, 1 + entry, dim)
    point: int
    norm: Int64s  # (2, dim): gain and offset, 2^-16
    turns: NDArray[np.uint64]  # (dim / 2,), of 2^64
    cosine: Int32s


class Attention(NamedTuple):
    """What mixes the frames of the past."""

    query_key_value: Linear
    out: Linear
    norm: Int64s  # (layer, 2, dim)
    score: Int64s  # (layer, 2): multiplier and shift from a dot product to log2 units
    exp2: Int32s


class FeedForward(NamedTuple):
    """The two linear maps of each layer."""

    up: Linear
    down: Linear
    norm: Int64s  # (layer, 2, dim)
    gelu: Int16s


class Head(NamedTuple):
    """What turns a frame into frequencies."""

    linear: Linear  # one "layer" a codebook
    exp2: Int32s


class Parameters(NamedTuple):
    """All integers of the model."""

    embedding: Embedding
    attention: Attention
    feed_forward: FeedForward
    head: Head


class Work(NamedTuple):
    """What is kept of the past, and room for a block of frames."""

    x: Int64s  # (frame, dim)
    query: Int16s  # (dim, frame)
    keys: Int16s  # (layer, dim, time)
    values: Int16s  # (layer, dim, time)
