"""``audiolab info``: what is in audio files, as a table or as JSON."""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audiolab.cli import _style
from audiolab.cli._errors import describe, report

if TYPE_CHECKING:
    from audiolab.io import AudioInfo

__all__ = ["DESCRIPTION", "EXAMPLES", "add_arguments", "run"]

DESCRIPTION = """\
Tell format, sample rate, channels, duration and size of audio files, without decoding them whole.

A duration after ~ is an estimate: the headers do not tell it. A file that cannot be read is named
on stderr, the others are shown, and the exit status is 1."""

EXAMPLES = """\
examples:
  audiolab info song.flac speech.mp3
  audiolab info --json *.wav"""

HEADER = ("file", "format", "encoding", "rate", "channels", "duration", "bits", "bit rate", "size")
RIGHT = ("rate", "channels", "duration", "bits", "bit rate", "size")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("files", nargs="+", metavar="FILE", help="audio file")
    parser.add_argument("--json", action="store_true", help="print a JSON list, tags included")


def run(arguments: argparse.Namespace) -> int:
    """Print one row or object a readable file."""
    from audiolab import io

    found: list[tuple[str, AudioInfo]] = []
    for name in arguments.files:
        try:
            found.append((name, io.info(Path(name))))
        except (OSError, ValueError) as error:
            report("audiolab info", describe(error))
    if arguments.json:
        objects = [_plain({"file": name, **_fields(about)}) for name, about in found]
        print(json.dumps(objects, indent=2, allow_nan=False))
    elif found:
        print(_style.table(HEADER, [_row(name, about) for name, about in found], right=RIGHT))
    return 0 if len(found) == len(arguments.files) else 1


def _row(name: str, about: AudioInfo) -> list[str]:
    return [
        name,
        about.format,
        about.encoding or about.codec,
        _style.hertz(about.sample_rate),
        str(about.num_channels),
        ("" if about.exact else "~") + _style.duration(about.duration_s),
        str(about.bit_depth or _style.NOTHING),
        _style.kilobits(about.bit_rate),
        _style.size(about.size_bytes),
    ]


def _fields(about: AudioInfo) -> dict[str, Any]:
    return {each.name: getattr(about, each.name) for each in dataclasses.fields(about)}


def _plain(value: Any) -> Any:
    """Return `value` with what JSON has no word for (NaN, infinity) as null, and paths as text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, bool | int | float | str | None) else str(value)
