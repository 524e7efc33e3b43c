"""SoX's words for filters by an impulse response: ``sinc``, ``fir``, ``hilbert`` and so on."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import ClassVar, Self

import torch

from audiolab.effects._convolution import StreamedConvolution, convolve
from audiolab.effects._signal import Signal
from audiolab.effects.filters import earwax
from audiolab.effects.filters.equal_loudness import HALF_LENGTH, firfit_taps, loudness_taps
from audiolab.effects.filters.finite import hilbert_taps, sinc_filter
from audiolab.effects.sox.arguments import Arguments
from audiolab.effects.sox.context import Context
from audiolab.effects.sox.effect import Effect, Form, Parameter, Stage
from audiolab.effects.sox.grammar import format_number, parse_frequency, parse_number
from audiolab.effects.sox.registry import register

__all__ = ["Earwax", "Fir", "Firfit", "Hilbert", "Loudness", "Sinc"]


class _ConvolutionStage(Stage):
    """A convolution on a stream, its delay taken away."""

    def __init__(self, form: Form, taps: torch.Tensor, start: int) -> None:
        self.form, self._convolution = form, StreamedConvolution(taps, start)

    def push(self, block: torch.Tensor) -> torch.Tensor:
        """Convolve a block."""
        return self._convolution.push(block)

    def finish(self) -> torch.Tensor | None:
        """Return what the delay held back."""
        return self._convolution.finish()


@dataclass(frozen=True)
class _Finite(Effect):
    """An effect that is one impulse response."""

    family: ClassVar[str] = "filters"
    ragged: ClassVar[bool] = True

    @abstractmethod
    def response(self, sample_rate: float) -> tuple[torch.Tensor, int]:
        """Return the taps at a rate, and which of them is time zero."""

    def apply(self, signal: Signal, context: Context) -> Signal:
        """Convolve."""
        del context
        taps, start = self.response(signal.sample_rate)
        return signal.with_waveform(convolve(signal.waveform, taps, start=start))

    def stage(self, form: Form, context: Context) -> Stage:
        """Convolve block by block."""
        del context
        return _ConvolutionStage(form, *self.response(form.sample_rate))


_NUMBER = r"\+?(?:\d+\.?\d*|\.\d+)(?:[eE]\+?\d+)?"
_EDGE = rf"(?:%[+-]?{_NUMBER}|{_NUMBER}k?)"
_EDGES = re.compile(rf"(?P<high>{_EDGE})?(?:-(?P<low>{_EDGE}))?")


@register
@dataclass(frozen=True)
class Sinc(_Finite):
    """Cut the spectrum sharply."""

    highpass: float | None = None
    lowpass: float | None = None
    attenuation: float | None = None
    beta: float | None = None
    phase: float = 50.0
    transition: float | None = None
    taps: int | None = None
    #: The options to the right of two frequencies, which are the low-pass's own.
    lowpass_transition: float | None = None
    lowpass_taps: int | None = None

    name: ClassVar[str] = "sinc"
    usage: ClassVar[str] = (
        "[-a att|-b beta] [-p phase|-M|-I|-L] [-t tbw|-n taps] [freqHP][-freqLP [-t tbw|-n taps]]"
    )
    summary: ClassVar[str] = "cuts the spectrum sharply with a windowed sinc"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("-a", "attenuation of the stop-bands in dB", "120", "40 to 180"),
        Parameter("-b", "Kaiser window's beta instead", range="0 to 256"),
        Parameter("-p", "phase: 0 minimum, 25 intermediate, 50 linear, 100 maximum", "50"),
        Parameter("-M, -I, -L", "-p 0, -p 25, -p 50"),
        Parameter("-t", "width of the transition in Hz", "5 % of rate/2", "1 and more"),
        Parameter("-n", "number of taps instead, made odd", range="11 to 32767"),
        Parameter("freqHP", "-6 dB point of a high-pass", range="below rate/2"),
        Parameter("freqLP", "-6 dB point of a low-pass", range="below rate/2"),
    )
    example: ClassVar[str] = "sinc 300-3400"

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read options, frequencies and the low-pass's own options."""
        found = cls._options(arguments, "MIL", "abptn")
        if "a" in found and "b" in found:
            raise arguments.error("sinc takes -a or -b, not both", arguments.position - 1)
        phases = {"M": 0.0, "I": 25.0, "L": 50.0}
        phase = 50.0
        for letter, value in found.items():
            if letter in "MILp":
                phase = phases[letter] if value is None else value
        at = arguments.position
        edges = _EDGES.fullmatch(arguments.read("freqHP-freqLP", str))
        high, low = (
            parse_frequency(edges[name]) if edges and edges[name] else 0.0
            for name in ("high", "low")
        )
        if high <= 0 and low <= 0:
            raise arguments.error("sinc needs a frequency: 300, -3400 or 300-3400", at)
        own = cls._options(arguments, "", "tn")
        if {"t", "n"} <= {*found, *own}:
            raise arguments.error("sinc takes -t or -n, not both", arguments.position - 1)
        if not (high > 0 and low > 0):
            # With one frequency, both places mean the same.
            found, own = {**found, **own}, {}
        taps, own_taps = (
            None if each.get("n") is None else int(each["n"] or 0) for each in (found, own)
        )
        return cls(
            high if high > 0 else None,
            low if low > 0 else None,
            found.get("a"),
            found.get("b"),
            phase,
            found.get("t"),
            taps,
            own.get("t"),
            own_taps,
        )

    @staticmethod
    def _options(arguments: Arguments, flags: str, valued: str) -> dict[str, float | None]:
        ranges = {"a": (40, 180), "b": (0, 256), "p": (0, 100), "t": (1, 1e15), "n": (11, 32_767)}
        found: dict[str, float | None] = {}
        for letter, word in arguments.options(flags, valued).items():
            value = None
            if isinstance(word, str):
                try:
                    value = parse_frequency(word) if letter == "t" else parse_number(word)
                except ValueError as error:
                    raise arguments.error(
                        f"sinc: -{letter}: {error}", arguments.position - 1
                    ) from None
                low, high = ranges[letter]
                if not low <= value <= high:
                    limits = f"at least {low}" if letter == "t" else f"{low} to {high}"
                    raise arguments.error(
                        f"sinc: -{letter} must be {limits}, got {word}", arguments.position - 1
                    )
            found.pop(letter, None)
            found[letter] = value
        return found

    def words(self) -> list[str]:
        """Return options, frequencies and the low-pass's own options."""

        def option(letter: str, value: float | None) -> list[str]:
            return [] if value is None else [f"-{letter}", format_number(value)]

        high, low = (
            "" if each is None else format_number(each) for each in (self.highpass, self.lowpass)
        )
        return [
            *option("a", self.attenuation),
            *option("b", self.beta),
            *option("p", None if self.phase == 50.0 else self.phase),
            *option("t", self.transition),
            *option("n", self.taps),
            f"{high}-{low}" if low else high,
            *option("t", self.lowpass_transition),
            *option("n", self.lowpass_taps),
        ]

    def response(self, sample_rate: float) -> tuple[torch.Tensor, int]:
        """Return the filter; a band-pass is upside down, as in the program."""
        return sinc_filter(
            sample_rate,
            highpass_hz=self.highpass,
            lowpass_hz=self.lowpass,
            transition_hz=self.transition,
            num_taps=self.taps,
            lowpass_transition_hz=self.lowpass_transition,
            lowpass_num_taps=self.lowpass_taps,
            attenuation_db=120.0 if self.attenuation is None else self.attenuation,
            beta=self.beta,
            phase=self.phase,
            inverted=True,
        )


