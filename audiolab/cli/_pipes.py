"""``-`` for a file: stdin and stdout, by way of a temporary file.

A sound that comes through a pipe has to be kept until all of it is there: containers point back and
forth, and an output appears whole or not at all. A file keeps it without taking memory.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from audiolab.cli._errors import CommandError, UsageError

__all__ = ["PIPE", "is_pipe", "open_input", "open_output"]

PIPE = Path("-")
_CHUNK = 1 << 20


def is_pipe(path: Path) -> bool:
    """Tell whether a path stands for stdin or stdout."""
    return path == PIPE


@contextmanager
def open_input(source: Path) -> Iterator[Path]:
    """Yield a file to read: the one that is named, or a copy of what comes on stdin."""
    if not is_pipe(source):
        yield source
        return
    if sys.stdin.buffer.isatty():
        raise UsageError("- reads audio from a pipe, and stdin is a terminal")
    with tempfile.TemporaryDirectory(prefix="audiolab-") as folder:
        # Without an extension: the content tells the format.
        copy = Path(folder) / "stdin"
        with copy.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file, _CHUNK)
        if not copy.stat().st_size:
            raise CommandError("stdin is empty: the command before the pipe sent nothing")
        yield copy


@contextmanager
def open_output(target: Path, extension: str = ".wav") -> Iterator[Path]:
    """Yield a path to write to: the one that is named, or one that is sent to stdout at the end.

    Nothing is sent where the block raises.
    """
    if not is_pipe(target):
        yield target
        return
    if sys.stdout.buffer.isatty():
        raise UsageError("- writes audio into a pipe, and stdout is a terminal")
    with tempfile.TemporaryDirectory(prefix="audiolab-") as folder:
        whole = Path(folder) / f"stdout{extension}"
        yield whole
        with whole.open("rb") as file:
            shutil.copyfileobj(file, sys.stdout.buffer, _CHUNK)
        sys.stdout.buffer.flush()
