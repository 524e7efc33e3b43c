"""Filters given by what they do to each frequency, applied an item at a time by one transform.

scipy's transforms give a row the same bits in any company and with any number of threads; torch's
don't. They are used wherever the samples lie on the CPU, with a gradient of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.fft
import torch
from numpy.typing import NDArray

from audiolab._convolution import fast_length

__all__ = ["ResponseOf", "filtered", "minimum_phase"]

Response = NDArray[np.complex128] | NDArray[np.float64]
#: From the length of a transform to the response in each of its bins.
ResponseOf = Callable[[int], Response]


def filtered(x: torch.Tensor, response_of: ResponseOf, tail: int) -> torch.Tensor:
    """Filter ``(channels, time)``, with silence around it; the output is cut to its length.

    `tail` is how many samples the impulse response may be long, on either side of zero.
    """
    size = fast_length(x.shape[-1] + tail)
    response = response_of(size)
    if x.device.type != "cpu" or x.dtype not in (torch.float32, torch.float64):
        wide = x if x.dtype in (torch.float32, torch.float64) else x.float()
        weights = torch.from_numpy(response).to(x.device, wide.dtype.to_complex())
        whole: torch.Tensor = torch.fft.irfft(torch.fft.rfft(wide, size) * weights, size)
        return whole[..., : x.shape[-1]].to(x.dtype)
    taped: torch.Tensor = _Filtered.apply(x, response, size)
    return taped


class _Filtered(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, response: Response, size: int) -> torch.Tensor:
        ctx.response, ctx.size = response, size
        return _run(x, response, size)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        # The adjoint of a filter runs it backwards in time.
        return _Filtered.apply(grads[0], np.conj(ctx.response), ctx.size), None, None


def _run(x: torch.Tensor, response: Response, size: int) -> torch.Tensor:
    spectrum = scipy.fft.rfft(x.detach().numpy(), size)
    real = not np.iscomplexobj(response)
    kind = spectrum.real.dtype if real else spectrum.dtype
    spectrum *= response.astype(kind, copy=False)
    y = scipy.fft.irfft(spectrum, size, overwrite_x=True)[..., : x.shape[-1]]
    return torch.from_numpy(np.ascontiguousarray(y))


def minimum_phase(magnitude: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the minimum-phase impulse response whose transform has these magnitudes.

    The real cepstrum is folded onto positive times; `magnitude` is that of an even length's bins.
    """
    size = 2 * (len(magnitude) - 1)
    cepstrum = scipy.fft.irfft(np.log(np.maximum(magnitude, 1e-8)), size)
    cepstrum[1 : size // 2] *= 2.0
    cepstrum[size // 2 + 1 :] = 0.0
    impulse: NDArray[np.float64] = scipy.fft.irfft(np.exp(scipy.fft.rfft(cepstrum)), size)
    return impulse
