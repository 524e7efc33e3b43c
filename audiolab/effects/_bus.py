"""SoX's bus: 32-bit integers between effects, and saturation at their ends."""

from __future__ import annotations

import torch

__all__ = ["FULL_SCALE", "to_bus"]

FULL_SCALE = 2.0**31


def to_bus(waveform: torch.Tensor) -> torch.Tensor:
    """Round to multiples of 2**-31, halves away from zero, and saturate to [-1, 1 - 2**-31].

    Gradients pass as if nothing had been rounded, and stop where the signal saturates.

    Parameters
    ----------
    waveform : Tensor
        Samples, float64.

    Returns
    -------
    Tensor
        As many samples, float64.
    """
    limited = waveform.clamp(-1.0, 1.0 - 1.0 / FULL_SCALE)
    scaled = limited.detach() * FULL_SCALE
    # Both products are exact: a power of two.
    rounded = torch.trunc(scaled + torch.copysign(torch.full_like(scaled, 0.5), scaled))
    rounded = rounded.clamp_(-FULL_SCALE, FULL_SCALE - 1.0).div_(FULL_SCALE)
    if limited.requires_grad:
        return limited + (rounded - limited.detach())
    return rounded
