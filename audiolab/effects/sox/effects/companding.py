"""SoX's words for ``compand`` and ``mcompand``.

Left out on purpose: the program's own trouble with look-ahead. It counts the delay in single
samples of all channels, so that an odd count swaps channels and stops early, and it repeats
itself when the delay is longer than the signal. Here a delay counts whole sample frames.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Self

import torch

from audiolab.effects._bus import to_bus
from audiolab.effects._recurrences import iir_cascade
from audiolab.effects.dynamics.companding import LevelGain, crossover_sections
from audiolab.effects.dynamics.transfer import check_points, transfer_curve
from audiolab.effects.sox.arguments import Arguments
from audiolab.effects.sox.context import Context
from audiolab.effects.sox.effect import Form, Parameter, Stage, StreamedEffect
from audiolab.effects.sox.errors import EffectSyntaxError
from audiolab.effects.sox.grammar import format_number, parse_frequency, parse_number
from audiolab.effects.sox.registry import register

__all__ = ["Compand", "Mcompand"]

Pairs = tuple[tuple[float, float], ...]

_TIMES_USAGE = "attack1,decay1{,attack2,decay2}"
_POINTS_USAGE = "[soft-knee-dB:]in-dB1[,out-dB1]{,in-dB2,out-dB2}"
_REST_USAGE = "[gain [initial-volume-dB [delay]]]"


@register
@dataclass(frozen=True)
class Compand(StreamedEffect):
    """Compress or expand the dynamic range along a curve."""

    times_s: Pairs
    points_db: Pairs
    knee_db: float = 0.0
    gain_db: float = 0.0
    initial_db: float = 0.0
    delay_s: float = 0.0

    name: ClassVar[str] = "compand"
    usage: ClassVar[str] = f"{_TIMES_USAGE} {_POINTS_USAGE} {_REST_USAGE}"
    summary: ClassVar[str] = "compresses or expands the dynamic range along a curve of levels"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter(
            "attack,decay",
            "times over which rising and falling levels are averaged, in seconds; one pair for "
            "the loudest channel, or a pair a channel",
            range="0 and more",
        ),
        Parameter("soft-knee-dB", "how far around the curve's corners are rounded", "0.01"),
        Parameter(
            "in-dB,out-dB",
            "points of the curve, rising inputs; an odd count begins with in = out; -inf is "
            "allowed, and 0,0 is added",
            range="at most 0",
        ),
        Parameter("gain", "on top, in dB", "0"),
        Parameter("initial-volume-dB", "level before the first sample", "0", "at most 0"),
        Parameter("delay", "look-ahead in seconds", "0", "0 and more"),
    )
    example: ClassVar[str] = "compand 0.3,1 6:-70,-60,-20 -5 -90 0.2"
    family: ClassVar[str] = "dynamics"

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read times, curve, gain, initial level and delay."""
        times = arguments.read(_TIMES_USAGE, _parse_times)
        knee, points = arguments.read("the curve", _parse_points)
        gain = arguments.number("gain", 0.0, convert=parse_number)
        initial = arguments.number("initial-volume-dB", 0.0, high=0.0, convert=_level)
        delay = arguments.number("delay", 0.0, low=0.0, convert=parse_number)
        return cls(times, points, knee, gain, initial, delay)

    def words(self) -> list[str]:
        """Return times, curve, gain, initial level and delay."""
        curve = ",".join(_write(each) for point in self.points_db for each in point)
        knee = f"{format_number(self.knee_db)}:" if self.knee_db else ""
        return [
            ",".join(format_number(each) for pair in self.times_s for each in pair),
            knee + curve,
            *(_write(each) for each in (self.gain_db, self.initial_db, self.delay_s)),
        ]

    def stage(self, form: Form, context: Context) -> Stage:
        """Keep the level, and what waits for its gain, from block to block."""
        del context
        return CompandStage(self, form)


def _parse_times(word: str) -> Pairs:
    values = [parse_number(each) for each in word.split(",")]
    if len(values) % 2:
        raise ValueError("attacks and decays come in pairs, so there must be an even number")
    if min(values) < 0.0:
        raise ValueError("attack and decay times can't be less than 0 seconds")
    return tuple(zip(values[::2], values[1::2], strict=True))


def _parse_points(word: str) -> tuple[float, Pairs]:
    head, colon, tail = word.rpartition(":")
    knee = parse_number(head) if colon else 0.0
    values = [_level(each) for each in tail.split(",")]
    if len(values) % 2:
        values = [values[0], *values]
    points = tuple(zip(values[::2], values[1::2], strict=True))
    check_points(points)
    return knee, points


def _level(word: str) -> float:
    return -math.inf if word == "-inf" else parse_number(word)


def _write(value: float) -> str:
    return "-inf" if value == -math.inf else format_number(value)


