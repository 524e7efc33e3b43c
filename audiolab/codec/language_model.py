"""A transformer that guesses the next frame of codes, so that an entropy coder writes fewer bits.

At frame `t` the embeddings of all codes of frame `t - 1` are summed (index 0 stands for "none", the
first frame), normalised and given a position; five post-norm encoder layers attend to the last
`past_context` frames; one linear head for each codebook yields the 1024 logits of frame `t`. All
codebooks of a frame are guessed at once, from the frames before.

Before the first frame, attention sees one step of zeros, as in the EnCodec reference: it offers the
biases of the projections as a key and a value until it leaves the window.

Floating point is for training and for the reference's own files (`legacy_lm`). Files that have to
decode anywhere take the integers of `exact_lm`.

References
----------
A. Défossez, J. Copet, G. Synnaeve, Y. Adi, "High fidelity neural audio compression", TMLR 2023,
arXiv:2210.13438, section 3.3.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional

from audiolab._files import atomic_path
from audiolab._typing import FilePath
from audiolab.codec._download import CheckpointError, published
from audiolab.codec.language_model_config import LANGUAGE_MODELS, LanguageModelConfig

__all__ = ["CHECKPOINTS", "LANGUAGE_MODELS", "LanguageModel", "LanguageModelConfig"]

#: The published language models' files.
CHECKPOINTS = {
    "encodec_24khz": "encodec_lm_24khz-1608e3c0.th",
    "encodec_48khz": "encodec_lm_48khz-7add9fc3.th",
}
_METADATA = "audiolab.language_model"


class Layer(nn.Module):
    """Attention and two linear maps, a layer norm after each; named as in `torch.nn`."""

    def __init__(self, config: LanguageModelConfig) -> None:
        super().__init__()
        self.self_attn = nn.MultiheadAttention(config.dim, config.num_heads, batch_first=True)
        self.linear1 = nn.Linear(config.dim, config.hidden_dim)
        self.linear2 = nn.Linear(config.hidden_dim, config.dim)
        self.norm1 = nn.LayerNorm(config.dim)
        self.norm2 = nn.LayerNorm(config.dim)

    def attend(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Attend from all steps of `x` but the first to the steps `mask` lets through."""
        attention = self.self_attn
        batch, length, dim = x.shape
        heads = attention.num_heads
        mixed = functional.linear(x, attention.in_proj_weight, attention.in_proj_bias)
        query, key, value = mixed.view(batch, length, 3, heads, dim // heads).permute(2, 0, 3, 1, 4)
        found = functional.scaled_dot_product_attention(query[:, :, 1:], key, value, attn_mask=mask)
        out: torch.Tensor = attention.out_proj(found.transpose(1, 2).reshape(batch, -1, dim))
        return out

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return the steps ``(batch, time, dim)`` after the layer."""
        past = torch.cat([torch.zeros_like(x[:, :1]), x], dim=1)
        x = self.norm1(x + self.attend(past, mask))
        y: torch.Tensor = self.norm2(x + self.linear2(functional.gelu(self.linear1(x))))
        return y


class Transformer(nn.Module):
    """The layers, and the norm before them."""

    def __init__(self, config: LanguageModelConfig) -> None:
        super().__init__()
        self.norm_in = nn.LayerNorm(config.dim)
        self.layers = nn.ModuleList([Layer(config) for _ in range(config.num_layers)])


class LanguageModel(nn.Module):
    """Probabilities of each frame's codes, given the frames before it.

    Parameters
    ----------
    config : LanguageModelConfig
        Sizes.

    Examples
    --------
    >>> import torch
    >>> small = LanguageModelConfig(num_codebooks=2, codebook_size=16, dim=8, num_heads=2)
    >>> codes = torch.zeros(1, 2, 5, dtype=torch.long)
    >>> LanguageModel(small)(codes).shape
    torch.Size([1, 2, 5, 16])
    """

    def __init__(self, config: LanguageModelConfig) -> None:
        super().__init__()
        self.config = config
        size, dim = config.codebook_size, config.dim
        self.transformer = Transformer(config)
        self.emb = nn.ModuleList([nn.Embedding(size + 1, dim) for _ in range(config.num_codebooks)])
        self.linears = nn.ModuleList([nn.Linear(dim, size) for _ in range(config.num_codebooks)])

    @classmethod
    def from_preset(cls, name: str) -> Self:
        """Return the language model of a preset, with random weights.

        Parameters
        ----------
        name : {"encodec_24khz", "encodec_48khz"}
            The codec.

        Returns
        -------
        LanguageModel
            In evaluation mode. Its state is named as the reference's, whose checkpoints load.
        """
        if name not in LANGUAGE_MODELS:
            raise ValueError(f"name must be one of {', '.join(LANGUAGE_MODELS)}, got {name!r}")
        model = cls(LANGUAGE_MODELS[name])
        model.eval()
        return model

    @classmethod
    def from_pretrained(cls, name_or_path: FilePath, *, download: bool = True) -> Self:
        """Load a language model with its weights.

        Parameters
        ----------
        name_or_path : str or path
            A codec's name, whose published language model is looked for in torch's cache and
            downloaded if it is missing; or a file that `save` wrote, or that holds one of the
            published models.
        download : bool, default: True
            Whether a missing file may be downloaded.

        Returns
        -------
        LanguageModel
            In evaluation mode.

        Raises
        ------
        CheckpointError
            Nothing is found, or what is found is not a language model.
        """
        name, path = os.fspath(name_or_path), Path(name_or_path)
        if name in CHECKPOINTS and not path.exists():
            path = published(CHECKPOINTS[name], may_download=download)
        elif not path.is_file():
            raise CheckpointError(
                f"no language model {name!r}: pass a file or one of {', '.join(CHECKPOINTS)}"
            )
        try:
            if path.suffix == ".safetensors":
                state = load_file(path)
            else:
                state = torch.load(path, map_location="cpu", weights_only=True)
            model = cls(_config_of(path, state))
            model.load_state_dict(state)
        except Exception as error:
            # What a damaged file makes the readers raise is not theirs to promise.
            raise CheckpointError(
                f"{path} does not hold a language model ({str(error).split(chr(10), 1)[0]})"
            ) from None
        model.eval()
        return model

    def save(self, path: FilePath, *, overwrite: bool = False) -> None:
        """Write weights and configuration into a ``.safetensors`` file.

        Parameters
        ----------
        path : path-like
            Where to write.
        overwrite : bool, default: False
            Whether a file that is there may be replaced.
        """
        state = {name: value.detach().cpu() for name, value in self.state_dict().items()}
        metadata = {_METADATA: json.dumps(self.config.to_dict())}
        with atomic_path(path, overwrite=overwrite) as temporary:
            save_file(state, temporary, metadata)

    def forward(self, codes: torch.Tensor, *, first_position: int = 0) -> torch.Tensor:
        """Guess every frame from those before it.

        Parameters
        ----------
        codes : torch.Tensor
            Codes ``(batch, codebook, frame)`` of the whole sequence, int64, the first codebooks of
            the model. Frame `t` is only used for the frames after it.
        first_position : int, default: 0
            Position of the first frame; training draws it at random.

        Returns
        -------
        torch.Tensor
            Logits ``(batch, codebook, frame, entry)``.

        Raises
        ------
        ValueError
            `codes` has another shape, more codebooks than the model, or entries out of range.
        """
        self._check(codes)
        _, num_codebooks, length = codes.shape
        known = functional.pad(codes + 1, (1, 0))[..., :-1]
        x = self.emb[0](known[:, 0])
        for k in range(1, num_codebooks):
            x = x + self.emb[k](known[:, k])
        x = self.transformer.norm_in(x)
        x = x + self._positions(length, first_position).to(x)
        # Query t of the sequence is step t + 1, behind the step of zeros.
        distance = torch.arange(1, length + 1)[:, None] - torch.arange(length + 1)
        mask = ((distance >= 0) & (distance <= self.config.past_context)).to(codes.device)
        for layer in self.transformer.layers:
            x = layer(x, mask)
        return torch.stack([self.linears[k](x) for k in range(num_codebooks)], dim=1)

    def loss(self, codes: torch.Tensor, *, first_position: int = 0) -> torch.Tensor:
        """Return the mean price of a code, in nats.

        Parameters
        ----------
        codes : torch.Tensor
            Codes ``(batch, codebook, frame)``.
        first_position : int, default: 0
            Position of the first frame.

        Returns
        -------
        torch.Tensor
            The cross-entropy, a scalar; over ``log(2)`` it is in bits.
        """
        logits = self(codes, first_position=first_position)
        return functional.cross_entropy(logits.flatten(0, 2), codes.flatten())

    def _positions(self, length: int, first: int) -> torch.Tensor:
        half = self.config.dim // 2
        exponent = torch.arange(half, dtype=torch.float64) / max(half - 1, 1)
        rate = torch.exp(-math.log(self.config.max_period) * exponent)
        phase = torch.arange(first, first + length, dtype=torch.float64)[:, None] * rate
        return torch.cat([phase.cos(), phase.sin()], dim=-1)

    def _check(self, codes: torch.Tensor) -> None:
        config = self.config
        if codes.dim() != 3 or codes.dtype != torch.long:
            raise ValueError(
                "codes must be int64 of shape (batch, codebook, frame), "
                f"got {codes.dtype} {tuple(codes.shape)}"
            )
        if not 1 <= codes.shape[1] <= config.num_codebooks:
            raise ValueError(
                f"codes must have 1 to {config.num_codebooks} codebooks, got {codes.shape[1]}"
            )
        if codes.numel() and not 0 <= int(codes.min()) <= int(codes.max()) < config.codebook_size:
            raise ValueError(f"codes must lie in 0..{config.codebook_size - 1}")


def _config_of(path: Path, state: Mapping[str, torch.Tensor]) -> LanguageModelConfig:
    """Read the configuration from the file, or tell the published models by their codebooks."""
    if path.suffix == ".safetensors":
        with safe_open(os.fspath(path), framework="pt") as file:
            text = (file.metadata() or {}).get(_METADATA)
        if text is not None:
            return LanguageModelConfig.from_dict(json.loads(text))
    count = sum(name.startswith("emb.") for name in state)
    for config in LANGUAGE_MODELS.values():
        if config.num_codebooks == count:
            return config
    raise ValueError(f"it has embeddings for {count} codebooks and tells no configuration")
