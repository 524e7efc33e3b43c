"""Time several ways to do one thing, side by side in one run.

Machines drift, so the contestants take turns (A B C A B C ...), and what counts is the ratio of
each turn to the reference turn beside it. Medians are printed with the spread; nothing is asserted.
"""

from __future__ import annotations

import gc
import json
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

__all__ = ["Timing", "compare", "print_table", "write_json"]


@dataclass(frozen=True)
class Timing:
    """What one contestant took, and its ratio to the reference in the same turn."""

    name: str
    median_ms: float
    min_ms: float
    max_ms: float
    ratio: float
    ratio_low: float
    ratio_high: float


def compare(
    contestants: Mapping[str, Callable[[], object]],
    *,
    reference: str,
    turns: int = 9,
    threads: int = 1,
) -> list[Timing]:
    """Run every contestant `turns` times in turn, after one warm-up each."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        for call in contestants.values():
            call()
        seconds: dict[str, list[float]] = {name: [] for name in contestants}
        for _ in range(turns):
            for name, call in contestants.items():
                gc.collect()
                begin = time.perf_counter()
                call()
                seconds[name].append(time.perf_counter() - begin)
    finally:
        torch.set_num_threads(before)
    rows = []
    for name, times in seconds.items():
        ratios = sorted(t / r for t, r in zip(times, seconds[reference], strict=True))
        quarter = len(ratios) // 4
        rows.append(
            Timing(
                name,
                *(1e3 * f(times) for f in (statistics.median, min, max)),
                statistics.median(ratios),
                ratios[quarter],
                ratios[-1 - quarter],
            )
        )
    return rows


def print_table(title: str, rows: list[Timing]) -> None:
    """Print the rows, the ratio with the middle half of its turns."""
    print(f"\n{title}")
    width = max(len(row.name) for row in rows)
    for row in rows:
        print(
            f"  {row.name:{width}}  {row.median_ms:9.2f} ms  ({row.min_ms:.2f}-{row.max_ms:.2f})"
            f"   x{row.ratio:.2f}  ({row.ratio_low:.2f}-{row.ratio_high:.2f})"
        )


def write_json(name: str, results: Mapping[str, list[Timing]]) -> Path:
    """Write the results, with the machine they come from, to ``.build/bench/<name>.json``."""
    path = Path(__file__).parents[2] / ".build" / "bench" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    record = {
        "machine": platform.machine(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "results": {title: [asdict(row) for row in rows] for title, rows in results.items()},
    }
    path.write_text(json.dumps(record, indent=1) + "\n")
    return path
