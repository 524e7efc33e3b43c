"""SoX's words for delays: ``delay``, ``echo``, ``echos`` and ``reverb``."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import torch
from torch.nn.functional import pad

from audiolab.effects._signal import Signal
from audiolab.effects.delays.echoes import delayed_sum, shifted
from audiolab.effects.delays.reverberation import ReverbStream, reverb
from audiolab.effects.sox.arguments import Arguments
from audiolab.effects.sox.context import Context
from audiolab.effects.sox.effect import (
    Effect,
    Form,
    Parameter,
    Stage,
    StreamedEffect,
    WholeStage,
)
from audiolab.effects.sox.grammar import Position, format_number, parse_number, parse_position
from audiolab.effects.sox.registry import register

__all__ = ["Delay", "Echo", "Echos", "Reverb"]

#: echo and echos work in units of 24-bit integers.
_24_BITS = 2.0**23

_MOST_ECHOES = 7


@register
@dataclass(frozen=True)
class Delay(StreamedEffect):
    """Let channels start later."""

    positions: tuple[Position, ...] = ()

    name: ClassVar[str] = "delay"
    usage: ClassVar[str] = "{position(=)}"
    summary: ClassVar[str] = "lets channels start later, each at its position"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("position", "of the next channel; +time counts from the channel before it"),
    )
    example: ClassVar[str] = "delay 0 0.02"
    family: ClassVar[str] = "delay"

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read positions."""
        found = []
        while arguments:
            found.append(arguments.read("position", lambda word: parse_position(word, "=")))
        return cls(tuple(found))

    def words(self) -> list[str]:
        """Return the positions."""
        return [str(each) for each in self.positions]

    def stage(self, form: Form, context: Context) -> Stage:
        """Hold each channel back by its delay."""
        if len(self.positions) > form.num_channels:
            raise ValueError(
                f"delay: {len(self.positions)} positions for {form.num_channels} channel(s)"
            )
        if any(each.anchor == "-" for each in self.positions) and form.num_samples is None:
            return WholeStage(self, form, context, after=form)
        samples: list[int] = []
        for each in self.positions:
            previous = samples[-1] if samples else 0
            place = each.resolve(form.sample_rate, previous=previous, total=form.num_samples)
            samples.append(max(0, place))
        return _DelayStage(form, samples)


class _DelayStage(Stage):
    """``delay`` by known samples."""

    def __init__(self, form: Form, samples: list[int]) -> None:
        self._samples, self._longest = samples, max(samples, default=0)
        total = None if form.num_samples is None else form.num_samples + self._longest
        self.form = Form(form.sample_rate, form.num_channels, total)
        self._held: torch.Tensor | None = None

    def push(self, block: torch.Tensor) -> torch.Tensor:
        """Put what is held in front of the block."""
        if not self._longest:
            return block
        line = shifted(block, self._samples)
        if self._held is not None:
            line = line + pad(self._held, (0, block.shape[-1]))
        self._held = line[..., block.shape[-1] :]
        return line[..., : block.shape[-1]]

    def finish(self) -> torch.Tensor | None:
        """Return what is held."""
        return self._held


