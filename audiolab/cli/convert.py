"""``audiolab convert``: change format, sample rate, channels or range, in constant memory."""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from audiolab.cli import _arguments
from audiolab.cli._output import add_format_options, check_encoding, target_format, watched

if TYPE_CHECKING:
    from audiolab.io import Format

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
    add_format_options(parser)
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
    source, output = arguments.input, arguments.output
    _arguments.check_range_order(arguments.start, arguments.stop)
    _arguments.check_output(output, [source], force=arguments.force)

    from audiolab import io

    target = target_format(arguments.format, output)
    check_encoding(arguments.encoding, target)
    rate = arguments.rate or _possible_rate(io.info(source).sample_rate, target)

    blocks = io.blocks(
        source,
        BLOCK_S,
        sample_rate=rate,
        num_channels=arguments.channels,
        start_s=arguments.start,
        stop_s=arguments.stop,
    )
    divisor = 1.0
    on_clip = arguments.on_clip
    if on_clip == "rescale":
        # The largest sample has to be known before the first one is written.
        on_clip = "warn"
        if arguments.encoding != "float32":
            divisor = max(1.0, *(float(each.abs().max()) for each in watched(blocks)))
    with io.BlockWriter(
        output,
        blocks.sample_rate,
        blocks.num_channels,
        format=target.name,
        bit_rate=arguments.bit_rate,
        encoding=arguments.encoding,
        on_clip=on_clip,
        overwrite=arguments.force,
    ) as writer:
        for block in watched(blocks):
            writer.write(block / divisor if divisor > 1.0 else block)
    return 0


def _possible_rate(sample_rate: int, target: Format) -> int | None:
    """Return the rate to convert to where the format cannot hold that of the input."""
    if sample_rate in target.sample_rates:
        return None
    higher = [each for each in target.sample_rates if each > sample_rate]
    rate = min(higher, default=max(target.sample_rates))
    warnings.warn(
        f"{target.name} cannot hold {sample_rate} Hz: written at {rate} Hz (--rate chooses)",
        stacklevel=2,
    )
    return rate
