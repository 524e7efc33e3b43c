"""A real DataLoader: the same items from any worker, start method and batch size."""

from pathlib import Path

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from audiolab import augment

from .conftest import RATE, speechlike

ITEMS = 12


class Augmented(Dataset[tuple[int, torch.Tensor]]):
    """Items with their index, augmented in the worker."""

    def __init__(self, folder: Path, epoch: int) -> None:
        self.recipe = augment.Compose(
            [
                augment.AddBackgroundNoise(source=folder, snr_db=augment.Uniform(5, 20)),
                augment.OneOf([augment.LowPass(), augment.PitchShift(), augment.Speed()]),
                augment.AdjustDuration(duration_s=0.4),
                augment.Gain(),
            ]
        )
        self.epoch = epoch

    def __len__(self) -> int:
        return ITEMS

    def __getitem__(self, index: int) -> tuple[int, torch.Tensor]:
        waveform = speechlike(1, 1, seed=index)[0]
        seed = augment.item_seed(7, index, self.epoch)
        return index, self.recipe(waveform, RATE, seeds=seed).waveform


def collected(loader: DataLoader) -> dict[int, torch.Tensor]:
    found: dict[int, torch.Tensor] = {}
    for indices, waveforms in loader:
        found |= dict(zip(indices.tolist(), waveforms, strict=True))
    assert sorted(found) == list(range(ITEMS))
    return found


@pytest.fixture(scope="module")
def expected(recordings: Path) -> dict[int, torch.Tensor]:
    data = Augmented(recordings, epoch=0)
    return {index: data[index][1] for index in range(ITEMS)}


@pytest.mark.parametrize(
    ("workers", "start", "batch", "shuffle"),
    [
        (0, None, 1, False),
        (0, None, 5, True),
        (1, "fork", 4, False),
        (2, "fork", 3, True),
        (2, "spawn", 4, False),
    ],
)
def test_workers_change_nothing(
    workers: int,
    start: str | None,
    batch: int,
    shuffle: bool,
    recordings: Path,
    expected: dict[int, torch.Tensor],
):
    loader = DataLoader(
        Augmented(recordings, epoch=0),
        batch_size=batch,
        shuffle=shuffle,
        num_workers=workers,
        multiprocessing_context=start,
    )
    found = collected(loader)
    assert all(torch.equal(found[index], expected[index]) for index in range(ITEMS))


def test_a_batch_in_the_training_loop_is_the_same(
    recordings: Path, expected: dict[int, torch.Tensor]
):
    """Augmenting the batch on the training side gives what the workers would have given."""
    recipe = Augmented(recordings, epoch=0).recipe
    batch = torch.cat([speechlike(1, 1, seed=index) for index in range(ITEMS)])
    seeds = [augment.item_seed(7, index) for index in range(ITEMS)]
    together = recipe(batch, RATE, seeds=seeds).waveform
    assert all(torch.equal(together[index], expected[index]) for index in range(ITEMS))


def test_epochs_differ(recordings: Path, expected: dict[int, torch.Tensor]):
    later = Augmented(recordings, epoch=1)
    assert all(not torch.equal(later[index][1], expected[index]) for index in range(ITEMS))