class _Echoing(StreamedEffect):
    """What ``echo`` and ``echos`` share: levels, and pairs of a delay in ms and a decay."""

    gain_in: float
    gain_out: float
    echoes: tuple[tuple[float, float], ...]

    usage: ClassVar[str] = "gain-in gain-out {delay decay}"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("gain-in", "level of the direct sound", range="above 0 to 1"),
        Parameter("gain-out", "level of the sum", range="above 0"),
        Parameter("delay", "of an echo, in ms; up to seven echoes", range="a sample and more"),
        Parameter("decay", "level of the echo", range="above 0 to 1"),
    )
    family: ClassVar[str] = "delay"
    ragged: ClassVar[bool] = True
    sequence: ClassVar[bool]

    @classmethod
    def read(cls, arguments: Arguments) -> tuple[float, float, tuple[tuple[float, float], ...]]:
        """Read two levels and the pairs."""
        number = arguments.number
        gain_in = number("gain-in", low=0.0, high=1.0, convert=_above_zero)
        gain_out = number("gain-out", low=0.0, convert=_above_zero)
        echoes: list[tuple[float, float]] = []
        while arguments.peek() is not None or not echoes:
            if len(echoes) == _MOST_ECHOES:
                raise arguments.error(f"{cls.name} has at most {_MOST_ECHOES} echoes")
            time = number("delay in ms", low=0.0, convert=_above_zero)
            echoes.append((time, number("decay", low=0.0, high=1.0, convert=_above_zero)))
        return gain_in, gain_out, tuple(echoes)

    def words(self) -> list[str]:
        """Return the levels and the pairs."""
        numbers = [self.gain_in, self.gain_out, *(v for pair in self.echoes for v in pair)]
        return [format_number(each) for each in numbers]

    def delays(self, sample_rate: float) -> list[int]:
        """Return the delays in samples. SoX keeps its numbers in single precision."""
        found = [int(float(np.float32(time)) * sample_rate / 1000) for time, _ in self.echoes]
        if min(found) < 1:
            raise ValueError(f"{self.name}: a delay is shorter than a sample")
        return found

    def output_length(self, num_samples: int, sample_rate: float) -> int:
        """Return the length with the echoes that run out."""
        delays = self.delays(sample_rate)
        return num_samples + (sum(delays) if self.sequence else max(delays))

    def stage(self, form: Form, context: Context) -> Stage:
        """Keep the longest delay's worth of samples from block to block."""
        return _EchoStage(self, form, bus=context.bus)


def _above_zero(word: str) -> float:
    value = parse_number(word)
    if value <= 0:
        raise ValueError(f"{word} is not above 0")
    return value


@register
@dataclass(frozen=True)
class Echo(_Echoing):
    """Add echoes."""

    gain_in: float
    gain_out: float
    echoes: tuple[tuple[float, float], ...]

    name: ClassVar[str] = "echo"
    summary: ClassVar[str] = "adds echoes"
    example: ClassVar[str] = "echo 0.8 0.88 60 0.4"
    sequence: ClassVar[bool] = False

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read levels and echoes."""
        return cls(*cls.read(arguments))


@register
@dataclass(frozen=True)
class Echos(_Echoing):
    """Add echoes in sequence."""

    gain_in: float
    gain_out: float
    echoes: tuple[tuple[float, float], ...]

    name: ClassVar[str] = "echos"
    summary: ClassVar[str] = "adds echoes in sequence, each further one stronger"
    example: ClassVar[str] = "echos 0.8 0.7 40 0.25 63 0.3"
    sequence: ClassVar[bool] = True

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read levels and echoes."""
        return cls(*cls.read(arguments))


class _EchoStage(Stage):
    """``echo`` and ``echos`` on a stream."""

    def __init__(self, effect: _Echoing, form: Form, *, bus: bool) -> None:
        self._delays = effect.delays(form.sample_rate)
        self._longest = max(self._delays)
        self._tail = sum(self._delays) if effect.sequence else self._longest
        # SoX keeps these numbers in single precision
        self._in, self._out = (float(np.float32(v)) for v in (effect.gain_in, effect.gain_out))
        self._weights = [
            float(np.float32(decay)) * (place + 1 if effect.sequence else 1)
            for place, (_, decay) in enumerate(effect.echoes)
        ]
        self._bus = bus
        self._past: torch.Tensor | None = None
        self._like = torch.zeros(1, form.num_channels, 0)
        total = None if form.num_samples is None else form.num_samples + self._tail
        self.form = Form(form.sample_rate, form.num_channels, total)

    def push(self, block: torch.Tensor) -> torch.Tensor:
        """Add what came before."""
        self._like = block[..., :0]
        past = self._past
        if past is None:
            past = block.new_zeros(*block.shape[:-1], self._longest)
        line = torch.cat([past, block], dim=-1)
        self._past = line[..., line.shape[-1] - self._longest :]
        y = delayed_sum(line, self._longest, self._delays, self._weights, self._in) * self._out
        if self._bus:
            # The fraction of a 24-bit integer is cut off; gradients pass as if it were not.
            y = (y + ((y * _24_BITS).detach().trunc() / _24_BITS - y.detach())).clamp(
                -1.0, 1.0 - 1.0 / _24_BITS
            )
        return y

    def finish(self) -> torch.Tensor | None:
        """Let the echoes run out."""
        return self.push(pad(self._like, (0, self._tail)))


