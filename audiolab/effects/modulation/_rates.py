"""The part of the modulation effects that is the same for all: one wave a row of the batch."""

from __future__ import annotations

import torch

from audiolab.effects._ranges import bounded

__all__ = ["Rows", "plain_number"]


class Rows:
    """A waveform as rows, and parameters with one value for all rows or one a row.

    Parameters
    ----------
    waveform : Tensor
        Samples ``(..., time)``.
    """

    def __init__(self, waveform: torch.Tensor) -> None:
        self._waveform = waveform
        self._leading = waveform.shape[:-1]
        self.count = self._leading.numel()
        self.samples = waveform.reshape(self.count, waveform.shape[-1])

    def parameter(
        self, value: float | torch.Tensor, name: str, low: float, high: float, unit: str = ""
    ) -> torch.Tensor:
        """Return a checked parameter, ``(1,)`` or ``(rows,)`` float64."""
        checked = bounded(value, self._waveform, name, low, high, unit=unit)
        if checked.numel() == 1:
            return checked.reshape(1)
        return checked.expand(self._leading).reshape(self.count)

    def each(self, value: torch.Tensor) -> torch.Tensor:
        """Return a parameter with one value for every row."""
        return value.expand(self.count)

    def table_rows(self, tables: int) -> torch.Tensor:
        """Return which table each row uses, where there are one, one a channel or one a row."""
        rows = torch.arange(self.count, dtype=torch.int32, device=self._waveform.device)
        return rows % max(tables, 1)

    def restored(self, samples: torch.Tensor) -> torch.Tensor:
        """Return rows in the shape of the waveform, of any length."""
        return samples.reshape(*self._leading, samples.shape[-1])


def plain_number(value: float | torch.Tensor, name: str) -> float:
    """Return a parameter of a table of whole samples, which has to be a number.

    Raises
    ------
    TypeError
        If it is a tensor.
    """
    if isinstance(value, torch.Tensor):
        raise TypeError(
            f'{name} must be a number with table="sox": its delays are whole samples, without '
            'gradients; table="smooth" takes tensors'
        )
    return float(value)
