"""Magnitudes and compressed spectra with a gradient at half the price.

The losses spend most of their time in spectra. Autograd's own gradient of a real transform goes
through a complex one of twice the size, and that of magnitude and compression through a dozen
passes over memory; here the gradient is written down.

With ``Y = a + ib`` a bin, ``m = |Y|`` and ``c = (m + d)^-p``, the outputs are ``m``, ``ac`` and
``bc``. For gradients ``u, v, w`` towards them and ``s = u - p c (v a + w b) / (m + d)``,
that of the bin is ``(c v + s a / m) + i (c w + s b / m)``. The transform's adjoint is an inverse
real transform of bins, of which all but the first and the last count once instead of twice.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

__all__ = ["COMPRESSION", "MAGNITUDE_FLOOR", "spectra"]

COMPRESSION = 0.6
#: Keeps the compression's slope finite.
MAGNITUDE_FLOOR = 1e-3
_TINY = 1e-20  # under the root of a magnitude: its square root stays far below every floor


def spectra(
    waveform: torch.Tensor, window: torch.Tensor, *, compressed: bool
) -> tuple[torch.Tensor, torch.Tensor | None, torch.Tensor | None]:
    """Return the STFT's magnitudes and, where asked for, its compressed bins.

    Parameters
    ----------
    waveform : Tensor
        ``(items, time)``.
    window : Tensor
        Window, of a length that 4 divides: the hop is a quarter of it.
    compressed : bool
        Whether to return compressed bins.

    Returns
    -------
    tuple of Tensor
        Magnitudes, real and imaginary parts ``(items, frames, bins)``; the parts are divided by
        ``(magnitude + 0.001) ** 0.6``, or None.
    """
    if compressed:
        magnitude, real, imaginary = _Spectra.apply(waveform, window, True)
        return magnitude, real, imaginary
    (magnitude,) = _Spectra.apply(waveform, window, False)
    return magnitude, None, None


class _Spectra(torch.autograd.Function):
    """The transform with the gradient above."""

    @staticmethod
    def forward(
        ctx: Any, waveform: torch.Tensor, window: torch.Tensor, compressed: bool
    ) -> tuple[torch.Tensor, ...]:
        size = len(window)
        padded = functional.pad(waveform, (size // 2, size // 2))
        frames = padded.unfold(-1, size, size // 4) * window
        bins = torch.fft.rfft(frames)
        real, imaginary = bins.real, bins.imag
        magnitude = torch.addcmul(real * real, imaginary, imaginary).add_(_TINY).sqrt_()
        ctx.length = waveform.shape[-1]
        if not compressed:
            ctx.save_for_backward(window, bins, magnitude)
            return (magnitude,)
        factor = (magnitude + MAGNITUDE_FLOOR).pow_(-COMPRESSION)
        ctx.save_for_backward(window, bins, magnitude, factor)
        return magnitude, real * factor, imaginary * factor

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        window, bins, magnitude, *rest = ctx.saved_tensors
        real, imaginary = bins.real, bins.imag
        slope, *parts = gradients
        inner = torch.empty_like(bins)
        if rest:
            (factor,) = rest
            towards_real, towards_imaginary = parts
            radial = torch.addcmul(towards_real * real, towards_imaginary, imaginary)
            radial *= factor
            radial /= magnitude + MAGNITUDE_FLOOR
            radial = torch.add(slope, radial, alpha=-COMPRESSION)
            radial /= magnitude
            torch.addcmul(radial * real, towards_real, factor, out=inner.real)
            torch.addcmul(radial * imaginary, towards_imaginary, factor, out=inner.imag)
        else:
            radial = slope / magnitude
            torch.mul(radial, real, out=inner.real)
            torch.mul(radial, imaginary, out=inner.imag)
        # irfft counts every bin but the first and the last twice.
        inner[..., 1:-1] *= 0.5
        size = len(window)
        frames = torch.fft.irfft(inner, size, norm="forward") * window
        return _overlap_add(frames, ctx.length), None, None


def _overlap_add(frames: torch.Tensor, length: int) -> torch.Tensor:
    """Add up frames of four hops each, and cut the padding off."""
    items, count, size = frames.shape
    hop = size // 4
    parts = frames.view(items, count, 4, hop)
    joined = frames.new_zeros(items, count + 3, hop)
    for part in range(4):
        joined[:, part : part + count] += parts[:, :, part]
    waveform = joined.view(items, -1)[:, size // 2 :]
    return functional.pad(waveform, (0, max(0, length - waveform.shape[1])))[:, :length]
