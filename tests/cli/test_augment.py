"""``audiolab augment``: files through a recipe; resumed, replayed, killed, in several processes."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from audiolab import augment, io, signals

RECIPE = """\
recipe: 1
transforms:
  - transform: add_background_noise
    source: noises
    snr_db: {uniform: [5, 20]}
    p: 0.8
  - transform: one_of
    transforms:
      - transform: low_pass
        cutoff_hz: {log_uniform: [1000, 6000]}
      - transform: speed
  - transform: gain
    gain_db: {uniform: [-12, 0]}
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return a folder with a recipe, noises, and voices of two rates and formats."""
    voice, rate = signals.clip("speech")
    (tmp_path / "noises").mkdir()
    noise = signals.pink_noise(1.0, 16_000, generator=1).float()
    io.save(tmp_path / "noises/pink.wav", 0.1 * noise[None], 16_000)
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    voices = tmp_path / "voices"
    (voices / "deep").mkdir(parents=True)
    io.save(voices / "anna.wav", voice[:, : rate // 2], rate)
    io.save(voices / "deep/bert.flac", voice[:, rate : rate + rate // 3], rate)
    return tmp_path


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "manifest.jsonl"
    }


def entries(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


# ------------------------------------------------------------------------------------------ results
def test_copies_are_those_of_the_library(run, place: Path):
    out = place / "out"
    done = run(
        "augment", place / "recipe.yaml", place / "voices", "--out", out, "--copies", 2, "--seed", 3
    ).succeeded()
    assert done.out == "4 written, 0 there already, 0 failed\n"
    assert list(contents(out)) == [
        "anna-1.wav",
        "anna-2.wav",
        "deep/bert-1.flac",
        "deep/bert-2.flac",
    ]
    recipe = augment.load_recipe(place / "recipe.yaml")
    waveform, rate = io.load(place / "voices/deep/bert.flac")
    seed = augment.item_seed(3, "deep/bert.flac", epoch=2)
    expected = recipe(waveform, rate, seeds=seed).waveform
    found, _ = io.load(out / "deep/bert-2.flac")
    expected = expected / max(1.0, float(expected.abs().max()))
    assert found.shape == expected.shape
    assert float((found - expected).abs().max()) <= 1.01 / 2**15


def test_a_file_is_the_same_among_others_and_in_processes(run, place: Path):
    recipe = place / "recipe.yaml"
    run("augment", recipe, place / "voices", "--out", place / "a", "--copies", 2).succeeded()
    run(
        "augment", recipe, place / "voices", "--out", place / "b", "--copies", 2, "--jobs", 2
    ).succeeded()
    run("augment", recipe, place / "voices/anna.wav", "--out", place / "c").succeeded()
    assert contents(place / "a") == contents(place / "b")
    assert contents(place / "c")["anna-1.wav"] == contents(place / "a")["anna-1.wav"]


def test_format_rate_and_channels(run, place: Path):
    run(
        *("augment", place / "recipe.yaml", place / "voices", "--out", place / "out"),
        *("--format", "flac", "--rate", "8k", "--channels", "stereo"),
    ).succeeded()
    info = io.info(place / "out/anna-1.flac")
    assert (info.format, info.sample_rate, info.num_channels) == ("flac", 8000, 2)


def test_print_params_writes_nothing(run, place: Path):
    before = set(place.rglob("*"))
    done = run("augment", place / "recipe.yaml", place / "voices", "--print-params", "--copies", 2)
    lines = [json.loads(line) for line in done.succeeded().out.splitlines()]
    assert [(each["item"], each["copy"]) for each in lines] == [
        ("anna.wav", 1),
        ("anna.wav", 2),
        ("deep/bert.flac", 1),
        ("deep/bert.flac", 2),
    ]
    recipe = augment.load_recipe(place / "recipe.yaml")
    seed = augment.item_seed(0, "anna.wav", epoch=2)
    assert lines[1]["params"] == recipe.draw_items(seed)[0]
    assert set(place.rglob("*")) == before


# ----------------------------------------------------------------------------------- resume, replay
def test_what_is_done_is_not_done_again(run, place: Path):
    line = ("augment", place / "recipe.yaml", place / "voices", "--out", place / "out")
    run(*line).succeeded()
    first = contents(place / "out")
    stamps = {path: path.stat().st_mtime_ns for path in (place / "out").rglob("*.*")}
    assert run(*line).succeeded().out == "0 written, 2 there already, 0 failed\n"
    assert {path: path.stat().st_mtime_ns for path in stamps} == stamps
    assert run(*line, "--copies", 2).succeeded().out == "2 written, 2 there already, 0 failed\n"
    (place / "out/anna-1.wav").unlink()
    assert run(*line).succeeded().out == "1 written, 1 there already, 0 failed\n"
    assert contents(place / "out").items() >= first.items()


def test_a_damaged_output_is_told_and_forced(run, place: Path):
    line = ("augment", place / "recipe.yaml", place / "voices", "--out", place / "out")
    run(*line).succeeded()
    first = contents(place / "out")
    (place / "out/anna-1.wav").write_bytes(b"somebody else's")
    done = run(*line)
    assert done.status == 1
    assert "anna-1.wav exists already, with another content (-f replaces it)" in done.err
    assert done.out == "0 written, 1 there already, 1 failed\n"
    run(*line, "-f").succeeded()
    assert contents(place / "out") == first


def test_replay_rebuilds_bit_for_bit(run, place: Path):
    out, again = place / "out", place / "again"
    run("augment", place / "recipe.yaml", place / "voices", "--out", out, "--copies", 3).succeeded()
    manifest = out / "manifest.jsonl"
    run("augment", "--replay", manifest, "--out", again, "--jobs", 2).succeeded()
    assert contents(again) == contents(out)
    run("augment", "--replay", manifest, "--out", place / "one", "deep/bert-2.flac").succeeded()
    assert contents(place / "one") == {
        "deep/bert-2.flac": contents(out)["deep/bert-2.flac"],
    }


def test_replay_uses_params_not_seeds(run, place: Path):
    """A line may be edited: what it says is what is applied, and told apart from what it was."""
    out = place / "out"
    run("augment", place / "recipe.yaml", place / "voices/anna.wav", "--out", out).succeeded()
    header, entry = entries(out / "manifest.jsonl")
    entry["params"]["steps"][2]["gain_db"] -= 6.0
    edited = place / "edited.jsonl"
    edited.write_text(json.dumps(header) + "\n" + json.dumps(entry) + "\n")
    done = run("augment", "--replay", edited, "--out", place / "again")
    assert done.status == 1
    assert "anna-1.wav comes out differently than it did" in done.err


def test_replay_wants_the_same_source(run, place: Path):
    out = place / "out"
    run("augment", place / "recipe.yaml", place / "voices", "--out", out).succeeded()
    io.save(place / "voices/anna.wav", torch.zeros(1, 8000), 24_000, overwrite=True)
    done = run("augment", "--replay", out / "manifest.jsonl", "--out", place / "again")
    assert done.status == 1
    assert "anna.wav is not the file that the manifest was made from" in done.err
    assert done.out == "1 written, 0 there already, 1 failed\n"


def test_checksums_and_params_are_in_the_manifest(run, place: Path):
    run(
        *("augment", place / "recipe.yaml", place / "voices", "--out", place / "out"),
        *("--manifest", place / "log.jsonl", "--seed", 9),
    ).succeeded()
    header, *lines = entries(place / "log.jsonl")
    assert header["seed"] == 9
    assert header["recipe"]["transforms"][0]["source"] == "noises"
    for line in lines:
        made = (place / "out" / line["output"]).read_bytes()
        assert hashlib.sha256(made).hexdigest() == line["output_sha256"]
        source = Path(line["source"]).read_bytes()
        assert hashlib.sha256(source).hexdigest() == line["source_sha256"]
        assert line["params"]["transform"] == "compose"


def test_another_run_does_not_mix_in(run, place: Path):
    line = ("augment", place / "recipe.yaml", place / "voices", "--out", place / "out")
    run(*line).succeeded()
    run(*line, "--seed", 1).failed(1, "is the manifest of another run (seed differs)")


@pytest.mark.parametrize(
    ("number", "jobs"),
    [(signal.SIGKILL, 1), (signal.SIGKILL, 2), (signal.SIGINT, 2), (signal.SIGTERM, 1)],
)
def test_killed_and_begun_again(run, place: Path, number: signal.Signals, jobs: int):
    """Whatever ends it: every file that is there is whole, and the next run completes the set."""
    line = [
        *("augment", place / "recipe.yaml", place / "voices", "--out", place / "out"),
        *("--copies", 60, "--jobs", jobs),
    ]
    child = subprocess.Popen(
        [sys.executable, "-m", "audiolab", *map(str, line)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    manifest = place / "out/manifest.jsonl"
    deadline = time.monotonic() + 120
    while not manifest.exists() or manifest.read_bytes().count(b"\n") < 6:
        assert child.poll() is None, child.stderr
        assert time.monotonic() < deadline
        time.sleep(0.01)
    child.send_signal(number)
    assert child.wait(timeout=60) != 0
    assert child.stderr is not None
    child.stderr.close()
    _wait_for_workers(child.pid)
    left = contents(place / "out")
    whole = {name: data for name, data in left.items() if not Path(name).name.startswith(".")}
    assert len(whole) >= 5
    run("augment", "--replay", manifest, "--out", place / "check").succeeded()
    rebuilt = contents(place / "check")
    assert rebuilt.items() <= whole.items()
    # A line that was cut short is dropped.
    with manifest.open("a") as file:
        file.write('{"output": "anna-0')
    done = run(
        "augment", place / "recipe.yaml", place / "voices", "--out", place / "out", "--copies", 60
    )
    assert done.succeeded().out.endswith(" there already, 0 failed\n")
    after = contents(place / "out")
    assert len([name for name in after if not Path(name).name.startswith(".")]) == 120
    assert after.items() >= whole.items()


def _wait_for_workers(session: int) -> None:
    """Wait until no process of the command is left, workers included."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            os.killpg(session, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    raise AssertionError("a worker outlived the command")


