"""Residual vector quantisation: each stage's codebook describes what the stages before left over.

With the residual ``r_0 = z``, stage `i` picks ``c_i = argmin_j |r_i - e_ij|^2`` and leaves
``r_{i+1} = r_i - e_{i, c_i}``; the quantised latent is the sum of the picked entries, over any
number of leading stages.

Training follows van den Oord et al. (2017, arXiv 1711.00937) with codebooks that are moving
averages of what they picked, started by k-means, as in Zeghidour et al., *SoundStream* (2021, arXiv
2107.03312). Two things differ from the EnCodec reference, where they don't work. Its residual
carries no gradient past the first stage, so that later stages' commitment is never felt; here
every stage's is. And its renewed entries are overwritten in the same step by the average that let
them die; here the average and the count are renewed as well, after the update.

One process is assumed: codebooks are not averaged over workers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional

from audiolab._typing import Seed
from audiolab._validation import as_generator

__all__ = ["Codebook", "Quantized", "ResidualVectorQuantizer"]

_KMEANS_ROUNDS = 50
# Scores of so many vectors against 1024 entries stay within the cache.
_VECTORS_AT_ONCE = 512


class Quantized(NamedTuple):
    """What training needs of a quantiser.

    Attributes
    ----------
    latent : Tensor
        Quantised latent ``(batch, dimension, frames)``; its gradient passes straight through.
    codes : Tensor
        Codes ``(batch, codebooks, frames)``; -1 in the stages that an item left out.
    commitment : Tensor
        Mean over the stages of the mean squared distance from residual to entry, a scalar.
    """

    latent: torch.Tensor
    codes: torch.Tensor
    commitment: torch.Tensor


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
        self.register_buffer("inited", torch.zeros(1))
        self.register_buffer("cluster_size", torch.zeros(size))
        self.register_buffer("embed", torch.zeros(size, dimension))
        self.register_buffer("embed_avg", torch.zeros(size, dimension))
        self._offsets: tuple[object, torch.Tensor] | None = None

    def offsets(self) -> torch.Tensor:
        """Return what is added to ``x.e`` so that the nearest entry scores highest.

        Returns
        -------
        Tensor
            ``-|e|^2 / 2`` for each entry, kept until the entries change.
        """
        # -|x - e|^2 / 2 = x.e - |e|^2 / 2 - |x|^2 / 2, whose last term does not move the maximum.
        key = (self.embed.data_ptr(), self.embed.dtype, self.embed.device, self.embed._version)
        if self._offsets is None or self._offsets[0] != key:
            self._offsets = (key, _halved_energy(self.embed))
        return self._offsets[1]

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
        centres, counts = _kmeans(x, len(self.embed), generator)
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
        counts, sums = _sums(x, codes, len(self.embed))
        self.cluster_size.lerp_(counts, 1 - self.decay)
        self.embed_avg.lerp_(sums, 1 - self.decay)
        total = self.cluster_size.sum()
        smoothed = (self.cluster_size + self.epsilon) / (total + len(self.embed) * self.epsilon)
        self.embed.copy_(self.embed_avg / (smoothed * total)[:, None])
        dead = (self.cluster_size < self.min_count).nonzero()[:, 0]
        if len(dead):
            fresh = _pick(x, len(dead), generator)
            self.embed[dead] = fresh
            # The count starts above the threshold, so that an entry has time to be picked: at a
            # decay of 0.99, 69 batches.
            self.cluster_size[dead] = 2 * self.min_count
            self.embed_avg[dead] = fresh * (2 * self.min_count)


class _Stage(nn.Module):
    """A codebook under the name that checkpoints give it."""

    def __init__(self, size: int, dimension: int) -> None:
        super().__init__()
        self.codebook = Codebook(size, dimension)


class ResidualVectorQuantizer(nn.Module):
    """Codebooks in a row.

    Parameters
    ----------
    num_codebooks : int
        Number of stages.
    size : int
        Entries per codebook.
    dimension : int
        Channels of the latent.

    Examples
    --------
    >>> quantizer = ResidualVectorQuantizer(num_codebooks=2, size=4, dimension=1)
    >>> coarse, fine = quantizer.codebooks
    >>> _ = coarse.embed.copy_(torch.tensor([[-2.0], [-1.0], [1.0], [2.0]]))
    >>> _ = fine.embed.copy_(torch.tensor([[-0.2], [0.0], [0.2], [0.4]]))
    >>> codes = quantizer.encode(torch.tensor([[[1.35, -0.95]]]))
    >>> codes
    tensor([[[2, 1],
             [3, 1]]])
    >>> quantizer.decode(codes)
    tensor([[[ 1.4000, -1.0000]]])
    """

    def __init__(self, num_codebooks: int, size: int, dimension: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList([_Stage(size, dimension) for _ in range(num_codebooks)])

    @property
    def codebooks(self) -> list[Codebook]:
        """The stages' codebooks in order."""
        return [stage.codebook for stage in self.layers if isinstance(stage, _Stage)]

    def encode(self, latent: torch.Tensor, num_codebooks: int | None = None) -> torch.Tensor:
        """Quantise.

        Parameters
        ----------
        latent : Tensor
            ``(batch, dimension, frames)``.
        num_codebooks : int, optional
            Leading stages to use; all by default.

        Returns
        -------
        Tensor
            Codes ``(batch, num_codebooks, frames)``, int64.
        """
        batch, dimension, frames = latent.shape
        codes = self.encode_vectors(latent.transpose(1, 2).reshape(-1, dimension), num_codebooks)
        return codes.view(-1, batch, frames).transpose(0, 1)

    def encode_vectors(self, vectors: torch.Tensor, num_codebooks: int | None) -> torch.Tensor:
        """Quantise vectors that lie one after the other.

        Parameters
        ----------
        vectors : Tensor
            ``(n, dimension)``.
        num_codebooks : int or None
            Leading stages to use; all if None.

        Returns
        -------
        Tensor
            Codes ``(num_codebooks, n)``, int64.
        """
        books = [(c.offsets(), c.embed) for c in self._first(num_codebooks)]
        parts = []
        for residual in torch.split(vectors, _VECTORS_AT_ONCE):
            codes = []
            for offset, entries in books:
                picked = torch.addmm(offset, residual, entries.t()).argmax(dim=1)
                residual = residual - functional.embedding(picked, entries)
                codes.append(picked)
            parts.append(torch.stack(codes))
        return torch.cat(parts, dim=1) if parts else _no_codes(len(books), vectors)

    def decode(self, codes: torch.Tensor) -> torch.Tensor:
        """Sum the entries that codes stand for.

        Parameters
        ----------
        codes : Tensor
            ``(batch, codebooks, frames)`` of any number of leading stages.

        Returns
        -------
        Tensor
            Latent ``(batch, dimension, frames)``.
        """
        latent = torch.zeros((), device=codes.device)
        for codebook, picked in zip(self._first(codes.shape[1]), codes.unbind(1), strict=True):
            latent = latent + functional.embedding(picked, codebook.embed)
        return latent.transpose(1, 2)

    def forward(
        self,
        latent: torch.Tensor,
        num_codebooks: int | torch.Tensor | None = None,
        *,
        generator: Seed = None,
    ) -> Quantized:
        """Quantise with a gradient; in training mode, learn the codebooks too.

        Parameters
        ----------
        latent : Tensor
            ``(batch, dimension, frames)``.
        num_codebooks : int or Tensor, optional
            Leading stages to use, for all items or, as a tensor ``(batch,)``, for each: quantiser
            dropout. All by default.
        generator : Generator, int or None, default: None
            Where k-means and the renewal of dead entries draw from.

        Returns
        -------
        Quantized
            Latent, codes and commitment loss.
        """
        batch, dimension, frames = latent.shape
        if isinstance(num_codebooks, torch.Tensor):
            per_item = num_codebooks.to(latent.device)
            if per_item.shape != (batch,):
                raise ValueError(
                    f"num_codebooks must be an int or of shape ({batch},), "
                    f"got {tuple(per_item.shape)}"
                )
            stages = int(per_item.max())
        else:
            stages = len(self._first(num_codebooks))
            per_item = torch.full((batch,), stages, device=latent.device)
        vectors = latent.transpose(1, 2).reshape(-1, dimension)
        used_by = per_item.repeat_interleave(frames)
        random = as_generator(generator, vectors.device) if self.training else None
        residual, codes, losses = vectors, [], []
        for index, codebook in enumerate(self._first(stages)):
            active = used_by > index
            inputs = residual[active]
            if random is not None and not bool(codebook.inited):
                codebook.start(inputs.detach(), random)
            picked = codebook.nearest(inputs)
            # The entry is a constant to autograd: the gradient of the residual is that of z, at
            # every stage.
            entry = functional.embedding(picked, codebook.embed).detach().clone()
            losses.append(functional.mse_loss(inputs, entry))
            residual = residual.clone()
            residual[active] = inputs - entry
            column = torch.full_like(used_by, -1)
            column[active] = picked
            codes.append(column)
            if random is not None:
                codebook.update(inputs.detach(), picked, random)
        quantized = vectors + (-residual).detach()  # z - r = sum of entries
        return Quantized(
            quantized.view(batch, frames, dimension).transpose(1, 2),
            torch.stack(codes).view(stages, batch, frames).transpose(0, 1),
            torch.stack(losses).mean(),
        )

    def _first(self, num_codebooks: int | None) -> Sequence[Codebook]:
        codebooks = self.codebooks
        if num_codebooks is None:
            return codebooks
        if not 1 <= num_codebooks <= len(codebooks):
            raise ValueError(
                f"the number of codebooks must be 1 to {len(codebooks)}, got {num_codebooks}"
            )
        return codebooks[:num_codebooks]


