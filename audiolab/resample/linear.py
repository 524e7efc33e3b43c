"""Linear interpolation: what a resampler must not do, for comparison.

``y[m] = (1 - u) x[i] + u x[i + 1]`` with ``i + u = m * orig / new``. That is convolution with a
triangle of one input sample, whose response ``sinc(f / orig_rate)^2`` droops by 7.8 dB at the
input's Nyquist frequency, hardly attenuates images, and does nothing at all against aliasing.
"""

from __future__ import annotations

from fractions import Fraction

import torch

__all__ = ["interpolate_linearly"]


def interpolate_linearly(waveform: torch.Tensor, ratio: Fraction, length: int) -> torch.Tensor:
    """Resample ``(..., time)`` by `ratio` to `length` samples; zero follows the last sample."""
    steps = torch.arange(length, device=waveform.device) * ratio.denominator
    index = torch.div(steps, ratio.numerator, rounding_mode="floor")
    part = (steps - index * ratio.numerator).to(torch.float64) / ratio.numerator
    part = part.to(waveform.dtype)
    padded = torch.nn.functional.pad(waveform, (0, 1))
    return torch.lerp(padded[..., index], padded[..., index + 1], part)
