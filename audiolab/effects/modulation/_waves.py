"""Low-frequency waves, and the tables of delays that they make.

Waves run between 0 and 1. As functions of time they are smooth; as SoX's tables they have a whole
number of samples, which is read again and again.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Literal, TypeAlias

import torch

from audiolab.effects._recurrences.modulated_delay import TapTable

__all__ = ["Interpolation", "Shape", "interpolated", "sox_table", "wave", "whole_delays"]

Shape: TypeAlias = Literal["sine", "triangle"]
Interpolation: TypeAlias = Literal["linear", "quadratic"]

SHAPES = ("sine", "triangle")
TABLES = ("smooth", "sox")


def wave(turns: torch.Tensor, shape: Shape) -> torch.Tensor:
    """Return a wave between 0 and 1 that starts at 1/2 and rises; `turns` counts periods."""
    if shape == "sine":
        return 0.5 + 0.5 * torch.sin(2.0 * math.pi * turns)
    # Distance to the nearest crest, at a quarter and every whole turn from there.
    place = torch.remainder(turns + 0.25, 1.0)
    return 1.0 - 2.0 * (place - 0.5).abs()


@lru_cache(maxsize=64)
@torch.inference_mode(False)  # kept for callers that differentiate
def sox_table(shape: Shape, size: int, low: float, high: float, start_turns: float) -> torch.Tensor:
    """Return one period of a wave between `low` and `high` as SoX tabulates it, float64.

    `start_turns` is rounded to whole samples, halves up.
    """
    shift = int(start_turns * size + 0.5)
    place = (torch.arange(size, dtype=torch.int64) + shift) % size
    # In the program's order of operations: a value half-way between whole numbers has to be exact.
    if shape == "sine":
        height = (torch.sin(place.double() / size * (2.0 * math.pi)) + 1.0) / 2.0
    else:
        way = place.double() * 2.0 / size
        quarter = 4 * place // size
        height = torch.where(quarter == 0, way + 0.5, 1.5 - way)
        height = torch.where(quarter == 3, way - 1.5, height)
    return height * (high - low) + low


@lru_cache(maxsize=64)
@torch.inference_mode(False)  # kept for callers that differentiate
def whole_delays(shape: Shape, size: int, low: int, high: int, start_turns: float) -> torch.Tensor:
    """Return the same rounded to whole samples, int32; halves up."""
    return (sox_table(shape, size, low, high, start_turns) + 0.5).floor().to(torch.int32)


def interpolated(
    delays: torch.Tensor,
    row_of: torch.Tensor,
    interpolation: Interpolation = "linear",
    phase: int = 0,
) -> TapTable:
    """Return the taps that read at fractional delays ``(tables, period)``, 0 and more.

    The fraction stands in the weights, so that gradients reach the delays.
    """
    whole = delays.detach().floor()
    f = delays - whole
    if interpolation == "linear":
        weights = torch.stack([1.0 - f, f], dim=-1)
    else:
        # The parabola through three neighbours.
        weights = torch.stack(
            [(1.0 - f) * (1.0 - 0.5 * f), f * (2.0 - f), 0.5 * f * (f - 1.0)], dim=-1
        )
    taps = torch.arange(weights.shape[-1], device=delays.device, dtype=torch.int32)
    return TapTable(whole.to(torch.int32)[..., None] + taps, weights, row_of, phase)
