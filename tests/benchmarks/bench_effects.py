"""Effects beside libsox in process, torchaudio 2.11, pedalboard and the sox program.

Run as ``make bench`` or ``python tests/benchmarks/bench_effects.py [--quick] [WORD ...]``; words
choose effects; ``--commit`` also writes ``tests/benchmarks/results/effects.json``. Two jobs at
16 kHz: 10 s of one channel, and 32 clips of 4 s. audiolab takes the first by
``apply_effects_tensor``, words and all, the second as one batch by an ``EffectsChain``; libsox and
pedalboard take clip by clip, as they must. Where parsing words weighs, audiolab's function stands
beside torchaudio's and pedalboard's.

libsox is timed where ``AUDIOLAB_LEGACY_PYTHON`` (or ``--legacy-python``) names the interpreter of
an environment with torch 2.8 and torchaudio 2.8 and the system has libsox; it runs in a process of
its own, which times itself, turn and turn about with the others. Without it the sox program
stands in, less what the same pipes take without effects.

What the compiled loops cost is measured last: every effect once on a second of sound, in a process
with an empty cache, and in a second one that finds the cache filled.
"""

from __future__ import annotations

import argparse
import gc
import importlib.metadata
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch
from effects_jobs import JOBS, Job
from effects_rivals import LegacySox, Turn, measured, pedalboard_turn, sox_program_turns

from audiolab import effects
from audiolab.effects.sox.parser import split_line

CPUINFO = Path("/proc/cpuinfo")
RESULT = Path(__file__).parent / "results" / "effects.json"
BUILT = Path(__file__).parents[2] / ".build" / "bench" / "effects.json"
SHAPES = {"10 s": (1, 10.0), "32 x 4 s": (32, 4.0)}
OURS, LIBSOX, PROGRAM = "audiolab", "libsox", "sox program"
#: The program without effects: taken off its time, and not shown.
PIPES = "pipes"
#: audiolab's function, without words: beside functions.
FUNCTION = "audiolab function"
TORCHAUDIO, PEDALBOARD = "torchaudio", "pedalboard"
#: Functions and objects rather than words.
FUNCTIONS = {TORCHAUDIO, PEDALBOARD}
METHOD = (
    "Contestants take turns. ms is the wall time of the quickest turn, median_ms the median; "
    "cpu_ms and cpu_median_ms are the processor's time, of all threads. Ratios are of minima of "
    "the processor's time with one thread, of the wall time with two. Float32; libsox clip by clip "
    "in a process of its own that times itself; the program less its time without effects, "
    "where that leaves more than a tenth."
)
#: Clips of a batch end with lengths of their own.
RAGGED = {"silence", "splice", "vad"}
#: Seconds that the turns of one contestant may take: slow ones have fewer of them.
PATIENCE_S, QUICK_PATIENCE_S = 6.0, 1.0
WARM_UP = """
import json, sys, time
begin = time.perf_counter()
import torch
from audiolab import effects
imported = time.perf_counter() - begin
torch.set_num_threads(1)
times = {}
for line, rate, channels in json.load(sys.stdin):
    x = torch.rand(1, channels, rate, generator=torch.Generator().manual_seed(0)) - 0.5
    chain, lengths = effects.EffectsChain(line, seed=0), torch.tensor([rate])
    turns = []
    for _ in range(2):
        begin = time.process_time()
        chain(x, rate, lengths)
        turns.append(time.process_time() - begin)
    times[line] = turns
print(json.dumps([imported, times]))
"""


def sound(job: Job, rows: int, seconds: float) -> torch.Tensor:
    """Return noise and a tone whose level comes and goes, behind 0.3 s of near silence."""
    samples = round(seconds * job.rate)
    generator = torch.Generator().manual_seed(0)
    time = torch.arange(samples) / job.rate
    swell = 0.55 + 0.45 * torch.sin(2 * torch.pi * 0.7 * time)
    noise = torch.randn(rows, job.channels, samples, generator=generator)
    x = swell * (0.06 * noise + 0.15 * torch.sin(2 * torch.pi * 440 * time))
    x[..., : round(0.3 * job.rate)] *= 1e-3
    return x.clamp(-0.9, 0.9)


