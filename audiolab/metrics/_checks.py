"""Checks for measurements that compare two waveforms."""

from __future__ import annotations

import torch

from audiolab._validation import check_waveform

__all__ = ["check_not_silent", "check_pair"]


def check_pair(
    reference: torch.Tensor, estimate: torch.Tensor, *, same_length: bool = True
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return both waveforms if they are finite, not empty, and fit each other, else raise."""
    check_waveform(reference, "reference", allow_empty=False, finite=True)
    check_waveform(estimate, "estimate", allow_empty=False, finite=True)
    items = reference.shape[:-1], estimate.shape[:-1]
    if items[0] != items[1] or (same_length and reference.shape != estimate.shape):
        hint = ""
        if items[0] == items[1]:
            hint = "; metrics.align trims them to the same span"
        raise ValueError(
            "reference and estimate must have the same shape, "
            f"got {tuple(reference.shape)} and {tuple(estimate.shape)}{hint}"
        )
    if reference.dtype != estimate.dtype or reference.device != estimate.device:
        raise ValueError(
            "reference and estimate must have the same dtype and device, "
            f"got {reference.dtype} on {reference.device} and {estimate.dtype} on {estimate.device}"
        )
    return reference, estimate


def check_not_silent(waveform: torch.Tensor, name: str) -> None:
    """Raise where an item of a batch has only zeros, and name the first one."""
    silent = (waveform.detach() == 0).all(dim=-1)
    if bool(silent.any()):
        where = tuple(silent.nonzero()[0].tolist())
        item = f", item {where}" if where else ""
        raise ValueError(f"{name} is silent{item}: the measure is not defined for it")
