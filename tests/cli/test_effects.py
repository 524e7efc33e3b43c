"""``audiolab effects``: the sox command line, its rules about files, pipes, help."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from io import BytesIO, TextIOWrapper
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from audiolab import effects, io, signals
from audiolab.cli import main

RATE = 16_000
LINE = "trim 0.25 0.5 fade t 0.1 reverse"


@pytest.fixture
def speech(tmp_path: Path) -> Path:
    """One second of mono."""
    path = tmp_path / "speech.wav"
    voice, rate = signals.clip("speech")
    io.save(path, voice[:, :rate], rate)
    return path


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """Half a second of stereo."""
    path = tmp_path / "music.flac"
    waveform, rate = signals.clip("music")
    io.save(path, waveform[:, : rate // 2], rate)
    return path


# ------------------------------------------------------------------------------------ files in, out
def test_a_file_through_effects(run, speech: Path, tmp_path: Path):
    target = tmp_path / "out.wav"
    run(
        "effects", speech, target, *["trim", "0.25", "0.5", "fade", "t", "0.1", "reverse"]
    ).succeeded()
    waveform, rate = io.load(speech)
    expected, _ = effects.EffectsChain(LINE)(waveform, rate)
    found, found_rate = io.load(target)
    assert found_rate == rate
    assert found.shape == expected.shape
    assert float((found - expected).abs().max()) <= 0.5 / 2**15


def test_arguments_with_a_minus_belong_to_the_effects(run, speech: Path, tmp_path: Path):
    target = tmp_path / "out.wav"
    run(
        "effects",
        "-f",
        speech,
        target,
        *["lowpass", "-1", "300", "gain", "-n", "-3", "trim", "-0.5"],
    ).succeeded()
    assert io.info(target).duration_s == 0.5


def test_rate_and_channels_are_the_inputs(run, speech: Path, tmp_path: Path):
    target = tmp_path / "out.wav"
    run("effects", speech, target, *["speed", "0.8", "reverb"]).succeeded()
    about = io.info(target)
    assert (about.sample_rate, about.num_channels, about.num_samples) == (24_000, 1, 30_000)
    run("effects", "-f", speech, target, *["reverb", "rate", "16k", "channels", "2"]).succeeded()
    about = io.info(target)
    assert (about.sample_rate, about.num_channels, about.num_samples) == (16_000, 2, 16_000)


@pytest.mark.parametrize("encoding", ["pcm_s16", "pcm_s24", "float32"])
def test_the_sample_type_is_the_inputs(run, tmp_path: Path, encoding: str):
    source, target = tmp_path / "in.wav", tmp_path / "out.wav"
    io.save(source, torch.zeros(1, 100), RATE, encoding=encoding)
    run("effects", source, target, "reverse").succeeded()
    assert io.info(target).encoding == encoding
    run("effects", "-f", "--encoding", "pcm_s16", source, target, "reverse").succeeded()
    assert io.info(target).encoding == "pcm_s16"


def test_clipping_between_effects_is_there_to_ask_for(run, tmp_path: Path):
    source, target = tmp_path / "in.wav", tmp_path / "out.wav"
    io.save(source, torch.tensor([[0.25, -0.05]]), RATE, encoding="float32")
    line = ["remix", "1v10", "remix", "1v0.1"]
    run("effects", source, target, *line).succeeded()
    assert io.load(target)[0][0].tolist() == pytest.approx([0.25, -0.05])
    run("effects", "-f", "--saturate", source, target, *line).succeeded()
    assert io.load(target)[0][0].tolist() == pytest.approx([0.1, -0.05])


def test_clipping_at_the_end_is_told(run, tmp_path: Path):
    source, target = tmp_path / "in.wav", tmp_path / "out.wav"
    io.save(source, torch.tensor([[0.5, -0.05]]), RATE)
    result = run("effects", source, target, "remix", "1v4")
    assert result.status == 0
    assert "audiolab effects: warning:" in result.err
    run("effects", "-f", "--on-clip", "error", source, target, "remix", "1v4").failed(
        1, "beyond [-1, 1]"
    )


def test_stat_prints_on_stderr(run, speech: Path, tmp_path: Path):
    result = run("effects", speech, tmp_path / "out.wav", "stat")
    assert result.status == 0
    assert result.out == ""
    assert re.search(r"^Samples read: +24000$", result.err, re.MULTILINE)


# ------------------------------------------------------------------------------------------ silence
def test_sound_out_of_nothing(run, tmp_path: Path):
    target = tmp_path / "sweep.wav"
    run("effects", "-n", target, *["synth", "3", "sine", "300-3300"]).succeeded()
    about = io.info(target)
    assert (about.num_samples, about.sample_rate, about.num_channels) == (144_000, 48_000, 1)
    run(
        "effects", "-f", "--rate", "8k", "-n", "--channels", "2", target, "trim", "0", "1"
    ).succeeded()
    about = io.info(target)
    assert (about.num_samples, about.sample_rate, about.num_channels) == (8000, 8000, 2)


def test_the_seed_is_the_programs(run, tmp_path: Path):
    one, two, three = (tmp_path / f"{name}.wav" for name in "abc")
    line = ["synth", "0.1", "whitenoise"]
    run("effects", "-n", one, *line).succeeded()
    run("effects", "-n", "--seed", "0", two, *line).succeeded()
    run("effects", "-n", "--seed", "7", three, *line).succeeded()
    assert one.read_bytes() == two.read_bytes() != three.read_bytes()


# ------------------------------------------------------------------------------------- wrong lines
@pytest.mark.parametrize(
    ("words", "status", "needles"),
    [
        ("", 2, ["name IN OUT, then effects"]),
        ("in.wav", 2, ["name IN OUT"]),
        ("in.wav reverse", 2, ["name IN OUT", "write ./reverse"]),
        ("in.wav out.wav", 2, ["name an effect", "--list", "audiolab convert"]),
        ("in.wav out.wav revesre", 2, ["revesre: not an effect"]),
        ("-n in.wav out.wav synth 3", 2, ["out.wav: not an effect", "name OUT"]),
        ("--rate 8k in.wav out.wav reverse", 2, ["--rate describes -n"]),
        ("--jobs 2 in.wav out.wav reverse", 2, ["--jobs goes with --output-dir"]),
        ("--jobs 0 in.wav out.wav reverse", 2, ["'0' is not a number of jobs"]),
        ("in.wav out.xyz reverse", 2, ["out.xyz", "extension"]),
        ("--encoding pcm_s16 in.wav out.mp3 reverse", 2, ["--encoding pcm_s16"]),
        ("in.wav in.wav reverse", 1, ["in.wav is the input"]),
        ("in.wav none/out.wav reverse", 1, ["the folder", "does not exist"]),
        ("none.wav out.wav reverse", 1, ["none.wav"]),
        ("--output-dir none in.wav reverse", 1, ["none: the folder does not exist"]),
        ("--output-dir . reverse", 2, ["name the files to read"]),
        ("-n --output-dir . reverse", 2, ["-n has no input files"]),
        ("--output-dir . - reverse", 2, ["- does not go with --output-dir"]),
        ("--help-effect revesre", 2, ["'revesre'", "did you mean reverse?"]),
    ],
)
def test_wrong_command_lines(run, tmp_path: Path, monkeypatch, words: str, status: int, needles):
    monkeypatch.chdir(tmp_path)
    io.save("in.wav", torch.zeros(1, 100), RATE)
    run("effects", *words.split()).failed(status, *needles)
    assert [each.name for each in tmp_path.iterdir()] == ["in.wav"]


def test_a_wrong_argument_is_marked(run, speech: Path, tmp_path: Path):
    result = run("effects", speech, tmp_path / "out.wav", *["reverse", "trim", "0", "one"])
    assert result.status == 2
    lines = result.err.splitlines()
    assert lines[0].startswith("audiolab effects: trim: position: 'one' is not a time")
    assert lines[1:3] == ["  trim 0 one", "         ^^^"]
    assert lines[3].startswith("usage: trim ")
    assert not (tmp_path / "out.wav").exists()


def test_a_wrong_argument_is_found_before_a_pipe_is_read(tmp_path: Path, monkeypatch, run):
    class Untouched:
        def __getattr__(self, name: str) -> object:
            raise AssertionError(f"stdin.{name} was used")

    monkeypatch.setattr("sys.stdin", Untouched())
    result = run("effects", "-", tmp_path / "out.wav", "trim", "one")
    assert result.status == 2


def test_outputs_are_replaced_only_when_asked(run, speech: Path, tmp_path: Path):
    target = tmp_path / "out.wav"
    target.write_bytes(b"mine")
    run("effects", speech, target, "reverse").failed(1, "exists already (-f replaces it)")
    assert target.read_bytes() == b"mine"
    run("effects", "-f", speech, target, "reverse").succeeded()
    assert io.info(target).num_samples == 24_000


def test_nothing_is_left_of_a_failure(run, music: Path, tmp_path: Path):
    music.write_bytes(music.read_bytes()[:15_000])
    run("effects", music, tmp_path / "out.wav", "reverse").failed(1, "music.flac")
    assert [each.name for each in tmp_path.iterdir()] == ["music.flac"]


# ------------------------------------------------------------------------------------- many inputs
@pytest.mark.parametrize("jobs", [1, 2])
def test_many_inputs(run, speech: Path, music: Path, tmp_path: Path, jobs: int):
    folder = tmp_path / "out"
    folder.mkdir()
    options = ["--output-dir", folder, "--jobs", jobs]
    run("effects", *options, speech, music, "trim", "0", "0.25").succeeded()
    assert sorted(each.name for each in folder.iterdir()) == ["music.flac", "speech.wav"]
    assert {io.info(each).duration_s for each in folder.iterdir()} == {0.25}


def test_one_of_many_fails(run, speech: Path, music: Path, tmp_path: Path):
    folder = tmp_path / "out"
    folder.mkdir()
    music.write_bytes(b"not audio")
    run("effects", "--output-dir", folder, music, speech, "reverse").failed(1, "music.flac")
    assert [each.name for each in folder.iterdir()] == ["speech.wav"]


def test_two_inputs_of_one_name(run, speech: Path, tmp_path: Path):
    folder = tmp_path / "out"
    folder.mkdir()
    shutil.copy(speech, folder / "other.wav")
    (tmp_path / "more").mkdir()
    twin = shutil.copy(speech, tmp_path / "more" / "speech.wav")
    result = run("effects", "--output-dir", folder, speech, twin, "reverse")
    result.failed(1, "would both be written to")
    run("effects", "--output-dir", folder, folder / "other.wav", "reverse").failed(
        1, "is the input"
    )


def test_many_inputs_in_one_format(run, speech: Path, music: Path, tmp_path: Path):
    folder = tmp_path / "out"
    folder.mkdir()
    options = ["--output-dir", folder, "--format", "mp3"]
    run("effects", *options, speech, music, "trim", "0", "0.25").succeeded()
    assert sorted(each.name for each in folder.iterdir()) == ["music.mp3", "speech.mp3"]


# ------------------------------------------------------------------------------------------- pipes
@dataclass
class Piped:
    status: int
    out: bytes
    err: str


@pytest.fixture
def piped(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Run the command in this process, with bytes for stdin and stdout."""

    def call(*words: object, data: bytes = b"") -> Piped:
        out = BytesIO()
        with monkeypatch.context() as patch:
            patch.setattr("sys.stdin", TextIOWrapper(BytesIO(data)))
            patch.setattr("sys.stdout", TextIOWrapper(out))
            status = main(["effects", *map(str, words)])
            sent = out.getvalue()
        return Piped(status, sent, capsys.readouterr().err)

    return call


