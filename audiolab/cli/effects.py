"""``audiolab effects``: SoX effects on files, read like a ``sox`` command line."""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, cast

from audiolab._sox_names import SOX_NAMES
from audiolab.cli import _arguments
from audiolab.cli._errors import CommandError, Parser, UsageError
from audiolab.cli._output import add_format_options, check_encoding, target_format
from audiolab.cli._pipes import is_pipe, open_input, open_output

if TYPE_CHECKING:
    from audiolab.cli._effect_work import Work

__all__ = ["DESCRIPTION", "EXAMPLES", "add_arguments", "run"]

DESCRIPTION = """\
Apply SoX effects to audio files, in the words of the sox program. Options come before the effects;
everything from the first effect's name on belongs to the effects, with SoX's syntax.

As with sox, the output has the rate, the number of channels and (in wav and flac) the sample type
of the input, unless the effects choose others with `rate`, `channels` or `remix`: after `speed 1.1`
the samples are resampled, and mono through `reverb` is mono again. Unlike sox, nothing is dithered
unless `dither` says so, and nothing is clipped between effects unless --saturate does.

Files of any length take the same memory. Outputs appear whole, or not at all. - is stdin or stdout,
as wav."""

EXAMPLES = """\
examples:
  audiolab effects in.wav out.wav lowpass -1 300 speed 0.8 reverb -w
  audiolab effects talk.mp3 talk.flac rate 16k channels 1 norm -3
  audiolab effects -n sweep.wav synth 3 sine 300-3300
  audiolab effects --output-dir quiet --jobs 2 one.wav two.wav gain -12
  audiolab effects --help-effect compand
  audiolab effects --list"""

#: How the sound of ``-n`` is made when nothing is said: as the program does.
NULL_RATE = 48_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.usage = f"{parser.prog} [options] IN OUT EFFECT [ARG ...] [EFFECT [ARG ...] ...]"
    if isinstance(parser, Parser):
        parser.tail_words = SOX_NAMES
    parser.add_argument(
        "files",
        nargs="*",
        type=Path,
        metavar="IN OUT",
        help="file to read and file to write; OUT alone with -n, files to read with --output-dir",
    )
    parser.add_argument(
        "--help-effect", metavar="NAME", help="show an effect's arguments, and an example"
    )
    parser.add_argument("--list", action="store_true", help="list the effects")
    parser.add_argument(
        "-n",
        "--null-input",
        action="store_true",
        help="no input: endless silence, for synth (or trim 0 SECONDS)",
    )
    parser.add_argument(
        "--rate",
        type=_arguments.sample_rate,
        metavar="HZ",
        help=f"sample rate of -n (default: {NULL_RATE})",
    )
    parser.add_argument(
        "--channels",
        type=_arguments.channel_count,
        metavar="N",
        help="channels of -n (default: as many as the first synth has voices)",
    )
    parser.add_argument(
        "--output-dir", type=Path, metavar="DIR", help="write every input there, by its own name"
    )
    parser.add_argument(
        "--jobs",
        type=_jobs,
        default=1,
        metavar="N",
        help="files to work on at a time, with --output-dir (default: 1)",
    )
    parser.add_argument(
        "--saturate",
        action="store_true",
        help="round to 32 bits and clip between effects, as sox does",
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=0,
        metavar="N",
        help="seed of the noise in synth and dither (default: 0, what sox -R draws)",
    )
    add_format_options(parser)
    parser.add_argument(
        "--on-clip",
        choices=("warn", "error", "rescale"),
        default="warn",
        help="what to do with samples beyond full scale at the end (default: warn, and clip them)",
    )
    _arguments.add_force(parser)


