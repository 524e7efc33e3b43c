"""SoX's words for cutting and joining: ``trim``, ``pad``, ``repeat`` and ``reverse``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import torch

from audiolab.effects import editing
from audiolab.effects._signal import Signal
from audiolab.effects._spool import Spool
from audiolab.effects.sox.arguments import Arguments
from audiolab.effects.sox.context import Context
from audiolab.effects.sox.effect import Effect, Form, Parameter, Stage, StreamedEffect, WholeStage
from audiolab.effects.sox.effects._spooled import SpooledStage
from audiolab.effects.sox.grammar import (
    Position,
    Time,
    parse_number,
    parse_position,
    parse_time,
)
from audiolab.effects.sox.registry import register

__all__ = ["Pad", "Repeat", "Reverse", "Trim"]


def positions(
    given: Sequence[Position], sample_rate: float, total: int | None, effect: str
) -> list[int]:
    """Return the samples that positions name, each no earlier than the one before.

    Raises
    ------
    ValueError
        If one lies before its predecessor, or counts from an end that is not known.
    """
    found: list[int] = []
    for each in given:
        previous = found[-1] if found else 0
        sample = each.resolve(sample_rate, previous=previous, total=total)
        # Only the first position may be cut to the start: `trim -5` of 2 s is all of them.
        sample = max(sample, 0) if not found else sample
        if sample < previous:
            raise ValueError(f"{effect}: position {each} lies before the one in front of it")
        found.append(sample)
    return found


@register
@dataclass(frozen=True)
class Trim(StreamedEffect):
    """Copy and discard in turn."""

    positions: tuple[Position, ...]

    name: ClassVar[str] = "trim"
    usage: ClassVar[str] = "{position(+)}"
    summary: ClassVar[str] = "discards, then copies, then discards ... at each position in turn"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("position", "time after the previous one; =time from the start, -time the end"),
    )
    example: ClassVar[str] = "trim 0.5 =2"
    family: ClassVar[str] = "editing"

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read positions."""
        found = []
        while arguments:
            found.append(arguments.read("position", lambda word: parse_position(word, "+")))
        return cls(tuple(found))

    def words(self) -> list[str]:
        """Return the positions."""
        return [str(each) for each in self.positions]

    def stage(self, form: Form, context: Context) -> Stage:
        """Copy and discard block by block, and say when nothing more can come."""
        needs_end = any(each.anchor == "-" for each in self.positions)
        if needs_end and form.num_samples is None:
            return WholeStage(self, form, context)
        return _TrimStage(
            form, positions(self.positions, form.sample_rate, form.num_samples, "trim")
        )


class _TrimStage(Stage):
    """``trim`` at known samples."""

    def __init__(self, form: Form, samples: list[int]) -> None:
        ends = [*samples, None] if len(samples) % 2 else samples
        self._kept = list(zip(ends[::2], ends[1::2], strict=True))
        self._place = 0
        total = None
        if form.num_samples is not None:
            whole = range(form.num_samples)
            total = sum(len(whole[start:stop]) for start, stop in self._kept)
        self.form = Form(form.sample_rate, form.num_channels, total)
        self._end = None if len(samples) % 2 else (samples or [0])[-1]
        self.done = self._end == 0

    def push(self, block: torch.Tensor) -> torch.Tensor:
        """Keep what lies between positions."""
        start = self._place
        self._place += block.shape[-1]
        self.done = self._end is not None and self._place >= self._end
        parts = []
        for first, last in self._kept:
            begin = max((first or 0) - start, 0)
            stop = block.shape[-1] if last is None else min(last - start, block.shape[-1])
            if stop > begin:
                parts.append(block[..., begin:stop])
        return torch.cat(parts, dim=-1) if parts else block[..., :0]


