"""The words of the SoX language and what they mean: numbers, frequencies, widths, times, levels.

Each ``parse`` function raises a plain ``ValueError`` with the reason; ``Arguments.read`` turns it
into an error that points at the word. Each value turns back into a word that means the same.

Reference: the manual pages sox(1) and soxi(1), SoX 14.4.2.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import Decimal
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
        # A minus zero keeps its sign, which may tell an offset from a frequency.
        return "-0" if value == 0 and math.copysign(1.0, value) < 0 else str(int(value))
    return repr(float(value))


_NOTE = re.compile(r"([A-G])([b#]?)([0-9]?)")
#: Semitones from A, in the octave that begins with C.
_SEMITONES = {"C": -9, "D": -7, "E": -5, "F": -4, "G": -2, "A": 0, "B": 2}


def parse_frequency(word: str) -> float:
    """Return a frequency in Hz: ``300``, ``1.2k``, ``%n`` semitones from 440 Hz, or ``C#4``."""
    if word.startswith("%"):
        return 440.0 * math.exp2(parse_number(word[1:]) / 12.0)
    if note := _NOTE.fullmatch(word):
        letter, accidental, octave = note.groups()
        semitones = _SEMITONES[letter] + {"b": -1, "": 0, "#": 1}[accidental]
        return 440.0 * math.exp2(int(octave or 4) - 4 + semitones / 12.0)
    value = 1000.0 * parse_number(word[:-1]) if word.endswith("k") else parse_number(word)
    if value < 0:
        raise ValueError(f"the frequency {word!r} is negative")
    return value


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
            ("-" if value < 0 else "+") + _decimal(value) + ("s" if samples else "t")
            for value, samples in self.terms
        ]
        return "".join(words).removeprefix("+")


def _round(value: float) -> int:
    return int(math.copysign(math.floor(abs(value) + 0.5), value))


def _decimal(value: float) -> str:
    """Return a magnitude without exponent, which seconds cannot have."""
    return format(Decimal(repr(abs(value))), "f").removesuffix(".0")


_TERM = re.compile(r"([+-])([^+-]*)")
_COUNT = re.compile(r"(\d+(?:\.\d+)?(?:e\d+)?)s", re.IGNORECASE)
_CLOCK = re.compile(r"(?:(\d+):(?:(\d*):)?)?(\d+(?:\.\d+)?|\.\d+|)t?")
_BARE_COUNT = re.compile(r"\d+(?:e\d+)?", re.IGNORECASE)


def parse_time(word: str, *, bare: Literal["t", "s"] = "t") -> Time:
    """Return a time: ``[[hh:]mm:]ss[.frac][t]`` or ``NNNs``, terms joined by ``+`` and ``-``.

    Parameters
    ----------
    word : str
        What was written. Parts of a clock time may be empty, as in ``1::30``; a count of samples
        may have an exponent, as in ``1.7e6s``.
    bare : {"t", "s"}, default: "t"
        What a whole number without a letter counts: seconds, or samples as in ``silence``.
    """
    if not word:
        raise ValueError("a time is missing")
    if word[0] in "+-":
        raise ValueError(f"the time {word!r} begins with a sign")
    terms: list[tuple[float, bool]] = []
    for sign, text in _TERM.findall(f"+{word}"):
        term = _parse_term(text, bare)
        if term is None:
            raise ValueError(f"{word!r} is not a time such as 1:30.5, 0.2t or 4410s")
        terms.append((-term[0], term[1]) if sign == "-" else term)
    return Time(tuple(terms))


def _parse_term(text: str, bare: Literal["t", "s"]) -> tuple[float, bool] | None:
    """Return a term's value and whether it counts samples, or None where it is no time."""
    if bare == "s" and _BARE_COUNT.fullmatch(text):
        text += "s"
    if count := _COUNT.fullmatch(text):
        value = float(count[1])
        return (value, True) if value.is_integer() else None
    clock = _CLOCK.fullmatch(text)
    if clock is None:
        return None
    first, second, number = clock.groups()
    if not number and first is None:
        return None
    minutes = float(first or 0) if second is None else 60.0 * float(first) + float(second or 0)
    return 60.0 * minutes + float(number or 0), False


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
