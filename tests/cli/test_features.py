"""``audiolab features``: the package's numbers in pieces; pictures; refusals; memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image

from audiolab import features, io
from audiolab.cli import _feature_stretches
from audiolab.cli import features as command

RATE = 16_000


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Two channels of different loudness, 3.37 s, which ends in near silence."""
    generator = np.random.default_rng(0)
    time_s = np.arange(int(3.37 * RATE)) / RATE
    fade = np.exp(-3 * time_s)
    first = 0.5 * fade * np.sin(2 * np.pi * (200 + 300 * time_s) * time_s)
    second = 0.01 * fade * generator.standard_normal(len(time_s)).clip(-4, 4)
    path = tmp_path / "in.wav"
    soundfile.write(path, np.stack([first, second], axis=1), RATE, subtype="FLOAT")
    return path


@pytest.fixture(params=["blocks", "whole"])
def small_blocks(request, monkeypatch) -> None:
    """Several blocks of an odd length, or a single one."""
    if request.param == "blocks":
        monkeypatch.setattr(command, "BLOCK_S", 0.1777)


CASES = {
    "log-mel": ([], features.log_mel_spectrogram, {}),
    "mel": (["--n-mels=40"], features.mel_spectrogram, {"n_mels": 40}),
    "mfcc": ([], features.mfcc, {}),
    "mfcc ": (["--n-coefficients=13"], features.mfcc, {"n_coefficients": 13}),
    "spectrogram": (["--n-fft=512"], features.spectrogram, {"n_fft": 512}),
    "log-spectrogram": (["--hop-length=700"], features.log_spectrogram, {"hop_length": 700}),
}


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("convention", ["librosa", "torchaudio", "kaldi", "whisper"])
@pytest.mark.parametrize("case", list(CASES))
def test_the_same_as_the_package(run, source: Path, tmp_path: Path, case: str, convention: str):
    options, function, settings = CASES[case]
    kind = case.strip()
    if convention == "whisper" and kind == "mfcc":
        return
    if convention == "torchaudio":  # whose 400 points leave bands empty, which is another test
        options, settings = [*options, "--n-fft=1024"], settings | {"n_fft": 1024}
    output = tmp_path / "out.npy"
    arguments = ["--kind", kind, "--convention", convention, *options]
    out = run("features", source, "-o", output, *arguments).succeeded().out
    ours = np.load(output)
    expected = function(io.load(source)[0], RATE, convention=convention, **settings).numpy()
    assert ours.dtype == np.float32
    assert ours.shape == expected.shape
    assert f"2 x {expected.shape[1]} x {expected.shape[2]}" in out
    # float32: FFTs of other batch sizes round otherwise, and the clamp is a floor here.
    scale = np.abs(expected).max()
    np.testing.assert_allclose(ours, expected, rtol=2e-4, atol=2e-6 * scale)


@pytest.mark.parametrize("num_samples", [2049, 2050, 4096, 5000, 9001, 10_000])
@pytest.mark.parametrize("hop", [100, 512, 3000])
def test_every_length_and_hop_gives_the_frames_of_the_whole(
    run, tmp_path: Path, monkeypatch, num_samples: int, hop: int
):
    monkeypatch.setattr(command, "BLOCK_S", 0.01)
    waveform = 0.1 * torch.randn(1, num_samples, generator=torch.Generator().manual_seed(0))
    source = tmp_path / "in.wav"
    io.save(source, waveform, RATE, encoding="float32")
    for convention in ("librosa", "torchaudio"):
        output = tmp_path / f"{convention}.npy"
        arguments = ["--kind=spectrogram", f"--hop-length={hop}", "--n-fft=512"]
        run("features", source, "-o", output, "--convention", convention, *arguments).succeeded()
        expected = features.spectrogram(waveform, convention=convention, n_fft=512, hop_length=hop)
        np.testing.assert_allclose(np.load(output), expected.numpy(), rtol=1e-3, atol=1e-4)


def test_range_rate_and_channels(run, source: Path, tmp_path: Path):
    output = tmp_path / "out.npy"
    options = ["--start=0.5", "--stop=2", "--rate=8k", "--channels=mono"]
    run("features", source, "-o", output, *options).succeeded()
    waveform, rate = io.load(source, start_s=0.5, stop_s=2.0, sample_rate=8000, num_channels=1)
    expected = features.log_mel_spectrogram(waveform, rate)
    np.testing.assert_allclose(np.load(output), expected.numpy(), atol=1e-3)


def test_whisper_resamples(run, tmp_path: Path):
    source, output = tmp_path / "in.wav", tmp_path / "out.npy"
    soundfile.write(source, np.sin(np.arange(44_100) * 0.1) / 2, 44_100)
    run("features", source, "-o", output, "--convention", "whisper").succeeded()
    assert np.load(output).shape == (1, 80, 100)


