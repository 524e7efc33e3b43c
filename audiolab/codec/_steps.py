"""The layers of both networks on ``(time, channels)`` arrays, with folded weights.

Each step takes what one item has so far, keeps the left context that its convolution needs next,
and returns its output. `audiolab.codec.engine` strings them together and says why they are so.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TypeAlias

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from audiolab.codec import _kernels
from audiolab.codec.layers import Conv, TransposedConv, conv_padding
from audiolab.codec.seanet import ResidualUnit

__all__ = ["Contexts", "ConvStep", "Kernel", "ResidualStep", "Step", "TransposedStep", "compiled"]

#: Left contexts of an item's convolutions, by the convolution's place.
Contexts: TypeAlias = dict[int, torch.Tensor]

# Packed weights are kept for so many input lengths.
_PACKED_LENGTHS = 3


def compiled(x: torch.Tensor) -> bool:
    """Tell whether numba's loops can read this tensor."""
    return x.device.type == "cpu" and x.dtype == torch.float32


def _has_packed_convolution() -> bool:
    return (
        bool(torch.backends.mkldnn.enabled)
        and torch._C._has_mkldnn
        and hasattr(torch.ops.mkldnn, "_convolution_pointwise")
        and hasattr(torch.ops.mkldnn, "_reorder_convolution_weight")
    )


def _elu(x: torch.Tensor, out: torch.Tensor) -> None:
    if compiled(x) and x.is_contiguous() and out.is_contiguous():
        _kernels.elu(x.numpy().reshape(-1), out.numpy().reshape(-1))
    else:
        out.copy_(functional.elu(x))


