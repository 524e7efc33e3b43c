"""The benchmark's own arithmetic: bits that are counted, averages, wins and goals."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import codec_references as references
import pytest
import torch

from audiolab.codec import EncodecConfig, EncodecModel, compress, decompress
from audiolab.codec.language_model import LanguageModel, LanguageModelConfig
from audiolab.metrics import PANEL

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture(scope="module")
def parts() -> Any:
    """The modules beside the benchmark, which is a script."""
    import importlib

    sys.path.insert(0, str(BENCHMARKS))
    try:
        yield {
            name: importlib.import_module(f"rate_distortion_{name}")
            for name in ("clips", "codecs", "report")
        }
    finally:
        sys.path.remove(str(BENCHMARKS))


def test_payload_is_what_the_codes_take(parts: Any) -> None:
    waveform = references.clip(2.0, "encodec_24khz")[0]
    for kbps in (1.5, 6.0):
        data = compress(waveform, 24_000, model=references.model("encodec_24khz"), bandwidth=kbps)
        assert parts["codecs"]._ecdc_payload(data) == kbps * 1000 * 2 / 8


def test_models_are_counted_with_and_without_a_language_model(parts: Any, tmp_path: Path) -> None:
    config = EncodecConfig(
        name="small", target_bandwidths=(1.5, 3.0), num_filters=4, dimension=8, num_lstm_layers=1,
        ratios=(8, 8, 5), codebook_size=64,
    )  # fmt: skip
    model = EncodecModel.from_config(config, generator=3)
    for book in model.quantizer.codebooks:
        book.embed.copy_(0.3 * torch.randn(64, 8, generator=torch.Generator().manual_seed(5)))
    model.save_pretrained(tmp_path)
    sizes = LanguageModelConfig(
        num_codebooks=config.num_codebooks, codebook_size=64, dim=16, num_heads=2, num_layers=2,
        hidden_dim=32, past_context=20,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        LanguageModel(sizes).save(tmp_path / "language_model.safetensors")
    codecs, clip = parts["codecs"], parts["clips"].OWN_CLIPS[0]
    sound = clip.load(None)[:24_000]
    rows = codecs.neural_codecs(str(tmp_path), "small", (1, 4), lm=True)
    assert [row.missing() for row in rows] == [None] * 8
    assert len({row.key for row in rows}) == 4  # a key has no bandwidth: the name has it
    plain, modelled = (row.code(clip, sound) for row in (rows[0], rows[4]))
    # Three codebooks of 6 bits at 75 Hz are 1.35 kbps, the most within 1.5.
    assert plain.payload_kbps == pytest.approx(3 * 6 * 75 / 1000, rel=1e-2)
    assert modelled.more["lm_saves"] == pytest.approx(
        1 - modelled.payload_kbps / plain.payload_kbps, abs=1e-2
    )
    assert plain.file_kbps > plain.payload_kbps
    assert torch.equal(plain.reference, sound)
    expected = compress(sound, 24_000, model=model, bandwidth=1.5)
    assert torch.equal(plain.estimate, decompress(expected, model=model)[0][0, :24_000])


def test_delays_are_taken_off_and_lengths_restored(parts: Any) -> None:
    clip = parts["clips"].OWN_CLIPS[0].load(None)[:48_000]
    late = torch.nn.functional.pad(clip, (312, 500))
    reference, estimate = parts["codecs"]._aligned(clip, late, parametric=False)
    assert torch.equal(estimate, reference)
    reference, estimate = parts["codecs"]._aligned(clip, late, parametric=True)
    assert torch.equal(estimate, reference)
    early = clip[100:]
    reference, estimate = parts["codecs"]._aligned(clip, early, parametric=False)
    assert torch.equal(estimate[100:], clip[100:])
    assert len(estimate) == len(clip)


def test_own_clips_are_the_same_every_time(parts: Any) -> None:
    for clip in parts["clips"].OWN_CLIPS:
        sound = clip.load(None)
        assert torch.equal(sound, clip.load(None)), clip.name
        assert sound.dim() == 1
        assert 3.9 * 24_000 < len(sound) <= 8 * 24_000
        assert 0.1 < float(sound.abs().max()) <= 0.95 + 1e-6
    names = [clip.name for clip in (*parts["clips"].OWN_CLIPS, *parts["clips"].REAL_CLIPS)]
    assert len(set(names)) == len(names)
    assert {c.kind for c in parts["clips"].REAL_CLIPS} == set(parts["clips"].KINDS)


def test_recordings_that_are_missing_or_others_are_said(parts: Any, tmp_path: Path) -> None:
    (tmp_path / "noise_hens.ogg").write_bytes(b"no hens")
    clips, said = parts["clips"].available(tmp_path)
    assert not any(clip.real for clip in clips)
    assert "noise_hens.ogg is another file: its SHA-256 differs" in said
    assert "music_guitar_44k1.wav is missing" in said


def record(values: dict[str, list[dict[str, float | None]]]) -> dict[str, Any]:
    rows = [
        {
            "codec": codec, "clip": f"{kind} {i}", "kind": kind, "real": True,
            "payload_kbps": 6.0, "file_kbps": 6.5, **row,
        }
        for codec, listed in values.items()
        for kind in ("clean speech", "noisy speech", "music", "environment")
        for i, row in enumerate(listed)
    ]  # fmt: skip
    return {"codecs": [{"name": codec} for codec in values], "rows": rows}


def test_averages_wins_and_goals(parts: Any, capsys: pytest.CaptureFixture[str]) -> None:
    report = parts["report"]
    good = {m.name: 2.0 if m.higher_is_better else 1.0 for m in PANEL}
    bad = {m.name: 1.0 if m.higher_is_better else 2.0 for m in PANEL}
    every = record({
        "audiolab 6, effort 32": [good, {**good, "pesq_wb": None}],
        "audiolab 3, effort 32": [{**bad, "stoi": 0.81}, {**bad, "stoi": 0.82}],
        "Opus 6": [bad, good],
        "Opus 8": [{**bad, "mel_db": 0.5}, {**bad, "mel_db": 0.5}],
    })  # fmt: skip
    results = report.Results(every)
    assert results.mean("Opus 6", ["music"], "mel_db") == 1.5
    assert results.mean("audiolab 6, effort 32", ["music"], "pesq_wb") == 2.0  # of one clip
    assert results.wins("audiolab 6, effort 32", "Opus 6", ["music"], "mel_db") == (1, 2)
    assert results.wins("audiolab 6, effort 32", "Opus 6", ["music"], "pesq_wb") == (1, 1)
    verdicts = dict(report.goals(results))
    by_text = {text.split(":")[0]: verdict for text, verdict in verdicts.items()}
    assert by_text["6 kbps better than Opus 6 on music by mel"] == "yes"
    assert by_text["6 kbps better than Opus 8 on music by mel"] == "no"
    assert by_text["6 kbps level with Opus 6 on clean speech by PESQ-WB"] == "yes"
    assert by_text["3 kbps with STOI of at least 0.82 on clean speech"] == "no"  # 0.815
    report.print_report(every)
    printed = capsys.readouterr().out
    assert "music, real clips: mean of 2" in printed
    assert "own clips" not in printed


def test_without_our_model_no_goal_is_judged(parts: Any) -> None:
    results = parts["report"].Results(record({"Opus 6": [{"mel_db": 1.0}]}))
    assert {verdict for _, verdict in parts["report"].goals(results)} == {"-"}
