r"""Read a waveform faster or slower: any speed at the price of one, without a filter to design.

`audiolab.resample` designs its filter for the ratio at hand, which is worth it when all clips have
one ratio. A batch in which every item is shifted by semitones of its own has as many ratios as
items, and would spend nine tenths of the time on designs. Here one table serves them all: the
kernel, a sinc under a Kaiser window, at `_PHASES` places between two samples. What lies between
two places is interpolated linearly, which errs by :math:`(\pi / 512)^2 / 8`, -107 dB, at most.

Read faster, a waveform has to lose what would alias. The kernel then is wider by the speed, rounded
up to an eighth of a semitone, so that a few tables serve all speeds; the pass band ends at
0.9 / 1.007 of the Nyquist frequency at worst, and nothing above it is louder than -100 dB.

The operation is linear; its transpose is a compiled loop too, and each is the other's gradient.
Away from CPUs, `audiolab.resample` at the nearest ratio of small numbers stands in: 0.03 cents off.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray

from audiolab.resample import FilterDesign, resample

__all__ = ["read"]

#: Places of the table between two samples.
_PHASES = 512

#: Band edges in fractions of the lower Nyquist frequency, and the depth of the stop band.
_PASS, _STOP, _DEPTH_DB = 0.9, 1.0, 100.0

#: Widths of the kernel per octave of speed.
_WIDTHS = 96

#: Points per place at which the kernel is computed, to be read between for every width.
_FINE = 8

#: Terms of the ratios where `resample` stands in.
_LARGEST_TERM = 500

# Sums may be taken in any order, or there are no vectors; NaN and infinity stay what they are.
_MATHS = {"reassoc", "contract", "nsz"}


def read(x: torch.Tensor, speed: float, length: int) -> torch.Tensor:
    """Return `length` samples of ``(channels, time)`` at the times ``m * speed``."""
    if speed == 1.0:
        return x[:, :length]
    if x.device.type != "cpu":
        ratio = 1 / Fraction(speed).limit_denominator(_LARGEST_TERM)
        design = FilterDesign(pass_edge=_PASS, stop_edge=_STOP, attenuation_db=_DEPTH_DB)
        y = resample(x, 1, ratio, design=design)
        return torch.nn.functional.pad(y, (0, max(0, length - y.shape[-1])))[:, :length]
    result: torch.Tensor = _Read.apply(x, speed, length)
    return result


class _Read(torch.autograd.Function):
    """Sums of products, and their transpose."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, speed: float, length: int) -> torch.Tensor:
        ctx.speed, ctx.num_samples = speed, x.shape[-1]
        table, before = _table(_width(speed), x.dtype)
        after = table.shape[1] - before
        room = max(x.shape[-1], math.ceil((length - 1) * speed) + 1)
        source = x.detach().new_zeros(x.shape[0], before + room + after)
        source[:, before : before + x.shape[-1]] = x.detach()
        y = x.new_empty(x.shape[0], length)
        _gather(source.numpy(), y.detach().numpy(), table, speed)
        return y

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> Any:
        return _ReadBack.apply(grads[0], ctx.speed, ctx.num_samples), None, None


class _ReadBack(torch.autograd.Function):
    """The transpose, whose own gradient is the sums again."""

    @staticmethod
    def forward(ctx: Any, grad: torch.Tensor, speed: float, num_samples: int) -> torch.Tensor:
        ctx.speed, ctx.length = speed, grad.shape[-1]
        table, before = _table(_width(speed), grad.dtype)
        after = table.shape[1] - before
        room = max(num_samples, math.ceil((grad.shape[-1] - 1) * speed) + 1)
        target = grad.new_zeros(grad.shape[0], before + room + after)
        _scatter(target.numpy(), grad.detach().contiguous().numpy(), table, speed)
        return target[:, before : before + num_samples]

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> Any:
        return _Read.apply(grads[0], ctx.speed, ctx.length), None, None


def _width(speed: float) -> int:
    """Return how many steps wider than at speed 1 the kernel is."""
    return max(0, math.ceil(_WIDTHS * math.log2(speed) - 1e-9))


@lru_cache(maxsize=128)
def _table(width: int, dtype: torch.dtype) -> tuple[NDArray[Any], int]:
    """Return the kernel, ``(places + 1, taps)``, and how many of the taps lie before an output."""
    kernel, half = _kernel()
    stretch = 2.0 ** (width / _WIDTHS)
    before = math.floor(half * stretch)
    taps = -(-(2 * before + 2) // 16) * 16
    time = np.arange(_PHASES + 1)[:, None] / _PHASES + before - np.arange(taps)
    places = np.abs(time) * (_FINE * _PHASES / stretch)
    low = np.minimum(places.astype(np.int64), len(kernel) - 2)
    values = kernel[low] + np.minimum(places - low, 1.0) * (kernel[low + 1] - kernel[low])
    values /= values.sum(axis=1, keepdims=True)
    return np.ascontiguousarray(values, torch.empty(0, dtype=dtype).numpy().dtype), before


@lru_cache(maxsize=1)
def _kernel() -> tuple[NDArray[np.float64], float]:
    """Return the right half of the kernel at speed 1, and its length in samples."""
    # Kaiser's rules for the length and the shape of his window
    half = (_DEPTH_DB - 7.95) / (2.285 * math.pi * (_STOP - _PASS)) / 2
    shape = 0.1102 * (_DEPTH_DB - 8.7)
    time = np.arange(math.ceil(half * _FINE * _PHASES) + 2) / (_FINE * _PHASES)
    window = np.i0(shape * np.sqrt(np.maximum(0.0, 1 - (time / half) ** 2))) / np.i0(shape)
    cutoff = (_PASS + _STOP) / 2
    return np.where(time < half, cutoff * np.sinc(cutoff * time) * window, 0.0), half


@njit(fastmath=_MATHS, error_model="numpy", nogil=True, cache=True)
def _gather(x: Any, y: Any, table: Any, speed: float) -> None:
    phases, taps = table.shape[0] - 1, table.shape[1]
    zero = y.dtype.type(0.0)
    for c in range(y.shape[0]):
        for m in range(y.shape[1]):
            time = m * speed
            base = int(time)
            place = (time - base) * phases
            low = int(place)
            part = y.dtype.type(place - low)
            row, first, second = x[c, base : base + taps], table[low], table[low + 1]
            a = b = zero
            for j in range(taps):
                a += first[j] * row[j]
                b += second[j] * row[j]
            y[c, m] = a + part * (b - a)


@njit(fastmath=_MATHS, error_model="numpy", nogil=True, cache=True)
def _scatter(x: Any, y: Any, table: Any, speed: float) -> None:
    """Add to x what `_gather` took: its transpose."""
    phases, taps = table.shape[0] - 1, table.shape[1]
    for c in range(y.shape[0]):
        for m in range(y.shape[1]):
            time = m * speed
            base = int(time)
            place = (time - base) * phases
            low = int(place)
            part = y.dtype.type(place - low)
            row, first, second = x[c, base : base + taps], table[low], table[low + 1]
            b = part * y[c, m]
            a = y[c, m] - b
            for j in range(taps):
                row[j] += a * first[j] + b * second[j]
