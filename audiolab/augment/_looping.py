"""Noise of the length that is needed: a crop where there is enough, a seamless loop where not.

The loop's period is the noise less one join: at the end of a period, the last samples fade out
while the first fade in, with weights of which the squares add up to one. Noise that is unlike
itself a period later keeps its power that way; a tone would swell by up to 3 dB.
"""

from __future__ import annotations

import math

import numpy as np
import torch

from audiolab._validation import check_waveform
from audiolab.augment._items import Items, PerItemCount
from audiolab.augment._mixing_kernels import fit

__all__ = ["FitPlan", "fit_noise", "fitted", "noise_like"]

#: A row an item: which noise, its valid samples, first sample, length of the join.
FitPlan = list[tuple[int, int, int, int]]


def fit_noise(
    noise: torch.Tensor,
    num_samples: int,
    *,
    offset: PerItemCount = 0,
    lengths: PerItemCount | None = None,
    crossfade_samples: int = 256,
) -> torch.Tensor:
    """Cut noise to a length, or loop it without a click.

    Parameters
    ----------
    noise : Tensor
        Samples, ``(..., channels, time)``, ``(items, time)`` or ``(time,)``.
    num_samples : int
        How many samples are wanted.
    offset : int, Tensor or list of int, default: 0
        First sample to take, a value an item if it is a tensor; counted round the noise.
    lengths : int, Tensor or list of int, optional
        Valid samples of each item; by default all.
    crossfade_samples : int, default: 256
        Length of the equal-power join of a loop; at most half the noise is used.

    Returns
    -------
    Tensor
        ``(..., num_samples)``. The first samples are the noise's own; every join lies a period of
        ``length - crossfade`` samples after the last. Gradients reach the noise.

    Raises
    ------
    ValueError
        An item has no samples, or a number is negative.

    See Also
    --------
    add_noise : Do this and mix.

    Examples
    --------
    >>> import torch
    >>> from audiolab.augment import fit_noise
    >>> fit_noise(torch.arange(5.0), 8, offset=2, crossfade_samples=0)
    tensor([2., 3., 4., 0., 1., 2., 3., 4.])
    """
    items = Items.of(noise, "noise")
    if num_samples < 0:
        raise ValueError(f"num_samples must be at least 0, got {num_samples}")
    ends = items.ends(lengths)
    plan = fit_plan(
        list(range(items.count)),
        ends,
        items.counts(offset, "offset"),
        [num_samples] * items.count,
        crossfade_samples,
    )
    return items.restored(fitted(items.samples, plan, [num_samples] * items.count, num_samples))


def fit_plan(
    sources: list[int],
    available: list[int],
    offsets: list[int],
    wanted: list[int],
    crossfade_samples: int,
) -> FitPlan:
    """Return what `fitted` needs to know, one row an item."""
    if crossfade_samples < 0:
        raise ValueError(f"crossfade_samples must be at least 0, got {crossfade_samples}")
    plan = []
    for source, length, offset, count in zip(sources, available, offsets, wanted, strict=True):
        if length == 0 and count:
            raise ValueError("noise must have at least one sample for each item, got none")
        join = min(crossfade_samples, length // 2)
        plan.append((source, length, offset % max(length, 1), join))
    return plan


def fitted(
    noise: torch.Tensor,
    plan: FitPlan,
    ends: list[int],
    num_samples: int,
    channels: int | None = None,
) -> torch.Tensor:
    """Return ``(items, channels, num_samples)`` of noise, zero past each item's end."""
    channels = noise.shape[1] if channels is None else channels
    recorded = noise.requires_grad and torch.is_grad_enabled()
    if (
        noise.device.type == "cpu"
        and not recorded
        and noise.dtype in (torch.float32, torch.float64)
    ):
        y = noise.new_empty(len(plan), channels, num_samples)
        if min(ends, default=0) < num_samples:
            y.zero_()
        # The noise is shared between the rows, so its loop is not split into threads.
        fit(
            y.numpy(),
            noise.detach().contiguous().numpy(),
            np.array(ends, dtype=np.int64),
            np.array(plan, dtype=np.int64).reshape(len(plan), 4),
        )
        return y
    pieces = [
        _one(noise[row[0]].expand(channels, -1), row, end)
        for row, end in zip(plan, ends, strict=True)
    ]
    padded = [torch.nn.functional.pad(each, (0, num_samples - each.shape[-1])) for each in pieces]
    return torch.stack(padded) if padded else noise.new_zeros(0, channels, num_samples)


def _one(noise: torch.Tensor, row: tuple[int, int, int, int], end: int) -> torch.Tensor:
    _, available, start, join = row
    if start + end <= available:
        return noise[:, start : start + end]
    period = available - join
    place = torch.arange(start, start + end, device=noise.device)
    within = torch.where(place < period, place, place % period)
    joined = (place >= period) & (within < join)
    angle = 0.5 * math.pi * (within.double() + 0.5) / max(join, 1)
    old = torch.where(joined, angle.cos(), 0.0).to(noise.dtype)
    new = torch.where(joined, angle.sin(), 1.0).to(noise.dtype)
    return new * noise[:, within] + old * noise[:, (within + period).clamp_max(available - 1)]


def noise_like(noise: torch.Tensor, speech: Items) -> torch.Tensor:
    """Return noise as ``(1 or items, 1 or channels, time)`` that fits a waveform's items."""
    check_waveform(noise, "noise", allow_empty=False)
    samples = speech.samples
    if noise.dtype != samples.dtype or noise.device != samples.device:
        raise ValueError(
            "speech and noise must have the same dtype and device, got "
            f"{samples.dtype} on {samples.device} and {noise.dtype} on {noise.device}"
        )
    if len(speech.shape) <= 2:
        view, channels = noise.unsqueeze(-2), 1
    else:
        view = noise.unsqueeze(-2) if noise.dim() == 1 else noise
        channels = speech.shape[-2]
        if view.shape[-2] not in (1, channels):
            raise ValueError(
                f"noise has {view.shape[-2]} channels and speech {channels}: one channel serves "
                "all, else the numbers must agree; noise.mean(-2, keepdim=True) mixes down"
            )
    own = view.shape[:-2]
    if own.numel() == 1:
        return view.reshape(1, *view.shape[-2:])
    try:
        wide = view.expand(*speech.leading, *view.shape[-2:])
    except RuntimeError:
        raise ValueError(
            f"noise of shape {tuple(noise.shape)} does not fit speech of shape "
            f"{tuple(speech.shape)}: give one noise for all, or one an item"
            + (
                "; a stereo recording is (1, 2, time) here: speech[None]"
                if channels == 1 and noise.shape[0] == 2
                else ""
            )
        ) from None
    return wide.reshape(speech.count, *view.shape[-2:])
