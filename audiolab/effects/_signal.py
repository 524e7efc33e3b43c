"""What flows through a chain of effects: a batch of waveforms, its rate, and how much is valid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch.nn.functional import pad

__all__ = ["Signal"]


@dataclass(frozen=True)
class Signal:
    """A batch on its way through a chain.

    Effects always see three dimensions; the chain adds and removes the ones that the caller has.
    Where `lengths` is given, the waveform is zero after each item's end: the chain keeps that true.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(batch, channels, time)``.
    sample_rate : float
        Rate in Hz. A float, because ``speed`` and ``pitch`` leave fractional rates behind.
    lengths : Tensor, optional
        Valid samples of each item, ``(batch,)`` int64.
    """

    waveform: torch.Tensor
    sample_rate: float
    lengths: torch.Tensor | None = None

    @classmethod
    def of_items(cls, items: Sequence[torch.Tensor], sample_rate: float) -> Signal:
        """Return a batch of items ``(channels, time)`` that may differ in length.

        Shorter ones are filled up with zeros; the lengths are always told.
        """
        lengths = [item.shape[-1] for item in items]
        longest = max(lengths)
        padded = [pad(item, (0, longest - item.shape[-1])) for item in items]
        ends = torch.tensor(lengths, dtype=torch.int64, device=items[0].device)
        return cls(torch.stack(padded), sample_rate, ends)

    def with_waveform(self, waveform: torch.Tensor) -> Signal:
        """Return the signal with other samples, and the same rate."""
        return replace(self, waveform=waveform)

    @property
    def num_channels(self) -> int:
        """Number of channels."""
        return int(self.waveform.shape[-2])

    @property
    def num_samples(self) -> int:
        """Number of samples of the longest item."""
        return int(self.waveform.shape[-1])
