"""The frame of the command: dispatch, help, errors, exit statuses, signals."""

from __future__ import annotations

import importlib
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator

import pytest

import audiolab
from audiolab import cli
from audiolab.cli import COMMANDS, build_parser, main
from audiolab.cli._errors import CommandError, UsageError, describe, guarded

NAMES = [command.name for command in COMMANDS]


# ---------------------------------------------------------------------------------------- dispatch
def test_version(run):
    assert run("--version").succeeded().out == f"audiolab {audiolab.__version__}\n"


def test_help_lists_every_command(run):
    text = run("--help").succeeded().out
    for command in COMMANDS:
        assert f"  {command.name} " in text
        assert command.summary in text
    assert "examples:" in text


@pytest.mark.parametrize("name", NAMES)
def test_every_command_has_help_with_examples(run, name: str):
    text = run(name, "--help").succeeded().out
    assert text.startswith(f"usage: audiolab {name}")
    assert "examples:" in text
    assert f"\n  audiolab {name} " in text
    assert max(map(len, text.splitlines())) <= 100
    assert build_parser(name).format_help() == text  # what the CLI page of the site shows


@pytest.mark.parametrize("name", NAMES)
def test_every_example_is_a_command_line_that_parses(name: str):
    module = importlib.import_module(next(each.module for each in COMMANDS if each.name == name))
    lines = module.EXAMPLES.splitlines()[1:]
    assert lines
    for line in lines:
        # In a pipe, the part that is ours.
        (ours,) = [each for each in line.split(" | ") if each.strip().startswith("audiolab")]
        words = ours.split()
        assert words[:2] == ["audiolab", name]
        build_parser(name).parse_args(words[2:])


def test_the_examples_of_the_main_help_parse():
    for line in cli.EXAMPLES.splitlines():
        if line.startswith("  audiolab"):
            _, name, *words = line.split()
            build_parser(name).parse_args(words)


@pytest.mark.parametrize("name", NAMES)
def test_every_option_has_help(name: str):
    for action in build_parser(name)._actions:
        assert action.help, action


def test_names_and_summaries_are_of_one_style():
    assert len(set(NAMES)) == len(NAMES)
    for command in COMMANDS:
        assert command.summary[0].islower()
        assert not command.summary.endswith(".")
        assert command.module == f"audiolab.cli.{command.name.replace('-', '_')}"


def test_no_command(run):
    run().failed(2, "audiolab: name a command", "info")


def test_unknown_command_suggests(run):
    run("covnert", "a", "b").failed(2, "'covnert'", "did you mean 'convert'?")
    run("zzz").failed(2, "'zzz'", "play-page")


def test_unknown_option(run):
    run("--bogus").failed(2, "--bogus")
    run("doctor", "--bogus").failed(2, "audiolab doctor:", "--bogus")


def test_options_are_not_abbreviated(run):
    run("doctor", "--js").failed(2, "--js")


def test_as_a_module(spawn):
    assert spawn("--version").succeeded().out == f"audiolab {audiolab.__version__}\n"
    spawn("nonsense").failed(2, "nonsense")


def test_only_the_command_that_is_called_is_imported():
    code = (
        "import sys; from audiolab.cli import main; main(['doctor', '--help']); "
        "print(sorted(m for m in sys.modules if m.startswith('audiolab.cli.')), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "audiolab.cli.doctor" in done.stderr
    for other in ("convert", "info", "play_page"):
        assert f"audiolab.cli.{other}" not in done.stderr


# ------------------------------------------------------------------------------------------ errors
def ends(error: BaseException, *, debug: bool = False) -> int:
    def work() -> int:
        raise error

    return guarded(work, prog="audiolab test", debug=debug)


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (UsageError("no"), 2, "audiolab test: no"),
        (CommandError("no"), 1, "audiolab test: no"),
        (ValueError("a.wav: is not\n  audio"), 1, "audiolab test: a.wav: is not audio"),
        (
            FileNotFoundError(2, "No such file or directory", "a.wav"),
            1,
            "audiolab test: a.wav: No such file or directory",
        ),
        (KeyboardInterrupt(), 130, "audiolab test: interrupted"),
        (MemoryError(), 1, "audiolab test: out of memory"),
        (KeyError("x"), 1, "audiolab test: KeyError: 'x' (--debug shows where)"),
        (ImportError("broken stack"), 1, "audiolab test: broken stack"),
        (ValueError(), 1, "audiolab test: ValueError: (--debug shows where)"),
    ],
)
def test_an_error_is_one_line_and_a_status(capsys, error, status, line):
    assert ends(error) == status
    captured = capsys.readouterr()
    assert captured.err == line + "\n"
    assert captured.out == ""


