"""Augmentation beside audiomentations and torch-audiomentations; stretching beside everybody.

Run as ``python tests/benchmarks/bench_augment.py [--quick] [--commit] [WORD ...]``; words choose
jobs, and ``--commit`` writes ``tests/benchmarks/results/augment.json``. Two jobs at 16 kHz: 10 s of
one channel, and 32 clips of 4 s. audiomentations takes clip by clip, as it must, and its results
are put into a batch, which is what all others return. Then the engines
of pitch and stretch stand beside libsox, Signalsmith, Rubber Band, librosa and torchaudio, with
what they do to a tone, two tones, a click and a glide.

Who is missing is said. torch-audiomentations 0.12 asks torchaudio for ``info``, which is gone
since 2.9: it gets audiolab's.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import types
import warnings
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch
from augment_jobs import JOBS, RECIPE, Folders, Job
from augment_stretching import quality_rows, stretching_turns
from effects_rivals import Turn, measured
from numpy.typing import NDArray

from audiolab import io, signals

RESULT = Path(__file__).parent / "results" / "augment.json"
BUILT = Path(__file__).parents[2] / ".build" / "bench" / "augment.json"
RATE = 16_000
SHAPES = {"10 s": (1, 10), "32 x 4 s": (32, 4)}
OURS, NUMPY, TORCH = "audiolab", "audiomentations", "torch-audiomentations"
#: Seconds that the turns of one contestant may take: slow ones have fewer of them.
PATIENCE_S, QUICK_PATIENCE_S = 4.0, 0.5
METHOD = (
    "Contestants take turns. ms is the wall time of the quickest turn, median_ms the median, "
    "cpu_ms the least processor's time of all threads; every turn draws anew. Ratios are theirs "
    "over ours: of cpu_ms with one thread, of ms with two. peak_mib is what a turn adds "
    "to the resident memory at its peak."
)


def sounds(folder: Path) -> Folders:
    """Write noise and impulse responses as files."""
    made = Folders(folder / "sounds", folder / "responses")
    for each in (made.sounds, made.responses):
        each.mkdir()
    for index in range(4):
        noise = 0.1 * signals.pink_noise(12.0, RATE, generator=index)
        io.save(made.sounds / f"{index}.wav", noise[None], RATE)
        time = torch.arange(RATE // 2) / RATE
        tail = signals.white_noise(0.5, RATE, generator=10 + index) * 10 ** (-6 * time / 0.5)
        tail[0] = 1.0
        io.save(made.responses / f"{index}.wav", 0.5 * tail[None], RATE)
    return made


def speech(items: int, seconds: int) -> torch.Tensor:
    """Return items ``(items, 1, time)`` cut from the bundled speech, each from its own place."""
    clip = io.load(signals.clip_path("speech"), sample_rate=RATE, num_channels=1)[0][0]
    clip = clip.repeat(-(-(seconds + 4) * RATE // len(clip)))
    starts = [index * 1777 % (4 * RATE) for index in range(items)]
    return torch.stack([clip[start : start + seconds * RATE] for start in starts])[:, None]


def rivals() -> dict[str, Any]:
    """Return the libraries that are here, and say which are not."""
    found = {}
    for name in (NUMPY, TORCH):
        try:
            found[name] = importlib.import_module(name.replace("-", "_"))
        except ImportError:
            print(f"missing: {name}")
    if TORCH in found:
        lend_info()
    return found


def lend_info() -> None:
    """Give torchaudio the function that torch-audiomentations misses."""
    torchaudio = importlib.import_module("torchaudio")
    if hasattr(torchaudio, "info"):
        return

    def info(path: str, **_: object) -> types.SimpleNamespace:
        about = io.info(path)
        return types.SimpleNamespace(num_frames=about.num_samples, sample_rate=about.sample_rate)

    torchaudio.info = info  # type: ignore[attr-defined]


def contestants(
    job: Job, batch: torch.Tensor, folders: Folders, libraries: Mapping[str, Any]
) -> dict[str, Turn]:
    """Return everyone's turn of one job; audiolab's comes first."""
    turns: dict[str, Turn] = {}
    ours = job.ours(folders)
    seeds = iter(range(1 << 62))
    turns[OURS] = measured(lambda: ours(batch, RATE, generator=next(seeds)))
    clips = [clip[0].numpy() for clip in batch]
    if NUMPY in libraries and job.audiomentations is not None:
        theirs = job.audiomentations(libraries[NUMPY], folders)
        turns[NUMPY] = measured(
            lambda: collated([theirs(samples=clip, sample_rate=RATE) for clip in clips])
        )
    if TORCH in libraries and job.torch_audiomentations is not None:
        module = job.torch_audiomentations(libraries[TORCH], folders)
        turns[TORCH] = measured(lambda: module(batch, sample_rate=RATE))
    return turns


def collated(clips: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Return clips as the batch that a network takes, the shorter ones filled up."""
    batch = np.zeros((len(clips), 1, max(len(clip) for clip in clips)), np.float32)
    for row, clip in zip(batch, clips, strict=True):
        row[0, : len(clip)] = clip
    return batch