@pytest.mark.parametrize("kind", command.KINDS)
def test_a_picture(run, source: Path, tmp_path: Path, kind: str):
    output = tmp_path / "out.png"
    assert run("features", source, "-o", output, "--kind", kind).succeeded().out == ""
    with Image.open(output) as picture:
        assert min(picture.size) > 400
        assert len(picture.convert("RGB").getcolors(1 << 24) or []) > 100


def test_a_picture_shows_what_there_is(run, source: Path, tmp_path: Path, monkeypatch):
    drawn = {}

    def plot(values: torch.Tensor, rate: int, **look: object) -> object:
        drawn.update(look, values=values, rate=rate)
        raise KeyboardInterrupt

    monkeypatch.setattr("audiolab.display.plot_feature", plot)
    monkeypatch.setattr(command, "BLOCK_S", 0.3)
    options = ["--kind=mel", "--start=1", "--convention=kaldi"]
    run("features", source, "-o", tmp_path / "out.png", *options).failed(130, "interrupted")
    waveform, _ = io.load(source, start_s=1.0, num_channels=1)
    expected = features.log_mel_spectrogram(waveform, RATE, convention="kaldi")[0]
    torch.testing.assert_close(drawn["values"], expected, rtol=1e-3, atol=1e-3)
    assert drawn["start_s"] == pytest.approx(1.0125)
    assert drawn["unit"] == "ln"


def test_empty_bands_are_told_once(run, source: Path, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(command, "BLOCK_S", 0.2)
    result = run("features", source, "-o", tmp_path / "out.npy", "--convention", "torchaudio")
    assert result.status == 0
    assert result.err.count("\n") == 1
    assert "4 of 128 mel bands" in result.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["-o", "out.txt"], [".npy", ".png"]),
        (["-o", "out.npy", "--kind", "cqt"], ["cqt"]),
        (["-o", "out.npy", "--n-fft", "0"], ["above 0"]),
        (["-o", "out.npy", "--kind=mfcc", "--convention=whisper"], ["whisper"]),
        (["-o", "out.npy", "--kind=spectrogram", "--n-mels=3"], ["--n-mels"]),
        (["-o", "out.npy", "--n-coefficients=3"], ["--n-coefficients"]),
        (["-o", "out.png", "--channels=2"], ["mix"]),
        (["-o", "out.npy", "--start=2", "--stop=1"], ["--stop"]),
        ([], ["-o"]),
    ],
)
def test_a_wrong_command_line(run, source: Path, options: list[str], words: list[str]):
    run("features", source, *options).failed(2, *words)


def test_what_cannot_be_done(run, source: Path, tmp_path: Path, monkeypatch):
    output = tmp_path / "out.npy"
    run("features", tmp_path / "missing.wav", "-o", output).failed(1, "missing.wav")
    run("features", source, "-o", output, "--stop=0.1").failed(1, "longer than the signal")
    run("features", source, "-o", output, "--convention=whisper", "--rate=8k").failed(1, "16000")
    monkeypatch.setattr(command, "LONGEST_PICTURE_S", 2.0)
    run("features", source, "-o", tmp_path / "out.png").failed(1, "--stop", ".npy")
    assert {each.name for each in tmp_path.iterdir()} == {"in.wav"}
    output.write_text("precious")
    run("features", source, "-o", output).failed(1, "-f replaces it")
    assert output.read_text() == "precious"
    run("features", source, "-o", output, "-f").succeeded()
    assert np.load(output).shape[0] == 2


def test_a_header_that_lies_leaves_nothing(run, source: Path, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(command, "BLOCK_S", 0.2)
    count = _feature_stretches.count_frames
    for wrong in (-1, 1):
        monkeypatch.setattr(
            _feature_stretches, "count_frames", lambda *args, wrong=wrong: count(*args) + wrong
        )
        run("features", source, "-o", tmp_path / "out.npy").failed(1, "another number of samples")
        assert {each.name for each in tmp_path.iterdir()} == {"in.wav"}


PEAK = """
import resource, sys
from audiolab.cli import main
def peak():
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
short, source, output = sys.argv[1:]
arguments = ["-o", output, "-f", "--kind", "log-spectrogram"]
assert main(["features", short, *arguments]) == 0
before = peak()
assert main(["features", source, *arguments]) == 0
print(peak() - before)
"""


def test_memory_does_not_grow_with_the_file(tmp_path: Path):
    short, source = tmp_path / "short.wav", tmp_path / "long.wav"
    second = (0.1 * np.random.default_rng(0).standard_normal(16_000)).astype("float32")
    soundfile.write(short, np.tile(second, 40), 16_000)
    with soundfile.SoundFile(source, "w", 16_000, 1) as file:
        for _ in range(900):
            file.write(second)
    done = subprocess.run(
        [sys.executable, "-c", PEAK, str(short), str(source), str(tmp_path / "out.npy")],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    # A quarter of an hour is 58 MB of samples and 115 MB of spectrogram.
    assert float(done.stdout.splitlines()[-1]) < 30
