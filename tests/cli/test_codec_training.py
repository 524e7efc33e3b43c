"""``audiolab codec train``: a run from the command line, stopped and resumed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from audiolab import io
from audiolab._documents import write_document
from audiolab.cli import main
from audiolab.codec import EncodecModel

SETTINGS: dict[str, Any] = {
    "model": {
        "name": "tiny",
        "num_filters": 2,
        "dimension": 8,
        "num_lstm_layers": 0,
        "codebook_size": 16,
        "target_bandwidths": [0.3],
    },
    "steps": 4,
    "batch_size": 2,
    "segment_s": 0.1,
    "log_every": 2,
    "losses": {"windows": [64, 256], "num_mels": [5, 20], "complex_windows": [256]},
    "checkpoints": {"validation_batches": 1, "samples": 1},
}


@pytest.fixture
def setting(tmp_path: Path) -> list[str]:
    """Return a command line for a small run on two files."""
    data = tmp_path / "data"
    data.mkdir()
    generator = torch.Generator().manual_seed(0)
    for index in range(2):
        x = 0.1 * torch.randn(1, 48_000, generator=generator)
        io.save(data / f"{index}.wav", x, 24_000)
    write_document(tmp_path / "tiny.yaml", SETTINGS)
    return [
        "codec", "train", str(tmp_path / "tiny.yaml"),
        "--data", str(data), "--out", str(tmp_path / "run"),
    ]  # fmt: skip


def test_a_run_leaves_all_that_it_promises(
    setting: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(setting) == 0
    run = tmp_path / "run"
    out = capsys.readouterr().out
    assert "step 4" in out
    assert "finished" in out
    assert (run / "checkpoints" / "step_00000004.pt").is_file()
    assert (run / "log.csv").read_text().startswith("step,progress,")
    assert (run / "samples" / "step_00000004" / "0_original.wav").is_file()
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "run: step 4" in page
    assert "0.3 kbps, item 1" in page
    assert EncodecModel.from_pretrained(run / "model").name == "tiny"

    assert main(setting) == 1  # nothing is overwritten
    assert "holds a run" in capsys.readouterr().err
    assert main([*setting, "--resume", "--steps", "6", "--data-threads", "2"]) == 0
    assert (run / "checkpoints" / "step_00000006.pt").is_file()


def test_a_signal_saves_the_run_and_the_next_one_goes_on(
    setting: list[str], tmp_path: Path
) -> None:
    log = tmp_path / "run" / "log.csv"
    process = subprocess.Popen(
        [sys.executable, "-m", "audiolab", *setting, "--steps", "100000"],
        stdout=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    deadline = time.monotonic() + 200
    while not (log.exists() and log.read_text().count("\n") > 1):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=100) == 130
    (saved,) = (tmp_path / "run" / "checkpoints").iterdir()
    done = int(saved.stem.removeprefix("step_"))
    assert done >= 2
    assert main([*setting, "--resume", "--steps", str(done + 1)]) == 0


@pytest.mark.parametrize(
    ("change", "status", "message"),
    [
        (["--threads", "0"], 2, "--threads"),
        (["--data-threads", "-1"], 2, "--data-threads"),
        (["--steps", "3", "--minutes", "2"], 2, "choose one"),
        (["--steps", "0"], 1, "steps must be at least 1"),
        (["--data", "nowhere"], 1, "nowhere: no such folder"),
    ],
)
def test_what_can_t_be_is_said_in_one_line(
    setting: list[str],
    capsys: pytest.CaptureFixture[str],
    change: list[str],
    status: int,
    message: str,
) -> None:
    assert main([*setting, *change]) == status
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1


def test_an_unknown_recipe_lists_those_there_are(
    setting: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    setting[2] = "audiolab_23khz"
    assert main(setting) == 1
    assert "audiolab_24khz, audiolab_24khz_gpu" in capsys.readouterr().err


def test_train_stands_first(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["codec", "compress", "train"]) == 2
    assert "./train" in capsys.readouterr().err


def test_help_says_how(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["codec", "train", "--help"]) == 0
    assert "torchrun" in capsys.readouterr().out