def test_debug_shows_the_traceback(capsys):
    assert ends(KeyError("x"), debug=True) == 1
    assert "Traceback (most recent call last)" in capsys.readouterr().err
    assert ends(UsageError("no"), debug=True) == 2  # nothing to debug in a command line
    assert "Traceback" not in capsys.readouterr().err


def test_debug_before_and_after_the_command(run, monkeypatch):
    def fail(arguments: object) -> int:
        raise RuntimeError("boom")

    monkeypatch.setattr("audiolab.cli.doctor.run", fail)
    run("doctor").failed(1, "RuntimeError: boom")
    assert "Traceback" in run("--debug", "doctor").err
    assert "Traceback" in run("doctor", "--debug").err


def test_no_escape_sequence_of_a_file_name_reaches_the_terminal(capsys):
    ends(ValueError("\x1b[31m\udcff.wav"))
    assert capsys.readouterr().err == "audiolab test: \\x1b[31m\\udcff.wav\n"


def test_a_librarys_message_names_the_option():
    error = FileExistsError("a.wav exists already: pass overwrite=True (-f) to replace it")
    assert describe(error) == "a.wav exists already: -f replaces it"


def test_a_librarys_message_names_the_options_and_leaves_paths_alone():
    error = ValueError("my/stop_s.wav and sample_rate.wav: damaged; stop_s reads what is before")
    assert describe(error) == (
        "my/stop_s.wav and sample_rate.wav: damaged; --stop reads what is before"
    )
    assert describe(ValueError("bit_rate must be 1")) == "--bit-rate must be 1"


def test_warnings_are_one_line_each_and_deprecations_none(capsys):
    def work() -> int:
        for _ in range(2):
            warnings.warn("3 samples\nclipped", UserWarning, stacklevel=1)
        warnings.warn("old", DeprecationWarning, stacklevel=1)
        return 0

    assert guarded(work, prog="audiolab test", debug=False) == 0
    assert capsys.readouterr().err == "audiolab test: warning: 3 samples clipped\n" * 2


# ----------------------------------------------------------------------------------------- signals
SLOW = """
import sys, time
from audiolab.cli._errors import guarded
def work():
    try:
        print("ready", flush=True)
        time.sleep(60)
        return 0
    finally:
        print("cleaned", flush=True)
sys.exit(guarded(work, prog="audiolab test", debug=False))
"""


@pytest.fixture
def slow() -> Iterator[subprocess.Popen[str]]:
    child = subprocess.Popen(
        [sys.executable, "-c", SLOW], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert child.stdout.readline() == "ready\n"
    yield child
    child.kill()
    child.communicate()


@pytest.mark.parametrize(
    ("number", "status", "word"),
    [
        (signal.SIGINT, 130, "interrupted"),
        (signal.SIGTERM, 143, "terminated"),
        (signal.SIGHUP, 129, "terminated"),
    ],
)
def test_signals_unwind(slow, number, status, word):
    slow.send_signal(number)
    out, err = slow.communicate(timeout=20)
    assert slow.returncode == status
    assert out == "cleaned\n"
    assert err == f"audiolab test: {word}\n"


def test_signal_handlers_are_put_back():
    before = signal.getsignal(signal.SIGTERM)
    assert main(["--version"]) == 0
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_closed_pipe_is_quiet():
    code = (
        "import sys; from audiolab.cli._errors import guarded\n"
        "def work():\n"
        "    for _ in range(100_000): print('x' * 100)\n"
        "    return 0\n"
        "sys.exit(guarded(work, prog='audiolab test', debug=False))"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    child.stdout.readline()
    child.stdout.close()
    deadline = time.monotonic() + 20
    while child.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert child.stderr.read() == ""
    child.stderr.close()
    assert child.returncode == 141


def test_a_closed_pipe_on_a_short_output_is_quiet():
    child = subprocess.Popen(
        [sys.executable, "-m", "audiolab", "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    child.stdout.close()
    assert child.stderr.read() == b""
    child.stderr.close()
    child.wait(20)
