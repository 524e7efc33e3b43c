"""The definition of band-limited resampling, written out as a matrix: slow, and plainly right."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import pytest
import torch

from audiolab.resample import STANDARD, FilterDesign


def matrix(
    num_in: int, num_out: int, ratio: Fraction, design: FilterDesign = STANDARD
) -> torch.Tensor:
    """``R[m, n] = g(m / new - n / orig)`` with g from its formula, float64."""
    times = torch.arange(num_out, dtype=torch.float64) / float(ratio)
    lower = min(1.0, float(ratio))
    lag = (times[:, None] - torch.arange(num_in, dtype=torch.float64)) * lower
    half = design.num_samples / 2
    cutoff = (design.pass_edge + design.stop_edge) / 2
    beta = 0.1102 * (design.attenuation_db - 8.7)
    arch = (1 - (lag / half).square()).clamp_min(0).sqrt()
    window = torch.special.i0(beta * arch) / torch.special.i0(
        torch.tensor(beta, dtype=torch.float64)
    )
    window = torch.where(lag.abs() <= half, window, 0.0)
    return lower * cutoff * torch.sinc(cutoff * lag) * window


@pytest.fixture(scope="session")
def definition() -> Callable[..., torch.Tensor]:
    return matrix


@pytest.fixture(scope="session")
def tone() -> Callable[[float, float, int], torch.Tensor]:
    def make(frequency_hz: float, rate: float, num_samples: int) -> torch.Tensor:
        turns = frequency_hz / rate * torch.arange(num_samples, dtype=torch.float64)
        return torch.sin(2 * math.pi * (turns - turns.round()))

    return make
