"""Convolutions under EnCodec's one padding rule, and the LSTM with its skip connection.

A convolution of `k` taps and stride `s` is padded by ``k - s`` in all, by reflection: to the left
if it is causal, else to both sides. It is then filled up on the right so that its last window is
whole, and gives ``ceil(length / s)`` samples. A transposed convolution of ``k = 2 s`` taps is cut
by as much, and gives ``s * length``.

These modules are what trains, runs on any device and exports. `audiolab.codec.engine` evaluates
the same weights faster on a CPU. Their parameters carry the names of the checkpoints on the
Hugging Face hub (``conv.weight_g``, ``conv.weight_v``, ``conv.bias``, ``norm.weight``).
"""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional

__all__ = ["Conv", "ResidualLSTM", "TransposedConv", "conv_padding", "pad_reflect"]


def conv_padding(
    length: int, kernel_size: int, stride: int = 1, dilation: int = 1, *, causal: bool
) -> tuple[int, int]:
    """Return how many samples a convolution's input is padded by.

    Parameters
    ----------
    length : int
        Samples of the input.
    kernel_size : int
        Taps.
    stride : int, default: 1
        Step in samples.
    dilation : int, default: 1
        Distance between taps in samples.
    causal : bool
        Whether the fixed part goes to the left only.

    Returns
    -------
    tuple of int
        Samples before and after.

    Examples
    --------
    >>> conv_padding(321, 10, 5, causal=False)
    (3, 6)
    """
    fixed = (kernel_size - 1) * dilation + 1 - stride
    extra = -length % stride
    right = 0 if causal else fixed // 2
    return fixed - right, right + extra


def pad_reflect(x: torch.Tensor, left: int, right: int) -> torch.Tensor:
    """Pad by reflection, the edge sample not repeated, whatever the length.

    Parameters
    ----------
    x : Tensor
        Signal ``(batch, channels, time)`` with at least one sample.
    left : int
        Samples to add before.
    right : int
        Samples to add after.

    Returns
    -------
    Tensor
        ``(batch, channels, left + time + right)``. A signal too short to be reflected is first
        lengthened by zeros, which are cut off again.

    Examples
    --------
    >>> pad_reflect(torch.tensor([[[1.0, 2.0, 3.0]]]), 2, 1).tolist()
    [[[3.0, 2.0, 1.0, 2.0, 3.0, 2.0]]]
    """
    if left == 0 and right == 0:
        return x
    missing = max(left, right) - x.shape[-1] + 1
    if missing > 0:
        padded = functional.pad(functional.pad(x, (0, missing)), (left, right), mode="reflect")
        return padded[..., : padded.shape[-1] - missing]
    return functional.pad(x, (left, right), mode="reflect")


class _Weights(nn.Module):
    """Weight and bias of a convolution, the weight as gain and direction where it is normalised."""

    def __init__(self, shape: tuple[int, int, int], num_outputs: int, *, weight_norm: bool) -> None:
        super().__init__()
        weight = torch.empty(shape)
        nn.init.kaiming_uniform_(weight, a=math.sqrt(5))
        bound = 1 / math.sqrt(shape[1] * shape[2])
        self.weight_norm = weight_norm
        if weight_norm:
            self.weight_g = nn.Parameter(torch.linalg.vector_norm(weight, dim=(1, 2), keepdim=True))
            self.weight_v = nn.Parameter(weight)
        else:
            self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(torch.empty(num_outputs).uniform_(-bound, bound))

    def folded(self) -> torch.Tensor:
        """Return the weight that the convolution uses."""
        if not self.weight_norm:
            return self.weight
        # The fused operator of torch.nn.utils.weight_norm, so that the bits are the reference's.
        return torch._weight_norm(self.weight_v, self.weight_g, 0)