def _numbers_of(word: str, convert: Callable[[str], float]) -> tuple[float, ...]:
    """Return the numbers in a text file; what follows a ``#`` is a comment."""
    if word == "-":
        raise ValueError("the standard input is not read here; name a file")
    try:
        text = Path(word).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not a text"
        raise ValueError(f"couldn't read the file {word!r}: {reason}") from None
    return tuple(convert(each) for line in text.splitlines() for each in line.split("#")[0].split())


@register
@dataclass(frozen=True)
class Fir(_Finite):
    """Convolve with given taps."""

    coefficients: tuple[float, ...]
    file: str | None = None

    name: ClassVar[str] = "fir"
    usage: ClassVar[str] = "coefs-file | coef coef {coef}"
    summary: ClassVar[str] = "convolves with given coefficients, the middle one at time zero"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("coefs-file", "text file of coefficients; # begins a comment"),
        Parameter("coef", "two or more coefficients"),
    )
    example: ClassVar[str] = "fir 0.0195 -0.082 0.234 0.891 -0.145 0.043"

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read coefficients, or the name of their file."""
        if len(arguments) != 1:
            first = arguments.number("coef", convert=parse_number)
            rest = [arguments.number("coef", convert=parse_number) for _ in range(len(arguments))]
            return cls((first, *rest))
        file = arguments.peek()
        taps = arguments.read("coefs-file", lambda word: _numbers_of(word, parse_number))
        if not taps:
            raise arguments.error("fir: the file has no coefficients", 1)
        return cls(taps, file)

    def words(self) -> list[str]:
        """Return the file, or the coefficients."""
        if self.file is not None:
            return [self.file]
        return [format_number(each) for each in self.coefficients]

    def response(self, sample_rate: float) -> tuple[torch.Tensor, int]:
        """Return the coefficients."""
        del sample_rate
        taps = torch.tensor(self.coefficients, dtype=torch.float64)
        return taps, (len(taps) - 1) // 2


@register
@dataclass(frozen=True)
class Firfit(_Finite):
    """Filter by a curve through points.

    The program takes a file only; here the points may also stand in the line.
    """

    knots: tuple[tuple[float, float], ...]
    file: str | None = None

    name: ClassVar[str] = "firfit"
    usage: ClassVar[str] = "knots-file | frequency gain frequency gain {frequency gain}"
    summary: ClassVar[str] = "filters by a curve of decibels through points (experimental in SoX)"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("knots-file", "text file of frequencies in Hz and gains in dB; # for comments"),
        Parameter("frequency gain", "the same in the line, which the sox program does not take"),
    )
    example: ClassVar[str] = "firfit 100 0 1000 -6 5000 0"

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read the points, or the name of their file."""
        file = None
        if len(arguments) > 1:
            values = tuple(
                arguments.number("knot", convert=parse_number) for _ in range(len(arguments))
            )
        else:
            file = arguments.peek()
            values = arguments.read("knots-file", lambda word: _numbers_of(word, parse_number))
        if len(values) % 2 or len(values) < 4:
            raise arguments.error("firfit needs pairs of frequency and gain, two or more", 1)
        if any(after <= before for before, after in pairwise((0.0, *values[::2]))):
            raise arguments.error("firfit: the frequencies must rise from above 0", 1)
        return cls(tuple(zip(values[::2], values[1::2], strict=True)), file)

    def words(self) -> list[str]:
        """Return the file, or the points."""
        if self.file is not None:
            return [self.file]
        return [format_number(each) for knot in self.knots for each in knot]

    def response(self, sample_rate: float) -> tuple[torch.Tensor, int]:
        """Return the filter."""
        taps = firfit_taps(sample_rate, *map(list, zip(*self.knots, strict=True)))
        return taps, len(taps) // 2


