"""The reference packages with random weights that behave like trained ones.

A freshly initialised EnCodec gives latents that hardly move, so that codes are decided by rounding.
Its layers are therefore rescaled on a real clip to unit level, and each codebook is drawn around
the residual it will meet, with a third of its spread: residuals then shrink stage by stage.
"""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any

import torch

from audiolab import signals
from audiolab.codec import checkpoint
from audiolab.codec.model import EncodecModel

PRESETS = ("encodec_24khz", "encodec_48khz")


def clip(duration_s: float, preset: str) -> torch.Tensor:
    """Return speech (24 kHz) or two voices as stereo (48 kHz), ``(1, channels, time)``."""
    speech, _ = signals.clip("speech_female")
    other, _ = signals.clip("speech_male")
    if preset == "encodec_24khz":
        need = int(duration_s * 24_000)
        return _repeat(speech[:1], need)[None]
    need = int(duration_s * 48_000)
    both = torch.cat([_repeat(speech[:1], need), _repeat(other[:1], need)])
    mix = torch.tensor([[0.8, 0.3], [0.4, 0.7]])
    return (mix @ both)[None]


def _repeat(x: torch.Tensor, length: int) -> torch.Tensor:
    return x.repeat(1, -(-length // x.shape[1]))[:, :length].contiguous()


@cache
def encodec_model(preset: str) -> Any:
    """Return ``encodec`` 0.1.1's model, prepared."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # it uses the old weight_norm
        import encodec

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(7)
            builder = getattr(encodec.EncodecModel, preset.replace("_", "_model_", 1))
            model = builder(pretrained=False)
    model.name = preset
    model.eval()
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(11)
        _prepare(model, clip(2.0, preset))
    return model


def _prepare(model: Any, waveform: torch.Tensor) -> None:
    def level(module: Any, inputs: Any, output: torch.Tensor) -> torch.Tensor:
        if hasattr(module, "weight_g"):
            std = output.std()
            module.weight_g.div_(std)
            module.bias.mul_(0.1 / max(0.1, float(module.bias.abs().max())))
            return output / std
        return output

    convolutions = [
        m
        for m in (*model.encoder.modules(), *model.decoder.modules())
        if isinstance(m, (torch.nn.Conv1d, torch.nn.ConvTranspose1d))
    ]
    hooks = [m.register_forward_hook(level) for m in convolutions]
    segment = waveform[..., : model.segment_length or None]
    if model.normalize:
        segment = segment / segment.mean(1).square().mean().sqrt()
    latent = model.encoder(segment)
    model.decoder(latent)
    for hook in hooks:
        hook.remove()
    latent = model.encoder(segment)
    residual = latent.transpose(1, 2).reshape(-1, latent.shape[1])
    centre = residual.mean(0)
    for stage in model.quantizer.vq.layers:
        book = stage._codebook
        book.embed.copy_(centre + 0.33 * residual.std(0) * torch.randn_like(book.embed))
        centre = torch.zeros_like(centre)
        book.embed_avg.copy_(book.embed)
        book.inited.fill_(1)
        residual = residual - book.decode(book.quantize(residual))


@cache
def transformers_model(preset: str) -> Any:
    """Return transformers' model with the same weights."""
    from transformers import EncodecConfig
    from transformers import EncodecModel as Theirs

    values = model(preset).config.to_transformers()
    for key in ("architectures", "audiolab", "pad_mode", "trim_right_ratio"):
        values.pop(key)
    theirs = Theirs(EncodecConfig(**values))
    theirs.load_state_dict(checkpoint.to_transformers(model(preset)))
    return theirs.eval()


@cache
def model(preset: str) -> EncodecModel:
    """Return our model with the same weights."""
    ours = EncodecModel.from_preset(preset)
    checkpoint.fill(ours, encodec_model(preset).state_dict(), "encodec")
    return ours
