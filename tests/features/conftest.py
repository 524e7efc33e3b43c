"""Signals that the features are measured on."""

from __future__ import annotations

import pytest
import soxr
import torch

from audiolab import signals

RATE = 16_000


@pytest.fixture(scope="session")
def speech() -> torch.Tensor:
    """Two seconds of speech at 16 kHz, (time,) float64, the length of no whole number of hops."""
    waveform, rate = signals.clip("speech")
    resampled = soxr.resample(waveform[0].double().numpy(), rate, RATE, quality="VHQ")
    return torch.from_numpy(resampled[8000 : 8000 + 32_123].copy())


@pytest.fixture(scope="session")
def three(speech: torch.Tensor) -> torch.Tensor:
    """Three items of very different levels, (3, time) float64: speech, quiet speech, and noise."""
    noise = torch.rand(len(speech), dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    return torch.stack([speech, 1e-4 * speech.flip(0), 0.2 * (noise - 0.5)])
