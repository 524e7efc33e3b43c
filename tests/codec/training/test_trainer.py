"""Runs: that they learn, go on to the bit where they stopped, survive, and warn."""

from __future__ import annotations

import csv
import math
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from training_helpers import ADVERSARY, MDCT, config, source

from audiolab.codec import EncodecModel
from audiolab.codec.training.checkpoints import CheckpointError, read_checkpoint
from audiolab.codec.training.config import TrainingConfig
from audiolab.codec.training.initialization import unit_variance
from audiolab.codec.training.trainer import (
    Event,
    Trainer,
    TrainingDivergedError,
    shortened,
)


def run(
    settings: TrainingConfig, folder: Path, *, stop_at: int | None = None, resume: bool = False
) -> Trainer:
    folder.mkdir(exist_ok=True)
    trainer = Trainer(settings, source(settings), folder, resume=resume)
    trainer.run(stop_at=stop_at)
    return trainer


def flat(content: Any, name: str = "") -> dict[str, Any]:
    """Return the leaves of nested dictionaries and lists by their paths."""
    if isinstance(content, dict):
        pairs = [(str(key), value) for key, value in content.items()]
    elif isinstance(content, list | tuple):
        pairs = [(str(index), value) for index, value in enumerate(content)]
    else:
        return {name: content}
    leaves: dict[str, Any] = {}
    for key, value in pairs:
        leaves |= flat(value, f"{name}/{key}")
    return leaves


def assert_same_checkpoint(one: Path, two: Path) -> None:
    """Everything but the clock is equal, to the bit."""
    first, second = (flat(read_checkpoint(path)) for path in (one, two))
    assert first.keys() == second.keys()
    for name, value in first.items():
        if name == "/elapsed_s":
            continue
        same = torch.equal(value, second[name]) if isinstance(value, torch.Tensor) else (
            value == second[name])  # fmt: skip
        assert same, name


@pytest.mark.parametrize(
    "changes",
    [
        {"adversary": ADVERSARY},
        {"precision": "bfloat16", "quantizer": {"freeze_statistics": 0.9}, **MDCT},
    ],
    ids=["seanet with adversary", "mdct in bfloat16"],
)
def test_six_steps_are_three_and_three_to_the_bit(tmp_path: Path, changes: dict[str, Any]) -> None:
    settings = config(steps=6, **changes)
    whole = run(settings, tmp_path / "whole")
    run(settings, tmp_path / "parts", stop_at=3)
    rest = run(settings, tmp_path / "parts", resume=True)
    assert whole.step == rest.step == 6
    name = "checkpoints/step_00000006.pt"
    assert_same_checkpoint(tmp_path / "whole" / name, tmp_path / "parts" / name)
    assert whole.average.state  # it ran, so it was compared
    if settings.adversary is not None:
        content = read_checkpoint(tmp_path / "whole" / name)["adversary"]
        assert content["balancer"]["counts"]
        assert content["optimizer"]["state"]


def test_a_run_learns_and_what_it_publishes_loads(tmp_path: Path) -> None:
    settings = config(steps=120, optimizer={"learning_rate": 3e-3})
    start = Trainer(settings, source(settings), tmp_path)
    before = start.validate(start.published())
    start.run()
    after = start.validate(start.published())
    assert after["validation/total"] < 0.8 * before["validation/total"]
    model = EncodecModel.from_pretrained(tmp_path / "model")
    x = source(settings)(0, range(1))
    with torch.no_grad():
        assert torch.equal(model(x), start.published()(x))


