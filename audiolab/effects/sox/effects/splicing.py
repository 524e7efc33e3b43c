"""SoX's ``splice``: join sections of the audio where they agree best."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, Self, cast

from audiolab.effects._signal import Signal
from audiolab.effects.editing.splicing import SpliceCurve, SplicePoint, splice_item
from audiolab.effects.sox.arguments import Arguments
from audiolab.effects.sox.context import Context
from audiolab.effects.sox.effect import Effect, Form, Parameter, Stage, WholeStage
from audiolab.effects.sox.grammar import Position, Time, parse_position, parse_time
from audiolab.effects.sox.registry import register

__all__ = ["Splice"]

_CURVES: dict[str, SpliceCurve] = {"h": "half_sine", "t": "linear", "q": "quarter_sine"}
_FIVE_MS = Time(((0.005, False),))
_NOTHING = Time(((0.0, False),))


@register
@dataclass(frozen=True)
class Splice(Effect):
    """Join sections."""

    joins: tuple[tuple[Position, Time | None, Time | None], ...] = ()
    curve: Literal["h", "t", "q"] = "h"

    name: ClassVar[str] = "splice"
    usage: ClassVar[str] = "[-h|-t|-q] {position(=)[,excess[,leeway]]}"
    summary: ClassVar[str] = "joins sections where their waveforms agree, with a cross-fade"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("-h", "cross-fade along half a cosine; for sections that are alike", "yes"),
        Parameter("-t", "linear cross-fade"),
        Parameter("-q", "cross-fade of constant power; for sections that differ"),
        Parameter("position", "end of the first section, its excess included"),
        Parameter("excess", "more of each section than is wanted", "0.005"),
        Parameter("leeway", "room for the search", "0.005; 0 with -q"),
    )
    example: ClassVar[str] = "splice 0.5,0.01"
    family: ClassVar[str] = "editing"

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read the curve and the joins."""
        curve: Literal["h", "t", "q"] = "h"
        if arguments.peek() in {"-h", "-t", "-q"}:
            curve = cast("Literal['h', 't', 'q']", arguments.take()[1])
        joins = []
        while arguments:
            joins.append(arguments.read("position,excess,leeway", _parse_join))
        return cls(tuple(joins), curve)

    def words(self) -> list[str]:
        """Return the curve and the joins."""
        return [
            f"-{self.curve}",
            *(",".join(str(part) for part in join if part is not None) for join in self.joins),
        ]

    def points(self, sample_rate: float, total: int) -> list[SplicePoint]:
        """Return the joins in samples.

        Raises
        ------
        ValueError
            If a join lies before its predecessor, or nearer to the start than its cross-fade.
        """
        found: list[SplicePoint] = []
        for position, excess, leeway in self.joins:
            previous = found[-1].position if found else 0
            where = position.resolve(sample_rate, previous=previous, total=total)
            usual = _NOTHING if self.curve == "q" else _FIVE_MS
            point = SplicePoint.of(
                where,
                (_FIVE_MS if excess is None else excess).samples(sample_rate),
                (usual if leeway is None else leeway).samples(sample_rate),
            )
            if where < point.overlap or where < previous:
                raise ValueError(
                    f"splice: position {position} lies before the one in front of it, or leaves no "
                    f"room for the cross-fade of {point.overlap} samples"
                )
            found.append(point)
        return found

    def stage(self, form: Form, context: Context) -> Stage:
        """Wait for the end; the form stays."""
        return WholeStage(self, form, context, after=Form(form.sample_rate, form.num_channels))

    def apply(self, signal: Signal, context: Context) -> Signal:
        """Join every item on its own; the results may differ in length."""
        del context
        points = self.points(signal.sample_rate, signal.num_samples)
        curve = _CURVES[self.curve]
        items = [splice_item(item, points, curve) for item in signal.waveform]
        return Signal.of_items(items, signal.sample_rate)


def _parse_join(word: str) -> tuple[Position, Time | None, Time | None]:
    position, *lengths = word.split(",")
    if len(lengths) > 2 or any(each.startswith("-") for each in lengths):
        raise ValueError(f"{word!r} is not position[,excess[,leeway]]")
    excess, leeway = (*(parse_time(each) for each in lengths), None, None)[:2]
    return parse_position(position, "="), excess, leeway
