"""Valid lengths of the items of a batch."""

from __future__ import annotations

import torch

__all__ = ["beyond_lengths", "check_lengths"]


def check_lengths(lengths: torch.Tensor, waveform: torch.Tensor, name: str) -> torch.Tensor:
    """Return lengths as int64 on the waveform's device, if they are its items', else raise.

    Raises
    ------
    TypeError
        Not a tensor of whole numbers.
    ValueError
        Of another shape than the waveform's first dimensions, or outside its samples.
    """
    if not isinstance(lengths, torch.Tensor):
        raise TypeError(f"{name} must be a tensor of integers, got {type(lengths).__name__}")
    if lengths.is_floating_point() or lengths.is_complex() or lengths.dtype == torch.bool:
        raise TypeError(f"{name} must be a tensor of integers, got {lengths.dtype}")
    if lengths.ndim >= waveform.ndim or lengths.shape != waveform.shape[: lengths.ndim]:
        raise ValueError(
            f"{name} must have a value an item, its shape a prefix of "
            f"{tuple(waveform.shape[:-1])}, got {tuple(lengths.shape)}"
        )
    limit = waveform.shape[-1]
    if lengths.numel() and (int(lengths.min()) < 0 or int(lengths.max()) > limit):
        raise ValueError(
            f"{name} must lie between 0 and the {limit} samples of the waveform, "
            f"got {int(lengths.min())} to {int(lengths.max())}"
        )
    return lengths.to(device=waveform.device, dtype=torch.int64)


def beyond_lengths(lengths: torch.Tensor, ndim: int, time: int) -> torch.Tensor:
    """Return where samples lie past their item's end, shaped to broadcast over `ndim` dims."""
    index = torch.arange(time, device=lengths.device)
    return index >= lengths.reshape(*lengths.shape, *(1,) * (ndim - lengths.ndim))
