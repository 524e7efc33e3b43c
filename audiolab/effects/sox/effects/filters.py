"""SoX's words for filters that pass or stop a part: ``lowpass``, ``bandpass``, ``allpass`` ..."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

from audiolab.effects.filters import design
from audiolab.effects.sox.arguments import Arguments
from audiolab.effects.sox.effect import Form, Parameter
from audiolab.effects.sox.effects._filters import (
    FREQUENCY,
    WIDTH,
    SecondOrder,
    read_frequency,
    read_poles,
    read_width,
    width_keyword,
)
from audiolab.effects.sox.grammar import Width, format_number
from audiolab.effects.sox.registry import register

__all__ = ["Allpass", "Band", "Bandpass", "Bandreject", "Highpass", "Lowpass"]


@dataclass(frozen=True)
class _Pass(SecondOrder):
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
        poles = read_poles(arguments) or 2
        frequency = read_frequency(arguments)
        width = (
            (read_width(arguments, "qohk") if arguments.peek() is not None else None)
            if poles == 2
            else None
        )
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
        width: dict[str, Any] = width_keyword(self.width)
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
        width: dict[str, Any] = width_keyword(self.width)
        return design.highpass(sample_rate, cutoff_hz=self.frequency, poles=self.poles, **width)


@register
@dataclass(frozen=True)
class Allpass(SecondOrder):
    """Turn the phase."""

    frequency: float
    width: Width | None = None
    poles: int = 2

    name: ClassVar[str] = "allpass"
    usage: ClassVar[str] = "frequency[k] width[h|k|q|o] | -1 frequency[k] | -2 frequency[k]"
    summary: ClassVar[str] = "turns the phase around a frequency and leaves all magnitudes"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("-1, -2", "one pole, or two with a width of 0.5q; without a width"),
        FREQUENCY,
        WIDTH,
    )
    example: ClassVar[str] = "allpass 1k 1q"

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read order, centre and width."""
        poles = read_poles(arguments)
        frequency = read_frequency(arguments)
        return cls(frequency, None if poles else read_width(arguments, "hkqo"), poles or 2)

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
        width: dict[str, Any] = width_keyword(self.width or Width(0.5, "q"))
        return design.allpass(sample_rate, center_hz=self.frequency, **width)


@register
@dataclass(frozen=True)
class Bandpass(SecondOrder):
    """Keep what is around a frequency."""

    frequency: float
    width: Width
    constant_skirt: bool = False

    name: ClassVar[str] = "bandpass"
    usage: ClassVar[str] = "[-c] frequency[k] width[h|k|q|o]"
    summary: ClassVar[str] = "keeps what is around a frequency"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("-c", "constant skirt gain: the peak is Q instead of 0 dB"),
        FREQUENCY,
        WIDTH,
    )
    example: ClassVar[str] = "bandpass 1k 2o"

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read option, centre and width."""
        constant_skirt = "c" in arguments.options("c")
        frequency = read_frequency(arguments)
        return cls(frequency, read_width(arguments, "hkqo"), constant_skirt)

    def words(self) -> list[str]:
        """Return option, centre and width."""
        option = ["-c"] if self.constant_skirt else []
        return [*option, format_number(self.frequency), str(self.width)]

    def design(self, sample_rate: float) -> design.Biquad:
        """Return the filter."""
        width: dict[str, Any] = width_keyword(self.width)
        return design.bandpass(
            sample_rate, center_hz=self.frequency, constant_skirt=self.constant_skirt, **width
        )


@register
@dataclass(frozen=True)
class Bandreject(SecondOrder):
    """Remove what is around a frequency."""

    frequency: float
    width: Width

    name: ClassVar[str] = "bandreject"
    usage: ClassVar[str] = "frequency[k] width[h|k|q|o]"
    summary: ClassVar[str] = "removes what is around a frequency"
    parameters: ClassVar[tuple[Parameter, ...]] = (FREQUENCY, WIDTH)
    example: ClassVar[str] = "bandreject 50 5q"

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read centre and width."""
        return cls(read_frequency(arguments), read_width(arguments, "hkqo"))

    def words(self) -> list[str]:
        """Return centre and width."""
        return [format_number(self.frequency), str(self.width)]

    def design(self, sample_rate: float) -> design.Biquad:
        """Return the filter."""
        width: dict[str, Any] = width_keyword(self.width)
        return design.bandreject(sample_rate, center_hz=self.frequency, **width)


@register
@dataclass(frozen=True)
class Band(SecondOrder):
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
        frequency = read_frequency(arguments, "center")
        return cls(
            frequency,
            (read_width(arguments, "hkqo") if arguments.peek() is not None else None),
            unpitched,
        )

    def words(self) -> list[str]:
        """Return option, centre and width."""
        option = ["-n"] if self.unpitched else []
        width = [] if self.width is None else [str(self.width)]
        return [*option, format_number(self.frequency), *width]

    def headroom(self, form: Form) -> float:
        """Return what the louder of the two modes has above the other."""
        if not self.unpitched:
            return 1.0
        width: dict[str, Any] = width_keyword(self.width)
        quiet, _ = design.band(form.sample_rate, center_hz=self.frequency, **width)
        loud, _ = self.design(form.sample_rate)
        return float(quiet[..., 0] / loud[..., 0])

    def design(self, sample_rate: float) -> design.Biquad:
        """Return the filter."""
        width: dict[str, Any] = width_keyword(self.width)
        return design.band(sample_rate, center_hz=self.frequency, unpitched=self.unpitched, **width)
