"""Transforms in a row, one of several, some of several, and sometimes.

A composition draws for every item apart, and applies each child once a batch, to the items that
drew it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from audiolab.augment._fields import children, option, plain
from audiolab.augment._flow import Flow
from audiolab.augment._shared_fields import shared_last
from audiolab.augment.distributions import check_weights, weighted_index
from audiolab.augment.seeds import derived_seed, uniform
from audiolab.augment.transform import Params, Transform

__all__ = ["Compose", "Composition", "OneOf", "SomeOf", "Sometimes"]


@dataclass(frozen=True)
class Composition(Transform):
    """What compositions share: children, and the order in which an item goes through them.

    Parameters
    ----------
    transforms : sequence of Transform
        The children.
    p : float, default: 1.0
        Probability that an item goes through at all.
    """

    transforms: Sequence[Transform] = children()

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.transforms, Transform) or not isinstance(self.transforms, Sequence):
            raise TypeError(f"transforms must be a list of transforms, got {self.transforms!r}")
        for index, each in enumerate(self.transforms):
            if not isinstance(each, Transform):
                raise TypeError(f"transforms[{index}] must be a transform, got {each!r}")
        object.__setattr__(self, "transforms", tuple(self.transforms))

    def _order(self, seed: int) -> list[int]:
        """Return which children an item goes through, in which order."""
        return list(range(len(self.transforms)))

    def _draw(self, seed: int, batch_seed: int, num_channels: int) -> dict[str, Any]:
        if not uniform(seed, "p") < self.p:
            return {"transform": self.name, "applied": False}
        order = self._order(seed)
        steps = [
            self.transforms[index]._draw(
                derived_seed(seed, index), derived_seed(batch_seed, index), num_channels
            )
            for index in order
        ]
        drawn: dict[str, Any] = {"transform": self.name, "applied": True}
        if order != list(range(len(self.transforms))):
            drawn["order"] = order
        return {**drawn, "steps": steps}

    def _run(self, flow: Flow, params: Sequence[Params | None]) -> None:
        paths = [self._path(each) for each in params]
        while any(paths):
            # Children in their own order, as far as every item's path allows.
            child = min(path[0][0] for path in paths if path)
            own = [path.pop(0)[1] if path and path[0][0] == child else None for path in paths]
            self.transforms[child]._run(flow, own)

    def _path(self, params: Params | None) -> list[tuple[int, Params]]:
        """Return an item's children and their parameters, in order."""
        if params is None or not self._check_params(params):
            return []
        steps = params.get("steps", [])
        order = params.get("order", list(range(len(self.transforms))))
        if len(order) != len(steps) or any(not 0 <= i < len(self.transforms) for i in order):
            raise ValueError(
                f"params of {self.name!r} have {len(steps)} step(s) in the order {order}, "
                f"which don't fit its {len(self.transforms)} transform(s)"
            )
        return list(zip(order, steps, strict=True))


@shared_last
@dataclass(frozen=True, kw_only=True)
class Compose(Composition):
    """Transforms one after the other.

    Parameters
    ----------
    transforms : sequence of Transform
        The transforms.
    shuffle : bool, default: False
        Whether every item goes through them in an order of its own.
    p : float, default: 1.0
        Probability that an item goes through them at all.

    Examples
    --------
    >>> import torch
    >>> from audiolab import augment
    >>> recipe = augment.Compose([augment.Gain(gain_db=augment.Uniform(-6, 0), p=0.5)])
    >>> batch = torch.ones(2, 1, 100)
    >>> result = recipe(batch, 16_000, seeds=[1, 2])
    >>> again = recipe.apply(batch, 16_000, result.params)
    >>> torch.equal(result.waveform, again.waveform)
    True
    """

    shuffle: bool = option(False, type=bool)

    name: ClassVar[str] = "compose"

    def _order(self, seed: int) -> list[int]:
        order = super()._order(seed)
        return sorted(order, key=lambda i: uniform(seed, f"order {i}")) if self.shuffle else order


