"""``audiolab codec`` with ``-`` for a file: what comes on stdin tells the direction by its content.

Files stand in for the pipes (`_pipes`), so the work is that of files: an output is sent whole, or
not at all, in memory that does not grow with it.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from audiolab.cli import _arguments
from audiolab.cli._errors import CommandError, UsageError, describe
from audiolab.cli._pipes import PIPE, is_pipe, open_input, open_output

__all__ = ["is_piped", "run_piped"]

# What each action sends to stdout.
_SENT = {"compress": ".ecdc", "decompress": ".wav", "roundtrip": ".wav"}


def is_piped(words: list[str], arguments: argparse.Namespace) -> bool:
    """Tell whether stdin or stdout is asked for."""
    return str(PIPE) in words or arguments.output == PIPE


def run_piped(action: str | None, words: list[str], arguments: argparse.Namespace) -> int:
    """Do one action, or that which the content asks for, on one input."""
    if action is None and len(words) == 2 and arguments.output is None:
        arguments.output = Path(words.pop())
    if len(words) != 1 or arguments.output_dir is not None:
        raise UsageError("- stands for one input and one output: INPUT [OUTPUT]")
    if action is not None and action not in _SENT:
        raise UsageError(f"{action} works on files, not on pipes: name one instead of -")
    source, target = Path(words[0]), arguments.output or PIPE
    if not is_pipe(source) and not source.is_file():
        raise CommandError(f"{source}: no such file")
    if not is_pipe(target):
        _arguments.check_output(target, [source], force=arguments.force)

    from audiolab.cli._codec_work import Worker, check_device, work_through

    check_device(arguments.device)
    with open_input(source) as there:
        chosen = action or _direction(there, target)
        _check_extension(chosen, target)
        with open_output(target, _SENT[chosen]) as path:
            stand_ins = {there: "stdin"} if is_pipe(source) else {}
            if is_pipe(target):
                stand_ins[path] = "stdout"
            with _named(stand_ins):
                return work_through(
                    [(there, path)],
                    lambda: Worker(arguments),
                    lambda worker: worker.step(chosen),
                    1,
                )


def _direction(source: Path, target: Path) -> str:
    with source.open("rb") as file:
        coded = file.read(4) == b"ECDC"
    if coded:
        return "decompress"
    return "compress" if is_pipe(target) or target.suffix.lower() == ".ecdc" else "roundtrip"


def _check_extension(action: str, target: Path) -> None:
    if is_pipe(target):
        return
    if action == "compress":
        if target.suffix.lower() != ".ecdc":
            raise CommandError(f"{target}: the extension must be .ecdc")
        return
    from audiolab import io

    known = [extension for each in io.formats() for extension in each.extensions]
    if target.suffix.lower() not in known:
        raise CommandError(f"{target}: the output must be one of {' '.join(known)}")


@contextmanager
def _named(names: dict[Path, str]) -> Iterator[None]:
    """Name the pipes where errors and warnings name the files that stand in for them."""

    def renamed(text: str) -> str:
        for path, name in names.items():
            text = text.replace(str(path), name)
        return text

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        try:
            yield
        except (OSError, ValueError, CommandError) as error:
            raise CommandError(renamed(describe(error))) from error
    for each in caught:
        warnings.warn(renamed(str(each.message)), each.category, stacklevel=2)
