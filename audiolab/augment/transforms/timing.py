"""Where samples stand in time: shift, reverse, crop, pad, repeat, cut out, trim.

Targets and the clean twin move along.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import torch

from audiolab.augment._fields import Amount, amount, option
from audiolab.augment._shared_fields import shared_last
from audiolab.augment.distributions import Uniform
from audiolab.augment.seeds import uniform
from audiolab.augment.single import TimeTransform
from audiolab.augment.targets import Piece, TimeMap
from audiolab.augment.transform import Params

__all__ = [
    "AdjustDuration",
    "Pad",
    "RandomCrop",
    "RepeatPart",
    "Reverse",
    "Shift",
    "SpliceOut",
    "TrimSilence",
]


def samples(duration_s: float, sample_rate: int) -> int:
    """Return the nearest whole number of samples."""
    return round(duration_s * sample_rate)


def place(position: float, room: int) -> int:
    """Return one of ``room + 1`` places, each equally likely."""
    return min(int(position * (room + 1)), max(room, 0))


@shared_last
@dataclass(frozen=True, kw_only=True)
class Reverse(TimeTransform):
    """Turn time round.

    Examples
    --------
    >>> import torch
    >>> Reverse()(torch.tensor([[[1.0, 2.0, 3.0]]]), 16_000).waveform
    tensor([[[3., 2., 1.]]])
    """

    name: ClassVar[str] = "reverse"

    def _time_map(self, item: torch.Tensor, sample_rate: int, params: Params) -> TimeMap:
        length = item.shape[-1]
        return TimeMap((Piece(0, length, length, -1.0),), length)


@shared_last
@dataclass(frozen=True, kw_only=True)
class Shift(TimeTransform):
    """Move later, or earlier for negative values; the length stays.

    Parameters
    ----------
    shift : float or Distribution, default: Uniform(-0.5, 0.5)
        How far, in the unit.
    unit : {"fraction", "seconds"}, default: "fraction"
        Whether `shift` is a part of the item's length, or seconds.
    rollover : bool, default: True
        Whether what leaves at one end comes in at the other; else silence does.

    Examples
    --------
    >>> import torch
    >>> Shift(shift=1 / 3)(torch.tensor([[[1.0, 2.0, 3.0]]]), 16_000).waveform
    tensor([[[3., 1., 2.]]])
    """

    shift: Amount = amount(Uniform(-0.5, 0.5))
    unit: Literal["fraction", "seconds"] = option("fraction", choices=("fraction", "seconds"))
    rollover: bool = option(True, type=bool)

    name: ClassVar[str] = "shift"

    def _time_map(self, item: torch.Tensor, sample_rate: int, params: Params) -> TimeMap:
        length = item.shape[-1]
        steps = round(params["shift"] * (length if self.unit == "fraction" else sample_rate))
        if not self.rollover:
            first, last = max(0, -steps), min(length, length - steps)
            pieces = (Piece(first, last, first + steps),) if first < last else ()
            return TimeMap(pieces, length)
        steps = steps % length if length else 0
        parts = (Piece(0, length - steps, steps), Piece(length - steps, length, 0))
        return TimeMap(tuple(each for each in parts if each.start < each.stop), length)


@shared_last
@dataclass(frozen=True, kw_only=True)
class RandomCrop(TimeTransform):
    """Keep a part of the item, from anywhere; an item that is shorter stays whole.

    Parameters
    ----------
    duration_s : float or Distribution, default: 1.0
        Length of the part in seconds.
    """

    duration_s: Amount = amount(1.0, low=0.0, above=True)

    name: ClassVar[str] = "random_crop"
    positions: ClassVar[tuple[str, ...]] = ("position",)

    def _time_map(self, item: torch.Tensor, sample_rate: int, params: Params) -> TimeMap:
        return cropped(item.shape[-1], samples(params["duration_s"], sample_rate), params)


def cropped(length: int, wanted: int, params: Params) -> TimeMap:
    """Return the map of a crop to at most `wanted` samples."""
    wanted = min(wanted, length)
    begin = place(params["position"], length - wanted)
    pieces = (Piece(begin, begin + wanted, 0),) if wanted else ()
    return TimeMap(pieces, wanted)


@shared_last
@dataclass(frozen=True, kw_only=True)
class Pad(TimeTransform):
    """Add silence.

    Parameters
    ----------
    duration_s : float or Distribution, default: Uniform(0.01, 0.3)
        How much, in seconds.
    side : {"start", "end", "both"}, default: "end"
        Where; with both, any part of it before the item and the rest after.
    """

    duration_s: Amount = amount(Uniform(0.01, 0.3), low=0.0)
    side: Literal["start", "end", "both"] = option("end", choices=("start", "end", "both"))

    name: ClassVar[str] = "pad"
    positions: ClassVar[tuple[str, ...]] = ("position",)

    def _time_map(self, item: torch.Tensor, sample_rate: int, params: Params) -> TimeMap:
        return padded(item.shape[-1], samples(params["duration_s"], sample_rate), params, self.side)


def padded(length: int, added: int, params: Params, side: str) -> TimeMap:
    """Return the map of a padding by `added` samples."""
    before = {"start": added, "end": 0, "both": place(params["position"], added)}[side]
    pieces = (Piece(0, length, before),) if length else ()
    return TimeMap(pieces, length + added)


@shared_last
@dataclass(frozen=True, kw_only=True)
class AdjustDuration(TimeTransform):
    """Crop or pad to one length.

    Parameters
    ----------
    duration_s : float or Distribution, default: 4.0
        The length in seconds.
    side : {"start", "end", "both"}, default: "end"
        Where a shorter item gets its silence; a longer one is cut anywhere.
    """

    duration_s: Amount = amount(4.0, low=0.0, above=True)
    side: Literal["start", "end", "both"] = option("end", choices=("start", "end", "both"))

    name: ClassVar[str] = "adjust_duration"
    positions: ClassVar[tuple[str, ...]] = ("position",)

    def _time_map(self, item: torch.Tensor, sample_rate: int, params: Params) -> TimeMap:
        length, wanted = item.shape[-1], samples(params["duration_s"], sample_rate)
        if length >= wanted:
            return cropped(length, wanted, params)
        return padded(length, wanted - length, params, self.side)


@shared_last
@dataclass(frozen=True, kw_only=True)
class RepeatPart(TimeTransform):
    """Play a part again, once or several times, as a stuck player does.

    Parameters
    ----------
    part_s : float or Distribution, default: Uniform(0.25, 1.2)
        Length of the part in seconds; at most the item.
    repeats : int or Distribution, default: Uniform(1, 3)
        How often it comes again.
    keep_length : bool, default: False
        Whether the end is cut off, so that the length stays.
    """

    part_s: Amount = amount(Uniform(0.25, 1.2), low=0.0, above=True)
    repeats: Amount = amount(Uniform(1, 3), low=1, high=1000, whole=True)
    keep_length: bool = option(False, type=bool)

    name: ClassVar[str] = "repeat_part"
    positions: ClassVar[tuple[str, ...]] = ("position",)

    def _time_map(self, item: torch.Tensor, sample_rate: int, params: Params) -> TimeMap:
        length = item.shape[-1]
        part = min(samples(params["part_s"], sample_rate), length)
        begin = place(params["position"], length - part)
        times = params["repeats"]
        pieces = [Piece(0, begin + part, 0)]
        pieces += [Piece(begin, begin + part, begin + part * (1 + i)) for i in range(times)]
        pieces.append(Piece(begin + part, length, begin + part * (1 + times)))
        total = length if self.keep_length else length + part * times
        kept = (each for each in pieces if each.start < each.stop and each.new_start < total)
        return TimeMap(tuple(kept), total)


@shared_last
@dataclass(frozen=True, kw_only=True)
class SpliceOut(TimeTransform):
    """Take parts out and close the gaps.

    Parameters
    ----------
    parts : int or Distribution, default: Uniform(1, 8)
        How many.
    part_s : float or Distribution, default: Uniform(0.005, 0.025)
        How long each is, in seconds.
    keep_length : bool, default: False
        Whether silence fills up the end, so that the length stays.

    References
    ----------
    A. Jain et al., "SpliceOut: A Simple and Efficient Audio Augmentation Method", 2021,
    arXiv:2110.00046.
    """

    parts: Amount = amount(Uniform(1, 8), low=0, high=100, whole=True)
    part_s: Amount = amount(Uniform(0.005, 0.025), low=0.0)
    keep_length: bool = option(False, type=bool)

    name: ClassVar[str] = "splice_out"
    noises: ClassVar[tuple[str, ...]] = ("places",)

    def _time_map(self, item: torch.Tensor, sample_rate: int, params: Params) -> TimeMap:
        length = item.shape[-1]
        size = min(samples(params["part_s"], sample_rate), length)
        begins = sorted(
            place(uniform(params["places"], f"part {index}"), length - size)
            for index in range(params["parts"])
        )
        pieces, old, new = [], 0, 0
        for begin in begins:
            if begin > old:
                pieces.append(Piece(old, begin, new))
                new += begin - old
            old = max(old, begin + size)
        if old < length:
            pieces.append(Piece(old, length, new))
            new += length - old
        return TimeMap(tuple(pieces), length if self.keep_length else new)


@shared_last
@dataclass(frozen=True, kw_only=True)
class TrimSilence(TimeTransform):
    """Cut off what is quiet at the start and at the end; silence stays whole.

    Parameters
    ----------
    below_db : float or Distribution, default: 40.0
        How far below the loudest 20 ms a stretch must be to be quiet, in dB.
    """

    below_db: Amount = amount(40.0, low=0.0, above=True, high=200.0)

    name: ClassVar[str] = "trim_silence"

    def _time_map(self, item: torch.Tensor, sample_rate: int, params: Params) -> TimeMap:
        length, hop = item.shape[-1], max(1, sample_rate // 100)
        samples_ = np.square(item.cpu().double().numpy()).mean(axis=0)
        hops = np.add.reduceat(samples_, range(0, length, hop)) if length else samples_
        powers = hops + np.append(hops[1:], 0.0) if length else hops
        loud = np.flatnonzero(powers > powers.max(initial=0.0) * 10.0 ** (-params["below_db"] / 10))
        if not loud.size:
            return TimeMap((Piece(0, length, 0),) if length else (), length)
        first, last = int(loud[0]) * hop, min(length, (int(loud[-1]) + 2) * hop)
        return TimeMap((Piece(first, last, 0),), last - first)
