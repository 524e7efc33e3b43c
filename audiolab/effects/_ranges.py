"""Checks of parameters that are numbers or tensors with a value an item."""

from __future__ import annotations

import math

import torch

from audiolab._validation import check_range
from audiolab.effects._parameters import per_item

__all__ = ["bounded", "rows_of"]


def bounded(
    value: float | torch.Tensor,
    waveform: torch.Tensor,
    name: str,
    low: float = -math.inf,
    high: float = math.inf,
    *,
    unit: str = "",
) -> torch.Tensor:
    """Return a parameter as `per_item` does, after a look at its range.

    Raises
    ------
    TypeError
        If it is neither a number nor a tensor.
    ValueError
        If a value is outside ``[low, high]`` or not finite, or the shape does not fit.
    """
    if not isinstance(value, torch.Tensor):
        check_range(value, name, low, high, unit=unit)
    elif value.numel():
        fixed = value.detach()
        for each in (float(fixed.min()), float(fixed.max())):
            check_range(each, name, low, high, unit=unit)
    return per_item(value, waveform, name)


def rows_of(value: torch.Tensor, waveform: torch.Tensor) -> torch.Tensor:
    """Return one value a row of ``waveform.reshape(-1, time)``."""
    leading = waveform.shape[:-1]
    return value.expand(leading).reshape(leading.numel())
