"""SoX's words for channels: ``channels``, ``remix``, ``swap``, ``oops`` and ``divide``."""

from __future__ import annotations

import re
from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal, Self, TypeAlias, cast

import torch

from audiolab.effects import mixing
from audiolab.effects._signal import Signal
from audiolab.effects.sox.arguments import Arguments
from audiolab.effects.sox.context import Context
from audiolab.effects.sox.effect import Effect, Form, Parameter, Stage
from audiolab.effects.sox.effects._stages import MemorylessStage
from audiolab.effects.sox.grammar import format_number, parse_number
from audiolab.effects.sox.registry import register
from audiolab.units import db_to_amplitude

__all__ = ["Channels", "Divide", "Oops", "Remix", "Swap"]


@dataclass(frozen=True)
class _Mix(Effect):
    """An effect that mixes the channels of each moment, whatever came before."""

    family: ClassVar[str] = "channels"
    ragged: ClassVar[bool] = True

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read no words."""
        del arguments
        return cls()

    def words(self) -> list[str]:
        """Return no words."""
        return []

    @abstractmethod
    def mix(self, waveform: torch.Tensor) -> torch.Tensor:
        """Mix a block ``(batch, channels, time)``."""

    def apply(self, signal: Signal, context: Context) -> Signal:
        """Mix."""
        del context
        return signal.with_waveform(self.mix(signal.waveform))

    def stage(self, form: Form, context: Context) -> Stage:
        """Mix block by block."""
        del context
        outputs = int(self.mix(torch.zeros(1, form.num_channels, 0)).shape[-2])
        return MemorylessStage(Form(form.sample_rate, outputs, form.num_samples), self.mix)


@register
@dataclass(frozen=True)
class Channels(_Mix):
    """Change the number of channels by a simple rule."""

    num_channels: int

    name: ClassVar[str] = "channels"
    usage: ClassVar[str] = "CHANNELS"
    summary: ClassVar[str] = "mixes down, or repeats channels, to get the number asked for"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("CHANNELS", "how many there shall be", range="1 and more"),
    )
    example: ClassVar[str] = "channels 1"

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read the number."""
        number = arguments.number("CHANNELS", low=1, high=65_536, convert=parse_number)
        if number != int(number):
            raise arguments.error("channels: CHANNELS must be a whole number", 1)
        return cls(int(number))

    def words(self) -> list[str]:
        """Return the number."""
        return [str(self.num_channels)]

    def mix(self, waveform: torch.Tensor) -> torch.Tensor:
        """Mix a block."""
        return mixing.change_channels(waveform, self.num_channels)


@register
@dataclass(frozen=True)
class Swap(_Mix):
    """Exchange left and right."""

    name: ClassVar[str] = "swap"
    summary: ClassVar[str] = "exchanges the channels of each pair"
    example: ClassVar[str] = "swap"

    def mix(self, waveform: torch.Tensor) -> torch.Tensor:
        """Mix a block."""
        return mixing.swap(waveform)


@register
@dataclass(frozen=True)
class Oops(_Mix):
    """Out-of-phase stereo."""

    name: ClassVar[str] = "oops"
    summary: ClassVar[str] = "keeps the difference of left and right, in both channels: karaoke"
    example: ClassVar[str] = "oops"
    ends_headroom: ClassVar[bool] = True

    def mix(self, waveform: torch.Tensor) -> torch.Tensor:
        """Mix a block."""
        return mixing.oops(waveform)

    def headroom(self, form: Form) -> float:
        """Return what the sum of two channels needs."""
        del form
        return 0.5


@register
@dataclass(frozen=True)
class Divide(_Mix):
    """Divide channels by the first one."""

    name: ClassVar[str] = "divide"
    summary: ClassVar[str] = "divides every further channel by the first (experimental in SoX)"
    example: ClassVar[str] = "divide"

    def mix(self, waveform: torch.Tensor) -> torch.Tensor:
        """Mix a block."""
        return mixing.divide(waveform)

    def stage(self, form: Form, context: Context) -> Stage:
        """Hold the last quotient from block to block."""
        del context
        return _DivideStage(form)


class _DivideStage(Stage):
    """``divide`` with the last quotient held across blocks."""

    def __init__(self, form: Form) -> None:
        self.form = form
        self._held: torch.Tensor | None = None

    def push(self, block: torch.Tensor) -> torch.Tensor:
        """Put the quotient held in front of the block, over a divisor of one."""
        held = block.new_zeros(block.shape[0], block.shape[1] - 1, 1)
        if self._held is not None:
            held = self._held
        first = torch.cat([torch.ones_like(block[:, :1, :1]), held], dim=1)
        divided = mixing.divide(torch.cat([first, block], dim=-1))
        self._held = divided[:, 1:, -1:]
        return divided[..., 1:]


_Kind: TypeAlias = Literal["", "p", "i", "v"]

_SOURCE = re.compile(
    r"(?P<first>\d*)(?P<range>-(?P<last>\d*))?(?P<kind>[pivPIV]?)(?P<value>.*)", re.DOTALL
)


