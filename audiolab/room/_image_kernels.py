"""Compiled loops over image sources: their pulses summed into impulse responses, in float64.

An image that arrives at time t (in samples) adds ``a sinc(n - t) w(n - t)`` to sample n, with a
Hann window w over ``[-W, W]``, ``W = taps / 2``, that moves with the pulse. At whole distances k
from the nearest sample, t = n0 + f, both factors need one sine and one cosine an image:

    sin(pi (k - f))       = -(-1)^k sin(pi f)
    cos(pi (k - f) / W)   = cos(pi k / W) cos(pi f / W) + sin(pi k / W) sin(pi f / W)

so that a tap costs three multiplications with tables and a division; nothing is interpolated.

Image i of an axis, i = -N ... N, was reflected |i| times and lies at ``2 q L + s`` for even i, at
``2 q L - s`` for odd i, ``q = (i + i mod 2) / 2``: |q - i mod 2| times by the wall at 0 and |q|
times by the wall at L (Allen and Berkley, 1979).
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["add_pulses", "axis_images", "pulse_adjoint", "shoebox_rows", "tap_tables"]

Doubles = NDArray[np.float64]
Integers = NDArray[np.int64]

_MATHS = {"contract", "nsz"}
# 1 / n! with the signs of the series of sine and cosine.
_S3, _S5, _S7, _S9, _S11 = (-1 / 6, 1 / 120, -1 / 5040, 1 / 362880, -1 / 39916800)
_S13, _S15, _S17 = (1 / 6227020800, -1 / 1307674368000, 1 / 355687428096000)
_S19, _S21 = (-1 / 121645100408832000, 1 / 51090942171709440000)
_C2, _C4, _C6, _C8, _C10, _C12 = (-1 / 2, 1 / 24, -1 / 720, 1 / 40320, -1 / 3628800, 1 / 479001600)


def tap_tables(taps: int) -> Doubles:
    """Return ``-(-1)^k / (2 pi)`` times 1, ``cos(pi k / W)``, ``sin(pi k / W)``; then k itself."""
    k = np.arange(taps) - taps // 2
    angle = 2 * np.pi * k / taps
    sign = np.where(k % 2 == 0, -1.0, 1.0) / (2 * np.pi)
    return np.stack([sign, sign * np.cos(angle), sign * np.sin(angle), k.astype(np.float64)])


@njit(error_model="numpy", nogil=True, cache=True)
def axis_images(
    length: float, source: float, ear: float, low: float, high: float, reach: int
) -> tuple[Doubles, Doubles]:
    """Return offsets from the ear to the images of one axis, and their factors of reflection."""
    count = 2 * reach + 1
    offset, factor = np.empty(count), np.empty(count)
    for j in range(count):
        i = j - reach
        odd = i & 1
        q = (i + odd) // 2
        offset[j] = 2.0 * q * length + (source if odd == 0 else -source) - ear
        factor[j] = low ** abs(q - odd) * high ** abs(q)
    return offset, factor


@njit(fastmath=_MATHS, error_model="numpy", inline="always")
def _sine(x):  # type: ignore[no-untyped-def]
    """Return sin(x) for ``|x| <= pi / 2`` within 2e-16: its series, without a range to reduce."""
    s = x * x
    p = _S21
    p = p * s + _S19
    p = p * s + _S17
    p = p * s + _S15
    p = p * s + _S13
    p = p * s + _S11
    p = p * s + _S9
    p = p * s + _S7
    p = p * s + _S5
    p = p * s + _S3
    return x + x * (s * p)


@njit(fastmath=_MATHS, error_model="numpy", inline="always")
def _small_sine(x):  # type: ignore[no-untyped-def]
    """Return sin(x) for ``|x| <= pi / 8``, the fraction of a window that a pulse can move."""
    s = x * x
    return x + x * (s * ((((_S11 * s + _S9) * s + _S7) * s + _S5) * s + _S3))


@njit(fastmath=_MATHS, error_model="numpy", inline="always")
def _small_cosine(x):  # type: ignore[no-untyped-def]
    s = x * x
    return 1.0 + s * (((((_C12 * s + _C10) * s + _C8) * s + _C6) * s + _C4) * s + _C2)


@njit(fastmath=_MATHS, error_model="numpy", nogil=True, cache=True)
def _add_pulse(out: Doubles, time: float, amplitude: float, tables: Doubles) -> None:
    taps = tables.shape[1]
    half = taps // 2
    nearest = math.floor(time + 0.5)
    first = int(nearest) - half
    start, stop = max(0, -first), min(taps, out.size - first)
    if start >= stop:
        return
    f = time - nearest
    if f == 0.0:
        f = 1e-150  # the limit, without a branch in the loop
    angle = 2.0 * math.pi * f / taps
    a = amplitude * _sine(math.pi * f)
    b, c = a * _small_cosine(angle), a * _small_sine(angle)
    # Slices, not offsets: an index that could be negative keeps the loop from being a vector's.
    line = out[first + start : first + stop]
    plain, even, odd = tables[0, start:stop], tables[1, start:stop], tables[2, start:stop]
    near = tables[3, start:stop]
    for k in range(stop - start):
        line[k] += (a * plain[k] + b * even[k] + c * odd[k]) / (near[k] - f)


@njit(fastmath=_MATHS, error_model="numpy", nogil=True, cache=True)
def add_pulses(times: Doubles, amplitudes: Doubles, tables: Doubles, out: Doubles) -> None:
    """Add the pulses of ``(rows, images)`` to ``(rows, time)``."""
    for r in range(times.shape[0]):
        for i in range(times.shape[1]):
            if amplitudes[r, i] != 0.0:
                _add_pulse(out[r], times[r, i], amplitudes[r, i], tables)


@njit(fastmath=_MATHS, error_model="numpy", nogil=True, cache=True)
def pulse_adjoint(
    times: Doubles,
    amplitudes: Doubles,
    tables: Doubles,
    grad: Doubles,
    grad_times: Doubles,
    grad_amplitudes: Doubles,
) -> None:
    """Write the gradients of `add_pulses` to times and amplitudes."""
    taps = tables.shape[1]
    half = taps // 2
    turn = 2.0 * math.pi / taps
    for r in range(times.shape[0]):
        for i in range(times.shape[1]):
            nearest = math.floor(times[r, i] + 0.5)
            first = int(nearest) - half
            start, stop = max(0, -first), min(taps, grad.shape[1] - first)
            value, slope = 0.0, 0.0
            if start < stop:
                f = times[r, i] - nearest
                if f == 0.0:
                    f = 1e-150
                sine, cosine = math.sin(math.pi * f), math.cos(math.pi * f)
                b, c = math.cos(turn * f), math.sin(turn * f)
                for k in range(start, stop):
                    window = tables[0, k] + b * tables[1, k] + c * tables[2, k]
                    window_slope = turn * (b * tables[2, k] - c * tables[1, k])
                    lag = tables[3, k] - f
                    g = grad[r, first + k] / lag
                    value += g * sine * window
                    # The slope of the sinc at its centre, f -> 0, is a difference of like numbers.
                    steep = math.pi * cosine + sine / lag
                    if k == half and abs(f) < 1e-3:
                        steep = math.pi**3 * f * f / -3.0
                    slope += g * (steep * window + sine * window_slope)
            grad_amplitudes[r, i] = value
            grad_times[r, i] = amplitudes[r, i] * slope


@njit(fastmath=_MATHS, error_model="numpy", nogil=True, cache=True)
def _pattern(share: float, facing: Doubles, x: float, y: float, z: float, d: float) -> float:
    if share == 1.0:
        return 1.0
    towards: float = (facing[0] * x + facing[1] * y + facing[2] * z) / d
    return share + (1.0 - share) * towards


@njit(fastmath=_MATHS, error_model="numpy", nogil=True, cache=True)
def shoebox_rows(
    out: Doubles,
    rooms: Doubles,
    sources: Doubles,
    ears: Doubles,
    walls: Doubles,
    source_share: Doubles,
    source_facing: Doubles,
    ear_share: Doubles,
    ear_facing: Doubles,
    max_order: Integers,
    rate_over_speed: Doubles,
    shift: Doubles,
    ends: Integers,
    tables: Doubles,
) -> None:
    """Add the pulses of all images of every row to ``(rows, time)``, which starts at zero.

    Walls are factors of reflection, ``(rows, 6)``; `shift` is taken from all times; samples from
    `ends` on are left alone; `tables` are `tap_tables` for each row; a negative `max_order` stands
    for no limit.
    """
    half = tables.shape[2] // 2
    for r in range(out.shape[0]):
        line = out[r, : ends[r]]
        scale = rate_over_speed[r]
        radius = (ends[r] + half + 1 + shift[r]) / scale
        order = max_order[r] if max_order[r] >= 0 else 1 << 40
        reach = np.empty(3, np.int64)
        for axis in range(3):
            needed = int(radius / rooms[r, axis]) + 2
            reach[axis] = min(needed, order)
        x_at, x_by = axis_images(
            rooms[r, 0], sources[r, 0], ears[r, 0], walls[r, 0], walls[r, 1], reach[0]
        )
        y_at, y_by = axis_images(
            rooms[r, 1], sources[r, 1], ears[r, 1], walls[r, 2], walls[r, 3], reach[1]
        )
        z_at, z_by = axis_images(
            rooms[r, 2], sources[r, 2], ears[r, 2], walls[r, 4], walls[r, 5], reach[2]
        )
        limit = radius * radius
        for ix in range(x_at.size):
            left_x = order - abs(ix - reach[0])
            flat_x = x_at[ix] * x_at[ix]
            if flat_x > limit or x_by[ix] == 0.0:
                continue
            for iy in range(y_at.size):
                left = left_x - abs(iy - reach[1])
                flat = flat_x + y_at[iy] * y_at[iy]
                factor = x_by[ix] * y_by[iy]
                if left < 0 or flat > limit or factor == 0.0:
                    continue
                span = min(left, reach[2])
                for iz in range(reach[2] - span, reach[2] + span + 1):
                    square = flat + z_at[iz] * z_at[iz]
                    amplitude = factor * z_by[iz]
                    if square > limit or amplitude == 0.0:
                        continue
                    distance = math.sqrt(square)
                    if ear_share[r] != 1.0:
                        amplitude *= _pattern(
                            ear_share[r], ear_facing[r], x_at[ix], y_at[iy], z_at[iz], distance
                        )
                    if source_share[r] != 1.0:
                        # What the source of an image sends here, the true one sends mirrored.
                        x = -x_at[ix] if (ix - reach[0]) & 1 == 0 else x_at[ix]
                        y = -y_at[iy] if (iy - reach[1]) & 1 == 0 else y_at[iy]
                        z = -z_at[iz] if (iz - reach[2]) & 1 == 0 else z_at[iz]
                        amplitude *= _pattern(source_share[r], source_facing[r], x, y, z, distance)
                    _add_pulse(line, distance * scale - shift[r], amplitude / distance, tables[r])
