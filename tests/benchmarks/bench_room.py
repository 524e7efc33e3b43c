"""Rooms: a hundred responses beside pyroomacoustics, convolution beside scipy and torchaudio.

Run as ``python tests/benchmarks/bench_room.py [--quick]``; ``--commit`` also writes
``tests/benchmarks/results/room.json``. Contestants take turns in one process with one thread; of
each the least processor time of a turn counts, and ratios are of those. Compiled loops are compiled
before the first turn.
"""

from __future__ import annotations

import argparse
import gc
import importlib.metadata
import json
import math
import os
import platform
import sys
import time
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyroomacoustics
import scipy.signal
import torch
import torchaudio

from audiolab import room

RATE = 16_000
RESULT = Path(__file__).parent / "results" / "room.json"
BUILT = Path(__file__).parents[2] / ".build" / "bench" / "room.json"
CPUINFO = Path("/proc/cpuinfo")


def take_turns(contestants: Mapping[str, Callable[[], object]], turns: int) -> dict[str, float]:
    """Return the least processor time of each one's turns in ms."""
    best = dict.fromkeys(contestants, math.inf)
    for call in contestants.values():
        call()
    gc.collect()
    gc.disable()
    for _ in range(turns):
        for name, call in contestants.items():
            begin = time.process_time()
            call()
            best[name] = min(best[name], time.process_time() - begin)
    gc.enable()
    return {name: round(1e3 * each, 3) for name, each in best.items()}


def report(title: str, times: Mapping[str, float]) -> dict[str, Any]:
    ours = times["audiolab"]
    print(f"\n{title}")
    for name, ms in times.items():
        print(f"  {name:32} {ms:10.2f} ms   x{ms / ours:.2f}")
    return {"title": title, "cpu_ms": dict(times)}


