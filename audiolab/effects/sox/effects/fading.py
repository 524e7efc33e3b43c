"""SoX's ``fade``, with its rules for stop positions and overlapping fades."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, Self

import torch

from audiolab.effects.editing.fades import fade_gain
from audiolab.effects.sox.arguments import Arguments
from audiolab.effects.sox.context import Context
from audiolab.effects.sox.effect import Form, Parameter, Stage, StreamedEffect, WholeStage
from audiolab.effects.sox.grammar import Position, Time, parse_position, parse_time
from audiolab.effects.sox.registry import register

__all__ = ["Fade"]

_CURVES = {
    "q": "quarter_sine",
    "h": "half_sine",
    "t": "linear",
    "l": "logarithmic",
    "p": "parabola",
}


@register
@dataclass(frozen=True)
class Fade(StreamedEffect):
    """Fade in, stop, fade out."""

    rise: Time
    stop: Position | None = None
    fall: Time | None = None
    curve: Literal["q", "h", "t", "l", "p"] = "l"

    name: ClassVar[str] = "fade"
    usage: ClassVar[str] = "[q|h|t|l|p] fade-in-length [stop-position(=) [fade-out-length]]"
    summary: ClassVar[str] = "fades in from silence, and out to it before a stop position"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter(
            "type",
            "quarter sine, half sine, linear (t), logarithmic or inverted parabola",
            "l",
        ),
        Parameter("fade-in-length", "duration of the rise; 0 for none"),
        Parameter("stop-position", "where the audio ends; 0 or -0 is its own end", "no fade-out"),
        Parameter("fade-out-length", "duration of the fall before the stop", "fade-in-length"),
    )
    example: ClassVar[str] = "fade h 0.1 0 0.5"
    family: ClassVar[str] = "editing"

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read the curve, the rise, the stop and the fall."""
        curve: Literal["q", "h", "t", "l", "p"] = "l"
        match arguments.peek():
            case "q" | "h" | "t" | "l" | "p" as letter:
                curve = letter
                arguments.take()
        rise = arguments.read("fade-in-length", _parse_length)
        stop = arguments.read_or("stop-position", lambda word: parse_position(word, "="), None)
        fall = arguments.read_or("fade-out-length", _parse_length, None)
        return cls(rise, stop, fall, curve)

    def words(self) -> list[str]:
        """Return the curve, the rise, the stop and the fall."""
        given = [each for each in (self.stop, self.fall) if each is not None]
        return [self.curve, str(self.rise), *map(str, given)]

    def stage(self, form: Form, context: Context) -> Stage:
        """Multiply by the gain block by block."""
        if self._counts_from_end(form.sample_rate) and form.num_samples is None:
            return WholeStage(self, form, context)
        return _FadeStage(form, self)

    def _counts_from_end(self, sample_rate: float) -> bool:
        if self.stop is None:
            return False
        return self.stop.anchor == "-" or self.stop.time.samples(sample_rate) == 0

    def samples(self, form: Form) -> tuple[int, int | None, int]:
        """Return the length of the rise, the stop (None: there is none) and the fall's length.

        Raises
        ------
        ValueError
            If the fall would begin before the rise has ended. Like SoX, a fall as long as all of
            the audio, or longer, is let pass: the rise goes first, and a longer one never begins.
        """
        rise = self.rise.samples(form.sample_rate)
        if self.stop is None:
            return rise, None, 0
        total = form.num_samples
        stop = total if self._counts_from_end(form.sample_rate) else None
        shift = self.stop.time.samples(form.sample_rate)
        if self.stop.anchor == "-":
            if total is None or shift > total:
                return rise, None, 0
            stop = total - shift
        elif stop is None:
            stop = shift
        fall = rise if self.fall is None else self.fall.samples(form.sample_rate)
        if stop > fall and rise > stop - fall:
            raise ValueError(f"fade {' '.join(self.words())}: the fade-out overlaps the fade-in")
        return rise, stop, fall if fall <= stop else 0


def _parse_length(word: str) -> Time:
    if word.startswith("-"):
        raise ValueError(f"the length {word} is negative")
    return parse_time(word)


class _FadeStage(Stage):
    """``fade`` at known samples."""

    def __init__(self, form: Form, effect: Fade) -> None:
        self._rise, self._stop, self._fall = effect.samples(form)
        self._curve = _CURVES[effect.curve]
        longest = form.num_samples if self._stop is None else self._stop
        self.form = Form(form.sample_rate, form.num_channels, longest)
        self._place = 0
        self._like = torch.zeros(1, form.num_channels, 0)

    def push(self, block: torch.Tensor) -> torch.Tensor:
        """Apply the gain of the block's place."""
        start = self._place
        self._place += block.shape[-1]
        if self._stop is not None:
            self.done = self._place >= self._stop
            block = block[..., : max(self._stop - start, 0)]
        self._like = block[..., :0]
        # The rise and the fall are computed, the long middle is let pass; where both reach, the
        # rise alone counts.
        size = block.shape[-1]
        risen = min(max(self._rise - start, 0), size)
        falls = size
        if self._stop is not None and self._fall:
            falls = min(max(self._stop - self._fall - start, risen), size)
        place = torch.arange(start, start + risen, dtype=torch.float64, device=block.device)
        faded = block.clone()  # one pass over memory, where joining parts takes two
        faded[..., :risen] *= fade_gain(place, self._curve, rise=self._rise).to(block.dtype)
        if self._stop is not None and falls < size:
            ahead = torch.arange(
                self._stop - start - falls,
                self._stop - start - size,
                -1,
                dtype=torch.float64,
                device=block.device,
            )
            faded[..., falls:] *= fade_gain(ahead, self._curve, rise=self._fall).to(block.dtype)
        return faded

    def finish(self) -> torch.Tensor | None:
        """Fill up with silence to a stop beyond the end of the audio."""
        missing = 0 if self._stop is None else max(self._stop - self._place, 0)
        return self._like.new_zeros(*self._like.shape[:-1], missing)
