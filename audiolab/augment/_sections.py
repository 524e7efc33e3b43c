"""Recursive filters in a row: all sections of an item while it lies in the cache.

The bits are those of the sections run one after the other over the whole batch, which is what
happens on other devices and where gradients are recorded.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray

from audiolab._rows import least_visible, run_rows
from audiolab.effects._recurrences.kernels import second_order
from audiolab.effects.filters._run import run_biquad
from audiolab.effects.filters.design import Biquad

__all__ = ["run_sections"]


def run_sections(waveform: torch.Tensor, sections: Sequence[Biquad]) -> torch.Tensor:
    """Filter items by sections whose coefficients are ``(items, 1, 3)`` or the same for all."""
    recorded = torch.is_grad_enabled() and waveform.requires_grad
    kinds = (torch.float32, torch.float64)
    if waveform.device.type != "cpu" or waveform.dtype not in kinds or recorded or not sections:
        for each in sections:
            waveform = run_biquad(waveform, each)
        return waveform
    items, channels, time = waveform.shape
    rows = [
        torch.cat([each.b, each.a[..., 1:]], dim=-1)
        .expand(items, channels, 5)
        .reshape(items * channels, 5)
        for each in sections
    ]
    x = waveform.reshape(items * channels, time).contiguous()
    y = torch.empty_like(x)
    tensors = (x, torch.stack(rows, dim=1), y, least_visible(x))
    run_rows(_cascade, x.numel() * len(sections), *(each.numpy() for each in tensors))
    return y.reshape(waveform.shape)


@njit(nogil=True, cache=True)
def _cascade(
    x: NDArray[Any], coefficients: NDArray[np.float64], y: NDArray[Any], tiny: NDArray[np.float64]
) -> None:
    """Write rows of `x` filtered by their sections ``(rows, sections, 5)``."""
    final = np.empty((1, 2))
    rest = np.zeros((1, 2))
    for r in range(x.shape[0]):
        own = slice(r, r + 1)
        for s in range(coefficients.shape[1]):
            if s == 0:
                second_order(x[own], coefficients[own, s], rest, y[own], final, tiny[own])
            else:
                second_order(y[own], coefficients[own, s], rest, y[own], final, tiny[own])
