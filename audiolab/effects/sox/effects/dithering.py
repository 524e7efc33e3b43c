"""SoX's ``dither``: fewer bits, with noise that hides the rounding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, Self

import numpy as np

from audiolab.effects.sox.arguments import Arguments
from audiolab.effects.sox.context import Context
from audiolab.effects.sox.effect import Form, Parameter, Stage, StreamedEffect
from audiolab.effects.sox.effects._stages import MemorylessStage
from audiolab.effects.sox.grammar import parse_number
from audiolab.effects.sox.registry import register
from audiolab.effects.synthesis.dithering import Ditherer
from audiolab.effects.synthesis.shaping import SHAPES, feedback

__all__ = ["Dither"]

#: Bits that the effect aims at where it is not told: those of most files.
DEFAULT_PRECISION = 16

#: What ``gain -h`` takes shaped noise to amount to, in dB; measured on SoX 14.4.2.
_SHAPED_DB = {
    "lipshitz": 21.0,
    "f-weighted": 27.6,
    "modified-e-weighted": 16.0,
    "improved-e-weighted": 32.1,
}


@register
@dataclass(frozen=True)
class Dither(StreamedEffect):
    """Add noise and round to fewer bits."""

    noise: Literal["plain", "sloped"] = "plain"
    shape: str | None = None
    precision: int | None = None

    name: ClassVar[str] = "dither"
    usage: ClassVar[str] = "[-S|-s|-f filter] [-p precision]"
    summary: ClassVar[str] = "adds triangular noise and rounds to fewer bits"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("-S", "noise that rises with frequency"),
        Parameter("-s", "noise shaping by the shibata filter, at 8 to 48 kHz"),
        Parameter("-f", f"noise shaping by one of {', '.join(SHAPES)}"),
        Parameter("-p", "bits to round to; 1 leaves the signal alone", "16", "1 to 24"),
    )
    example: ClassVar[str] = "dither -p 8"
    family: ClassVar[str] = "dynamics"
    differentiable: ClassVar[bool] = False

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read options."""
        options = arguments.options("Ssa", "fp")
        if "a" in options:
            raise arguments.error("dither: -a, dither only where needed, is not available", 1)
        shape = options.get("f", "shibata" if "s" in options else None)
        if shape is not None and shape not in SHAPES:
            known = ", ".join(SHAPES)
            raise arguments.error(
                f"dither: {shape!r} is no filter that is available: {known}",
                arguments.position - 1,
            )
        precision = None
        if "p" in options:
            number = _bits(arguments, str(options["p"]))
            precision = int(number)
        return cls(
            "sloped" if "S" in options else "plain",
            None if shape is None else str(shape),
            precision,
        )

    def words(self) -> list[str]:
        """Return options."""
        words = ["-S"] if self.noise == "sloped" else []
        words += [] if self.shape is None else ["-f", self.shape]
        return words + ([] if self.precision is None else ["-p", str(self.precision)])

    def headroom(self, form: Form) -> float:
        """Return what keeps the noise from clipping: two of its amplitudes."""
        del form
        precision = DEFAULT_PRECISION if self.precision is None else self.precision
        if precision == 1:
            return 1.0
        noise = 10.0 ** (_SHAPED_DB[self.shape] / 20.0) if self.shape else 1.0
        return max(1.0 - 2.0 * noise / (2.0**precision - 1.0), 0.0)

    def stage(self, form: Form, context: Context) -> Stage:
        """Dither block by block."""
        precision = DEFAULT_PRECISION if self.precision is None else self.precision
        if precision == 1:
            return MemorylessStage(form, lambda block: block)
        noise, shaping = self.noise, None
        if self.shape is not None:
            found = feedback(self.shape, form.sample_rate)
            if found is not None:
                shaping = np.array(found)
            elif form.sample_rate >= 22_050:
                # As the program does where it has no filter for the rate.
                noise = "sloped"
        ditherer = Ditherer(
            precision,
            context.claim_noise(),
            form.num_channels,
            sloped=noise == "sloped",
            shaping=shaping,
        )
        return MemorylessStage(form, ditherer.dither)


def _bits(arguments: Arguments, word: str) -> float:
    try:
        number = parse_number(word)
    except ValueError as error:
        raise arguments.error(f"dither: precision: {error}", arguments.position - 1) from None
    if not 1 <= number <= 24:
        raise arguments.error(
            f"dither: the precision {word} is outside 1 to 24", arguments.position - 1
        )
    return number
