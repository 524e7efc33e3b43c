r"""Every output as the sum of products that defines it: for short signals, and odd ratios.

For a ratio p/q the kernel is read at p different places between two samples, so that a table of p
sets of coefficients serves all outputs. Where that table would be too large (44100 -> 16001 Hz),
the kernel is a cubic polynomial on each of a few dozen intervals, a Farrow structure [1]_, and
coefficients are computed once for all rows.

Transforms need less arithmetic, but they have to be set up and to fill whole blocks. A clip of up
to a second, a chunk of a stream, and a batch at an odd ratio are done sooner this way. Which way
costs less is estimated from sizes alone, so that results do not depend on the number of threads.

A result of one way equals that of the other up to rounding: both read one kernel, whose response
`FilterDesign.response` gives.

References
----------
.. [1] C. W. Farrow, "A continuously variable digital delay element", IEEE International Symposium
   on Circuits and Systems, 1988. doi:10.1109/ISCAS.1988.15483
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from audiolab.resample import _pool
from audiolab.resample.design import FilterDesign
from audiolab.resample.plan import reach, smooth_size

__all__ = ["polyphase", "polyphase_ns"]

#: Coefficients of a table: 4 MB in float32, which is what a core's share of the cache may hold.
_MAX_TABLE = 1 << 20

#: Intervals of the cubics per sample of the lower rate, by bits. On one of width w a cubic misses
#: the kernel by about (w / 2)^4 / 192 times its fourth derivative, which is at most pi^4 / 5 as
#: there are no frequencies above pi: by -155 and -227 dB.
_INTERVALS = {32: 32, 64: 256}

#: A period of fewer outputs is repeated, to make more of a stretch of signal that is at hand.
_MIN_PERIOD = 64

#: Points per interval to which a cubic is fitted, by least squares.
_POINTS = 8

#: A piece of a job is about this many products: half a millisecond.
_PIECE = 1 << 24

_own = threading.local()

#: Samples of a row, index of the first of them; first output and number of outputs.
_Stretch = tuple[int, int, int, int]


@dataclass(frozen=True, eq=False)
class _Phases:
    """Coefficients of all outputs of a period of p outputs and q inputs."""

    p: int
    q: int
    table: NDArray[Any]  # (groups of 4 outputs, 4, taps)
    bases: NDArray[np.int64]  # of a group's first coefficient, from the period's first sample


@dataclass(frozen=True, eq=False)
class _Drifting:
    """Coefficients as functions of an output's place between two samples."""

    before: int
    cubics: NDArray[Any]  # (intervals, 4, taps)


