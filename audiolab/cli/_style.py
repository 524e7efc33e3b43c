"""How numbers, names and tables look on a terminal."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence

__all__ = ["clock", "duration", "hertz", "kilobits", "one_line", "size", "table", "visible"]

NOTHING = "-"


def visible(text: str) -> str:
    """Return `text` with control characters and undecodable bytes spelled out.

    A file name may hold an escape sequence, which a terminal would obey.
    """
    return "".join(each if each.isprintable() else _escaped(each) for each in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


def one_line(text: str) -> str:
    """Return `text` on one line, without control characters."""
    return visible(" ".join(text.split()))


def clock(seconds: float) -> str:
    """Return a time as ``m:ss`` or ``h:mm:ss``."""
    whole = int(seconds)
    minutes, second = divmod(whole, 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour}:{minute:02d}:{second:02d}" if hour else f"{minute}:{second:02d}"


def duration(seconds: float | None) -> str:
    """Return a duration to the millisecond, ``h:mm:ss.fff`` from a minute on."""
    if seconds is None or not math.isfinite(seconds):
        return NOTHING
    thousandths = round(seconds * 1000)
    if thousandths < 60_000:
        return f"{thousandths / 1000:.3f} s"
    return f"{clock(thousandths // 1000)}.{thousandths % 1000:03d}"


def hertz(rate: float | None) -> str:
    """Return a sample rate in hertz with its digits grouped."""
    return NOTHING if rate is None else f"{rate:,.0f} Hz".replace(",", " ")


def kilobits(rate: float | None) -> str:
    """Return a bit rate in kilobits a second."""
    if rate is None or not math.isfinite(rate):
        return NOTHING
    return f"{rate / 1000:.0f} kb/s"


def size(num_bytes: float | None) -> str:
    """Return a file size in the unit that suits it (powers of 1000)."""
    if num_bytes is None:
        return NOTHING
    for unit in ("B", "kB", "MB", "GB"):
        if num_bytes < 999.5:
            return f"{num_bytes:.0f} B" if unit == "B" else f"{num_bytes:.3g} {unit}"
        num_bytes /= 1000
    return f"{num_bytes:.3g} TB"


def table(
    header: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[str] = ()
) -> str:
    """Return an aligned table; the columns named in `right` end flush."""
    lines = [list(header), *([visible(cell) for cell in row] for row in rows)]
    widths = [max(_width(line[column]) for line in lines) for column in range(len(header))]
    return "\n".join(
        "  ".join(
            " " * (widths[i] - _width(cell)) + cell
            if header[i] in right
            else cell + " " * (widths[i] - _width(cell))
            for i, cell in enumerate(line)
        ).rstrip()
        for line in lines
    )


def _width(text: str) -> int:
    """Return the columns that `text` takes: East Asian wide characters take two, accents none."""
    return sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1
        for each in text
    )