def contestants(
    job: Job, batch: torch.Tensor, folder: Path, legacy: LegacySox | None
) -> dict[str, Turn]:
    """Return everyone's turn of one job; audiolab's comes first."""
    line = job.words.format(profile=folder / "profile")
    words = split_line(line) if job.words_are_sox else []
    turns: dict[str, Turn] = {}
    if job.ours is not None:
        ours = job.ours
        turns[FUNCTION if words else OURS] = measured(lambda: ours(batch))
    if words:
        chain = effects.EffectsChain(line, seed=0)
        ragged = words[0][0] in RAGGED
        if len(batch) == 1 and not ragged:
            turns[OURS] = measured(
                lambda: effects.apply_effects_tensor(batch[0], job.rate, words, seed=0)
            )
        else:
            lengths = torch.full(batch.shape[:1], batch.shape[-1]) if ragged else None
            turns[OURS] = measured(lambda: chain(batch, job.rate, lengths))
    clips = batch.numpy()
    if legacy is not None and job.libsox:
        path = folder / f"{job.rate}-{'-'.join(map(str, batch.shape))}.npy"
        if not path.exists():
            np.save(path, clips)
        turns[LIBSOX] = legacy.turn(path, job.rate, words)
    if words and (job.program or legacy is None):
        program = sox_program_turns(clips, job.rate, words)
        if program is not None:
            turns[PROGRAM], turns[PIPES] = program
    if job.torchaudio is not None:
        theirs = job.torchaudio
        turns[TORCHAUDIO] = measured(lambda: theirs(batch))
    if job.pedalboard is not None:
        plugin = pedalboard_turn(clips, job.rate, *job.pedalboard)
        if plugin is not None:
            turns[PEDALBOARD] = plugin
    return turns


def take_turns(
    turns_of: Mapping[str, Turn], *, turns: int, threads: int, patience_s: float
) -> dict[str, dict[str, float]]:
    """Let everyone have a turn, `turns` times, after one that does not count."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in turns_of}
    try:
        allowed = {}
        for name, turn in turns_of.items():
            first = turn()
            if name in {OURS, FUNCTION}:
                first = turn()  # the first one compiled loops
            allowed[name] = min(turns, int(patience_s / first[0]))
            if not allowed[name]:
                times[name].append(first)  # so slow that it is not run again
        gc.collect()
        gc.disable()
        for index in range(turns):
            for name, turn in turns_of.items():
                if index < allowed[name]:
                    times[name].append(turn())
    finally:
        gc.enable()
        torch.set_num_threads(before)
    rows = {}
    for name, taken in times.items():
        wall, cpu = zip(*taken, strict=True)
        figures = {"ms": min(wall), "median_ms": statistics.median(wall)}
        figures |= {"cpu_ms": min(cpu), "cpu_median_ms": statistics.median(cpu)}
        rows[name] = {key: round(1e3 * value, 4) for key, value in figures.items()}
    return without_pipes(rows)


def without_pipes(rows: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """Take process start and pipes off the program's time, and it out where nothing is left."""
    if PIPES in rows:
        pipes, program = rows.pop(PIPES), rows.pop(PROGRAM)
        # What is less than a tenth of the pipes' time is not measured by a difference.
        if all(program[key] > 1.1 * pipes[key] for key in pipes):
            rows[PROGRAM] = {key: round(program[key] - pipes[key], 4) for key in pipes}
    return rows


def ratios(times: Mapping[str, Mapping[str, float]], threads: int) -> dict[str, float]:
    """Return how many times as long as ours each of the others takes."""
    key = "cpu_ms" if threads == 1 else "ms"
    function = times.get(FUNCTION, times[OURS])[key]
    return {
        name: round(row[key] / (function if name in FUNCTIONS else times[OURS][key]), 3)
        for name, row in times.items()
        if name not in {OURS, FUNCTION}
    }


def print_job(where: str, record: Mapping[str, Any]) -> None:
    """Print one line: ours, then everyone with how many times as long it took."""
    key = "cpu_ms" if record["threads"] == 1 else "ms"
    parts = [f"{record['times'][OURS][key]:9.3f} ms"]
    parts += [
        f"{name} {record['times'][name][key]:.3f} (x{ratio:.2f})"
        for name, ratio in record["ratios"].items()
    ]
    print(f"{where:14} {record['effect'][:44]:44} " + "  ".join(parts), flush=True)


