"""Resampling: quality and speed of every engine side by side.

Run as ``make bench`` or ``python tests/benchmarks/bench_resample.py [--quick]``; ``--commit`` also
writes ``tests/benchmarks/results/resample.json``, which the gallery shows. Four tables: how long
each method takes, one thread and two; what a chunk of a stream takes; the curve of designs and
block strategies that led to the default; and what each method does to tones. The libraries are
called as their users call them, without our adapters.

The contestants take turns, and of each the quickest turn counts: on a machine that others use,
what a turn takes beyond that is theirs. The processor's time is given too, which others disturb
less.
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
from dataclasses import asdict
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import soxr
import torch
import torchaudio

from audiolab.resample import METHODS, STANDARD, FilterDesign, StreamResampler, quality, resample
from audiolab.resample.polyphase import polyphase
from audiolab.resample.rates import rate_ratio, scaled_length

PAIRS = [(48_000, 32_000), (44_100, 16_000), (16_000, 44_100), (44_100, 48_000), (44_100, 16_001)]
SOXR, KAISER_BEST = "soxr HQ, row by row", "torchaudio T.Resample kaiser_best"
CPUINFO = Path("/proc/cpuinfo")
RESULT = Path(__file__).parent / "results" / "resample.json"
BUILT = Path(__file__).parents[2] / ".build" / "bench" / "resample.json"
METHOD = (
    "Contestants take turns in one process. ms is the wall time of the quickest turn, cpu_ms the "
    "processor's time, of all threads, of the turn that took least of it. White noise in float32; "
    "filters are made before the first turn."
)
SHAPES = {"32 x 4 s": (32, 4.0), "10 s": (1, 10.0), "1 s": (1, 1.0), "50 ms": (1, 0.05)}


def noise(num_rows: int, num_samples: int) -> torch.Tensor:
    return torch.randn(num_rows, num_samples, generator=torch.Generator().manual_seed(0))


def take_turns(
    contestants: Mapping[str, Callable[[], object]], *, turns: int, threads: int
) -> dict[str, dict[str, float]]:
    """Return the least wall time and the least processor time of each one's turns, in ms."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        for call in contestants.values():
            call()
        best = dict.fromkeys(contestants, (1e9, 1e9))
        gc.collect()
        gc.disable()
        for _ in range(turns):
            for name, call in contestants.items():
                wall, cpu = time.perf_counter(), time.process_time()
                call()
                wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
                best[name] = min(best[name][0], wall), min(best[name][1], cpu)
    finally:
        gc.enable()
        torch.set_num_threads(before)
    return {
        name: {"ms": round(1e3 * wall, 4), "cpu_ms": round(1e3 * cpu, 4)}
        for name, (wall, cpu) in best.items()
    }


def speed(
    pair: tuple[int, int], shape: tuple[int, float], threads: int, turns: int
) -> dict[str, dict[str, float]]:
    orig, new = pair
    x = noise(shape[0], round(orig * shape[1]))
    rows = list(x.numpy())
    contestants: dict[str, Callable[[], object]] = {
        "audiolab": lambda: resample(x, orig, new),
        "audiolab_minimum_phase": lambda: resample(x, orig, new, method="audiolab_minimum_phase"),
        "audiolab_brickwall": lambda: resample(x, orig, new, method="audiolab_brickwall"),
        SOXR: lambda: [soxr.resample(row, orig, new, "HQ") for row in rows],
    }
    if rate_ratio(orig, new).denominator < 1000:  # its kernel for co-prime rates fills the memory
        best = torchaudio.transforms.Resample(
            orig,
            new,
            lowpass_filter_width=64,
            rolloff=0.9475937167399596,
            resampling_method="sinc_interp_kaiser",
            beta=14.769656459379492,
        )
        plain = torchaudio.transforms.Resample(orig, new)
        contestants[KAISER_BEST] = lambda: best(x)
        contestants["torchaudio T.Resample default"] = lambda: plain(x)
    if threads > 1:  # the question is what a second thread does for us
        contestants = {name: contestants[name] for name in ("audiolab", SOXR)}
    return take_turns(contestants, turns=turns, threads=threads)


