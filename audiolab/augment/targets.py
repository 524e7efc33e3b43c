r"""Targets that travel: labels with times and masks follow the samples they belong to.

A transform that moves samples in time says so with a `TimeMap`: pieces of the old time axis, each
moved to a new place at a new pace, turned round where the pace is negative. What lies in no piece
is gone. Labels are cut at the pieces' ends and moved; adjoining parts of one label become one
again. A mask takes at every new sample the value of the old sample under its centre.

Positions are in samples, edges lie between samples: sample n covers [n, n + 1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import torch

__all__ = ["Label", "Piece", "Targets", "TimeMap"]

#: Start in seconds, stop in seconds, and what is there.
Label: TypeAlias = tuple[float, float, Any]


@dataclass(frozen=True)
class Piece:
    """A stretch of the old time axis and where it went.

    Parameters
    ----------
    start, stop : float
        Edges in samples of the old axis, ``start < stop``.
    new_start : float
        Where `start` went, in samples of the new axis.
    pace : float
        New samples for an old one: 1 moves, 2 slows down to half speed, -1 turns round.
    """

    start: float
    stop: float
    new_start: float
    pace: float = 1.0

    def moved(self, position: float) -> float:
        """Return where a position went.

        Parameters
        ----------
        position : float
            On the old axis.

        Returns
        -------
        float
            On the new axis.
        """
        return self.new_start + (position - self.start) * self.pace


@dataclass(frozen=True)
class TimeMap:
    """What became of an item's time axis.

    Parameters
    ----------
    pieces : tuple of Piece
        The parts that are still there.
    length : int
        Samples of the new axis; what pieces have beyond it is cut off.

    Examples
    --------
    >>> reverse = TimeMap((Piece(0, 8000, new_start=8000, pace=-1.0),), 8000)
    >>> reverse.move_labels([(0.0, 0.25, "a")], 8000)
    [(0.75, 1.0, 'a')]
    """

    pieces: tuple[Piece, ...]
    length: int

    def move_labels(self, labels: Sequence[Label], sample_rate: float) -> list[Label]:
        """Return labels on the new axis, by their start.

        Parameters
        ----------
        labels : sequence of (float, float, object)
            Start and stop in seconds, and the label.
        sample_rate : float
            Sample rate in Hz.

        Returns
        -------
        list of (float, float, object)
            The parts that are still there.
        """
        moved: list[Label] = []
        for start_s, stop_s, label in labels:
            parts = sorted(self._parts(start_s * sample_rate, stop_s * sample_rate))
            merged: list[tuple[float, float]] = []
            for start, stop in parts:
                # a thousandth of a sample: rounding, not a gap
                if merged and start <= merged[-1][1] + 1e-3:
                    merged[-1] = (merged[-1][0], max(merged[-1][1], stop))
                else:
                    merged.append((start, stop))
            moved += [(start / sample_rate, stop / sample_rate, label) for start, stop in merged]
        return sorted(moved, key=lambda each: (each[0], each[1]))

    def _parts(self, start: float, stop: float) -> list[tuple[float, float]]:
        found = []
        for piece in self.pieces:
            first, last = max(start, piece.start), min(stop, piece.stop)
            if first < last:
                one, other = sorted((piece.moved(first), piece.moved(last)))
                one, other = max(one, 0.0), min(other, float(self.length))
                if one < other:
                    found.append((one, other))
        return found

    def move_mask(self, mask: torch.Tensor) -> torch.Tensor:
        """Return a mask on the new axis.

        Parameters
        ----------
        mask : Tensor
            A value for each old sample, ``(..., time)``, of any dtype.

        Returns
        -------
        Tensor
            A value for each new sample, ``(..., length)``; 0 where nothing old is.
        """
        moved = mask.new_zeros(*mask.shape[:-1], self.length)
        for piece in self.pieces:
            edges = sorted((piece.new_start, piece.moved(piece.stop)))
            first, last = max(0, round(edges[0])), min(self.length, round(edges[1]))
            if first >= last:
                continue
            centers = torch.arange(first, last, dtype=torch.float64) + 0.5
            old = (centers - piece.new_start) / piece.pace + piece.start
            # Rounded edges may look over the piece's own edge by half a sample.
            limit = min(mask.shape[-1], round(piece.stop)) - 1
            index = old.floor().long().clamp(min=max(0, round(piece.start)), max=max(limit, 0))
            moved[..., first:last] = mask[..., index.to(mask.device)]
        return moved


@dataclass(frozen=True)
class Targets:
    """What belongs to the samples of a batch and has to move with them.

    Parameters
    ----------
    labels : sequence of sequences of (float, float, object), optional
        For each item its labels: start and stop in seconds, and anything.
    masks : Tensor, optional
        Values for each sample, ``(batch, ..., time)``, of any dtype: speech activity, a phone a
        sample, weights of a loss.

    Examples
    --------
    >>> Targets(labels=[[(0.1, 0.4, "yes")], []]).labels[0]
    [(0.1, 0.4, 'yes')]
    """

    labels: Sequence[Sequence[Label]] | None = None
    masks: torch.Tensor | None = None

    def check(self, count: int, num_samples: int) -> None:
        """Raise unless there is something for every item and every sample.

        Parameters
        ----------
        count : int
            Items of the batch.
        num_samples : int
            Samples of each.

        Raises
        ------
        ValueError
            If a number differs, or a label has no time.
        """
        if self.labels is not None:
            if len(self.labels) != count:
                raise ValueError(f"targets.labels must have {count} items, got {len(self.labels)}")
            for index, item in enumerate(self.labels):
                for each in item:
                    if len(each) != 3 or not 0 <= each[0] <= each[1]:
                        raise ValueError(
                            f"targets.labels[{index}] must hold (start_s, stop_s, label) with "
                            f"0 <= start_s <= stop_s, got {each!r}"
                        )
        if self.masks is not None:
            shape = tuple(self.masks.shape)
            if len(shape) < 2 or shape[0] != count or shape[-1] != num_samples:
                raise ValueError(
                    f"targets.masks must be (batch, ..., time) with {count} items of "
                    f"{num_samples} samples, got {shape}"
                )

    def moved(self, maps: dict[int, TimeMap], sample_rate: float, num_samples: int) -> Targets:
        """Return targets of which some items moved.

        Parameters
        ----------
        maps : dict of int to TimeMap
            Items that moved and how.
        sample_rate : float
            Sample rate in Hz.
        num_samples : int
            Samples of the longest item afterwards.

        Returns
        -------
        Targets
            New targets.
        """
        result = self
        if self.labels is not None:
            labels = [
                maps[index].move_labels(item, sample_rate) if index in maps else list(item)
                for index, item in enumerate(self.labels)
            ]
            result = replace(result, labels=labels)
        if self.masks is not None:
            masks = self.masks.new_zeros(*self.masks.shape[:-1], num_samples)
            for index in range(masks.shape[0]):
                item = self.masks[index]
                item = maps[index].move_mask(item) if index in maps else item[..., :num_samples]
                masks[index, ..., : item.shape[-1]] = item
            result = replace(result, masks=masks)
        return result
