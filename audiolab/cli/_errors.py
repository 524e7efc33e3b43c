"""How a command ends: one line on stderr, an exit status, and nothing left half-written.

A traceback is shown only with ``--debug``. SIGTERM and SIGHUP unwind the program as Ctrl-C does, so
that temporary files are removed.
"""

from __future__ import annotations

import argparse
import io
import os
import re
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, NoReturn, TextIO, TypeVar, overload

from audiolab.cli._style import one_line, visible

__all__ = ["CommandError", "Parser", "UsageError", "guarded", "report", "reported_warnings"]

INTERRUPTED = 130  # 128 + SIGINT, as shells count it
BROKEN_PIPE = 141  # 128 + SIGPIPE

N = TypeVar("N")


class CommandError(Exception):
    """The command cannot do what was asked; exit status 1."""


class UsageError(Exception):
    """The command line does not make sense; exit status 2.

    Parameters
    ----------
    message : str
        What is wrong, in one line.
    details : str, optional
        Lines to show below it: the words with the wrong one marked, and what was expected.
    """

    def __init__(self, message: str, details: str = "") -> None:
        super().__init__(message)
        self.details = details


class Terminated(BaseException):
    """A signal asked the process to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.status = 128 + number


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, and whose examples keep their line breaks.

    A command may set `tail_words`: the first of them that is no option's value begins words of
    another language, with minus signs of its own. They become the list ``tail``.
    """

    tail_words: Collection[str] = ()

    def __init__(
        self, *, prog: str, description: str, epilog: str, usage: str | None = None
    ) -> None:
        super().__init__(
            prog=prog,
            usage=usage,
            description=description,
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    @overload
    def parse_known_args(
        self, args: Iterable[str] | None = None, namespace: None = None
    ) -> tuple[argparse.Namespace, list[str]]: ...

    @overload
    def parse_known_args(self, args: Iterable[str] | None, namespace: N) -> tuple[N, list[str]]: ...

    @overload
    def parse_known_args(self, *, namespace: N) -> tuple[N, list[str]]: ...

    def parse_known_args(
        self, args: Iterable[str] | None = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        """Parse what stands before the tail."""
        words = list(sys.argv[1:] if args is None else args)
        cut = self._tail_start(words)
        parsed, left = super().parse_known_args(words[:cut], namespace)
        # argparse calls this once more with the positional words alone.
        if self.tail_words and (words[cut:] or not hasattr(parsed, "tail")):
            parsed.tail = words[cut:]
        return parsed, left

    def _tail_start(self, words: Sequence[str]) -> int:
        skip = False
        for index, word in enumerate(words):
            if not skip and word in self.tail_words:
                return index
            option = self._option_string_actions.get(word)
            skip = option is not None and option.nargs is None
        return len(words)

    def error(self, message: str) -> NoReturn:
        """Raise instead of printing the whole usage."""
        raise UsageError(f"{message} (see `{self.prog} --help`)")


def guarded(work: Callable[[], int], *, prog: str, debug: bool) -> int:
    """Run `work` and turn whatever ends it into an exit status and at most one line on stderr."""
    for stream in (sys.stdout, sys.stderr):
        # A file name may hold what the terminal's encoding cannot show.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        with _unwinding_signals(), reported_warnings(prog):
            status = work()
            sys.stdout.flush()
            return status
    except SystemExit as ending:  # argparse, after --help and --version
        return ending.code if isinstance(ending.code, int) else 0
    except UsageError as error:
        return _failed(prog, error, debug, status=2)
    except KeyboardInterrupt as error:
        return _failed(prog, error, debug, status=INTERRUPTED, text="interrupted")
    except Terminated as error:
        return _failed(prog, error, debug, status=error.status, text="terminated")
    except BrokenPipeError:
        # The reader (head, less) has seen enough. Python would complain once more while it exits.
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except Exception as error:
        return _failed(prog, error, debug, status=1)


def _failed(prog: str, error: BaseException, debug: bool, *, status: int, text: str = "") -> int:
    if debug and not isinstance(error, UsageError):
        traceback.print_exception(error, file=sys.stderr)
    report(prog, text or describe(error))
    if isinstance(error, UsageError) and error.details:
        print(*map(visible, error.details.splitlines()), sep="\n", file=sys.stderr, flush=True)
    return status


def report(prog: str, message: str) -> None:
    """Print one line on stderr, under the name of the command."""
    with suppress(BrokenPipeError):
        print(f"{prog}: {one_line(message)}", file=sys.stderr, flush=True)


def describe(error: BaseException) -> str:
    """Say what an exception says, without Python's own vocabulary where that is possible."""
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"{os.fspath(error.filename)!s}: {error.strerror}"
    if isinstance(error, MemoryError):
        return "out of memory"
    text = _in_options(str(error))
    if isinstance(error, CommandError | UsageError | OSError | ValueError | ImportError) and text:
        return text
    return f"{type(error).__name__}: {text} (--debug shows where)"


#: How the library's parameters are spelled on the command line.
OPTIONS = {
    "start_s": "--start",
    "stop_s": "--stop",
    "sample_rate": "--rate",
    "num_channels": "--channels",
    "bit_rate": "--bit-rate",
    "on_clip": "--on-clip",
}
#: Advice of the library that only a program can follow, and what to do here instead.
ADVICE = {
    "pass overwrite=True (-f) to replace it": "-f replaces it",
    "which is lossless: set encoding": "which is lossless: set --encoding",
    "scale the blocks down, or write float32 wav": (
        "--on-clip rescale divides all of them by the largest"
    ),
}


def _in_options(text: str) -> str:
    """Name options where a message of the library names parameters, but not inside a path."""
    for advice, ours in ADVICE.items():
        text = text.replace(advice, ours)
    names = "|".join(OPTIONS)
    return re.sub(rf"(?<![\w./\\-])({names})(?![\w./\\-])", lambda found: OPTIONS[found[0]], text)


@contextmanager
def reported_warnings(prog: str) -> Iterator[None]:
    """Show warnings that are meant for the user as one line each, and no others."""

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        report(prog, f"warning: {_in_options(str(message))}")

    with warnings.catch_warnings():
        # Deprecations concern whoever writes the code, not whoever runs the command.
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = show
        yield


@contextmanager
def _unwinding_signals() -> Iterator[None]:
    def unwind(number: int, frame: FrameType | None) -> None:
        raise Terminated(number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {}
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        # A command started with nohup keeps ignoring the hang-up.
        if number is not None and signal.getsignal(number) == signal.SIG_DFL:
            before[number] = signal.signal(number, unwind)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
