"""One item at another tempo: which engine, and items that become unlike long.

An item is computed alone, on one thread, whatever batch it came in: how libraries order sums and
transforms depends on the shape of the batch, and the last bits of an item would depend on its
neighbours. Threads share whole items.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeAlias

import torch

from audiolab.augment._items import Items
from audiolab.effects import tempo
from audiolab.resample import _pool

__all__ = ["ENGINES", "USES", "Engine", "Use", "each_item", "stretch_item", "stretched"]

Engine: TypeAlias = Literal["wsola", "phase_vocoder"]
Use: TypeAlias = Literal["general", "speech", "music"]
ENGINES = ("wsola", "phase_vocoder")
USES = ("general", "speech", "music")


def stretched(num_samples: int, rate: float) -> int:
    """Return the number of samples after stretching."""
    return int(num_samples / rate + 0.5)


def stretch_item(
    x: torch.Tensor, sample_rate: float, rate: float, *, engine: str, use: str
) -> torch.Tensor:
    """Stretch ``(channels, time)``, all channels by the same cuts or rotations."""
    if rate == 1.0 or x.shape[-1] == 0:
        return x
    return tempo(x, sample_rate, factor=rate, use=use)


def each_item(
    items: Items,
    ends: Sequence[int],
    lengths: Sequence[int],
    compute: Callable[[int, torch.Tensor], torch.Tensor],
) -> torch.Tensor:
    """Compute each item from its valid samples; return all of them, with zeros behind the ends.

    Parameters
    ----------
    items : Items
        The batch.
    ends : sequence of int
        Valid samples of each item.
    lengths : sequence of int
        What `compute` makes of them.
    compute : callable
        From an item's number and its samples ``(channels, time)`` to its result.

    Returns
    -------
    Tensor
        Shape ``(items, channels, longest)``.
    """
    samples, longest = items.samples, max(lengths, default=0)

    def one(index: int) -> torch.Tensor:
        return compute(index, samples[index, :, : ends[index]])

    if samples.requires_grad and torch.is_grad_enabled():
        parts = [one(index) for index in range(items.count)]
        pad = torch.nn.functional.pad
        parts = [pad(part, (0, longest - part.shape[-1])) for part in parts]
        return torch.stack(parts) if parts else samples[..., :0]
    y = samples.new_empty(*samples.shape[:-1], longest)

    def store(index: int, part: Any) -> None:
        y[index, :, : lengths[index]] = part
        y[index, :, lengths[index] :] = 0.0

    if samples.device.type == "cpu":
        _pool.run(one, store, items.count, by_torch=items.count > 1)
    else:
        for index in range(items.count):
            store(index, one(index))
    return y