@register
@dataclass(frozen=True)
class Pad(StreamedEffect):
    """Insert silence."""

    lengths: tuple[Time, ...]
    positions: tuple[Position | None, ...]

    name: ClassVar[str] = "pad"
    usage: ClassVar[str] = "{length[@position(=)]}"
    summary: ClassVar[str] = "inserts silence at the start, the end, or anywhere"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("length", "duration of the silence", range="0 and more"),
        Parameter(
            "position",
            "where in the input; the first and the last length need none",
            "start, end",
        ),
    )
    example: ClassVar[str] = "pad 0.5 1"
    family: ClassVar[str] = "editing"

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read lengths with their positions."""
        lengths: list[Time] = []
        places: list[Position | None] = []
        count = len(arguments)
        while arguments:
            length, position = arguments.read("length@position", _parse_insert)
            lengths.append(length)
            if position is None and len(lengths) not in {1, count}:
                raise arguments.error(
                    "pad: only the first and the last length can do without a position",
                    arguments.position - 1,
                )
            places.append(position)
        return cls(tuple(lengths), tuple(places))

    def words(self) -> list[str]:
        """Return lengths and positions."""
        return [
            str(length) if place is None else f"{length}@{place}"
            for length, place in zip(self.lengths, self.positions, strict=True)
        ]

    def stage(self, form: Form, context: Context) -> Stage:
        """Insert silence as its positions pass by."""
        inner = [each for each in self.positions if each is not None]
        if any(each.anchor == "-" for each in inner) and form.num_samples is None:
            return WholeStage(self, form, context)
        return _PadStage(form, self)


def _parse_insert(word: str) -> tuple[Time, Position | None]:
    length, at, place = word.partition("@")
    if length.startswith("-"):
        raise ValueError(f"the length {length} is negative")
    return parse_time(length), parse_position(place, "=") if at else None


class _PadStage(Stage):
    """``pad`` at known samples."""

    def __init__(self, form: Form, effect: Pad) -> None:
        rate, total = form.sample_rate, form.num_samples
        self._inserts: list[tuple[int, int]] = []
        self._after = 0
        previous = 0
        for index, (length, place) in enumerate(zip(effect.lengths, effect.positions, strict=True)):
            silence = length.samples(rate)
            if silence < 0:
                raise ValueError(f"pad {length}: a length cannot be negative")
            if place is None and index > 0:
                self._after = silence
                continue
            where = 0
            if place is not None:
                where = max(place.resolve(rate, previous=previous, total=total), 0)
            if total is not None and where > total:
                raise ValueError(f"pad: position {place} lies after the end of the audio")
            if index > 0 and where <= previous:
                raise ValueError(f"pad: position {place} does not lie behind the one in front")
            previous = where
            self._inserts.append((where, silence))
        longer = None
        if total is not None:
            longer = total + self._after + sum(silence for _, silence in self._inserts)
        self.form = Form(rate, form.num_channels, longer)
        self._place = 0

    def push(self, block: torch.Tensor) -> torch.Tensor:
        """Insert the silences whose place lies in the block."""
        parts = []
        done = 0
        while self._inserts and self._inserts[0][0] < self._place + block.shape[-1]:
            where, silence = self._inserts.pop(0)
            parts.append(block[..., done : where - self._place])
            done = where - self._place
            parts.append(block.new_zeros(*block.shape[:-1], silence))
        parts.append(block[..., done:])
        self._place += block.shape[-1]
        self._like = block[..., :0]
        return torch.cat(parts, dim=-1)

    def finish(self) -> torch.Tensor | None:
        """Add the silence that belongs to the end."""
        if self._inserts and self._inserts[-1][0] > self._place:
            raise ValueError("pad: a position lies after the end of the audio")
        silence = self._after + sum(silence for _, silence in self._inserts)
        like = getattr(self, "_like", torch.zeros(1, self.form.num_channels, 0))
        return like.new_zeros(*like.shape[:-1], silence)


@register
@dataclass(frozen=True)
class Repeat(Effect):
    """Play again."""

    count: int = 1

    name: ClassVar[str] = "repeat"
    usage: ClassVar[str] = "[count(1)|-]"
    summary: ClassVar[str] = "plays the whole again, count times"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("count", "repetitions after the first time; - repeats for ever", "1", "0 to ..."),
    )
    example: ClassVar[str] = "repeat 2"
    family: ClassVar[str] = "editing"

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read the count."""
        if arguments.peek() == "-":
            raise arguments.error("repeat - never ends, so that there is no result to return")
        return cls(int(arguments.number("count", 1, low=0, high=2**32 - 1, convert=parse_number)))

    def words(self) -> list[str]:
        """Return the count."""
        return [str(self.count)]

    def apply(self, signal: Signal, context: Context) -> Signal:
        """Repeat."""
        del context
        return signal.with_waveform(editing.repeat(signal.waveform, self.count))

    def stage(self, form: Form, context: Context) -> Stage:
        """Set the stream aside and play it again and again."""
        del context

        def play(spool: Spool) -> Iterator[torch.Tensor]:
            for _ in range(self.count + 1):
                yield from spool.blocks()

        total = None if form.num_samples is None else form.num_samples * (self.count + 1)
        return SpooledStage(replace(form, num_samples=total), play)


@register
@dataclass(frozen=True)
class Reverse(Effect):
    """Play backwards."""

    name: ClassVar[str] = "reverse"
    summary: ClassVar[str] = "plays backwards"
    example: ClassVar[str] = "reverse"
    family: ClassVar[str] = "editing"

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read no words."""
        del arguments
        return cls()

    def words(self) -> list[str]:
        """Return no words."""
        return []

    def apply(self, signal: Signal, context: Context) -> Signal:
        """Reverse."""
        del context
        return signal.with_waveform(editing.reverse(signal.waveform))

    def stage(self, form: Form, context: Context) -> Stage:
        """Set the stream aside and play it from its end."""
        del context
        return SpooledStage(form, Spool.reversed_blocks)
