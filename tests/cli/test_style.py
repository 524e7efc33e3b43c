"""Numbers, names and tables on a terminal; the progress line."""

from __future__ import annotations

import io

import pytest

from audiolab.cli import _style
from audiolab.cli._progress import Progress


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0.000 s"), (2.5, "2.500 s"), (59.9996, "1:00.000"), (3723.25, "1:02:03.250")],
)
def test_duration(seconds: float, text: str):
    assert _style.duration(seconds) == text


def test_what_is_unknown_is_a_dash():
    assert _style.duration(None) == _style.duration(float("nan")) == "-"
    assert _style.hertz(None) == _style.kilobits(None) == _style.size(None) == "-"


def test_units():
    assert _style.hertz(44_100) == "44 100 Hz"
    assert _style.kilobits(191_800) == "192 kb/s"
    assert [_style.size(each) for each in (0, 999, 999_600, 2_500_000, 3.2e9, 5e12)] == [
        "0 B",
        "999 B",
        "1 MB",
        "2.5 MB",
        "3.2 GB",
        "5 TB",
    ]


def test_table_aligns_whatever_the_script():
    text = _style.table(
        ("name", "n"), [("a.wav", "1"), ("音.wav", "10"), ("e\u0301", "2")], right=("n",)
    )
    assert text.splitlines() == ["name     n", "a.wav    1", "音.wav  10", "e\u0301        2"]


def test_control_characters_are_spelled_out():
    assert _style.visible("a\nb\x1b\udc80é") == "a\\nb\\x1b\\udc80é"
    assert _style.one_line("a\n  b") == "a b"
    assert "\x1b" not in _style.table(("f",), [("\x1b[2J",)])


# ---------------------------------------------------------------------------------------- progress
class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_nothing_is_drawn_without_a_terminal():
    stream, clock = io.StringIO(), Clock()
    with Progress(100.0, stream=stream, now=clock) as progress:
        clock.now = 50.0
        progress.update(50.0)
    assert stream.getvalue() == ""


def test_short_work_draws_nothing():
    stream, clock = Terminal(), Clock()
    with Progress(100.0, stream=stream, now=clock) as progress:
        clock.now = 0.9
        progress.update(99.0)
    assert stream.getvalue() == ""


def test_long_work_draws_and_wipes(monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    stream, clock = Terminal(), Clock()
    with Progress(100.0, stream=stream, now=clock) as progress:
        clock.now = 2.0
        progress.update(50.0)
        clock.now = 2.05
        progress.update(60.0)  # too soon to draw again
    text = stream.getvalue()
    assert "#" * 20 + "-" * 20 in text
    assert "50%" in text
    assert "0:50 of 1:40" in text
    assert "25x real time" in text
    assert "0:02 left" in text
    assert "60%" not in text
    assert text.endswith("\r\x1b[K")


@pytest.mark.parametrize("columns", [20, 40, 80, 200])
@pytest.mark.parametrize("total", [None, 0.0, 36_000.0])
def test_the_line_fits(columns: int, total: float | None):
    progress = Progress(total, stream=io.StringIO())
    for done in (0.0, 1.0, 18_000.0, 36_000.0):
        line = progress.line(done, 3.0, columns)
        assert len(line) < columns
        assert "\n" not in line


def test_unknown_length_has_no_share():
    line = Progress(None, stream=io.StringIO()).line(61.0, 2.0, 80)
    assert line == "1:01 of audio, 30x real time"
