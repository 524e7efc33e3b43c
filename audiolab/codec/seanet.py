"""SEANet: the encoder that turns a waveform into latent frames, and the decoder that turns back.

Layer numbers and names follow the published checkpoints: in ``encoder.layers.3`` is the first
strided convolution, and an activation between two layers has a number of its own.
"""

from __future__ import annotations

import torch
from torch import nn

from audiolab.codec.config import EncodecConfig
from audiolab.codec.layers import Conv, ResidualLSTM, TransposedConv

__all__ = ["ResidualUnit", "SEANetDecoder", "SEANetEncoder"]


class ResidualUnit(nn.Module):
    """Two convolutions behind ELUs, beside a shortcut that bypasses them.

    Parameters
    ----------
    channels : int
        Channels in and out.
    dilation : int
        Distance between the taps of the first convolution.
    config : EncodecConfig
        Kernel size, narrowing, shortcut, causality and normalisation.
    """

    def __init__(self, channels: int, dilation: int, config: EncodecConfig) -> None:
        super().__init__()
        hidden = channels // config.compress
        causal, norm = config.causal, config.norm
        size = config.residual_kernel_size
        self.block = nn.ModuleList(
            [
                nn.ELU(),
                Conv(channels, hidden, size, dilation=dilation, causal=causal, norm=norm),
                nn.ELU(),
                Conv(hidden, channels, 1, causal=causal, norm=norm),
            ]
        )
        self.shortcut = (
            Conv(channels, channels, 1, causal=causal, norm=norm)
            if config.conv_shortcut
            else nn.Identity()
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Add the two paths.

        Parameters
        ----------
        x : Tensor
            ``(batch, channels, time)``.

        Returns
        -------
        Tensor
            The same shape.
        """
        y = x
        for layer in self.block:
            y = layer(y)
        bypassed: torch.Tensor = self.shortcut(x)
        return bypassed + y


class SEANetEncoder(nn.Module):
    """Waveform to latent frames.

    Parameters
    ----------
    config : EncodecConfig
        The model's numbers.

    Examples
    --------
    >>> encoder = SEANetEncoder(EncodecConfig(num_filters=2, dimension=8))
    >>> encoder(torch.zeros(1, 1, 321)).shape
    torch.Size([1, 8, 2])
    """

    def __init__(self, config: EncodecConfig) -> None:
        super().__init__()
        causal, norm = config.causal, config.norm
        width = config.num_filters
        layers: list[nn.Module] = [
            Conv(config.channels, width, config.kernel_size, causal=causal, norm=norm)
        ]
        for ratio in reversed(config.ratios):
            layers += _residual_units(width, config)
            layers += [
                nn.ELU(),
                Conv(width, 2 * width, 2 * ratio, ratio, causal=causal, norm=norm),
            ]
            width *= 2
        if config.num_lstm_layers:
            layers.append(ResidualLSTM(width, config.num_lstm_layers))
        layers += [
            nn.ELU(),
            Conv(width, config.dimension, config.last_kernel_size, causal=causal, norm=norm),
        ]
        self.layers = nn.ModuleList(layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Encode.

        Parameters
        ----------
        x : Tensor
            ``(batch, channels, time)``.

        Returns
        -------
        Tensor
            ``(batch, dimension, ceil(time / hop_length))``.
        """
        for layer in self.layers:
            x = layer(x)
        return x


class SEANetDecoder(nn.Module):
    """Latent frames to waveform.

    Parameters
    ----------
    config : EncodecConfig
        The model's numbers.
    """

    def __init__(self, config: EncodecConfig) -> None:
        super().__init__()
        causal, norm = config.causal, config.norm
        width = config.num_filters * 2 ** len(config.ratios)
        layers: list[nn.Module] = [
            Conv(config.dimension, width, config.kernel_size, causal=causal, norm=norm)
        ]
        if config.num_lstm_layers:
            layers.append(ResidualLSTM(width, config.num_lstm_layers))
        for ratio in config.ratios:
            layers += [
                nn.ELU(),
                TransposedConv(width, width // 2, ratio, causal=causal, norm=norm),
            ]
            width //= 2
            layers += _residual_units(width, config)
        layers += [
            nn.ELU(),
            Conv(width, config.channels, config.last_kernel_size, causal=causal, norm=norm),
        ]
        self.layers = nn.ModuleList(layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Decode.

        Parameters
        ----------
        x : Tensor
            ``(batch, dimension, frames)``.

        Returns
        -------
        Tensor
            ``(batch, channels, frames * hop_length)``.
        """
        for layer in self.layers:
            x = layer(x)
        return x


def _residual_units(width: int, config: EncodecConfig) -> list[ResidualUnit]:
    return [
        ResidualUnit(width, config.dilation_base**j, config)
        for j in range(config.num_residual_layers)
    ]
