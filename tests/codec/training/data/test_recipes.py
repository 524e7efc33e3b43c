"""Recipes of `audiolab.augment` in training batches: pure, as long as before, named when wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from audiolab import io, signals
from audiolab._documents import DocumentError
from audiolab.codec.training.data import open_source

RATE = 16_000
RECIPE = {
    "recipe": 1,
    "transforms": [
        {"transform": "gain", "gain_db": {"uniform": [-12, 30]}},
        {"transform": "add_colored_noise", "snr_db": 20},
        {"transform": "speed", "p": 0.5},
    ],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("audio")
    for index, pitch in enumerate((150.0, 240.0, 330.0)):
        io.save(path / f"{index}.wav", signals.harmonic_tone(pitch, 3.0, RATE)[None] * 0.3, RATE)
    return path


def source(folder: Path, recipe: object = RECIPE):
    fields = {} if recipe is None else {"recipe": recipe}
    return open_source(folder, fields, sample_rate=RATE, num_samples=8000, seed=3)


def test_items_depend_on_step_and_item_alone(folder: Path):
    whole = source(folder)(5, range(6))
    assert whole.shape == (6, 1, 8000)
    assert torch.equal(source(folder)(5, range(2, 4)), whole[2:4])
    assert not torch.equal(source(folder)(6, range(6)), whole)
    assert not torch.equal(source(folder, None)(5, range(6)), whole)


def test_batches_stay_within_full_scale(folder: Path):
    loud = {"recipe": 1, "transforms": [{"transform": "gain", "gain_db": 60}]}
    peak = source(folder, loud)(0, range(4)).abs().amax(dim=(1, 2))
    assert bool((peak <= 1).all())
    assert float(peak.max()) > 0.99


def test_a_wrong_recipe_is_named(folder: Path):
    wrong = {"recipe": 1, "transforms": [{"transform": "gain", "gain_db": "loud"}]}
    with pytest.raises(DocumentError, match=r"data\.recipe: transforms\[0\]\.gain_db"):
        source(folder, wrong)
