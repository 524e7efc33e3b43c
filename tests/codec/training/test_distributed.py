"""Two processes that share every batch do what one does with all of it."""

from __future__ import annotations

import csv
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from one_process import RUNS, train
from training_helpers import config, source

from audiolab.codec._pool import Pool
from audiolab.codec.training.checkpoints import read_checkpoint
from audiolab.codec.training.trainer import Trainer


def start(rank: int, port: int, folder: Path) -> subprocess.Popen[str]:
    """Start one process as torchrun would."""
    environment = {
        **os.environ,
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    script = str(Path(__file__).with_name("one_process.py"))
    return subprocess.Popen(
        [sys.executable, script, str(folder)], env=environment, stderr=subprocess.PIPE, text=True
    )


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    alone, together = (tmp_path_factory.mktemp(name) for name in ("alone", "together"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    processes = [start(rank, port, together) for rank in range(2)]
    train(alone)
    for process in processes:
        _, errors = process.communicate(timeout=200)
        assert process.returncode == 0, errors
    return alone, together


@pytest.mark.parametrize("name", RUNS)
def test_two_processes_measure_what_one_does(folders: tuple[Path, Path], name: str) -> None:
    alone, together = (rows(folder / name / "log.csv") for folder in folders)
    assert len(alone) == len(together)
    compared = 0
    for one, two in zip(alone, together, strict=True):
        for column, value in one.items():
            if value and column not in ("elapsed_s", "steps_per_s"):
                # Sums in another order; the largest difference seen was 6e-5.
                assert float(two[column]) == pytest.approx(float(value), rel=3e-4, abs=1e-6), column
                compared += 1
    assert compared > 60


@pytest.mark.parametrize("name", RUNS)
def test_two_processes_learn_what_one_does(folders: tuple[Path, Path], name: str) -> None:
    last = "checkpoints/step_00000004.pt"
    alone, together = (read_checkpoint(folder / name / last) for folder in folders)
    for part in ("model", "average"):
        one, two = alone[part], together[part]
        one, two = (each.get("state", each) for each in (one, two))
        assert one.keys() == two.keys()
        for key, tensor in one.items():
            # A bias before a normalisation has no gradient but rounding, which Adam blows up to
            # the size of its learning rate. All else agrees to a few float32 roundings.
            slack = 2e-3 if key == "encoder.output.bias" else 3e-5
            torch.testing.assert_close(tensor, two[key], rtol=1e-4, atol=slack, msg=key)


def test_a_batch_that_can_t_be_shared_is_refused(tmp_path: Path) -> None:
    class Three(Pool):
        rank = 0
        size = 3

    settings = config()
    with pytest.raises(ValueError, match="batch_size must be a multiple of 3"):
        Trainer(settings, source(settings), tmp_path, pool=Three())
