"""SoX's words for sample rate and speed: ``rate``, ``speed``, ``upsample``, ``downsample``."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar, Self

import torch

from audiolab.effects import rates
from audiolab.effects._signal import Signal
from audiolab.effects.rates._cascade import Quality
from audiolab.effects.rates._converter import ConverterStream, convert, converted_length
from audiolab.effects.rates.conversion import make_quality
from audiolab.effects.sox.arguments import Arguments
from audiolab.effects.sox.context import Context
from audiolab.effects.sox.effect import Effect, Form, Parameter, Stage, StreamedEffect
from audiolab.effects.sox.grammar import format_number, parse_frequency, parse_number
from audiolab.effects.sox.registry import register
from audiolab.resample.rates import rate_ratio

__all__ = ["Downsample", "Rate", "Speed", "Upsample"]

_QUALITIES = {"q": "quick", "l": "low", "m": "medium", "h": "high", "v": "very_high"}
_LETTERS = {name: letter for letter, name in _QUALITIES.items()}
_PHASES = {"M": 0.0, "I": 25.0, "L": 50.0}


@register
@dataclass(frozen=True)
class Rate(Effect):
    """Change the sample rate."""

    new_rate: float
    quality: str = "high"
    bandwidth: float = 95.0
    aliasing: bool = False
    phase: float = 50.0

    name: ClassVar[str] = "rate"
    usage: ClassVar[str] = "[-q|-l|-m|-h|-v] [-M|-I|-L|-p phase] [-s|-b bandwidth] [-a] RATE[k]"
    summary: ClassVar[str] = "changes the sample rate, the sound stays"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("-q|-l|-m|-h|-v", "quality: quick (no filter), low, medium, high, very high"),
        Parameter("-M|-I|-L", "phase response: minimum, intermediate, linear", "-L"),
        Parameter("-p", "phase response in between", "50", "0 to 100"),
        Parameter("-s", "steep filter: a bandwidth of 99 %"),
        Parameter("-b", "bandwidth in percent", "95", "74 to 99.7; with -a 85 to 99.7"),
        Parameter("-a", "let something alias above the pass band"),
        Parameter("RATE", "new rate in Hz"),
    )
    example: ClassVar[str] = "rate -v 16k"
    family: ClassVar[str] = "time"
    ragged: ClassVar[bool] = True

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read options and the rate."""
        start = arguments.position
        found = arguments.options("qlmhvMILsa", "pb")
        quality = next((name for letter, name in _QUALITIES.items() if letter in found), "high")
        phase = next((value for letter, value in _PHASES.items() if letter in found), 50.0)
        try:
            if "p" in found:
                phase = parse_number(str(found["p"]))
            bandwidth = parse_number(str(found["b"])) if "b" in found else 95.0
            bandwidth = 99.0 if "s" in found else bandwidth
            aliasing = "a" in found
            make_quality(quality, bandwidth=bandwidth / 100, aliasing=aliasing, phase=phase)
        except ValueError as error:
            raise arguments.error(f"rate: {error}", start) from None
        new_rate = arguments.number("RATE", low=1e-6, convert=parse_frequency)
        return cls(new_rate, quality, bandwidth, aliasing, phase)

    def words(self) -> list[str]:
        """Return what differs from the defaults, and the rate."""
        words = [] if self.quality == "high" else ["-" + _LETTERS[self.quality]]
        if self.phase != 50:
            words += ["-p", format_number(self.phase)]
        if self.bandwidth != 95:
            words += ["-b", format_number(self.bandwidth)]
        return [*words, *["-a"] * self.aliasing, format_number(self.new_rate)]

    def headroom(self, form: Form) -> float:
        """Return SoX's guess of how far a filtered signal overshoots."""
        del form
        return 0.705

    def ratio(self, sample_rate: float) -> Fraction:
        """Return the output over the input rate."""
        return rate_ratio(sample_rate, self.new_rate)

    def output_length(self, num_samples: int, sample_rate: float) -> int:
        """Return the rounded length."""
        return converted_length(num_samples, self.ratio(sample_rate))

    def apply(self, signal: Signal, context: Context) -> Signal:
        """Run on whole waveforms."""
        del context
        y = convert(signal.waveform, self.ratio(signal.sample_rate), self._quality())
        return Signal(y, self.new_rate, signal.lengths)

    def stage(self, form: Form, context: Context) -> Stage:
        """Run block by block."""
        del context
        ratio = self.ratio(form.sample_rate)
        length = form.num_samples
        after = Form(
            self.new_rate,
            form.num_channels,
            None if length is None else converted_length(length, ratio),
        )
        return _RateStage(ConverterStream(ratio, self._quality()), after)

    def _quality(self) -> Quality | None:
        return make_quality(
            self.quality,
            bandwidth=self.bandwidth / 100,
            aliasing=self.aliasing,
            phase=self.phase,
        )


