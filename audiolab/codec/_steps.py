"""The layers of both networks on ``(time, channels)`` arrays, with folded weights.

A step reads its padded input from a buffer of its own, `Rows`, and writes straight into the next
step's; between two pieces of a signal the buffers hold the left context, so nothing is joined or
copied. `audiolab.codec.engine` strings the steps together and says why they are so.

On a CPU in float32 the loops are compiled; elsewhere the same steps run on torch's operators.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from audiolab.codec import _kernels, _products
from audiolab.codec.layers import Conv, TransposedConv, conv_padding
from audiolab.codec.seanet import ResidualUnit

__all__ = [
    "ConvStep",
    "Kernel",
    "Memory",
    "ResidualStep",
    "Rows",
    "Step",
    "TransposedStep",
    "compiled",
]


def compiled(x: torch.Tensor) -> bool:
    """Tell whether numba's loops can read this tensor."""
    return x.device.type == "cpu" and x.dtype == torch.float32


class Memory:
    """What several buffers that are not in use together lie in."""

    def __init__(self) -> None:
        self.flat = torch.empty(0)

    def take(self, size: int, like: torch.Tensor) -> torch.Tensor:
        if len(self.flat) < size:
            self.flat = like.new_zeros(size)
        return self.flat[:size]


class Rows:
    """A buffer of ``(left + time + right, channels)`` numbers, flat; `left` rows are context."""

    def __init__(self, channels: int, like: torch.Tensor, left: int = 0, right: int = 0) -> None:
        self.channels, self.left, self.right = channels, left, right
        self.memory: Memory | None = None
        self.rounded = np.zeros(0, np.uint16)
        self._allocate(like, 0)

    def _allocate(self, like: torch.Tensor, capacity: int) -> None:
        # The last vector of a product may reach beyond the end.
        size = (self.left + capacity + self.right + _products.LANES) * self.channels
        self.flat = like.new_zeros(size) if self.memory is None else self.memory.take(size, like)
        self.array = self.flat.numpy() if compiled(like) else np.zeros(0, np.float32)
        self.capacity, self.compiled = capacity, compiled(like)

    @classmethod
    def over(cls, x: torch.Tensor) -> Rows:
        """Return a view of the contiguous array ``(..., channels)``, to be read."""
        rows = cls.__new__(cls)
        rows.channels, rows.left, rows.right = x.shape[-1], 0, 0
        rows.rounded = np.zeros(0, np.uint16)
        rows.flat, rows.compiled = x.reshape(-1), compiled(x)
        rows.array = rows.flat.numpy() if rows.compiled else np.zeros(0, np.float32)
        rows.capacity = len(rows.flat) // rows.channels
        return rows

    def reserve(self, time: int) -> None:
        """Make room for so many rows beside the context."""
        if time > self.capacity:
            context = self.flat[: self.left * self.channels]
            self._allocate(self.flat, time)
            self.flat[: len(context)] = context

    def rows(self, start: int, stop: int) -> torch.Tensor:
        """Return a view of rows, counted from the first after the context."""
        begin = (self.left + start) * self.channels
        return self.flat[begin : begin + (stop - start) * self.channels].view(-1, self.channels)

    def fill(self, x: torch.Tensor, *, elu: bool) -> None:
        """Write ``(time, channels)`` after the context, or ELU of it."""
        time = len(x)
        if not self.compiled:
            self.rows(0, time).copy_(functional.elu(x) if elu else x)
            return
        # NumPy and numba stay on this thread.
        begin = self.left * self.channels
        body, flat = self.array[begin : begin + time * self.channels], x.reshape(-1).numpy()
        if elu:
            _kernels.elu(flat, body)
        else:
            body[:] = flat

    def copy(self, time: int) -> torch.Tensor:
        """Return a copy of the first rows ``(time, channels)``."""
        if not self.compiled:
            return self.rows(0, time).clone()
        begin = self.left * self.channels
        flat = self.array[begin : begin + time * self.channels].copy()
        return torch.from_numpy(flat).view(time, self.channels)

    def round(self, start: int, count: int) -> NDArray[np.uint16]:
        """Return so many numbers as bfloat16."""
        if len(self.rounded) < count:
            self.rounded = np.empty(count, np.uint16)
        _products.round_to_bfloat16(self.array[start : start + count], self.rounded)
        return self.rounded

    def reflect_left(self) -> None:
        """Fill the context with what follows it, mirrored at the first row."""
        if self.left:
            self.rows(-self.left, 0).copy_(self.rows(1, self.left + 1).flip(0))

    def reflect_right(self, time: int, count: int) -> None:
        """Write `count` rows after `time` rows, mirrored at the last of them."""
        if count:
            self.rows(time, time + count).copy_(self.rows(time - 1 - count, time - 1).flip(0))

    def keep(self, time: int) -> None:
        """Make the last of `time` rows the context of the next piece."""
        if not self.left:
            return
        if self.compiled:
            # NumPy moves overlapping rows correctly.
            begin, size = time * self.channels, self.left * self.channels
            self.array[:size] = self.array[begin : begin + size]
        else:
            self.rows(-self.left, 0).copy_(self.rows(time - self.left, time).clone())


