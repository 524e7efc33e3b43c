"""Sounds and files that the io tests share."""

from __future__ import annotations

import math
from functools import cache

import pytest
import torch

from audiolab import io

NAMES = ("wav", "flac", "mp3", "ogg", "opus", "m4a")
RATE = 48_000


@cache
def sound(channels: int = 2, num_samples: int = 20_001) -> torch.Tensor:
    """A tone in noise that differs between channels, peak below full scale."""
    generator = torch.Generator().manual_seed(7)
    time_s = torch.arange(num_samples) / RATE
    tones = [0.4 * torch.sin(2 * math.pi * 440 * (1 + k) * time_s) for k in range(channels)]
    noise = torch.rand(channels, num_samples, generator=generator) - 0.5
    return torch.stack(tones) + 0.5 * noise


@cache
def encoded(name: str, channels: int = 2) -> bytes:
    """The sound as the bytes of a file."""
    return io.encode(sound(channels), RATE, format=name)


@pytest.fixture(name="sound", scope="session")
def _sound():
    return sound


@pytest.fixture(name="encoded", scope="session")
def _encoded():
    return encoded


@pytest.fixture(params=NAMES, scope="session")
def name(request):
    return request.param
