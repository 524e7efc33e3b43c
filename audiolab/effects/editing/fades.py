"""Fades: a gain that rises from silence, and falls back to it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Literal, TypeAlias

import torch

from audiolab._validation import check_choice, check_positive, check_range, check_waveform
from audiolab.units import seconds_to_samples

__all__ = ["CURVES", "Curve", "fade", "fade_gain"]

Curve: TypeAlias = Literal["quarter_sine", "half_sine", "linear", "logarithmic", "parabola"]

#: Gain of each curve at a place from 0 (silent) to 1 (full).
CURVES: Mapping[str, Callable[[torch.Tensor], torch.Tensor]] = MappingProxyType(
    {
        "quarter_sine": lambda place: torch.sin(place * (math.pi / 2)),
        "half_sine": lambda place: (1 - torch.cos(place * math.pi)) / 2,
        "linear": lambda place: place,
        "logarithmic": lambda place: torch.pow(0.1, 5 * (1 - place)),
        "parabola": lambda place: 1 - (1 - place).square(),
    }
)


def fade(
    waveform: torch.Tensor,
    sample_rate: float,
    *,
    in_s: float = 0.0,
    out_s: float = 0.0,
    curve: Curve = "logarithmic",
) -> torch.Tensor:
    """Fade in from silence at the start and out to silence at the end.

    Sample `i` of a fade of `n` samples has the gain ``curve(i / n)``, so that it begins at silence
    and would reach full level one sample after its last; a fade-out is its mirror image.

    ================  =====================================================
    quarter_sine      ``sin(pi u / 2)``: constant power across a cross-fade
    half_sine         ``(1 - cos(pi u)) / 2``: smooth at both ends
    linear            ``u``
    logarithmic       ``0.1 ** (5 (1 - u))``: straight in dB, from -100 dB
    parabola          ``1 - (1 - u)**2``
    ================  =====================================================

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(..., time)``.
    sample_rate : float
        Rate in Hz.
    in_s, out_s : float, default: 0.0
        Durations of the two fades in seconds, at least 0; longer than the waveform, a fade-in
        stays unfinished.
    curve : {"quarter_sine", "half_sine", "linear", "logarithmic", "parabola"}
        Shape of both fades, by default the logarithmic one, as in SoX.

    Returns
    -------
    Tensor
        Samples of the same shape.

    Raises
    ------
    ValueError
        If a duration is negative or the curve is not one of those.

    Examples
    --------
    >>> import torch
    >>> fade(torch.ones(6), 8, in_s=0.25, out_s=0.25, curve="linear")
    tensor([0.0000, 0.5000, 1.0000, 1.0000, 1.0000, 0.5000])
    """
    check_waveform(waveform)
    check_positive(sample_rate, "sample_rate", unit="Hz")
    check_choice(curve, "curve", tuple(CURVES))
    rise = seconds_to_samples(check_range(in_s, "in_s", 0.0, unit="s"), sample_rate)
    fall = seconds_to_samples(check_range(out_s, "out_s", 0.0, unit="s"), sample_rate)
    total = waveform.shape[-1]
    # Only the two ends are computed: a fade is short beside the audio.
    place = torch.arange(min(rise, total), dtype=torch.float64, device=waveform.device)
    ahead = torch.arange(min(fall, total), 0, -1, dtype=torch.float64, device=waveform.device)
    head = fade_gain(place, curve, rise=rise).to(waveform.dtype)
    tail = fade_gain(ahead, curve, rise=fall).to(waveform.dtype)
    faded = waveform.clone()
    faded[..., : len(head)] *= head
    faded[..., total - len(tail) :] *= tail
    return faded


def fade_gain(place: torch.Tensor, curve: str, *, rise: int) -> torch.Tensor:
    """Return the gain at `place` samples into a fade of `rise` samples, 1 from its end on."""
    if rise == 0:
        return torch.ones_like(place)
    return torch.where(place >= rise, 1.0, CURVES[curve]((place / rise).clamp(0, 1)))