@register
@dataclass(frozen=True)
class Reverb(Effect):
    """Freeverb."""

    reverberance: float = 50.0
    hf_damping: float = 50.0
    room_scale: float = 100.0
    stereo_depth: float = 100.0
    pre_delay_ms: float = 0.0
    wet_gain_db: float = 0.0
    wet_only: bool = False

    name: ClassVar[str] = "reverb"
    usage: ClassVar[str] = (
        "[-w|--wet-only] [reverberance [HF-damping [room-scale [stereo-depth "
        "[pre-delay [wet-gain]]]]]]"
    )
    summary: ClassVar[str] = "adds reverberation; one channel becomes two"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("-w", "the reverberation alone"),
        Parameter("reverberance", "how long it rings, in percent", "50", "0 to 100"),
        Parameter("HF-damping", "how much sooner highs die, in percent", "50", "0 to 100"),
        Parameter("room-scale", "size of the room, in percent", "100", "0 to 100"),
        Parameter("stereo-depth", "difference of the sides, in percent", "100", "0 to 100"),
        Parameter("pre-delay", "before it begins, in ms", "0", "0 to 500"),
        Parameter("wet-gain", "level of the reverberation in dB", "0", "-10 to 10"),
    )
    example: ClassVar[str] = "reverb -w 70 50 80"
    family: ClassVar[str] = "delay"
    ragged: ClassVar[bool] = True

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read up to six numbers."""
        wet_only = False
        if arguments.peek() == "--wet-only":
            arguments.take()
            wet_only = True
        wet_only = bool(arguments.options("w").get("w", wet_only))
        number = arguments.number
        return cls(
            number("reverberance", 50.0, low=0, high=100, convert=parse_number),
            number("HF-damping", 50.0, low=0, high=100, convert=parse_number),
            number("room-scale", 100.0, low=0, high=100, convert=parse_number),
            number("stereo-depth", 100.0, low=0, high=100, convert=parse_number),
            number("pre-delay in ms", 0.0, low=0, high=500, convert=parse_number),
            number("wet-gain in dB", 0.0, low=-10, high=10, convert=parse_number),
            wet_only,
        )

    def words(self) -> list[str]:
        """Return the option and all numbers."""
        numbers = (
            self.reverberance,
            self.hf_damping,
            self.room_scale,
            self.stereo_depth,
            self.pre_delay_ms,
            self.wet_gain_db,
        )
        return ["-w"] * self.wet_only + [format_number(each) for each in numbers]

    def headroom(self, form: Form) -> float:
        """Return what the dry sound and two wet ones need."""
        del form
        wet = max(1.0, math.pow(10.0, self.wet_gain_db / 20.0))
        return 1.0 / (2.0 * wet + (not self.wet_only))

    def apply(self, signal: Signal, context: Context) -> Signal:
        """Run on whole waveforms."""
        del context
        y = reverb(
            signal.waveform,
            signal.sample_rate,
            reverberance=self.reverberance,
            hf_damping=self.hf_damping,
            room_scale=self.room_scale,
            stereo_depth=self.stereo_depth,
            pre_delay_s=self.pre_delay_ms / 1000,
            wet_gain_db=self.wet_gain_db,
            wet_only=self.wet_only,
        )
        return signal.with_waveform(y)

    def stage(self, form: Form, context: Context) -> Stage:
        """Carry the delay lines over."""
        del context
        return _ReverbStage(self, form)


class _ReverbStage(Stage):
    """``reverb`` on a stream."""

    def __init__(self, effect: Reverb, form: Form) -> None:
        self._effect, self._rate = effect, form.sample_rate
        widened = form.num_channels == 1 and effect.stereo_depth > 0
        self.form = Form(form.sample_rate, 2 if widened else form.num_channels, form.num_samples)
        self._stream: ReverbStream | None = None

    def push(self, block: torch.Tensor) -> torch.Tensor:
        """Run the delay lines on."""
        if self._stream is None:
            effect = self._effect
            self._stream = ReverbStream(
                block[..., :0],
                self._rate,
                reverberance=effect.reverberance,
                hf_damping=effect.hf_damping,
                room_scale=effect.room_scale,
                stereo_depth=effect.stereo_depth,
                pre_delay_s=effect.pre_delay_ms / 1000,
                wet_gain_db=effect.wet_gain_db,
                wet_only=effect.wet_only,
            )
        return self._stream.push(block)
