"""Run a designed filter on a batch."""

from __future__ import annotations

from typing import Any

import torch

from audiolab._validation import check_waveform
from audiolab.effects._parameters import per_item
from audiolab.effects._recurrences import iir
from audiolab.effects.filters.design import Biquad

__all__ = ["run_biquad", "shaped"]


def shaped(waveform: torch.Tensor, **parameters: Any) -> dict[str, Any]:
    """Return parameters for a design: tensors shaped to the batch's items, all else as it is."""
    check_waveform(waveform)
    return {
        name: per_item(value, waveform, name) if isinstance(value, torch.Tensor) else value
        for name, value in parameters.items()
    }


def run_biquad(waveform: torch.Tensor, biquad: Biquad) -> torch.Tensor:
    """Filter ``(..., time)`` from a state of rest."""
    y, _ = iir(waveform, biquad.b, biquad.a[..., 1:])
    return y