def _nearest(x: torch.Tensor, entries: torch.Tensor) -> torch.Tensor:
    return torch.addmm(_halved_energy(entries), x, entries.t()).argmax(dim=1)


def _halved_energy(entries: torch.Tensor) -> torch.Tensor:
    return entries.square().sum(dim=1).mul(-0.5)


def _no_codes(count: int, like: torch.Tensor) -> torch.Tensor:
    return torch.zeros(count, 0, dtype=torch.int64, device=like.device)


def _sums(x: torch.Tensor, codes: torch.Tensor, size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return how many vectors picked each entry, and their sum."""
    counts = torch.bincount(codes, minlength=size).to(x.dtype)
    return counts, x.new_zeros(size, x.shape[1]).index_add_(0, codes, x)


def _pick(x: torch.Tensor, count: int, generator: torch.Generator) -> torch.Tensor:
    """Return `count` rows of `x`, distinct ones as far as they go."""
    if len(x) >= count:
        index = torch.randperm(len(x), generator=generator, device=x.device)[:count]
    else:
        index = torch.randint(len(x), (count,), generator=generator, device=x.device)
    return x[index]


def _kmeans(
    x: torch.Tensor, size: int, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return centres and how many vectors each holds; an empty cluster keeps its centre."""
    centres = _pick(x, size, generator)
    counts = torch.ones(size, device=x.device, dtype=x.dtype)
    for _ in range(_KMEANS_ROUNDS):
        counts, sums = _sums(x, _nearest(x, centres), size)
        moved = torch.where(counts[:, None] > 0, sums / counts.clamp(min=1)[:, None], centres)
        if torch.equal(moved, centres):
            break
        centres = moved
    return centres, counts
