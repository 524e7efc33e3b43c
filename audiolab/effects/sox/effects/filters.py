"""SoX's words for the filters of second order: ``lowpass``, ``equalizer``, ``bass`` and so on."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import torch

from audiolab.effects._recurrences import iir
from audiolab.effects._signal import Signal
from audiolab.effects.filters import design
from audiolab.effects.filters._run import run_biquad
from audiolab.effects.sox.arguments import Arguments
from audiolab.effects.sox.context import Context
from audiolab.effects.sox.effect import Effect, Form, Parameter, Stage
from audiolab.effects.sox.grammar import (
    Width,
    format_number,
    parse_frequency,
    parse_number,
    parse_width,
)
from audiolab.effects.sox.registry import register

__all__ = [
    "Allpass",
    "Band",
    "Bandpass",
    "Bandreject",
    "Bass",
    "Biquad",
    "BiquadStage",
    "Deemph",
    "Equalizer",
    "Highpass",
    "Lowpass",
    "Riaa",
    "Treble",
]

_KEYWORDS = {"h": "bandwidth_hz", "o": "bandwidth_octaves", "q": "q", "s": "slope"}

_FREQUENCY = Parameter("frequency", "centre or cutoff, in Hz or kHz", range="above 0, to rate/2")
_WIDTH = Parameter("width", "h Hz, k kHz, o octaves, q Q factor", range="above 0")
_GAIN = Parameter("gain", "in dB; -20 to 20 is useful")


def _keyword(width: Width | None) -> dict[str, float]:
    return {} if width is None else {_KEYWORDS[width.unit]: width.value}


def _frequency(arguments: Arguments, name: str = "frequency") -> float:
    def positive(word: str) -> float:
        value = parse_frequency(word)
        if value <= 0:
            raise ValueError(f"{word} is not above 0")
        return value

    return arguments.read(name, positive)


def _width(arguments: Arguments, units: str) -> Width:
    return arguments.read("width", lambda word: parse_width(word, units))


def _width_or_none(arguments: Arguments, units: str) -> Width | None:
    return _width(arguments, units) if arguments.peek() is not None else None


class BiquadStage(Stage):
    """A filter of second order on a stream: two numbers a channel pass from block to block."""

    def __init__(self, form: Form, biquad: design.Biquad) -> None:
        self.form, self._biquad = form, biquad
        self._state: torch.Tensor | None = None

    def push(self, block: torch.Tensor) -> torch.Tensor:
        """Filter a block."""
        y, self._state = iir(block, self._biquad.b, self._biquad.a[..., 1:], self._state)
        return y


@dataclass(frozen=True)
class _SecondOrder(Effect):
    """An effect that is one biquad."""

    family: ClassVar[str] = "filters"
    ragged: ClassVar[bool] = True

    @abstractmethod
    def design(self, sample_rate: float) -> design.Biquad:
        """Return the filter at a rate."""

    def apply(self, signal: Signal, context: Context) -> Signal:
        """Filter."""
        del context
        biquad = self.design(signal.sample_rate)
        return signal.with_waveform(run_biquad(signal.waveform, biquad))

    def stage(self, form: Form, context: Context) -> Stage:
        """Filter block by block."""
        del context
        return BiquadStage(form, self.design(form.sample_rate))


@dataclass(frozen=True)
class _Pass(_SecondOrder):
    """``lowpass`` and ``highpass``."""

    frequency: float
    width: Width | None = None
    poles: int = 2

    usage: ClassVar[str] = "[-1|-2] frequency[k] [width[q|o|h|k]]"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("-1, -2", "number of poles, 6 dB an octave each", "-2"),
        Parameter("frequency", "where the power is halved", range="above 0, to rate/2"),
        Parameter("width", "q Q factor, o octaves, h Hz, k kHz; two poles only", "0.7071q"),
    )

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read order, cutoff and width."""
        poles = 1 if list(arguments.options("12"))[-1:] == ["1"] else 2
        frequency = _frequency(arguments)
        width = _width_or_none(arguments, "qohk") if poles == 2 else None
        return cls(frequency, width, poles)

    def words(self) -> list[str]:
        """Return order, cutoff and width."""
        order = ["-1"] if self.poles == 1 else []
        width = [] if self.width is None else [str(self.width)]
        return [*order, format_number(self.frequency), *width]


