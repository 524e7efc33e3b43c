"""Filters and shapes that the generators share: scipy's, with types and in hertz."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = [
    "Samples",
    "all_pole",
    "band_pass",
    "convolve",
    "high_pass",
    "low_pass",
    "raised_cosine",
    "resonance",
]

Samples = npt.NDArray[np.float64]

# Its names are assembled when it is imported, so that type checkers see none of them.
_signal: Any = importlib.import_module("scipy.signal")


def band_pass(samples: Samples, low_hz: float, high_hz: float, rate: int, order: int) -> Samples:
    """Butterworth band-pass."""
    return _butterworth(samples, [low_hz, high_hz], "bandpass", rate, order)


def low_pass(samples: Samples, cutoff_hz: float, rate: int, order: int) -> Samples:
    """Butterworth low-pass."""
    return _butterworth(samples, cutoff_hz, "lowpass", rate, order)


def high_pass(samples: Samples, cutoff_hz: float, rate: int, order: int) -> Samples:
    """Butterworth high-pass."""
    return _butterworth(samples, cutoff_hz, "highpass", rate, order)


def _butterworth(
    samples: Samples, edges: float | list[float], kind: str, rate: int, order: int
) -> Samples:
    sections = _signal.butter(order, edges, kind, fs=rate, output="sos")
    filtered: Samples = _signal.sosfilt(sections, samples)
    return filtered


def resonance(samples: Samples, centre_hz: float, quality: float, rate: int) -> Samples:
    """Return what passes a resonance of gain 1 at its centre."""
    filtered: Samples = _signal.lfilter(*_signal.iirpeak(centre_hz, quality, fs=rate), samples)
    return filtered


def all_pole(samples: Samples, gain: float, poles: list[float]) -> Samples:
    """Filter by ``gain / poles(z)``."""
    filtered: Samples = _signal.lfilter([gain], poles, samples)
    return filtered


def convolve(samples: Samples, kernel: Samples, *, centred: bool = False) -> Samples:
    """Convolve to the length of `samples`; centred kernels have their time 0 in the middle."""
    if centred:
        smooth: Samples = _signal.fftconvolve(samples, kernel, mode="same")
        return smooth
    full: Samples = _signal.fftconvolve(samples, kernel)
    return full[: samples.size]


def raised_cosine(num_samples: int) -> Samples:
    """Return a rise from 0 towards 1."""
    ramp: Samples = 0.5 - 0.5 * np.cos(np.pi * np.arange(num_samples) / num_samples)
    return ramp
