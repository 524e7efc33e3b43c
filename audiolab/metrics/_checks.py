"""Checks for measurements that compare two waveforms."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from audiolab._validation import check_waveform

__all__ = ["check_lengths", "check_not_silent", "check_pair", "each_item"]


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


def check_lengths(
    lengths: Sequence[int] | torch.Tensor | None, reference: torch.Tensor
) -> list[int]:
    """Return the samples of each item in the order of the flattened batch, else raise."""
    *items, time = reference.shape
    if lengths is None:
        return [time] * (reference.numel() // time)
    given = torch.as_tensor(lengths)
    if given.is_floating_point() or given.is_complex() or given.dtype == torch.bool:
        raise TypeError(f"lengths must be whole numbers of samples, got {given.dtype}")
    if list(given.shape) != items:
        raise ValueError(
            f"lengths must have shape {tuple(items)}, one number an item, got {tuple(given.shape)}"
        )
    if given.numel() and not 1 <= int(given.min()) <= int(given.max()) <= time:
        raise ValueError(f"lengths must lie from 1 to {time} samples, got {given.tolist()}")
    return [int(n) for n in given.reshape(-1)]


def each_item(
    measure: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    reference: torch.Tensor,
    estimate: torch.Tensor,
    lengths: Sequence[int] | torch.Tensor | None,
) -> torch.Tensor:
    """Measure items ``(time,)`` one by one, each as long as it is, and restore the batch."""
    sizes = check_lengths(lengths, reference)
    pairs = zip(
        reference.reshape(-1, reference.shape[-1]),
        estimate.reshape(-1, reference.shape[-1]),
        sizes,
        strict=True,
    )
    values = [measure(x[:size], y[:size]) for x, y, size in pairs]
    if not values:
        return reference.new_zeros(reference.shape[:-1])
    return torch.stack(values).reshape(reference.shape[:-1])
