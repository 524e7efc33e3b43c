"""``audiolab play-page``: a self-contained web page to compare files by ear."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from audiolab.cli import _arguments
from audiolab.cli._errors import CommandError
from audiolab.cli._style import clock, visible

__all__ = ["DESCRIPTION", "EXAMPLES", "add_arguments", "run"]

DESCRIPTION = """\
Write one web page that plays the files and switches between them at the same position, at their
true levels, with spectrograms and a blind test. It holds the sound itself and needs no network:
send it to whoever should listen."""

EXAMPLES = """\
examples:
  audiolab play-page before.wav after.wav -o compare.html
  audiolab play-page take1.flac take2.flac -o takes.html --title Takes --start 1:00 --stop 1:20"""

#: Every second is held in the page as FLAC, and decoded in the browser as 32-bit floats: a page of
#: five stereo minutes weighs about 40 MB and takes 110 MB while it plays.
LIMIT_S = 300.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="audio file")
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="PAGE", help="page to write (.html)"
    )
    parser.add_argument("--title", help="title of the page (default: the files' names)")
    _arguments.add_range(parser)
    _arguments.add_force(parser)


def run(arguments: argparse.Namespace) -> int:
    """Load the files and write the page."""
    files: list[Path] = arguments.files
    start_s, stop_s = arguments.start, arguments.stop
    _arguments.check_range_order(start_s, stop_s)
    _arguments.check_output(arguments.output, files, force=arguments.force)

    from audiolab import io
    from audiolab._files import atomic_path

    _check_length([io.info(each).duration_s for each in files], start_s, stop_s)

    from audiolab import display

    names = titles(files)
    tracks = [io.load(each, start_s=start_s, stop_s=stop_s) for each in files]
    heading = arguments.title or " / ".join(names)
    page = display.comparison_page(tracks, titles=names, title=heading)
    with atomic_path(arguments.output, overwrite=arguments.force) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return 0


def titles(files: Sequence[Path]) -> list[str]:
    """Return the shortest ends of the paths that tell the files apart."""
    deepest = max(len(each.parts) for each in files)
    names = [each.name for each in files]
    for depth in range(2, deepest + 1):
        if len(set(names)) == len(names):
            break
        names = ["/".join(each.parts[-depth:]) for each in files]
    return [visible(each) for each in names]


def _check_length(
    durations_s: Sequence[float | None], start_s: float, stop_s: float | None
) -> None:
    """Refuse what a browser could not hold, before anything is decoded."""
    stop = float("inf") if stop_s is None else stop_s
    parts = [max(min(each, stop) - start_s, 0.0) for each in durations_s if each is not None]
    total = sum(parts)
    if total > LIMIT_S:
        raise CommandError(
            f"{clock(total)} of audio is more than the {clock(LIMIT_S)} that a page can hold: "
            "choose a part with --start and --stop"
        )
