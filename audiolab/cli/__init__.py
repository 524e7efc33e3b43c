"""The ``audiolab`` command: lazy sub-commands in one style.

Adding a command is one file in this folder (``DESCRIPTION``, ``EXAMPLES``, ``add_arguments`` and
``run``) and one line in `COMMANDS`. Only the command that is called is imported and only its parser
is built, so ``audiolab --help`` starts without torch. The exit status is 0 when all went well, 1
when something failed, 2 when the command line is wrong, and 130 after Ctrl-C.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol, cast

import audiolab

if TYPE_CHECKING:
    import argparse

__all__ = ["COMMANDS", "Command", "build_parser", "main"]


class Command(NamedTuple):
    """A sub-command: its name, what it does in one line, and the module that does it."""

    name: str
    summary: str
    module: str


COMMANDS = (
    Command("info", "tell what is in audio files", "audiolab.cli.info"),
    Command("convert", "change format, rate, channels or range", "audiolab.cli.convert"),
    Command("effects", "apply SoX effects, as sox does", "audiolab.cli.effects"),
    Command("augment", "augment files by a recipe, reproducibly", "audiolab.cli.augment"),
    Command("resample", "change the sample rate, or compare ways to", "audiolab.cli.resample"),
    Command("features", "compute mel spectrograms, MFCC and the like", "audiolab.cli.features"),
    Command("play-page", "write a web page to compare files by ear", "audiolab.cli.play_page"),
    Command("codec", "compress with a neural codec, and back", "audiolab.cli.codec"),
    Command("doctor", "find out what does not work, and what mends it", "audiolab.cli.doctor"),
)

EXAMPLES = """\
examples:
  audiolab info song.flac
  audiolab convert song.flac song.mp3 --bit-rate 192k
  audiolab effects dry.wav wet.wav highpass 100 reverb
  audiolab play-page before.wav after.wav -o compare.html
  audiolab codec -b 6 song.flac song.ecdc

`audiolab COMMAND --help` tells more about a command."""


class CommandModule(Protocol):
    """What the module of a sub-command holds."""

    DESCRIPTION: str
    EXAMPLES: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the command's arguments."""

    def run(self, arguments: argparse.Namespace) -> int:
        """Do the work and return the exit status."""


def build_parser(name: str | None = None) -> argparse.ArgumentParser:
    """Return the parser of one sub-command, or of ``audiolab`` itself.

    Parameters
    ----------
    name : str, optional
        Name of the sub-command; its module is imported.

    Returns
    -------
    argparse.ArgumentParser
        Parser whose ``format_help`` is what ``--help`` prints.

    Examples
    --------
    >>> build_parser("info").prog
    'audiolab info'
    """
    from audiolab.cli._errors import Parser

    if name is None:
        width = max(len(command.name) for command in COMMANDS)
        listed = "\n".join(f"  {each.name:<{width}}  {each.summary}" for each in COMMANDS)
        parser = Parser(
            prog="audiolab",
            usage="audiolab [--help] [--version] [--debug] COMMAND ...",
            description=f"The executable handbook of audio in PyTorch.\n\ncommands:\n{listed}",
            epilog=EXAMPLES,
        )
        parser.add_argument(
            "--version", action="version", version=f"audiolab {audiolab.__version__}"
        )
    else:
        from importlib import import_module

        command = next(each for each in COMMANDS if each.name == name)
        module = cast("CommandModule", import_module(command.module))
        parser = Parser(
            prog=f"audiolab {name}", description=module.DESCRIPTION, epilog=module.EXAMPLES
        )
        module.add_arguments(parser)
        parser.set_defaults(run=module.run)
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments after the program's name; those of the process by default.

    Returns
    -------
    int
        0 for success, 1 for a failure, 2 for a wrong command line, 130 after Ctrl-C.

    Examples
    --------
    >>> main(["--version"])  # doctest: +ELLIPSIS
    audiolab ...
    0
    """
    from audiolab.cli._errors import guarded

    arguments = list(sys.argv[1:] if argv is None else argv)
    leading = next((i for i, each in enumerate(arguments) if each[:1] != "-"), len(arguments))
    name = arguments[leading] if leading < len(arguments) else None
    known = name in {command.name for command in COMMANDS}
    return guarded(
        lambda: _dispatch(arguments, leading, name, known=known),
        prog=f"audiolab {name}" if known else "audiolab",
        debug="--debug" in arguments,
    )


def _dispatch(arguments: list[str], leading: int, name: str | None, *, known: bool) -> int:
    if name is not None and known:
        if leading:
            build_parser().parse_args(arguments[:leading])
        # Options may stand between files, as other tools have it.
        parsed = build_parser(name).parse_intermixed_args(arguments[leading + 1 :])
        status: int = parsed.run(parsed)
        return status
    parser = build_parser()
    parser.parse_args(arguments[:leading])
    names = [command.name for command in COMMANDS]
    if name is None:
        return parser.error(f"name a command: {', '.join(names)}")
    from difflib import get_close_matches

    close = get_close_matches(name, names, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"the commands are {', '.join(names)}"
    return parser.error(f"there is no command {name!r}; {hint}")
