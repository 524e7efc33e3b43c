"""The sample grid that every generator shares: argument checks, float64 phase, the last cast.

Signals are computed in float64 on the CPU and cast at the end. A float32 phase would lose 1e-7 of a
*turn count*, which after ten seconds of a 10 kHz tone is a hundredth of a turn.
"""

from __future__ import annotations

import math

import torch

from audiolab._validation import check_positive, check_range, check_sample_rate
from audiolab.units import seconds_to_samples

__all__ = ["as_signal", "check_frequency", "check_grid", "sinusoid"]

TAU = 2.0 * math.pi


def check_grid(duration_s: float, sample_rate: int) -> tuple[int, int]:
    """Return ``(number of samples, sample rate)``, or raise where either makes no sense."""
    rate = check_sample_rate(sample_rate)
    return seconds_to_samples(check_range(duration_s, "duration_s", 0.0, unit="s"), rate), rate


def check_frequency(frequency_hz: float, name: str, sample_rate: int) -> float:
    """Return `frequency_hz` if it is above zero and below half the sample rate, else raise."""
    value = check_positive(frequency_hz, name, unit="Hz")
    if value >= sample_rate / 2:
        raise ValueError(
            f"{name} must be below half the sample rate ({sample_rate / 2:g} Hz), got {value:g}: "
            "it would alias"
        )
    return value


def sinusoid(turns: torch.Tensor) -> torch.Tensor:
    """Return ``sin(2 pi turns)``; whole turns are taken off first, where they are still exact."""
    return torch.sin(TAU * (turns - torch.floor(turns)))


def as_signal(
    samples: torch.Tensor, dtype: torch.dtype, device: torch.device | str
) -> torch.Tensor:
    """Cast the finished float64 samples to what the caller asked for."""
    if not dtype.is_floating_point:
        raise TypeError(f"dtype must be a floating-point type, got {dtype}")
    # The cast comes first: some devices have no float64.
    return samples.to(dtype).to(device)