@register
@dataclass(frozen=True)
class Hilbert(_Finite):
    """Turn the phase by 90 degrees."""

    taps: int | None = None

    name: ClassVar[str] = "hilbert"
    usage: ClassVar[str] = "[-n taps]"
    summary: ClassVar[str] = "turns the phase of every frequency by 90 degrees"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("-n", "odd number of taps", "rate/76.5 + 2", "3 to 32767"),
    )
    example: ClassVar[str] = "hilbert -n 301"

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read the length."""
        word = arguments.options("", "n").get("n")
        if word is None:
            return cls()
        try:
            taps = int(parse_number(str(word)))
        except ValueError as error:
            raise arguments.error(f"hilbert: -n: {error}", arguments.position - 1) from None
        if not 3 <= taps <= 32_767 or taps % 2 == 0:
            raise arguments.error(
                f"hilbert: -n must be odd and 3 to 32767, got {word}", arguments.position - 1
            )
        return cls(taps)

    def words(self) -> list[str]:
        """Return the length."""
        return [] if self.taps is None else ["-n", str(self.taps)]

    def response(self, sample_rate: float) -> tuple[torch.Tensor, int]:
        """Return the filter."""
        taps = hilbert_taps(sample_rate, self.taps)
        return taps, len(taps) // 2


@register
@dataclass(frozen=True)
class Loudness(_Finite):
    """Change the level and keep the balance heard."""

    gain: float = -10.0
    reference: float = 65.0
    half_length: int = HALF_LENGTH

    name: ClassVar[str] = "loudness"
    usage: ClassVar[str] = "[gain [reference [half-length]]]"
    summary: ClassVar[str] = "changes the level and keeps the balance that the ear hears"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("gain", "gain at 1 kHz in dB", "-10", "-50 to 15"),
        Parameter("reference", "loudness at which the sound was balanced", "65", "50 to 75"),
        Parameter("half-length", "taps on either side of the middle one", "1023", "127 to 2047"),
    )
    example: ClassVar[str] = "loudness -20"

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read gain, reference and length."""
        return cls(
            arguments.number("gain", -10.0, low=-50, high=15, convert=parse_number),
            arguments.number("reference", 65.0, low=50, high=75, convert=parse_number),
            int(arguments.number("half-length", HALF_LENGTH, low=127, high=2047)),
        )

    def words(self) -> list[str]:
        """Return gain, reference and length."""
        given = [self.gain, self.reference, self.half_length]
        defaults = [-10.0, 65.0, HALF_LENGTH]
        while given and given[-1] == defaults[len(given) - 1]:
            given.pop()
        return [format_number(each) for each in given]

    def response(self, sample_rate: float) -> tuple[torch.Tensor, int]:
        """Return the filter."""
        if self.gain == 0:
            return torch.ones(1, dtype=torch.float64), 0
        taps = loudness_taps(sample_rate, self.gain, self.reference, self.half_length)
        return taps, len(taps) // 2


