"""Convolution in partitions of fixed size: what a row becomes depends on nothing but the row.

Large transforms of torch's library on the CPU round differently with the number of rows and of
threads. Those of 32 kB and less do not, so that the response is cut into partitions short enough
for them (uniformly partitioned overlap-save): each block of the signal is transformed once,
multiplied by the spectra of all partitions in a compiled loop without reordering, and transformed
back. Block borders stand at multiples of a size that only the number of taps decides: zeros after a
signal change no sample of it.

Reference: F. Wefers, "Partitioned convolution algorithms for real-time auralization", Logos, 2015.
"""

from __future__ import annotations

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray
from torch.nn.functional import pad

from audiolab._rows import run_rows

__all__ = ["convolve_rows", "partition"]

Samples = NDArray[np.float32] | NDArray[np.float64]

#: Bytes of the largest transform whose rounding does not depend on what is transformed beside it.
_LARGEST = 1 << 15


def partition(taps: int, itemsize: int) -> tuple[int, int, int]:
    """Return the size of a transform, the taps it sees, and how many partitions there are."""
    largest = _LARGEST // itemsize
    if 2 * taps <= 3 * largest:
        largest //= 2  # measured: products are cheap, and these transforms stay in the first cache
    size = 512
    # Up to half a transform of taps in one partition: the other half is new samples.
    while size < largest and size < 4 * taps:
        size *= 2
    if taps <= size // 2:
        return size, taps, 1
    length = size // 2
    return size, length, -(-taps // length)


def convolve_rows(
    x: torch.Tensor, taps: torch.Tensor, pairs: NDArray[np.int64], length: int
) -> torch.Tensor:
    """Return the first `length` samples of signals convolved with responses.

    Parameters
    ----------
    x : Tensor
        Samples, ``(signals, time)``, on the CPU, float32 or float64; neither is recorded.
    taps : Tensor
        Responses, ``(responses, taps)``, of the same type.
    pairs : array
        The signal and the response of each row of the result, ``(rows, 2)``.
    length : int
        Samples to return, at most ``time + taps - 1``.

    Returns
    -------
    Tensor
        ``(rows, length)``.
    """
    time, count = x.shape[-1], taps.shape[-1]
    size, seen, parts = partition(count, x.element_size())
    step = size - seen + 1 if parts == 1 else seen
    blocks = -(-length // step)
    past = size - step
    response = _spectra(pad(taps, (0, parts * seen - count)).reshape(-1, parts, seen), size)
    y = x.new_empty(len(pairs), length)
    product = np.empty((blocks, response.shape[2]), response.dtype)
    bins = torch.from_numpy(product).reshape(blocks, -1, 2)
    last = -1
    for row, (of, by) in enumerate(pairs.tolist()):
        if of != last:  # a signal that is heard in several places is transformed once
            line = pad(x[of, : blocks * step], (past, max(0, blocks * step - time)))
            signal, last = _spectra(line.unfold(-1, size, step), size), of
        kernel = _Blocks(signal, response[by])
        run_rows(kernel, product.size, product, np.arange(blocks))
        out = torch.fft.irfft(torch.view_as_complex(bins), size)
        whole = length // step
        y[row, : whole * step].view(whole, step).copy_(out[:whole, past:])
        if whole < blocks:
            y[row, whole * step :] = out[whole, past : past + length - whole * step]
    return y


def _spectra(x: torch.Tensor, size: int) -> Samples:
    """Return spectra as pairs of numbers, ``(..., 2 bins)``."""
    spectra: Samples = torch.view_as_real(torch.fft.rfft(x, size)).flatten(-2).numpy()
    return spectra


class _Blocks:
    """The products of some blocks, as a kernel over rows that can be cut."""

    def __init__(self, signal: Samples, response: Samples) -> None:
        self._signal, self._response = signal, response

    def __call__(self, product: Samples, blocks: NDArray[np.int64]) -> None:
        if len(blocks):
            _multiply(self._signal, self._response, int(blocks[0]), product)


@njit(error_model="numpy", nogil=True, cache=True)
def _multiply(signal: Samples, response: Samples, first: int, product: Samples) -> None:
    """Write ``product[b] = sum_p signal[first + b - p] response[p]``, complex in pairs.

    No fast maths: each bin is rounded the same way wherever a vector begins. Rows are flat, so that
    the distance of pairs is known when this is compiled.
    """
    blocks, bins = product.shape[0], product.shape[1] // 2
    parts = response.shape[0]
    for b in range(blocks):
        x, h, out = signal[first + b], response[0], product[b]
        for k in range(bins):
            out[2 * k] = x[2 * k] * h[2 * k] - x[2 * k + 1] * h[2 * k + 1]
            out[2 * k + 1] = x[2 * k] * h[2 * k + 1] + x[2 * k + 1] * h[2 * k]
        for p in range(1, min(parts, first + b + 1)):
            x, h = signal[first + b - p], response[p]
            for k in range(bins):
                out[2 * k] += x[2 * k] * h[2 * k] - x[2 * k + 1] * h[2 * k + 1]
                out[2 * k + 1] += x[2 * k] * h[2 * k + 1] + x[2 * k + 1] * h[2 * k]
