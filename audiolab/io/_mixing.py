"""Changing the number of channels: down to one by the mean, up from one by copying.

Nothing else: which of five channels make a stereo pair is a matter of taste, and of the layout,
which a tensor doesn't carry.
"""

from __future__ import annotations

import torch

__all__ = ["check_mix", "mix"]


def check_mix(have: int, want: int | None) -> int:
    """Return the number of channels after mixing, or say which mixes there are."""
    if want is None:
        return have
    if isinstance(want, bool) or not isinstance(want, int):
        raise TypeError(f"num_channels must be a whole number, got {type(want).__name__}")
    if want < 1:
        raise ValueError(f"num_channels must be 1 or more, got {want}")
    if want not in (1, have) and have != 1:
        raise ValueError(
            f"num_channels={want} cannot be made of {have} channels: only 1 (their mean) or {have} "
            "(as they are); for another mix, load all and multiply by a matrix"
        )
    return want


def mix(samples: torch.Tensor, num_channels: int) -> torch.Tensor:
    """Return ``(channels, time)`` samples with `num_channels`: the mean, copies, or themselves."""
    if samples.shape[0] == num_channels:
        return samples
    if num_channels == 1:
        return samples.mean(dim=0, keepdim=True)
    return samples.expand(num_channels, -1).contiguous()