class _EarwaxStage(Stage):
    """``earwax`` on a stream: 32 samples of both channels pass from block to block."""

    def __init__(self, form: Form, *, bus: bool) -> None:
        self.form, self._bus = form, bus
        self._past: torch.Tensor | None = None

    def push(self, block: torch.Tensor) -> torch.Tensor:
        """Filter a block."""
        if self._past is None:
            self._past = block.new_zeros(*block.shape[:-1], 32)
        together = torch.cat([self._past, block], dim=-1)
        self._past = together[..., together.shape[-1] - 32 :]
        heard = earwax(together, self.form.sample_rate, whole_numbers=self._bus)
        return heard[..., 32:]


@register
@dataclass(frozen=True)
class Earwax(Effect):
    """Move a stereo image out of the head."""

    name: ClassVar[str] = "earwax"
    summary: ClassVar[str] = "moves a stereo image out of the head of who wears headphones"
    example: ClassVar[str] = "earwax"
    family: ClassVar[str] = "filters"
    ragged: ClassVar[bool] = True

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read no words."""
        del arguments
        return cls()

    def words(self) -> list[str]:
        """Return no words."""
        return []

    def apply(self, signal: Signal, context: Context) -> Signal:
        """Filter."""
        return signal.with_waveform(
            earwax(signal.waveform, signal.sample_rate, whole_numbers=context.bus)
        )

    def stage(self, form: Form, context: Context) -> Stage:
        """Filter block by block."""
        return _EarwaxStage(form, bus=context.bus)
