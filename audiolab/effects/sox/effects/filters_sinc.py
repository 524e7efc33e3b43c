"""SoX's words for the windowed-sinc filter: ``sinc`` and its options, left and right."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar, Self

import torch

from audiolab.effects.filters.finite import sinc_filter
from audiolab.effects.sox.arguments import Arguments
from audiolab.effects.sox.effect import Parameter
from audiolab.effects.sox.effects._filters import FiniteFilter
from audiolab.effects.sox.grammar import format_number, parse_frequency, parse_number
from audiolab.effects.sox.registry import register

__all__ = ["Sinc"]


_NUMBER = r"\+?(?:\d+\.?\d*|\.\d+)(?:[eE]\+?\d+)?"
_EDGE = rf"(?:%[+-]?{_NUMBER}|{_NUMBER}k?)"
_EDGES = re.compile(rf"(?P<high>{_EDGE})?(?:-(?P<low>{_EDGE}))?")


@register
@dataclass(frozen=True)
class Sinc(FiniteFilter):
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
