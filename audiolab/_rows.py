"""Rows of a batch over a few threads: compiled kernels release the interpreter's lock.

A pool of its own, not OpenMP's: a forked DataLoader worker can start threads of its own, and
nothing spins while it waits. Each row is computed by one thread in one order, so that the number
of threads never changes a result.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

__all__ = ["least_visible", "run_rows"]

#: Samples that a thread should have to work on, at least: 0.1 ms or so.
_GRAIN = 1 << 16

_pool: ThreadPoolExecutor | None = None


def _forget_pool() -> None:
    global _pool
    _pool = None


if hasattr(os, "register_at_fork"):
    # Threads don't survive a fork; the child makes its own pool when it needs one.
    os.register_at_fork(after_in_child=_forget_pool)


def least_visible(samples: torch.Tensor) -> torch.Tensor:
    """Return for each row below what a state may become zero: half the least number of float32.

    In float64 that is far above the least normal number: a loop gets there before it is slow.
    """
    least = 1e-46 if samples.dtype == torch.float32 else 1e-290
    return torch.full((samples.shape[0],), least, dtype=torch.float64)


def run_rows(kernel: Callable[..., None], work: int, *arrays: NDArray[Any]) -> None:
    """Call ``kernel(*arrays)`` on slices of rows, side by side where that pays.

    Parameters
    ----------
    kernel : callable
        Compiled, ``nogil``. Rows are independent; results are written to some of the arrays.
    work : int
        Samples to compute over all rows.
    *arrays : array
        Each has the rows as its first dimension.
    """
    global _pool
    rows = arrays[0].shape[0]
    parts = min(torch.get_num_threads(), rows, work // _GRAIN)
    if parts <= 1:
        kernel(*arrays)
        return
    if _pool is None:
        _pool = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="audiolab-rows")
    edges = np.linspace(0, rows, parts + 1).astype(int)
    waiting = [
        _pool.submit(kernel, *(each[start:stop] for each in arrays))
        for start, stop in pairwise(edges[1:])
    ]
    kernel(*(each[: edges[1]] for each in arrays))
    for future in waiting:
        future.result()
