"""Overlap-add at fixed places: segments read at one pitch of time and written at another."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn.functional import pad

__all__ = ["OverlapAdd", "Segments"]


@dataclass(frozen=True)
class Segments:
    """Sizes of the segments, in samples.

    Parameters
    ----------
    size : int
        Length of a segment.
    read_step, write_step : int
        From one segment to the next, in the input and in the output.
    fade : int
        Length of the linear fades at both ends.
    """

    size: int
    read_step: int
    write_step: int
    fade: int

    def window(self) -> torch.Tensor:
        """Return the factors of a segment's samples, float64."""
        window = torch.ones(self.size, dtype=torch.float64, device="cpu")
        if self.fade > 1:
            ramp = torch.linspace(0, 1, self.fade, dtype=torch.float64, device="cpu")
            window[: self.fade] *= ramp
            window[self.size - self.fade :] *= ramp.flip(0)
        return window


class OverlapAdd:
    """Run segments over a signal that comes in blocks ``(..., time)``.

    The first segment is centred on the first sample. At the end a last one, filled up with zeros,
    is written as far as there was input for it.

    Parameters
    ----------
    segments : Segments
        Sizes.
    """

    def __init__(self, segments: Segments) -> None:
        self._sizes = segments
        self._held: torch.Tensor | None = None
        self._sum: torch.Tensor | None = None
        self._skip = segments.size // 2

    def push(self, block: torch.Tensor) -> torch.Tensor:
        """Return what the complete segments make."""
        sizes = self._sizes
        if self._held is None or self._sum is None:
            self._held = block.new_zeros(*block.shape[:-1], sizes.size // 2)
            self._sum = block.new_zeros(*block.shape[:-1], sizes.size)
        self._held = torch.cat([self._held, block], dim=-1)
        count = max(0, (self._held.shape[-1] - sizes.size) // sizes.read_step + 1)
        return self._write(count, count * sizes.write_step)

    def finish(self) -> torch.Tensor | None:
        """Return the last segment."""
        if self._held is None:
            return None
        count = self._held.shape[-1]
        self._held = pad(self._held, (0, self._sizes.size - count))
        return self._write(1, count)

    def _write(self, count: int, emitted: int) -> torch.Tensor:
        sizes, held, total = self._sizes, self._held, self._sum
        assert held is not None
        assert total is not None
        if count == 0:
            return held[..., :0]
        frames = held.unfold(-1, sizes.size, sizes.read_step)[..., :count, :]
        frames = frames * sizes.window().to(frames)
        step = sizes.write_step
        rounds = -(-sizes.size // step)
        length = max((count + rounds) * step, emitted + sizes.size)
        line = pad(total, (0, max(0, length - total.shape[-1])))
        for turn in range(rounds):
            part = frames[..., turn * step : (turn + 1) * step]
            place = line[..., turn * step : (turn + count) * step]
            place = place.view(*place.shape[:-1], count, step)[..., : part.shape[-1]]
            place += part
        y = line[..., :emitted]
        self._sum = line[..., emitted : emitted + sizes.size]
        self._held = held[..., count * sizes.read_step :]
        skipped = min(self._skip, emitted)
        self._skip -= skipped
        return y[..., skipped:]