def test_the_log_has_every_row_once_after_a_resume(tmp_path: Path) -> None:
    settings = config(steps=8, checkpoints={"every_steps": 4, "keep": 9})
    run(settings, tmp_path, stop_at=6)
    (tmp_path / "checkpoints" / "step_00000006.pt").unlink()  # as if it had died before writing it
    run(settings, tmp_path, resume=True)
    with (tmp_path / "log.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows if row["total"]] == [2, 4, 6, 8]
    assert all(math.isfinite(float(row["codebook_use"])) for row in rows if row["total"])


def test_the_last_checkpoints_and_the_best_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = config(steps=8, checkpoints={"every_steps": 1, "keep": 2, "samples": 1})
    trainer = Trainer(settings, source(settings), tmp_path)
    scores = iter([9.0, 1.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0])
    monkeypatch.setattr(trainer, "validate", lambda model: {"validation/total": next(scores)})
    trainer.run()
    kept = [path.name for path in trainer.checkpoints.paths()]
    assert kept == ["step_00000002.pt", "step_00000007.pt", "step_00000008.pt"]
    sounds = sorted(path.name for path in (tmp_path / "samples" / "step_00000008").iterdir())
    assert sounds == ["0_0.3kbps.wav", "0_0.9kbps.wav", "0_original.wav"]


def test_a_new_length_replans_what_is_left(tmp_path: Path) -> None:
    settings = config(steps=100)
    run(settings, tmp_path, stop_at=3)
    shorter = run(shortened(settings, steps=6), tmp_path, resume=True)
    assert shorter.step == 6
    rate = shorter.optimizer.param_groups[0]["lr"]
    share = 0.5 * (1 + math.cos(math.pi * 5 / 6))
    assert rate == pytest.approx(1e-5 + (1.2e-3 - 1e-5) * share)
    by_time = Trainer(
        shortened(settings, budget_minutes=1e-9), source(settings), tmp_path, resume=True
    )
    assert by_time.run()
    assert by_time.step == 6


def test_a_request_to_stop_is_followed_after_the_step(tmp_path: Path) -> None:
    settings = config(steps=100, log_every=1)
    events: list[Event] = []

    def watch(event: Event) -> None:
        events.append(event)
        if event.kind == "progress" and event.step == 2:
            trainer.request_stop()

    trainer = Trainer(settings, source(settings), tmp_path, on_event=watch)
    assert not trainer.run()
    assert trainer.step == 2
    assert trainer.checkpoints.newest() == tmp_path / "checkpoints" / "step_00000002.pt"
    assert [event.kind for event in events if event.kind != "warning"] == [
        "start", "progress", "progress", "checkpoint", "end",
    ]  # fmt: skip


# -------------------------------------------------------------------------------- what goes wrong
def test_a_run_is_not_overwritten(tmp_path: Path) -> None:
    settings = config(steps=1)
    run(settings, tmp_path)
    with pytest.raises(FileExistsError, match="resume"):
        Trainer(settings, source(settings), tmp_path)


def test_a_checkpoint_that_was_cut_short_is_named_and_the_one_before_serves(
    tmp_path: Path,
) -> None:
    settings = config(steps=4, checkpoints={"every_steps": 2})
    run(settings, tmp_path)
    newest = tmp_path / "checkpoints" / "step_00000004.pt"
    newest.write_bytes(newest.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match=r"step_00000004\.pt"):
        Trainer(settings, source(settings), tmp_path, resume=True)
    newest.unlink()
    assert Trainer(settings, source(settings), tmp_path, resume=True).step == 2


def test_a_write_that_fails_leaves_the_checkpoint_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = config(steps=4, checkpoints={"every_steps": 2})
    save = torch.save

    def full_disk(content: dict[str, Any], path: Path) -> None:
        if content["step"] == 4:
            path.write_bytes(b"half")
            raise OSError("no space left")
        save(content, path)

    monkeypatch.setattr(torch, "save", full_disk)
    with pytest.raises(OSError, match="no space"):
        run(settings, tmp_path)
    monkeypatch.undo()
    files = sorted(path.name for path in (tmp_path / "checkpoints").iterdir())
    assert files == ["step_00000002.pt"]
    assert run(settings, tmp_path, resume=True).step == 4


class Runs:
    """Pickled, this would run code."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (print, ("code ran",))


def test_a_checkpoint_that_would_run_code_is_not_opened(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "step_00000001.pt"
    torch.save({"step": 1, "x": Runs()}, path)
    with pytest.raises(CheckpointError, match="run code"):
        read_checkpoint(path)
    assert capsys.readouterr().out == ""


def test_a_checkpoint_of_another_model_is_refused(tmp_path: Path) -> None:
    settings = config(steps=1)
    run(settings, tmp_path)
    other = config(steps=1, model={"num_filters": 8})
    with pytest.raises(CheckpointError, match="num_filters"):
        Trainer(other, source(other), tmp_path, resume=True)


def test_losses_that_are_not_finite_are_skipped_and_end_the_run_if_they_stay(
    tmp_path: Path,
) -> None:
    settings = config(steps=300, log_every=10)
    good = source(settings)

    def sometimes(step: int, items: range) -> torch.Tensor:
        batch = good(step, items)
        return batch * math.nan if step == 3 or 10 <= step < 2**31 else batch

    events: list[Event] = []
    trainer = Trainer(settings, sometimes, tmp_path, on_event=events.append)
    with pytest.raises(TrainingDivergedError, match="learning_rate"):
        trainer.run()
    assert any("1 step(s)" in event.text for event in events if event.kind == "warning")
    for parameter in trainer.model.parameters():
        assert bool(torch.isfinite(parameter).all())
    assert trainer.checkpoints.newest() is None  # there was none to save in between


def warned(settings: TrainingConfig, folder: Path, before: Any = None) -> str:
    events: list[Event] = []
    trainer = Trainer(settings, source(settings), folder, on_event=events.append)
    if before is not None:
        before(trainer)
    trainer.run()
    return " ".join(event.text for event in events if event.kind == "warning")


def test_latents_that_vanish_are_warned_of_and_unit_variance_mends_them(tmp_path: Path) -> None:
    plain = config(steps=4, initialization="default", log_every=4)
    assert "latents' standard deviation" in warned(plain, tmp_path / "plain")
    scaled = config(steps=4, log_every=4)
    assert "latents' standard deviation" not in warned(scaled, tmp_path / "scaled")


def test_dead_codebooks_are_warned_of(tmp_path: Path) -> None:
    settings = config(
        steps=4, log_every=4, model={"codebook_size": 64}, quantizer={"dead_share": 0.0}
    )

    def spoil(trainer: Trainer) -> None:
        book = trainer.model.quantizer.codebooks[0]
        book.inited.fill_(1)
        book.embed.fill_(1e3)
        book.embed[0] = 0  # the only entry anywhere near
        book.embed_avg.copy_(book.embed)
        book.cluster_size.fill_(1.0)

    assert "codebook(s) 0" in warned(settings, tmp_path / "spoilt", spoil)
    assert "codebook(s)" not in warned(settings, tmp_path / "good")


def test_a_decoder_that_falls_silent_is_warned_of(tmp_path: Path) -> None:
    settings = config(steps=4, log_every=4, optimizer={"learning_rate": 1e-9,
                                                       "final_learning_rate": 0.0})  # fmt: skip

    def mute(trainer: Trainer) -> None:
        with torch.no_grad():
            for name, parameter in list(trainer.model.decoder.named_parameters())[-4:]:
                if name.endswith(("weight_g", "bias")):
                    parameter.mul_(1e-4)

    assert "falls silent" in warned(settings, tmp_path / "mute", mute)
    assert "falls silent" not in warned(settings, tmp_path / "loud")


def test_unit_variance_gives_every_layer_its_level() -> None:
    settings = config()
    model = EncodecModel(settings.model, generator=0)
    x = source(settings)(0, range(4))
    with torch.no_grad():
        assert float(model.encoder(x).std(dim=-1).mean()) < 0.1
        unit_variance(model, x)
        latent = model.encoder(x)
        assert float(latent.std()) == pytest.approx(1.0, rel=1e-3)
        assert float(model.decoder(latent).std()) == pytest.approx(float(x.std()), rel=1e-3)


def test_tensorboard_is_written_where_it_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import importlib.util

    from audiolab.codec.training.logs import TensorBoardLog

    if importlib.util.find_spec("tensorboard") is None:
        TensorBoardLog(tmp_path).write(1, {"x": 1.0})
        assert not list(tmp_path.iterdir())
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        TensorBoardLog(tmp_path).write(1, {"x": 1.0})
    assert list(tmp_path.iterdir())
