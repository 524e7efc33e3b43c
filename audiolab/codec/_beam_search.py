"""Beam search over the stages of a residual quantiser: better codes of the same size.

Greedy encoding takes the nearest entry at every stage, but the sum that lies nearest to the latent
may begin with an entry that is not the nearest one. Here the `effort` best beginnings ("beams") are
kept from stage to stage, and of the last stage's the one with the smallest error wins: the M-L
search of W. P. LeBlanc, B. Bhattacharya, S. A. Mahmoud and V. Cuperman, *Efficient search and
design procedures for robust multi-stage VQ of LPC parameters for 4 kb/s speech coding*, IEEE Trans.
Speech and Audio Processing 1(4), 1993, doi:10.1109/89.242483. Bits and decoder stay as they are.

The greedy codes are found too, and kept where the search ended up worse, so that no frame's error
is ever larger than theirs. With at least as many beams as there are beginnings before the last
stage, the search is exhaustive.

On a CPU in float32 the scores come from the codec's own matrix product, a few frames at a time, and
each frame's result depends on nothing but that frame: not on batch, chunk or thread. Elsewhere, and
in other types, torch's products do the same up to rounding. Nothing here has a gradient.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray
from torch.nn import functional

from audiolab.codec._products import DEPTH, product
from audiolab.codec._tasks import Task, run_tasks
from audiolab.codec.codebook import Codebook

__all__ = ["MAX_EFFORT", "check_effort", "search", "search_compiled"]

#: Most beams that may be asked for; beyond some tens they gain next to nothing.
MAX_EFFORT = 1024

# Beams of so many frames are worked on together, and of so many rows the scores stay in the cache.
_ROWS_AT_ONCE = 2048
_SCORED_AT_ONCE = 64
# Columns whose maximum is taken before any of them is looked at.
_BLOCK = 64
# Scores at once where torch computes them: 64 MiB in float32.
_SCORES_AT_ONCE = 1 << 24


def check_effort(effort: int) -> int:
    """Return `effort` if it is a number of beams, else raise."""
    if isinstance(effort, bool) or not isinstance(effort, int) or not 1 <= effort <= MAX_EFFORT:
        raise ValueError(
            f"effort must be a whole number of beams from 1 (greedy) to {MAX_EFFORT}, "
            f"got {effort!r}"
        )
    return effort


# ------------------------------------------------------------------------ any device, any type
def search(vectors: torch.Tensor, stages: Sequence[Codebook], effort: int) -> torch.Tensor:
    """Quantise vectors ``(n, dimension)`` to codes ``(stages, n)`` by torch's operations."""
    books = [(stage.offsets(), stage.embed) for stage in stages]
    at_once = max(1, _SCORES_AT_ONCE // (effort * max(len(entries) for _, entries in books)))
    found = [_search_some(part, books, effort) for part in torch.split(vectors, at_once)]
    return torch.cat(found, dim=1)


def _search_some(
    vectors: torch.Tensor, books: Sequence[tuple[torch.Tensor, torch.Tensor]], effort: int
) -> torch.Tensor:
    beam_codes, beam_error = _keep_best(vectors, books, effort)
    codes, error = _keep_best(vectors, books, 1)
    return torch.where(beam_error < error, beam_codes, codes)


def _keep_best(
    vectors: torch.Tensor, books: Sequence[tuple[torch.Tensor, torch.Tensor]], effort: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return codes ``(stages, n)`` and half the squared error they leave."""
    count, dimension = vectors.shape
    residual = vectors[:, None]
    energy = residual.square().sum(dim=-1).mul(0.5)
    history = []
    for index, (offset, entries) in enumerate(books):
        scores = torch.addmm(offset, residual.reshape(-1, dimension), entries.t())
        # |r - e|^2 / 2 = |r|^2 / 2 - (r.e - |e|^2 / 2): the energy tells beams apart.
        total = scores.view(*energy.shape, len(entries)) - energy[..., None]
        keep = 1 if index == len(books) - 1 else min(effort, total[0].numel())
        best = total.flatten(1).topk(keep, dim=1).indices
        parents, picks = best // len(entries), best % len(entries)
        chosen = residual.gather(1, parents[..., None].expand(-1, -1, dimension))
        residual = chosen - functional.embedding(picks, entries)
        energy = residual.square().sum(dim=-1).mul(0.5)
        history.append((parents, picks))
    place = torch.zeros(count, 1, dtype=torch.int64, device=vectors.device)
    codes = []
    for parents, picks in reversed(history):
        codes.append(picks.gather(1, place)[:, 0])
        place = parents.gather(1, place)
    return torch.stack(codes[::-1]), energy[:, 0]


# ------------------------------------------------------------------------------ the CPU, in float32
def search_compiled(vectors: torch.Tensor, stages: Sequence[Codebook], effort: int) -> torch.Tensor:
    """Quantise vectors ``(n, dimension)``, float32 on the CPU, to codes ``(stages, n)``."""
    codes = torch.empty(len(stages), len(vectors), dtype=torch.int64)
    for stage in stages:
        stage.packed()  # not by several threads at once
    step = max(1, _ROWS_AT_ONCE // effort)
    tasks = [
        Task(partial(_fill, vectors[at : at + step], stages, effort, codes[:, at : at + step]))
        for at in range(0, len(vectors), step)
    ]
    run_tasks(tasks, max(1, min(torch.get_num_threads(), len(tasks))))
    return codes


def _fill(
    vectors: torch.Tensor, stages: Sequence[Codebook], effort: int, codes: torch.Tensor, _: int
) -> None:
    """Write the codes of some frames to the columns that are theirs."""
    found, error = _beams(vectors, stages, effort)
    residual = vectors.clone(memory_format=torch.contiguous_format)
    row = torch.empty(len(vectors), dtype=torch.int64)
    better = torch.from_numpy(error) < torch.from_numpy(_taken(residual, stages, codes, row))
    codes[:, better] = torch.from_numpy(found)[:, better]


def _taken(
    residual: torch.Tensor, stages: Sequence[Codebook], codes: torch.Tensor, row: torch.Tensor
) -> NDArray[np.float32]:
    """Write the greedy codes and return half the squared error they leave."""
    for stage, place in zip(stages, codes, strict=True):
        stage.pick(residual, row)
        place.copy_(row)
    energy = np.empty(len(residual), np.float32)
    _halve_energies(residual.numpy(), energy)
    return energy


def _beams(
    vectors: torch.Tensor, stages: Sequence[Codebook], effort: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return codes ``(stages, n)`` and half the squared error they leave."""
    count, dimension = vectors.shape
    residual = vectors.contiguous().numpy().reshape(count, 1, dimension)
    energy = np.empty((count, 1), np.float32)
    _halve_energies(residual[:, 0], energy[:, 0])
    history = []
    for index, stage in enumerate(stages):
        entries = stage.embed.numpy()
        keep = 1 if index == len(stages) - 1 else min(effort, residual.shape[1] * len(entries))
        parents, picks = np.empty((2, count, keep), np.int64)
        left = np.empty((count, keep, dimension), np.float32)
        left_energy = np.empty((count, keep), np.float32)
        _extend(
            residual, energy, stage.packed(), stage.offsets().numpy(), entries,
            left, left_energy, parents, picks,
        )  # fmt: skip
        residual, energy = left, left_energy
        history.append((parents, picks))
    place = np.zeros((count, 1), np.int64)
    codes = np.empty((len(stages), count), np.int64)
    for row, (parents, picks) in zip(codes[::-1], reversed(history), strict=True):
        row[:] = np.take_along_axis(picks, place, 1)[:, 0]
        place = np.take_along_axis(parents, place, 1)
    return codes, energy[:, 0]


# Maxima of numbers don't depend on their order.
@njit(fastmath={"nnan", "nsz", "reassoc"}, error_model="numpy", nogil=True, cache=True)
def _largest(x: NDArray[np.float32]) -> float:
    best: float = x[0]
    for j in range(x.size):
        best = max(best, x[j])
    return best


@njit(error_model="numpy", nogil=True, cache=True)
def _halve_energies(x: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    """Set `out` to half the sum of squares of each row."""
    for i in range(x.shape[0]):
        total = np.float32(0)
        for k in range(x.shape[1]):
            total += x[i, k] * x[i, k]
        out[i] = np.float32(0.5) * total


@njit(error_model="numpy", nogil=True, cache=True)
def _extend(
    residual: NDArray[np.float32],
    energy: NDArray[np.float32],
    packed: NDArray[np.float32],
    offsets: NDArray[np.float32],
    entries: NDArray[np.float32],
    left: NDArray[np.float32],
    left_energy: NDArray[np.float32],
    parents: NDArray[np.int64],
    picks: NDArray[np.int64],
) -> None:
    """Extend each frame's beams ``(n, beams, dimension)`` by an entry each, and keep the best.

    The best come first; among equals that of the earlier beam, then of the earlier entry. `packed`
    and `offsets` are those of `_kernels.pick_nearest`.
    """
    frames, beams, n = residual.shape
    size, keep = entries.shape[0], left.shape[1]
    flat = residual.reshape(-1)
    at_once = max(1, _SCORED_AT_ONCE // beams)
    scores = np.empty(at_once * beams * size, np.float32)
    values = np.empty(keep, np.float32)
    for begin in range(0, frames, at_once):
        some = min(at_once, frames - begin)
        product(
            flat, begin * beams * n, n, some * beams, n, packed, offsets, 0, 0, scores, 0, size,
            size, DEPTH,
        )  # fmt: skip
        for f in range(some):
            frame = begin + f
            parent, pick = parents[frame], picks[frame]
            count = 0
            for b in range(beams):
                row = scores[(f * beams + b) * size : (f * beams + b + 1) * size]
                base = energy[frame, b]
                for start in range(0, size, _BLOCK):
                    stop = min(start + _BLOCK, size)
                    # Rounding keeps order: where the largest doesn't enter, none does.
                    if count == keep and _largest(row[start:stop]) - base <= values[keep - 1]:
                        continue
                    for j in range(start, stop):
                        value = row[j] - base
                        if count == keep and value <= values[keep - 1]:
                            continue
                        if count < keep:
                            count += 1
                        at = count - 1
                        while at > 0 and values[at - 1] < value:
                            values[at], parent[at] = values[at - 1], parent[at - 1]
                            pick[at] = pick[at - 1]
                            at -= 1
                        values[at], parent[at], pick[at] = value, b, j
            for i in range(keep):
                for k in range(n):
                    left[frame, i, k] = residual[frame, parent[i], k] - entries[pick[i], k]
            _halve_energies(left[frame], left_energy[frame])