def take_turns(
    turns_of: Mapping[str, Turn], *, turns: int, threads: int, patience_s: float
) -> dict[str, dict[str, float]]:
    """Let everyone have a turn, `turns` times, after two that do not count."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in turns_of}
    failed: dict[str, str] = {}
    try:
        allowed = {}
        for name, turn in turns_of.items():
            try:
                first = turn()
                first = min(first, turn())  # the first one loaded files and compiled loops
            except Exception as error:
                if name == OURS:
                    raise
                failed[name] = f"{type(error).__name__}: {str(error).splitlines()[0][:80]}"
                continue
            allowed[name] = min(turns, int(patience_s / first[0]))
            times[name].append(first)
        gc.collect()
        gc.disable()
        for index in range(turns):
            for name, count in allowed.items():
                if index < count:
                    times[name].append(turns_of[name]())
    finally:
        gc.enable()
        torch.set_num_threads(before)
    rows: dict[str, dict[str, Any]] = {name: {"failed": why} for name, why in failed.items()}
    for name, taken in times.items():
        if taken:
            wall, cpu = zip(*taken, strict=True)
            figures = {"ms": min(wall), "median_ms": statistics.median(wall), "cpu_ms": min(cpu)}
            rows[name] = {key: round(1e3 * value, 4) for key, value in figures.items()}
    return rows


def peak_mib(turn: Turn) -> float:
    """Return by how much a turn raises the resident memory, as Linux counts its peak."""
    gc.collect()
    status, reset = Path("/proc/self/status"), Path("/proc/self/clear_refs")

    def read(field: str) -> float:
        line = next(each for each in status.read_text().splitlines() if each.startswith(field))
        return int(line.split()[1]) / 1024

    reset.write_text("5")
    before = read("VmRSS")
    turn()
    return round(read("VmHWM") - before, 1)


def peak_of(name: str, shape: str, folders: Folders) -> float:
    """Return one contestant's peak on the recipe, after a turn on a single clip."""
    batch, libraries = speech(*SHAPES[shape]), rivals()
    contestants(RECIPE, batch[:1, :, : 2 * RATE], folders, libraries)[name]()
    return peak_mib(contestants(RECIPE, batch, folders, libraries)[name])