def activate(source: Rows, target: Rows, start: int, stop: int) -> None:
    """Write ELU of some rows of `source` to the same rows of `target`, which may be the same."""
    if source.compiled:
        size = (stop - start) * source.channels
        a = (start + source.left) * source.channels
        b = (start + target.left) * target.channels
        if source is target:
            _kernels.elu_in_place(source.array[a : a + size])
        else:
            _kernels.elu(source.array[a : a + size], target.array[b : b + size])
    else:
        target.rows(start, stop).copy_(functional.elu(source.rows(start, stop)))


class Kernel:
    """A convolution's folded weight ``(out, in, taps)``, applied to padded rows.

    With `pairs`, weights and inputs are rounded to bfloat16 if there are enough of them.
    """

    def __init__(
        self, weight: torch.Tensor, bias: torch.Tensor, stride: int = 1, dilation: int = 1, *,
        pairs: bool,
    ) -> None:  # fmt: skip
        outputs, self.inputs, taps = weight.shape
        self.per_row = 1
        if stride == 1 and dilation == 1 and _products.LANES % outputs == 0 and taps > 1:
            # Too few outputs to fill a vector: take several samples as one row of outputs.
            self.per_row = _products.LANES // outputs
            wide = weight.new_zeros(self.per_row, outputs, self.inputs, taps + self.per_row - 1)
            for i in range(self.per_row):
                wide[i, :, :, i : i + taps] = weight
            weight, bias = wide.flatten(0, 1), bias.repeat(self.per_row)
            outputs, _, taps = weight.shape
        self.outputs, self.bias = outputs, bias.contiguous()
        self.pitch = stride * self.per_row * self.inputs
        matrix = weight.permute(2, 1, 0)  # (taps, in, out)
        parts = [matrix] if dilation == 1 else [tap[None] for tap in matrix]
        # Where each part's inputs begin, in rows, and what they are multiplied by.
        self.parts = [(i * dilation, m.reshape(-1, outputs)) for i, m in enumerate(parts)]
        self.packed, self.bias_array = [], np.zeros(0, np.float32)
        # The waveform itself is not rounded: few channels cost little.
        lanes = _products.LANES
        self.pairs = pairs and compiled(weight) and self.inputs % lanes == outputs % lanes == 0
        if compiled(weight):
            pack = _products.pack_pairs if self.pairs else _products.pack
            self.packed = [(first, len(m), pack(m.numpy())) for first, m in self.parts]
            self.bias_array = self.bias.numpy()

    def __call__(
        self, source: Rows, time: int, target: Rows, at: int = 0, *, begin: int | None = None,
        add: bool = False,
    ) -> None:  # fmt: skip
        """Write `time` outputs to rows `at` and on, or add them to what is there.

        The first one's window begins at row `begin` of `source`, by default with its context.
        """
        time = -(-time // self.per_row)
        begin = -source.left if begin is None else begin
        a_start = (source.left + begin) * source.channels
        c_start = (target.left + at) * target.channels
        n = self.outputs
        if not source.compiled:
            y = target.flat[c_start : c_start + time * n].view(time, n)
            for first, matrix in self.parts:
                a = source.flat.as_strided(
                    (time, len(matrix)), (self.pitch, 1), a_start + first * self.inputs
                )
                y.copy_((y if add else self.bias) + a @ matrix)
                add = True
            return
        start, s_start, pitch = (target.array, c_start, n) if add else (self.bias_array, 0, 0)
        if self.pairs:
            first, k, _ = self.packed[-1]
            count = max(0, (time - 1) * self.pitch + first * self.inputs + k)
            rounded = source.round(a_start, count)
            for first, k, packed in self.packed:
                _products.product_of_pairs(
                    rounded, first * self.inputs // 2, self.pitch // 2, time, k // 2, packed,
                    start, s_start, pitch, target.array, c_start, n, n, _products.DEPTH,
                )  # fmt: skip
                start, s_start, pitch = target.array, c_start, n
            return
        for first, k, packed in self.packed:
            _products.product(
                source.array, a_start + first * self.inputs, self.pitch, time, k, packed,
                start, s_start, pitch, target.array, c_start, n, n, _products.DEPTH,
            )  # fmt: skip
            start, s_start, pitch = target.array, c_start, n


class _Norm:
    """Group normalisation over a whole segment as a gain and an offset per channel."""

    def __init__(self, norm: nn.GroupNorm) -> None:
        self.weight, self.bias, self.epsilon = norm.weight, norm.bias, norm.eps

    def terms(self, x: Rows, time: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return gain and offset for the first rows."""
        if x.compiled:
            begin = x.left * x.channels
            mean, variance = _kernels.moments(x.array[begin : begin + time * x.channels])
            scale = 1.0 / np.sqrt(max(variance, 0.0) + self.epsilon)
        else:
            exact = x.rows(0, time).double()
            mean = float(exact.mean())
            scale = float((exact.var(correction=0) + self.epsilon).rsqrt())
        gain = self.weight * scale
        return gain, self.bias - gain * mean


def _normalize(
    norm: _Norm | None, source: Rows, time: int, target: Rows, kept: tuple[int, int], elu: bool
) -> None:
    """Normalise over the first `time` rows and write those from `kept[0]` to `kept[1]`."""
    if norm is None:
        gain, offset = source.flat.new_ones(source.channels), source.flat.new_zeros(source.channels)
    else:
        gain, offset = norm.terms(source, time)
    x = source.rows(*kept)
    out = target.rows(0, len(x))
    if source.compiled:
        terms = gain.numpy(), offset.numpy()
        if source is target:
            _kernels.affine_in_place(x.numpy(), *terms, elu)
        else:
            _kernels.affine(x.numpy(), *terms, out.numpy(), elu)
        return
    y = x * gain + offset
    out.copy_(functional.elu(y) if elu else y)


class ConvStep:
    """A convolution; `activates` tells whether what follows is an ELU."""

    def __init__(self, conv: Conv, pairs: bool) -> None:
        weight = conv.conv.folded()
        self.kernel = Kernel(weight, conv.conv.bias, conv.stride, conv.dilation, pairs=pairs)
        self.norm = None if conv.norm is None else _Norm(conv.norm)
        self.geometry = (conv.kernel_size, conv.stride, conv.dilation)
        self.causal, self.stride = conv.causal, conv.stride
        self.channels, self.activates = conv.in_channels, False
        self.outputs, self.rate = conv.out_channels, 1 / conv.stride
        # The most numbers per sample of input that go in or come out.
        self.density = max(conv.in_channels, conv.out_channels / conv.stride)

    def fits(self, length: int) -> tuple[bool, int]:
        padding = conv_padding(length, *self.geometry, causal=self.causal)
        return length > max(padding), -(-length // self.stride)

    def buffers(self, like: torch.Tensor) -> tuple[Rows, ...]:
        left, right = conv_padding(0, *self.geometry, causal=self.causal)
        return (Rows(self.channels, like, left, right + self.stride),)

    def __call__(
        self, own: tuple[Rows, ...], time: int, target: Rows, at: int, *, first: bool, last: bool
    ) -> int:
        (source,) = own
        _, right = conv_padding(time, *self.geometry, causal=self.causal)
        if first:
            source.reflect_left()
        if last:
            source.reflect_right(time, right)
        done = -(-time // self.stride)
        target.reserve(at + done)
        self.kernel(source, done, target, at)
        if self.norm is not None:
            _normalize(self.norm, target, done, target, (0, done), self.activates)
        elif self.activates:
            activate(target, target, at, at + done)
        source.keep(time)
        return done


class TransposedStep:
    """A transposed convolution of ``2 s`` taps: two taps to ``s`` rows of channels at once."""

    def __init__(self, conv: TransposedConv, pairs: bool) -> None:
        weight = conv.conv.folded()
        stride, outputs = conv.stride, conv.out_channels
        # Output s * t + j is w[j] x[t] + w[s + j] x[t - 1].
        taps = weight.view(conv.in_channels, outputs, 2, stride).permute(3, 1, 0, 2)
        taps = taps.reshape(stride * outputs, conv.in_channels, 2).flip(2)
        self.kernel = Kernel(taps, conv.conv.bias.repeat(stride), pairs=pairs)
        self.norm = None if conv.norm is None else _Norm(conv.norm)
        self.stride, self.causal, self.trim = stride, conv.causal, conv.trim()
        self.channels, self.outputs, self.activates = conv.in_channels, outputs, False
        self.density, self.rate = max(conv.in_channels, outputs * stride), stride

    def fits(self, length: int) -> tuple[bool, int]:
        return length > 0, length * self.stride

    def buffers(self, like: torch.Tensor) -> tuple[Rows, ...]:
        own = Rows(self.channels, like, 1, 1)
        return (own,) if self.causal else (own, Rows(self.outputs, like))

    def __call__(
        self, own: tuple[Rows, ...], time: int, target: Rows, at: int, *, first: bool, last: bool
    ) -> int:
        source = own[0]
        if first:
            source.rows(-1, 0).zero_()
        done = time * self.stride
        target.reserve(at + done)
        if self.causal:
            self.kernel(source, time, target, at)
            if self.norm is not None:
                _normalize(self.norm, target, done, target, (0, done), self.activates)
            elif self.activates:
                activate(target, target, at, at + done)
            source.keep(time)
            return done
        whole = own[1]
        whole.reserve(done + self.stride)
        source.rows(time, time + 1).zero_()
        self.kernel(source, time + 1, whole)
        kept = (self.trim[0], self.trim[0] + done)
        _normalize(self.norm, whole, done + self.stride, target, kept, self.activates)
        return done


class ResidualStep:
    """Two convolutions beside a shortcut."""

    def __init__(self, unit: ResidualUnit, pairs: bool) -> None:
        _, wide, _, narrow = unit.block
        assert isinstance(wide, Conv)
        assert isinstance(narrow, Conv)
        self.wide = Kernel(wide.conv.folded(), wide.conv.bias, 1, wide.dilation, pairs=pairs)
        self.narrow = Kernel(narrow.conv.folded(), narrow.conv.bias, pairs=pairs)
        self.geometry, self.causal = (wide.kernel_size, 1, wide.dilation), wide.causal
        self.channels, self.hidden = wide.in_channels, wide.out_channels
        self.norms = [None if c.norm is None else _Norm(c.norm) for c in (wide, narrow)]
        self.shortcut = self.shortcut_norm = None
        self.bias = narrow.conv.bias
        if isinstance(unit.shortcut, Conv):
            conv = unit.shortcut
            # Without norms the two branches add up, and so do their biases.
            bias = conv.conv.bias + self.bias if narrow.norm is None else conv.conv.bias
            self.shortcut = Kernel(conv.conv.folded(), bias, pairs=pairs)
            self.shortcut_norm = None if conv.norm is None else _Norm(conv.norm)
        self.activates, self.rate = False, 1
        self.outputs = self.density = self.channels

    def fits(self, length: int) -> tuple[bool, int]:
        return length > max(conv_padding(length, *self.geometry, causal=self.causal)), length

    def buffers(self, like: torch.Tensor) -> tuple[Rows, ...]:
        left, right = conv_padding(0, *self.geometry, causal=self.causal)
        own = [Rows(self.channels, like), Rows(self.channels, like, left, right)]
        own.append(Rows(self.hidden, like))
        if self.norms[1] is not None:
            own.append(Rows(self.channels, like))
        return tuple(own)

    def __call__(
        self, own: tuple[Rows, ...], time: int, target: Rows, at: int, *, first: bool, last: bool
    ) -> int:
        x, padded, hidden = own[:3]
        padded.reserve(time)
        hidden.reserve(time)
        target.reserve(at + time)
        activate(x, padded, 0, time)
        if first:
            padded.reflect_left()
        if last:
            _, right = conv_padding(time, *self.geometry, causal=self.causal)
            padded.reflect_right(time, right)
        self.wide(padded, time, hidden)
        padded.keep(time)
        wide_norm, narrow_norm = self.norms
        if wide_norm is None:
            activate(hidden, hidden, 0, time)
        else:
            _normalize(wide_norm, hidden, time, hidden, (0, time), True)
        if self.shortcut is None:
            bypassed = x.rows(0, time)
            target.rows(at, at + time).copy_(
                bypassed + self.bias if narrow_norm is None else bypassed
            )
        else:
            self.shortcut(x, time, target, at)
        if narrow_norm is None:
            self.narrow(hidden, time, target, at, add=True)
            if self.activates:
                activate(target, target, at, at + time)
            return time
        y = own[3]
        y.reserve(time)
        self.narrow(hidden, time, y)
        y_gain, offset = narrow_norm.terms(y, time)
        gain = torch.ones_like(y_gain)
        if self.shortcut_norm is not None:
            gain, more = self.shortcut_norm.terms(target, time)
            offset = offset + more
        total, branch = target.rows(0, time), y.rows(0, time)
        if target.compiled:
            _kernels.add_affine(
                total.numpy(), gain.numpy(), branch.numpy(), y_gain.numpy(), offset.numpy(),
                self.activates,
            )  # fmt: skip
        else:
            both = total * gain + branch * y_gain + offset
            total.copy_(functional.elu(both) if self.activates else both)
        return time


Step: TypeAlias = ConvStep | TransposedStep | ResidualStep
