"""The work of ``audiolab effects``: files through effects, several at a time.

Files share the process and its compiled kernels, which let go of Python's lock, so that jobs can be
threads.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

import torch

from audiolab import io
from audiolab.cli._errors import describe, report
from audiolab.cli._output import target_format
from audiolab.cli._progress import Progress
from audiolab.effects import EffectStream

__all__ = ["Work"]


class Stopped(Exception):
    """Another file's end is the end of this one too."""


@dataclass
class Work:
    """Files to put through effects.

    Parameters
    ----------
    pairs : list of (Path or None, Path)
        What to read and what to write.
    effects : list of str
        Words of the effects.
    prog : str
        Name of the command, for its messages.
    jobs : int
        Files to work on at a time.
    clip, seed, sample_rate, num_channels
        As for `EffectStream`.
    format, bit_rate, encoding, on_clip, overwrite
        As for `audiolab.io.BlockWriter`.
    out : file
        Where ``stat`` and ``stats`` print.
    """

    pairs: list[tuple[Path | None, Path]]
    effects: list[str]
    prog: str
    jobs: int
    clip: str
    seed: int
    sample_rate: int
    num_channels: int | None
    format: str | None
    bit_rate: int | None
    encoding: str | None
    on_clip: str
    overwrite: bool
    out: TextIO
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> int:
        """Do all files; return 1 where one of several failed, and raise where the only one did."""
        if len(self.pairs) == 1:
            source, target = self.pairs[0]
            with Progress(None) as progress:
                self._one(source, target, _Meter(progress))
            return 0
        with Progress(None) as progress:
            meter = _Meter(progress)
            return 1 if self._several(meter) else 0

    def _several(self, meter: _Meter) -> int:
        """Return how many failed; each has said why."""
        threads = torch.get_num_threads()
        if self.jobs > 1:
            torch.set_num_threads(1)
        try:
            with ThreadPoolExecutor(self.jobs) as pool:
                try:
                    return sum(pool.map(lambda pair: self._fails(pair, meter), self.pairs))
                except BaseException:
                    # Ctrl-C: what is being written is dropped, what waits is not begun.
                    self._stop.set()
                    pool.shutdown(cancel_futures=True)
                    raise
        finally:
            torch.set_num_threads(threads)

    def _fails(self, pair: tuple[Path | None, Path], meter: _Meter) -> bool:
        source, target = pair
        try:
            self._one(source, target, meter)
        except Stopped:
            return True
        except Exception as error:
            with self._lock:
                text = describe(error)
                report(self.prog, text if str(source) in text else f"{source}: {text}")
            return True
        return False

    def _one(self, source: Path | None, target: Path, meter: _Meter) -> None:
        reports: list[object] = []
        stream = EffectStream(
            source,
            self.effects,
            clip="sox" if self.clip == "sox" else "none",
            seed=self.seed,
            sample_rate=self.sample_rate,
            num_channels=self.num_channels,
            report=reports.append,
        )

        def watch(blocks: io.Blocks) -> Iterator[torch.Tensor]:
            return self._watched(blocks, meter)

        encoding = self.encoding or _encoding_of(source, self.format, target)
        divisor, on_clip = 1.0, self.on_clip
        if on_clip == "rescale":
            # The largest sample has to be known before the first one is written. The seed makes
            # the second pass equal to the first.
            on_clip = "warn"
            if encoding != "float32":
                divisor = max(1.0, *(float(each.abs().max()) for each in stream.through(watch)))
                reports.clear()
        stream.write(
            target,
            format=self.format,
            bit_rate=self.bit_rate,
            encoding=encoding,
            on_clip=on_clip,
            overwrite=self.overwrite,
            watch=watch,
            divisor=divisor,
        )
        self._show(source, reports)

    def _watched(self, blocks: io.Blocks, meter: _Meter) -> Iterator[torch.Tensor]:
        rate = blocks.sample_rate
        with self._lock:
            meter.expect(None if blocks.num_samples is None else blocks.num_samples / rate)
        for block in blocks:
            if self._stop.is_set():
                raise Stopped
            yield block
            with self._lock:
                meter.add(block.shape[-1] / rate)

    def _show(self, source: Path | None, reports: Sequence[object]) -> None:
        with self._lock:
            for each in reports:
                if len(self.pairs) > 1:
                    print(f"{source}:", file=self.out)
                print(str(each).rstrip("\n"), file=self.out, flush=True)


class _Meter:
    """Seconds of audio done, out of those of the files that were begun."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._expected: float | None = 0.0
        self._done = 0.0

    def expect(self, duration_s: float | None) -> None:
        """Count one more file."""
        if self._expected is not None:
            self._expected = None if duration_s is None else self._expected + duration_s
        self._progress.set_total(self._expected)

    def add(self, duration_s: float) -> None:
        """Count what is done."""
        self._done += duration_s
        self._progress.update(self._done)


def _encoding_of(source: Path | None, name: str | None, target: Path) -> str | None:
    """Return the input's sample type where the output can have it, as sox keeps it."""
    encoding = None if source is None else io.info(source).encoding
    return encoding if encoding in target_format(name, target).encodings else None
