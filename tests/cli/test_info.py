"""``audiolab info``: table, JSON, and files that cannot be read."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from audiolab.cli.info import _plain


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    path = tmp_path / "tone.wav"
    soundfile.write(path, 0.1 * np.ones((16_000, 2)), 16_000, subtype="PCM_24")
    return path


@pytest.fixture
def flac(tmp_path: Path) -> Path:
    path = tmp_path / "other.flac"
    soundfile.write(path, 0.1 * np.ones(4_410), 44_100)
    return path


def test_table(run, wav: Path, flac: Path):
    lines = run("info", wav, flac).succeeded().out.splitlines()
    assert len(lines) == 3
    assert lines[0].split()[:4] == ["file", "format", "encoding", "rate"]
    for word in (str(wav), "wav", "pcm_s24", "16 000 Hz", " 2 ", "1.000 s", " 24 ", "768 kb/s"):
        assert word in lines[1]
    for word in (str(flac), "flac", "44 100 Hz", " 1 ", "0.100 s", " 16 "):
        assert word in lines[2]


def test_json(run, wav: Path, flac: Path):
    found = json.loads(run("info", "--json", wav, flac).succeeded().out)
    assert [each["file"] for each in found] == [str(wav), str(flac)]
    first = found[0]
    assert first["sample_rate"] == 16_000
    assert first["num_channels"] == 2
    assert first["num_samples"] == 16_000
    assert first["duration_s"] == 1.0
    assert first["bit_depth"] == 24
    assert first["size_bytes"] == wav.stat().st_size
    assert isinstance(first["tags"], dict)


def test_json_has_no_nan():
    infinite = {"a": float("nan"), "b": [float("inf"), 1.5], "c": {"d": Path("x")}, "e": None}
    assert _plain(infinite) == {"a": None, "b": [None, 1.5], "c": {"d": "x"}, "e": None}
    json.dumps(_plain(infinite), allow_nan=False)


def bad_files(folder: Path) -> dict[str, tuple[Path, str]]:
    text = folder / "notes.wav"
    text.write_text("This is not audio.\n" * 20)
    empty = folder / "empty.mp3"
    empty.touch()
    noise = folder / "noise.flac"
    noise.write_bytes(bytes(range(256)) * 40)
    return {
        "missing": (folder / "missing.wav", "missing.wav"),
        "folder": (folder, folder.name),
        "text": (text, "notes.wav"),
        "empty": (empty, "empty.mp3"),
        "noise": (noise, "noise.flac"),
    }


KINDS = ["missing", "folder", "text", "empty", "noise"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_bad_file_is_one_line(run, tmp_path: Path, kind: str):
    path, word = bad_files(tmp_path)[kind]
    run("info", path).failed(1, "audiolab info:", word)


@pytest.mark.parametrize("kind", KINDS)
def test_a_bad_file_does_not_stop_the_others(run, tmp_path: Path, wav: Path, flac: Path, kind: str):
    path, word = bad_files(tmp_path)[kind]
    result = run("info", wav, path, flac)
    assert result.status == 1
    assert len(result.out.splitlines()) == 3
    assert result.err.count("\n") == 1
    assert word in result.err
    assert len(json.loads(run("info", "--json", wav, path, flac).out)) == 2


def test_json_of_nothing_is_an_empty_list(run, tmp_path: Path):
    result = run("info", "--json", tmp_path / "missing.wav")
    assert result.status == 1
    assert json.loads(result.out) == []


def test_an_unreadable_file(run, monkeypatch, wav: Path):
    from audiolab import io

    def refuse(source: Path) -> None:
        raise PermissionError(13, "Permission denied", str(source))

    monkeypatch.setattr(io, "info", refuse)
    run("info", wav).failed(1, f"audiolab info: {wav}: Permission denied")


def test_no_file(run):
    run("info").failed(2, "FILE", "audiolab info --help")


def test_names_in_any_script(run, wav: Path):
    strange = wav.rename(wav.with_name("- ünï 音\n.wav"))
    assert "- ünï 音\\n.wav" in run("info", strange).succeeded().out
    assert json.loads(run("info", "--json", strange).out)[0]["file"] == str(strange)


def test_as_users_run_it(spawn, wav: Path, tmp_path: Path):
    assert "16 000 Hz" in spawn("info", wav).succeeded().out
    spawn("info", tmp_path / "missing.wav").failed(1, "missing.wav")


def test_into_a_closed_pipe(wav: Path):
    child = subprocess.Popen(
        [sys.executable, "-m", "audiolab", "info", str(wav)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    child.stdout.close()
    assert child.stderr.read() == b""
    child.stderr.close()
    assert child.wait(60) in (0, 141)