@dataclass(frozen=True)
class _Source:
    """One contribution to an output: channels `first` to `last` (from 1), times `weight`."""

    first: int | None
    last: int | None
    kind: _Kind = ""
    value: float | None = None

    @property
    def weight(self) -> float | None:
        """The factor asked for, None where the automatic one holds."""
        if not self.kind:
            return None
        if self.kind == "v":
            return 1.0 if self.value is None else self.value
        factor = db_to_amplitude(self.value or 0.0)
        return -factor if self.kind == "i" else factor

    def __str__(self) -> str:
        channels = "" if self.first is None else str(self.first)
        if self.last != self.first or self.first is None:
            channels += "-" + ("" if self.last is None else str(self.last))
        value = "" if self.value is None else format_number(self.value)
        return channels + self.kind + value


@register
@dataclass(frozen=True)
class Remix(_Mix):
    """Select and mix channels."""

    outputs: tuple[tuple[_Source, ...], ...]
    mode: Literal["semi", "automatic", "manual"] = "semi"
    power: bool = False

    name: ClassVar[str] = "remix"
    usage: ClassVar[str] = "[-m|-a] [-p] <0|in-chan[-in-chan][p|i|v[volume]]{,...}>..."
    summary: ClassVar[str] = "builds each output channel from a list of input channels"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("-a", "scale by 1/n even where a volume is given"),
        Parameter("-m", "never scale automatically"),
        Parameter("-p", "scale automatically by 1/sqrt(n) instead of 1/n"),
        Parameter("in-chan", "channel from 1, or a range such as 1-3, 2- or -; 0 is silence"),
        Parameter("p", "volume in dB", "0"),
        Parameter("i", "volume in dB, inverted", "0"),
        Parameter("v", "volume as a factor", "1"),
    )
    example: ClassVar[str] = "remix 1,2v0.5 0"
    ends_headroom: ClassVar[bool] = True

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read options and one specification for each output."""
        mode: Literal["semi", "automatic", "manual"] = "semi"
        power = False
        while arguments.peek() in {"-a", "-m", "-p"}:
            option = arguments.take()
            if option == "-p":
                power = True
            else:
                mode = "automatic" if option == "-a" else "manual"
        if not arguments:
            raise arguments.error("remix needs at least one output channel")
        outputs = []
        while arguments:
            outputs.append(arguments.read("out-spec", _parse_output))
        return cls(tuple(outputs), mode, power)

    def words(self) -> list[str]:
        """Return options and specifications."""
        option = {"semi": [], "automatic": ["-a"], "manual": ["-m"]}[self.mode]
        specifications = [",".join(map(str, sources)) or "0" for sources in self.outputs]
        return [*option, *(["-p"] if self.power else []), *specifications]

    def matrix(self, num_channels: int) -> torch.Tensor:
        """Return the weights ``(outputs, num_channels)``, float64."""
        weights = torch.zeros(len(self.outputs), num_channels, dtype=torch.float64)
        for row, sources in zip(weights, self.outputs, strict=True):
            picked: list[tuple[int, float | None]] = []
            for source in sources:
                first = 1 if source.first is None else source.first
                last = num_channels if source.last is None else source.last
                step = 1 if last >= first else -1
                picked += [(each, source.weight) for each in range(first, last + step, step)]
            if any(not 1 <= channel <= num_channels for channel, _ in picked):
                raise ValueError(
                    f"remix {' '.join(self.words())}: the signal has only {num_channels} channels"
                )
            scale = 1.0
            given = any(weight is not None for _, weight in picked)
            if self.mode == "automatic" or (self.mode == "semi" and not given):
                scale = len(picked) ** (-0.5 if self.power else -1.0) if picked else 1.0
            for channel, weight in picked:
                row[channel - 1] += scale if weight is None else weight
        return weights

    def mix(self, waveform: torch.Tensor) -> torch.Tensor:
        """Mix a block."""
        return mixing.remix(waveform, self.matrix(int(waveform.shape[-2])))

    def headroom(self, form: Form) -> float:
        """Return what the largest sum of weights needs."""
        try:
            largest = float(self.matrix(form.num_channels).abs().sum(dim=-1).max())
        except ValueError:
            # Other effects make the channels first.
            return 1.0
        return 1.0 / max(1.0, largest)


def _parse_output(word: str) -> tuple[_Source, ...]:
    if word.strip() in {"", "0"}:
        return ()
    return tuple(_parse_source(part) for part in word.removesuffix(",").split(","))


def _parse_source(part: str) -> _Source:
    match = _SOURCE.fullmatch(part)
    if match is None or (not match["first"] and not match["range"]):
        raise ValueError(f"{part!r} is not a channel such as 1, 2-3v0.5 or 1i")
    kind = cast("_Kind", match["kind"].lower())
    if match["value"] and not kind:
        raise ValueError(f"{part!r}: a volume begins with p, i or v")
    first = int(match["first"]) if match["first"] else None
    last = first
    if match["range"]:
        last = int(match["last"]) if match["last"] else None
    if first == 0 or last == 0:
        raise ValueError(f"{part!r}: channels count from 1; 0 stands alone, for silence")
    value = parse_number(match["value"]) if match["value"] else None
    return _Source(first, last, kind, value)
