"""``audiolab doctor``: table, JSON, verdict and exit status."""

from __future__ import annotations

import json

import pytest

from audiolab import _environment
from audiolab._environment import Finding

GOOD = [Finding("torch", "2.14.1+cu130", "ok", "built for CUDA 13.0")]
BAD = [
    *GOOD,
    Finding("torchaudio", "2.11.0", "broken", "refuses", 'pip install "torch<2.15"'),
    Finding("torchcodec", "0.17.0", "broken", "refuses", 'pip install "torch<2.15"'),
    Finding("FFmpeg", "-", "missing", "needs libraries", "sudo apt-get install ffmpeg"),
    Finding("numpy", "9.0", "warning", "untested"),
]


@pytest.fixture
def machine(monkeypatch):
    def become(findings: list[Finding]) -> None:
        monkeypatch.setattr(_environment, "diagnose", lambda: findings)

    return become


def test_healthy(run, machine):
    machine(GOOD)
    lines = run("doctor").succeeded().out.splitlines()
    assert lines[0].split() == ["component", "version"]
    assert lines[1].split() == ["ok", "torch", "2.14.1+cu130", "built", "for", "CUDA", "13.0"]
    assert lines[-1] == "Everything that audiolab needs works."


def test_broken(run, machine):
    machine(BAD)
    result = run("doctor")
    assert result.status == 1
    assert result.err == ""
    assert result.out.splitlines()[-3:] == [
        "Not working: torchaudio, torchcodec, FFmpeg. To mend it:",
        '  torchaudio, torchcodec: pip install "torch<2.15"',
        "  FFmpeg: sudo apt-get install ffmpeg",
    ]


def test_a_warning_alone_is_no_failure(run, machine):
    machine([*GOOD, BAD[-1]])
    assert run("doctor").status == 0


def test_json(run, machine):
    machine(BAD)
    result = run("doctor", "--json")
    assert result.status == 1
    found = json.loads(result.out)
    assert [each["component"] for each in found] == [each.component for each in BAD]
    assert set(found[0]) == {"component", "version", "status", "detail", "remedy"}


def test_arguments_are_refused(run):
    run("doctor", "x").failed(2, "unrecognized arguments: x")


def test_on_this_machine(spawn):
    result = spawn("doctor", "--json").succeeded()
    found = {each["component"]: each for each in json.loads(result.out)}
    assert found["FFmpeg"]["status"] == "ok"
    assert all(each["status"] in ("ok", "warning") for each in found.values())
