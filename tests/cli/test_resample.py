"""``audiolab resample``: the same as resampling everything at once, in pieces; pages; refusals."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

import audiolab.resample
from audiolab import io
from audiolab.cli import resample

RATE = 44_100


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Two channels of a tone and of noise, 1.3 s: not a whole number of blocks."""
    generator = np.random.default_rng(0)
    time_s = np.arange(int(1.3 * RATE)) / RATE
    tone = 0.3 * np.sin(2 * np.pi * 440 * time_s)
    waveform = np.stack([tone, 0.1 * generator.standard_normal(len(time_s)).clip(-5, 5)], axis=1)
    path = tmp_path / "in.wav"
    soundfile.write(path, waveform, RATE, subtype="PCM_24")
    return path


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch) -> None:
    """Several blocks even for a short file, of an odd length."""
    monkeypatch.setattr(resample, "BLOCK_S", 0.2111)


def left(folder: Path) -> set[str]:
    return {each.name for each in folder.iterdir()}


# --------------------------------------------------------------------------- equality with the API
@pytest.mark.parametrize(
    ("rate", "method"),
    [
        (16_000, None),
        (48_000, "audiolab"),
        (16_001, "audiolab_minimum_phase"),
        (96_000, "audiolab_brickwall"),
        (16_000, "soxr_hq"),
        (22_050, "torchaudio_kaiser_best"),
        (44_100, None),
    ],
)
def test_the_same_as_resampling_at_once(run, source: Path, tmp_path: Path, rate: int, method):
    output = tmp_path / "out.wav"
    options = ["--rate", rate, "--encoding", "float32"]
    options += [] if method is None else ["--method", method]
    assert run("resample", source, output, *options).succeeded().out == ""
    waveform, orig_rate = io.load(source)
    expected = audiolab.resample.resample(waveform, orig_rate, rate, method=method or "audiolab")
    ours, our_rate = io.load(output)
    assert our_rate == rate
    # What StreamResampler promises: float32 rounding of blocks of another size.
    torch.testing.assert_close(ours, expected, rtol=0, atol=1e-6)


def test_a_range_and_o(run, source: Path, tmp_path: Path):
    output = tmp_path / "out.flac"
    run("resample", source, "-o", output, "--rate=8k", "--start=0.5", "--stop=1").succeeded()
    about = io.info(output)
    assert (about.sample_rate, about.num_channels, about.num_samples) == (8_000, 2, 4_000)


def test_an_empty_file(run, tmp_path: Path):
    source = tmp_path / "empty.wav"
    soundfile.write(source, np.zeros((0, 1)), 8_000)
    for method in ("audiolab", "linear"):
        output = tmp_path / f"{method}.wav"
        run("resample", source, output, "--rate", "16k", "--method", method).succeeded()
        assert io.load(output)[0].shape == (1, 0)
    page = tmp_path / "page.html"
    run("resample", "--compare", source, "--rate", "16k", "-o", page).failed(1, "no samples")


@pytest.fixture
def square(tmp_path: Path) -> Path:
    """A square wave at full scale: band-limited, it overshoots."""
    path = tmp_path / "square.wav"
    soundfile.write(path, np.tile(np.repeat([0.99, -0.99], 50), 200), RATE, subtype="FLOAT")
    return path


def test_overshoot_is_said_refused_or_scaled(run, square: Path, tmp_path: Path):
    output = tmp_path / "out.wav"
    result = run("resample", square, output, "--rate", "16k")
    assert result.status == 0
    assert "warning" in result.err
    before = left(tmp_path)
    refused = run("resample", square, tmp_path / "no.wav", "--rate", "16k", "--on-clip", "error")
    refused.failed(1, "no.wav", "--on-clip rescale")
    assert left(tmp_path) == before
    run("resample", square, output, "--rate", "16k", "--on-clip", "rescale", "-f").succeeded()
    waveform, rate = io.load(square)
    whole = audiolab.resample.resample(waveform, rate, 16_000)
    assert float(whole.abs().max()) > 1.05
    # Half a step of 16 bits
    expected = whole / whole.abs().max()
    torch.testing.assert_close(io.load(output)[0], expected, rtol=0, atol=1.01 / 2**15)


# --------------------------------------------------------------------------------------- comparison
def test_a_page_of_methods(run, source: Path, tmp_path: Path):
    page = tmp_path / "page.html"
    methods = ["--method", "audiolab", "--method", "linear", "--method", "linear"]
    run("resample", "--compare", source, "--rate", "16k", "-o", page, *methods).succeeded()
    text = page.read_text(encoding="utf-8")
    assert text.count("<audio ") == 3
    assert "in.wav: 44 100 Hz to 16 000 Hz" in text
    for name in ("original, 44 100 Hz", "audiolab", "linear"):
        assert f'<span class="al-name">{name}</span>' in text
    assert '<th scope="col">alias (dB)</th>' in text
    assert '<tr><th scope="row">audiolab</th><td><strong>0.000</strong></td>' in text
    assert not re.search(r"(?:src|href)=.https?:", text)


