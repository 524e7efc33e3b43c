"""SoX's words for the effects that swing: ``chorus``, ``flanger``, ``phaser``, ``tremolo``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import torch
from torch.nn.functional import pad

from audiolab.effects._signal import Signal
from audiolab.effects.modulation._rates import Rows
from audiolab.effects.modulation._waves import Interpolation, Shape
from audiolab.effects.modulation.choruses import WholeVoice, chorus_with_past
from audiolab.effects.modulation.flanging import (
    FlangerTable,
    flanger_with_past,
    phaser_table,
    phaser_with_past,
)
from audiolab.effects.modulation.trembling import tremolo_from
from audiolab.effects.sox.arguments import Arguments
from audiolab.effects.sox.context import Context
from audiolab.effects.sox.effect import Form, Parameter, Stage, StreamedEffect
from audiolab.effects.sox.effects._words import abbreviated, number_if_there
from audiolab.effects.sox.grammar import format_number, parse_number
from audiolab.effects.sox.registry import register

__all__ = ["Chorus", "Flanger", "Phaser", "Tremolo", "Voice"]

#: chorus works in units of 24-bit integers.
_24_BITS = 2.0**23

_MOST_VOICES = 7


@dataclass(frozen=True)
class Voice:
    """One voice of ``chorus``: milliseconds, level, hertz, milliseconds, and a wave."""

    delay_ms: float
    decay: float
    speed_hz: float
    depth_ms: float
    shape: Shape

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read ``delay decay speed depth -s|-t``."""
        delay = arguments.number("delay in ms", low=20.0, high=100.0, convert=parse_number)
        decay = arguments.number("decay", low=0.0, high=1.0, convert=parse_number)
        speed = arguments.number("speed in Hz", low=0.1, high=5.0, convert=parse_number)
        depth = arguments.number("depth in ms", low=0.0, high=10.0, convert=parse_number)
        return cls(delay, decay, speed, depth, arguments.read("-s or -t", _shape))

    def words(self) -> list[str]:
        """Return the five words."""
        numbers = (self.delay_ms, self.decay, self.speed_hz, self.depth_ms)
        return [*map(format_number, numbers), f"-{self.shape[0]}"]

    def whole(self, sample_rate: float) -> WholeVoice:
        """Return the voice in samples. SoX keeps these numbers in single precision."""
        delay, depth = np.float32(self.delay_ms), np.float32(self.depth_ms)
        return WholeVoice(
            reach=int(float(delay + depth) * sample_rate / 1000.0),
            depth=int(float(depth) * sample_rate / 1000.0),
            period=int(sample_rate / float(np.float32(self.speed_hz))),
            decay=float(np.float32(self.decay)),
            shape=self.shape,
        )


def _shape(word: str) -> Shape:
    if word == "-s":
        return "sine"
    if word == "-t":
        return "triangle"
    raise ValueError(f"{word!r} is neither -s, a sine, nor -t, a triangle")