def print_times(title: str, times: Mapping[str, Mapping[str, float]]) -> None:
    print(f"\n{title}", flush=True)
    for name, time_ms in times.items():
        ratio = time_ms["ms"] / times[SOXR]["ms"] if SOXR in times else math.nan
        print(
            f"  {name:36} {time_ms['ms']:9.3f} ms, {time_ms['cpu_ms']:9.3f} ms of a processor, "
            f"x{ratio:.2f} of soxr HQ"
        )


def streaming(pair: tuple[int, int], pushes: int) -> dict[str, float]:
    """Time pushes of 10 ms of one channel, in ms."""
    stream = StreamResampler(*pair)
    chunk = noise(1, pair[0] // 100)
    for _ in range(20):
        stream.push(chunk)
    times = []
    for _ in range(pushes):
        begin = time.perf_counter()
        stream.push(chunk)
        times.append(1e3 * (time.perf_counter() - begin))
    times.sort()
    return {"least_ms": round(times[0], 4), "median_ms": round(times[len(times) // 2], 4)}


def by_matrix(orig: int, new: int, periods: int, design: FilterDesign) -> Callable[..., object]:
    """Polyphase as one matrix product over windows: the strided GEMM that lost."""
    ratio = rate_ratio(orig, new)
    p, q = ratio.numerator, ratio.denominator
    lower = min(Fraction(1), ratio)
    reach = math.ceil(design.num_samples / 2 / lower)
    times = torch.arange(periods * p, dtype=torch.float64) * q / p
    taps = torch.arange(-reach, periods * q + reach, dtype=torch.float64)
    lag = (times[:, None] - taps) * float(lower)
    half = design.num_samples / 2
    beta = 0.1102 * (design.attenuation_db - 8.7)
    window = torch.special.i0e(beta * (1 - (lag / half).square()).clamp_min(0).sqrt())
    window *= torch.exp(beta * ((1 - (lag / half).square()).clamp_min(0).sqrt() - 1))
    cutoff = (design.pass_edge + design.stop_edge) / 2
    kernel = torch.where(lag.abs() <= half, torch.sinc(cutoff * lag) * window, 0.0)
    kernel = (kernel * cutoff * float(lower)).float().T.contiguous()

    def run(x: torch.Tensor) -> torch.Tensor:
        padded = torch.nn.functional.pad(x, (reach, reach + periods * q))
        parts = [row.unfold(-1, len(taps), periods * q) @ kernel for row in padded]
        return torch.stack([part.flatten() for part in parts])

    return run


def at_once(x: torch.Tensor, orig: int, new: int) -> torch.Tensor:
    """One transform over the whole length: no blocks, no cache."""
    size = math.ceil((x.shape[-1] + 1000) / orig * 25) * orig // 25
    spectrum = torch.fft.rfft(x, n=size)
    num_out = size * new // orig
    gain = STANDARD.response(Fraction(min(size, num_out))).to(spectrum.dtype) / size
    return torch.fft.irfft(spectrum[..., : len(gain)] * gain, n=num_out, norm="forward")


def curve(pair: tuple[int, int], turns: int) -> dict[str, dict[str, float]]:
    """Time the designs and the strategies that were tried."""
    orig, new = pair
    x = noise(32, orig * 4)
    rows = list(x.numpy())
    contestants: dict[str, Callable[[], object]] = {
        SOXR: lambda: [soxr.resample(row, orig, new, "HQ") for row in rows]
    }
    for edge, attenuation_db in (
        (0.8, 100),
        (0.9125, 140),
        (0.9125, 200),
        (0.96, 200),
        (0.99, 200),
    ):
        design = FilterDesign(pass_edge=edge, attenuation_db=attenuation_db)
        contestants[f"blocks by FFT, flat to {edge}, {attenuation_db} dB"] = lambda design=design: (
            resample(x, orig, new, design=design)
        )
    contestants["one FFT over all"] = lambda: at_once(x, orig, new)
    for periods in (1, 16):
        matrix = by_matrix(orig, new, periods, FilterDesign(attenuation_db=140))
        contestants[f"matrix product, {periods} periods, 140 dB"] = lambda m=matrix: m(x)
    ratio = rate_ratio(orig, new)
    how = {"reverse": False, "origin": 0, "start": 0, "length": scaled_length(4 * orig, ratio)}
    contestants["polyphase in compiled loops, 200 dB"] = lambda: polyphase(
        x, ratio, STANDARD, **how
    )
    return take_turns(contestants, turns=turns, threads=1)


def print_quality() -> list[dict[str, object]]:
    table = []
    for orig, new in PAIRS:
        print(f"\nquality, {orig} -> {new} Hz, float32 (edges as fractions of the lower Nyquist)")
        print(
            f"  {'method':24} {'ripple dB':>10} {'-0.1 dB':>8} {'-3 dB':>7} {'noise dB':>9} "
            f"{'alias dB':>9} {'image dB':>9} {'rings ms':>13} {'x real time':>12}"
        )
        for name in METHODS:
            try:
                q = quality(name, orig, new, turns=3)
            except ValueError as error:
                print(f"  {name:24} {error}")
                continue
            table.append(asdict(q))
            alias = "-" if q.alias_db is None else f"{q.alias_db:.1f}"
            image = "-" if q.image_db is None else f"{q.image_db:.1f}"
            rings = f"{1e3 * q.pre_ringing_s:.2f} + {1e3 * q.post_ringing_s:.2f}"
            print(
                f"  {name:24} {q.ripple_db:10.6f} {q.edge_01db:8.3f} {q.edge_3db:7.3f} "
                f"{q.noise_db:9.1f} {alias:>9} {image:>9} {rings:>13} {q.realtime_factor:12.0f}"
            )
    return table


def machine() -> str:
    """Return the kind of processor, without names of hosts."""
    lines = CPUINFO.read_text().splitlines() if CPUINFO.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    widest = [name for name in ("avx512f", "avx2") if any(name in line for line in lines)][:1]
    kinds = [*names[:1], platform.machine(), f"{os.cpu_count()} cores", *widest]
    return ", ".join(kind for kind in kinds if kind)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer turns")
    parser.add_argument("--no-quality", action="store_true", help="leave the tones out")
    parser.add_argument(
        "--commit", action="store_true", help=f"write {RESULT.name} to be committed"
    )
    options = parser.parse_args()
    turns = 3 if options.quick else 15
    packages = ("torch", "torchaudio", "numpy", "numba", "scipy", "soxr")
    threads_at_start = torch.get_num_threads()
    torch.set_num_threads(1)
    record: dict[str, Any] = {
        "command": " ".join(["python", "tests/benchmarks/bench_resample.py", *sys.argv[1:]]),
        "method": METHOD,
        "machine": machine(),
        "versions": {"python": platform.python_version()}
        | {package: importlib.metadata.version(package) for package in packages},
        "date": date.today().isoformat(),
        "threads_at_start": threads_at_start,
        "load_average": [round(os.getloadavg()[0], 2)],
        "speed": [],
        "streaming": [],
        "curve": [],
    }
    for pair in PAIRS:
        for name, shape in SHAPES.items():
            for threads in (1, 2) if name == "32 x 4 s" else (1,):
                # a turn of a short clip is short: more of them cost little
                times = speed(pair, shape, threads, turns * (1 if shape[1] > 2 else 8))
                print_times(f"{pair[0]} -> {pair[1]} Hz, {name}, {threads} thread(s)", times)
                where = {"orig_rate": pair[0], "new_rate": pair[1], "shape": name}
                record["speed"].append(where | {"threads": threads, "times": times})
    for pair in PAIRS:
        pushed = streaming(pair, 100 * turns)
        print(f"stream, {pair[0]} -> {pair[1]} Hz, 10 ms a push: {pushed}")
        record["streaming"].append({"orig_rate": pair[0], "new_rate": pair[1], **pushed})
    for pair in PAIRS[:2]:
        times = curve(pair, turns)
        print_times(f"what was tried, {pair[0]} -> {pair[1]} Hz, 32 x 4 s, 1 thread", times)
        record["curve"].append({"orig_rate": pair[0], "new_rate": pair[1], "times": times})
    record["load_average"].append(round(os.getloadavg()[0], 2))
    for path in (BUILT, RESULT) if options.commit else (BUILT,):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(record, indent=1) + "\n")
        print(f"\nwritten to {path.name}")
    if not options.no_quality:
        BUILT.with_name("resample_quality.json").write_text(
            json.dumps(print_quality(), indent=1) + "\n"
        )


if __name__ == "__main__":
    main()