def test_every_compared_method_exists():
    assert set(resample.COMPARED) <= set(audiolab.resample.METHODS)


def test_what_a_page_cannot_hold(run, tmp_path: Path, source: Path):
    page = tmp_path / "page.html"
    long = tmp_path / "long.wav"
    soundfile.write(long, np.zeros(8_000 * 101, dtype="int16"), 8_000)
    options = ["--rate", "16k", "-o", page, "--method", "audiolab", "--method", "linear"]
    run("resample", "--compare", long, *options).failed(1, "3 versions", "1:40", "--stop")
    same = ["--rate", RATE, "-o", page]
    run("resample", "--compare", source, *same).failed(1, "44 100 Hz already")
    assert not page.exists()


# ---------------------------------------------------------------------------------------- refusals
@pytest.mark.parametrize(
    ("options", "word"),
    [
        ([], "--rate"),
        (["--rate", "0"], "'0' is not a sample rate"),
        (["--rate", "16k", "--method", "soxr_hp"], "did you mean soxr_hq?"),
        (["--rate", "16k", "--method", "zzz"], "known are audiolab"),
        (["--rate", "16k", "--method", "linear", "--method", "soxr_hq"], "--compare"),
        (["--rate", "16k", "-o", "other.wav"], "one output"),
        (["--rate", "16k", "--compare", "--encoding", "float32"], "--encoding does not go"),
        (["--rate", "16k", "--format", "xyz"], "--format xyz: known are wav"),
        (["--rate", "16k", "--start", "2", "--stop", "1"], "must come after"),
    ],
)
def test_a_wrong_command_line(run, source: Path, tmp_path: Path, options: list[str], word: str):
    run("resample", source, tmp_path / "out.flac", *options).failed(2, word)
    assert left(tmp_path) == {"in.wav"}


def test_no_output(run, source: Path):
    run("resample", source, "--rate", "16k").failed(2, "one output")


def test_outputs_that_are_there_or_cannot_be(run, source: Path, tmp_path: Path):
    output = tmp_path / "out.wav"
    output.write_text("precious")
    run("resample", source, output, "--rate", "16k").failed(1, "exists already", "-f")
    assert output.read_text() == "precious"
    run("resample", source, source, "--rate", "16k", "-f").failed(1, "is the input")
    run("resample", source, tmp_path / "out.opus", "--rate", "16001").failed(1, "16001")
    run("resample", tmp_path / "missing.wav", tmp_path / "a.wav", "--rate=8k").failed(1, "missing")
    assert left(tmp_path) == {"in.wav", "out.wav"}


def test_a_method_without_a_stream_is_kept_to_what_fits(run, tmp_path: Path, monkeypatch, source):
    monkeypatch.setattr(resample, "WHOLE_LIMIT_S", 1.0)
    output = tmp_path / "out.wav"
    refused = run("resample", source, output, "--rate", "16k", "--method", "soxr_hq")
    refused.failed(1, "soxr_hq", "0:01", "--stop", "audiolab")
    run("resample", source, output, "--rate=16k", "--method=soxr_hq", "--stop=0.9").succeeded()


# ------------------------------------------------------------------------------------------ memory
PEAK = """
import resource, sys
from audiolab.cli import main
def peak():
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
short, source, output = sys.argv[1:]
assert main(["resample", short, output, "--rate", "16k", "-f"]) == 0
before = peak()
assert main(["resample", source, output, "--rate", "16k", "-f"]) == 0
print(peak() - before)
"""


def test_memory_does_not_grow_with_the_file(tmp_path: Path):
    short, source = tmp_path / "short.wav", tmp_path / "long.wav"
    second = (0.1 * np.random.default_rng(0).standard_normal((RATE, 2))).astype("float32")
    soundfile.write(short, np.tile(second, (20, 1)), RATE, subtype="FLOAT")
    with soundfile.SoundFile(source, "w", RATE, 2, subtype="FLOAT") as file:
        for _ in range(600):
            file.write(second)
    done = subprocess.run(
        [sys.executable, "-c", PEAK, str(short), str(source), str(tmp_path / "out.wav")],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    # Ten minutes of stereo are 210 MB of samples.
    assert float(done.stdout) < 60


def test_progress_is_told_in_seconds_of_the_input(run, source: Path, tmp_path: Path, monkeypatch):
    told: list[float] = []
    monkeypatch.setattr(
        "audiolab.cli._progress.Progress.update", lambda self, done_s: told.append(done_s)
    )
    run("resample", source, tmp_path / "out.wav", "--rate", "8k").succeeded()
    assert told == sorted(told)
    assert len(told) == 7
    assert told[-1] == pytest.approx(1.3)