class Kernel:
    """A convolution's folded weight ``(out, in, taps)``, applied to padded rows."""

    def __init__(
        self, weight: torch.Tensor, bias: torch.Tensor, stride: int = 1, dilation: int = 1
    ) -> None:
        out_channels, in_channels, taps = weight.shape
        self.rows = 1
        if stride > 2 and taps == 2 * stride and dilation == 1:
            # Rows of `stride` samples: two taps, no stride.
            weight = weight.view(out_channels, in_channels, 2, stride).permute(0, 3, 1, 2)
            weight = weight.reshape(out_channels, stride * in_channels, 2)
            self.rows, stride = stride, 1
        self.weight, self.bias = weight.contiguous(), bias.contiguous()
        self.stride, self.dilation = stride, dilation
        self.packs = compiled(weight) and _has_packed_convolution()
        self.packed: OrderedDict[int, torch.Tensor] = OrderedDict()

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Convolve ``(time, in)`` to ``(time', out)``."""
        if self.rows > 1:
            x = x.view(-1, self.rows * x.shape[1])
        if not self.packs:
            y = functional.conv1d(
                x.t()[None], self.weight, self.bias, stride=self.stride, dilation=self.dilation
            )
            return y[0].t().contiguous()
        y = torch.ops.mkldnn._convolution_pointwise(
            self._image(x), self._pack(x), self.bias, *self._geometry(), "none", [], ""
        )
        return self._rows(y)

    def add_to(self, total: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Return `total` plus the convolution of `x`, in place where that is possible."""
        if not self.packs or total.shape[1] == 1:
            return total.add_(self(x))
        image = self._image(total)
        torch.ops.mkldnn._convolution_pointwise_.binary(
            image, self._image(x), self._pack(x), self.bias, *self._geometry(),
            "add", 1.0, None, [], None,
        )  # fmt: skip
        return total

    def _geometry(self) -> tuple[list[int], list[int], list[int], int]:
        return [0, 0], [1, self.stride], [1, self.dilation], 1

    @staticmethod
    def _image(x: torch.Tensor) -> torch.Tensor:
        """View rows as an image one pixel high, channels last."""
        time, channels = x.shape
        return x.as_strided((1, channels, 1, time), (time * channels, 1, time * channels, channels))

    @staticmethod
    def _rows(y: torch.Tensor) -> torch.Tensor:
        return y[0, :, 0].t().contiguous()

    def _pack(self, x: torch.Tensor) -> torch.Tensor:
        length = x.shape[0]
        packed = self.packed.get(length)
        if packed is None:
            weight = self.weight.unsqueeze(2).contiguous(memory_format=torch.channels_last)
            padding, stride, dilation, groups = self._geometry()
            packed = torch.ops.mkldnn._reorder_convolution_weight(
                weight, padding, stride, dilation, groups, [1, x.shape[1], 1, length]
            )
            self.packed[length] = packed
            if len(self.packed) > _PACKED_LENGTHS:
                self.packed.popitem(last=False)
        else:
            self.packed.move_to_end(length)
        return packed


class _Norm:
    """Group normalisation over a whole segment as a gain and an offset per channel."""

    def __init__(self, norm: nn.GroupNorm) -> None:
        self.weight, self.bias, self.epsilon = norm.weight, norm.bias, norm.eps

    def terms(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return gain and offset for ``(time, channels)``."""
        if compiled(x):
            mean, variance = _kernels.moments(x.numpy().reshape(-1))
            scale = 1.0 / np.sqrt(max(variance, 0.0) + self.epsilon)
        else:
            exact = x.double()
            mean = float(exact.mean())
            scale = float((exact.var(correction=0) + self.epsilon).rsqrt())
        gain = self.weight * scale
        return gain, self.bias - gain * mean


def _affine(x: torch.Tensor, norm: _Norm | None, *, activate: bool = False) -> torch.Tensor:
    """Normalise ``(time, channels)`` in place, and activate it if asked to."""
    if norm is None:
        if activate:
            _elu(x, x)
        return x
    gain, offset = norm.terms(x)
    if compiled(x):
        loop = _kernels.affine_elu if activate else _kernels.affine
        loop(x.numpy(), gain.numpy(), offset.numpy(), x.numpy())
        return x
    y = x * gain + offset
    return functional.elu(y) if activate else y


class _Padder:
    """Put a convolution's input together: left context, (activated) input, right padding."""

    def __init__(
        self, place: int, kernel_size: int, stride: int, dilation: int, causal: bool
    ) -> None:
        self.place, self.causal = place, causal
        self.geometry = (kernel_size, stride, dilation)

    def fits(self, length: int) -> bool:
        """Tell whether a whole signal of this length is long enough to be reflected."""
        return length > max(conv_padding(length, *self.geometry, causal=self.causal))

    def __call__(
        self, x: torch.Tensor, contexts: Contexts, *, activate: bool, first: bool, last: bool
    ) -> torch.Tensor:
        time, channels = x.shape
        left, right = conv_padding(time, *self.geometry, causal=self.causal)
        if not last:
            right = 0
        if left == 0 and right == 0 and not activate:
            return x
        padded = x.new_empty(left + time + right, channels)
        body = padded[left : left + time]
        if activate:
            _elu(x, body)
        else:
            body.copy_(x)
        if left:
            padded[:left] = body[1 : left + 1].flip(0) if first else contexts[self.place]
            if not last:
                contexts[self.place] = padded[time : time + left].clone()
        if right:
            end = left + time
            padded[end:] = padded[end - 1 - right : end - 1].flip(0)
        return padded


class ConvStep:
    def __init__(self, place: int, conv: Conv, *, activate: bool) -> None:
        self.kernel = Kernel(conv.conv.folded(), conv.conv.bias, conv.stride, conv.dilation)
        self.pad = _Padder(place, conv.kernel_size, conv.stride, conv.dilation, conv.causal)
        self.norm = None if conv.norm is None else _Norm(conv.norm)
        self.stride, self.activate = conv.stride, activate

    def fits(self, length: int) -> tuple[bool, int]:
        return self.pad.fits(length), -(-length // self.stride)

    def __call__(
        self, x: torch.Tensor, contexts: Contexts, *, first: bool, last: bool
    ) -> torch.Tensor:
        x = self.pad(x, contexts, activate=self.activate, first=first, last=last)
        return _affine(self.kernel(x), self.norm)


class TransposedStep:
    def __init__(self, place: int, conv: TransposedConv, *, activate: bool) -> None:
        weight = conv.conv.folded()
        stride, out_channels = conv.stride, conv.out_channels
        # Output s * t + j is w[j] x[t] + w[s + j] x[t - 1]: two taps to s rows of channels.
        taps = weight.view(conv.in_channels, out_channels, 2, stride).permute(3, 1, 0, 2)
        taps = taps.reshape(stride * out_channels, conv.in_channels, 2).flip(2)
        self.kernel = Kernel(taps, conv.conv.bias.repeat(stride))
        self.norm = None if conv.norm is None else _Norm(conv.norm)
        self.place, self.stride, self.activate = place, stride, activate
        self.causal, self.trim = conv.causal, conv.trim()

    def fits(self, length: int) -> tuple[bool, int]:
        return length > 0, length * self.stride

    def __call__(
        self, x: torch.Tensor, contexts: Contexts, *, first: bool, last: bool
    ) -> torch.Tensor:
        time, channels = x.shape
        padded = x.new_empty(time + (1 if self.causal else 2), channels)
        body = padded[1 : time + 1]
        if self.activate:
            _elu(x, body)
        else:
            body.copy_(x)
        if first:
            padded[0] = 0
        else:
            padded[0] = contexts[self.place]
        if self.causal:
            contexts[self.place] = padded[time].clone()
        else:
            padded[time + 1] = 0
        y = self.kernel(padded)
        y = _affine(y.view(y.shape[0] * self.stride, -1), self.norm)
        return y if self.causal else y[self.trim[0] : len(y) - self.trim[1]]


class ResidualStep:
    def __init__(self, place: int, unit: ResidualUnit) -> None:
        _, wide, _, narrow = unit.block
        assert isinstance(wide, Conv)
        assert isinstance(narrow, Conv)
        self.wide = Kernel(wide.conv.folded(), wide.conv.bias, 1, wide.dilation)
        self.pad = _Padder(place, wide.kernel_size, 1, wide.dilation, wide.causal)
        self.narrow = Kernel(narrow.conv.folded(), narrow.conv.bias)
        self.norms = None if wide.norm is None else _Norm(wide.norm)
        self.narrow_norm = None if narrow.norm is None else _Norm(narrow.norm)
        self.shortcut = self.shortcut_norm = None
        if isinstance(unit.shortcut, Conv):
            self.shortcut = Kernel(unit.shortcut.conv.folded(), unit.shortcut.conv.bias)
            if unit.shortcut.norm is not None:
                self.shortcut_norm = _Norm(unit.shortcut.norm)

    def fits(self, length: int) -> tuple[bool, int]:
        return self.pad.fits(length), length

    def __call__(
        self, x: torch.Tensor, contexts: Contexts, *, first: bool, last: bool
    ) -> torch.Tensor:
        padded = self.pad(x, contexts, activate=True, first=first, last=last)
        hidden = _affine(self.wide(padded), self.norms, activate=True)
        total = x.clone() if self.shortcut is None else self.shortcut(x)
        if self.narrow_norm is None:
            return self.narrow.add_to(total, hidden)
        y = self.narrow(hidden)
        y_gain, offset = self.narrow_norm.terms(y)
        gain = torch.ones_like(y_gain)
        if self.shortcut_norm is not None:
            gain, more = self.shortcut_norm.terms(total)
            offset = offset + more
        if compiled(total):
            _kernels.add_affine(
                total.numpy(), gain.numpy(), y.numpy(), y_gain.numpy(), offset.numpy()
            )
            return total
        return total * gain + y * y_gain + offset


Step: TypeAlias = ConvStep | TransposedStep | ResidualStep
