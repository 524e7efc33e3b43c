"""What people type for times, rates and counts, and the options that several commands share."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from audiolab.cli._errors import CommandError, UsageError

__all__ = [
    "add_force",
    "add_range",
    "bit_rate",
    "channel_count",
    "check_output",
    "check_range_order",
    "sample_rate",
    "time_s",
]


def time_s(text: str) -> float:
    """Read a time: seconds, ``mm:ss`` or ``hh:mm:ss``, with or without decimals."""
    match = re.fullmatch(r"(?:(?:(\d+):)?(\d{1,2}):)?(\d+(?:\.\d*)?|\.\d+)", text.strip(), re.ASCII)
    if match is None:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a time: write seconds (90.5) or [hh:]mm:ss (1:30.5)"
        )
    hours, minutes, seconds = int(match[1] or 0), int(match[2] or 0), float(match[3])
    if (match[2] and seconds >= 60) or (match[1] and minutes >= 60):
        raise argparse.ArgumentTypeError(f"{text!r} is not a time: 60 or more after a colon")
    return hours * 3600 + minutes * 60 + seconds


def sample_rate(text: str) -> int:
    """Read a sample rate in Hz; ``k`` stands for a thousand."""
    return _thousands(text, "a sample rate", "16000, 16k or 44.1k")


def bit_rate(text: str) -> int:
    """Read a bit rate in bits a second; ``k`` stands for a thousand."""
    return _thousands(text, "a bit rate", "64000 or 64k")


def channel_count(text: str) -> int:
    """Read a number of channels; the words mono and stereo count."""
    words = {"mono": "1", "stereo": "2"}
    digits = words.get(text.strip().lower(), text.strip())
    if not re.fullmatch(r"0*[1-9]\d*", digits, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of channels: write 1 or 2")
    return int(digits)


def _thousands(text: str, what: str, example: str) -> int:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(k?)", text.strip().lower(), re.ASCII)
    number = float(match[1]) * (1000 if match[2] else 1) if match else 0.0
    # 44.1 * 1000 is not quite whole in binary; a thousandth of a hertz is.
    if not number or abs(number - round(number)) > 1e-3:
        raise argparse.ArgumentTypeError(f"{text!r} is not {what}: write {example}")
    return round(number)


def add_range(parser: argparse.ArgumentParser) -> None:
    """Add ``--start`` and ``--stop``."""
    parser.add_argument(
        "--start", type=time_s, default=0.0, metavar="TIME", help="begin here (90.5 or 1:30.5)"
    )
    parser.add_argument("--stop", type=time_s, metavar="TIME", help="end here")


def check_range_order(start_s: float, stop_s: float | None) -> None:
    """Refuse a range that ends before it begins."""
    if stop_s is not None and stop_s <= start_s:
        raise UsageError(f"--stop ({stop_s:g} s) must come after --start ({start_s:g} s)")


def add_force(parser: argparse.ArgumentParser) -> None:
    """Add ``-f``."""
    parser.add_argument(
        "-f", "--force", action="store_true", help="replace the output if it is there already"
    )


def check_output(output: Path, sources: list[Path], *, force: bool) -> None:
    """Refuse an output that is one of the inputs, a folder, or there already, before any work."""
    if output.exists():
        for source in sources:
            if source.exists() and output.samefile(source):
                raise CommandError(f"{output} is the input: name another output")
    if output.is_dir():
        raise CommandError(f"{output} is a folder: name a file in it")
    if not output.parent.is_dir():
        raise CommandError(f"{output}: the folder {output.parent} does not exist")
    if (output.is_symlink() or output.exists()) and not force:
        raise CommandError(f"{output} exists already (-f replaces it)")
