"""The few type aliases that every floor shares."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING, BinaryIO, TypeAlias, Union

if TYPE_CHECKING:
    import torch

__all__ = ["AudioSource", "FilePath", "Seed"]

FilePath: TypeAlias = str | PathLike[str]

#: Whatever holds an audio file: a path, its bytes, a uint8 tensor of them, or an open binary file.
AudioSource: TypeAlias = Union[FilePath, bytes, bytearray, memoryview, "torch.Tensor", BinaryIO]

#: Where randomness comes from: a generator, a seed for a new one, or ``None`` for a fresh seed.
Seed: TypeAlias = Union["torch.Generator", int, None]
