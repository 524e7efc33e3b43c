"""One codebook: the nearest entry, and entries that learn as moving averages of what picked them.

Entries start by k-means over the first batch, then follow the vectors that pick them (van den Oord
et al., 2017, arXiv 1711.00937); those that are hardly picked any more are replaced by vectors of
the batch, as in Zeghidour et al., *SoundStream* (2021, arXiv 2107.03312). In the EnCodec reference
a renewed entry is overwritten in the same step by the average that let it die; here the average and
the count are renewed as well, after the update.

Several processes that share a batch learn one codebook: sums go over all of them, and whatever is
drawn is drawn alike, so that each holds the same entries (`audiolab.codec._pool`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from audiolab.codec._kernels import pick_nearest
from audiolab.codec._pool import Pool
from audiolab.codec._products import pack

__all__ = ["Codebook"]

_KMEANS_ROUNDS = 50


class Codebook(nn.Module):
    """The entries of one stage, learnt as moving averages.

    Parameters
    ----------
    size : int
        Number of entries.
    dimension : int
        Numbers in an entry.
    decay : float, default: 0.99
        Weight of the past in the moving averages.
    epsilon : float, default: 1e-5
        Added to each count so that no average is divided by zero.
    min_count : float, default: 2.0
        Entries picked less often than this per batch, on average, are replaced.
    """

    inited: torch.Tensor
    cluster_size: torch.Tensor
    embed: torch.Tensor
    embed_avg: torch.Tensor

    def __init__(
        self,
        size: int,
        dimension: int,
        *,
        decay: float = 0.99,
        epsilon: float = 1e-5,
        min_count: float = 2.0,
    ) -> None:
        super().__init__()
        self.decay, self.epsilon, self.min_count = decay, epsilon, min_count
        self.pool = Pool()
        self.register_buffer("inited", torch.zeros(1))
        self.register_buffer("cluster_size", torch.zeros(size))
        self.register_buffer("embed", torch.zeros(size, dimension))
        self.register_buffer("embed_avg", torch.zeros(size, dimension))
        self._offsets: tuple[object, torch.Tensor] | None = None
        self._packed: tuple[object, NDArray[np.float32]] | None = None

    def __getstate__(self) -> dict[str, Any]:
        # What is kept until the entries change is made anew in a copy.
        return {**self.__dict__, "_offsets": None, "_packed": None}

    def offsets(self) -> torch.Tensor:
        """Return what is added to ``x.e`` so that the nearest entry scores highest.

        Returns
        -------
        Tensor
            ``-|e|^2 / 2`` for each entry, kept until the entries change.
        """
        # -|x - e|^2 / 2 = x.e - |e|^2 / 2 - |x|^2 / 2, whose last term does not move the maximum.
        key = self._key()
        if self._offsets is None or self._offsets[0] != key:
            self._offsets = (key, _halved_energy(self.embed))
        return self._offsets[1]

    def _key(self) -> object:
        """Return what changes with the entries."""
        return self.embed.data_ptr(), self.embed.dtype, self.embed.device, self.embed._version

    def pick(self, residual: torch.Tensor, codes: torch.Tensor) -> None:
        """Find the nearest entries and subtract them, in compiled loops.

        Parameters
        ----------
        residual : Tensor
            Vectors ``(n, dimension)``, contiguous float32 on the CPU; overwritten.
        codes : Tensor
            Where the indices go, ``(n,)``, int64.
        """
        pick_nearest(
            residual.numpy(), self.packed(), self.offsets().numpy(), self.embed.numpy(),
            codes.numpy(),
        )  # fmt: skip

    def packed(self) -> NDArray[np.float32]:
        """Return the entries as compiled loops read them.

        Returns
        -------
        ndarray
            ``pack(embed.t())``, kept until the entries change.
        """
        key = self._key()
        if self._packed is None or self._packed[0] != key:
            self._packed = (key, pack(self.embed.t().numpy()))
        return self._packed[1]

    def nearest(self, x: torch.Tensor) -> torch.Tensor:
        """Return the index of the entry nearest to each vector, the first one among equals.

        Parameters
        ----------
        x : Tensor
            Vectors ``(n, dimension)``.

        Returns
        -------
        Tensor
            Indices ``(n,)``, int64.
        """
        return _nearest(x, self.embed)

    @torch.no_grad()
    def start(self, x: torch.Tensor, generator: torch.Generator) -> None:
        """Set the entries by k-means over the first batch.

        Parameters
        ----------
        x : Tensor
            Vectors ``(n, dimension)``.
        generator : torch.Generator
            Picks the first centres.
        """
        centres, counts = _kmeans(x, len(self.embed), generator, self.pool)
        self.embed.copy_(centres)
        self.embed_avg.copy_(centres * counts[:, None])
        self.cluster_size.copy_(counts)
        self.inited.fill_(1)

    @torch.no_grad()
    def update(self, x: torch.Tensor, codes: torch.Tensor, generator: torch.Generator) -> None:
        """Move the entries towards the vectors that picked them, and replace the dead ones.

        Parameters
        ----------
        x : Tensor
            Vectors ``(n, dimension)``.
        codes : Tensor
            What they picked ``(n,)``.
        generator : torch.Generator
            Picks the vectors that replace dead entries.
        """
        counts, sums = _sums(x, codes, len(self.embed), self.pool)
        self.cluster_size.lerp_(counts, 1 - self.decay)
        self.embed_avg.lerp_(sums, 1 - self.decay)
        total = self.cluster_size.sum()
        smoothed = (self.cluster_size + self.epsilon) / (total + len(self.embed) * self.epsilon)
        self.embed.copy_(self.embed_avg / (smoothed * total)[:, None])
        dead = (self.cluster_size < self.min_count).nonzero()[:, 0]
        if len(dead):
            fresh = _pick(x, len(dead), generator, self.pool)
            self.embed[dead] = fresh
            # The count starts above the threshold, so that an entry has time to be picked: at a
            # decay of 0.99, 69 batches.
            self.cluster_size[dead] = 2 * self.min_count
            self.embed_avg[dead] = fresh * (2 * self.min_count)


def _nearest(x: torch.Tensor, entries: torch.Tensor) -> torch.Tensor:
    return torch.addmm(_halved_energy(entries), x, entries.t()).argmax(dim=1)


def _halved_energy(entries: torch.Tensor) -> torch.Tensor:
    return entries.square().sum(dim=1).mul(-0.5)


def _sums(
    x: torch.Tensor, codes: torch.Tensor, size: int, pool: Pool
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return how many vectors picked each entry, and their sum."""
    counts = torch.bincount(codes, minlength=size).to(x.dtype)
    sums = x.new_zeros(size, x.shape[1]).index_add_(0, codes, x)
    return pool.total(counts), pool.total(sums)


def _pick(x: torch.Tensor, count: int, generator: torch.Generator, pool: Pool) -> torch.Tensor:
    """Return `count` rows of all processes' `x`, distinct ones as far as they go."""
    first, total = pool.place(len(x))
    if total >= count:
        index = torch.randperm(total, generator=generator, device=x.device)[:count]
    else:
        index = torch.randint(total, (count,), generator=generator, device=x.device)
    if pool.size == 1:
        return x[index]
    own = (index >= first) & (index < first + len(x))
    rows = x.new_zeros(count, x.shape[1])
    rows[own] = x[index[own] - first]
    return pool.total(rows)


def _kmeans(
    x: torch.Tensor, size: int, generator: torch.Generator, pool: Pool
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return centres and how many vectors each holds; an empty cluster keeps its centre."""
    centres = _pick(x, size, generator, pool)
    counts = torch.ones(size, device=x.device, dtype=x.dtype)
    for _ in range(_KMEANS_ROUNDS):
        counts, sums = _sums(x, _nearest(x, centres), size, pool)
        moved = torch.where(counts[:, None] > 0, sums / counts.clamp(min=1)[:, None], centres)
        if torch.equal(moved, centres):
            break
        centres = moved
    return centres, counts
