"""What people type for times, rates and counts, and where output may go."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiolab.cli import _arguments
from audiolab.cli._errors import CommandError, UsageError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("90", 90.0),
        ("90.5", 90.5),
        (".25", 0.25),
        ("1:30", 90.0),
        ("1:30.5", 90.5),
        ("01:02:03.250", 3723.25),
        ("100:00:00", 360_000.0),
        ("0:05", 5.0),
    ],
)
def test_time(text: str, seconds: float):
    assert _arguments.time_s(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", "x", "-1", "1:2:3:4", "1:60", "1:75:00", "nan", "inf", "1e3", "1:", ":30", "1.5:00", "١"],
)
def test_not_a_time(text: str):
    with pytest.raises(argparse.ArgumentTypeError, match="is not a time"):
        _arguments.time_s(text)


@given(st.integers(0, 99), st.integers(0, 59), st.integers(0, 59_999))
def test_a_time_means_the_same_in_both_spellings(hours: int, minutes: int, milliseconds: int):
    seconds = f"{milliseconds // 1000}.{milliseconds % 1000:03d}"
    whole = (hours * 60 + minutes) * 60 + milliseconds // 1000
    plain = f"{whole}.{milliseconds % 1000:03d}"
    # Both are the nearest binary number to the same decimal, give or take one rounding.
    assert _arguments.time_s(f"{hours}:{minutes:02d}:{seconds}") == pytest.approx(
        _arguments.time_s(plain), rel=1e-15
    )


@given(st.text(max_size=12))
def test_any_text_is_a_time_or_refused(text: str):
    try:
        seconds = _arguments.time_s(text)
    except argparse.ArgumentTypeError:
        return
    assert 0 <= seconds < float("inf")
    assert text.strip()[0] in "0123456789."


@pytest.mark.parametrize(
    ("text", "number"),
    [("16000", 16_000), ("16k", 16_000), ("44.1k", 44_100), ("11.025K", 11_025), ("1", 1)],
)
def test_rates(text: str, number: int):
    assert _arguments.sample_rate(text) == number
    assert _arguments.bit_rate(text) == number


@pytest.mark.parametrize("text", ["", "0", "0k", "-1", "16 k", "nan", "44.1", "1e4", "kk", "16kHz"])
def test_not_a_rate(text: str):
    with pytest.raises(argparse.ArgumentTypeError, match="not a sample rate"):
        _arguments.sample_rate(text)
    with pytest.raises(argparse.ArgumentTypeError, match="not a bit rate"):
        _arguments.bit_rate(text)


@pytest.mark.parametrize(("text", "count"), [("1", 1), ("mono", 1), ("Stereo", 2), ("6", 6)])
def test_channels(text: str, count: int):
    assert _arguments.channel_count(text) == count


@pytest.mark.parametrize("text", ["0", "-2", "1.5", "quad", ""])
def test_not_channels(text: str):
    with pytest.raises(argparse.ArgumentTypeError, match="number of channels"):
        _arguments.channel_count(text)


def test_range_order():
    _arguments.check_range_order(1.0, None)
    _arguments.check_range_order(1.0, 1.5)
    with pytest.raises(UsageError, match="after --start"):
        _arguments.check_range_order(2.0, 2.0)


# ------------------------------------------------------------------------------------------ output
def refused(output: Path, *sources: Path, force: bool = False) -> str:
    with pytest.raises(CommandError) as caught:
        _arguments.check_output(output, list(sources), force=force)
    return str(caught.value)


def test_a_new_file_is_fine(tmp_path: Path, monkeypatch):
    _arguments.check_output(tmp_path / "new.wav", [tmp_path / "old.wav"], force=False)
    monkeypatch.chdir(tmp_path)
    _arguments.check_output(Path("new.wav"), [Path("old.wav")], force=False)


def test_an_existing_file_wants_force(tmp_path: Path):
    there = tmp_path / "there.wav"
    there.touch()
    assert "exists already (-f replaces it)" in refused(there)
    _arguments.check_output(there, [], force=True)


def test_the_input_is_refused_by_any_of_its_names(tmp_path: Path):
    source = tmp_path / "a.wav"
    source.touch()
    (tmp_path / "sub").mkdir()
    soft, hard = tmp_path / "soft.wav", tmp_path / "hard.wav"
    soft.symlink_to(source)
    os.link(source, hard)
    for name in (source, tmp_path / "sub" / ".." / "a.wav", soft, hard):
        assert "is the input" in refused(name, source, force=True)


def test_folders(tmp_path: Path):
    assert "is a folder" in refused(tmp_path)
    assert "does not exist" in refused(tmp_path / "no" / "a.wav")


def test_a_dangling_link_is_something(tmp_path: Path):
    link = tmp_path / "link.wav"
    link.symlink_to(tmp_path / "gone")
    assert "exists already" in refused(link)
