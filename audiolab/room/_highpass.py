"""A high-pass without delay for impulse responses: a Butterworth filter run forward, then backward.

All images of rigid walls have one sign, so that a simulated response has an offset that grows with
its tail: at 0 Hz, thirty times the direct sound. No microphone records that.

Both passes start from silence, and the first one is followed past the end until it has died away:
the filter is then its own transpose, and its gradient is the filter again.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray

from audiolab._convolution import fast_length

__all__ = ["highpass"]

Doubles = NDArray[np.float64]


def highpass(rir: torch.Tensor, cutoff_hz: float, sample_rate: int) -> torch.Tensor:
    """Filter ``(rows, time)`` in float64 by the squared second-order Butterworth high-pass."""
    y: torch.Tensor = _Highpass.apply(rir, cutoff_hz, sample_rate)
    return y


class _Highpass(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rir: torch.Tensor, cutoff_hz: float, sample_rate: int) -> torch.Tensor:
        ctx.settings = cutoff_hz, sample_rate
        rir = rir.detach()
        # The poles' e-fold takes rate / (pi sqrt(2) cutoff) samples: forty of them are -347 dB.
        tail = math.ceil(40 * sample_rate / (math.pi * math.sqrt(2) * cutoff_hz))
        if rir.device.type == "cpu":
            y = rir.contiguous().clone()
            _forward_backward(y.numpy(), *_coefficients(cutoff_hz, sample_rate), tail)
            return y
        size = fast_length(rir.shape[-1] + 2 * tail)
        turn = torch.arange(size // 2 + 1, device=rir.device, dtype=torch.float64) / size
        # The bilinear transform's warped axis: what the recursion below has, squared.
        warped = (math.pi * turn).tan() / math.tan(math.pi * cutoff_hz / sample_rate)
        gain = 1 - 1 / (1 + warped**4)
        whole: torch.Tensor = torch.fft.irfft(torch.fft.rfft(rir, size) * gain, size)
        return whole[..., : rir.shape[-1]]

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        return highpass(grad, *ctx.settings), None, None


def _coefficients(cutoff_hz: float, sample_rate: int) -> tuple[float, float, float]:
    """Return the gain and the two feedback coefficients; the zeros are both at 0 Hz."""
    k = math.tan(math.pi * cutoff_hz / sample_rate)
    norm = 1 + math.sqrt(2) * k + k * k
    return 1 / norm, 2 * (k * k - 1) / norm, (1 - math.sqrt(2) * k + k * k) / norm


@njit(error_model="numpy", nogil=True, cache=True)
def _forward_backward(rows: Doubles, gain: float, a1: float, a2: float, tail: int) -> None:
    time = rows.shape[1]
    line = np.empty(time + tail)
    for r in range(rows.shape[0]):
        line[:time] = rows[r]
        line[time:] = 0.0
        for direction in range(2):
            x1, x2, y1, y2 = 0.0, 0.0, 0.0, 0.0
            for n in range(line.size):
                at = n if direction == 0 else line.size - 1 - n
                x = line[at]
                # The difference of differences: exact zeros at 0 Hz.
                y = gain * ((x - x1) - (x1 - x2)) - a1 * y1 - a2 * y2
                x2, x1, y2, y1 = x1, x, y1, y
                line[at] = y
        rows[r] = line[:time]
