"""Seeds of items: every random number is a function of who asks for it, and of nothing else.

An item of a data set has a seed, `item_seed(seed, item, epoch)`. A transform inside a composition
has a seed derived from that and from its place, and a parameter of it takes one uniform number
derived from that and from the parameter's name. There is no generator whose state would depend on
how many numbers were drawn before: neither the batch, the order, the worker nor another parameter
can change a draw. Adding a transform at the end leaves the draws before it as they were.

The derivation is BLAKE2b with 8 bytes of digest, keyed by nothing and the same on every platform
and in every version of Python and torch.

Reference: RFC 7693, "The BLAKE2 Cryptographic Hash and Message Authentication Code (MAC)", 2015.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from numbers import Integral

import torch

from audiolab._typing import Seed
from audiolab._validation import as_generator

__all__ = ["derived_seed", "fresh_seeds", "item_seed", "item_seeds", "noise_seed", "uniform"]

_BITS_63 = (1 << 63) - 1
_UNIT = 2.0**-53


def item_seed(seed: int, item: int | str, epoch: int = 0) -> int:
    """Return the seed of an item of a data set.

    Parameters
    ----------
    seed : int
        Seed of the run.
    item : int or str
        What names the item: its index, or a stable name such as its path within the data set. The
        number 3 and the text "3" are different items.
    epoch : int, default: 0
        Pass over the data; other epochs have other draws.

    Returns
    -------
    int
        63 bits that every bit of the arguments changes. The value is part of the format: it will
        not change between versions.

    Raises
    ------
    TypeError
        If an argument is of another type.

    Examples
    --------
    >>> item_seed(0, 17)
    5965995993555081575
    >>> item_seed(0, "voices/anna.flac", epoch=2) == item_seed(0, "voices/anna.flac", epoch=2)
    True
    """
    for name, value in (("seed", seed), ("epoch", epoch)):
        if isinstance(value, bool) or not isinstance(value, Integral):
            raise TypeError(f"{name} must be an int, got {type(value).__name__}")
    if isinstance(item, bool) or not isinstance(item, Integral | str):
        raise TypeError(f"item must be an int or a str, got {type(item).__name__}")
    kind = "s" if isinstance(item, str) else "i"
    return _digest(f"item {int(seed)} {int(epoch)} {kind}{item}")


def derived_seed(seed: int, name: str | int) -> int:
    """Return the seed of a part of what has `seed`."""
    return _digest(f"part {seed} {name}")


def uniform(seed: int, name: str) -> float:
    """Return the number in [0, 1) that belongs to a name under a seed, a multiple of 2^-53."""
    return (_digest(f"draw {seed} {name}") >> 10) * _UNIT


def noise_seed(seed: int, name: str) -> int:
    """Return a seed for a generator of noise: 53 bits, which every reader of JSON keeps whole."""
    return _digest(f"noise {seed} {name}") >> 10


def _digest(text: str) -> int:
    data = text.encode("utf-8", "surrogateescape")
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "big") & _BITS_63


def fresh_seeds(count: int, generator: Seed) -> list[int]:
    """Return seeds for `count` items from a generator, an int or, with None, from nowhere."""
    source = as_generator(generator)
    drawn = torch.randint(0, _BITS_63, (count,), generator=source, device=source.device)
    return [int(each) for each in drawn.tolist()]


def item_seeds(seeds: int | Sequence[int] | torch.Tensor, count: int) -> list[int]:
    """Return `seeds` as a list of ints, one an item.

    Raises
    ------
    TypeError
        If they are not whole numbers.
    ValueError
        If there is not one an item.
    """
    if isinstance(seeds, torch.Tensor):
        if seeds.is_floating_point() or seeds.is_complex() or seeds.dtype == torch.bool:
            raise TypeError(f"seeds must be whole numbers, got a tensor of {seeds.dtype}")
        values: list[object] = seeds.reshape(-1).tolist()
    else:
        values = list(seeds) if isinstance(seeds, Sequence) else [seeds]
    for value in values:
        if isinstance(value, bool) or not isinstance(value, Integral):
            raise TypeError(f"seeds must be whole numbers, got {value!r}")
    if len(values) != count:
        raise ValueError(f"seeds must have one value an item, {count}, got {len(values)}")
    return [int(value) for value in values if isinstance(value, Integral)]
