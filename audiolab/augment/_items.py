"""Batches as items: ``(items, channels, time)`` whatever came, with one parameter an item.

One rule for all of `audiolab.augment`. From three dimensions on, a waveform is ``(..., channels,
time)`` and an item is all channels at once; ``(items, time)`` are mono items, ``(time,)`` is one. A
parameter is a number, or a tensor or list with a value an item, matched with the items' dimensions
from the left.

What depends on sums is computed an item at a time, in compiled loops or numpy: torch splits sums
and transforms differently for other batches and other numbers of threads, and the last bits of an
item would depend on its neighbours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch

from audiolab._validation import check_range, check_waveform

__all__ = ["Items", "PerItem", "PerItemCount"]

#: A number for all items, or one for each.
PerItem: TypeAlias = float | Sequence[float] | torch.Tensor
PerItemCount: TypeAlias = int | Sequence[int] | torch.Tensor


@dataclass(frozen=True)
class Items:
    """A waveform seen as ``(items, channels, time)``.

    Parameters
    ----------
    samples : Tensor
        The view.
    shape : torch.Size
        The waveform's own shape.
    leading : torch.Size
        Its dimensions of items.
    """

    samples: torch.Tensor
    shape: torch.Size
    leading: torch.Size

    @classmethod
    def of(cls, waveform: torch.Tensor, name: str = "waveform") -> Items:
        """Check a waveform and view it as items."""
        check_waveform(waveform, name)
        shape = waveform.shape
        leading = shape[:-2] if len(shape) > 2 else shape[:-1]
        channels = shape[-2] if len(shape) > 2 else 1
        return cls(waveform.reshape(leading.numel(), channels, shape[-1]), shape, leading)

    @property
    def count(self) -> int:
        """Number of items."""
        return int(self.samples.shape[0])

    @property
    def num_samples(self) -> int:
        """Samples of the longest item."""
        return int(self.samples.shape[-1])

    def restored(self, samples: torch.Tensor) -> torch.Tensor:
        """Return ``(items, channels, time)`` in the waveform's shape; time may have changed."""
        return samples.reshape(*self.shape[:-1], samples.shape[-1])

    def spread(self, value: PerItem | PerItemCount, name: str) -> torch.Tensor:
        """Return a parameter as ``(items,)``, with its gradient."""
        try:
            tensor = torch.as_tensor(value)
        except (TypeError, ValueError, RuntimeError):
            raise TypeError(
                f"{name} must be a number or a tensor of numbers, got {type(value).__name__}"
            ) from None
        if tensor.dtype == torch.bool or tensor.is_complex():
            raise TypeError(f"{name} must hold real numbers, got {tensor.dtype}")
        if tensor.ndim > len(self.leading) or any(
            size not in (1, lead) for size, lead in zip(tensor.shape, self.leading, strict=False)
        ):
            raise ValueError(
                f"{name} must be a number or have a value an item, shape {tuple(self.leading)} for "
                f"a waveform of shape {tuple(self.shape)}, got {tuple(tensor.shape)}"
            )
        filled = tensor.reshape(tensor.shape + (1,) * (len(self.leading) - tensor.ndim))
        return filled.expand(self.leading).reshape(self.count)

    def values(
        self,
        value: PerItem,
        name: str,
        low: float = -torch.inf,
        high: float = torch.inf,
        *,
        unit: str = "",
    ) -> list[float]:
        """Return a parameter as one float an item, all of them in ``[low, high]``."""
        if isinstance(value, int | float):
            return [check_range(value, name, low, high, unit=unit)] * self.count
        numbers: list[float] = self.spread(value, name).detach().double().tolist()
        for number in set(numbers):
            check_range(number, name, low, high, unit=unit)
        return numbers

    def counts(
        self,
        value: PerItemCount,
        name: str,
        low: int = 0,
        high: int | None = None,
        *,
        unit: str = "samples",
    ) -> list[int]:
        """Return whole numbers, one an item."""
        if isinstance(value, int) and not isinstance(value, bool):
            most = torch.inf if high is None else high
            return [int(check_range(value, name, low, most, unit=unit))] * self.count
        tensor = self.spread(value, name)
        if tensor.is_floating_point() and tensor.numel():
            raise TypeError(f"{name} must hold whole numbers, got {tensor.dtype}")
        numbers: list[int] = tensor.detach().tolist()
        for number in set(numbers):
            check_range(number, name, low, torch.inf if high is None else high, unit=unit)
        return numbers

    def ends(self, lengths: PerItemCount | None, name: str = "lengths") -> list[int]:
        """Return the number of valid samples of each item."""
        if lengths is None:
            return [self.num_samples] * self.count
        return self.counts(lengths, name, 0, self.num_samples)

    def mapped(
        self, change: Callable[[torch.Tensor, int], torch.Tensor], ends: list[int]
    ) -> torch.Tensor:
        """Return the waveform with ``change(samples, i)`` in place of each item's valid samples.

        `change` gets ``(channels, valid)`` and returns that shape; what lies beyond stays as it is.
        """
        samples = self.samples
        if torch.is_grad_enabled() and samples.requires_grad:
            rows = [
                torch.cat([change(item[:, :end], i), item[:, end:]], dim=-1) if end else item
                for i, (item, end) in enumerate(zip(samples, ends, strict=True))
            ]
            return self.restored(torch.stack(rows) if rows else samples)
        result = torch.empty_like(samples, memory_format=torch.contiguous_format)
        for i, (item, end) in enumerate(zip(samples, ends, strict=True)):
            if end:
                result[i, :, :end] = change(item[:, :end], i)
            result[i, :, end:] = item[:, end:]
        return self.restored(result)

    def scaled(self, factors: Sequence[float], ends: list[int] | None = None) -> torch.Tensor:
        """Return the waveform times a factor an item."""
        if ends is None and len(set(factors)) == 1:
            return self.restored(self.samples * factors[0])
        column = torch.tensor(factors, dtype=torch.float64, device=self.samples.device)
        column = column.to(self.samples.dtype)[:, None, None]
        if ends is None or min(ends, default=0) == self.num_samples:
            return self.restored(self.samples * column)
        return self.mapped(lambda samples, i: samples * column[i], ends)

    def where(self, index: int) -> str:
        """Return words for an item in an error message: nothing where there is only one."""
        if self.count == 1:
            return ""
        place = []
        for size in reversed(self.leading):
            index, position = divmod(index, size)
            place.append(position)
        return f" in item {place[0] if len(place) == 1 else tuple(reversed(place))}"
