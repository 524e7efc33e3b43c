"""SoX's ``silence``: cut silence at the start, in the middle or at the end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, Self, TypeAlias, cast

import torch

from audiolab.effects._signal import Signal
from audiolab.effects.editing.silences import SilenceCutter, SilenceRule
from audiolab.effects.sox.arguments import Arguments
from audiolab.effects.sox.context import Context
from audiolab.effects.sox.effect import Effect, Form, Parameter, Stage, WholeStage
from audiolab.effects.sox.grammar import Time, format_number, parse_number, parse_time
from audiolab.effects.sox.registry import register
from audiolab.units import db_to_amplitude

__all__ = ["Silence", "Threshold"]

_Unit: TypeAlias = Literal["d", "%"]


@dataclass(frozen=True)
class Threshold:
    """A level: ``d`` decibels, or ``%`` of full scale, which is meant where nothing is said."""

    value: float
    unit: _Unit

    @property
    def amplitude(self) -> float:
        """The level as an amplitude."""
        if self.unit == "d":
            return db_to_amplitude(self.value)
        return self.value / 100.0

    def __str__(self) -> str:
        return f"{format_number(self.value)}{self.unit}"


def parse_threshold(word: str) -> Threshold:
    """Return a threshold."""
    unit = word[-1:] if word[-1:] in {"d", "%"} else "%"
    value = parse_number(word.removesuffix(unit))
    if unit == "%" and not 0 <= value <= 100:
        raise ValueError(f"{word} is outside 0% to 100%")
    if unit == "d" and value >= 0:
        raise ValueError(f"{word} is not below 0 dB, full scale")
    return Threshold(value, cast("_Unit", unit))


@register
@dataclass(frozen=True)
class Silence(Effect):
    """Cut silence out."""

    above_periods: int = 1
    above_duration: Time | None = None
    above_threshold: Threshold | None = None
    below_periods: int = 0
    below_duration: Time | None = None
    below_threshold: Threshold | None = None
    leave: bool = False

    name: ClassVar[str] = "silence"
    usage: ClassVar[str] = (
        "[-l] above-periods [duration threshold[d|%] [below-periods duration threshold[d|%]]]"
    )
    summary: ClassVar[str] = "cuts silence from the start, the middle or the end"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("-l", "keep the given duration of each silence that is cut"),
        Parameter("above-periods", "drop all before this period of sound; 0 drops nothing"),
        Parameter("duration", "of a period of sound, or of a silence; bare numbers are samples"),
        Parameter("threshold", "level of silence: % of full scale, or d decibels"),
        Parameter("below-periods", "stop at this silence; negative: start again after it"),
    )
    example: ClassVar[str] = "silence 1 0.1t 1% -1 0.3t 1%"
    family: ClassVar[str] = "editing"

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read the option and the two descriptions."""
        leave = "l" in arguments.options("l")

        def periods(name: str, low: float) -> int:
            value = arguments.number(name, low=low, high=2**31 - 1, convert=parse_number)
            if value != int(value):
                raise arguments.error(
                    f"silence: {name} must be a whole number", arguments.position - 1
                )
            return int(value)

        def duration() -> Time:
            return arguments.read("duration", lambda word: parse_time(word, bare="s"))

        above = periods("above-periods", 0)
        first: tuple[Time | None, Threshold | None] = (None, None)
        if above:
            first = duration(), arguments.read("threshold", parse_threshold)
        if not arguments:
            return cls(above, *first, leave=leave)
        # With above-periods 0, its duration and threshold may be there or not.
        if not above and len(arguments) > 3:
            first = duration(), arguments.read("threshold", parse_threshold)
        below = periods("below-periods", -(2.0**31))
        second = duration(), arguments.read("threshold", parse_threshold)
        return cls(above, *first, below, *second, leave)

    def words(self) -> list[str]:
        """Return the option and the two descriptions."""
        words = ["-l"] if self.leave else []
        words.append(str(self.above_periods))
        words += [str(e) for e in (self.above_duration, self.above_threshold) if e is not None]
        if self.below_duration is not None:
            words += [str(self.below_periods), str(self.below_duration), str(self.below_threshold)]
        return words

    def rule(self, sample_rate: float) -> SilenceRule:
        """Return the rule in samples and amplitudes."""

        def samples(time: Time | None) -> int:
            return 0 if time is None else time.samples(sample_rate)

        def level(threshold: Threshold | None) -> float:
            return 0.0 if threshold is None else threshold.amplitude

        return SilenceRule(
            self.above_periods,
            samples(self.above_duration),
            level(self.above_threshold),
            abs(self.below_periods),
            samples(self.below_duration),
            level(self.below_threshold),
            self.below_periods < 0,
            self.leave,
        )

    def apply(self, signal: Signal, context: Context) -> Signal:
        """Cut every item on its own; the results may differ in length."""
        del context
        rule = self.rule(signal.sample_rate)
        items = []
        for item in signal.waveform:
            cutter = self._cutter(rule, signal.num_channels, signal.sample_rate)
            parts = [cutter.push(item), cutter.finish()]
            items.append(torch.cat([part for part in parts if part is not None], dim=-1))
        return Signal.of_items(items, signal.sample_rate)

    def stage(self, form: Form, context: Context) -> Stage:
        """Cut block by block, for a single item."""
        if len(context.noise_state) != 1:
            return WholeStage(self, form, context)
        rule = self.rule(form.sample_rate)
        return _SilenceStage(self._cutter(rule, form.num_channels, form.sample_rate), form)

    @staticmethod
    def _cutter(rule: SilenceRule, num_channels: int, sample_rate: float) -> SilenceCutter:
        return SilenceCutter(rule, num_channels, int(sample_rate / 50))


class _SilenceStage(Stage):
    """``silence`` on one item."""

    def __init__(self, cutter: SilenceCutter, form: Form) -> None:
        self._cutter = cutter
        self.form = Form(form.sample_rate, form.num_channels)

    def push(self, block: torch.Tensor) -> torch.Tensor:
        """Cut."""
        kept = self._cutter.push(block[0])[None]
        self.done = self._cutter.done
        return kept

    def finish(self) -> torch.Tensor | None:
        """Return what was held back."""
        last = self._cutter.finish()
        return None if last is None else last[None]
