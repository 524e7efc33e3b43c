"""SoX's words for equalisers: ``equalizer``, ``bass``, ``treble``, and filters without knobs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import torch

from audiolab.effects.filters import design
from audiolab.effects.sox.arguments import Arguments
from audiolab.effects.sox.effect import Form, Parameter
from audiolab.effects.sox.effects._filters import (
    FREQUENCY,
    GAIN,
    WIDTH,
    SecondOrder,
    read_frequency,
    read_width,
    width_keyword,
)
from audiolab.effects.sox.grammar import Width, format_number, parse_number
from audiolab.effects.sox.registry import register

__all__ = ["Bass", "Biquad", "Deemph", "Equalizer", "Riaa", "Treble"]


@register
@dataclass(frozen=True)
class Equalizer(SecondOrder):
    """Raise or lower what is around a frequency."""

    frequency: float
    width: Width
    gain: float

    name: ClassVar[str] = "equalizer"
    usage: ClassVar[str] = "frequency[k] width[q|o|h|k] gain"
    summary: ClassVar[str] = "raises or lowers what is around a frequency"
    parameters: ClassVar[tuple[Parameter, ...]] = (FREQUENCY, WIDTH, GAIN)
    example: ClassVar[str] = "equalizer 1k 1q -6"

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read centre, width and gain."""
        frequency, width = read_frequency(arguments), read_width(arguments, "qohk")
        return cls(frequency, width, arguments.number("gain", convert=parse_number))

    def words(self) -> list[str]:
        """Return centre, width and gain."""
        return [format_number(self.frequency), str(self.width), format_number(self.gain)]

    def headroom(self, form: Form) -> float:
        """Return what a boost needs."""
        del form
        return min(1.0, math.pow(10.0, -self.gain / 20.0))

    def design(self, sample_rate: float) -> design.Biquad:
        """Return the filter."""
        width: dict[str, Any] = width_keyword(self.width)
        return design.equalizer(sample_rate, center_hz=self.frequency, gain_db=self.gain, **width)


@dataclass(frozen=True)
class _Shelf(SecondOrder):
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
        frequency = read_frequency(arguments)
        width = read_width(arguments, "shkqo") if arguments.peek() is not None else None
        if width is not None and width.unit == "s" and width.value > 1.0:
            raise arguments.error(f"{cls.name}: a slope is at most 1, got {width}", 3)
        return cls(gain, frequency, width)

    def words(self) -> list[str]:
        """Return gain, centre and width."""
        frequency = [] if self.frequency is None else [format_number(self.frequency)]
        width = [] if self.width is None else [str(self.width)]
        return [format_number(self.gain), *frequency, *width]

    def headroom(self, form: Form) -> float:
        """Return what a boost needs."""
        del form
        return min(1.0, math.pow(10.0, -self.gain / 20.0))

    def keywords(self) -> dict[str, Any]:
        """Return what was given, as keyword arguments of the design."""
        centre = {} if self.frequency is None else {"center_hz": self.frequency}
        return {"gain_db": self.gain, **centre, **width_keyword(self.width)}


@register
@dataclass(frozen=True)
class Bass(_Shelf):
    """Raise or lower the low end."""

    name: ClassVar[str] = "bass"
    summary: ClassVar[str] = "raises or lowers the low end of the spectrum"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        GAIN,
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
        GAIN,
        Parameter("frequency", "where half the decibels are reached", "3000", "above 0, to rate/2"),
        Parameter("width", "s slope (at most 1), h Hz, k kHz, q Q factor, o octaves", "0.5s"),
    )
    example: ClassVar[str] = "treble -6 4k"

    def design(self, sample_rate: float) -> design.Biquad:
        """Return the filter."""
        return design.treble(sample_rate, **self.keywords())


@register
@dataclass(frozen=True)
class Biquad(SecondOrder):
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
class _Fixed(SecondOrder):
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

    def headroom(self, form: Form) -> float:
        """Return what the gain at 0 Hz needs."""
        b, a = self.design(form.sample_rate)
        return float(a.sum() / b.sum())
