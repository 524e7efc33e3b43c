"""``audiolab convert``: the same as load and save, in pieces; refusals; interruptions."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from audiolab import io
from audiolab.cli import convert

RATE = 44_100


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Two channels of noise and a tone, 2.6 s: not a whole number of blocks."""
    generator = np.random.default_rng(0)
    time_s = np.arange(int(2.6 * RATE)) / RATE
    tone = 0.3 * np.sin(2 * np.pi * 440 * time_s)
    waveform = np.stack([tone, 0.1 * generator.standard_normal(len(time_s)).clip(-5, 5)], axis=1)
    path = tmp_path / "in.wav"
    soundfile.write(path, waveform, RATE, subtype="PCM_24")
    return path


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch) -> None:
    """Several blocks even for a short file, of an odd length."""
    monkeypatch.setattr(convert, "BLOCK_S", 0.3333)


def left(folder: Path) -> set[str]:
    return {each.name for each in folder.iterdir()}


# --------------------------------------------------------------------------- equality with the API
CASES: dict[str, tuple[str, list[str], dict[str, object], dict[str, object]]] = {
    "flac": ("out.flac", [], {}, {}),
    "24 bits": ("out.flac", ["--encoding", "pcm_s24"], {}, {"encoding": "pcm_s24"}),
    "float": ("out.wav", ["--encoding", "float32"], {}, {"encoding": "float32"}),
    "mono": ("out.wav", ["--channels", "mono"], {"num_channels": 1}, {}),
    "rate": ("out.wav", ["--rate", "16k"], {"sample_rate": 16_000}, {}),
    "range": ("out.wav", ["--start", "0:00.5", "--stop", "2"], {"start_s": 0.5, "stop_s": 2.0}, {}),
    "mp3": ("out.mp3", ["--bit-rate", "96k"], {}, {"bit_rate": 96_000}),
    "ogg": ("out.ogg", [], {}, {}),
    "opus": ("out.opus", ["--rate", "48k"], {"sample_rate": 48_000}, {}),
    "m4a": ("out.m4a", ["--bit-rate", "128k"], {}, {"bit_rate": 128_000}),
    "format": ("out.bin", ["--format", "flac"], {}, {"format": "flac"}),
    "all": (
        "out.flac",
        ["--rate=22.05k", "--channels=1", "--start=1", "--stop=2.5", "--encoding=pcm_s24"],
        {"sample_rate": 22_050, "num_channels": 1, "start_s": 1.0, "stop_s": 2.5},
        {"encoding": "pcm_s24"},
    ),
}


@pytest.mark.parametrize("case", list(CASES))
def test_the_same_as_load_and_save(run, source: Path, tmp_path: Path, case: str):
    name, options, loading, saving = CASES[case]
    output, expected = tmp_path / name, tmp_path / f"expected-{name}"
    assert run("convert", source, output, *options).succeeded().out == ""
    io.save(expected, *io.load(source, **loading), **saving)
    assert io.info(output).codec == io.info(expected).codec
    ours, our_rate = io.load(output)
    theirs, their_rate = io.load(expected)
    assert our_rate == their_rate
    # Sample for sample: blocks leave no seam, and the encoders get the same samples.
    torch.testing.assert_close(ours, theirs, rtol=0, atol=0)


def test_a_lossless_format_keeps_every_sample(run, source: Path, tmp_path: Path):
    output = tmp_path / "out.flac"
    run("convert", source, output, "--encoding", "pcm_s24").succeeded()
    torch.testing.assert_close(io.load(output)[0], io.load(source)[0], rtol=0, atol=0)


def test_empty_file(run, tmp_path: Path):
    source = tmp_path / "empty.wav"
    soundfile.write(source, np.zeros((0, 1)), 8_000)
    run("convert", source, tmp_path / "out.wav").succeeded()
    assert io.load(tmp_path / "out.wav")[0].shape == (1, 0)
    before = left(tmp_path)
    run("convert", source, tmp_path / "out.flac").failed(1, "flac holds at least 1")
    assert left(tmp_path) == before


def test_a_rate_that_the_format_lacks_is_changed_and_said(run, source: Path, tmp_path: Path):
    output = tmp_path / "out.opus"
    result = run("convert", source, output)
    assert result.status == 0
    assert result.err == (
        "audiolab convert: warning: opus cannot hold 44100 Hz: "
        "written at 48000 Hz (--rate chooses)\n"
    )
    assert io.info(output).sample_rate == 48_000