# ------------------------------------------------------------------------------------------- errors
def test_bad_files_are_named_and_the_others_done(run, place: Path):
    (place / "voices/broken.wav").write_bytes(b"RIFF nonsense")
    done = run("augment", place / "recipe.yaml", place / "voices", "--out", place / "out")
    assert done.status == 1
    assert done.err.count("\n") == 1
    assert "broken.wav" in done.err
    assert done.out == "2 written, 0 there already, 1 failed\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("recipe: 1\ntransforms:\n  - transform: gain\n    gain_db: loud\n",
         "transforms[0].gain_db must be a number, got 'loud'"),
        ("recipe: 1\ntransforms:\n  - transform: gian\n", "did you mean 'gain'?"),
        ("recipe: 2\ntransforms: []\n", "recipe must be 1"),
        ("transforms: []\n", "must begin with the field `recipe: 1`"),
        ("recipe: [\n", "recipe.yaml, line"),
    ],
)  # fmt: skip
def test_a_wrong_recipe_names_the_field(run, place: Path, text: str, words: str):
    (place / "recipe.yaml").write_text(text)
    run("augment", place / "recipe.yaml", place / "voices", "--out", place / "out").failed(1, words)


def test_wrong_command_lines(run, place: Path):
    recipe = place / "recipe.yaml"
    run("augment", recipe).failed(2, "name a recipe, then files or folders")
    run("augment", recipe, place / "voices").failed(2, "--out DIR")
    run("augment", recipe, place / "nothing", "--out", place / "out").failed(1, "nothing")
    run("augment", recipe, place / "voices", "--out", place / "out", "--copies", 0).failed(2)
    run("augment", recipe, place / "voices", "--out", place / "o", "--format", "doc").failed(2)
    run("augment", "--replay", recipe, "--out", place / "out").failed(1, "is not a manifest")
    (place / "other").mkdir()
    io.save(place / "other/anna.wav", torch.zeros(1, 100), 16_000)
    run(
        "augment", recipe, place / "voices", place / "other/anna.wav", "--out", place / "out"
    ).failed(1, "have the same name")
