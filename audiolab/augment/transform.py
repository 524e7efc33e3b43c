"""Random changes of audio in two steps: draw parameters, then apply them.

`Transform.draw_items` turns the seeds of items into parameters, which are plain data: a dictionary
an item that JSON can hold, to be logged, frozen or edited. `Transform.apply` is a pure function of
waveform and parameters. Calling the transform does both.

**An item's result depends on its seed alone**: not on the items beside it, their order, the padding
of the batch, the worker that it came from or the number of threads. On the CPU this holds to the
last bit. The exceptions are said where they are: ``mode="per_batch"``, and a `MixUp` of the batch
with itself.

**The clean path.** With ``return_clean=True`` the result holds a clean twin, as training for
enhancement needs it: the same item after all transforms that move samples in time, change the pitch
or the level, with the factors and positions that the augmented item had, and without those that
add, filter, distort or take away. ``on_clean`` of a single transform overrides what its class says.

Gradients reach the samples through what the functions underneath let through; never the parameters,
which are plain numbers. Under `torch.compile`, `apply` with frozen parameters runs with graph
breaks where the work is done by compiled kernels of our own (recursive filters, stretching, media
codecs); draw outside of it.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import torch

from audiolab._typing import Seed
from audiolab._validation import check_sample_rate, check_waveform
from audiolab.augment._fields import Field, field_of, option
from audiolab.augment._flow import Flow, cleared
from audiolab.augment.seeds import fresh_seeds, item_seeds
from audiolab.augment.targets import Targets

__all__ = ["REGISTRY", "Augmented", "Params", "Transform"]

#: What was drawn for an item: plain data.
Params: TypeAlias = Mapping[str, Any]

#: Every transform that recipes know, by its name there.
REGISTRY: dict[str, type[Transform]] = {}


@dataclass(frozen=True)
class Augmented:
    """What became of a batch.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(batch, channels, time)``, zero past each item's length; without the batch
        dimension where it came without.
    sample_rate : int
        Rate in Hz.
    lengths : Tensor
        Valid samples of each item, ``(batch,)`` int64.
    params : list of dict
        What was drawn for each item; `Transform.apply` repeats the result from it.
    targets : Targets or None
        Labels and masks, moved with the samples.
    clean : Tensor or None
        The clean twin, of the waveform's shape.
    """

    waveform: torch.Tensor
    sample_rate: int
    lengths: torch.Tensor
    params: list[dict[str, Any]]
    targets: Targets | None = None
    clean: torch.Tensor | None = None


@dataclass(frozen=True, kw_only=True)
class Transform(ABC):
    """A random change of audio: the base of single transforms and of compositions.

    Parameters
    ----------
    p : float, default: 1.0
        Probability that it is applied to an item.
    """

    p: float = option(1.0, low=0.0, high=1.0)

    #: Name in recipes and parameters: the class's, in lower case with underscores.
    name: ClassVar[str] = ""

    def __post_init__(self) -> None:
        for field, described in self._fields():
            checked = described.check(getattr(self, field), field)
            object.__setattr__(self, field, checked)

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        if cls.name and "name" in vars(cls):
            REGISTRY[cls.name] = cls

    @classmethod
    def _fields(cls) -> list[tuple[str, Field]]:
        declared = ((each.name, field_of(each)) for each in dataclasses.fields(cls))
        return [(name, described) for name, described in declared if described is not None]

    def draw(
        self, n: int, generator: Seed = None, *, num_channels: int = 1
    ) -> list[dict[str, Any]]:
        """Draw parameters for items that have no seeds of their own.

        Parameters
        ----------
        n : int
            Number of items.
        generator : torch.Generator, int or None
            Where the items' seeds come from.
        num_channels : int, default: 1
            Channels of the items; matters to transforms with ``mode="per_channel"``.

        Returns
        -------
        list of dict
            Plain data for each item: ``json.dumps`` takes it as it is.
        """
        return self.draw_items(fresh_seeds(n, generator), num_channels=num_channels)

    def draw_items(
        self, seeds: Sequence[int] | torch.Tensor | int, *, num_channels: int = 1
    ) -> list[dict[str, Any]]:
        """Draw parameters for items with seeds; each depends on its own seed alone.

        Parameters
        ----------
        seeds : sequence of int, Tensor or int
            A seed an item, such as `item_seed` gives.
        num_channels : int, default: 1
            Channels of the items; matters to transforms with ``mode="per_channel"``.

        Returns
        -------
        list of dict
            Plain data for each item.
        """
        count = 1 if isinstance(seeds, int) else len(seeds)
        each = item_seeds(seeds, count)
        return [self._draw(seed, each[0], num_channels) for seed in each]

    def apply(
        self,
        waveform: torch.Tensor,
        sample_rate: int,
        params: Sequence[Params],
        *,
        lengths: torch.Tensor | Sequence[int] | None = None,
        targets: Targets | None = None,
        return_clean: bool = False,
    ) -> Augmented:
        """Change a batch as parameters say.

        Parameters
        ----------
        waveform : Tensor
            Samples, ``(batch, channels, time)``, or ``(channels, time)`` for a batch of one.
        sample_rate : int
            Rate in Hz.
        params : sequence of dict
            What `draw` or `draw_items` gave, perhaps by way of a file.
        lengths : Tensor or sequence of int, optional
            Valid samples of each item, the whole time by default. What lies beyond is taken for
            silence, and is zero in the result.
        targets : Targets, optional
            Labels and masks that move with the samples.
        return_clean : bool, default: False
            Whether to make a clean twin.

        Returns
        -------
        Augmented
            Waveform, lengths, and what was asked for.

        Raises
        ------
        TypeError
            If the waveform is not a floating-point tensor.
        ValueError
            If shapes don't fit, samples are NaN or infinite, or the parameters are of another
            transform.
        """
        single = isinstance(waveform, torch.Tensor) and waveform.dim() == 2
        check_waveform(waveform, min_dim=2)
        batch = waveform.unsqueeze(0) if single else waveform
        if batch.dim() != 3:
            raise ValueError(
                "waveform must be (batch, channels, time) or (channels, time), "
                f"got shape {tuple(waveform.shape)}"
            )
        if not bool(torch.isfinite(batch.detach().sum())):
            check_waveform(waveform, finite=True)
        count, _, time = batch.shape
        if len(params) != count:
            raise ValueError(f"params must have one dictionary an item, {count}, got {len(params)}")
        ends = _checked_lengths(lengths, count, time)
        if targets is not None:
            targets.check(count, time)
        batch = cleared(batch.contiguous(), ends)
        flow = Flow(
            batch, check_sample_rate(sample_rate), ends, batch if return_clean else None, targets
        )
        if count:
            self._run(flow, params)
        clean = flow.clean
        return Augmented(
            flow.waveform[0] if single else flow.waveform,
            flow.sample_rate,
            torch.tensor(flow.lengths, dtype=torch.int64, device=waveform.device),
            [dict(each) for each in params],
            flow.targets,
            clean[0] if single and clean is not None else clean,
        )

    def __call__(
        self,
        waveform: torch.Tensor,
        sample_rate: int,
        *,
        seeds: Sequence[int] | torch.Tensor | int | None = None,
        generator: Seed = None,
        lengths: torch.Tensor | Sequence[int] | None = None,
        targets: Targets | None = None,
        return_clean: bool = False,
    ) -> Augmented:
        """Draw and apply; `seeds` has one an item, or `generator` makes them."""
        if seeds is not None and generator is not None:
            raise ValueError("give seeds or a generator, not both")
        check_waveform(waveform, min_dim=2)
        count = 1 if waveform.dim() == 2 else waveform.shape[0]
        chosen = fresh_seeds(count, generator) if seeds is None else item_seeds(seeds, count)
        params = self.draw_items(chosen, num_channels=waveform.shape[-2])
        return self.apply(
            waveform,
            sample_rate,
            params,
            lengths=lengths,
            targets=targets,
            return_clean=return_clean,
        )

    @abstractmethod
    def _draw(self, seed: int, batch_seed: int, num_channels: int) -> dict[str, Any]:
        """Draw for one item."""

    @abstractmethod
    def _run(self, flow: Flow, params: Sequence[Params | None]) -> None:
        """Change the items of the flow that have parameters."""

    def _check_params(self, params: Params) -> bool:
        """Return whether the transform is applied, if the parameters are its own."""
        if not isinstance(params, Mapping) or params.get("transform") != self.name:
            of = params.get("transform") if isinstance(params, Mapping) else params
            raise ValueError(
                f"params must be what {self.name!r} drew, got those of {of!r}: "
                "they belong to another recipe"
            )
        return bool(params.get("applied"))


def _checked_lengths(
    lengths: torch.Tensor | Sequence[int] | None, count: int, time: int
) -> list[int]:
    if lengths is None:
        return [time] * count
    if isinstance(lengths, torch.Tensor) and lengths.is_floating_point():
        raise TypeError(f"lengths must be whole numbers, got {lengths.dtype}")
    ends = [int(each) for each in lengths]
    if len(ends) != count:
        raise ValueError(f"lengths must have one value an item, {count}, got {len(ends)}")
    if ends and (min(ends) < 0 or max(ends) > time):
        raise ValueError(
            f"lengths must lie between 0 and the {time} samples of the waveform, "
            f"got {min(ends)} to {max(ends)}"
        )
    return ends
