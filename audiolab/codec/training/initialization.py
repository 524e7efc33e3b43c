"""First weights that let a SEANet learn: every layer's output at one level.

With PyTorch's own first weights each convolution lets through about a third of the level that it is
given, and what is left after all of them is nearly constant; training then takes long to get away
from there. Here one batch is sent through, and
each convolution in turn is scaled so that its output has unit variance (Mishkin and Matas, *All you
need is a good init*, 2016, arXiv 1511.06422). Branches of residual units are halved, so that their
sum does not grow; the last convolution is scaled to the level of the waveform.
"""

from __future__ import annotations

import torch
from torch import nn

from audiolab.codec.layers import Conv, TransposedConv
from audiolab.codec.model import EncodecModel
from audiolab.codec.seanet import ResidualUnit

__all__ = ["unit_variance"]

_BRANCH = 0.5
_SMALLEST = 1e-6


@torch.no_grad()
def unit_variance(model: EncodecModel, waveform: torch.Tensor) -> None:
    """Scale a SEANet's convolutions by what comes out of them.

    Parameters
    ----------
    model : EncodecModel
        Changed in place.
    waveform : Tensor
        A batch ``(batch, channels, time)`` such as it will be trained on.
    """
    branches = {unit.block[3] for unit in model.modules() if isinstance(unit, ResidualUnit)}
    convolutions = [m for m in model.modules() if isinstance(m, Conv | TransposedConv)]
    if not convolutions:
        raise ValueError(f"{model.name} has no convolutions to scale: it is no SEANet")
    last = [m for m in model.decoder.modules() if isinstance(m, Conv)][-1]
    level = float(waveform.std())
    for name, parameter in model.named_parameters():
        if name.endswith("conv.bias"):
            parameter.zero_()

    def scale(module: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> object:
        target = _BRANCH if module in branches else level if module is last else 1.0
        factor = target / max(float(output.std()), _SMALLEST)
        for name, parameter in module.named_parameters():
            if name.endswith(("weight_g", "conv.weight")):
                parameter.mul_(factor)
        return module.forward(*inputs)

    handles = [module.register_forward_hook(scale) for module in convolutions]
    try:
        model.decoder(model.encoder(waveform))
    finally:
        for handle in handles:
            handle.remove()
