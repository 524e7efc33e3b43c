"""A command runs in this process (quick) or in a child (as users run it)."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from audiolab.cli import main


@dataclass(frozen=True)
class Result:
    status: int
    out: str
    err: str

    def failed(self, status: int, *words: str) -> None:
        """Assert a failure of one line that holds `words`, and nothing on stdout."""
        assert self.status == status, self
        assert self.err.count("\n") == 1, self.err
        assert self.err.endswith("\n")
        assert self.err.startswith("audiolab")
        assert "Traceback" not in self.err
        for word in words:
            assert word in self.err, self.err
        assert self.out == ""

    def succeeded(self) -> Result:
        assert self.status == 0, self
        assert self.err == "", self.err
        return self


@pytest.fixture(autouse=True)
def _signals_are_not_ignored() -> Iterator[None]:
    """Let children be interrupted also where the tests run under nohup or in the background.

    There SIGHUP and SIGINT are ignored, and a child inherits that.
    """
    ignored = [
        number
        for number in (signal.SIGINT, signal.SIGHUP)
        if signal.getsignal(number) == signal.SIG_IGN
    ]
    for number in ignored:
        signal.signal(number, signal.SIG_DFL)
    yield
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    """Run a command in this process."""

    def call(*arguments: object) -> Result:
        capsys.readouterr()
        status = main([str(each) for each in arguments])
        captured = capsys.readouterr()
        return Result(status, captured.out, captured.err)

    return call


@pytest.fixture
def spawn() -> Callable[..., Result]:
    """Run a command in a child process."""

    def call(*arguments: object) -> Result:
        command = [sys.executable, "-m", "audiolab", *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        return Result(done.returncode, done.stdout, done.stderr)

    return call
