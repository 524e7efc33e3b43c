"""Tremolo: a slow wave of loudness.

Reference: manual page sox(1), ``tremolo``.
"""

from __future__ import annotations

import math

import torch

from audiolab._validation import check_waveform
from audiolab.effects._ranges import bounded

__all__ = ["tremolo", "tremolo_from"]


def tremolo(
    waveform: torch.Tensor,
    sample_rate: float,
    *,
    speed_hz: float | torch.Tensor,
    depth: float | torch.Tensor = 0.4,
) -> torch.Tensor:
    r"""Swell and fade loudness as a sine.

    Parameters
    ----------
    waveform : Tensor
        Samples ``(..., time)``.
    sample_rate : float
        Rate in Hz.
    speed_hz : float or Tensor
        Swells a second, a value an item if it is a tensor.
    depth : float or Tensor, default: 0.4
        Part of the amplitude that comes and goes, 0 to 1, a value an item if it is a tensor.

    Returns
    -------
    Tensor
        Shape and dtype of the input.

    Raises
    ------
    ValueError
        `speed_hz` is negative or `depth` outside 0 to 1.

    Notes
    -----
    :math:`y = x \left(1 - d/2 + (d/2) \cos 2\pi f t\right)`: the gain starts at 1 and falls to
    :math:`1 - d`. Gradients reach samples, speed and depth.

    Examples
    --------
    >>> import torch
    >>> from audiolab.effects import tremolo
    >>> tremolo(torch.ones(5), 16, speed_hz=4.0, depth=0.5)
    tensor([1.0000, 0.7500, 0.5000, 0.7500, 1.0000])
    """
    return tremolo_from(waveform, sample_rate, speed_hz, depth, 0)


def tremolo_from(
    waveform: torch.Tensor,
    sample_rate: float,
    speed_hz: float | torch.Tensor,
    depth: float | torch.Tensor,
    place: int,
) -> torch.Tensor:
    """Run a stretch of a stream that begins at sample `place`."""
    check_waveform(waveform)
    speed = bounded(speed_hz, waveform, "speed_hz", 0.0, unit="Hz")[..., None]
    half = bounded(depth, waveform, "depth", 0.0, 1.0)[..., None] / 2.0
    clock = torch.arange(
        place, place + waveform.shape[-1], dtype=torch.float64, device=waveform.device
    )
    # Whole turns are taken away before the sine, so that hours later it is as exact.
    turns = torch.remainder(speed * (clock / sample_rate) + 0.25, 1.0)
    gain = torch.sin(2.0 * math.pi * turns) * half + (1.0 - half)
    return waveform * gain.to(waveform.dtype)
