"""One voice of ``synth``: what it plays, in which order its words come, and its defaults."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal, TypeAlias, cast

from audiolab.effects.sox.arguments import Arguments
from audiolab.effects.sox.grammar import format_number, parse_frequency, parse_number

__all__ = ["COMBINES", "KINDS", "Combine", "Shape", "Voice", "parse_voice", "read_shape", "tuned"]

Combine: TypeAlias = Literal["create", "mix", "amod", "fmod"]

#: Kinds in the manual's order, and how they combine with what comes in.
KINDS = (
    *("sine", "square", "triangle", "sawtooth", "trapezium", "exp"),
    *("whitenoise", "noise", "tpdfnoise", "pinknoise", "brownnoise", "pluck"),
)
COMBINES = ("create", "mix", "amod", "fmod")

#: Frequency ratios of just intonation to the key note.
_JUST = (1, 16 / 15, 9 / 8, 6 / 5, 5 / 4, 4 / 3, 7 / 5, 3 / 2, 8 / 5, 5 / 3, 16 / 9, 15 / 8)

_DEFAULTS = {"trapezium": (0.1, 0.5, 0.6), "pluck": (0.4, 0.2, 0.9)}

_FREQUENCY = r"(?:%[+-]?[\d.]+|[A-G][b#]?\d?|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?k?)"
_SPAN = re.compile(rf"(?P<start>{_FREQUENCY})(?:(?P<sweep>[:+/-])(?P<end>{_FREQUENCY}))?")

Shape: TypeAlias = tuple[float | None, ...]


@dataclass(frozen=True)
class Voice:
    """What one channel plays.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    combine : str
        ``create``, ``mix``, ``amod`` or ``fmod``.
    frequency : tuple of (str, str, str), optional
        Words of the first frequency, the sweep and the last one; the latter two may be empty.
    shape : tuple of float or None
        Offset, phase, p1, p2 and p3 in percent, as far as they were given.
    """

    kind: str = "sine"
    combine: Combine = "create"
    frequency: tuple[str, str, str] | None = None
    shape: Shape = ()

    def words(self) -> list[str]:
        """Return the voice in words."""
        frequency = [] if self.frequency is None else ["".join(self.frequency)]
        given = [format_number(each) for each in self.shape if each is not None]
        return [self.kind, self.combine, *frequency, *given]

    def percentages(self, common: Shape) -> tuple[float, float, float, float, float]:
        """Return offset, phase, p1, p2, p3 as fractions, with the gaps filled in.

        What the voice lacks comes from the words in front of all voices, and what these lack from
        the kind. Where a trapezium's rise is given alone, its fall is made symmetrical to it
        within half a cycle, or ends with the cycle when the rise is longer.
        """
        given = [
            own if own is not None else shared
            for own, shared in zip(_filled(self.shape), _filled(common), strict=True)
        ]
        offset, phase, *rest = (None if each is None else each / 100 for each in given)
        first, second, third = _DEFAULTS.get(self.kind, (0.5, 0.5, 0.6))
        p1, p2, p3 = rest
        if self.kind == "trapezium" and p1 is not None:
            second, third = (0.5 - p1, 0.5) if p1 <= 0.5 else (p1, 1.0)
            if p2 is not None:
                third = 1.0
        values = (
            first if p1 is None else p1,
            second if p2 is None else p2,
            third if p3 is None else p3,
        )
        return offset or 0.0, phase or 0.0, *values

    def span(self, key: float | None) -> tuple[float, str, float]:
        """Return the first frequency in Hz, the sweep's letter ("" for none) and the last."""
        if self.frequency is None:
            return 440.0, "", 440.0
        start, sweep, end = self.frequency
        first = tuned(start, key)
        return first, sweep, tuned(end, key) if sweep else first


def _filled(shape: Shape) -> tuple[float | None, ...]:
    return (*shape, *([None] * (5 - len(shape))))


def tuned(word: str, key: float | None) -> float:
    """Return a frequency in Hz; notes in just intonation where there is a key.

    Parameters
    ----------
    word : str
        A frequency, a note, or ``%`` and semitones.
    key : float, optional
        Semitones of the key note from 440 Hz.
    """
    frequency = parse_frequency(word)
    if key is None or not (word.startswith("%") or word[0].isalpha()):
        return frequency
    steps = 12 * math.log2(frequency / 440.0) - key
    octave, step = divmod(round(steps), 12)
    if abs(steps - round(steps)) > 1e-9:
        return frequency
    return 440.0 * math.exp2(key / 12 + octave) * _JUST[step]


def parse_voice(arguments: Arguments, *, swept: bool) -> Voice:
    """Read one voice: type, combine, frequency, and up to five percentages."""
    kind = _abbreviated(arguments.peek(), KINDS)
    if kind is None:
        raise arguments.error(f"synth: {arguments.peek()!r} is not one of {', '.join(KINDS)}")
    arguments.take()
    combine = _abbreviated(arguments.peek(), COMBINES)
    if combine is not None:
        arguments.take()
    frequency = None
    word = arguments.peek()
    if word is not None and not word.startswith("-") and _abbreviated(word, KINDS) is None:
        frequency = arguments.read("freq", _parse_span)
        if frequency[1] and not swept:
            raise arguments.error(
                "synth: a sweep needs the length in front, as in `synth 3 sine 300-3300`",
                arguments.position - 1,
            )
    shape = read_shape(arguments)
    return Voice(
        "whitenoise" if kind == "noise" else kind,
        cast("Combine", combine or "create"),
        frequency,
        shape,
    )


def read_shape(arguments: Arguments) -> Shape:
    """Read up to five percentages: offset, phase, p1, p2, p3."""
    shape: list[float] = []
    names = ("off", "ph", "p1", "p2", "p3")
    while len(shape) < 5 and _is_number(arguments.peek()):
        low = -100.0 if not shape else 0.0
        name = names[len(shape)]
        shape.append(arguments.number(name, low=low, high=100.0, convert=parse_number))
    return tuple(shape)


def _parse_span(word: str) -> tuple[str, str, str]:
    match = _SPAN.fullmatch(word)
    if match is None:
        raise ValueError(f"{word!r} is not a frequency such as 440, 1.2k, A4, %-3 or 300-3300")
    start, sweep, end = match["start"], match["sweep"] or "", match["end"] or ""
    first = parse_frequency(start)
    if sweep in {"/", "-"} and (first <= 0 or parse_frequency(end) <= 0):
        raise ValueError(f"{word!r}: an exponential sweep cannot touch 0 Hz")
    return start, sweep, end


def _is_number(word: str | None) -> bool:
    if word is None:
        return False
    try:
        parse_number(word)
    except ValueError:
        return False
    return True


def _abbreviated(word: str | None, choices: tuple[str, ...]) -> str | None:
    """Return the one choice that begins with a word, None where there is none or several."""
    if not word:
        return None
    if word in choices:
        return word
    found = [each for each in choices if each.startswith(word)]
    return found[0] if len(found) == 1 else None