class _RateStage(Stage):
    """``rate`` on a stream."""

    def __init__(self, stream: ConverterStream, form: Form) -> None:
        self._stream, self.form = stream, form

    def push(self, block: torch.Tensor) -> torch.Tensor:
        """Return the outputs that a block completes."""
        return self._stream.push(block)

    def finish(self) -> torch.Tensor | None:
        """Return the rest."""
        return self._stream.finish()


@register
@dataclass(frozen=True)
class Speed(StreamedEffect):
    """Change speed: tempo and pitch together, by another name for the rate."""

    factor: float

    name: ClassVar[str] = "speed"
    usage: ClassVar[str] = "factor[c]"
    summary: ClassVar[str] = "changes tempo and pitch together, once a rate effect follows"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("factor", "new speed over old; with c, cents of pitch", range="above 0"),
    )
    example: ClassVar[str] = "speed 0.8"
    family: ClassVar[str] = "time"
    ragged: ClassVar[bool] = True

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read the factor."""
        return cls(arguments.read("factor", _speed))

    def words(self) -> list[str]:
        """Return the factor."""
        return [format_number(self.factor)]

    def stage(self, form: Form, context: Context) -> Stage:
        """Call the rate another."""
        del context
        after = Form(form.sample_rate * self.factor, form.num_channels, form.num_samples)
        return _Relabelled(after)


def _speed(word: str) -> float:
    if word.endswith("c"):
        return float(2.0 ** (parse_number(word[:-1]) / 1200))
    factor = parse_number(word)
    if factor <= 0:
        raise ValueError(f"{word} is not above 0")
    return factor


class _Relabelled(Stage):
    """Samples as they are, at another rate."""

    def __init__(self, form: Form) -> None:
        self.form = form

    def push(self, block: torch.Tensor) -> torch.Tensor:
        """Return the block."""
        return block


@register
@dataclass(frozen=True)
class Upsample(StreamedEffect):
    """Put zeros between the samples."""

    factor: int = 2

    name: ClassVar[str] = "upsample"
    usage: ClassVar[str] = "[factor]"
    summary: ClassVar[str] = "puts zeros between the samples, at a multiple of the rate"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("factor", "new rate over old", "2", "1 to 256"),
    )
    example: ClassVar[str] = "upsample 2"
    family: ClassVar[str] = "time"
    ragged: ClassVar[bool] = True

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read the factor."""
        return cls(_whole(arguments, 256))

    def words(self) -> list[str]:
        """Return the factor."""
        return [str(self.factor)]

    def output_length(self, num_samples: int, sample_rate: float) -> int:
        """Return the multiple."""
        del sample_rate
        return num_samples * self.factor

    def stage(self, form: Form, context: Context) -> Stage:
        """Run block by block."""
        del context
        total = None if form.num_samples is None else form.num_samples * self.factor
        return _UpsampleStage(
            self.factor, Form(form.sample_rate * self.factor, form.num_channels, total)
        )


class _UpsampleStage(Stage):
    """``upsample`` on a stream."""

    def __init__(self, factor: int, form: Form) -> None:
        self._factor, self.form = factor, form

    def push(self, block: torch.Tensor) -> torch.Tensor:
        """Put zeros behind each sample."""
        return rates.upsample(block, factor=self._factor)


@register
@dataclass(frozen=True)
class Downsample(StreamedEffect):
    """Keep one sample of several."""

    factor: int = 2

    name: ClassVar[str] = "downsample"
    usage: ClassVar[str] = "[factor]"
    summary: ClassVar[str] = "keeps one sample of several, without a filter"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("factor", "old rate over new", "2", "1 to 16384"),
    )
    example: ClassVar[str] = "downsample 2"
    family: ClassVar[str] = "time"
    ragged: ClassVar[bool] = True

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read the factor."""
        return cls(_whole(arguments, 16_384))

    def words(self) -> list[str]:
        """Return the factor."""
        return [str(self.factor)]

    def output_length(self, num_samples: int, sample_rate: float) -> int:
        """Return how many samples are kept."""
        del sample_rate
        return -(-num_samples // self.factor)

    def stage(self, form: Form, context: Context) -> Stage:
        """Run block by block."""
        del context
        total = None if form.num_samples is None else -(-form.num_samples // self.factor)
        return _DownsampleStage(
            self.factor, Form(form.sample_rate / self.factor, form.num_channels, total)
        )


class _DownsampleStage(Stage):
    """``downsample`` on a stream."""

    def __init__(self, factor: int, form: Form) -> None:
        self._factor, self.form = factor, form
        self._place = 0

    def push(self, block: torch.Tensor) -> torch.Tensor:
        """Keep the samples whose number the factor divides."""
        first = -self._place % self._factor
        self._place += block.shape[-1]
        return block[..., first :: self._factor]


def _whole(arguments: Arguments, largest: int) -> int:
    factor = arguments.number("factor", 2, low=1, high=largest, convert=parse_number)
    if factor != int(factor):
        raise arguments.error(f"{arguments.words[0]}: factor must be a whole number", 1)
    return int(factor)
