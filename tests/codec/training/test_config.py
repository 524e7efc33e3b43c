"""Configurations: recipes that load, fields that are named when wrong, schedules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from training_helpers import SMALL, config

from audiolab._documents import DocumentError, write_document
from audiolab.codec import training
from audiolab.codec.training import schedule
from audiolab.codec.training._draws import step_generator
from audiolab.codec.training.average import ModelAverage
from audiolab.codec.training.config import TrainingConfig
from audiolab.codec.training.data import open_source
from audiolab.codec.training.logs import CsvLog
from audiolab.codec.training.sources import WaveformSource

FOLDER = Path(training.__file__).parent / "recipes"
# Those of language models are read elsewhere.
RECIPES = sorted(path for path in FOLDER.glob("*.yaml") if not path.stem.endswith("_lm"))


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_loads_and_comes_back_from_its_own_document(
    path: Path, tmp_path: Path
) -> None:
    loaded = TrainingConfig.load(path)
    write_document(tmp_path / "again.yaml", loaded.to_dict())
    assert TrainingConfig.load(tmp_path / "again.yaml") == loaded
    assert loaded.num_samples % loaded.model.hop_length == 0
    assert max(loaded.codebook_counts) == loaded.model.num_codebooks


def test_the_recipes_are_there() -> None:
    assert {"audiolab_24khz", "audiolab_24khz_gpu", "seanet_24khz_small"} <= {
        path.stem for path in RECIPES
    }


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stepz": 3}, "'stepz'; did you mean 'steps'"),
        ({"steps": 0}, "steps must be at least 1"),
        ({"steps": 2.5}, "steps must be a whole number"),
        ({"steps": True}, "steps must be a whole number"),
        ({"batch_size": "eight"}, "batch_size must be a whole number"),
        ({"segment_s": 0.001}, "segment_s must span the longest window"),
        ({"precision": "float16"}, "precision must be float32 or bfloat16"),
        ({"budget_minutes": -1}, "budget_minutes must be above 0"),
        ({"initialization": "zeros"}, "initialization must be"),
        ({"losses": {"timing": 1}}, "losses has an unknown field 'timing'; did you mean 'time'"),
        ({"losses": {"time": float("nan")}}, "losses.time must be at least 0"),
        ({"losses": {"windows": [64, 255, 512]}}, "losses.windows must be multiples of 4"),
        ({"losses": {"num_mels": [5]}}, "losses.num_mels must name one count for each"),
        ({"losses": {"windows": 64}}, "losses.windows must be a list"),
        ({"losses": {"windows": [64, "x", 512]}}, r"losses.windows\[1\] must be a whole number"),
        ({"losses": {"complex_windows": [100]}}, "losses.complex_windows must be among"),
        ({"optimizer": {"learning_rate": "fast"}}, "optimizer.learning_rate must be a number"),
        ({"optimizer": {"betas": [0.5]}}, "optimizer.betas must be two"),
        ({"optimizer": 3}, "optimizer must be a mapping"),
        ({"quantizer": {"codebooks": [99]}}, "quantizer.codebooks must be at most"),
        ({"quantizer": {"bypass": 2}}, "quantizer.bypass must be from 0 to 1"),
        ({"average": {"decay": 1.0}}, "average.decay must lie"),
        ({"checkpoints": {"keep": 0}}, "checkpoints.keep must be at least 1"),
        ({"adversary": {"start": -1}}, "adversary.start must be from 0 to 1"),
        ({"adversary": {"windows": []}}, "adversary.windows must be"),
        ({"model": {"num_filters": 0}}, "model: num_filters"),
        ({"model": "unheard_of"}, "model.preset must be one of"),
        ({"model": 7}, "model must be a preset's name or a mapping"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DocumentError, match=message):
        config(**changes)


def test_a_document_s_error_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    write_document(path, {"steps": 3})
    with pytest.raises(DocumentError, match=r"mine\.yaml.*lacks the field 'model'"):
        TrainingConfig.load(path)


def test_data_fields_are_checked_where_the_data_are_opened(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="'sharse'; did you mean 'shares'"):
        open_source(tmp_path, {"sharse": {}}, sample_rate=24_000, num_samples=2400)


def test_a_preset_may_be_changed_field_by_field() -> None:
    changed = config(model={"preset": "encodec_24khz"})
    assert changed.model.kernel_size == 7
    assert changed.model.num_filters == SMALL["model"]["num_filters"]


# -------------------------------------------------------------------------------------- schedules
def test_the_learning_rate_rises_then_falls_along_a_cosine() -> None:
    optimizer = config(optimizer={"warmup": 0.1}).optimizer
    rates = [schedule.learning_rate_scale(optimizer, p) for p in (0, 0.05, 0.1, 0.55, 1.0)]
    assert rates[0] == pytest.approx(0.02)
    assert rates[0] < rates[1] < rates[2]
    assert rates[2] == pytest.approx(0.976, abs=0.001)  # (1 + cos(0.1 pi)) / 2
    assert rates[4] == pytest.approx(optimizer.final_learning_rate / optimizer.learning_rate)
    assert schedule.learning_rate_scale(optimizer, 1.5) == rates[4]


def test_spectral_losses_wait_and_the_bypass_ends() -> None:
    settings = config()
    weights = [schedule.spectral_weight(settings.losses, p) for p in (0, 0.05, 0.075, 0.1, 1)]
    assert weights == pytest.approx([0.05, 0.05, 0.525, 1.0, 1.0])
    quantizer = settings.quantizer
    bypass = [schedule.bypass_probability(quantizer, p) for p in (0, 0.125, 0.25, 1)]
    assert bypass == pytest.approx([0.6, 0.3, 0.0, 0.0])


def test_draws_follow_from_seed_step_and_purpose_alone() -> None:
    def draw(*key: Any) -> float:
        return float(torch.rand(1, generator=step_generator(*key)))

    assert draw(1, 2, "a") == draw(1, 2, "a")
    assert len({draw(1, 2, "a"), draw(1, 3, "a"), draw(2, 2, "a"), draw(1, 2, "b")}) == 4


def test_the_average_is_of_weights_and_buffers_and_copies_what_is_whole() -> None:
    module = torch.nn.BatchNorm1d(1)
    average = ModelAverage(decay=0.5)
    for value in (1.0, 2.0, 4.0):
        with torch.no_grad():
            module.weight.fill_(value)
            module.get_buffer("running_mean").fill_(10 * value)
            module.get_buffer("num_batches_tracked").fill_(int(value))
        average.update(module)
    # The past weighs n / (n + 10) at the first updates: 1/11, then 2/12.
    expected = (1 / 11 * 1 + 10 / 11 * 2) * 2 / 12 + 10 / 12 * 4
    assert float(average.state["weight"]) == pytest.approx(expected)
    assert float(average.state["running_mean"]) == pytest.approx(10 * expected)
    assert int(average.state["num_batches_tracked"]) == 4


def test_a_log_that_died_in_the_middle_of_a_row_is_taken_up(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    log = CsvLog(path)
    log.write(1, {"a": 1.0, "b": 2.0})
    log.write(2, {"a": 3.0, "b": 4.0})
    with path.open("a") as file:
        file.write("3,5")
    again = CsvLog(path, 3)
    again.write(4, {"a": 6.0, "c": 7.0})
    assert path.read_text().splitlines() == ["step,a,b,c", "1,1,2,", "2,3,4,", "4,6,,7"]


def test_a_source_in_memory_checks_its_waveforms() -> None:
    with pytest.raises(ValueError, match=r"waveforms\[0\]"):
        WaveformSource([torch.zeros(1, 3)], 4)
    with pytest.raises(ValueError, match="at least one"):
        WaveformSource([], 4)