@register
@dataclass(frozen=True)
class Chorus(StreamedEffect):
    """Add voices whose delay swings."""

    gain_in: float
    gain_out: float
    voices: tuple[Voice, ...]

    name: ClassVar[str] = "chorus"
    usage: ClassVar[str] = "gain-in gain-out {delay decay speed depth -s|-t}"
    summary: ClassVar[str] = "adds voices whose delay swings slowly"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("gain-in", "level of the input among the voices", range="0 to 1"),
        Parameter("gain-out", "level of the sum", range="0 and more"),
        Parameter("delay", "of a voice, in ms; up to seven voices", range="20 to 100"),
        Parameter("decay", "level of the voice", range="0 to 1"),
        Parameter("speed", "swings a second, in Hz", range="0.1 to 5"),
        Parameter("depth", "of the swing, in ms", range="0 to 10"),
        Parameter("-s|-t", "the swing is a sine or a triangle"),
    )
    example: ClassVar[str] = "chorus 0.6 0.9 50 0.4 0.25 2 -t 60 0.32 0.4 1.3 -s"
    family: ClassVar[str] = "modulation"
    ragged: ClassVar[bool] = True

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read two levels and the voices."""
        gain_in = arguments.number("gain-in", low=0.0, high=1.0, convert=parse_number)
        gain_out = arguments.number("gain-out", low=0.0, convert=parse_number)
        voices = [Voice.parse(arguments)]
        while arguments.peek() is not None:
            if len(voices) == _MOST_VOICES:
                raise arguments.error(f"chorus has at most {_MOST_VOICES} voices")
            voices.append(Voice.parse(arguments))
        return cls(gain_in, gain_out, tuple(voices))

    def words(self) -> list[str]:
        """Return the levels and the voices."""
        levels = [format_number(self.gain_in), format_number(self.gain_out)]
        return levels + [word for voice in self.voices for word in voice.words()]

    def longest(self, sample_rate: float) -> int:
        """Return the longest delay in samples, by which the output is longer."""
        return max(voice.whole(sample_rate).reach for voice in self.voices)

    def output_length(self, num_samples: int, sample_rate: float) -> int:
        """Return the length with the tail."""
        return num_samples + self.longest(sample_rate)

    def apply(self, signal: Signal, context: Context) -> Signal:
        """Run on whole waveforms, with room for the tail."""
        form = Form(signal.sample_rate, signal.num_channels, signal.num_samples)
        stage = _ChorusStage(self, form, bus=context.bus)
        return signal.with_waveform(stage.push(pad(signal.waveform, (0, stage.longest))))

    def stage(self, form: Form, context: Context) -> Stage:
        """Keep the longest delay's worth of samples from block to block."""
        return _ChorusStage(self, form, bus=context.bus)


class _ChorusStage(Stage):
    """``chorus`` on a stream."""

    def __init__(self, effect: Chorus, form: Form, *, bus: bool) -> None:
        self._voices = [voice.whole(form.sample_rate) for voice in effect.voices]
        self.longest = effect.longest(form.sample_rate)
        self._gains = [float(np.float32(each)) for each in (effect.gain_in, effect.gain_out)]
        self._bus, self._place = bus, 0
        self._past: torch.Tensor | None = None
        self._like = torch.zeros(1, form.num_channels, 0)
        length = form.num_samples
        self.form = Form(
            form.sample_rate,
            form.num_channels,
            None if length is None else length + self.longest,
        )

    def push(self, block: torch.Tensor) -> torch.Tensor:
        """Read the line at the block's delays."""
        self._like = block[..., :0]
        rows = Rows(block)
        samples = rows.samples
        if self._bus:
            samples = (samples * _24_BITS).float()
        if self._past is None:
            self._past = samples.new_zeros(rows.count, self.longest)
        line = torch.cat([self._past, samples], dim=-1)
        enter, leave = (
            line.new_full((rows.count,), each, dtype=torch.float64) for each in self._gains
        )
        out = chorus_with_past(
            *(line, self.longest, self._voices, enter, leave, self._place), exact=self._bus
        )
        self._past = line[:, line.shape[-1] - self.longest :]
        self._place += block.shape[-1]
        if self._bus:
            # The fraction is cut off; gradients pass as if it were not.
            out = (out + (out.detach().trunc() - out.detach())).to(block.dtype)
            out = out.clamp(-_24_BITS, _24_BITS - 1.0) / _24_BITS
        return rows.restored(out)

    def finish(self) -> torch.Tensor | None:
        """Let the longest delay run out."""
        return self.push(pad(self._like, (0, self.longest)))


