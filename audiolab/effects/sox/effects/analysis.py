"""SoX's ``stat`` and ``stats``: the audio passes unchanged, and is measured on its way.

What they measure is told to the run's context: `EffectsChain.reports` has it, the command line
prints it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import torch

from audiolab.effects.analysis.channelwise import ChannelCounter, WaveformStatistics, overall
from audiolab.effects.analysis.overall import FULL_SCALE, OverallCounter
from audiolab.effects.sox.arguments import Arguments
from audiolab.effects.sox.context import Context
from audiolab.effects.sox.effect import Form, Parameter, Stage, StreamedEffect
from audiolab.effects.sox.grammar import format_number, parse_number
from audiolab.effects.sox.registry import register

__all__ = ["Stat", "Stats"]


@register
@dataclass(frozen=True)
class Stat(StreamedEffect):
    """Measure all samples together."""

    scale: float = FULL_SCALE
    by_rms: bool = False
    only_volume: bool = False

    name: ClassVar[str] = "stat"
    usage: ClassVar[str] = "[-s scale] [-rms] [-v]"
    summary: ClassVar[str] = "measures levels, differences and a rough frequency"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("-s", "divisor of the 32-bit samples", "2147483647"),
        Parameter("-rms", "show amplitudes relative to the RMS"),
        Parameter("-v", "show the volume adjustment alone"),
    )
    example: ClassVar[str] = "stat"
    family: ClassVar[str] = "analysis"

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read options, which are whole words here."""
        scale, by_rms, only_volume = FULL_SCALE, False, False
        while arguments:
            option = arguments.take()
            if option == "-s":
                scale = arguments.number("scale", convert=parse_number)
                if scale == 0:
                    raise arguments.error("stat: a scale of 0 is no scale", arguments.position - 1)
            elif option == "-rms":
                by_rms = True
            elif option == "-v":
                only_volume = True
            elif option in {"-freq", "-d"}:
                raise arguments.error(
                    f"stat {option} prints every sample or spectrum; in Python they are at hand, "
                    "and audiolab.display.plot_spectrogram shows them",
                    arguments.position - 1,
                )
            else:
                raise arguments.error(f"stat has no option {option}", arguments.position - 1)
        return cls(scale, by_rms, only_volume)

    def words(self) -> list[str]:
        """Return options."""
        words = [] if self.scale == FULL_SCALE else ["-s", format_number(self.scale)]
        words += ["-rms"] if self.by_rms else []
        return words + (["-v"] if self.only_volume else [])

    def stage(self, form: Form, context: Context) -> Stage:
        """Measure block by block."""
        counters: list[OverallCounter] = []

        def add(block: torch.Tensor) -> None:
            if not counters:
                counters.extend(OverallCounter(form.sample_rate, form.num_channels) for _ in block)
            for counter, item in zip(counters, block, strict=True):
                counter.add(item)

        def tell() -> None:
            for counter in counters or [OverallCounter(form.sample_rate, form.num_channels)]:
                context.tell(
                    counter.result(self.scale, by_rms=self.by_rms, only_volume=self.only_volume)
                )

        return _MeasuringStage(form, add, tell)


@register
@dataclass(frozen=True)
class Stats(StreamedEffect):
    """Measure every channel."""

    scale: float | int = 1.0
    hexadecimal: bool = False
    window_s: float = 0.05

    name: ClassVar[str] = "stats"
    usage: ClassVar[str] = "[-b bits|-x bits|-s scale] [-w window-time]"
    summary: ClassVar[str] = "measures the levels of every channel"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("-b", "show offset and extremes as integers of so many bits", range="2 to 32"),
        Parameter("-x", "the same in base 16", range="2 to 32"),
        Parameter("-s", "full scale of offset and extremes", "1"),
        Parameter("-w", "window of the RMS peak and trough in seconds", "0.05", "0.01 to 10"),
    )
    example: ClassVar[str] = "stats -w 0.1"
    family: ClassVar[str] = "analysis"

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read options."""
        scale: float | int = 1.0
        hexadecimal, window_s = False, 0.05
        for letter, value in arguments.options("", "bxsw").items():
            limits = {"b": (2, 32), "x": (2, 32), "s": (-99.0, 99.0), "w": (0.01, 10.0)}[letter]
            try:
                number = parse_number(str(value))
            except ValueError as error:
                raise arguments.error(f"stats: {error}", arguments.position - 1) from None
            if not limits[0] <= number <= limits[1]:
                raise arguments.error(
                    f"stats -{letter}: {value} is outside {limits[0]:g} to {limits[1]:g}",
                    arguments.position - 1,
                )
            if letter == "w":
                window_s = number
            else:
                scale = number if letter == "s" else int(number)
                hexadecimal = letter == "x"
        return cls(scale, hexadecimal, window_s)

    def words(self) -> list[str]:
        """Return options."""
        if isinstance(self.scale, int):
            words = ["-x" if self.hexadecimal else "-b", str(self.scale)]
        else:
            words = ["-s", format_number(self.scale)]
        return [*words, "-w", format_number(self.window_s)]

    def stage(self, form: Form, context: Context) -> Stage:
        """Measure block by block."""
        counters: list[list[ChannelCounter]] = []

        def add(block: torch.Tensor) -> None:
            if not counters:
                for _ in block:
                    rate = form.sample_rate
                    row = [ChannelCounter(rate, self.window_s) for _ in range(block.shape[1])]
                    counters.append(row)
            for row, item in zip(counters, block, strict=True):
                for counter, channel in zip(row, item, strict=True):
                    counter.add(channel)

        def tell() -> None:
            for row in counters:
                if row[0].count == 0:
                    continue
                channels = tuple(each.result() for each in row)
                figures = WaveformStatistics(
                    channels, overall(channels), row[0].count, form.sample_rate, self.window_s
                )
                context.tell(replace(figures, scale=self.scale, hexadecimal=self.hexadecimal))

        return _MeasuringStage(form, add, tell)


class _MeasuringStage(Stage):
    """Let the blocks pass, count them, and tell the result at the end."""

    def __init__(
        self, form: Form, add: Callable[[torch.Tensor], None], tell: Callable[[], None]
    ) -> None:
        self.form = form
        self._add, self._tell = add, tell

    def push(self, block: torch.Tensor) -> torch.Tensor:
        """Count the block."""
        self._add(block)
        return block

    def finish(self) -> torch.Tensor | None:
        """Tell what was counted."""
        self._tell()
        return None
