"""One pass with a gradient: straight through the quantiser, whose codebooks learn on the way."""

from __future__ import annotations

from typing import NamedTuple

import torch

from audiolab._typing import Seed
from audiolab._validation import as_generator
from audiolab.codec._batches import check_input
from audiolab.codec._networks import Networks
from audiolab.codec.quantizer import Quantized
from audiolab.codec.segments import overlap_add, segment_scale

__all__ = ["Reconstruction", "TrainingPass"]


class Reconstruction(NamedTuple):
    """What training needs of one pass through the model.

    Parameters
    ----------
    waveform : Tensor
        ``(batch, channels, time)``.
    codes : list of Tensor
        Codes of each segment, -1 in the codebooks that an item left out.
    commitment : Tensor
        Mean commitment loss, a scalar.
    """

    waveform: torch.Tensor
    codes: list[torch.Tensor]
    commitment: torch.Tensor


class TrainingPass(Networks):
    """How `audiolab.codec.EncodecModel` is trained.

    Parameters
    ----------
    config : EncodecConfig
        The model's numbers.
    generator : Generator, int or None, default: None
        Where the initial weights are drawn from.
    """

    def reconstruct(
        self,
        waveform: torch.Tensor,
        *,
        num_codebooks: int | torch.Tensor | None = None,
        generator: Seed = None,
    ) -> Reconstruction:
        """Go through the model with a gradient, straight through the quantiser.

        In training mode the codebooks are started, updated and renewed on the way.

        Parameters
        ----------
        waveform : Tensor
            ``(batch, channels, time)``.
        num_codebooks : int or Tensor, optional
            Codebooks for all items, or for each as a tensor ``(batch,)`` (see
            `sample_num_codebooks`); by default those of `bandwidth`.
        generator : Generator, int or None, default: None
            Where the quantiser draws from.

        Returns
        -------
        Reconstruction
            Waveform, codes and commitment loss.
        """
        waveform = check_input(self.config, waveform)
        if num_codebooks is None:
            num_codebooks = self.config.num_codebooks_for(self.bandwidth)
        random = as_generator(generator, waveform.device) if self.training else None
        parts: list[torch.Tensor] = []
        passes: list[Quantized] = []
        for start, stop in self.config.segments(waveform.shape[-1]):
            segment = waveform[..., start:stop]
            scale = segment_scale(segment) if self.config.normalize else None
            latent = self.encoder(segment if scale is None else segment / scale)
            quantized = self.quantizer(latent, num_codebooks, generator=random)
            out = self.decoder(quantized.latent)[..., : stop - start]
            parts.append(out if scale is None else out * scale)
            passes.append(quantized)
        joined = (
            parts[0] if self.segment_stride is None else overlap_add(parts, self.segment_stride)
        )
        return Reconstruction(
            joined[..., : waveform.shape[-1]],
            [p.codes for p in passes],
            torch.stack([p.commitment for p in passes]).mean(),
        )

    def sample_num_codebooks(self, batch: int, *, generator: Seed = None) -> torch.Tensor:
        """Draw a bandwidth for each item, for `reconstruct`: quantiser dropout.

        Parameters
        ----------
        batch : int
            Number of items.
        generator : Generator, int or None, default: None
            Where to draw from.

        Returns
        -------
        Tensor
            Codebooks ``(batch,)``, each those of a target bandwidth, all equally likely.
        """
        counts = torch.tensor([self.num_codebooks_for(b) for b in self.config.target_bandwidths])
        return counts[torch.randint(len(counts), (batch,), generator=as_generator(generator))]
