"""Parameters that may differ between the items of a batch."""

from __future__ import annotations

import torch

__all__ = ["any_tensor", "per_item"]


def per_item(value: float | torch.Tensor, waveform: torch.Tensor, name: str) -> torch.Tensor:
    """Return a parameter as float64, shaped to broadcast against ``waveform[..., 0]``.

    A number serves all. A tensor's dimensions are matched with the waveform's from the *left*:
    for a waveform ``(batch, channels, time)``, ``(batch,)`` is a value an item and
    ``(batch, channels)`` a value a channel; for ``(batch, time)``, ``(batch,)`` a value an item.

    Raises
    ------
    ValueError
        If the tensor's shape is not a prefix of the waveform's, ones aside.
    """
    tensor = torch.as_tensor(value, dtype=torch.float64, device=waveform.device)
    leading = waveform.shape[:-1]
    if tensor.ndim > len(leading) or any(
        size not in (1, lead) for size, lead in zip(tensor.shape, leading, strict=False)
    ):
        raise ValueError(
            f"{name} must be a number or a tensor whose shape is a prefix of "
            f"{tuple(leading)}, the waveform's dimensions before time, got {tuple(tensor.shape)}"
        )
    return tensor.reshape(tensor.shape + (1,) * (len(leading) - tensor.ndim))


def any_tensor(*values: object) -> bool:
    """Tell whether some value is a tensor, so that numbers can take the shorter way."""
    return any(isinstance(each, torch.Tensor) for each in values)
