"""Change the rate by a whole number without any filter: zeros in between, or samples left out."""

from __future__ import annotations

import torch

from audiolab._validation import check_waveform

__all__ = ["downsample", "upsample"]


def upsample(waveform: torch.Tensor, *, factor: int = 2) -> torch.Tensor:
    """Put ``factor - 1`` zeros behind every sample.

    The spectrum is repeated, and its level falls by `factor`; SoX's ``upsample``.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(..., time)``.
    factor : int, default: 2
        New rate over old, 1 to 256.

    Returns
    -------
    Tensor
        Shape ``(..., factor * time)``.

    Raises
    ------
    TypeError
        `waveform` is not a floating-point tensor.
    ValueError
        `factor` is not a whole number in its range.

    Examples
    --------
    >>> upsample(torch.tensor([1.0, 2.0]), factor=3)
    tensor([1., 0., 0., 2., 0., 0.])
    """
    check_waveform(waveform)
    _check_factor(factor, 256)
    return torch.nn.functional.pad(waveform.unsqueeze(-1), (0, factor - 1)).flatten(-2)


def downsample(waveform: torch.Tensor, *, factor: int = 2) -> torch.Tensor:
    """Keep the first of every `factor` samples; what lies above the new Nyquist frequency aliases.

    SoX's ``downsample``.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(..., time)``.
    factor : int, default: 2
        Old rate over new, 1 to 16384.

    Returns
    -------
    Tensor
        Shape ``(..., ceil(time / factor))``.

    Raises
    ------
    TypeError
        `waveform` is not a floating-point tensor.
    ValueError
        `factor` is not a whole number in its range.

    Examples
    --------
    >>> downsample(torch.tensor([1.0, 2.0, 3.0]), factor=2)
    tensor([1., 3.])
    """
    check_waveform(waveform)
    _check_factor(factor, 16_384)
    return waveform[..., ::factor]


def _check_factor(factor: int, largest: int) -> None:
    if isinstance(factor, bool) or not isinstance(factor, int) or not 1 <= factor <= largest:
        raise ValueError(f"factor must be a whole number between 1 and {largest}, got {factor!r}")