def peaks(folder: Path, names: Sequence[str]) -> dict[str, dict[str, float]]:
    """Return everyone's peaks, each from a process of its own, whose memory is as good as new."""
    found: dict[str, dict[str, float]] = {}
    for shape in SHAPES:
        found[shape] = {}
        for name in names:
            command = [sys.executable, __file__, "--peak", name, shape, str(folder)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            found[shape][name] = float(done.stdout.split()[-1])
    return found


def with_ratios(rows: dict[str, dict[str, Any]], threads: int) -> dict[str, dict[str, Any]]:
    """Add each rival's time over ours."""
    key = "cpu_ms" if threads == 1 else "ms"
    for name, row in rows.items():
        if name != OURS and key in row:
            row["ratio"] = round(row[key] / rows[OURS][key], 2)
    return rows


def line(name: str, rows: Mapping[str, Mapping[str, Any]]) -> str:
    """Return a table's row: our time, and the others' ratios."""
    cells = [f"  {name:24} {rows[OURS]['ms']:9.2f} ms"]
    for each, row in rows.items():
        if each != OURS:
            said = f"x{row['ratio']:.2f}" if "ratio" in row else row["failed"]
            cells.append(f"{each} {said}")
    return "   ".join(cells)


def slower_than_both(results: Mapping[str, Any]) -> list[str]:
    """Return the jobs in which both rivals are quicker."""
    slow = []
    for title, jobs in results.items():
        for name, rows in jobs.items():
            ratios = [row["ratio"] for each, row in rows.items() if each != OURS and "ratio" in row]
            if ratios and max(ratios) < 1:
                slow.append(f"{title}: {name} (x{max(ratios):.2f})")
    return slow


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("words", nargs="*", help="jobs whose names hold one of these")
    parser.add_argument("--quick", action="store_true", help="fewer turns")
    parser.add_argument("--commit", action="store_true", help=f"also write {RESULT.name}")
    parser.add_argument("--no-engines", action="store_true", help="leave pitch and stretch out")
    parser.add_argument("--patience", type=float, help="seconds a contestant's turns may take")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--legacy-python", default=os.environ.get("AUDIOLAB_LEGACY_PYTHON"))
    parser.add_argument("--peak", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    if options.peak:
        torch.set_num_threads(1)
        name, shape, place = options.peak
        print(peak_of(name, shape, Folders(Path(place) / "sounds", Path(place) / "responses")))
        return
    turns, patience_s = (3, QUICK_PATIENCE_S) if options.quick else (7, PATIENCE_S)
    patience_s = options.patience or patience_s
    libraries = rivals()
    results: dict[str, dict[str, Any]] = {}
    record: dict[str, Any] = {}
    chosen = [
        job
        for job in (RECIPE, *JOBS)
        if not options.words or any(word in job.name for word in options.words)
    ]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folders = sounds(folder)
        for shape, (items, seconds) in SHAPES.items():
            batch = speech(items, seconds)
            for threads in options.threads:
                title = f"{shape}, {threads} thread{'s' * (threads > 1)}"
                print(f"\n{title}")
                jobs = results[title] = {}
                for job in chosen:
                    rows = take_turns(
                        contestants(job, batch, folders, libraries),
                        turns=turns,
                        threads=threads,
                        patience_s=patience_s,
                    )
                    jobs[job.name] = with_ratios(rows, threads)
                    print(line(job.name, rows), flush=True)
        if not options.words:
            memory = peaks(folder, [OURS, *libraries])
            print("\npeak memory of the recipe, MiB above the libraries and the batch")
            for shape, row in memory.items():
                print(f"  {shape:10} " + "   ".join(f"{k} {v:.0f}" for k, v in row.items()))
            record["peak_mib"] = memory
        if not (options.words or options.no_engines) or "engines" in options.words:
            record["engines"] = engines(folder, options.legacy_python, turns, patience_s)
    slow = slower_than_both(results)
    print("\nslower than both:", "; ".join(slow) or "none")
    record = {
        "date": date.today().isoformat(),
        "machine": {
            "processor": platform.machine(),
            "cpus": os.cpu_count(),
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": np.__version__,
        },
        "method": METHOD,
        "rivals": {
            name: importlib.import_module("importlib.metadata").version(name) for name in libraries
        },
        "notes": {job.name: job.note for job in chosen if job.note},
        "results": results,
        "slower_than_both": slow,
        **record,
    }
    for path in (BUILT, RESULT) if options.commit else (BUILT,):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(record, indent=1) + "\n")


def engines(folder: Path, legacy: str | None, turns: int, patience_s: float) -> dict[str, Any]:
    """Time pitch and stretch of every library, and measure what they do."""
    record: dict[str, Any] = {}
    for shape, (items, seconds) in SHAPES.items():
        for job, turns_of, close in stretching_turns(speech(items, seconds), RATE, folder, legacy):
            rows = take_turns(turns_of, turns=turns, threads=1, patience_s=patience_s)
            close()
            quickest = min(row["cpu_ms"] for name, row in rows.items() if not is_ours(name))
            print(f"\n{job}, {shape}, 1 thread (ms; over the quickest rival)")
            for name, row in rows.items():
                if "failed" in row:
                    print(f"  {name:28} {row['failed']}")
                    continue
                row["over_quickest_rival"] = round(row["cpu_ms"] / quickest, 2)
                print(f"  {name:28} {row['cpu_ms']:10.2f}  x{row['over_quickest_rival']:.2f}")
            record[f"{job}, {shape}"] = rows
    record["quality"] = quality_rows(RATE)
    for job, rows in record["quality"].items():
        print(f"\n{job}")
        for name, row in rows.items():
            print(f"  {name:28} " + "  ".join(f"{k} {v}" for k, v in row.items()))
    return record


def is_ours(name: str) -> bool:
    return name.startswith(OURS)


if __name__ == "__main__":
    main()
