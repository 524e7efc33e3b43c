"""What the commands that write audio share: the options of a format, and progress over blocks."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from audiolab.cli import _arguments
from audiolab.cli._errors import UsageError
from audiolab.cli._progress import Progress

if TYPE_CHECKING:
    import torch

    from audiolab import io
    from audiolab.io import Format

__all__ = ["add_format_options", "check_encoding", "target_format", "watched"]


def add_format_options(parser: argparse.ArgumentParser) -> None:
    """Add what describes the file to write."""
    parser.add_argument(
        "--bit-rate",
        type=_arguments.bit_rate,
        metavar="BPS",
        help="bits a second, for mp3, m4a, ogg and opus (64000, 64k)",
    )
    parser.add_argument(
        "--encoding",
        metavar="NAME",
        help="sample type, for wav and flac (pcm_s16, pcm_s24, float32)",
    )
    parser.add_argument("--format", metavar="NAME", help="format, whatever the extension says")


def target_format(name: str | None, output: Path) -> Format:
    """Return the format to write; a wrong one is a wrong command line."""
    from audiolab import io

    every: list[Format] = io.formats()
    if name is None:
        suffix = output.suffix.lower()
        chosen = [each for each in every if suffix in each.extensions]
        known = " ".join(extension for each in every for extension in each.extensions)
        if not chosen:
            raise UsageError(
                f"{output}: the extension does not tell a format; known are {known} "
                "(or name one with --format)"
            )
    else:
        chosen = [each for each in every if name.lower() in (each.name, *each.aliases)]
        if not chosen:
            raise UsageError(f"--format {name}: known are {', '.join(each.name for each in every)}")
    return chosen[0]


def check_encoding(encoding: str | None, target: Format) -> None:
    """Refuse a sample type that the format does not have."""
    if encoding is not None and encoding not in target.encodings:
        choices = ", ".join(target.encodings) or "none, it is lossy: use --bit-rate"
        raise UsageError(f"--encoding {encoding}: {target.name} has {choices}")


def watched(blocks: io.Blocks) -> Iterator[torch.Tensor]:
    """Yield the blocks and show how far they are."""
    rate, length = blocks.sample_rate, blocks.num_samples
    done = 0
    with Progress(None if length is None else length / rate) as progress:
        for block in blocks:
            yield block
            done += block.shape[-1]
            progress.update(done / rate)
