"""Fields of transforms: what a parameter may be, said once for checks, recipes and schema.

`amount` declares a parameter that is drawn, `option` one that is the same for all items. Both are
fields of a dataclass; their metadata is a `Field`.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from audiolab.augment.distributions import Choice, Constant, Distribution, as_distribution
from audiolab.augment.seeds import uniform

__all__ = ["Amount", "Field", "amount", "children", "field_of", "option", "plain", "source"]

#: A parameter that is drawn for every item: a number for a constant, or a distribution.
Amount: TypeAlias = float | str | Distribution

Kind: TypeAlias = Literal["amount", "option", "source", "plain", "children"]


@dataclass(frozen=True)
class Field:
    """What a field may hold.

    Parameters
    ----------
    kind : {"amount", "option", "source", "plain", "children"}
        Drawn; the same for all items; recordings; plain data that the class checks itself; or
        other transforms.
    low, high : float
        Range of numbers.
    whole : bool
        Whether only whole numbers make sense.
    above : bool
        Whether `low` itself is excluded.
    choices : tuple of str
        The words, if it is a word.
    count : int
        How many values are drawn; one is a value, more are a list.
    type : type, optional
        Python type of an option that is not a number.
    optional : bool
        Whether None may stand there.
    schema : dict, optional
        JSON schema of plain data.
    """

    kind: Kind
    low: float = -math.inf
    high: float = math.inf
    whole: bool = False
    above: bool = False
    choices: tuple[str, ...] = ()
    count: int = 1
    type: type | None = None
    optional: bool = False
    schema: Any = None

    def check(self, value: Any, name: str) -> Any:
        """Return a valid value, as the transform keeps it."""
        if self.kind in ("plain", "children") or (value is None and self.optional):
            return value
        if self.kind == "source":
            from audiolab.augment._sources import Source

            return value if isinstance(value, Source) else Source(value, name)
        if self.kind == "option":
            self._check_one(value, name)
            return value
        distribution = as_distribution(value, name)
        for each in distribution.values():
            self._check_one(
                each, name, whole=self.whole and isinstance(distribution, Choice | Constant)
            )
        return distribution

    def draw(self, distribution: Distribution, seed: int, name: str) -> Any:
        """Return the value, or the list of values, that belongs to a seed."""
        if self.count == 1:
            return self._draw_one(distribution, uniform(seed, name))
        return [
            self._draw_one(distribution, uniform(seed, f"{name} {index}"))
            for index in range(self.count)
        ]

    def _draw_one(self, distribution: Distribution, share: float) -> Any:
        if self.choices:
            return distribution.quantile(share)
        return distribution.whole(share) if self.whole else float(distribution.quantile(share))

    def _check_one(self, value: Any, name: str, *, whole: bool | None = None) -> None:
        if self.choices:
            if value not in self.choices:
                words = ", ".join(map(repr, self.choices))
                raise ValueError(f"{name} must be one of {words}, got {value!r}")
            return
        if self.type is not None:
            if not isinstance(value, self.type):
                raise TypeError(f"{name} must be of type {self.type.__name__}, got {value!r}")
            return
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TypeError(f"{name} must be a number, got {value!r}")
        if (self.whole if whole is None else whole) and value != int(value):
            raise ValueError(f"{name} must be a whole number, got {value}")
        beyond = value <= self.low if self.above else value < self.low
        if not math.isfinite(value) or beyond or value > self.high:
            raise ValueError(f"{name} must be {self.range_text()}, got {value}")

    def range_text(self) -> str:
        """Return the range in words."""
        least = f"{'above' if self.above else 'at least'} {self.low:g}"
        most = f"at most {self.high:g}"
        if math.isfinite(self.low) and math.isfinite(self.high):
            return f"{least} and {most}" if self.above else f"from {self.low:g} to {self.high:g}"
        return least if math.isfinite(self.low) else most if math.isfinite(self.high) else "finite"


def amount(
    default: Amount | None,
    *,
    low: float = -math.inf,
    high: float = math.inf,
    above: bool = False,
    whole: bool = False,
    choices: Sequence[str] = (),
    count: int = 1,
    optional: bool = False,
) -> Any:
    """Declare a parameter that is drawn for every item."""
    return _field(
        default,
        Field(
            "amount",
            low=low,
            high=high,
            above=above,
            whole=whole,
            choices=tuple(choices),
            count=count,
            optional=optional,
        ),
    )


def option(
    default: Any = dataclasses.MISSING,
    *,
    low: float = -math.inf,
    high: float = math.inf,
    above: bool = False,
    whole: bool = False,
    choices: Sequence[str] = (),
    type: type | None = None,
    optional: bool = False,
) -> Any:
    """Declare a parameter that is the same for all items."""
    return _field(
        default,
        Field(
            "option",
            low=low,
            high=high,
            above=above,
            whole=whole,
            choices=tuple(choices),
            type=type,
            optional=optional,
        ),
    )


def source() -> Any:
    """Declare recordings: a folder, a file or a bank."""
    return _field(dataclasses.MISSING, Field("source"))


def plain(default: Any, schema: Any) -> Any:
    """Declare plain data that the class checks itself."""
    return _field(default, Field("plain", schema=schema))


def children() -> Any:
    """Declare other transforms."""
    return _field(dataclasses.MISSING, Field("children"))


def _field(default: Any, described: Field) -> Any:
    metadata = {"field": described}
    if default is dataclasses.MISSING:
        return dataclasses.field(metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def field_of(field: dataclasses.Field[Any]) -> Field | None:
    """Return what was declared about a dataclass's field."""
    found = field.metadata.get("field")
    return found if isinstance(found, Field) else None
