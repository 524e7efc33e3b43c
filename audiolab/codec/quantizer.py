"""Residual vector quantisation: each stage's codebook describes what the stages before left over.

With the residual ``r_0 = z``, stage `i` picks ``c_i = argmin_j |r_i - e_ij|^2`` and leaves
``r_{i+1} = r_i - e_{i, c_i}``; the quantised latent is the sum of the picked entries, over any
number of leading stages.

Training is straight through, with a commitment loss at every stage, as in Zeghidour et al.,
*SoundStream* (2021, arXiv 2107.03312). In the EnCodec reference the residual carries no gradient
past the first stage, so that later stages' commitment is never felt; here every stage's is. How a
codebook learns is in `audiolab.codec.codebook`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional

from audiolab._typing import Seed
from audiolab._validation import as_generator
from audiolab.codec._beam_search import check_effort, search, search_compiled
from audiolab.codec._pool import Pool
from audiolab.codec.codebook import Codebook

__all__ = ["Codebook", "Quantized", "ResidualVectorQuantizer"]

# Scores of so many vectors against 1024 entries stay within the cache.
_VECTORS_AT_ONCE = 512


class Quantized(NamedTuple):
    """What training needs of a quantiser.

    Parameters
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
        self.pool = Pool()

    def share(self, pool: Pool) -> None:
        """Learn the codebooks together with other processes.

        Parameters
        ----------
        pool : Pool
            The processes. Each has to pass a part of the same batch at the same time, with
            generators in the same state.
        """
        self.pool = pool
        for codebook in self.codebooks:
            codebook.pool = pool

    @property
    def codebooks(self) -> list[Codebook]:
        """The stages' codebooks in order."""
        return [stage.codebook for stage in self.layers if isinstance(stage, _Stage)]

    def encode(
        self, latent: torch.Tensor, num_codebooks: int | None = None, *, effort: int = 1
    ) -> torch.Tensor:
        """Quantise.

        Parameters
        ----------
        latent : Tensor
            ``(batch, dimension, frames)``.
        num_codebooks : int, optional
            Leading stages to use; all by default.
        effort : int, default: 1
            Beginnings kept from stage to stage: 1 takes the nearest entry at every stage, more find
            codes whose sum lies nearer (`audiolab.codec._beam_search`).

        Returns
        -------
        Tensor
            Codes ``(batch, num_codebooks, frames)``, int64.
        """
        batch, dimension, frames = latent.shape
        vectors = latent.transpose(1, 2).reshape(-1, dimension)
        codes = self.encode_vectors(vectors, num_codebooks, effort=effort)
        return codes.view(len(codes), batch, frames).transpose(0, 1)

    def encode_vectors(
        self, vectors: torch.Tensor, num_codebooks: int | None, *, effort: int = 1
    ) -> torch.Tensor:
        """Quantise vectors that lie one after the other.

        Parameters
        ----------
        vectors : Tensor
            ``(n, dimension)``.
        num_codebooks : int or None
            Leading stages to use; all if None.
        effort : int, default: 1
            As in `encode`.

        Returns
        -------
        Tensor
            Codes ``(num_codebooks, n)``, int64.
        """
        stages = self._first(num_codebooks)
        if not torch.compiler.is_compiling() and len(vectors) == 0:
            return torch.zeros(len(stages), 0, dtype=torch.int64, device=vectors.device)
        compiled = vectors.device.type == "cpu" and not _traced(vectors, stages)
        if check_effort(effort) > 1 and len(stages) > 1:
            return (search_compiled if compiled else search)(vectors, stages, effort)
        if compiled:
            residual = vectors.clone(memory_format=torch.contiguous_format)
            codes = torch.empty(len(stages), len(vectors), dtype=torch.int64)
            for stage, row in zip(stages, codes, strict=True):
                stage.pick(residual, row)
            return codes
        books = [(stage.offsets(), stage.embed) for stage in stages]
        parts = []
        for residual in torch.split(vectors, _VECTORS_AT_ONCE):
            picks = []
            for offset, entries in books:
                picked = torch.addmm(offset, residual, entries.t()).argmax(dim=1)
                residual = residual - functional.embedding(picked, entries)
                picks.append(picked)
            parts.append(torch.stack(picks))
        return torch.cat(parts, dim=1)

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
        pool = self.pool if self.training else Pool()
        if isinstance(num_codebooks, torch.Tensor):
            per_item = num_codebooks.to(latent.device)
            if per_item.shape != (batch,):
                raise ValueError(
                    f"num_codebooks must be an int or of shape ({batch},), "
                    f"got {tuple(per_item.shape)}"
                )
            stages = pool.largest(int(per_item.max()))
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
            losses.append(_distance(inputs, entry, pool))
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


def _distance(inputs: torch.Tensor, entry: torch.Tensor, pool: Pool) -> torch.Tensor:
    """Return the mean squared distance, such that its mean over the processes is that of all."""
    if pool.size == 1:
        return functional.mse_loss(inputs, entry)
    _, total = pool.place(len(inputs))
    return (inputs - entry).square().sum() * (pool.size / (total * inputs.shape[1]))


def _traced(vectors: torch.Tensor, stages: Sequence[Codebook]) -> bool:
    """Tell whether compiled loops may not be used: gradients, export, other types than float32."""
    return (
        torch.compiler.is_compiling()
        or vectors.requires_grad
        or vectors.dtype != torch.float32
        or any(stage.embed.dtype != torch.float32 or stage.embed.requires_grad for stage in stages)
    )