def test_pipes(piped, speech: Path):
    first = piped(speech, "-", "trim", "0", "0.5")
    assert (first.status, first.err) == (0, "")
    second = piped("-", "-", "reverse", data=first.out)
    assert (second.status, second.err) == (0, "")
    whole, rate = io.load(speech)
    found, found_rate = io.decode(second.out)
    assert found_rate == rate
    assert torch.equal(found, whole[:, : rate // 2].flip(-1))
    third = piped("--format", "flac", "-", "-", "reverse", data=second.out)
    assert third.out[:4] == b"fLaC"


def test_pipes_of_a_shell(speech: Path):
    words = [sys.executable, "-m", "audiolab", "effects", "-", "-", "trim", "0", "0.5"]
    done = subprocess.run(
        words, input=speech.read_bytes(), capture_output=True, timeout=120, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert io.decode(done.stdout)[0].shape == (1, 12_000)


def test_an_empty_pipe(piped):
    done = piped("-", "-", "reverse")
    assert (done.status, done.out) == (1, b"")
    assert done.err.startswith("audiolab effects: stdin is empty")


def test_a_pipe_that_breaks_sends_nothing(piped, music: Path):
    done = piped("-", "-", "reverse", data=music.read_bytes()[:15_000])
    assert (done.status, done.out) == (1, b"")


def test_a_terminal_is_no_pipe(run, monkeypatch, speech: Path):
    class Terminal:
        buffer = SimpleNamespace(isatty=lambda: True)

    monkeypatch.setattr("sys.stdin", Terminal())
    run("effects", "-", speech.with_name("out.wav"), "reverse").failed(2, "stdin is a terminal")


# ---------------------------------------------------------------------------------------- the help
def test_the_list_names_every_effect_and_every_refusal(run):
    text = run("effects", "--list").succeeded().out
    for name in effects.sox.EFFECTS:
        assert re.search(rf"^  {re.escape(name)} +\S", text, re.MULTILINE), name
    for name in effects.sox.REFUSED:
        assert f"  {name} " in text.partition("not available:")[2]
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.parametrize("name", sorted(effects.sox.EFFECTS))
def test_help_of_an_effect(run, name: str):
    text = run("effects", "--help-effect", name).succeeded().out
    effect = effects.sox.EFFECTS[name]
    assert text.startswith(f"usage: {name}")
    assert effect.summary in " ".join(text.split())
    assert text.rstrip().endswith(effect.example)
    for parameter in effect.parameters:
        assert f"  {parameter.name} " in text
        assert parameter.default in " ".join(text.split())
    # The example is one line to copy, however long.
    assert max(map(len, text.splitlines()[:-1])) <= 100


@pytest.mark.parametrize("name", sorted(effects.sox.REFUSED))
def test_help_of_a_refused_name(run, name: str):
    assert run("effects", "--help-effect", name).succeeded().out.startswith(f"{name} is not avail")


# ------------------------------------------------------------------------------------------ signals
def test_an_interrupt_leaves_nothing(tmp_path: Path):
    source, folder = tmp_path / "long.wav", tmp_path / "out"
    folder.mkdir()
    with io.BlockWriter(source, RATE, 1) as writer:
        for _ in range(60):
            writer.write(torch.zeros(1, 60 * RATE))
    shutil.copy(source, tmp_path / "twin.wav")
    command = [
        *[sys.executable, "-m", "audiolab", "effects", "--output-dir", str(folder), "--jobs", "2"],
        *[str(source), str(tmp_path / "twin.wav"), "pad", "1", "pad", "1", "fade", "t", "1"],
    ]
    child = subprocess.Popen(command, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while not list(folder.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.02)
    child.send_signal(signal.SIGINT)
    _, text = child.communicate(timeout=60)
    if child.returncode != 0:  # else it was quicker than the signal
        assert child.returncode == 130, text
        assert text == b"audiolab effects: interrupted\n"
        assert list(folder.iterdir()) == []


def test_the_words_of_the_command_line_are_those_of_the_language():
    assert main(["effects", "--help"]) == 0
    from audiolab._sox_names import SOX_NAMES

    assert set(effects.sox.EFFECTS) <= SOX_NAMES, json.dumps(sorted(effects.sox.EFFECTS))
