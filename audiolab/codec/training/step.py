"""One pass with a gradient as the trainer wants it, for any backbone.

`EncodecModel.reconstruct` is the plain pass; here the networks run in the precision of the run
while the quantiser stays in float32, and items may go around the quantiser. Being a module of its
own, whose ``forward`` is the whole pass, it is what ``DistributedDataParallel`` wraps.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn

from audiolab.codec.model import EncodecModel
from audiolab.codec.segments import overlap_add, segment_scale

__all__ = ["Pass", "TrainingStep"]


class Pass(NamedTuple):
    """What comes out of one pass.

    Parameters
    ----------
    waveform : Tensor
        ``(batch, channels, time)``, float32.
    commitment : Tensor
        Mean commitment loss, a scalar.
    latent : Tensor
        The first segment's latent ``(batch, dimension, frames)``, without gradient.
    codes : Tensor
        Its codes ``(batch, codebooks, frames)``; -1 in the stages that an item left out.
    """

    waveform: torch.Tensor
    commitment: torch.Tensor
    latent: torch.Tensor
    codes: torch.Tensor


class TrainingStep(nn.Module):
    """A model's pass in mixed precision, with a bypass of the quantiser.

    Parameters
    ----------
    model : EncodecModel
        The model.
    precision : {"float32", "bfloat16"}
        Type of the networks' products.
    """

    def __init__(self, model: EncodecModel, precision: str = "float32") -> None:
        super().__init__()
        self.model = model
        self.mixed = precision == "bfloat16"

    def forward(
        self,
        waveform: torch.Tensor,
        num_codebooks: torch.Tensor,
        bypass: torch.Tensor,
        generator: torch.Generator,
    ) -> Pass:
        """Encode, quantise and decode.

        Parameters
        ----------
        waveform : Tensor
            ``(batch, channels, time)``.
        num_codebooks : Tensor
            Codebooks for each item, ``(batch,)``.
        bypass : Tensor
            Which items go around the quantiser, ``(batch,)``, bool. The codebooks learn from them
            all the same.
        generator : Generator
            Where the quantiser draws from.

        Returns
        -------
        Pass
            What the losses need.
        """
        model = self.model
        outputs, commitments, latents, codes = [], [], [], []
        kind = waveform.device.type
        for start, stop in model.config.segments(waveform.shape[-1]):
            segment = waveform[..., start:stop]
            scale = segment_scale(segment) if model.config.normalize else None
            with torch.autocast(kind, torch.bfloat16, enabled=self.mixed):
                latent = model.encoder(segment if scale is None else segment / scale)
            # Near ties between entries are decided by float32's digits, not by bfloat16's.
            with torch.autocast(kind, enabled=False):
                latent = latent.float()
                quantized = model.quantizer(latent, num_codebooks, generator=generator)
                mixed = torch.where(bypass[:, None, None], latent, quantized.latent)
            with torch.autocast(kind, torch.bfloat16, enabled=self.mixed):
                out = model.decoder(mixed).float()[..., : stop - start]
            outputs.append(out if scale is None else out * scale)
            commitments.append(quantized.commitment)
            latents.append(latent.detach())
            codes.append(quantized.codes)
        stride = model.segment_stride
        joined = outputs[0] if stride is None else overlap_add(outputs, stride)
        output = joined[..., : waveform.shape[-1]]
        return Pass(output, torch.stack(commitments).mean(), latents[0], codes[0])
