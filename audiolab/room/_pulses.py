"""Pulses at times between samples, summed into signals, with gradients to times and amplitudes.

The same pulse as in `_image_kernels`: compiled on the CPU, in chunks of torch operations elsewhere,
always in float64.
"""

from __future__ import annotations

import math
from typing import Any

import torch

from audiolab.room._image_kernels import add_pulses, pulse_adjoint, tap_tables

__all__ = ["sum_pulses"]

#: Values of pulses that are held at a time, 64 MB of them, on devices without compiled loops.
_CHUNK = 1 << 23


def sum_pulses(
    times: torch.Tensor, amplitudes: torch.Tensor, num_samples: int, taps: int
) -> torch.Tensor:
    """Return ``sum_i a_i sinc(n - t_i) w(n - t_i)`` for ``(rows, images)``, ``(rows, time)``.

    Times are in samples; what falls before 0 or past the end is cut off. Differentiable once.
    """
    y: torch.Tensor = _Pulses.apply(times, amplitudes, num_samples, taps)
    return y


class _Pulses(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, times: torch.Tensor, amplitudes: torch.Tensor, num_samples: int, taps: int
    ) -> torch.Tensor:
        times, amplitudes = times.detach().contiguous(), amplitudes.detach().contiguous()
        ctx.save_for_backward(times, amplitudes)
        ctx.taps = taps
        out = times.new_zeros(times.shape[0], num_samples)
        if times.device.type == "cpu":
            add_pulses(times.numpy(), amplitudes.numpy(), tap_tables(taps), out.numpy())
            return out
        for each in _chunks(times, taps):
            index, weight, _ = _values(times[:, each], num_samples, taps)
            weight = weight * amplitudes[:, each, None]
            out.scatter_add_(1, index.flatten(1), weight.flatten(1))
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        times, amplitudes = ctx.saved_tensors
        by_time, by_amplitude = torch.zeros_like(times), torch.zeros_like(times)
        grad = grad.contiguous()
        if times.device.type == "cpu":
            pulse_adjoint(
                times.numpy(),
                amplitudes.numpy(),
                tap_tables(ctx.taps),
                grad.numpy(),
                by_time.numpy(),
                by_amplitude.numpy(),
            )
            return by_time, by_amplitude, None, None
        for each in _chunks(times, ctx.taps):
            index, weight, slope = _values(times[:, each], grad.shape[-1], ctx.taps)
            heard = grad.gather(1, index.flatten(1)).reshape(index.shape)
            by_amplitude[:, each] = (heard * weight).sum(-1)
            by_time[:, each] = (heard * slope).sum(-1) * amplitudes[:, each]
        return by_time, by_amplitude, None, None


def _chunks(times: torch.Tensor, taps: int) -> list[slice]:
    rows, images = times.shape
    step = max(1, _CHUNK // (max(1, rows) * taps))
    return [slice(first, first + step) for first in range(0, images, step)]


def _values(
    times: torch.Tensor, num_samples: int, taps: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return indices of samples, values of the pulses there, and their slopes by the time."""
    nearest = torch.floor(times + 0.5)
    k = torch.arange(taps, device=times.device, dtype=times.dtype) - taps // 2
    index = nearest[..., None] + k
    inside = (index >= 0) & (index < num_samples)
    u = index - times[..., None]
    angle = 2 * math.pi * u / taps
    window, window_slope = 0.5 + 0.5 * angle.cos(), math.pi / taps * angle.sin()
    sinc = torch.sinc(u)
    # d/dt sinc(n - t): by its series where the difference would lose its digits.
    near = u.abs() < 1e-3
    apart = torch.where(near, 1.0, u)
    steep = torch.where(near, math.pi**2 / 3 * u, (sinc - (math.pi * u).cos()) / apart)
    weight = torch.where(inside, sinc * window, 0.0)
    slope = torch.where(inside, steep * window + sinc * window_slope, 0.0)
    return torch.where(inside, index, 0.0).long(), weight, slope
