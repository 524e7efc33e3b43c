"""SoX's words for filters by an impulse response: ``fir``, ``hilbert``, ``loudness`` and so on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import ClassVar, Self

import torch

from audiolab.effects._signal import Signal
from audiolab.effects.filters import earwax
from audiolab.effects.filters.equal_loudness import HALF_LENGTH, firfit_taps, loudness_taps
from audiolab.effects.filters.finite import hilbert_taps
from audiolab.effects.sox.arguments import Arguments
from audiolab.effects.sox.context import Context
from audiolab.effects.sox.effect import Effect, Form, Parameter, Stage
from audiolab.effects.sox.effects._filters import FiniteFilter
from audiolab.effects.sox.grammar import format_number, parse_number
from audiolab.effects.sox.registry import register

__all__ = ["Earwax", "Fir", "Firfit", "Hilbert", "Loudness"]


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
class Fir(FiniteFilter):
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
class Firfit(FiniteFilter):
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
class Hilbert(FiniteFilter):
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
class Loudness(FiniteFilter):
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