@register
@dataclass(frozen=True)
class Flanger(StreamedEffect):
    """Mix in a copy whose short delay sweeps."""

    delay_ms: float = 0.0
    depth_ms: float = 2.0
    regen: float = 0.0
    width: float = 71.0
    speed_hz: float = 0.5
    shape: Shape = "sine"
    phase: float = 25.0
    interpolation: Interpolation = "linear"

    name: ClassVar[str] = "flanger"
    usage: ClassVar[str] = "[delay depth regen width speed shape phase interp]"
    summary: ClassVar[str] = "mixes in a copy whose short delay sweeps up and down"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("delay", "least delay in ms", "0", "0 to 30"),
        Parameter("depth", "how much longer the delay gets, in ms", "2", "0 to 10"),
        Parameter("regen", "feedback in percent", "0", "-95 to 95"),
        Parameter("width", "level of the delayed signal in percent", "71", "0 to 100"),
        Parameter("speed", "sweeps a second, in Hz", "0.5", "0.1 to 10"),
        Parameter("shape", "sine or triangle", "sine"),
        Parameter("phase", "lead of each channel, in percent of a sweep", "25", "0 to 100"),
        Parameter("interp", "of the delay: linear or quadratic", "linear"),
    )
    example: ClassVar[str] = "flanger 0 4 50 71 0.3 triangle 25 quadratic"
    family: ClassVar[str] = "modulation"
    ragged: ClassVar[bool] = True

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read the numbers that are there, the shape, the phase and the interpolation."""
        delay = number_if_there(arguments, "delay", 0.0, 0.0, 30.0)
        depth = number_if_there(arguments, "depth", 2.0, 0.0, 10.0)
        regen = number_if_there(arguments, "regen", 0.0, -95.0, 95.0)
        width = number_if_there(arguments, "width", 71.0, 0.0, 100.0)
        speed = number_if_there(arguments, "speed", 0.5, 0.1, 10.0)
        shape: Shape = arguments.read_or("shape", _wave, _wave("sine"))
        phase = number_if_there(arguments, "phase", 25.0, 0.0, 100.0)
        interp = arguments.read_or("interp", _interpolation, _interpolation("linear"))
        return cls(delay, depth, regen, width, speed, shape, phase, interp)

    def words(self) -> list[str]:
        """Return all eight words."""
        numbers = (self.delay_ms, self.depth_ms, self.regen, self.width, self.speed_hz)
        last = [self.shape, format_number(self.phase), self.interpolation]
        return [*map(format_number, numbers), *last]

    def stage(self, form: Form, context: Context) -> Stage:
        """Keep the line's last milliseconds from block to block."""
        del context
        return _FlangerStage(self, form)


def _wave(word: str) -> Shape:
    shapes: tuple[Shape, ...] = ("sine", "triangle")
    return abbreviated(word, shapes)


def _interpolation(word: str) -> Interpolation:
    interpolations: tuple[Interpolation, ...] = ("linear", "quadratic")
    return abbreviated(word, interpolations)


class _FlangerStage(Stage):
    """``flanger`` on a stream."""

    def __init__(self, effect: Flanger, form: Form) -> None:
        self.form = form
        self._swept = FlangerTable.of_sox(
            effect.delay_ms / 1000.0,
            effect.depth_ms / 1000.0,
            effect.speed_hz,
            sample_rate=form.sample_rate,
            shape=effect.shape,
            phase=effect.phase / 100.0,
            channels=form.num_channels,
            interpolation=effect.interpolation,
        )
        self._numbers = (effect.regen / 100.0, effect.width / 100.0)
        self._past: torch.Tensor | None = None
        self._place = 0

    def push(self, block: torch.Tensor) -> torch.Tensor:
        """Run the line on."""
        rows = Rows(block)
        regen, width = (
            block.new_full((rows.count,), each, dtype=torch.float64) for each in self._numbers
        )
        out, line = flanger_with_past(rows, self._swept, regen, width, self._past, self._place)
        self._past = line[:, -self._swept.reach :].double()
        self._place += block.shape[-1]
        return rows.restored(out)


@register
@dataclass(frozen=True)
class Phaser(StreamedEffect):
    """Feed back through a sweeping delay."""

    gain_in: float = 0.4
    gain_out: float = 0.74
    delay_ms: float = 3.0
    decay: float = 0.4
    speed_hz: float = 0.5
    shape: Shape = "sine"

    name: ClassVar[str] = "phaser"
    usage: ClassVar[str] = "[gain-in gain-out delay decay speed] [-s|-t]"
    summary: ClassVar[str] = "feeds the sound back through a short delay that sweeps"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("gain-in", "level of the input into the line", "0.4", "0 to 1"),
        Parameter("gain-out", "level of the output", "0.74", "0 to 1e9"),
        Parameter("delay", "longest delay in ms, a sample or more", "3", "0 to 5"),
        Parameter("decay", "feedback", "0.4", "0 to 0.99"),
        Parameter("speed", "sweeps a second, in Hz", "0.5", "0.1 to 2"),
        Parameter("-s|-t", "the sweep is a sine or a triangle", "-s"),
    )
    example: ClassVar[str] = "phaser 0.8 0.74 3 0.4 0.5 -t"
    family: ClassVar[str] = "modulation"
    ragged: ClassVar[bool] = True

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read the numbers that are there, and the shape."""
        numbers = (
            number_if_there(arguments, "gain-in", 0.4, 0.0, 1.0),
            number_if_there(arguments, "gain-out", 0.74, 0.0, 1e9),
            number_if_there(arguments, "delay", 3.0, 0.0, 5.0),
            number_if_there(arguments, "decay", 0.4, 0.0, 0.99),
            number_if_there(arguments, "speed", 0.5, 0.1, 2.0),
        )
        return cls(*numbers, arguments.read_or("-s or -t", _shape, "sine"))

    def words(self) -> list[str]:
        """Return the five numbers and the shape."""
        numbers = (self.gain_in, self.gain_out, self.delay_ms, self.decay, self.speed_hz)
        return [*map(format_number, numbers), f"-{self.shape[0]}"]

    def stage(self, form: Form, context: Context) -> Stage:
        """Keep the line's last milliseconds from block to block."""
        del context
        return _PhaserStage(self, form)


