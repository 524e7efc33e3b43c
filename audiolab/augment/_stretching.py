"""One item at another tempo or pitch: which engine, and items that become unlike long.

An item is computed alone, on one thread, whatever batch it came in: how libraries order sums and
transforms depends on the shape of the batch, and the last bits of an item would depend on its
neighbours. Threads share whole items.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch

from audiolab.augment._items import Items
from audiolab.augment._reading import read
from audiolab.augment._vocoder import make_vocoder
from audiolab.effects import tempo
from audiolab.resample import _pool

__all__ = [
    "ENGINES",
    "USES",
    "each_item",
    "shift_item",
    "stretch_item",
    "stretched",
]

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
    if engine == "wsola":
        return tempo(x, sample_rate, factor=rate, use=use)
    return make_vocoder(sample_rate, use).stretch(x, rate, stretched(x.shape[-1], rate))


def shift_item(
    x: torch.Tensor,
    sample_rate: float,
    ratio: float,
    *,
    engine: str,
    use: str,
    preserve_formants: bool,
) -> torch.Tensor:
    """Multiply all frequencies of ``(channels, time)`` by a ratio; time and length stay."""
    count = x.shape[-1]
    if ratio == 1.0 or count == 0:
        return x
    if preserve_formants:  # while envelopes are still where they belong
        vocoder = make_vocoder(sample_rate, use)
        return read(
            vocoder.stretch(x, 1 / ratio, math.ceil(count * ratio), pitch=ratio), ratio, count
        )
    if ratio < 1:  # the shorter of the two signals is what is stretched
        return read(stretch_item(x, sample_rate, 1 / ratio, engine=engine, use=use), ratio, count)
    x = read(x, ratio, math.ceil(count / ratio))
    y = stretch_item(x, sample_rate, 1 / ratio, engine=engine, use=use)
    return torch.nn.functional.pad(y, (0, max(0, count - y.shape[-1])))[..., :count]


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
        x = samples[index, :, : ends[index]]
        if x.dtype in (torch.float16, torch.bfloat16):  # too coarse, and unknown to transforms
            return compute(index, x.float()).to(x.dtype)
        return compute(index, x)

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
        _pool.run(one, store, items.count, by_torch=True)
    else:
        for index in range(items.count):
            store(index, one(index))
    return y
