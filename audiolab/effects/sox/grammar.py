"""The words of the SoX language and what they mean: numbers, frequencies, widths, times, levels.

Each ``parse`` function raises a plain ``ValueError`` with the reason; ``Arguments.read`` turns it
into an error that points at the word. Each value turns back into a word that means the same.

Reference: the manual pages sox(1) and soxi(1), SoX 14.4.2.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal, TypeAlias, cast

__all__ = [
    "Position",
    "Time",
    "Width",
    "format_number",
    "parse_frequency",
    "parse_number",
    "parse_position",
    "parse_time",
    "parse_width",
]

WidthUnit: TypeAlias = Literal["h", "o", "q", "s"]
Anchor: TypeAlias = Literal["=", "+", "-"]

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def parse_number(word: str) -> float:
    """Return a decimal number; infinities, ``nan``, hexadecimals and underscores are refused."""
    if not _NUMBER.fullmatch(word):
        raise ValueError(f"{word!r} is not a number")
    value = float(word)
    if not math.isfinite(value):
        raise ValueError(f"{word!r} is too large")
    return value


def format_number(value: float) -> str:
    """Return the shortest decimal word that reads back as the same number."""
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return repr(float(value))


def parse_frequency(word: str) -> float:
    """Return a frequency in Hz: ``300``, ``1.2k``, or ``%n``, `n` semitones from 440 Hz."""
    if word.startswith("%"):
        return 440.0 * math.exp2(parse_number(word[1:]) / 12.0)
    if word.endswith("k"):
        return 1000.0 * parse_number(word[:-1])
    return parse_number(word)


@dataclass(frozen=True)
class Width:
    """A filter's width: ``h`` Hz, ``o`` octaves, ``q`` Q factor or ``s`` slope.

    ``k`` (kHz) is read as ``h`` with a thousand times the value.
    """

    value: float
    unit: WidthUnit

    def __str__(self) -> str:
        return f"{format_number(self.value)}{self.unit}"


def parse_width(word: str, units: str) -> Width:
    """Return a width in one of `units`, the first of which is meant where no letter is given."""
    letter = word[-1:]
    unit, digits = (letter, word[:-1]) if letter.isalpha() else (units[0], word)
    if unit not in units:
        raise ValueError(f"the width {word!r} must end in one of {', '.join(units)}")
    value = parse_number(digits)
    if value <= 0:
        raise ValueError(f"the width {word!r} must be positive")
    if unit == "k":
        return Width(1000.0 * value, "h")
    return Width(value, cast("WidthUnit", unit))


@dataclass(frozen=True)
class Time:
    """A sum of durations, each in seconds or in samples: ``1:30.5``, ``0.2t-100s``.

    Parameters
    ----------
    terms : tuple of (float, bool)
        Value of each term with its sign, and whether it counts samples.
    """

    terms: tuple[tuple[float, bool], ...]

    def seconds(self, sample_rate: float) -> float:
        """Return the duration in seconds at a rate."""
        return sum(value / sample_rate if samples else value for value, samples in self.terms)

    def samples(self, sample_rate: float) -> int:
        """Return the duration in samples; each term is rounded on its own, halves up."""
        return sum(
            _round(value if counted else value * sample_rate) for value, counted in self.terms
        )

    def __str__(self) -> str:
        words = [
            ("-" if value < 0 else "+")
            + (f"{format_number(abs(value))}s" if samples else f"{format_number(abs(value))}t")
            for value, samples in self.terms
        ]
        return "".join(words).removeprefix("+")


def _round(value: float) -> int:
    return int(math.copysign(math.floor(abs(value) + 0.5), value))


_TERM = re.compile(
    r"(?P<sign>[+-]?)(?:(?P<clock>(?:\d+:){1,2})?(?P<number>\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+))"
    r"(?P<unit>[st]?)"
)


def parse_time(word: str, *, bare: Literal["t", "s"] = "t") -> Time:
    """Return a time: ``[[hh:]mm:]ss[.frac][t]`` or ``NNNs``, terms joined by ``+`` and ``-``.

    Parameters
    ----------
    word : str
        What was written.
    bare : {"t", "s"}, default: "t"
        What a number without a letter counts: seconds, or samples as in ``silence``.
    """
    terms: list[tuple[float, bool]] = []
    place = 0
    while place < len(word):
        match = _TERM.match(word, place)
        if match is None or (terms and not match["sign"]):
            raise ValueError(f"{word!r} is not a time such as 1:30.5, 0.2t or 4410s")
        value = float(match["number"])
        clock = match["clock"]
        if clock:
            if match["unit"] == "s":
                raise ValueError(f"{word!r}: hours and minutes cannot count samples")
            for power, part in enumerate(reversed(clock.rstrip(":").split(":")), start=1):
                value += 60.0**power * float(part)
        samples = match["unit"] == "s" or (not match["unit"] and not clock and bare == "s")
        terms.append((-value if match["sign"] == "-" else value, samples))
        place = match.end()
    if not terms:
        raise ValueError("a time is missing")
    return Time(tuple(terms))


@dataclass(frozen=True)
class Position:
    """A time and where it counts from: ``=`` start, ``+`` previous position, ``-`` end."""

    anchor: Anchor
    time: Time

    def resolve(self, sample_rate: float, *, previous: int = 0, total: int | None = None) -> int:
        """Return the sample that the position names.

        Raises
        ------
        ValueError
            If the position counts from the end and the length is not known.
        """
        samples = self.time.samples(sample_rate)
        if self.anchor == "=":
            return samples
        if self.anchor == "+":
            return previous + samples
        if total is None:
            raise ValueError(f"{self} counts from the end, and the length is not known")
        return total - samples

    def __str__(self) -> str:
        return f"{self.anchor}{self.time}"


def parse_position(word: str, default: Anchor, *, bare: Literal["t", "s"] = "t") -> Position:
    """Return a position; without ``=``, ``+`` or ``-`` in front it counts from `default`."""
    if word[:1] in {"=", "+", "-"}:
        return Position(cast("Anchor", word[0]), parse_time(word[1:], bare=bare))
    return Position(default, parse_time(word, bare=bare))
