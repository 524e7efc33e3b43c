"""SoX's ``vad``: cut what comes before the voice.

The detector is `audiolab.effects.editing.voice`'s; here are SoX's words for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Self

from audiolab.effects._signal import Signal
from audiolab.effects.editing.voice import VoiceRule, voice_starts
from audiolab.effects.sox.arguments import Arguments
from audiolab.effects.sox.context import Context
from audiolab.effects.sox.effect import Effect, Parameter
from audiolab.effects.sox.grammar import format_number, parse_frequency, parse_number
from audiolab.effects.sox.registry import register

__all__ = ["Vad"]


@dataclass(frozen=True)
class _Option:
    """One option: the field of `VoiceRule`, its meaning, default and range."""

    name: str
    meaning: str
    default: float
    low: float
    high: float


_OPTIONS: Mapping[str, _Option] = MappingProxyType(
    {
        "t": _Option("trigger_level", "level that triggers", 7.0, 0, 20),
        "T": _Option("trigger_s", "time constant of the level, s", 0.25, 0.01, 1),
        "s": _Option("search_s", "how far back to search for quieter sound, s", 1.0, 0.1, 4),
        "g": _Option("allowed_gap_s", "gap allowed in that search, s", 0.25, 0.1, 1),
        "p": _Option("pre_trigger_s", "audio kept before the trigger, s", 0.0, 0, 4),
        "b": _Option("boot_s", "time to learn the noise, s", 0.35, 0.1, 10),
        "N": _Option("noise_up_s", "time constant of rising noise, s", 0.1, 0.1, 10),
        "n": _Option("noise_down_s", "time constant of falling noise, s", 0.01, 0.001, 0.1),
        "r": _Option("noise_reduction", "noise taken off the power", 1.35, 0, 2),
        "f": _Option("measure_rate_hz", "measurements a second, Hz", 20.0, 5, 50),
        "m": _Option("measure_s", "duration of a measurement, s", 0.1, 0.01, 1),
        "M": _Option("smooth_s", "time constant of the spectrum, s", 0.4, 0.1, 1),
        "h": _Option("highpass_hz", "high-pass before the detector, Hz", 50.0, 10, 1e9),
        "l": _Option("lowpass_hz", "low-pass before the detector, Hz", 6000.0, 1000, 1e9),
        "H": _Option("highpass_lifter_hz", "high-pass lifter, Hz", 150.0, 10, 1e9),
        "L": _Option("lowpass_lifter_hz", "low-pass lifter, Hz", 2000.0, 10, 1e9),
    }
)


@register
@dataclass(frozen=True)
class Vad(Effect):
    """Cut the front up to the first voice."""

    settings: tuple[tuple[str, float], ...] = ()

    name: ClassVar[str] = "vad"
    usage: ClassVar[str] = " ".join(f"[-{letter} n]" for letter in _OPTIONS)
    summary: ClassVar[str] = "cuts silence and background in front of the first voice"
    parameters: ClassVar[tuple[Parameter, ...]] = tuple(
        Parameter(
            f"-{letter}",
            option.meaning,
            f"{option.default:g}",
            f"{option.low:g} to {option.high:g}" if option.high < 1e9 else f"from {option.low:g}",
        )
        for letter, option in _OPTIONS.items()
    )
    example: ClassVar[str] = "vad -p 0.1"
    family: ClassVar[str] = "editing"
    differentiable: ClassVar[bool] = False

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read options."""
        found: dict[str, float] = {}
        for letter, value in arguments.options("", "".join(_OPTIONS)).items():
            option = _OPTIONS[letter]
            try:
                number = (parse_frequency if letter in "hlHL" else parse_number)(str(value))
            except ValueError as error:
                raise arguments.error(f"vad: {error}", arguments.position - 1) from None
            if not option.low <= number <= option.high:
                raise arguments.error(
                    f"vad -{letter}: {value} is outside {option.low:g} to {option.high:g}",
                    arguments.position - 1,
                )
            found[letter] = number
        return cls(tuple(sorted(found.items())))

    def words(self) -> list[str]:
        """Return options."""
        return [
            word for letter, value in self.settings for word in (f"-{letter}", format_number(value))
        ]

    def apply(self, signal: Signal, context: Context) -> Signal:
        """Cut every item on its own; the results may differ in length."""
        del context
        rule = VoiceRule(**{_OPTIONS[letter].name: value for letter, value in self.settings})
        starts = voice_starts(signal.waveform, int(signal.sample_rate), rule)
        items = [item[:, start:] for item, start in zip(signal.waveform, starts, strict=True)]
        return Signal.of_items(items, signal.sample_rate)
