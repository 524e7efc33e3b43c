"""What a batch must be like, and how its segments are grouped to go together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

import torch

from audiolab._validation import check_waveform
from audiolab.codec.config import EncodecConfig

__all__ = ["by_key", "by_length", "check_input", "check_lengths", "check_segment", "slices"]

Item = TypeVar("Item")
Key = TypeVar("Key")


def check_input(config: EncodecConfig, waveform: torch.Tensor) -> torch.Tensor:
    """Return a batch of waveforms if it fits the model, else raise."""
    check_waveform(waveform, finite=not torch.compiler.is_compiling())
    if waveform.dim() != 3:
        raise ValueError(
            "waveform must have shape (batch, channels, time), "
            f"got {tuple(waveform.shape)}; waveform[None] makes a batch of one"
        )
    if waveform.shape[1] != config.channels:
        hint = (
            "waveform.mean(1, keepdim=True) mixes down"
            if config.channels == 1
            else "waveform.expand(-1, 2, -1) doubles a single channel"
        )
        raise ValueError(
            f"{config.name} takes {config.channels} channel(s), got {waveform.shape[1]}; {hint}"
        )
    if len(waveform) == 0:
        raise ValueError("waveform holds no items: its batch dimension is 0")
    return waveform


def check_lengths(
    lengths: Sequence[int] | torch.Tensor | None, waveform: torch.Tensor
) -> list[int]:
    """Return the length of each item, as given or as long as the batch."""
    batch, _, time = waveform.shape
    sizes = [time] * batch if lengths is None else [int(n) for n in lengths]
    if len(sizes) != batch or min(sizes) < 0 or max(sizes) > time:
        raise ValueError(
            f"lengths must be {batch} numbers from 0 to {time}, one per item, got {sizes}"
        )
    return sizes


def check_segment(
    config: EncodecConfig, codes: torch.Tensor, scale: torch.Tensor | None
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Return one segment's codes and scale if they fit the model, else raise."""
    most = config.num_codebooks
    if codes.dim() != 3 or codes.is_floating_point() or not 1 <= codes.shape[1] <= most:
        raise ValueError(
            f"codes must be integers of shape (batch, 1 to {most} codebooks, frames), "
            f"got {codes.dtype} {tuple(codes.shape)}"
        )
    if codes.numel() and (int(codes.min()) < 0 or int(codes.max()) >= config.codebook_size):
        raise ValueError(
            f"codes must lie in 0..{config.codebook_size - 1}, "
            f"got {int(codes.min())}..{int(codes.max())}"
        )
    if config.normalize != (scale is not None):
        raise ValueError(
            f"{config.name} {'needs a' if config.normalize else 'has no'} scale per segment"
        )
    if scale is not None:
        scale = scale.reshape(len(codes), 1)
    return codes.long(), scale


def by_length(cuts: Sequence[Sequence[tuple[int, int]]]) -> dict[int, list[tuple[int, int]]]:
    """Return, for each length of segment, the places (item, segment) that have it."""
    groups: dict[int, list[tuple[int, int]]] = {}
    for b, item in enumerate(cuts):
        for i, (start, stop) in enumerate(item):
            groups.setdefault(stop - start, []).append((b, i))
    return groups


def by_key(keys: Sequence[Key]) -> dict[Key, list[int]]:
    """Return, for each key, the places that have it."""
    groups: dict[Key, list[int]] = {}
    for i, key in enumerate(keys):
        groups.setdefault(key, []).append(i)
    return groups


def slices(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """Cut a sequence into parts of at most so many items."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
