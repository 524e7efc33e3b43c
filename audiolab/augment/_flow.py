"""What flows through a composition: a batch, its clean twin, lengths and targets.

Transforms change it in place, a few items at a time. The caller's tensors are never written to:
the first partial change copies the batch, later ones write into the copy, unless autograd records.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.nn.functional import pad

from audiolab.augment.targets import Targets, TimeMap

__all__ = ["Flow", "cleared", "stacked"]


@dataclass
class Flow:
    """A batch on its way; past an item's length there are zeros.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(batch, channels, time)``.
    sample_rate : int
        Rate in Hz.
    lengths : list of int
        Valid samples of each item.
    clean : Tensor or None
        The clean twin, of the same shape.
    targets : Targets or None
        What moves with the samples.
    """

    waveform: torch.Tensor
    sample_rate: int
    lengths: list[int]
    clean: torch.Tensor | None = None
    targets: Targets | None = None
    _owned: bool = False
    _owned_clean: bool = False

    def take(self, chosen: Sequence[int], *, clean: bool = False) -> torch.Tensor:
        """Return some of the items, without a copy where it is all of them."""
        source = self.clean if clean else self.waveform
        assert source is not None
        if len(chosen) == len(self.lengths):
            return source
        return source[torch.tensor(chosen, device=source.device)]

    def put(self, chosen: Sequence[int], items: torch.Tensor, *, clean: bool = False) -> None:
        """Replace some of the items by others of the same length."""
        source = self.clean if clean else self.waveform
        assert source is not None
        owned = self._owned_clean if clean else self._owned
        if len(chosen) == len(self.lengths):
            result, owned = items, False  # what came may be the caller's own
        else:
            index = torch.tensor(chosen, device=source.device)
            recorded = torch.is_grad_enabled() and (source.requires_grad or items.requires_grad)
            if owned and not recorded:
                result = source.index_copy_(0, index, items)
            else:
                result, owned = source.index_copy(0, index, items), not recorded
        if clean:
            self.clean, self._owned_clean = result, owned
        else:
            self.waveform, self._owned = result, owned

    def replace(
        self,
        moved: dict[int, tuple[torch.Tensor, TimeMap]],
        clean: dict[int, torch.Tensor] | None,
    ) -> None:
        """Replace items by others of any length, and let targets follow.

        Parameters
        ----------
        moved : dict of int to (Tensor, TimeMap)
            New items ``(channels, time)`` and what became of their time axes.
        clean : dict of int to Tensor, or None
            The new items of the clean twin; where an item is missing, it keeps its samples, cut or
            filled up to the new length.
        """
        lengths = [
            moved[i][0].shape[-1] if i in moved else each for i, each in enumerate(self.lengths)
        ]
        rows = [
            moved[i][0] if i in moved else self.waveform[i, :, :end]
            for i, end in enumerate(lengths)
        ]
        self.waveform, self._owned = stacked(rows), not self.waveform.requires_grad
        if self.clean is not None:
            twins = clean or {}
            rows = [
                twins[i] if i in twins else self.clean[i, :, :end] for i, end in enumerate(lengths)
            ]
            rows = [
                pad(row, (0, end - row.shape[-1])) for row, end in zip(rows, lengths, strict=True)
            ]
            self.clean, self._owned_clean = stacked(rows), not self.clean.requires_grad
        if self.targets is not None:
            maps = {index: each[1] for index, each in moved.items()}
            self.targets = self.targets.moved(maps, self.sample_rate, max(lengths))
        self.lengths = lengths


def stacked(rows: Sequence[torch.Tensor]) -> torch.Tensor:
    """Return items ``(channels, time)`` as a batch, filled up with zeros."""
    longest = max(row.shape[-1] for row in rows)
    # pad copies even where there is nothing to add
    filled = (
        row if row.shape[-1] == longest else pad(row, (0, longest - row.shape[-1])) for row in rows
    )
    return torch.stack(list(filled))


def cleared(waveform: torch.Tensor, lengths: Sequence[int]) -> torch.Tensor:
    """Return the batch with zeros past each item's length."""
    if min(lengths, default=0) >= waveform.shape[-1]:
        return waveform
    if torch.is_grad_enabled() and waveform.requires_grad:
        time = torch.arange(waveform.shape[-1], device=waveform.device)
        ends = torch.tensor(list(lengths), device=waveform.device)
        # not a product: what lies beyond may be NaN
        return waveform.masked_fill(time >= ends[:, None, None], 0.0)
    spoilt = [i for i, end in enumerate(lengths) if bool(waveform[i, :, end:].any())]
    if not spoilt:
        return waveform
    waveform = waveform.clone()
    for index in spoilt:
        waveform[index, :, lengths[index] :] = 0.0
    return waveform