class CompandStage(Stage):
    """``compand`` on a stream."""

    def __init__(self, effect: Compand, form: Form) -> None:
        pairs = len(effect.times_s)
        if 1 < pairs < form.num_channels:
            raise ValueError(
                f"compand: {pairs} pairs of times for {form.num_channels} channels; give one pair, "
                "or one a channel"
            )
        self.form, self._effect = form, effect
        self._linked = pairs == 1
        self._curve = transfer_curve(effect.points_db, effect.knee_db)
        self._delay = int(effect.delay_s * form.sample_rate)
        self._amplitude = 10.0 ** (effect.gain_db / 20.0)
        self._follower: LevelGain | None = None
        self._waiting: torch.Tensor | None = None
        self._last: torch.Tensor | None = None
        self._level = torch.zeros(0)

    def push(self, block: torch.Tensor) -> torch.Tensor:
        """Apply the gains that the block determines to what waits for them."""
        if self._follower is None:
            self._start(block)
        assert self._follower is not None
        gain, self._level = self._follower(block, self._level)
        gain = gain * self._amplitude
        if gain.shape[-1]:
            self._last = gain[..., -1:]
        waiting = block if self._waiting is None else torch.cat([self._waiting, block], dim=-1)
        ready = max(waiting.shape[-1] - self._delay, 0)
        self._waiting = waiting[..., ready:]
        ended: torch.Tensor = waiting[..., :ready] * gain[..., gain.shape[-1] - ready :]
        return ended

    def _start(self, block: torch.Tensor) -> None:
        times = block.new_tensor(self._effect.times_s, dtype=torch.float64)
        attack, decay = times[: self.form.num_channels].t()
        if not self._linked:
            attack, decay = attack[None], decay[None]
        self._follower = LevelGain(
            *(block, self.form.sample_rate, attack, decay, self._curve), linked=self._linked
        )
        initial = block.new_full((1, 1), 10.0 ** (self._effect.initial_db / 20.0)).double()
        self._level = self._follower.rows(initial)

    def finish(self) -> torch.Tensor | None:
        """Apply the last gain to what still waits."""
        if self._waiting is None or self._last is None:
            return None
        return self._waiting * self._last


@register
@dataclass(frozen=True)
class Mcompand(StreamedEffect):
    """Compress or expand frequency bands apart."""

    bands: tuple[Compand, ...]
    crossovers_hz: tuple[float, ...] = ()

    name: ClassVar[str] = "mcompand"
    usage: ClassVar[str] = (
        f'"{_TIMES_USAGE} {_POINTS_USAGE} [gain [initial-volume-dB]]" '
        '{crossover-frequency[k] "attack1,..."}'
    )
    summary: ClassVar[str] = "compresses or expands frequency bands apart, and adds them up"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("quoted arguments", "of compand, for each band from low to high; no delay"),
        Parameter("crossover-frequency", "between two bands, in Hz or kHz", range="rising"),
    )
    example: ClassVar[str] = (
        'mcompand "0.005,0.1 -47,-40,-34,-34,-17,-33" 400 "0.003,0.05 -47,-40,-34,-34,-17,-33" '
        '3k "0.0006,0.0125 -47,-40,-34,-34,-15,-33"'
    )
    family: ClassVar[str] = "dynamics"
    ragged: ClassVar[bool] = True

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read bands and the frequencies between them."""
        bands = [_parse_band(arguments)]
        crossovers: list[float] = []
        while arguments.peek() is not None:
            crossovers.append(arguments.read("crossover-frequency", _parse_crossover))
            if crossovers != sorted(crossovers):
                raise arguments.error(
                    "mcompand: crossover frequencies must rise", arguments.position - 1
                )
            bands.append(_parse_band(arguments))
        return cls(tuple(bands), tuple(crossovers))

    def words(self) -> list[str]:
        """Return bands and the frequencies between them."""
        # The last word is the delay, which bands don't have.
        found = [" ".join(self.bands[0].words()[:-1])]
        for crossover, band in zip(self.crossovers_hz, self.bands[1:], strict=True):
            found += [format_number(crossover), " ".join(band.words()[:-1])]
        return found

    def stage(self, form: Form, context: Context) -> Stage:
        """Keep filters and levels from block to block."""
        return _McompandStage(self, form, bus=context.bus)


def _parse_crossover(word: str) -> float:
    frequency = parse_frequency(word)
    if frequency <= 0.0:
        raise ValueError(f"the frequency {word} is not above 0")
    return frequency


def _parse_band(arguments: Arguments) -> Compand:
    def band(word: str) -> Compand:
        inner = Arguments(["compand", *word.split()], Compand.usage)
        try:
            effect = Compand.parse(inner)
            inner.finish()
        except EffectSyntaxError as error:
            raise ValueError(f"in {word!r}: {error.reason}") from None
        if effect.delay_s:
            raise ValueError(f"in {word!r}: a band has no delay")
        return effect

    return arguments.read("quoted arguments of compand", band)


class _McompandStage(Stage):
    """``mcompand`` on a stream."""

    def __init__(self, effect: Mcompand, form: Form, *, bus: bool) -> None:
        self.form, self._bus = form, bus
        self._bands = [CompandStage(band, form) for band in effect.bands]
        for crossover in effect.crossovers_hz:
            if crossover > form.sample_rate / 2.0:
                raise ValueError(
                    f"mcompand: the crossover {crossover:g} Hz exceeds half the rate of "
                    f"{form.sample_rate:g} Hz"
                )
        self._splits = crossover_sections(torch.zeros(1), form.sample_rate, effect.crossovers_hz)
        self._states: list[list[torch.Tensor | None]] = [[None, None] for _ in self._splits]

    def push(self, block: torch.Tensor) -> torch.Tensor:
        """Split a block, compand the bands and add them up."""
        rest, total = block, torch.zeros_like(block)
        for index, band in enumerate(self._bands):
            part = rest
            if index < len(self._splits):
                states, halves = self._states[index], []
                for half, sections in enumerate(self._splits[index]):
                    out, states[half] = iir_cascade(rest, sections.to(block.device), states[half])
                    halves.append(to_bus(out) if self._bus else out)
                part, rest = halves
            companded = band.push(part)
            # On the bus every band is rounded, split and companded, and so is their sum.
            total = to_bus(total + to_bus(companded)) if self._bus else total + companded
        return total
