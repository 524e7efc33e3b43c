"""Language models of codes: that they learn what there is, and go on where they stopped."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from audiolab._documents import DocumentError
from audiolab.cli import main
from audiolab.codec import EncodecConfig, EncodecModel, compress, decompress, load_language_model
from audiolab.codec.language_model_config import LanguageModelConfig
from audiolab.codec.training.checkpoints import CheckpointError, read_checkpoint
from audiolab.codec.training.language import LanguageTrainer
from audiolab.codec.training.language_config import LanguageTrainingConfig
from audiolab.codec.training.sections import CheckpointConfig

RATE = 8000
CODEC = EncodecConfig(
    name="tiny", sample_rate=RATE, target_bandwidths=(0.6, 1.2), num_filters=4, dimension=8,
    ratios=(5, 4, 2), num_lstm_layers=0, codebook_size=8,
)  # fmt: skip
SIZES = LanguageModelConfig(
    name="tiny", num_codebooks=2, codebook_size=8, dim=16, num_heads=2, num_layers=1,
    hidden_dim=32, past_context=20,
)  # fmt: skip
CONFIG = LanguageTrainingConfig(
    codec="tiny", language_model=SIZES, steps=60, batch_size=4, segment_s=0.4, codebooks=(1, 2),
    counted_batches=4, log_every=10, checkpoints=CheckpointConfig(validation_batches=2),
)  # fmt: skip


def codec() -> EncodecModel:
    model = EncodecModel(CODEC, generator=0)
    random = torch.Generator().manual_seed(1)
    with torch.no_grad():
        latent = model.encoder(source(0, range(4)))
        flat = latent.transpose(1, 2).reshape(-1, CODEC.dimension)
        for book in model.quantizer.codebooks:
            book.embed.copy_(
                flat[torch.randint(len(flat), (CODEC.codebook_size,), generator=random)]
            )
            flat = flat - book.embed[book.nearest(flat)]
    return model


def source(step: int, items: range) -> torch.Tensor:
    """A tone that steps up and down: its codes repeat, and the next frame can be known."""
    time = torch.arange(round(0.4 * RATE)) / RATE
    parts = []
    for item in items:
        shift = torch.rand((), generator=torch.Generator().manual_seed(step * 64 + item))
        high = ((time * 5 + shift) % 1 > 0.5).float()
        parts.append(0.5 * torch.sin(2 * math.pi * (300 + 900 * high) * time))
    return torch.stack(parts)[:, None]


def run(
    folder: Path, *, stop_at: int | None = None, resume: bool = False, **changed: object
) -> LanguageTrainer:
    folder.mkdir(exist_ok=True)
    trainer = LanguageTrainer(replace(CONFIG, **changed), codec(), source, folder, resume=resume)
    trainer.run(stop_at=stop_at)
    return trainer


def test_it_learns_and_its_integers_save_the_bits_that_it_promises(tmp_path: Path):
    start = LanguageTrainer(CONFIG, codec(), source, tmp_path / "start").validate()
    trainer = run(tmp_path / "run")
    found = trainer.validate()
    assert found["validation/bits_2"] < start["validation/bits_2"] - 0.2
    waveform = torch.cat(list(source(2**31 + 5, range(8))), dim=-1)
    model = codec()
    lm = load_language_model(tmp_path / "run" / "exact.safetensors")
    small = compress(waveform, RATE, model=model, bandwidth=1.2, lm=lm)
    plain = compress(waveform, RATE, model=model, bandwidth=1.2)
    assert len(small) < len(plain)
    decoded, _ = decompress(small, model=model, lm=lm)
    expected, _ = decompress(plain, model=model)
    assert torch.equal(decoded, expected)


def test_it_starts_from_counted_frequencies(tmp_path: Path):
    counted = LanguageTrainer(CONFIG, codec(), source, tmp_path / "a").validate()
    plain = replace(CONFIG, counted_batches=0)
    blind = LanguageTrainer(plain, codec(), source, tmp_path / "b").validate()
    codes = codec().quantizer.encode(codec().latent(source(2**31, range(4))), 2)
    shares = torch.bincount(codes[:, 0].flatten(), minlength=8) / codes[:, 0].numel()
    entropy = float(-(shares * shares.clamp(min=1e-9).log2()).sum())
    assert abs(counted["validation/bits_1"] - entropy) < 0.25
    assert blind["validation/bits_1"] > counted["validation/bits_1"]


def test_a_stopped_run_goes_on_to_the_bit(tmp_path: Path):
    run(tmp_path / "whole", stop_at=6)
    run(tmp_path / "parts", stop_at=3)
    run(tmp_path / "parts", stop_at=6, resume=True)
    first, second = (
        read_checkpoint(tmp_path / name / "checkpoints" / "step_00000006.pt")
        for name in ("whole", "parts")
    )
    for name, value in first["model"].items():
        assert torch.equal(value, second["model"][name]), name
    for index, state in first["optimizer"]["state"].items():
        for name, value in state.items():
            assert torch.equal(value, second["optimizer"]["state"][index][name])


def test_a_run_is_not_overwritten_and_not_mixed_with_another(tmp_path: Path):
    run(tmp_path / "run", stop_at=1)
    with pytest.raises(FileExistsError, match="holds a run"):
        run(tmp_path / "run")
    with pytest.raises(CheckpointError, match="another model: hidden_dim"):
        run(tmp_path / "run", resume=True, language_model=replace(SIZES, hidden_dim=48))


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"codebooks": (3,)}, "codebooks must be from 1 to 2"),
        ({"efforts": ()}, "efforts"),
        ({"segment_s": 0.0}, "segment_s must be above 0"),
        ({"precision": "half"}, "precision"),
        ({"steps": 0}, "steps must be at least 1"),
    ],
)
def test_a_wrong_field_is_named(changed: dict[str, object], says: str):
    with pytest.raises(ValueError, match=says):
        replace(CONFIG, **changed)


def test_documents_come_back_and_misspelt_ones_do_not():
    assert LanguageTrainingConfig.from_dict(CONFIG.to_dict()) == CONFIG
    with pytest.raises(DocumentError, match="language_model has an unknown field 'dims'"):
        LanguageTrainingConfig.from_dict({"language_model": {"dims": 3}})


def test_sizes_must_be_the_codecs(tmp_path: Path):
    with pytest.raises(ValueError, match=r"codebook_size must be the codec's 8, got 16"):
        run(tmp_path, language_model=replace(SIZES, codebook_size=16))
    with pytest.raises(ValueError, match=r"num_codebooks must be at most the codec's 2, got 4"):
        run(tmp_path, language_model=replace(SIZES, num_codebooks=4))


def test_the_command_trains(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    from audiolab import io

    codec().save_pretrained(tmp_path / "codec")
    (tmp_path / "data").mkdir()
    for index in range(3):
        tone = torch.cat(list(source(index, range(4))), dim=-1)
        io.save(tmp_path / "data" / f"{index}.wav", tone, RATE)
    settings = tmp_path / "lm.yaml"
    settings.write_text(
        "language_model: {num_codebooks: 2, codebook_size: 8, dim: 8, num_heads: 2, num_layers: 1,"
        " hidden_dim: 8}\nsteps: 4\nlog_every: 2\nsegment_s: 0.4\nbatch_size: 2\ncodebooks: [2]\n"
    )
    line = ["codec", "train-lm", settings, "--data", tmp_path / "data", "--out", tmp_path / "run"]
    assert main([*map(str, line), "--codec", str(tmp_path / "codec")]) == 0
    assert "step 4 end: finished" in capsys.readouterr().out
    assert load_language_model(tmp_path / "run" / "exact.safetensors").config.name == "tiny"


def test_files_that_cannot_be_used_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    from audiolab import io

    codec().save_pretrained(tmp_path / "codec")
    (tmp_path / "data").mkdir()
    tone = torch.cat(list(source(0, range(4))), dim=-1)
    io.save(tmp_path / "data" / "good.wav", tone, RATE)
    (tmp_path / "data" / "bad.wav").write_bytes(b"RIFF, but no more")
    settings = tmp_path / "lm.yaml"
    settings.write_text(
        "language_model: {num_codebooks: 2, codebook_size: 8, dim: 8, num_heads: 2, num_layers: 1,"
        " hidden_dim: 8}\nsteps: 1\nsegment_s: 0.4\nbatch_size: 2\ncodebooks: [2]\n"
    )
    line = ["codec", "train-lm", settings, "--data", tmp_path / "data", "--out", tmp_path / "run"]
    assert main([*map(str, line), "--codec", str(tmp_path / "codec")]) == 0
    told = capsys.readouterr().err.splitlines()
    assert [each for each in told if "skipped" in each and "bad.wav" in each]
