"""A waveform earlier or later, with silence or its own other end in the gap.

Crops, repeats, reversals and the labels that move with them are transforms with a time map, see
`audiolab.augment.TimeTransform`; this is the function for a tensor at hand.
"""

from __future__ import annotations

import torch

from audiolab._validation import check_sample_rate
from audiolab.augment._items import Items, PerItem, PerItemCount
from audiolab.units import seconds_to_samples

__all__ = ["shift"]


def shift(
    waveform: torch.Tensor,
    sample_rate: int,
    shift_s: PerItem,
    *,
    roll: bool = False,
    lengths: PerItemCount | None = None,
) -> torch.Tensor:
    """Move each item later, or earlier for negative values; the length stays.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(..., channels, time)``, ``(items, time)`` or ``(time,)``.
    sample_rate : int
        Sample rate in Hz.
    shift_s : float, Tensor or list of float
        How far in seconds, to the nearest sample, a value an item if it is a tensor.
    roll : bool, default: False
        Whether what leaves at one end comes in at the other; else silence does.
    lengths : int, Tensor or list of int, optional
        Valid samples of each item, which move within themselves; the rest stays as it is.

    Returns
    -------
    Tensor
        Shape and dtype of the input. Gradients reach the samples.

    Raises
    ------
    ValueError
        A shift is not finite, or there is not one an item.

    Examples
    --------
    >>> import torch
    >>> from audiolab.augment import shift
    >>> shift(torch.tensor([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]]), 1, [1.0, -1.0])
    tensor([[0., 1., 2.],
            [2., 3., 0.]])
    >>> shift(torch.tensor([1.0, 2.0, 3.0]), 1, 1.0, roll=True)
    tensor([3., 1., 2.])
    """
    rate = check_sample_rate(sample_rate)
    items = Items.of(waveform)
    steps = [seconds_to_samples(each, rate) for each in items.values(shift_s, "shift_s", unit="s")]

    def move(samples: torch.Tensor, i: int) -> torch.Tensor:
        length = samples.shape[-1]
        if roll:
            return samples.roll(steps[i], dims=-1)
        step = max(-length, min(length, steps[i]))
        kept = samples[:, max(0, -step) : length - max(0, step)]
        return torch.nn.functional.pad(kept, (max(0, step), max(0, -step)))

    return items.mapped(move, items.ends(lengths))
