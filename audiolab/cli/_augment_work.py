"""The work of ``audiolab augment``: which files, which copies, several processes, what is done.

Processes, not threads: banks of recordings are not made to be shared. Only this process writes the
manifest; a worker that loses its parent ends by itself.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import connection, get_context, parent_process
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast

import torch

from audiolab import io
from audiolab._files import atomic_path
from audiolab.augment import Transform, item_seed
from audiolab.cli._augment_manifest import Entry, Header, Manifest
from audiolab.cli._errors import CommandError, describe, report
from audiolab.cli._output import target_format
from audiolab.cli._progress import Progress

__all__ = ["Work", "find_sources", "print_params"]

#: What became of an output: its entry and the seconds that were read, or what went wrong.
Result: TypeAlias = tuple[Entry, float] | Exception


def find_sources(paths: Sequence[Path]) -> dict[str, Path]:
    """Return the files to read by their names: within a folder that was given, or their own."""
    known = {extension for each in io.formats() for extension in each.extensions}
    found: dict[str, Path] = {}
    for path in paths:
        if path.is_dir():
            inside = sorted(
                each
                for each in path.rglob("*")
                if each.suffix.lower() in known and each.is_file() and each.name[0] != "."
            )
            if not inside:
                raise CommandError(f"{path}: holds no audio files")
            named = {each.relative_to(path).as_posix(): each for each in inside}
        elif path.exists():
            named = {path.name: path}
        else:
            raise CommandError(f"{path}: No such file or directory")
        for name, each in named.items():
            if name in found and found[name] != each:
                raise CommandError(
                    f"{found[name]} and {each} have the same name: augment them into two folders"
                )
            found[name] = each
    return found


@dataclass(frozen=True)
class Job:
    """An output to make.

    Parameters
    ----------
    output : str
        Its path within the folder of outputs.
    source : Path
        File to read.
    item : str
        What names the file for its seed.
    copy : int
        Number of the copy, from 1.
    known : Entry or None
        What the manifest has about it: parameters to use again.
    """

    output: str
    source: Path
    item: str
    copy: int
    known: Entry | None = None


@dataclass
class Work:
    """A run over files.

    Parameters
    ----------
    header : Header
        Recipe and settings.
    out : Path
        Folder of outputs.
    manifest : Path or None
        Where outputs are logged.
    prog : str
        Name of the command, for its messages.
    jobs : int
        Processes.
    overwrite : bool
        Whether other files of the same names are replaced.
    """

    header: Header
    out: Path
    manifest: Path | None
    prog: str
    jobs: int
    overwrite: bool

    def augment(self, sources: dict[str, Path], extensions: dict[str, str], copies: int) -> int:
        """Make the outputs that are not there; return the exit status."""
        digits = len(str(copies))
        jobs: dict[str, Job] = {}
        for item, source in sources.items():
            stem = item[: len(item) - len(source.suffix)]
            for copy in range(1, copies + 1):
                output = f"{stem}-{copy:0{digits}d}{extensions[item]}"
                if output in jobs:
                    raise CommandError(
                        f"{jobs[output].source} and {source} would both be written to {output}"
                    )
                if (self.out / output).exists() and (self.out / output).samefile(source):
                    raise CommandError(f"{source} is its own output: name another --out")
                jobs[output] = Job(output, source, item, copy)
        assert self.manifest is not None
        log = Manifest(self.manifest, self.header)
        try:
            left = [each for each in jobs.values() if not self._is_done(each, log.entries)]
            return self._make(left, log, skipped=len(jobs) - len(left))
        finally:
            log.close()

    def replay(self, entries: Sequence[Entry]) -> int:
        """Rebuild outputs; return 1 where one of them is not what it was."""
        log = None if self.manifest is None else Manifest(self.manifest, self.header)
        jobs = [Job(each.output, Path(each.source), each.item, each.copy, each) for each in entries]
        try:
            return self._make(jobs, log, skipped=0)
        finally:
            if log is not None:
                log.close()

    def _is_done(self, job: Job, entries: dict[str, Entry]) -> bool:
        """Tell whether the output is there, of this source and whole."""
        entry, target = entries.get(job.output), self.out / job.output
        return (
            entry is not None
            and target.is_file()
            and job.source.is_file()
            and _sha256(target) == entry.output_sha256
            and _sha256(job.source) == entry.source_sha256
        )

    def _make(self, jobs: Sequence[Job], log: Manifest | None, *, skipped: int) -> int:
        made = failed = 0
        done_s = 0.0
        with Progress(None) as progress:
            total_s = _duration_s(jobs)
            progress.set_total(total_s or None)
            for job, result in self._results(jobs):
                if isinstance(result, Exception):
                    failed += 1
                    text = describe(result)
                    report(self.prog, text if str(job.source) in text else f"{job.source}: {text}")
                    continue
                made += 1
                entry, seconds = result
                if log is not None:
                    log.add(entry)
                done_s += seconds
                progress.update(min(done_s, total_s) if total_s else done_s)
        print(f"{made} written, {skipped} there already, {failed} failed")
        return 1 if failed else 0

    def _results(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, Result]]:
        """Yield the jobs as they are done, each with its entry and the seconds that were read."""
        worker = _Worker(self.header, self.out, self.overwrite)
        if self.jobs == 1 or len(jobs) < 2:
            transform = self.header.transform()
            for job in jobs:
                yield job, worker.attempt(job, transform)
            return
        context = get_context("spawn")
        with _pool(self.jobs, context, worker) as pool:
            futures: dict[Future[Any], Job] = {pool.submit(_in_worker, each): each for each in jobs}
            for future in as_completed(futures):
                yield futures[future], future.result()


@contextmanager
def _pool(jobs: int, context: Any, worker: _Worker) -> Iterator[ProcessPoolExecutor]:
    pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_start, initargs=(worker,))
    try:
        yield pool
    except BaseException:
        # Ctrl-C: what waits is not begun; what is being written is finished, or never appears.
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()


@dataclass(frozen=True)
class _Worker:
    """What a process needs to know."""

    header: Header
    out: Path
    overwrite: bool

    def attempt(self, job: Job, transform: Transform) -> Result:
        """Make an output, or return what went wrong."""
        try:
            return self.make(job, transform)
        except Exception as error:
            return error

    def make(self, job: Job, transform: Transform) -> tuple[Entry, float]:
        """Make an output."""
        header = self.header
        source_sha256 = _sha256(job.source)
        if job.known is not None and job.known.source_sha256 != source_sha256:
            raise CommandError(f"{job.source} is not the file that the manifest was made from")
        waveform, rate = io.load(
            job.source, sample_rate=header.sample_rate, num_channels=header.num_channels
        )
        if job.known is None:
            params = _drawn(transform, header, job, waveform.shape[0])
        else:
            params = job.known.params
        result = transform.apply(waveform, rate, [params])
        target = self.out / job.output
        data = io.encode(
            result.waveform[:, : int(result.lengths[0])],
            rate,
            format=header.format or target_format(None, target).name,
            bit_rate=header.bit_rate,
            encoding=header.encoding,
            on_clip=cast("Literal['warn', 'error', 'rescale']", header.on_clip),
        )
        sha256 = hashlib.sha256(data).hexdigest()
        if job.known is not None and job.known.output_sha256 != sha256:
            raise CommandError(
                f"{job.output} comes out differently than it did: another version of audiolab or "
                "of a coder, or other recordings"
            )
        _write(target, data, overwrite=self.overwrite or job.known is not None)
        entry = Entry(
            job.output,
            str(job.source.resolve()),
            job.item,
            job.copy,
            rate,
            dict(params),
            source_sha256,
            sha256,
        )
        return entry, waveform.shape[-1] / rate


def _drawn(transform: Transform, header: Header, job: Job, channels: int) -> dict[str, Any]:
    seed = item_seed(header.seed, job.item, epoch=job.copy)
    return transform.draw_items(seed, num_channels=channels)[0]


def _write(target: Path, data: bytes, *, overwrite: bool) -> None:
    """Write an output whole; a file of another content is replaced only when asked."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_file() and not overwrite:
        # A run may have been killed after the file and before its line in the manifest.
        if target.read_bytes() == data:
            return
        raise CommandError(f"{target} exists already, with another content (-f replaces it)")
    with atomic_path(target, overwrite=overwrite) as temporary:
        temporary.write_bytes(data)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _duration_s(jobs: Sequence[Job]) -> float:
    """Return the seconds to read, as far as headers tell; each file is looked into once."""
    counted: dict[Path, float] = {}
    for job in jobs:
        if job.source not in counted:
            try:
                counted[job.source] = io.info(job.source).duration_s or 0.0
            except (OSError, ValueError):
                counted[job.source] = 0.0
    return sum(counted[job.source] for job in jobs)


def print_params(header: Header, sources: dict[str, Path], copies: int) -> int:
    """Print what would be drawn as JSON lines."""
    transform = header.transform()
    failed = 0
    for item, source in sources.items():
        try:
            channels = header.num_channels or io.info(source).num_channels
        except (OSError, ValueError) as error:
            failed += 1
            report("audiolab augment", describe(error))
            continue
        for copy in range(1, copies + 1):
            job = Job("", source, item, copy)
            drawn = {"item": item, "copy": copy, "params": _drawn(transform, header, job, channels)}
            print(json.dumps(drawn, allow_nan=False))
    sys.stdout.flush()
    return 1 if failed else 0


#: In a worker: what to do, and with what.
_worker: tuple[_Worker, Transform] | None = None


def _start(worker: _Worker) -> None:
    global _worker
    torch.set_num_threads(1)
    _worker = worker, worker.header.transform()
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End when the command is gone, however it went."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


def _in_worker(job: Job) -> Result:
    assert _worker is not None
    worker, transform = _worker
    result = worker.attempt(job, transform)
    # What was chained to an error may not travel between processes.
    return CommandError(describe(result)) if isinstance(result, Exception) else result
