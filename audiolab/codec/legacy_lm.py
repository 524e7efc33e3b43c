"""Language-model streams of the EnCodec reference, version 0: floating point, step by step.

A stream decodes only if every probability comes out the same to the last bit. This module hence
repeats the reference's evaluation, operation by operation: one frame at a time, each layer keeping
its past *inputs* and projecting all of them anew. That is slow, and only as good as the machine:
the same version of torch, number of threads and kind of processor must read what they wrote. Files
of `exact_lm` have no such limits; use this for old files, and for readers that know no others.

A stream that is read with other probabilities turns into noise, without a word. Its length is then
wrong too, as a rule: `audiolab.codec.compression` compares the two ends.
"""

from __future__ import annotations

from typing import cast

import torch
from numpy.typing import ArrayLike
from torch.nn import functional

from audiolab.codec.entropy import ArithmeticDecoder, ArithmeticEncoder, quantize_pdf
from audiolab.codec.language_model import LanguageModel, Layer

__all__ = ["LegacyDecoder", "LegacyEncoder", "StepwiseEvaluation"]


class StepwiseEvaluation:
    """The probabilities of one frame after the other, as the reference computes them.

    Parameters
    ----------
    model : LanguageModel
        In evaluation mode; its device is used.
    num_codebooks : int
        Codebooks in use.
    """

    def __init__(self, model: LanguageModel, num_codebooks: int) -> None:
        if not 1 <= num_codebooks <= model.config.num_codebooks:
            raise ValueError(
                f"this language model knows 1 to {model.config.num_codebooks} codebooks, "
                f"got {num_codebooks}"
            )
        self._model = model.eval()
        device = next(model.parameters()).device
        self._indices = torch.zeros(1, num_codebooks, 1, dtype=torch.long, device=device)
        self._inputs: list[torch.Tensor] | None = None
        self._position = 0

    def accept(self, codes: torch.Tensor) -> None:
        """Take in the frame that was guessed.

        Parameters
        ----------
        codes : torch.Tensor
            Codes ``(codebook,)``.
        """
        self._indices = 1 + codes.to(self._indices.device).view(1, -1, 1)

    @torch.no_grad()
    def probabilities(self) -> torch.Tensor:
        """Return the probabilities of the next frame.

        Returns
        -------
        torch.Tensor
            Probabilities ``(codebook, entry)``, float32.
        """
        model, count = self._model, self._indices.shape[1]
        # Sums start from Python's 0, and logits are stacked and permuted before the softmax: both
        # choose kernels, thus last bits.
        x = sum(model.emb[k](self._indices[:, k]) for k in range(count))
        assert isinstance(x, torch.Tensor)
        if self._inputs is None:
            self._inputs = [torch.zeros_like(x) for _ in model.transformer.layers]
        x = model.transformer.norm_in(x)
        x = x + self._position_code(x)
        for i, layer in enumerate(model.transformer.layers):
            window = torch.cat([self._inputs[i], x], dim=1)
            self._inputs[i] = window[:, -model.config.past_context :, :]
            x = self._layer(cast("Layer", layer), x, window)
        self._position += 1
        logits = torch.stack([model.linears[k](x) for k in range(count)], dim=1)
        return torch.softmax(logits.permute(0, 3, 1, 2), dim=1)[0, :, :, 0].T

    def _position_code(self, x: torch.Tensor) -> torch.Tensor:
        config = self._model.config
        half = config.dim // 2
        position = torch.arange(1, device=x.device).view(1, -1, 1) + self._position
        pair = torch.arange(half, device=x.device).view(1, 1, -1)
        phase = position / (config.max_period ** (pair / (half - 1)))
        return torch.cat([torch.cos(phase), torch.sin(phase)], dim=-1)

    def _layer(self, layer: Layer, x: torch.Tensor, window: torch.Tensor) -> torch.Tensor:
        past = window.shape[1] - 1
        distance = past - torch.arange(past + 1, device=x.device).view(1, -1)
        hidden = ~((distance >= 0) & (distance <= self._model.config.past_context))
        found = layer.self_attn(x, window, window, attn_mask=hidden, need_weights=False)[0]
        x = layer.norm1(x + found)
        y: torch.Tensor = layer.norm2(x + layer.linear2(functional.gelu(layer.linear1(x))))
        return y


class LegacyEncoder:
    """Code frames as the reference does.

    Parameters
    ----------
    model : LanguageModel
        The model.
    num_codebooks : int
        Codebooks to code.
    """

    def __init__(self, model: LanguageModel, num_codebooks: int) -> None:
        self._steps = StepwiseEvaluation(model, num_codebooks)
        self._coder = ArithmeticEncoder()

    def push(self, codes: ArrayLike | torch.Tensor) -> bytes:
        """Append frames and return the bytes that are final.

        Parameters
        ----------
        codes : array_like or torch.Tensor
            Codes ``(codebook, frame)``.

        Returns
        -------
        bytes
            What no later frame can change.
        """
        for frame in torch.as_tensor(codes).cpu().unbind(-1):
            self._coder.encode(frame, quantize_pdf(self._steps.probabilities().cpu()))
            self._steps.accept(frame)
        return self._coder.drain()

    def finish(self) -> bytes:
        """End the stream.

        Returns
        -------
        bytes
            The last bytes.
        """
        return self._coder.finish()


class LegacyDecoder:
    """Read frames as the reference does.

    Parameters
    ----------
    model : LanguageModel
        The model that coded them.
    num_codebooks : int
        Codebooks that were coded.
    data : bytes
        The stream or its beginning.
    """

    def __init__(self, model: LanguageModel, num_codebooks: int, data: bytes = b"") -> None:
        self._steps = StepwiseEvaluation(model, num_codebooks)
        self._num_codebooks = num_codebooks
        self.coder = ArithmeticDecoder(data)

    def pull(self, num_frames: int) -> torch.Tensor:
        """Read the next frames.

        Parameters
        ----------
        num_frames : int
            How many; the bytes at hand must reach for them.

        Returns
        -------
        torch.Tensor
            Codes ``(codebook, frame)``, int64.

        Raises
        ------
        CorruptStreamError
            The stream ends too soon or names no symbol.
        """
        frames = [torch.empty(self._num_codebooks, 0, dtype=torch.long)]
        for _ in range(num_frames):
            cdf = quantize_pdf(self._steps.probabilities().cpu())
            codes = torch.from_numpy(self.coder.decode(cdf))
            self._steps.accept(codes)
            frames.append(codes[:, None])
        return torch.cat(frames, dim=-1)
