r"""Distributions of parameters: what a recipe says where a program would say a number.

Every distribution is its quantile function: a number :math:`u` in [0, 1) becomes the value below
which a share :math:`u` of all draws lies. One uniform number a draw, whatever the distribution, is
what keeps the draws of a transform apart from each other (see `audiolab.augment.seeds`).

Distributions have a plain form for recipes: ``5``, ``{uniform: [5, 20]}``,
``{log_uniform: [100, 4000]}``, ``{normal: {mean: 0, std: 3}}``, ``{choice: [mp3, opus]}``.
Joint distributions are left out: parameters of one transform are independent.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from numbers import Integral, Real
from statistics import NormalDist
from typing import Any, ClassVar, TypeAlias

import torch

from audiolab._documents import DocumentError, check_fields
from audiolab._typing import Seed
from audiolab._validation import as_generator

__all__ = [
    "Choice",
    "Constant",
    "Distribution",
    "LogUniform",
    "Normal",
    "Uniform",
    "as_distribution",
    "distribution_from_data",
]

#: A value that JSON has: a number, a word or a truth value.
Plain: TypeAlias = float | int | str | bool


class Distribution(ABC):
    """What a parameter is drawn from; see `Uniform`, `LogUniform`, `Normal` and `Choice`."""

    #: Name in recipes.
    name: ClassVar[str]

    @abstractmethod
    def quantile(self, share: float) -> Plain:
        """Return the value below which a share of the draws lies.

        Parameters
        ----------
        share : float
            In [0, 1).

        Returns
        -------
        float, int, str or bool
            The value.
        """

    @abstractmethod
    def values(self) -> tuple[Plain, ...]:
        """Return the least and the largest value, or all values of a choice.

        Returns
        -------
        tuple
            What has to be valid for every draw to be valid.
        """

    @abstractmethod
    def to_data(self) -> Any:
        """Return the plain form, as recipes have it.

        Returns
        -------
        object
            Numbers, words, lists and mappings.
        """

    def whole(self, share: float) -> int:
        """Return the whole number that belongs to a share, for parameters that count.

        Parameters
        ----------
        share : float
            In [0, 1).

        Returns
        -------
        int
            The quantile, rounded; `Uniform` makes all whole numbers from low to high equally
            likely.
        """
        return round(float(self.quantile(share)))

    def draw(self, generator: Seed = None) -> Plain:
        """Draw one value.

        Parameters
        ----------
        generator : torch.Generator, int or None
            Where the randomness comes from.

        Returns
        -------
        float, int, str or bool
            The value.

        Examples
        --------
        >>> Uniform(5, 20).draw(0) == Uniform(5, 20).draw(0)
        True
        """
        source = as_generator(generator)
        share = torch.rand((), generator=source, dtype=torch.float64, device=source.device)
        return self.quantile(float(share))


@dataclass(frozen=True)
class Constant(Distribution):
    """Always the same value; a plain number or word means this.

    Parameters
    ----------
    value : float, int, str or bool
        The value.

    Examples
    --------
    >>> Constant(3.0).draw()
    3.0
    """

    value: Plain

    name: ClassVar[str] = "constant"

    def __post_init__(self) -> None:
        _check_plain(self.value, "value")

    def quantile(self, share: float) -> Plain:
        """Return the value.

        Parameters
        ----------
        share : float
            Not looked at.

        Returns
        -------
        float, int, str or bool
            The value.
        """
        return self.value

    def values(self) -> tuple[Plain, ...]:
        """Return the one value.

        Returns
        -------
        tuple
            The value.
        """
        return (self.value,)

    def to_data(self) -> Plain:
        """Return the value itself.

        Returns
        -------
        float, int, str or bool
            The value.
        """
        return self.value


@dataclass(frozen=True)
class Uniform(Distribution):
    r"""Every value between two equally likely: :math:`a + (b - a) u`.

    Parameters
    ----------
    low, high : float
        The ends, finite, ``low <= high``.

    Raises
    ------
    ValueError
        If the ends are in the wrong order.

    Examples
    --------
    >>> Uniform(5, 20).quantile(0.5)
    12.5
    """

    low: float
    high: float

    name: ClassVar[str] = "uniform"

    def __post_init__(self) -> None:
        _check_ends(self.low, self.high)

    def quantile(self, share: float) -> float:
        """Return the value below which a share of the draws lies.

        Parameters
        ----------
        share : float
            In [0, 1).

        Returns
        -------
        float
            Between low and high.
        """
        return min(max(self.low + (self.high - self.low) * share, self.low), self.high)

    def whole(self, share: float) -> int:
        """Return one of the whole numbers from low to high, each equally likely.

        Parameters
        ----------
        share : float
            In [0, 1).

        Returns
        -------
        int
            The number.
        """
        low, high = math.ceil(self.low), math.floor(self.high)
        return min(low + math.floor((high - low + 1) * share), high)

    def values(self) -> tuple[float, ...]:
        """Return the ends.

        Returns
        -------
        tuple of float
            Low and high.
        """
        return (self.low, self.high)

    def to_data(self) -> Any:
        """Return ``{"uniform": [low, high]}``.

        Returns
        -------
        dict
            Plain data.
        """
        return {self.name: [self.low, self.high]}


@dataclass(frozen=True)
class LogUniform(Distribution):
    r"""Every ratio equally likely, as frequencies and times want it: :math:`a (b / a)^u`.

    Parameters
    ----------
    low, high : float
        The ends, above 0, ``low <= high``.

    Raises
    ------
    ValueError
        If the ends are in the wrong order, or not above 0.

    Examples
    --------
    >>> round(LogUniform(100, 1600).quantile(0.5), 6)
    400.0
    """

    low: float
    high: float

    name: ClassVar[str] = "log_uniform"

    def __post_init__(self) -> None:
        _check_ends(self.low, self.high)
        if self.low <= 0:
            raise ValueError(f"low must be above 0, got {self.low}")

    def quantile(self, share: float) -> float:
        """Return the value below which a share of the draws lies.

        Parameters
        ----------
        share : float
            In [0, 1).

        Returns
        -------
        float
            Between low and high.
        """
        value = self.low * math.exp(math.log(self.high / self.low) * share)
        return min(max(value, self.low), self.high)

    def values(self) -> tuple[float, ...]:
        """Return the ends.

        Returns
        -------
        tuple of float
            Low and high.
        """
        return (self.low, self.high)

    def to_data(self) -> Any:
        """Return ``{"log_uniform": [low, high]}``.

        Returns
        -------
        dict
            Plain data.
        """
        return {self.name: [self.low, self.high]}


@dataclass(frozen=True)
class Normal(Distribution):
    """The normal distribution between two ends, renormalised there.

    Parameters
    ----------
    mean : float
        Mean of the distribution before it is cut.
    std : float
        Standard deviation of it, above 0.
    low, high : float, optional
        The ends; three standard deviations from the mean by default.

    Raises
    ------
    ValueError
        If `std` is not above 0, or nothing lies between the ends.

    Examples
    --------
    >>> Normal(0, 3).values()
    (-9.0, 9.0)
    """

    mean: float
    std: float
    low: float | None = None
    high: float | None = None

    name: ClassVar[str] = "normal"

    def __post_init__(self) -> None:
        _check_number(self.mean, "mean")
        _check_number(self.std, "std")
        if self.std <= 0:
            raise ValueError(f"std must be above 0, got {self.std}")
        low, high = self.values()
        _check_ends(low, high)
        if not self._shares()[0] < self._shares()[1]:
            raise ValueError(
                f"low and high must enclose a part of the distribution, got {low} and {high}"
            )

    def quantile(self, share: float) -> float:
        """Return the value below which a share of the draws lies.

        Parameters
        ----------
        share : float
            In [0, 1).

        Returns
        -------
        float
            Between low and high.
        """
        below, upto = self._shares()
        inner = below + (upto - below) * share
        low, high = self.values()
        if not 0.0 < inner < 1.0:
            return low if inner <= 0.0 else high
        return min(max(NormalDist(self.mean, self.std).inv_cdf(inner), low), high)

    def values(self) -> tuple[float, float]:
        """Return the ends.

        Returns
        -------
        tuple of float
            Low and high.
        """
        low = self.mean - 3.0 * self.std if self.low is None else self.low
        high = self.mean + 3.0 * self.std if self.high is None else self.high
        return low, high

    def to_data(self) -> Any:
        """Return ``{"normal": {"mean": ..., "std": ...}}``, with the ends that were given.

        Returns
        -------
        dict
            Plain data.
        """
        fields = {"mean": self.mean, "std": self.std, "low": self.low, "high": self.high}
        return {self.name: {key: value for key, value in fields.items() if value is not None}}

    def _shares(self) -> tuple[float, float]:
        low, high = self.values()
        whole = NormalDist(self.mean, self.std)
        return whole.cdf(low), whole.cdf(high)


class Choice(Distribution):
    """One of several values.

    Parameters
    ----------
    options : sequence of float, int, str or bool
        The values.
    weights : sequence of float, optional
        How likely each is, relative to the others; equally by default.

    Raises
    ------
    ValueError
        If there are no values, or the weights don't fit.

    Examples
    --------
    >>> Choice([8000, 16000], weights=[3, 1]).quantile(0.7)
    8000
    """

    name: ClassVar[str] = "choice"

    def __init__(self, options: Sequence[Plain], weights: Sequence[float] | None = None) -> None:
        if isinstance(options, str) or not isinstance(options, Sequence):
            raise TypeError(f"options must be a list of values, got {options!r}")
        if not options:
            raise ValueError("options must hold at least one value")
        for each in options:
            _check_plain(each, "options")
        self.options = tuple(options)
        self.weights = None if weights is None else check_weights(weights, len(options))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Choice) and (self.options, self.weights) == (
            other.options,
            other.weights,
        )

    def __hash__(self) -> int:
        return hash((self.options, self.weights))

    def __repr__(self) -> str:
        weights = "" if self.weights is None else f", weights={list(self.weights)}"
        return f"Choice({list(self.options)}{weights})"

    def quantile(self, share: float) -> Plain:
        """Return the value below which a share of the draws lies, in the order given.

        Parameters
        ----------
        share : float
            In [0, 1).

        Returns
        -------
        float, int, str or bool
            One of the values.
        """
        return self.options[weighted_index(share, self.weights or (1.0,) * len(self.options))]

    def values(self) -> tuple[Plain, ...]:
        """Return all values.

        Returns
        -------
        tuple
            The values.
        """
        return self.options

    def to_data(self) -> Any:
        """Return ``{"choice": [...]}``, or with weights ``{"choice": {"values", "weights"}}``.

        Returns
        -------
        dict
            Plain data.
        """
        if self.weights is None:
            return {self.name: list(self.options)}
        return {self.name: {"values": list(self.options), "weights": list(self.weights)}}


def weighted_index(share: float, weights: Sequence[float]) -> int:
    """Return which of several weighted places a share of their sum falls in."""
    edges = list(accumulate(weights))
    for index, edge in enumerate(edges):
        if share * edges[-1] < edge:
            return index
    return max(index for index, weight in enumerate(weights) if weight > 0)


def check_weights(weights: Sequence[float], count: int) -> tuple[float, ...]:
    """Return weights as a tuple if there are `count`, none negative and not all zero."""
    checked = tuple(float(_check_number(each, "weights")) for each in weights)
    if len(checked) != count:
        raise ValueError(f"weights must have {count} values, got {len(checked)}")
    if min(checked) < 0 or not sum(checked) > 0:
        raise ValueError(f"weights must be 0 or more and not all 0, got {list(checked)}")
    return checked


def as_distribution(value: object, name: str) -> Distribution:
    """Return a distribution as it is, and a number or a word as a `Constant`."""
    if isinstance(value, Distribution):
        return value
    if isinstance(value, str | bool | Real):
        try:
            return Constant(_plain(value))
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    hint = ""
    if isinstance(value, tuple | list) and len(value) == 2:
        hint = f"; a range is Uniform({value[0]}, {value[1]})"
    raise TypeError(f"{name} must be a number or a distribution, got {value!r}{hint}")


def distribution_from_data(data: object, where: str) -> Distribution:
    """Read a distribution's plain form; an error names the place.

    Raises
    ------
    DocumentError
        If it is none.
    """
    if isinstance(data, str | bool | int | float):
        try:
            return Constant(data)
        except ValueError as error:
            raise DocumentError(f"{where}: {error}") from None
    names = ("uniform", "log_uniform", "normal", "choice", "constant")
    if isinstance(data, list) and len(data) == 2:
        raise DocumentError(f"{where}: a range is written {{uniform: [{data[0]}, {data[1]}]}}")
    fields = check_fields(data, where, known=names)
    if len(fields) != 1:
        raise DocumentError(f"{where} must have one of {', '.join(names)}, got {sorted(fields)}")
    ((name, content),) = fields.items()
    try:
        return _read(name, content, where)
    except (TypeError, ValueError) as error:
        if isinstance(error, DocumentError):
            raise
        raise DocumentError(f"{where}.{name}: {error}") from None


def _read(name: str, content: Any, where: str) -> Distribution:
    place = f"{where}.{name}"
    if name == "constant":
        return Constant(content)
    if name == "normal":
        known = ("mean", "std", "low", "high")
        return Normal(**check_fields(content, place, known=known, needed=known[:2]))
    if name == "choice":
        if isinstance(content, dict):
            fields = check_fields(
                content, place, known=("values", "weights"), needed=("values", "weights")
            )
            return Choice(fields["values"], fields["weights"])
        return Choice(content)
    if not isinstance(content, list) or len(content) != 2:
        raise DocumentError(f"{place} must be two numbers [low, high], got {content!r}")
    return (Uniform if name == "uniform" else LogUniform)(*content)


def _plain(value: object) -> Plain:
    """Return a value of Python's own types, for numpy has relatives of them."""
    if isinstance(value, str | bool):
        return value
    if isinstance(value, Integral):
        return int(value)
    assert isinstance(value, Real)
    return float(value)


def _check_plain(value: object, name: str) -> None:
    if not isinstance(value, str | bool):
        _check_number(value, name)


def _check_number(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name} must be a number, got {value!r}")
    if not math.isfinite(value):
        raise ValueError(f"{name} must be finite, got {value}")
    return value


def _check_ends(low: Any, high: Any) -> None:
    _check_number(low, "low")
    _check_number(high, "high")
    if low > high:
        raise ValueError(f"low must not be above high, got {low} and {high}")