def polyphase_ns(
    ratio: Fraction, design: FilterDesign, *, rows: int, length: int, bits: int
) -> float:
    """Estimate the time that `polyphase` takes on one thread."""
    taps = 8 + sum(reach(ratio, design, reverse=False)) + 3 * float(1 / ratio)
    if _period(ratio, taps) is None:
        products = taps * length * (3 * -(-rows // 3) + 12)
    else:
        products = taps * (rows * length + 2 * ratio.numerator)
    return 2e4 + products / (42 if bits == 32 else 20)


def polyphase(
    x: torch.Tensor,
    ratio: Fraction,
    design: FilterDesign,
    *,
    reverse: bool,
    origin: int,
    start: int,
    length: int,
) -> torch.Tensor:
    """Compute outputs `start` to `start + length` from rows that begin at index `origin`.

    Inputs outside of `x` count as zero. Shapes ``(rows, time)``, on the CPU.
    """
    y = x.new_empty(x.shape[0], length)
    source = x.detach().resolve_neg().contiguous().numpy().reshape(-1)
    target = y.detach().numpy()
    coefficients = _coefficients(ratio, design, reverse, source.dtype.char)
    stretch = (x.shape[1], origin, start, length)
    if isinstance(coefficients, _Phases):
        _by_phases(source, target, coefficients, stretch)
    else:
        _by_cubics(source, target, coefficients, ratio, stretch)
    return y


def _by_phases(x: NDArray[Any], y: NDArray[Any], phases: _Phases, stretch: _Stretch) -> None:
    from audiolab.resample._kernels import (
        copy,
        filter_phases,
    )  # numba takes half a second to import

    *_, start, length = stretch
    first_period = start // phases.p
    periods = (start + length - 1) // phases.p + 1 - first_period
    streams = len(y) * periods
    per_piece = 3 * max(1, _PIECE // (3 * phases.table.size))
    geometry = (phases.p, phases.q, *stretch)
    flat = y.reshape(-1)

    def place(stream: int) -> int:
        row, period = divmod(stream, periods)
        return row * length + max(0, (first_period + period) * phases.p - start)

    def compute(piece: int) -> NDArray[Any]:
        first, last = piece * per_piece, min(piece * per_piece + per_piece, streams)
        begin, end = place(first), place(last)
        out = flat if streams <= per_piece else _scratch(end - begin, flat.dtype)
        filter_phases(x, out, phases.table, phases.bases, geometry, (first, last), begin)
        return out

    def store(piece: int, out: NDArray[Any]) -> None:
        if out is not flat:
            begin = place(piece * per_piece)
            copy(out[None], flat[None, begin : begin + len(out)])

    _pool.run(compute, store, -(-streams // per_piece), by_torch=False)


def _by_cubics(
    x: NDArray[Any], y: NDArray[Any], drifting: _Drifting, ratio: Fraction, stretch: _Stretch
) -> None:
    from audiolab.resample._kernels import copy, filter_drifting

    *_, start, length = stretch
    first_group, last_group = start // 4, (start + length + 3) // 4
    taps = drifting.cubics.shape[2]
    per_piece = max(1, _PIECE // (4 * taps * (len(y) + 12)))
    geometry = (ratio.numerator, ratio.denominator, *stretch[:2])

    def compute(piece: int) -> NDArray[Any]:
        first = first_group + piece * per_piece
        last = min(first + per_piece, last_group)
        begin, end = max(0, 4 * first - start), min(length, 4 * last - start)
        out = _scratch(len(y) * (end - begin), y.dtype).reshape(len(y), -1)
        groups = (first, last)
        filter_drifting(x, out, drifting.cubics, drifting.before, geometry, groups, start + begin)
        return out

    def store(piece: int, out: NDArray[Any]) -> None:
        begin = max(0, 4 * (first_group + piece * per_piece) - start)
        copy(out, y[:, begin : begin + out.shape[1]])

    _pool.run(compute, store, -(-(last_group - first_group) // per_piece), by_torch=False)


def _scratch(size: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return memory of this thread for a piece's outputs, which it has used before."""
    kept: NDArray[np.uint8] | None = getattr(_own, "memory", None)
    if kept is None or kept.nbytes < size * dtype.itemsize:
        kept = _own.memory = np.empty(size * dtype.itemsize, np.uint8)
    return kept[: size * dtype.itemsize].view(dtype)


def _period(ratio: Fraction, taps: float) -> int | None:
    """How many times p/q a period is repeated in the table; None if it is too large for one."""
    p = ratio.numerator
    fours = 4 // math.gcd(p, 4)  # these periods make whole groups of 4 outputs
    most = _MAX_TABLE // (p * taps)
    if most < 1:
        return None
    wanted = -(-_MIN_PERIOD // p)
    wanted = -(-wanted // fours) * fours if wanted > 1 else 1
    return max(1, min(wanted, int(most) // fours * fours))


@lru_cache(maxsize=32)
def _coefficients(
    ratio: Fraction, design: FilterDesign, reverse: bool, char: str
) -> _Phases | _Drifting:
    dtype = np.dtype(char)
    before, after = reach(ratio, design, reverse=reverse)
    repeats = _period(ratio, 8 + before + after + 3 * float(1 / ratio))
    if repeats is None:
        return _drifting(ratio, design, reverse, dtype)
    p, q = ratio.numerator * repeats, ratio.denominator * repeats
    kernel, zero = _continuous(ratio, design, reverse, points=ratio.numerator)
    # what is below half a rounding error of the largest coefficient is not worth a product
    loud = np.flatnonzero(abs(kernel) > np.finfo(dtype).eps / 16 * abs(kernel).max())
    before = (int(loud[-1]) - zero) // ratio.numerator + 1
    after = (zero - int(loud[0])) // ratio.numerator + 1
    first = np.arange(-(-p // 4)) * 4
    bases = first * q // p - before
    taps = before + after + 2 + 3 * q // p
    taps = -(-taps // 16) * 16
    times = (first[:, None] + np.arange(4)) * q  # in p-ths of a sample
    places = bases[:, None, None] + np.arange(taps)
    # p and q are common multiples; the kernel's grid is that of the ratio in its lowest terms
    index = (times[:, :, None] - p * places) // repeats + zero
    inside = (index >= 0) & (index < len(kernel))
    inside &= ((times < p * q)[:, :, None]) & (first[:, None] + np.arange(4) < p)[:, :, None]
    table = np.where(inside, kernel[np.where(inside, index, 0)], 0.0)
    return _Phases(p, q, np.ascontiguousarray(table, dtype), bases.astype(np.int64))


def _drifting(
    ratio: Fraction, design: FilterDesign, reverse: bool, dtype: np.dtype[Any]
) -> _Drifting:
    before, after = reach(ratio, design, reverse=reverse)
    lower = min(1.0, float(ratio))
    intervals = math.ceil(_INTERVALS[dtype.itemsize * 8] * lower)
    kernel, zero = _continuous(ratio, design, reverse, points=intervals * _POINTS)
    shift = math.ceil(3 / ratio)
    taps = -(-(before + after + 2 + shift) // 16) * 16 - shift
    places = np.arange(_POINTS + 1) / _POINTS - 0.5
    fit = np.linalg.pinv(np.vander(places, 4, increasing=True))  # (4, points)
    # tap j of an output at time t is sample floor(t) - before + j
    index = np.arange(intervals)[:, None, None] * _POINTS + np.arange(_POINTS + 1)
    index = index + zero + (before - np.arange(taps)[None, :, None]) * intervals * _POINTS
    inside = (index >= 0) & (index < len(kernel))
    values = np.where(inside, kernel[np.where(inside, index, 0)], 0.0)
    cubics = np.einsum("ijk,ck->icj", values, fit)
    return _Drifting(before, np.ascontiguousarray(cubics, dtype))


def _continuous(
    ratio: Fraction, design: FilterDesign, reverse: bool, *, points: int
) -> tuple[NDArray[np.float64], int]:
    """Read the kernel at `points` times per input sample; return it with the index of time 0.

    From the response by one long inverse transform, so that it is the same kernel, of any phase,
    whose response the blocks use.
    """
    before, after = reach(ratio, design, reverse=reverse)
    size = smooth_size((before + after + 16) * points)
    per_low = max(Fraction(1), 1 / ratio)
    duration = Fraction(size, points) / per_low
    response = design.response(duration).numpy()
    spectrum = np.zeros(size // 2 + 1, np.complex128)
    spectrum[: len(response)] = response.conj() if reverse else response
    kernel = np.fft.irfft(spectrum, n=size, norm="forward") * points / size
    # y[m] = sum_n x[n] g(t_m - n): inputs before an output's time meet positive times of g
    return np.roll(kernel, after * points)[: (before + after) * points + 1], after * points
