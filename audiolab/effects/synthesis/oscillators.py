"""Periodic waves as functions of their phase, and the phase of a sweep.

A phase counts cycles: 0 and 1 are the same place. Waves lie in [-1, 1] and are not band-limited:
their corners alias, as SoX's do; `audiolab.signals` has clean tones.
"""

from __future__ import annotations

import math
from typing import Literal, TypeAlias

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray

__all__ = ["SWEEPS", "WAVES", "SteppedSweep", "Sweep", "Wave", "sweep_phase", "wave"]

Wave: TypeAlias = Literal["sine", "square", "triangle", "sawtooth", "trapezium", "exp"]
Sweep: TypeAlias = Literal["linear", "square", "exponential", "stepped"]

#: Shapes of a wave.
WAVES = ("sine", "square", "triangle", "sawtooth", "trapezium", "exp")
#: Ways from one frequency to another.
SWEEPS = ("linear", "square", "exponential", "stepped")


def wave(
    kind: str, phase: torch.Tensor, rise: float = 0.5, hold: float = 0.5, fall: float = 0.6
) -> torch.Tensor:
    """Return one wave at a phase in cycles.

    Parameters
    ----------
    kind : str
        One of `WAVES`.
    phase : Tensor
        Phase in cycles; its fraction counts.
    rise : float
        Part of the cycle that is "on" (square) or rises (triangle, trapezium, exp), 0 to 1.
    hold : float
        Trapezium: where falling begins. Exp: depth, in units of 200 dB.
    fall : float
        Trapezium: where falling ends.

    Returns
    -------
    Tensor
        Values in [-1, 1].
    """
    if kind == "sine":
        return torch.sin(2 * math.pi * phase)
    place = phase - torch.floor(phase)
    one = torch.ones_like(place)
    if kind == "square":
        return torch.where(place < rise, one, -one)
    if kind == "sawtooth":
        return 2 * place - 1
    up = place / rise if rise else torch.full_like(place, math.inf)
    down = (1 - place) / (1 - rise) if rise < 1 else torch.full_like(place, math.inf)
    climbing = place < rise
    if kind == "triangle":
        return 2 * torch.where(climbing, up, down) - 1
    if kind == "exp":
        height = torch.where(climbing, up, down)
        return 2 * torch.pow(10.0, 10.0 * hold * (height - 1)) - 1
    falling = 1 - 2 * (place - hold) / (fall - hold) if fall > hold else -one
    late = torch.where(place < fall, falling, -one)
    return torch.where(climbing, 2 * up - 1, torch.where(place < hold, one, late))


def sweep_phase(
    time_s: torch.Tensor, start_hz: float, end_hz: float, duration_s: float, sweep: str
) -> torch.Tensor:
    """Return the phase in cycles of a tone whose frequency moves.

    ===========  ============================================================================
    linear       ``f = f1 + (f2 - f1) t / T``
    square       ``f = f1 + (f2 - f1) (t / T)**2``
    exponential  ``f = f1 (f2 / f1)**(t / T)``, its phase the integral from minus infinity
    stepped      each cycle ``(t - its start) f(t)``, ended at one: zero phase at first
    ===========  ============================================================================

    Parameters
    ----------
    time_s : Tensor
        Times in seconds, float64; ``stepped`` needs all of them from 0 on.
    start_hz, end_hz : float
        Frequencies at 0 and at `duration_s`.
    duration_s : float
        Duration of the sweep in seconds.
    sweep : str
        One of `SWEEPS`.

    Returns
    -------
    Tensor
        Phase in cycles.
    """
    if sweep == "linear":
        bend = (end_hz - start_hz) / (2 * duration_s)
        return start_hz * time_s + bend * time_s * time_s
    if sweep == "square":
        bend = (end_hz - start_hz) / (3 * duration_s**2)
        # In SoX's order of multiplication, so that a square wave turns at the same sample.
        return start_hz * time_s + bend * time_s * time_s * time_s
    if sweep == "exponential":
        growth = math.log(end_hz / start_hz) / duration_s
        frequency = start_hz * torch.exp(growth * time_s)
        # A constant frequency has no such integral: count from zero.
        return frequency / growth if growth else frequency * time_s
    return SteppedSweep().phase(time_s, start_hz, end_hz, duration_s)


class SteppedSweep:
    """An exponential sweep in cycles that each begin at zero phase, block by block."""

    def __init__(self) -> None:
        self._start = np.zeros(1)

    def phase(
        self, time_s: torch.Tensor, start_hz: float, end_hz: float, duration_s: float
    ) -> torch.Tensor:
        """Return the phase in cycles at the next times."""
        growth = math.log(end_hz / start_hz) / duration_s
        frequency = start_hz * torch.exp(growth * time_s)
        stepped = _stepped(time_s.cpu().numpy(), frequency.cpu().numpy(), self._start)
        return torch.from_numpy(stepped).to(time_s.device)


@njit(cache=True, nogil=True)
def _stepped(
    time: NDArray[np.float64], frequency: NDArray[np.float64], began: NDArray[np.float64]
) -> NDArray[np.float64]:
    phase = np.empty_like(time)
    start = began[0]
    for n in range(time.size):
        place = (time[n] - start) * frequency[n]
        if place >= 1:
            start += 1 / frequency[n]
            place = (time[n] - start) * frequency[n]
        phase[n] = place
    began[0] = start
    return phase
