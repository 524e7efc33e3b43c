"""``audiolab convert``: change format, sample rate, channels or range, in constant memory."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from audiolab.cli import _arguments
from audiolab.cli._progress import Progress

if TYPE_CHECKING:
    from audiolab import io

__all__ = ["DESCRIPTION", "EXAMPLES", "add_arguments", "run"]

DESCRIPTION = """\
Read an audio file and write it again in another format, at another sample rate, with other
channels, or only a part of it. The format follows the output's extension.

Files of any length take the same memory. The output appears whole at the end, or not at all."""

EXAMPLES = """\
examples:
  audiolab convert song.flac song.mp3 --bit-rate 192k
  audiolab convert interview.m4a interview.wav --rate 16k --channels mono
  audiolab convert concert.wav encore.flac --start 1:02:30 --stop 1:09:00"""

#: Long enough that the work a block costs on top of its samples does not show.
BLOCK_S = 10.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("input", type=Path, metavar="IN", help="file to read")
    parser.add_argument("output", type=Path, metavar="OUT", help="file to write")
    parser.add_argument(
        "--rate",
        type=_arguments.sample_rate,
        metavar="HZ",
        help="sample rate of the output (16000, 16k, 44.1k)",
    )
    parser.add_argument(
        "--channels",
        type=_arguments.channel_count,
        metavar="N",
        help="1 (mono), 2 (stereo), ...",
    )
    parser.add_argument(
        "--bit-rate",
        type=_arguments.bit_rate,
        metavar="BPS",
        help="bits a second, for mp3, m4a, ogg and opus (64000, 64k)",
    )
    parser.add_argument(
        "--encoding", metavar="NAME", help="sample type, for wav and flac (int16, int24, float32)"
    )
    parser.add_argument("--format", metavar="NAME", help="format, whatever the extension says")
    _arguments.add_range(parser)
    parser.add_argument(
        "--on-clip",
        choices=("warn", "error", "rescale"),
        default="warn",
        help="what to do with samples beyond full scale (default: warn, and clip them)",
    )
    _arguments.add_force(parser)


def run(arguments: argparse.Namespace) -> int:
    """Stream the input into the output."""
    raise NotImplementedError
