"""``audiolab augment``: files through a recipe of random changes, reproducibly."""

from __future__ import annotations

import argparse
from pathlib import Path

from audiolab.cli import _arguments
from audiolab.cli._errors import CommandError, UsageError
from audiolab.cli._output import add_format_options, check_encoding, target_format

__all__ = ["DESCRIPTION", "EXAMPLES", "add_arguments", "run"]

DESCRIPTION = """\
Augment audio files by a recipe: noise, rooms, filters, pitch and what else it names, drawn at
random for every file and copy.

What is drawn depends on the seed, the file's name (within the folder that was given) and the number
of the copy, and on nothing else: neither on the other files, nor on --jobs. A manifest beside the
outputs has the drawn parameters of each, from which --replay rebuilds the same files, bit for bit.

Outputs appear whole or not at all. The command can be interrupted in any way and given again: what
is in the manifest and has the checksum it should have is not made twice. Files that can't be read
are named, and the others are done."""

EXAMPLES = """\
examples:
  audiolab augment recipe.yaml voices/ --out augmented --copies 5 --seed 1 --jobs 2
  audiolab augment recipe.yaml one.wav two.flac --out augmented --format flac --rate 16k
  audiolab augment recipe.yaml voices/ --print-params
  audiolab augment --replay augmented/manifest.jsonl --out rebuilt
  audiolab augment --replay augmented/manifest.jsonl --out rebuilt anna-3.wav"""

MANIFEST = "manifest.jsonl"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.usage = (
        f"{parser.prog} [options] RECIPE IN [IN ...] --out DIR\n"
        f"       {parser.prog} --replay MANIFEST --out DIR [OUTPUT ...]"
    )
    parser.add_argument(
        "files",
        nargs="*",
        type=Path,
        metavar="RECIPE IN",
        help="recipe (.yaml or .json), then files and folders to read; "
        "with --replay, outputs to rebuild (all of them by default)",
    )
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="folder to write into; made if there is none"
    )
    parser.add_argument(
        "--copies", type=_count, default=1, metavar="N", help="copies of each file (default: 1)"
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="S", help="seed of the run (default: 0)"
    )
    parser.add_argument(
        "--jobs", type=_count, default=1, metavar="J", help="processes at a time (default: 1)"
    )
    parser.add_argument(
        "--manifest", type=Path, metavar="FILE", help=f"where to log (default: DIR/{MANIFEST})"
    )
    parser.add_argument(
        "--replay", type=Path, metavar="MANIFEST", help="rebuild the outputs of a manifest"
    )
    parser.add_argument(
        "--print-params", action="store_true", help="print what would be drawn, and write nothing"
    )
    parser.add_argument(
        "--rate",
        type=_arguments.sample_rate,
        metavar="HZ",
        help="convert inputs to this rate first (default: each keeps its own)",
    )
    parser.add_argument(
        "--channels",
        type=_arguments.channel_count,
        metavar="N",
        help="mix inputs to so many channels first (default: each keeps its own)",
    )
    add_format_options(parser)
    parser.add_argument(
        "--on-clip",
        choices=("warn", "error", "rescale"),
        default="rescale",
        help="what to do with samples beyond full scale (default: rescale, which divides the file "
        "by its largest)",
    )
    _arguments.add_force(parser)


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number: write 1 or more")
    return int(text)


def run(arguments: argparse.Namespace) -> int:
    """Augment the files, print what would be drawn, or rebuild."""
    if arguments.replay is not None:
        return _replay(arguments)
    files: list[Path] = arguments.files
    if len(files) < 2:
        raise UsageError("name a recipe, then files or folders to read")
    if arguments.out is None and not arguments.print_params:
        raise UsageError("name the folder to write into with --out DIR")
    from audiolab.cli._augment_manifest import Header, read_recipe
    from audiolab.cli._augment_work import Work, find_sources, print_params

    recipe, folder = read_recipe(files[0])
    sources = find_sources(files[1:])
    extensions = {}
    for item, path in sources.items():
        chosen = target_format(arguments.format, path)
        check_encoding(arguments.encoding, chosen)
        named = arguments.format is not None
        extensions[item] = chosen.extensions[0] if named else path.suffix
    header = Header(
        recipe,
        folder,
        seed=arguments.seed,
        sample_rate=arguments.rate,
        num_channels=arguments.channels,
        bit_rate=arguments.bit_rate,
        encoding=arguments.encoding,
        format=arguments.format,
        on_clip=arguments.on_clip,
    )
    if arguments.print_params:
        return print_params(header, sources, arguments.copies)
    out = _folder(arguments.out)
    work = Work(
        header,
        out,
        arguments.manifest or out / MANIFEST,
        prog="audiolab augment",
        jobs=arguments.jobs,
        overwrite=arguments.force,
    )
    return work.augment(sources, extensions, arguments.copies)


def _replay(arguments: argparse.Namespace) -> int:
    if arguments.out is None:
        raise UsageError("name the folder to write into with --out DIR")
    if arguments.print_params:
        raise UsageError("--print-params does not go with --replay: the manifest has them")
    from audiolab.cli._augment_manifest import read_manifest
    from audiolab.cli._augment_work import Work

    header, entries = read_manifest(arguments.replay)
    wanted = [each.as_posix() for each in arguments.files]
    missing = [each for each in wanted if each not in entries]
    if missing:
        raise CommandError(f"{arguments.replay}: has no output {missing[0]}")
    out = _folder(arguments.out)
    work = Work(
        header,
        out,
        arguments.manifest,
        prog="audiolab augment",
        jobs=arguments.jobs,
        overwrite=arguments.force,
    )
    return work.replay([entries[each] for each in wanted or entries])


def _folder(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path