# -------------------------------------------------------------------------------------- full scale
@pytest.fixture
def loud(tmp_path: Path) -> Path:
    path = tmp_path / "loud.wav"
    samples = np.full(RATE, 0.25)
    samples[20_000:20_003] = (1.5, -2.0, 1.25)
    soundfile.write(path, samples, RATE, subtype="FLOAT")
    return path


def test_clipping_is_one_line(run, loud: Path, tmp_path: Path):
    result = run("convert", loud, tmp_path / "out.wav")
    assert result.status == 0
    assert result.err.startswith("audiolab convert: warning:")
    assert result.err.count("\n") == 1
    assert "3 " in result.err
    assert float(io.load(tmp_path / "out.wav")[0].abs().max()) <= 1.0


def test_clipping_as_an_error_writes_nothing(run, loud: Path, tmp_path: Path):
    before = left(tmp_path)
    run("convert", loud, tmp_path / "out.wav", "--on-clip", "error").failed(
        1, "out.wav", "--on-clip rescale"
    )
    assert left(tmp_path) == before


def test_rescaling_is_that_of_save(run, loud: Path, tmp_path: Path):
    output, expected = tmp_path / "out.wav", tmp_path / "expected.wav"
    assert run("convert", loud, output, "--on-clip", "rescale").status == 0
    io.save(expected, *io.load(loud), on_clip="rescale")
    torch.testing.assert_close(io.load(output)[0], io.load(expected)[0], rtol=0, atol=0)


def test_rescaling_leaves_what_fits_alone(run, source: Path, loud: Path, tmp_path: Path):
    output = tmp_path / "out.wav"
    run("convert", source, output, "--on-clip", "rescale", "--encoding", "pcm_s24").succeeded()
    torch.testing.assert_close(io.load(output)[0], io.load(source)[0], rtol=0, atol=0)
    options = ["--on-clip", "rescale", "--encoding", "float32", "-f"]
    run("convert", loud, output, *options).succeeded()
    torch.testing.assert_close(io.load(output)[0], io.load(loud)[0], rtol=0, atol=0)


# ---------------------------------------------------------------------------------------- refusals
def test_an_existing_output_wants_f(run, source: Path, tmp_path: Path):
    output = tmp_path / "out.wav"
    output.write_text("precious")
    run("convert", source, output).failed(1, "out.wav exists already", "-f")
    assert output.read_text() == "precious"
    run("convert", source, output, "-f").succeeded()
    assert io.info(output).sample_rate == RATE


def test_the_input_is_not_overwritten(run, source: Path):
    before = source.read_bytes()
    run("convert", source, source, "-f").failed(1, "is the input")
    assert source.read_bytes() == before


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--rate", "fast"], "'fast' is not a sample rate"),
        (["--rate", "0"], "'0' is not a sample rate"),
        (["--rate", "-5"], "'-5' is not a sample rate"),
        (["--bit-rate", "64q"], "'64q' is not a bit rate"),
        (["--channels", "0"], "'0' is not a number of channels"),
        (["--start", "x"], "'x' is not a time"),
        (["--start", "nan"], "'nan' is not a time"),
        (["--start", "-1"], "'-1' is not a time"),
        (["--start", "2", "--stop", "1"], "--stop (1 s) must come after --start (2 s)"),
        (["--on-clip", "never"], "invalid choice: 'never'"),
        (["--format", "xyz"], "--format xyz: known are wav"),
        (["--encoding", "pcm_s7"], "--encoding pcm_s7: flac has pcm_s16"),
        (["--no-such-option"], "--no-such-option"),
        (["more.flac"], "more.flac"),
    ],
)
def test_a_wrong_command_line(run, source: Path, tmp_path: Path, options: list[str], word: str):
    run("convert", source, tmp_path / "out.flac", *options).failed(2, word)
    assert left(tmp_path) == {"in.wav"}


def test_an_unknown_extension(run, source: Path, tmp_path: Path):
    run("convert", source, tmp_path / "out.xyz").failed(2, "out.xyz", ".flac", "--format")
    run("convert", source, tmp_path / "out").failed(2, "--format")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--start", "60"], ["in.wav"]),
        (["--channels", "7"], ["channel"]),
        (["--bit-rate", "64k"], ["bit rate|--bit-rate|bit_rate"]),
    ],
)
def test_what_the_file_cannot_give(run, source: Path, tmp_path: Path, options, words):
    result = run("convert", source, tmp_path / "out.flac", *options)
    result.failed(1)
    for word in words:
        assert any(each in result.err for each in word.split("|"))
    assert left(tmp_path) == {"in.wav"}


