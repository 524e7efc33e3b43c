"""Resampling: quality and speed of every engine side by side.

Run as ``make bench`` or ``python tests/benchmarks/bench_resample.py`` (``--quick``: fewer turns).
Three tables: what each method does to tones; how long it takes, one thread and two, with the
ratio to soxr HQ turn by turn; and the curve of designs and block strategies that led to the
default. The libraries are called as their users call them, without our adapters.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path

import soxr
import torch
import torchaudio
from timing import Timing, compare, print_table, write_json

from audiolab.resample import METHODS, STANDARD, FilterDesign, quality, resample
from audiolab.resample.rates import rate_ratio

PAIRS = [(48_000, 32_000), (44_100, 16_000), (16_000, 44_100), (44_100, 48_000), (44_100, 16_001)]
SHAPES = {"32 x 4 s": (32, 4.0), "10 s": (1, 10.0), "1 s": (1, 1.0), "50 ms": (1, 0.05)}


def noise(num_rows: int, num_samples: int) -> torch.Tensor:
    return torch.randn(num_rows, num_samples, generator=torch.Generator().manual_seed(0))


def speed(
    pair: tuple[int, int], shape: tuple[int, float], threads: int, turns: int
) -> list[Timing]:
    orig, new = pair
    x = noise(shape[0], round(orig * shape[1]))
    rows = list(x.numpy())
    contestants: dict[str, Callable[[], object]] = {
        "soxr HQ, row by row": lambda: [soxr.resample(row, orig, new, "HQ") for row in rows],
        "audiolab": lambda: resample(x, orig, new),
        "audiolab_minimum_phase": lambda: resample(x, orig, new, method="audiolab_minimum_phase"),
        "audiolab_brickwall": lambda: resample(x, orig, new, method="audiolab_brickwall"),
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
        contestants["torchaudio T.Resample kaiser_best"] = lambda: best(x)
        contestants["torchaudio T.Resample default"] = lambda: plain(x)
    return compare(contestants, reference="soxr HQ, row by row", turns=turns, threads=threads)


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


def curve(pair: tuple[int, int], turns: int) -> list[Timing]:
    """Time the designs and the strategies that were tried."""
    orig, new = pair
    x = noise(32, orig * 4)
    rows = list(x.numpy())
    contestants: dict[str, Callable[[], object]] = {
        "soxr HQ, row by row": lambda: [soxr.resample(row, orig, new, "HQ") for row in rows]
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
    return compare(contestants, reference="soxr HQ, row by row", turns=turns)


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


def main() -> None:
    turns = 3 if "--quick" in sys.argv else 9
    torch.set_num_threads(1)
    results: dict[str, list[Timing]] = {}
    for pair in PAIRS:
        for shape_name, shape in SHAPES.items():
            for threads in (1, 2) if shape_name == "32 x 4 s" else (1,):
                title = f"{pair[0]} -> {pair[1]} Hz, {shape_name}, {threads} thread(s)"
                results[title] = speed(pair, shape, threads, turns)
                print_table(title, results[title])
    for pair in PAIRS[:2]:
        title = f"what was tried, {pair[0]} -> {pair[1]} Hz, 32 x 4 s, 1 thread"
        results[title] = curve(pair, turns)
        print_table(title, results[title])
    table = print_quality()
    path = write_json("resample", results)
    quality_path = Path(path).with_name("resample_quality.json")
    quality_path.write_text(json.dumps(table, indent=1) + "\n")
    print(f"\nwritten to {path} and {quality_path}")


if __name__ == "__main__":
    main()