@shared_last
@dataclass(frozen=True, kw_only=True)
class OneOf(Composition):
    """One of several transforms.

    Parameters
    ----------
    transforms : sequence of Transform
        The transforms; at least one.
    weights : sequence of float, optional
        How likely each is, relative to the others; equally by default.
    p : float, default: 1.0
        Probability that one is applied at all.

    Raises
    ------
    ValueError
        If there is no transform, or the weights don't fit.

    Examples
    --------
    >>> from audiolab import augment
    >>> either = augment.OneOf([augment.PolarityInversion(), augment.Reverse()], weights=[1, 3])
    >>> [params["steps"][0]["transform"] for params in either.draw_items([1, 2, 3])]
    ['polarity_inversion', 'reverse', 'reverse']
    """

    weights: Sequence[float] | None = plain(
        None, {"type": "array", "items": {"type": "number", "minimum": 0}}
    )

    name: ClassVar[str] = "one_of"

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_children(self.transforms)
        if self.weights is not None:
            weights = check_weights(self.weights, len(self.transforms))
            object.__setattr__(self, "weights", weights)

    def _order(self, seed: int) -> list[int]:
        return [
            weighted_index(uniform(seed, "choice"), self.weights or [1.0] * len(self.transforms))
        ]


@shared_last
@dataclass(frozen=True, kw_only=True)
class SomeOf(Composition):
    """Some of several transforms, each at most once, in the order of the list.

    Parameters
    ----------
    transforms : sequence of Transform
        The transforms; at least one.
    k : int or (int, int), default: 1
        How many, or from how many to how many, all counts equally likely.
    p : float, default: 1.0
        Probability that any is applied at all.

    Raises
    ------
    ValueError
        If there are not so many transforms.

    Examples
    --------
    >>> from audiolab import augment
    >>> some = augment.SomeOf([augment.Reverse(), augment.PolarityInversion(), augment.Gain()], k=2)
    >>> len(some.draw_items(5)[0]["steps"])
    2
    """

    k: int | Sequence[int] = plain(
        1,
        {
            "oneOf": [
                {"type": "integer", "minimum": 0},
                {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2},
            ]
        },
    )

    name: ClassVar[str] = "some_of"

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_children(self.transforms)
        limits = (self.k, self.k) if isinstance(self.k, int) else tuple(self.k)
        whole = all(isinstance(each, int) and not isinstance(each, bool) for each in limits)
        if len(limits) != 2 or not whole:
            raise TypeError(f"k must be a number of transforms or two of them, got {self.k!r}")
        if not 0 <= limits[0] <= limits[1] <= len(self.transforms):
            raise ValueError(
                f"k must lie between 0 and the {len(self.transforms)} transforms, got {self.k!r}"
            )
        object.__setattr__(self, "k", self.k if isinstance(self.k, int) else limits)

    def _order(self, seed: int) -> list[int]:
        least, most = (self.k, self.k) if isinstance(self.k, int) else self.k
        count = least + int(uniform(seed, "k") * (most - least + 1))
        everything = range(len(self.transforms))
        ranked = sorted(everything, key=lambda index: uniform(seed, f"order {index}"))
        return sorted(ranked[:count])


@shared_last
@dataclass(frozen=True, kw_only=True)
class Sometimes(Composition):
    """Transforms one after the other, all of them or none.

    Parameters
    ----------
    transforms : Transform or sequence of Transform
        What is applied.
    p : float, default: 0.5
        Probability of it.

    Examples
    --------
    >>> from audiolab import augment
    >>> rarely = augment.Sometimes(augment.Reverse(), p=0.1)
    >>> sum(params["applied"] for params in rarely.draw(1000, 0))
    115
    """

    p: float = option(0.5, low=0.0, high=1.0)

    name: ClassVar[str] = "sometimes"

    def __post_init__(self) -> None:
        if isinstance(self.transforms, Transform):
            object.__setattr__(self, "transforms", (self.transforms,))
        super().__post_init__()


def _check_children(transforms: Sequence[Transform]) -> None:
    if not transforms:
        raise ValueError("transforms must hold at least one transform")
