"""The multi-scale STFT discriminator of EnCodec: one small network for each resolution.

Each scale sees real and imaginary part of one STFT (Hann window, hop a quarter of it, divided by
the window's norm, frames that lie within the signal only) as an image of frames by bins. Five
layers of 2-D convolutions and leaky ReLUs look wide over frequency and, with dilations 1, 2 and 4,
over time; their activations are compared in feature matching, and a last convolution judges every
patch. Layers and sizes are those of the reference (``encodec.msstftd``), whose first layer has no
weight normalisation. The paper (Défossez et al., 2022, arXiv 2210.13438, section 3.4) uses five
scales and, for stereo, looks at each channel for itself, as is done here.

Left out: a discriminator of its own for each bandwidth.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.parametrizations import weight_norm

from audiolab._typing import Seed
from audiolab._validation import as_generator

__all__ = ["Judgement", "MultiScaleSTFTDiscriminator", "STFTDiscriminator"]

_SLOPE = 0.2


class Judgement(NamedTuple):
    """What a discriminator says about some waveforms.

    Parameters
    ----------
    logits : list of Tensor
        One for each scale, ``(items, 1, frames, bins)``; above 0 for what sounds real.
    features : list of list of Tensor
        The layers' activations at each scale.
    """

    logits: list[torch.Tensor]
    features: list[list[torch.Tensor]]

    def split(self, items: int) -> tuple[Judgement, Judgement]:
        """Part what was judged in one pass.

        Parameters
        ----------
        items : int
            Items of the first part.

        Returns
        -------
        tuple of Judgement
            Of the first items, and of the others.
        """
        first = Judgement(
            [each[:items] for each in self.logits],
            [[each[:items] for each in layers] for layers in self.features],
        )
        second = Judgement(
            [each[items:] for each in self.logits],
            [[each[items:] for each in layers] for layers in self.features],
        )
        return first, second


class STFTDiscriminator(nn.Module):
    """One scale.

    Parameters
    ----------
    window : int
        Length of the STFT's window in samples, a multiple of 4.
    num_filters : int, default: 32
        Channels of the layers.
    """

    window_shape: torch.Tensor

    def __init__(self, window: int, num_filters: int = 32) -> None:
        super().__init__()
        shape = torch.hann_window(window)
        self.register_buffer("window_shape", shape / math.sqrt(float(shape.square().sum())), False)
        n = num_filters
        self.layers = nn.ModuleList(
            [
                nn.Conv2d(2, n, (3, 9), padding=(1, 4)),
                *(
                    weight_norm(
                        nn.Conv2d(n, n, (3, 9), (1, 2), dilation=(step, 1), padding=(step, 4))
                    )
                    for step in (1, 2, 4)
                ),
                weight_norm(nn.Conv2d(n, n, 3, padding=1)),
            ]
        )
        self.last = weight_norm(nn.Conv2d(n, 1, 3, padding=1))

    def forward(self, waveform: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Judge.

        Parameters
        ----------
        waveform : Tensor
            ``(items, time)``, at least a window long.

        Returns
        -------
        logits : Tensor
            ``(items, 1, frames, bins)``.
        features : list of Tensor
            The five layers' activations.
        """
        size = len(self.window_shape)
        spectrum = torch.stft(
            waveform, size, size // 4, window=self.window_shape, center=False, return_complex=True
        ).transpose(1, 2)
        x = torch.stack([spectrum.real, spectrum.imag], dim=1)
        features = []
        for layer in self.layers:
            x = functional.leaky_relu(layer(x), _SLOPE)
            features.append(x)
        logits: torch.Tensor = self.last(x)
        return logits, features


class MultiScaleSTFTDiscriminator(nn.Module):
    """A discriminator at each of several resolutions.

    Parameters
    ----------
    windows : sequence of int, default: (2048, 1024, 512, 256, 128)
        Window lengths in samples; the paper's, at 24 kHz. At 48 kHz it doubles them.
    num_filters : int, default: 32
        Channels of the layers.
    generator : Generator, int or None, default: None
        Where the weights are drawn from.

    Examples
    --------
    >>> discriminator = MultiScaleSTFTDiscriminator(generator=0)
    >>> judgement = discriminator(torch.zeros(1, 1, 24_000))
    >>> [tuple(each.shape[2:]) for each in judgement.logits]
    [(43, 129), (90, 65), (184, 33), (372, 17), (747, 9)]
    >>> sum(p.numel() for p in discriminator.parameters())
    472330
    """

    def __init__(
        self,
        windows: Sequence[int] = (2048, 1024, 512, 256, 128),
        num_filters: int = 32,
        *,
        generator: Seed = None,
    ) -> None:
        super().__init__()
        random = as_generator(generator)
        # Modules draw their first weights from the global generator: lend it our seed for a while.
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(int(torch.randint(2**62, (1,), generator=random)))
            self.scales = nn.ModuleList([STFTDiscriminator(n, num_filters) for n in windows])

    def forward(self, waveform: torch.Tensor) -> Judgement:
        """Judge at every scale.

        Parameters
        ----------
        waveform : Tensor
            ``(batch, channels, time)``; channels are judged each for itself.

        Returns
        -------
        Judgement
            Logits and features.
        """
        items = waveform.flatten(0, 1)
        logits, features = [], []
        for scale in self.scales:
            judged, seen = scale(items)
            logits.append(judged)
            features.append(seen)
        return Judgement(logits, features)