@register
@dataclass(frozen=True)
class Lowpass(_Pass):
    """Keep what is below a frequency."""

    name: ClassVar[str] = "lowpass"
    summary: ClassVar[str] = "keeps what is below a frequency"
    example: ClassVar[str] = "lowpass -1 300"

    def design(self, sample_rate: float) -> design.Biquad:
        """Return the filter."""
        width: dict[str, Any] = _keyword(self.width)
        return design.lowpass(sample_rate, cutoff_hz=self.frequency, poles=self.poles, **width)


@register
@dataclass(frozen=True)
class Highpass(_Pass):
    """Keep what is above a frequency."""

    name: ClassVar[str] = "highpass"
    summary: ClassVar[str] = "keeps what is above a frequency"
    example: ClassVar[str] = "highpass 80 0.7071q"

    def design(self, sample_rate: float) -> design.Biquad:
        """Return the filter."""
        width: dict[str, Any] = _keyword(self.width)
        return design.highpass(sample_rate, cutoff_hz=self.frequency, poles=self.poles, **width)


@register
@dataclass(frozen=True)
class Allpass(_SecondOrder):
    """Turn the phase."""

    frequency: float
    width: Width | None = None
    poles: int = 2

    name: ClassVar[str] = "allpass"
    usage: ClassVar[str] = "frequency[k] width[h|k|q|o] | -1 frequency[k] | -2 frequency[k]"
    summary: ClassVar[str] = "turns the phase around a frequency and leaves all magnitudes"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("-1, -2", "one pole, or two with a width of 0.5q; without a width"),
        _FREQUENCY,
        _WIDTH,
    )
    example: ClassVar[str] = "allpass 1k 1q"

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read order, centre and width."""
        order = list(arguments.options("12"))[-1:]
        frequency = _frequency(arguments)
        if order == ["1"]:
            return cls(frequency, None, 1)
        return cls(frequency, None if order else _width(arguments, "hkqo"))

    def words(self) -> list[str]:
        """Return order, centre and width."""
        frequency = format_number(self.frequency)
        if self.width is None:
            return [f"-{self.poles}", frequency]
        return [frequency, str(self.width)]

    def design(self, sample_rate: float) -> design.Biquad:
        """Return the filter."""
        if self.poles == 1:
            return design.allpass(sample_rate, center_hz=self.frequency, poles=1)
        width: dict[str, Any] = _keyword(self.width or Width(0.5, "q"))
        return design.allpass(sample_rate, center_hz=self.frequency, **width)


@register
@dataclass(frozen=True)
class Bandpass(_SecondOrder):
    """Keep what is around a frequency."""

    frequency: float
    width: Width
    constant_skirt: bool = False

    name: ClassVar[str] = "bandpass"
    usage: ClassVar[str] = "[-c] frequency[k] width[h|k|q|o]"
    summary: ClassVar[str] = "keeps what is around a frequency"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("-c", "constant skirt gain: the peak is Q instead of 0 dB"),
        _FREQUENCY,
        _WIDTH,
    )
    example: ClassVar[str] = "bandpass 1k 2o"

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read option, centre and width."""
        constant_skirt = "c" in arguments.options("c")
        frequency = _frequency(arguments)
        return cls(frequency, _width(arguments, "hkqo"), constant_skirt)

    def words(self) -> list[str]:
        """Return option, centre and width."""
        option = ["-c"] if self.constant_skirt else []
        return [*option, format_number(self.frequency), str(self.width)]

    def design(self, sample_rate: float) -> design.Biquad:
        """Return the filter."""
        width: dict[str, Any] = _keyword(self.width)
        return design.bandpass(
            sample_rate, center_hz=self.frequency, constant_skirt=self.constant_skirt, **width
        )


