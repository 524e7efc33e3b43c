"""A progress line on stderr, for work that lasts and someone who watches."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self, TextIO

from audiolab.cli._style import clock

__all__ = ["Progress"]

#: Shorter work ends before a bar could be read.
PATIENCE_S = 1.0
REDRAW_S = 0.1


class Progress:
    """Show how much audio is done, how fast, and how long the rest takes.

    Nothing is drawn where stderr is not a terminal, nor in the first second. The line is removed at
    the end, so that what the command prints stands alone.

    Parameters
    ----------
    total_s : float or None
        Seconds of audio to do; None where the file does not tell.
    stream : file, optional
        Where to draw; stderr by default.
    now : callable
        Clock in seconds.
    """

    def __init__(
        self,
        total_s: float | None,
        *,
        stream: TextIO | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._total_s = total_s
        self._stream = sys.stderr if stream is None else stream
        self._now = now
        self._watched = self._stream.isatty()
        self._start = now()
        self._drawn_at = self._start
        self._drawn = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._drawn:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def set_total(self, total_s: float | None) -> None:
        """Say how many seconds there are in all, where that is learnt on the way."""
        self._total_s = total_s

    def update(self, done_s: float) -> None:
        """Say how many seconds of audio are done."""
        if not self._watched:
            return
        now = self._now()
        if now - self._start < PATIENCE_S or (self._drawn and now - self._drawn_at < REDRAW_S):
            return
        self._drawn_at = now
        self._drawn = True
        columns = shutil.get_terminal_size().columns
        self._stream.write("\r\x1b[K" + self.line(done_s, now - self._start, columns))
        self._stream.flush()

    def line(self, done_s: float, elapsed_s: float, columns: int) -> str:
        """Return the line for `done_s` of audio after `elapsed_s` of work."""
        speed = done_s / elapsed_s if elapsed_s > 0 else 0.0
        pace = f"{speed:.0f}x real time" if speed >= 10 else f"{speed:.1f}x real time"
        if not self._total_s:
            return f"{clock(done_s)} of audio, {pace}"[: columns - 1]
        share = min(done_s / self._total_s, 1.0)
        left = f"{clock((self._total_s - done_s) / speed)} left" if speed > 0 else ""
        text = f" {share:4.0%}  {clock(done_s)} of {clock(self._total_s)}, {pace}, {left}"
        bar = min(columns - 1 - len(text), 40)
        if bar < 8:
            return text.strip()[: columns - 1]
        filled = int(share * bar)
        return "#" * filled + "-" * (bar - filled) + text