class Conv(nn.Module):
    """A convolution that pads its input by reflection.

    Parameters
    ----------
    in_channels : int
        Channels in.
    out_channels : int
        Channels out.
    kernel_size : int
        Taps.
    stride : int, default: 1
        Step in samples.
    dilation : int, default: 1
        Distance between taps in samples.
    causal : bool
        Whether no output depends on later input.
    norm : {"weight_norm", "time_group_norm", "none"}
        What is normalised: the weight, the output, or nothing.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        dilation: int = 1,
        *,
        causal: bool,
        norm: str,
    ) -> None:
        super().__init__()
        self.kernel_size, self.stride, self.dilation = kernel_size, stride, dilation
        self.causal = causal
        self.in_channels, self.out_channels = in_channels, out_channels
        shape = (out_channels, in_channels, kernel_size)
        self.conv = _Weights(shape, out_channels, weight_norm=norm == "weight_norm")
        self.norm = nn.GroupNorm(1, out_channels) if norm == "time_group_norm" else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Convolve.

        Parameters
        ----------
        x : Tensor
            ``(batch, in_channels, time)``.

        Returns
        -------
        Tensor
            ``(batch, out_channels, ceil(time / stride))``.
        """
        left, right = conv_padding(
            x.shape[-1], self.kernel_size, self.stride, self.dilation, causal=self.causal
        )
        x = pad_reflect(x, left, right)
        x = functional.conv1d(
            x, self.conv.folded(), self.conv.bias, stride=self.stride, dilation=self.dilation
        )
        return x if self.norm is None else self.norm(x)


class TransposedConv(nn.Module):
    """A transposed convolution of ``2 * stride`` taps, cut to ``stride * length``.

    Parameters
    ----------
    in_channels : int
        Channels in.
    out_channels : int
        Channels out.
    stride : int
        Samples out per sample in.
    causal : bool
        Whether all that is cut is cut on the right.
    norm : {"weight_norm", "time_group_norm", "none"}
        As in `Conv`; the output is normalised before it is cut.
    """

    def __init__(
        self, in_channels: int, out_channels: int, stride: int, *, causal: bool, norm: str
    ) -> None:
        super().__init__()
        self.kernel_size, self.stride, self.causal = 2 * stride, stride, causal
        self.in_channels, self.out_channels = in_channels, out_channels
        shape = (in_channels, out_channels, self.kernel_size)
        self.conv = _Weights(shape, out_channels, weight_norm=norm == "weight_norm")
        self.norm = nn.GroupNorm(1, out_channels) if norm == "time_group_norm" else None

    def trim(self) -> tuple[int, int]:
        """Return how many samples are cut off before and after.

        Returns
        -------
        tuple of int
            They add up to the stride.
        """
        right = self.stride if self.causal else self.stride // 2
        return self.stride - right, right

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Convolve.

        Parameters
        ----------
        x : Tensor
            ``(batch, in_channels, time)``.

        Returns
        -------
        Tensor
            ``(batch, out_channels, stride * time)``.
        """
        x = functional.conv_transpose1d(x, self.conv.folded(), self.conv.bias, stride=self.stride)
        if self.norm is not None:
            x = self.norm(x)
        left, right = self.trim()
        return x[..., left : x.shape[-1] - right]


class ResidualLSTM(nn.Module):
    """An LSTM over time whose input is added to its output.

    Parameters
    ----------
    channels : int
        Channels in and out.
    num_layers : int
        LSTM layers.
    """

    def __init__(self, channels: int, num_layers: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(channels, channels, num_layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Run from the zero state.

        Parameters
        ----------
        x : Tensor
            ``(batch, channels, time)``.

        Returns
        -------
        Tensor
            The same shape.
        """
        x = x.permute(2, 0, 1)
        lstm = self.lstm
        zeros = x.new_zeros(lstm.num_layers, x.shape[1], x.shape[2])
        # nn.LSTM's own call keeps its weights in a list on the side, which torch.export warns of.
        weights: list[torch.Tensor] = [weight for layer in lstm.all_weights for weight in layer]
        y, _, _ = torch.lstm(
            x, (zeros, zeros), weights, True, lstm.num_layers, 0.0, self.training, False, False
        )
        return (y + x).permute(1, 2, 0)