@register
@dataclass(frozen=True)
class Bandreject(_SecondOrder):
    """Remove what is around a frequency."""

    frequency: float
    width: Width

    name: ClassVar[str] = "bandreject"
    usage: ClassVar[str] = "frequency[k] width[h|k|q|o]"
    summary: ClassVar[str] = "removes what is around a frequency"
    parameters: ClassVar[tuple[Parameter, ...]] = (_FREQUENCY, _WIDTH)
    example: ClassVar[str] = "bandreject 50 5q"

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read centre and width."""
        return cls(_frequency(arguments), _width(arguments, "hkqo"))

    def words(self) -> list[str]:
        """Return centre and width."""
        return [format_number(self.frequency), str(self.width)]

    def design(self, sample_rate: float) -> design.Biquad:
        """Return the filter."""
        width: dict[str, Any] = _keyword(self.width)
        return design.bandreject(sample_rate, center_hz=self.frequency, **width)


@register
@dataclass(frozen=True)
class Band(_SecondOrder):
    """Let a resonance sound."""

    frequency: float
    width: Width | None = None
    unpitched: bool = False

    name: ClassVar[str] = "band"
    usage: ClassVar[str] = "[-n] center[k] [width[h|k|q|o]]"
    summary: ClassVar[str] = "lets a resonance sound around a frequency"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("-n", "the mode for noise, percussion: about 11 dB louder"),
        Parameter("center", "resonance, in Hz or kHz", range="above 0, to rate/2"),
        Parameter("width", "h Hz, k kHz, q Q factor, o octaves", "half the centre", "above 0"),
    )
    example: ClassVar[str] = "band -n 1.2k 1.5k"

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read option, centre and width."""
        unpitched = "n" in arguments.options("n")
        frequency = _frequency(arguments, "center")
        return cls(frequency, _width_or_none(arguments, "hkqo"), unpitched)

    def words(self) -> list[str]:
        """Return option, centre and width."""
        option = ["-n"] if self.unpitched else []
        width = [] if self.width is None else [str(self.width)]
        return [*option, format_number(self.frequency), *width]

    def design(self, sample_rate: float) -> design.Biquad:
        """Return the filter."""
        width: dict[str, Any] = _keyword(self.width)
        return design.band(sample_rate, center_hz=self.frequency, unpitched=self.unpitched, **width)


@register
@dataclass(frozen=True)
class Equalizer(_SecondOrder):
    """Raise or lower what is around a frequency."""

    frequency: float
    width: Width
    gain: float

    name: ClassVar[str] = "equalizer"
    usage: ClassVar[str] = "frequency[k] width[q|o|h|k] gain"
    summary: ClassVar[str] = "raises or lowers what is around a frequency"
    parameters: ClassVar[tuple[Parameter, ...]] = (_FREQUENCY, _WIDTH, _GAIN)
    example: ClassVar[str] = "equalizer 1k 1q -6"

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read centre, width and gain."""
        frequency, width = _frequency(arguments), _width(arguments, "qohk")
        return cls(frequency, width, arguments.number("gain", convert=parse_number))

    def words(self) -> list[str]:
        """Return centre, width and gain."""
        return [format_number(self.frequency), str(self.width), format_number(self.gain)]

    def headroom(self, sample_rate: float) -> float:
        """Return what a boost needs."""
        del sample_rate
        return min(1.0, math.pow(10.0, -self.gain / 20.0))

    def design(self, sample_rate: float) -> design.Biquad:
        """Return the filter."""
        width: dict[str, Any] = _keyword(self.width)
        return design.equalizer(sample_rate, center_hz=self.frequency, gain_db=self.gain, **width)


@dataclass(frozen=True)
class _Shelf(_SecondOrder):
    """``bass`` and ``treble``."""

    gain: float
    frequency: float | None = None
    width: Width | None = None

    usage: ClassVar[str] = "gain [frequency[k] [width[s|h|k|q|o]]]"

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read gain, centre and width."""
        gain = arguments.number("gain", convert=parse_number)
        if arguments.peek() is None:
            return cls(gain)
        frequency = _frequency(arguments)
        width = _width_or_none(arguments, "shkqo")
        if width is not None and width.unit == "s" and width.value > 1.0:
            raise arguments.error(f"{cls.name}: a slope is at most 1, got {width}", 3)
        return cls(gain, frequency, width)

    def words(self) -> list[str]:
        """Return gain, centre and width."""
        frequency = [] if self.frequency is None else [format_number(self.frequency)]
        width = [] if self.width is None else [str(self.width)]
        return [format_number(self.gain), *frequency, *width]

    def headroom(self, sample_rate: float) -> float:
        """Return what a boost needs."""
        del sample_rate
        return min(1.0, math.pow(10.0, -self.gain / 20.0))

    def keywords(self) -> dict[str, Any]:
        """Return what was given, as keyword arguments of the design."""
        centre = {} if self.frequency is None else {"center_hz": self.frequency}
        return {"gain_db": self.gain, **centre, **_keyword(self.width)}


