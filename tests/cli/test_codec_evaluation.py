"""``audiolab codec eval``: numbers that are the library's, a page that stands alone, refusals."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from audiolab import codec, io, metrics, signals
from audiolab.cli import main
from audiolab.codec import EncodecConfig, EncodecModel

RATE = 8_000


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model with random codebooks."""
    config = EncodecConfig(
        name="mono", sample_rate=RATE, target_bandwidths=(1.5, 3.0, 6.0), num_filters=4,
        dimension=8, ratios=(5, 4, 2), num_lstm_layers=1, codebook_size=64,
    )  # fmt: skip
    made = EncodecModel.from_config(config, generator=3)
    random = torch.Generator().manual_seed(5)
    for book in made.quantizer.codebooks:
        book.embed.copy_(0.3 * torch.randn(book.embed.shape, generator=random))
    folder = tmp_path_factory.mktemp("model")
    made.save_pretrained(folder)
    return folder


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    speech, rate = signals.clip("speech_female")
    path = tmp_path / "talk.wav"
    io.save(path, speech[:, : 3 * rate], rate)
    return path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]):
    def call(*words: object) -> tuple[int, str, str]:
        status = main([str(each) for each in ("codec", "eval", *words)])
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return call


def test_the_numbers_are_those_of_the_library(run, model: Path, talk: Path) -> None:
    status, out, _ = run(model, talk, "--json", "--speech", "-b", 3, "--effort", 4, "--seconds", 2)
    assert status == 0
    [found] = json.loads(out)
    sound, _ = io.load(talk, sample_rate=RATE, stop_s=2.0)
    loaded = EncodecModel.from_pretrained(model)
    data = codec.compress(sound, RATE, model=loaded, bandwidth=3.0, effort=4)
    decoded = codec.decompress(data, model=loaded)[0][0, : sound.shape[-1]]
    assert found["used_kbps"] == pytest.approx(8e-3 * len(data) / 2.0)
    assert found["si_sdr_db"] == pytest.approx(float(metrics.si_sdr_db(sound[0], decoded)))
    assert found["estoi"] == pytest.approx(
        float(metrics.stoi(sound[0], decoded, RATE, extended=True))
    )
    assert "visqol_audio" not in found


def test_every_bandwidth_and_file_has_a_row(run, model: Path, talk: Path, tmp_path: Path) -> None:
    other = tmp_path / "tone.flac"
    io.save(other, signals.tone(440.0, 1.0, 44_100)[None], 44_100)
    status, out, _ = run(model, talk, other, "--seconds", 1)
    lines = out.splitlines()
    assert status == 0
    assert "SI-SDR (dB)" in lines[0]
    assert "STOI" not in lines[0]  # speech was not said
    assert [line.split()[:2] for line in lines if line.startswith(("talk", "tone"))] == [
        [name, kbps] for name in ("talk.wav", "tone.flac") for kbps in ("1.5", "3", "6")
    ]


def test_the_page_holds_sounds_and_numbers(run, model: Path, talk: Path, tmp_path: Path) -> None:
    page = tmp_path / "heard.html"
    words = (model, talk, talk.rename(tmp_path / "talk2.wav"), "-o", page, "-b", 6, "-b", 1.5)
    (tmp_path / "talk.wav").write_bytes((tmp_path / "talk2.wav").read_bytes())
    assert run(*words)[0] == 0
    text = page.read_text()
    for expected in ("<!doctype html>", "original", "1.5 kb/s", "6 kb/s", "Measured", "blind test",
                     "talk2.wav from 0:03", "More is better of SI-SDR; less of mel, "):  # fmt: skip
        assert expected in text
    assert "3 kb/s" not in text
    before = page.read_bytes()
    status, _, err = run(*words)
    assert status == 1
    assert "exists already" in err
    assert page.read_bytes() == before
    assert run(*words, "-f")[0] == 0


def test_missing_packages_are_left_out_and_said(
    run, model: Path, talk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import importlib.util

    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == "pesq" else found(name, *a)
    )
    status, out, _ = run(model, talk, "--speech", "-b", 3, "--seconds", 2)
    assert status == 0
    assert "PESQ-NB, PESQ-WB: need `pip install 'audiolab[metrics]'`" in out
    assert "PESQ" not in out.splitlines()[0]
    assert "ESTOI" in out.splitlines()[0]


def test_what_a_metric_can_not_judge_is_a_dash(run, model: Path, tmp_path: Path) -> None:
    short = tmp_path / "short.wav"
    io.save(short, signals.tone(440.0, 0.1, RATE)[None], RATE)
    status, out, _ = run(model, short, "--speech", "--json", "-b", 3)
    assert status == 0
    assert json.loads(out)[0]["pesq_wb"] is None


def test_bad_command_lines_are_refused(run, model: Path, talk: Path, tmp_path: Path) -> None:
    silent = tmp_path / "silent.wav"
    io.save(silent, torch.zeros(1, RATE), RATE)
    for words, said in (
        ((model, tmp_path / "no.wav"), "no such file"),
        ((model, talk, "-b", 4), "it has 1.5, 3, 6 kbps"),
        ((model, talk, "-o", tmp_path / "no" / "page.html"), "does not exist"),
        ((model, silent), "is silent"),
        ((tmp_path / "nothing", talk), "nothing"),
    ):
        status, out, err = run(*words)
        assert (status, out) == (1, "")
        assert said in err
    for words in ((model, talk, "--seconds", 0), (model, talk, "--effort", 0)):
        assert run(*words)[0] == 2
