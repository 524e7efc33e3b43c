"""Seeds of the noise generator, one an item, independent of the batch that the item is in."""

from __future__ import annotations

from numbers import Integral

import torch

__all__ = ["ItemSeed", "noise_states"]

#: One seed for all items, a seed an item, or None for noise that is new each time.
ItemSeed = int | torch.Tensor | None

_MASK_32 = (1 << 32) - 1
_MASK_64 = (1 << 64) - 1


def noise_states(seed: ItemSeed, leading: torch.Size) -> torch.Tensor:
    """Return the first state of SoX's noise generator for each item, ``(batch,)`` int64.

    Parameters
    ----------
    seed : int, Tensor or None
        An int serves every item, so that each is what it would be alone. A tensor of integers has
        the waveform's dimensions before ``(channels, time)``, or those that broadcast to them.
        None draws new states.
    leading : torch.Size
        Dimensions of the waveform before ``(channels, time)``.

    Notes
    -----
    Seed 0 becomes state 0, which is ``sox -R``. Other seeds are scattered over the 2**32 states by
    a 64-bit mixing function, since neighbouring states of a linear generator draw related noise.
    """
    count = leading.numel()
    if seed is None:
        fresh = torch.Generator()
        fresh.seed()
        return torch.randint(0, 1 << 32, (count,), generator=fresh, dtype=torch.int64)
    if isinstance(seed, torch.Tensor):
        if seed.is_floating_point() or seed.is_complex() or seed.dtype == torch.bool:
            raise TypeError(f"seed must be a tensor of integers, got {seed.dtype}")
        try:
            seeds = seed.detach().cpu().to(torch.int64).expand(leading).reshape(-1).tolist()
        except RuntimeError:
            raise ValueError(
                f"seed must have a value an item, shape {tuple(leading)}, got {tuple(seed.shape)}"
            ) from None
        return torch.tensor([_scatter(each) for each in seeds], dtype=torch.int64)
    if isinstance(seed, bool) or not isinstance(seed, Integral):
        raise TypeError(f"seed must be an int, a tensor of ints or None, got {type(seed).__name__}")
    return torch.full((count,), _scatter(int(seed)), dtype=torch.int64)


def _scatter(seed: int) -> int:
    """Return 32 bits that every bit of the seed changes (MurmurHash3's finaliser); 0 stays 0."""
    mixed = seed & _MASK_64
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        mixed = (mixed ^ (mixed >> 33)) * factor & _MASK_64
    return (mixed ^ (mixed >> 33)) & _MASK_32