@register
@dataclass(frozen=True)
class Bass(_Shelf):
    """Raise or lower the low end."""

    name: ClassVar[str] = "bass"
    summary: ClassVar[str] = "raises or lowers the low end of the spectrum"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        _GAIN,
        Parameter("frequency", "where half the decibels are reached", "100", "above 0, to rate/2"),
        Parameter("width", "s slope (at most 1), h Hz, k kHz, q Q factor, o octaves", "0.5s"),
    )
    example: ClassVar[str] = "bass 6"

    def design(self, sample_rate: float) -> design.Biquad:
        """Return the filter."""
        return design.bass(sample_rate, **self.keywords())


@register
@dataclass(frozen=True)
class Treble(_Shelf):
    """Raise or lower the high end."""

    name: ClassVar[str] = "treble"
    summary: ClassVar[str] = "raises or lowers the high end of the spectrum"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        _GAIN,
        Parameter("frequency", "where half the decibels are reached", "3000", "above 0, to rate/2"),
        Parameter("width", "s slope (at most 1), h Hz, k kHz, q Q factor, o octaves", "0.5s"),
    )
    example: ClassVar[str] = "treble -6 4k"

    def design(self, sample_rate: float) -> design.Biquad:
        """Return the filter."""
        return design.treble(sample_rate, **self.keywords())


@register
@dataclass(frozen=True)
class Biquad(_SecondOrder):
    """Run given coefficients."""

    b: tuple[float, float, float]
    a: tuple[float, float, float]

    name: ClassVar[str] = "biquad"
    usage: ClassVar[str] = "b0 b1 b2 a0 a1 a2"
    summary: ClassVar[str] = "runs a recursion of second order with given coefficients"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("b0 b1 b2", "numerator"),
        Parameter("a0 a1 a2", "denominator", range="a0 is not 0"),
    )
    example: ClassVar[str] = "biquad 0.3 0 0 1 -0.7 0"

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read six numbers."""
        b0, b1, b2, a0, a1, a2 = (
            arguments.number(name, convert=parse_number) for name in cls.usage.split()
        )
        if a0 == 0:
            raise arguments.error("biquad: a0 must not be 0", 4)
        return cls((b0, b1, b2), (a0, a1, a2))

    def words(self) -> list[str]:
        """Return six numbers."""
        return [format_number(each) for each in (*self.b, *self.a)]

    def design(self, sample_rate: float) -> design.Biquad:
        """Return the filter."""
        del sample_rate
        b, a = (torch.tensor(each, dtype=torch.float64) / self.a[0] for each in (self.b, self.a))
        return design.Biquad(b, a)


@dataclass(frozen=True)
class _Fixed(_SecondOrder):
    """A filter without parameters."""

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read no words."""
        del arguments
        return cls()

    def words(self) -> list[str]:
        """Return no words."""
        return []


@register
@dataclass(frozen=True)
class Deemph(_Fixed):
    """Undo a compact disc's pre-emphasis."""

    name: ClassVar[str] = "deemph"
    summary: ClassVar[str] = "undoes the pre-emphasis of early compact discs (44.1 or 48 kHz)"
    example: ClassVar[str] = "deemph"

    def design(self, sample_rate: float) -> design.Biquad:
        """Return the filter."""
        return design.deemph(sample_rate)


@register
@dataclass(frozen=True)
class Riaa(_Fixed):
    """Equalise a record."""

    name: ClassVar[str] = "riaa"
    summary: ClassVar[str] = "equalises a record (44.1, 48, 88.2 or 96 kHz)"
    example: ClassVar[str] = "riaa"

    def design(self, sample_rate: float) -> design.Biquad:
        """Return the filter."""
        return design.riaa(sample_rate)
