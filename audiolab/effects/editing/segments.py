"""Cutting, padding, repeating and turning round: samples are moved, never changed."""

from __future__ import annotations

import torch

from audiolab._validation import check_positive, check_range, check_waveform
from audiolab.units import seconds_to_samples

__all__ = ["pad", "repeat", "reverse", "trim"]


def trim(
    waveform: torch.Tensor,
    sample_rate: float,
    *,
    start_s: float = 0.0,
    stop_s: float | None = None,
) -> torch.Tensor:
    """Keep what lies between two moments.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(..., time)``.
    sample_rate : float
        Rate in Hz.
    start_s : float, default: 0.0
        First moment that is kept, in seconds from the start; negative counts from the end.
    stop_s : float, optional
        First moment that is not kept any more, like `start_s`; by default the end.

    Returns
    -------
    Tensor
        A copy of the samples kept; what lies outside the waveform is not made up.

    Raises
    ------
    ValueError
        If `stop_s` lies before `start_s`.

    Examples
    --------
    >>> import torch
    >>> trim(torch.arange(8.0), 8, start_s=0.25, stop_s=-0.25)
    tensor([2., 3., 4., 5.])
    """
    check_waveform(waveform)
    check_positive(sample_rate, "sample_rate", unit="Hz")
    total = waveform.shape[-1]

    def sample(moment_s: float, name: str) -> int:
        moment = seconds_to_samples(check_range(moment_s, name), sample_rate)
        return min(max(moment + total if moment_s < 0 else moment, 0), total)

    start = sample(start_s, "start_s")
    stop = total if stop_s is None else sample(stop_s, "stop_s")
    if stop < start:
        raise ValueError(f"stop_s must not lie before start_s, got {start_s} and {stop_s}")
    return waveform[..., start:stop].clone()


def pad(
    waveform: torch.Tensor,
    sample_rate: float,
    *,
    before_s: float = 0.0,
    after_s: float = 0.0,
) -> torch.Tensor:
    """Add silence before and after.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(..., time)``.
    sample_rate : float
        Rate in Hz.
    before_s, after_s : float, default: 0.0
        Silence in seconds, at least 0.

    Returns
    -------
    Tensor
        The longer waveform.

    Raises
    ------
    ValueError
        If a duration is negative.

    Examples
    --------
    >>> import torch
    >>> pad(torch.ones(2), 8, before_s=0.125, after_s=0.25)
    tensor([0., 1., 1., 0., 0.])
    """
    check_waveform(waveform)
    check_positive(sample_rate, "sample_rate", unit="Hz")
    before = seconds_to_samples(check_range(before_s, "before_s", 0.0, unit="s"), sample_rate)
    after = seconds_to_samples(check_range(after_s, "after_s", 0.0, unit="s"), sample_rate)
    return torch.nn.functional.pad(waveform, (before, after))


def repeat(waveform: torch.Tensor, count: int = 1) -> torch.Tensor:
    """Play again: the waveform, and `count` repetitions of it.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(..., time)``.
    count : int, default: 1
        Repetitions, at least 0: 1 gives two copies.

    Returns
    -------
    Tensor
        Samples, ``(..., (count + 1) * time)``.

    Raises
    ------
    ValueError
        If `count` is negative or not a whole number.

    Examples
    --------
    >>> import torch
    >>> repeat(torch.tensor([1.0, 2.0]))
    tensor([1., 2., 1., 2.])
    """
    check_waveform(waveform)
    if isinstance(count, bool) or not isinstance(count, int) or count < 0:
        raise ValueError(f"count must be a whole number, 0 or more, got {count!r}")
    return torch.cat([waveform] * (count + 1), dim=-1)


def reverse(waveform: torch.Tensor) -> torch.Tensor:
    """Play backwards.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(..., time)``.

    Returns
    -------
    Tensor
        The samples in reverse order.

    Examples
    --------
    >>> import torch
    >>> reverse(torch.tensor([1.0, 2.0, 3.0]))
    tensor([3., 2., 1.])
    """
    return check_waveform(waveform).flip(-1)
