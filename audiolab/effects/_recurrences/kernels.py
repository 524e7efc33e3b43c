"""Compiled loops of the recurrences, over ``(rows, time)``: float32 or float64 samples.

State and coefficients are float64. The loop-carried path of `second_order` is one fused
multiply-add a sample, which sets its pace: about 1.2 ns a sample.

A state that dies away ends among the denormal numbers, on which processors are slow. It is set to
zero, once a block, when it is too small to be seen in a sample of the output's type.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["first_order_varying", "second_order", "second_order_adjoint"]

Samples = NDArray[Any]
Doubles = NDArray[np.float64]

# Fused multiply-adds, but no re-association: results don't depend on how a loop is unrolled.
_MATHS = {"contract", "nsz"}
_BLOCK = 256


@njit(fastmath=_MATHS, error_model="numpy", nogil=True, cache=True)
def second_order(
    x: Samples, coefficients: Doubles, state: Doubles, y: Samples, final: Doubles, tiny: Doubles
) -> None:
    """Write ``y[n] = b0 x[n] + b1 x[n-1] + b2 x[n-2] - a1 y[n-1] - a2 y[n-2]``.

    `coefficients` is ``(rows, 5)``: b0, b1, b2, a1, a2. The state ``(rows, 2)`` is what the
    past adds to the next two samples: that of the transposed direct form II.
    """
    time = x.shape[1]
    for r in range(x.shape[0]):
        b0, b1, b2 = coefficients[r, 0], coefficients[r, 1], coefficients[r, 2]
        c1, c2 = -coefficients[r, 3], -coefficients[r, 4]
        add1, add2 = state[r, 0], state[r, 1]
        x1 = x2 = y1 = y2 = 0.0
        start = 0
        while start < time:
            # The first block is two samples long: those to which the state is added.
            stop = min(start + _BLOCK, time) if start else min(2, time)
            if abs(y1) < tiny[r] and abs(y2) < tiny[r]:
                y1 = y2 = 0.0
            if start == 0:
                for n in range(stop):
                    v = np.float64(x[r, n])
                    w = c1 * y1 + (c2 * y2 + (b0 * v + b1 * x1 + b2 * x2 + add1))
                    x2, x1, y2, y1 = x1, v, y1, w
                    add1, add2 = add2, 0.0
                    y[r, n] = w
            else:
                for n in range(start, stop):
                    v = np.float64(x[r, n])
                    w = c1 * y1 + (c2 * y2 + (b0 * v + b1 * x1 + b2 * x2))
                    x2, x1, y2, y1 = x1, v, y1, w
                    y[r, n] = w
            start = stop
        final[r, 0] = add1 + b1 * x1 + b2 * x2 + c1 * y1 + c2 * y2
        final[r, 1] = add2 + b2 * x1 + c2 * y1


@njit(fastmath=_MATHS, error_model="numpy", nogil=True, cache=True)
def second_order_adjoint(
    grad_y: Samples,
    grad_final: Doubles,
    x: Samples,
    y: Samples,
    coefficients: Doubles,
    grad_x: Samples,
    grad_coefficients: Doubles,
    grad_state: Doubles,
    tiny: Doubles,
) -> None:
    """Run the transposed recurrence backwards in time; `grad_coefficients` starts at zero.

    ``g[n] = grad_y[n] - a1 g[n+1] - a2 g[n+2]`` is the gradient to the numerator's output; that
    to the samples is its filtering by b, and those to the coefficients its correlations with x
    and y.
    """
    time = x.shape[1]
    for r in range(x.shape[0]):
        b0, b1, b2 = coefficients[r, 0], coefficients[r, 1], coefficients[r, 2]
        c1, c2 = -coefficients[r, 3], -coefficients[r, 4]
        g1, g2 = grad_final[r, 0], grad_final[r, 1]
        d0 = d1 = d2 = e1 = e2 = 0.0
        # g[n+1] meets x[n] in d1 and y[n] in e1, g[n+2] in d2 and e2.
        stop = time
        while stop > 0:
            start = max(stop - _BLOCK, 0)
            if abs(g1) < tiny[r] and abs(g2) < tiny[r]:
                g1 = g2 = 0.0
            for n in range(stop - 1, start - 1, -1):
                v, w = np.float64(x[r, n]), np.float64(y[r, n])
                g = c1 * g1 + (c2 * g2 + np.float64(grad_y[r, n]))
                grad_x[r, n] = b0 * g + b1 * g1 + b2 * g2
                d0 += g * v
                d1 += g1 * v
                d2 += g2 * v
                e1 -= g1 * w
                e2 -= g2 * w
                g2, g1 = g1, g
            stop = start
        grad_coefficients[r, 0], grad_coefficients[r, 1], grad_coefficients[r, 2] = d0, d1, d2
        grad_coefficients[r, 3], grad_coefficients[r, 4] = e1, e2
        grad_state[r, 0], grad_state[r, 1] = g1, g2


@njit(fastmath=_MATHS, error_model="numpy", nogil=True, cache=True)
def first_order_varying(
    a: Samples, b: Samples, initial: Doubles, s: Samples, tiny: Doubles
) -> None:
    """Write ``s[n] = a[n] s[n-1] + b[n]``."""
    time = a.shape[1]
    for r in range(a.shape[0]):
        last = initial[r]
        start = 0
        while start < time:
            stop = min(start + _BLOCK, time)
            if abs(last) < tiny[r]:
                last = 0.0
            for n in range(start, stop):
                last = np.float64(a[r, n]) * last + np.float64(b[r, n])
                s[r, n] = last
            start = stop