def _jobs(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of jobs: write 1 or more")
    return int(text)


def run(arguments: argparse.Namespace) -> int:
    """Work through the files, or tell about effects."""
    if arguments.list or arguments.help_effect is not None:
        from audiolab.cli._effect_help import effect_help, effect_list

        print(effect_list() if arguments.list else effect_help(arguments.help_effect))
        return 0
    if arguments.output_dir is not None:
        return _run_many(arguments)
    return _run_one(arguments)


def _run_one(arguments: argparse.Namespace) -> int:
    files: list[Path] = arguments.files
    wanted = ["OUT"] if arguments.null_input else ["IN", "OUT"]
    if len(files) != len(wanted):
        raise UsageError(_misplaced(arguments, " ".join(wanted)))
    if arguments.jobs > 1:
        raise UsageError("--jobs goes with --output-dir")
    _check_null_options(arguments)
    source = None if arguments.null_input else files[0]
    target = files[-1]
    if not is_pipe(target):
        sources = [] if source is None or is_pipe(source) else [source]
        _arguments.check_output(target, sources, force=arguments.force)
    _check_tail(arguments)
    if not is_pipe(target):
        check_encoding(arguments.encoding, target_format(arguments.format, target))
    with ExitStack() as stack:
        readable = None if source is None else stack.enter_context(open_input(source))
        writable = target
        if is_pipe(target):
            name = arguments.format or "wav"
            extension = target_format(name, target).extensions[0]
            writable = stack.enter_context(open_output(target, extension))
        return _work(arguments, [(readable, writable)]).run()


def _run_many(arguments: argparse.Namespace) -> int:
    if arguments.null_input:
        raise UsageError("-n has no input files to write into --output-dir")
    _check_null_options(arguments)
    files: list[Path] = arguments.files
    if not files:
        raise UsageError("name the files to read before the first effect")
    if any(map(is_pipe, files)):
        raise UsageError("- does not go with --output-dir: name files")
    folder: Path = arguments.output_dir
    if not folder.is_dir():
        raise CommandError(f"{folder}: the folder does not exist")
    pairs: dict[Path, Path] = {}
    for source in files:
        extension = source.suffix
        if arguments.format is not None:
            extension = target_format(arguments.format, source).extensions[0]
        target = folder / f"{source.stem}{extension}"
        if target in pairs:
            raise CommandError(f"{pairs[target]} and {source} would both be written to {target}")
        _arguments.check_output(target, [source], force=arguments.force)
        pairs[target] = source
    _check_tail(arguments)
    for target in pairs:
        check_encoding(arguments.encoding, target_format(arguments.format, target))
    return _work(arguments, [(source, target) for target, source in pairs.items()]).run()


def _check_tail(arguments: argparse.Namespace) -> None:
    if not arguments.tail:
        raise UsageError("name an effect (--list shows them; `audiolab convert` needs none)")
    from audiolab.effects.sox import EffectSyntaxError, parse_effects

    try:
        parse_effects(arguments.tail)
    except EffectSyntaxError as error:
        raise UsageError(error.reason, "\n".join(str(error).splitlines()[1:])) from error


def _check_null_options(arguments: argparse.Namespace) -> None:
    for option in ("rate", "channels"):
        if getattr(arguments, option) is not None and not arguments.null_input:
            raise UsageError(
                f"--{option} describes -n; to change a file, add the effect `{option}` at the end"
            )


def _misplaced(arguments: argparse.Namespace, wanted: str) -> str:
    files, tail = arguments.files, arguments.tail
    if len(files) > len(wanted.split()):
        extra = files[len(wanted.split())]
        return (
            f"{extra}: not an effect (--list shows them); name {wanted}, then effects, "
            "or several inputs with --output-dir"
        )
    called = f" ({tail[0]} was taken for an effect: write ./{tail[0]})" if tail else ""
    return f"name {wanted}, then effects{called if len(files) < len(wanted.split()) else ''}"


def _work(arguments: argparse.Namespace, pairs: list[tuple[Path | None, Path]]) -> Work:
    from audiolab.cli._effect_work import Work

    return Work(
        pairs,
        cast("list[str]", arguments.tail),
        prog="audiolab effects",
        jobs=arguments.jobs,
        clip="sox" if arguments.saturate else "none",
        seed=arguments.seed,
        sample_rate=arguments.rate or NULL_RATE,
        num_channels=arguments.channels,
        format=arguments.format,
        bit_rate=arguments.bit_rate,
        encoding=arguments.encoding,
        on_clip=arguments.on_clip,
        overwrite=arguments.force,
        out=sys.stderr,
    )
