"""Sounds of a run: a few held-out items, as they are and as the model returns them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch

from audiolab import io
from audiolab.codec.model import EncodecModel

__all__ = ["write_samples"]


@torch.no_grad()
def write_samples(
    model: EncodecModel, waveform: torch.Tensor, folder: Path
) -> Mapping[str, list[Path]]:
    """Write original and reconstructions at every bandwidth as WAV files.

    Parameters
    ----------
    model : EncodecModel
        In evaluation mode.
    waveform : Tensor
        Held-out items ``(items, channels, time)``.
    folder : Path
        Where to; made if it is missing.

    Returns
    -------
    mapping of str to list of Path
        The files of each item by "original" or the bandwidth in kbps, "6 kbps" for instance.
    """
    folder.mkdir(parents=True, exist_ok=True)
    versions = {"original": waveform}
    before = model.bandwidth
    for bandwidth in model.config.target_bandwidths:
        model.bandwidth = bandwidth
        decoded = model.decode(model.encode(waveform))[..., : waveform.shape[-1]]
        versions[f"{bandwidth:g} kbps"] = decoded
    model.bandwidth = before
    files: dict[str, list[Path]] = {}
    for name, batch in versions.items():
        files[name] = []
        for index, item in enumerate(batch):
            path = folder / f"{index}_{name.replace(' ', '')}.wav"
            # Half-trained models overshoot; what would be clipped is scaled down.
            item = item / max(1.0, float(item.abs().max()))
            io.save(path, item.cpu(), model.sample_rate, overwrite=True)
            files[name].append(path)
    return files
