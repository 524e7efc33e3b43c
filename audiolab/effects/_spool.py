"""A stream set aside: in memory while it is short, in a temporary file when it is long.

For effects that hear a stream twice, or backwards. Memory stays constant; the file is as large as
the samples and goes when the spool does, or the process.
"""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Iterator

import numpy as np
import torch

__all__ = ["Spool"]

#: What is kept in memory: six minutes of stereo at 44.1 kHz in single precision.
IN_MEMORY_BYTES = 1 << 27
BLOCK = 1 << 17


class Spool:
    """Blocks of one stream, to be read again in any order.

    Samples lie one moment after the other, all rows of a moment together, so that any stretch of
    time is one stretch of the file.
    """

    def __init__(self) -> None:
        file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES)  # noqa: SIM115
        weakref.finalize(self, file.close)
        self._file = file
        self._like: torch.Tensor | None = None
        #: Samples in time so far.
        self.num_samples = 0

    def append(self, block: torch.Tensor) -> None:
        """Add a block ``(batch, channels, time)`` at the end."""
        if self._like is None:
            self._like = block.detach().new_zeros(*block.shape[:-1], 0)
        self._file.seek(0, 2)
        moments = block.detach().cpu().flatten(0, -2).T.contiguous()
        self._file.write(moments.numpy().tobytes())
        self.num_samples += block.shape[-1]

    def read(self, start: int, stop: int) -> torch.Tensor:
        """Return the samples from `start` to before `stop`."""
        assert self._like is not None
        leading = self._like.shape[:-1]
        kind = torch.empty(0, dtype=self._like.dtype).numpy().dtype
        width = leading.numel() * kind.itemsize
        self._file.seek(start * width)
        data = np.frombuffer(bytearray(self._file.read((stop - start) * width)), dtype=kind)
        moments = torch.from_numpy(data).reshape(stop - start, leading.numel())
        return moments.T.reshape(*leading, stop - start).to(self._like.device)

    def blocks(self, size: int = BLOCK) -> Iterator[torch.Tensor]:
        """Yield everything from the beginning."""
        for start in range(0, self.num_samples, size):
            yield self.read(start, min(start + size, self.num_samples))

    def reversed_blocks(self, size: int = BLOCK) -> Iterator[torch.Tensor]:
        """Yield everything from the end, backwards."""
        for stop in range(self.num_samples, 0, -size):
            yield self.read(max(stop - size, 0), stop).flip(-1)
