"""Compiled loops of delay lines whose delay changes every sample, without and with feedback.

A line ``(rows, history + time)`` begins with samples of the past; what lies before those is zero.
Delays and weights are tables ``(rows, period, taps)``, read again from the start after a period;
weights with a period of 1 are the same at all times. `row_of` says which table row a row of the
line uses, so that a batch can share one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["feed_back", "feed_back_adjoint", "read", "read_adjoint"]

Samples = NDArray[Any]
Doubles = NDArray[np.float64]
Integers = NDArray[np.int32]

_MATHS = {"contract", "nsz"}


@njit(fastmath=_MATHS, error_model="numpy", nogil=True, cache=True)
def read(
    line: Samples,
    scale: Doubles,
    row_of: Integers,
    out: Samples,
    delays: Integers,
    weights: Doubles,
    phase: int,
) -> None:
    """Write ``out[t] = scale sum_k weights[p, k] line[t - delays[p, k]]``, ``p = phase + t``."""
    rows, time = out.shape
    history = line.shape[1] - time
    period, taps = delays.shape[1], delays.shape[2]
    steady = weights.shape[1] == 1
    for r in range(rows):
        g = row_of[r]
        t, p = 0, phase
        while t < time:
            # Up to the end of the table, so that the inner loop needs no division.
            stop = min(time, t + period - p)
            shift = p - t
            if steady and taps == 1:
                factor = scale[r] * weights[g, 0, 0]
                for n in range(t, stop):
                    at = history + n - delays[g, n + shift, 0]
                    value = np.float64(line[r, max(at, 0)])
                    out[r, n] = factor * value if at >= 0 else 0.0
            else:
                for n in range(t, stop):
                    total = 0.0
                    for k in range(taps):
                        at = history + n - delays[g, n + shift, k]
                        value = np.float64(line[r, at] if at >= 0 else 0.0)
                        total += weights[g, 0 if steady else n + shift, k] * value
                    out[r, n] = scale[r] * total
            t, p = stop, 0


@njit(fastmath=_MATHS, error_model="numpy", nogil=True, cache=True)
def read_adjoint(
    grad: Samples,
    line: Samples,
    scale: Doubles,
    row_of: Integers,
    delays: Integers,
    weights: Doubles,
    phase: int,
    grad_line: Doubles,
    grad_scale: Doubles,
    grad_weights: Doubles,
) -> None:
    """Add to the gradients of `read`, which start at zero; none is written to an empty array."""
    rows, time = grad.shape
    history = line.shape[1] - time
    period, taps = delays.shape[1], delays.shape[2]
    steady = weights.shape[1] == 1
    for r in range(rows):
        g = row_of[r]
        p = phase
        for n in range(time):
            value = np.float64(grad[r, n])
            q = 0 if steady else p
            for k in range(taps):
                at = history + n - delays[g, p, k]
                if at >= 0:
                    weight, sample = weights[g, q, k], np.float64(line[r, at])
                    if grad_line.size:
                        grad_line[r, at] += scale[r] * weight * value
                    if grad_weights.size:
                        grad_weights[g, q, k] += scale[r] * value * sample
                    grad_scale[r] += value * weight * sample
            p += 1
            if p == period:
                p = 0


@njit(fastmath=_MATHS, error_model="numpy", nogil=True, cache=True)
def feed_back(
    x: Samples,
    past: Doubles,
    scale: Doubles,
    row_of: Integers,
    y: Samples,
    line: Doubles,
    delays: Integers,
    weights: Doubles,
    phase: int,
) -> None:
    """Write ``y[t] = x[t] + scale sum_k weights[p, k] y[t - delays[p, k]]``, delays at least 1.

    `past` are the last values of y before the first, `line` is room for ``past`` and ``y``.
    """
    rows, time = x.shape
    history = past.shape[1]
    period, taps = delays.shape[1], delays.shape[2]
    steady = weights.shape[1] == 1
    for r in range(rows):
        g = row_of[r]
        line[r, :history] = past[r]
        t, p = 0, phase
        while t < time:
            stop = min(time, t + period - p)
            shift = p - t
            for n in range(t, stop):
                total = 0.0
                for k in range(taps):
                    at = history + n - delays[g, n + shift, k]
                    value = line[r, at] if at >= 0 else 0.0
                    total += weights[g, 0 if steady else n + shift, k] * value
                value = np.float64(x[r, n]) + scale[r] * total
                # What dies away is not followed into the denormal numbers, which are slow.
                value = value if abs(value) > 1e-290 else 0.0
                line[r, history + n] = value
                y[r, n] = value
            t, p = stop, 0


@njit(fastmath=_MATHS, error_model="numpy", nogil=True, cache=True)
def feed_back_adjoint(
    grad_line: Doubles,
    scale: Doubles,
    row_of: Integers,
    delays: Integers,
    weights: Doubles,
    phase: int,
    history: int,
) -> None:
    """Carry gradients of ``past`` and ``y`` back along the line, from the end, in place.

    Afterwards its samples hold the gradients to ``x``, its history those to ``past``.
    """
    rows, time = grad_line.shape[0], grad_line.shape[1] - history
    period, taps = delays.shape[1], delays.shape[2]
    steady = weights.shape[1] == 1
    for r in range(rows):
        g = row_of[r]
        p = (phase + time - 1) % period
        for n in range(time - 1, -1, -1):
            value = scale[r] * grad_line[r, history + n]
            for k in range(taps):
                at = history + n - delays[g, p, k]
                if at >= 0:
                    grad_line[r, at] += weights[g, 0 if steady else p, k] * value
            p = p - 1 if p else period - 1