def test_inputs_that_are_no_audio(run, tmp_path: Path):
    (tmp_path / "text.wav").write_text("hello\n" * 100)
    (tmp_path / "sub").mkdir()
    output = tmp_path / "out.flac"
    run("convert", tmp_path / "missing.wav", output).failed(1, "missing.wav")
    run("convert", tmp_path / "sub", output).failed(1, "sub")
    run("convert", tmp_path / "text.wav", output).failed(1, "text.wav")
    assert left(tmp_path) == {"text.wav", "sub"}


def test_outputs_that_cannot_be_written(run, source: Path, tmp_path: Path):
    run("convert", source, tmp_path).failed(1, "is a folder")
    run("convert", source, tmp_path / "no" / "out.wav").failed(1, "does not exist")


def test_a_damaged_file_leaves_nothing(run, source: Path, tmp_path: Path):
    flac = tmp_path / "cut.flac"
    run("convert", source, flac).succeeded()
    flac.write_bytes(flac.read_bytes()[: flac.stat().st_size // 2])
    before = left(tmp_path)
    run("convert", flac, tmp_path / "out.wav").failed(1, "cut.flac")
    assert left(tmp_path) == before


# ----------------------------------------------------------------------------------- interruptions
SLOW = """
import sys, time
from audiolab.cli import _progress, main
def update(self, done_s):
    print("block", flush=True)
    time.sleep(0.2)
_progress.Progress.update = update
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("name", ["out.flac", "out.mp3", "out.wav"])
def test_an_interrupt_leaves_nothing(tmp_path: Path, name: str, number: int, status: int):
    source = tmp_path / "in.wav"
    soundfile.write(source, np.zeros(8_000 * 1200, dtype="int16"), 8_000)
    child = subprocess.Popen(
        [sys.executable, "-c", SLOW, "convert", str(source), str(tmp_path / name)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdout.readline() == "block\n"
    child.send_signal(number)
    _, err = child.communicate(timeout=60)
    assert child.returncode == status
    assert err.count("\n") == 1
    assert "Traceback" not in err
    assert left(tmp_path) == {"in.wav"}


def test_an_interrupted_overwrite_keeps_the_old_file(
    run: Callable[..., object], source: Path, tmp_path: Path, monkeypatch
):
    output = tmp_path / "out.flac"
    output.write_text("precious")

    def interrupt(self: object, done_s: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("audiolab.cli._progress.Progress.update", interrupt)
    run("convert", source, output, "-f").failed(130, "interrupted")
    assert output.read_text() == "precious"
    assert left(tmp_path) == {"in.wav", "out.flac"}


# ------------------------------------------------------------------------------------------ memory
PEAK = """
import resource, sys
from audiolab import io
from audiolab.cli import main
import torch, soundfile
def peak():
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
short, source, output = sys.argv[1:]
assert main(["convert", short, output, "-f"]) == 0
before = peak()
assert main(["convert", source, output, "-f"]) == 0
print(peak() - before)
"""


@pytest.mark.parametrize("name", ["out.flac", "out.wav"])
def test_memory_does_not_grow_with_the_file(tmp_path: Path, name: str):
    short, source = tmp_path / "short.wav", tmp_path / "long.wav"
    second = (0.1 * np.random.default_rng(0).standard_normal((48_000, 2))).astype("float32")
    soundfile.write(short, np.tile(second, (20, 1)), 48_000, subtype="FLOAT")
    with soundfile.SoundFile(source, "w", 48_000, 2, subtype="FLOAT") as file:
        for _ in range(600):
            file.write(second)
    done = subprocess.run(
        [sys.executable, "-c", PEAK, str(short), str(source), str(tmp_path / name)],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    # Ten minutes of stereo are 230 MB of samples.
    assert float(done.stdout) < 60


def test_a_bar_is_drawn_on_a_terminal_and_wiped(tmp_path: Path, source: Path):
    import pty

    leader, follower = pty.openpty()
    code = (
        "import sys, time\nfrom audiolab.cli import _progress, convert, main\n"
        "_progress.PATIENCE_S = 0.0\nconvert.BLOCK_S = 0.05\nsys.exit(main(sys.argv[1:]))"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code, "convert", str(source), str(tmp_path / "out.wav")],
        stdout=subprocess.PIPE,
        stderr=follower,
    )
    os.close(follower)
    drawn = b""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            piece = os.read(leader, 4096)
        except OSError:  # Linux says so when the other end is closed
            break
        if not piece:
            break
        drawn += piece
    os.close(leader)
    out, _ = child.communicate(timeout=60)
    assert child.returncode == 0
    assert out == b""
    assert b"real time" in drawn
    assert b"of 0:02" in drawn
    assert drawn.endswith(b"\r\x1b[K")