def mean_ratios(rows: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Return geometric means over the jobs, and how many a rival wins, of each rival."""
    summary = {}
    for name in (LIBSOX, PROGRAM, TORCHAUDIO, PEDALBOARD):
        found = [
            row["ratios"][name]
            for row in rows
            if name in row["ratios"] and (name in {LIBSOX, PROGRAM} or not row["note"])
        ]
        if found:
            mean = math.exp(statistics.mean(math.log(max(ratio, 1e-3)) for ratio in found))
            lost = sum(ratio < 1 for ratio in found)
            summary[name] = {"mean": round(mean, 3), "jobs": len(found), "lost": lost}
    return summary


def summarised(rows: list[dict[str, Any]], threads: list[int]) -> dict[str, Any]:
    """Return the means of every shape, one thread and two."""
    return {
        f"{shape}, {count} thread{'s' * (count > 1)}": mean_ratios(
            [row for row in rows if (row["shape"], row["threads"]) == (shape, count)]
        )
        for shape in SHAPES
        for count in threads
    }


def warm_up(jobs: list[Job], folder: Path) -> dict[str, Any]:
    """Measure the first call of every effect: without a cache of compiled loops, and with one."""
    tasks = [
        (job.words.format(profile=folder / "profile"), job.rate, job.channels)
        for job in jobs
        if job.words_are_sox
    ]
    environment = os.environ | {"NUMBA_CACHE_DIR": str(folder / "numba"), "OMP_NUM_THREADS": "1"}
    environment["PYTHONPATH"] = str(Path(__file__).parents[2])
    answers = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", WARM_UP],
            input=json.dumps(tasks),
            capture_output=True,
            text=True,
            check=True,
            env=environment,
        )
        answers.append(json.loads(done.stdout.splitlines()[-1]))
    (imported, cold), (_, cached) = answers
    extra = {line: [t[line][0] - t[line][1] for t in (cold, cached)] for line in cold}
    worst = sorted(extra, key=lambda line: -extra[line][0])[:12]
    return {
        "import_s": round(imported, 3),
        "first_calls_s": round(sum(first for first, _ in extra.values()), 3),
        "first_calls_cached_s": round(sum(second for _, second in extra.values()), 3),
        "longest_s": {
            line.replace(str(folder), ""): [round(each, 3) for each in extra[line]]
            for line in worst
        },
    }


def machine() -> str:
    """Return the kind of processor, without names of hosts."""
    lines = CPUINFO.read_text().splitlines() if CPUINFO.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    kinds = [*names[:1], platform.machine(), f"{os.cpu_count()} cores"]
    return ", ".join(kind for kind in kinds if kind)


def versions(legacy: LegacySox | None) -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in ("torch", "torchaudio", "numpy", "numba", "pedalboard"):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "absent"
    return found | {"libsox in process": "torchaudio 2.8" if legacy else "absent"}


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("only", nargs="*", metavar="WORD", help="effects that hold these words")
    parser.add_argument(
        "--quick", action="store_true", help="fewer turns; two threads for the first twelve"
    )
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--no-warm-up", action="store_true", help="leave the first calls out")
    parser.add_argument(
        "--legacy-python",
        default=os.environ.get("AUDIOLAB_LEGACY_PYTHON"),
        help="interpreter with torchaudio 2.8",
    )
    parser.add_argument(
        "--commit", action="store_true", help=f"write {RESULT.name} to be committed"
    )
    return parser.parse_args()


def main() -> None:
    options = parse_arguments()
    jobs = [job for job in JOBS if not options.only or set(options.only) & set(job.words.split())]
    record: dict[str, Any] = {
        "command": "python tests/benchmarks/bench_effects.py"
        + " --quick" * options.quick
        + " --commit" * options.commit,
        "method": METHOD,
        "machine": machine(),
        "date": date.today().isoformat(),
        "load_average": [round(os.getloadavg()[0], 2)],
        "speed": [],
    }
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        effects.EffectsChain(f"noiseprof {folder / 'profile'}")(sound(JOBS[0], 1, 1.0), 16_000)
        legacy = LegacySox(options.legacy_python, folder) if options.legacy_python else None
        if legacy is None:
            print("no torchaudio 2.8 (AUDIOLAB_LEGACY_PYTHON): the sox program stands in")
        record["versions"] = versions(legacy)
        for job in jobs:
            for shape, (rows, seconds) in SHAPES.items():
                if (job.one_by_one and rows > 1) or (job.slow and rows == 1 and options.quick):
                    continue
                turns_of = contestants(job, sound(job, rows, seconds), folder, legacy)
                for threads in options.threads:
                    turns = (3 if options.quick else 15) * (3 if rows == 1 else 1)
                    if options.quick and threads > 1 and not job.promised:
                        continue
                    patience_s = QUICK_PATIENCE_S if options.quick else PATIENCE_S
                    times = take_turns(
                        turns_of, turns=turns, threads=threads, patience_s=patience_s
                    )
                    row = {
                        "effect": job.words.replace(str(folder), ""),
                        "shape": shape,
                        "threads": threads,
                        "promised": job.promised,
                        "note": job.note,
                        "ratios": ratios(times, threads),
                        "times": times,
                    }
                    record["speed"].append(row)
                    print_job(f"{shape}, {threads} thr.", row)
        if legacy is not None:
            legacy.close()
        record["load_average"].append(round(os.getloadavg()[0], 2))
        record["summary"] = summarised(record["speed"], options.threads)
        print(json.dumps(record["summary"], indent=1))
        write(record, commit=options.commit)
        if not options.no_warm_up:
            record["warm_up"] = warm_up(jobs, folder)
            print(json.dumps(record["warm_up"], indent=1))
            write(record, commit=options.commit)


def write(record: Mapping[str, Any], *, commit: bool) -> None:
    """Write the record where the site finds it, and where it is committed."""
    for path in (BUILT, RESULT) if commit else (BUILT,):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(record, indent=1) + "\n")
        print(f"written to {path.name}", flush=True)


if __name__ == "__main__":
    main()
