"""What goes wrong with files has two names, and no engine's jargon stands alone in a message."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["AudioFileError", "ClippingWarning", "engine_reason"]


class AudioFileError(ValueError):
    """A file is not audio, is damaged or cut off, or cannot be written as asked.

    The message names the file and what is wrong with it; the engine's own error is its cause.
    """


class ClippingWarning(UserWarning):
    """Values beyond [-1, 1] were clipped because the format cannot hold them."""


# torchcodec prefixes its messages with "function, /path/of/its/build/File.cpp:70, ".
_ORIGIN = re.compile(r"^.*?\.(?:cpp|cc|h):\d+,\s*", re.DOTALL)
_REPORT = re.compile(r"\s*(?:This should never happen|Please report).*$", re.DOTALL)


def engine_reason(error: BaseException, path: object = None) -> str:
    """Return the readable part of an engine's error, on one line, to stand in brackets."""
    text = _REPORT.sub("", _ORIGIN.sub("", str(error)))
    if isinstance(path, Path):  # the message names the file already
        text = text.replace(f"Could not open input file: {path}", "")
    text = re.sub(r"^Error opening .*?: (?:Error : )?|^Error : ", "", text)
    text = " ".join(text.split()).rstrip(".")
    return text or type(error).__name__
