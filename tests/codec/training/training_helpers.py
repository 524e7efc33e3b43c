"""A codec small enough to be trained in a test, and something to train it on."""

from __future__ import annotations

from typing import Any

import torch

from audiolab.codec.training.config import TrainingConfig
from audiolab.codec.training.sources import WaveformSource

SMALL: dict[str, Any] = {
    "model": {
        "name": "small",
        "num_filters": 4,
        "dimension": 16,
        "num_lstm_layers": 0,
        "codebook_size": 16,
        "target_bandwidths": [0.3, 0.9],
    },
    "steps": 20,
    "batch_size": 4,
    "segment_s": 0.1,
    "log_every": 2,
    "initialization": "unit_variance",
    "losses": {"windows": [64, 256, 512], "num_mels": [5, 20, 20], "complex_windows": [256]},
    "average": {"start": 0.2},
    "checkpoints": {"validation_batches": 1, "samples": 0},
}


#: An adversary that joins after a tenth of the run.
ADVERSARY: dict[str, Any] = {
    "start": 0.1,
    "warmup": 0.1,
    "windows": [256, 128],
    "num_filters": 4,
    "update_share": 0.6,
}

#: What makes it a small model around an MDCT; its latent is normalised by running statistics.
MDCT: dict[str, Any] = {
    "initialization": "default",
    "model": {
        "backbone": "mdct",
        "mdct": {"width": 16, "hidden": 32, "encoder_blocks": 1, "decoder_blocks": 1},
    },
}


def config(**changes: Any) -> TrainingConfig:
    """Return the small run with some sections or fields changed."""
    content: dict[str, Any] = dict(SMALL)
    for name, value in changes.items():
        merge = isinstance(value, dict) and isinstance(content.get(name), dict)
        content[name] = {**content[name], **value} if merge else value
    return TrainingConfig.from_dict(content)


def source(settings: TrainingConfig) -> WaveformSource:
    """Return harmonic tones that wander, with noise; two channels where the model has two."""
    generator = torch.Generator().manual_seed(0)
    rate, channels = settings.model.sample_rate, settings.model.channels
    time = torch.arange(2 * rate) / rate
    waveforms = []
    for pitch in (110.0, 197.0, 331.0):
        phase = 2 * torch.pi * pitch * (time + 0.01 * torch.sin(2 * torch.pi * 3 * time))
        tone = torch.stack([torch.sin(n * phase) / n for n in range(1, 9)]).sum(0)
        hiss = torch.randn(channels, len(time), generator=generator)
        waveforms.append(0.15 * tone + 0.01 * hiss)
    return WaveformSource(waveforms, settings.num_samples, seed=settings.seed)