class _PhaserStage(Stage):
    """``phaser`` on a stream."""

    def __init__(self, effect: Phaser, form: Form) -> None:
        self.form, self._effect = form, effect
        self.longest = int(effect.delay_ms * 0.001 * form.sample_rate + 0.5)
        if self.longest < 1:
            raise ValueError(
                f"phaser: a delay of {effect.delay_ms:g} ms is less than a sample at "
                f"{form.sample_rate:g} Hz"
            )
        self._past: torch.Tensor | None = None
        self._place = 0

    def push(self, block: torch.Tensor) -> torch.Tensor:
        """Run the line on."""
        effect, rows = self._effect, Rows(block)
        taps = phaser_table(
            *(self.longest, effect.speed_hz, self.form.sample_rate, effect.shape, rows),
            place=self._place,
        )
        decay, factor = (
            block.new_full((rows.count,), each, dtype=torch.float64)
            for each in (effect.decay, effect.gain_in * effect.gain_out)
        )
        out, line = phaser_with_past(rows, taps, decay, factor, self._past)
        self._past = line[:, -self.longest :]
        self._place += block.shape[-1]
        return rows.restored(out)


@register
@dataclass(frozen=True)
class Tremolo(StreamedEffect):
    """Swell and fade loudness."""

    speed_hz: float
    depth: float = 40.0

    name: ClassVar[str] = "tremolo"
    usage: ClassVar[str] = "speed [depth]"
    summary: ClassVar[str] = "swells and fades loudness as a sine"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("speed", "swells a second, in Hz", range="0 and more"),
        Parameter("depth", "part of the amplitude that comes and goes, in percent", "40", "to 100"),
    )
    example: ClassVar[str] = "tremolo 6 60"
    family: ClassVar[str] = "modulation"
    ragged: ClassVar[bool] = True
    ends_headroom: ClassVar[bool] = True

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read the speed and the depth."""
        speed = arguments.number("speed in Hz", low=0.0, convert=parse_number)
        return cls(speed, arguments.read_or("depth", _depth, 40.0))

    def words(self) -> list[str]:
        """Return the speed and the depth."""
        return [format_number(self.speed_hz), format_number(self.depth)]

    def stage(self, form: Form, context: Context) -> Stage:
        """Multiply block by block."""
        return _TremoloStage(self, form, context.make_headroom())

    @property
    def makes_headroom(self) -> bool:
        """Yes: it is a ``synth``, which makes head-room for the effects that follow."""
        return True


def _depth(word: str) -> float:
    depth = parse_number(word)
    if not 0.0 < depth <= 100.0:
        raise ValueError(f"{word} is not above 0 and up to 100")
    return depth


class _TremoloStage(Stage):
    """``tremolo`` on a stream."""

    def __init__(self, effect: Tremolo, form: Form, factor: float) -> None:
        self.form, self._speed, self._place, self._factor = form, effect.speed_hz, 0, factor
        # SoX hands the wave's offset to `synth` with six digits.
        offset = float(f"{100.0 - 0.5 * effect.depth:g}")
        self._depth = (100.0 - offset) / 50.0

    def push(self, block: torch.Tensor) -> torch.Tensor:
        """Multiply by the gain of the block's place."""
        start = self._place
        self._place += block.shape[-1]
        out = tremolo_from(block, self.form.sample_rate, self._speed, self._depth, start)
        return out if self._factor == 1.0 else out * self._factor
