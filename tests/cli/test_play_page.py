"""``audiolab play-page``: a page that holds the sounds, and what it refuses."""

from __future__ import annotations

import base64
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from audiolab import io
from audiolab.cli import play_page

RATE = 16_000


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Two files of two seconds, on the grid of 16 bits."""
    generator = np.random.default_rng(0)
    paths = [tmp_path / "before.wav", tmp_path / "after.flac"]
    for path, gain in zip(paths, (8_000, 2_000), strict=True):
        samples = (gain * generator.uniform(-1, 1, 2 * RATE)).astype("int16")
        soundfile.write(path, samples, RATE)
    return paths


class Reader(HTMLParser):
    """Collects the addresses and the text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.heading = ""
        self._in_heading = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_heading = tag == "h1"
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        if self._in_heading:
            self.heading += data
            self._in_heading = False


def read_page(path: Path) -> tuple[Reader, str]:
    text = path.read_text(encoding="utf-8")
    reader = Reader()
    reader.feed(text)
    return reader, text


def sounds(text: str) -> list[torch.Tensor]:
    """Decode every FLAC that stands in the page, each once, in the order of the page."""
    found = dict.fromkeys(re.findall(r"data:audio/flac;base64,([A-Za-z0-9+/=]+)", text))
    return [io.decode(base64.b64decode(each))[0] for each in found]


def test_the_page_holds_the_sounds_themselves(run, files, tmp_path: Path):
    page = tmp_path / "page.html"
    assert run("play-page", *files, "-o", page).succeeded().out == ""
    reader, text = read_page(page)
    assert reader.heading == "before.wav / after.flac"
    held = sounds(text)
    assert len(held) == 2
    for ours, path in zip(held, files, strict=True):
        torch.testing.assert_close(ours, io.load(path)[0], rtol=0, atol=0)


def test_the_page_asks_no_other_computer(run, files, tmp_path: Path):
    page = tmp_path / "page.html"
    run("play-page", *files, "-o", page).succeeded()
    reader, text = read_page(page)
    assert reader.addresses
    assert [each for each in reader.addresses if not each.startswith(("data:", "#"))] == []
    assert str(tmp_path) not in text  # a page that is sent on does not tell folders


def test_title_and_range(run, files, tmp_path: Path):
    page = tmp_path / "page.html"
    options = ["--title", "A <b> & B", "--start", "0.5", "--stop", "0:01.25"]
    run("play-page", *files, "-o", page, *options).succeeded()
    reader, text = read_page(page)
    assert reader.heading == "A <b> & B"
    expected = io.load(files[0], start_s=0.5, stop_s=1.25)[0]
    torch.testing.assert_close(sounds(text)[0], expected, rtol=0, atol=0)


def test_names_tell_the_files_apart():
    assert play_page.titles([Path("a.wav"), Path("b.wav")]) == ["a.wav", "b.wav"]
    assert play_page.titles([Path("x/a.wav"), Path("y/a.wav")]) == ["x/a.wav", "y/a.wav"]
    assert play_page.titles([Path("r/x/a"), Path("s/x/a"), Path("b")]) == ["r/x/a", "s/x/a", "b"]
    assert play_page.titles([Path("a"), Path("a")]) == ["a", "a"]  # the same file twice


def test_long_files_are_refused_before_they_are_decoded(run, tmp_path: Path, monkeypatch):
    path = tmp_path / "long.wav"
    soundfile.write(path, np.zeros(8_000 * 301, dtype="int16"), 8_000)
    page = tmp_path / "page.html"
    monkeypatch.setattr(io, "load", lambda *args, **kwargs: pytest.fail("decoded"))
    run("play-page", path, "-o", page).failed(1, "5:01", "5:00", "--start", "--stop")
    run("play-page", path, path, "-o", page, "--stop", "2:31").failed(1, "5:02")
    assert not page.exists()
    monkeypatch.undo()
    run("play-page", path, "-o", page, "--start", "0:05", "--stop", "0:06").succeeded()


# ---------------------------------------------------------------------------------------- refusals
def test_an_existing_page_wants_f(run, files, tmp_path: Path):
    page = tmp_path / "page.html"
    page.write_text("precious")
    run("play-page", *files, "-o", page).failed(1, "page.html exists already", "-f")
    assert page.read_text() == "precious"
    run("play-page", *files, "-o", page, "-f").succeeded()
    assert "precious" not in page.read_text(encoding="utf-8")


def test_a_page_never_replaces_a_sound(run, files):
    before = files[0].read_bytes()
    run("play-page", *files, "-o", files[0], "-f").failed(1, "is the input")
    assert files[0].read_bytes() == before


def test_wrong_command_lines(run, files, tmp_path: Path):
    page = tmp_path / "page.html"
    run("play-page", *files).failed(2, "-o")
    run("play-page", "-o", page).failed(2, "FILE")
    run("play-page", *files, "-o", page, "--start", "x").failed(2, "'x' is not a time")
    run("play-page", *files, "-o", page, "--start", "2", "--stop", "1").failed(2, "--stop")
    assert not page.exists()


def test_bad_inputs_leave_no_page(run, files, tmp_path: Path):
    page = tmp_path / "page.html"
    text = tmp_path / "text.wav"
    text.write_text("hello\n" * 100)
    run("play-page", files[0], tmp_path / "missing.wav", "-o", page).failed(1, "missing.wav")
    run("play-page", files[0], text, "-o", page).failed(1, "text.wav")
    run("play-page", tmp_path, "-o", page).failed(1, tmp_path.name)
    run("play-page", files[0], "-o", page, "--start", "50").failed(1, "before.wav")
    run("play-page", files[0], "-o", tmp_path / "no" / "page.html").failed(1, "does not exist")
    run("play-page", files[0], "-o", tmp_path).failed(1, "is a folder")
    assert not page.exists()
    assert {each.name for each in tmp_path.iterdir()} == {*(each.name for each in files), text.name}


def test_as_users_run_it(spawn, files, tmp_path: Path):
    page = tmp_path / "page.html"
    spawn("play-page", *files, "-o", page).succeeded()
    assert read_page(page)[0].heading == "before.wav / after.flac"
