"""Recordings and waveforms for the random layer."""

from pathlib import Path

import pytest
import torch

from audiolab import augment, io

RATE = 16_000


def speechlike(items: int, channels: int = 1, time: int = 9000, seed: int = 5) -> torch.Tensor:
    """Return noise with pauses and a tone: something for levels, pitch and silence to be found."""
    generator = torch.Generator().manual_seed(seed)
    noise = 0.2 * torch.randn(items, channels, time, generator=generator)
    tone = 0.3 * torch.sin(torch.arange(time) * 0.05)
    envelope = (torch.sin(torch.arange(time) * 0.002) > -0.5).float()
    return (noise + tone) * envelope


@pytest.fixture(scope="session")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with three short recordings, one of another rate."""
    folder = tmp_path_factory.mktemp("recordings")
    for index, rate in enumerate((16_000, 16_000, 22_050)):
        sound = speechlike(1, 1, 5000 + 3000 * index, seed=index)[0]
        io.save(folder / f"{index}.wav", sound.clamp(-1, 1), rate, encoding="float32")
    return folder


@pytest.fixture(scope="session")
def responses(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with two decaying impulse responses."""
    folder = tmp_path_factory.mktemp("responses")
    for index in range(2):
        length = 1500 + 2000 * index
        decay = torch.exp(-torch.arange(length) / (200.0 + 200 * index))
        generator = torch.Generator().manual_seed(index)
        tail = decay * torch.randn(length, generator=generator) * 0.1
        tail[20] = 1.0
        io.save(folder / f"{index}.wav", tail[None], RATE, encoding="float32")
    return folder


@pytest.fixture(scope="session")
def every(recordings: Path, responses: Path) -> dict[str, augment.Transform]:
    """Return one transform of each kind, by name, with defaults wherever there are some."""
    from audiolab.augment.transform import REGISTRY

    given = {
        "add_background_noise": {"source": recordings},
        "add_short_noises": {"source": recordings, "pause_s": 0.05, "duration_s": 0.1},
        "mix_up": {"source": recordings},
        "apply_impulse_response": {"source": responses},
        "low_sample_rate": {},
    }
    inner = [augment.Gain(), augment.Reverse()]
    for name in ("compose", "one_of", "some_of", "sometimes"):
        given[name] = {"transforms": inner}
    return {
        name: cls(**given.get(name, {}))
        for name, cls in REGISTRY.items()
        if cls.__module__.startswith("audiolab")
    }