def rooms(count: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    draw = torch.rand(3, count, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    sides = torch.tensor([3.0, 3.0, 2.4]) + draw[0] * torch.tensor([5.0, 4.0, 1.2])
    return sides, sides * (0.1 + 0.4 * draw[1]), sides * (0.55 + 0.35 * draw[2])


def theirs(sides: np.ndarray, source: np.ndarray, ear: np.ndarray, kept: float, order: int) -> Any:
    box = pyroomacoustics.ShoeBox(
        sides, fs=RATE, materials=pyroomacoustics.Material(kept), max_order=order
    )
    box.add_source(source)
    box.add_microphone(ear)
    box.compute_rir()
    return box.rir[0][0]


def simulate(count: int, order: int, turns: int) -> dict[str, Any]:
    """The same images on both sides, high-pass included."""
    sides, source, ear = rooms(count)
    arrays = [each.numpy() for each in (sides, source, ear)]
    kept = 0.35
    times = take_turns(
        {
            "audiolab": lambda: room.shoebox_rir(
                sides, source, ear, RATE, absorption=kept, max_order=order
            ),
            "pyroomacoustics": lambda: [
                theirs(*place, kept, order) for place in zip(*arrays, strict=True)
            ],
        },
        turns,
    )
    return report(f"{count} rooms, {order} reflections", times)


def asked(count: int, rt60_s: float, turns: int) -> dict[str, Any]:
    """What a user asks for: a reverberation time, each library by its own rule."""
    sides, source, ear = rooms(count)
    arrays = [each.numpy() for each in (sides, source, ear)]

    def by_sabine() -> list[Any]:
        found = []
        for side, s, m in zip(*arrays, strict=True):
            kept, order = pyroomacoustics.inverse_sabine(rt60_s, side)
            found.append(theirs(side, s, m, kept, order))
        return found

    times = take_turns(
        {
            "audiolab": lambda: room.shoebox_rir(sides, source, ear, RATE, rt60_s=rt60_s),
            "audiolab, corrected to 3 %": lambda: room.shoebox_rir(
                sides, source, ear, RATE, rt60_s=rt60_s, rt60_tolerance=0.03
            ),
            "pyroomacoustics, inverse Sabine": by_sabine,
        },
        turns,
    )
    return report(f"{count} rooms that ring for {rt60_s} s", times)


def errors(count: int, rt60_s: float) -> dict[str, float]:
    """How far the T30 is from what was asked for, root of the mean square in percent."""
    sides, source, ear = rooms(count)
    result = {}
    plain = {"rt60_s": rt60_s}
    for name, how in {
        "audiolab": plain,
        "audiolab, corrected to 3 %": plain | {"rt60_tolerance": 0.03},
    }.items():
        rir = room.shoebox_rir(sides, source, ear, RATE, **how)
        off = room.reverberation_time_s(rir, RATE) / rt60_s - 1
        result[name] = round(100 * float(off.square().mean().sqrt()), 2)
    off = []
    for side, s, m in zip(*(each.numpy() for each in (sides, source, ear)), strict=True):
        kept, order = pyroomacoustics.inverse_sabine(rt60_s, side)
        rir = torch.from_numpy(np.asarray(theirs(side, s, m, kept, order)))
        off.append(float(room.reverberation_time_s(rir, RATE)) / rt60_s - 1)
    result["pyroomacoustics, inverse Sabine"] = round(
        100 * math.sqrt(sum(x * x for x in off) / len(off)), 2
    )
    print(f"\nT30 asked for {rt60_s} s, off by (RMS, %): {result}")
    return result


def convolve(rows: int, duration_s: float, turns: int) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(rows, round(duration_s * RATE), generator=generator)
    decay = 10 ** (-3 * torch.arange(RATE // 2) / (0.4 * RATE))
    h = torch.randn(rows, RATE // 2, generator=generator) * decay
    arrays = x.numpy(), h.numpy()
    times = take_turns(
        {
            "audiolab": lambda: room.reverberate(x, h, mode="full"),
            "scipy.signal.oaconvolve": lambda: scipy.signal.oaconvolve(*arrays, axes=-1),
            "torchaudio fftconvolve": lambda: torchaudio.functional.fftconvolve(x, h),
        },
        turns,
    )
    return report(f"{rows} x {duration_s} s, responses of 0.5 s", times)


def machine() -> str:
    lines = CPUINFO.read_text().splitlines() if CPUINFO.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return ", ".join([*names[:1], platform.machine(), f"{os.cpu_count()} cores"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer turns and rooms")
    parser.add_argument("--commit", action="store_true", help=f"write {RESULT.name}")
    options = parser.parse_args()
    torch.set_num_threads(1)
    pyroomacoustics.constants.set("num_threads", 1)
    quick = options.quick
    turns, count = (2, 20) if quick else (3, 100)
    packages = ("torch", "torchaudio", "numpy", "numba", "scipy", "pyroomacoustics")
    record: dict[str, Any] = {
        "command": " ".join(["python", "tests/benchmarks/bench_room.py", *sys.argv[1:]]),
        "method": "Least processor time of the turns, which contestants take in one process with "
        "one thread; float32 results, 16 kHz.",
        "machine": machine(),
        "versions": {"python": platform.python_version()}
        | {package: importlib.metadata.version(package) for package in packages},
        "date": date.today().isoformat(),
        "load_average": [round(os.getloadavg()[0], 2)],
        "rooms": [simulate(count, 17, turns), simulate(count, 30, turns), asked(count, 0.3, turns)],
        "rt60_error_percent": {str(t): errors(count // 5, t) for t in (0.2, 0.4)},
        "reverberate": [convolve(1, 10.0, 8 * turns), convolve(32, 4.0, 2 * turns)],
    }
    record["load_average"].append(round(os.getloadavg()[0], 2))
    for path in (BUILT, RESULT) if options.commit else (BUILT,):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(record, indent=1) + "\n")
        print(f"\nwritten to {path.name}")


if __name__ == "__main__":
    main()
