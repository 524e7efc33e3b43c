"""Both networks evaluated quickly, in one piece or in many, with the same result.

What `audiolab.codec.seanet` computes with ``(batch, channels, time)`` modules is computed here item
by item on ``(time, channels)`` arrays, without gradients:

- weight normalisation is folded once, and once again only when a weight has changed;
- convolutions go through oneDNN with weights packed in its own order. In this layout a strided
  convolution of ``2 s`` taps, and a transposed one, are convolutions of two taps over rows of
  ``s`` samples: a reshape that copies nothing;
- ELU is compiled (`audiolab.codec._kernels`) and writes straight into the padded input of the next
  convolution;
- convolutions run over pieces of a fraction of a second, which fit the cache, and carry their left
  context from piece to piece; the LSTM, which wants long runs, collects the pieces.

The carried context makes a stream of the same code: `Stream.push` takes what has arrived. What it
returns equals the modules' output up to the rounding of float32 (about 5e-6 of the peak).

Off the CPU, in other dtypes, or without oneDNN, the same structure runs on torch's operators.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from audiolab.codec import _kernels
from audiolab.codec.config import EncodecConfig
from audiolab.codec.layers import Conv, ResidualLSTM, TransposedConv, conv_padding
from audiolab.codec.seanet import ResidualUnit, SEANetDecoder, SEANetEncoder

__all__ = ["Cache", "Network", "Stream"]

#: Left contexts of an item's convolutions, by the convolution's place.
Contexts: TypeAlias = dict[int, torch.Tensor]

# One second at 75 Hz: shorter pieces read the weights too often, longer ones leave the cache.
_FRAMES_PER_PIECE = 75
# The LSTM packs its weights anew at each call, so it gets long runs: 10 s at 75 Hz.
_FRAMES_PER_RUN = 760
# Fewer frames than this are faster step by step than through oneDNN, which packs 16 MB first.
_FRAMES_FOR_ONEDNN = 32
# Packed weights are kept for so many input lengths.
_PACKED_LENGTHS = 3


def _compiled(x: torch.Tensor) -> bool:
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
    if _compiled(x) and x.is_contiguous() and out.is_contiguous():
        _kernels.elu(x.numpy().reshape(-1), out.numpy().reshape(-1))
    else:
        out.copy_(functional.elu(x))


class _Kernel:
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
        self.packs = _compiled(weight) and _has_packed_convolution()
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
        if _compiled(x):
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
    if _compiled(x):
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


class _ConvStep:
    def __init__(self, place: int, conv: Conv, *, activate: bool) -> None:
        self.kernel = _Kernel(conv.conv.folded(), conv.conv.bias, conv.stride, conv.dilation)
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


class _TransposedStep:
    def __init__(self, place: int, conv: TransposedConv, *, activate: bool) -> None:
        weight = conv.conv.folded()
        stride, out_channels = conv.stride, conv.out_channels
        # Output s * t + j is w[j] x[t] + w[s + j] x[t - 1]: two taps to s rows of channels.
        taps = weight.view(conv.in_channels, out_channels, 2, stride).permute(3, 1, 0, 2)
        taps = taps.reshape(stride * out_channels, conv.in_channels, 2).flip(2)
        self.kernel = _Kernel(taps, conv.conv.bias.repeat(stride))
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


class _ResidualStep:
    def __init__(self, place: int, unit: ResidualUnit) -> None:
        _, wide, _, narrow = unit.block
        assert isinstance(wide, Conv)
        assert isinstance(narrow, Conv)
        self.wide = _Kernel(wide.conv.folded(), wide.conv.bias, 1, wide.dilation)
        self.pad = _Padder(place, wide.kernel_size, 1, wide.dilation, wide.causal)
        self.narrow = _Kernel(narrow.conv.folded(), narrow.conv.bias)
        self.norms = None if wide.norm is None else _Norm(wide.norm)
        self.narrow_norm = None if narrow.norm is None else _Norm(narrow.norm)
        self.shortcut = self.shortcut_norm = None
        if isinstance(unit.shortcut, Conv):
            self.shortcut = _Kernel(unit.shortcut.conv.folded(), unit.shortcut.conv.bias)
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
        if _compiled(total):
            _kernels.add_affine(
                total.numpy(), gain.numpy(), y.numpy(), y_gain.numpy(), offset.numpy()
            )
            return total
        return total * gain + y * y_gain + offset


_Step: TypeAlias = _ConvStep | _TransposedStep | _ResidualStep


class _LSTM:
    """The residual LSTM over ``(batch, time, channels)`` with its state."""

    def __init__(self, module: ResidualLSTM) -> None:
        self.lstm = module.lstm
        self.layers = [
            tuple(getattr(module.lstm, f"{name}_l{i}").detach() for name in (
                "weight_ih", "weight_hh", "bias_ih", "bias_hh"))
            for i in range(module.lstm.num_layers)
        ]  # fmt: skip

    def __call__(
        self, x: torch.Tensor, state: tuple[torch.Tensor, torch.Tensor] | None
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor]]:
        if x.shape[1] < _FRAMES_FOR_ONEDNN and _compiled(x):
            return self._steps(x, state)
        steps = x.transpose(0, 1)
        y, state = self.lstm(steps, state)
        return (y + steps).transpose(0, 1), state

    def _steps(
        self, x: torch.Tensor, state: tuple[torch.Tensor, torch.Tensor] | None
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor]]:
        batch, time, channels = x.shape
        if state is None:
            zeros = x.new_zeros(len(self.layers), batch, channels)
            state = (zeros, zeros.clone())
        hidden, cell = state[0].clone(), state[1].clone()
        inputs = x.transpose(0, 1).contiguous()
        for i, (weight_ih, weight_hh, bias_ih, bias_hh) in enumerate(self.layers):
            gates = torch.addmm(bias_ih + bias_hh, inputs.view(-1, channels), weight_ih.t())
            gates = gates.view(time, batch, -1)
            outputs = torch.empty_like(inputs)
            h, c = hidden[i], cell[i]
            recurrent = weight_hh.t()
            for t in range(time):
                g = gates[t].addmm_(h, recurrent)
                _kernels.lstm_cell(g.numpy(), c.numpy(), outputs[t].numpy())
                h = outputs[t]
            hidden[i] = h
            inputs = outputs
        return inputs.transpose(0, 1) + x, (hidden, cell)


class Network:
    """One half of a model, ready to run.

    Parameters
    ----------
    module : SEANetEncoder or SEANetDecoder
        Whose weights to use; they are folded now.
    config : EncodecConfig
        The model's numbers.
    """

    def __init__(self, module: SEANetEncoder | SEANetDecoder, config: EncodecConfig) -> None:
        self.is_encoder = isinstance(module, SEANetEncoder)
        self.module, self.config, self.causal = module, config, config.causal
        self.lstm: _LSTM | None = None
        before: list[_Step] = []
        after: list[_Step] = []
        steps, activate = before, False
        for place, layer in enumerate(module.layers):
            if isinstance(layer, nn.ELU):
                activate = True
                continue
            if isinstance(layer, Conv):
                steps.append(_ConvStep(place, layer, activate=activate))
            elif isinstance(layer, TransposedConv):
                steps.append(_TransposedStep(place, layer, activate=activate))
            elif isinstance(layer, ResidualUnit):
                steps.append(_ResidualStep(place, layer))
            elif isinstance(layer, ResidualLSTM):
                self.lstm = _LSTM(layer)
                steps = after
            else:
                raise TypeError(f"the engine knows no {type(layer).__name__}")
            activate = False
        self.before, self.after = before, after
        # The LSTM runs at frame rate: samples come before it in an encoder, after it in a decoder.
        self.samples_in = config.hop_length if self.is_encoder else 1
        self.held_back = next(n for n in range(1, 1 << 16) if self.fits(n * self.samples_in))

    def fits(self, length: int) -> bool:
        """Tell whether a whole signal of this length can be padded by reflection throughout.

        Parameters
        ----------
        length : int
            Samples into an encoder, frames into a decoder.

        Returns
        -------
        bool
            False for the few lengths that the modules must handle.
        """
        for step in (*self.before, *self.after):
            fits, length = step.fits(length)
            if not fits:
                return False
        return True

    def run(self, x: torch.Tensor) -> torch.Tensor:
        """Evaluate whole signals.

        Parameters
        ----------
        x : Tensor
            ``(batch, channels, time)``.

        Returns
        -------
        Tensor
            What the module returns.
        """
        if not self.fits(x.shape[-1]):
            whole: torch.Tensor = self.module(x)
            return whole
        return Stream(self, len(x)).push(x, last=True)


class Stream:
    """Signals side by side on their way through a network.

    Parameters
    ----------
    network : Network
        What to run.
    batch : int
        Number of signals.
    """

    def __init__(self, network: Network, batch: int) -> None:
        self.network = network
        self.contexts: list[Contexts] = [{} for _ in range(batch)]
        self.state: tuple[torch.Tensor, torch.Tensor] | None = None
        self.first = True

    @torch.no_grad()
    def push(self, x: torch.Tensor, *, last: bool) -> torch.Tensor:
        """Take the next part of the signals.

        Parameters
        ----------
        x : Tensor
            ``(batch, channels, time)``, whole frames unless it is the last part; the first part is
            long enough for `Network.fits`.
        last : bool
            Whether the signals end here.

        Returns
        -------
        Tensor
            ``(batch, channels', time')``.
        """
        network = self.network
        run = x.shape[-1] if not network.causal else _FRAMES_PER_RUN * network.samples_in
        outputs = []
        rows = x.transpose(1, 2).contiguous()
        least = network.held_back * network.samples_in
        for part, begins, ends in _pieces(rows, max(run, least), self.first, last):
            outputs.append(self._run(part, begins, ends))
        self.first = False
        joined = outputs[0] if len(outputs) == 1 else torch.cat(outputs, dim=1)
        return joined.transpose(1, 2).contiguous()

    def _run(self, rows: torch.Tensor, first: bool, last: bool) -> torch.Tensor:
        network = self.network
        rows = self._convolve(network.before, rows, first, last)
        if network.lstm is not None:
            rows, self.state = network.lstm(rows, self.state)
        return self._convolve(network.after, rows, first, last)

    def _convolve(
        self, steps: Sequence[_Step], rows: torch.Tensor, first: bool, last: bool
    ) -> torch.Tensor:
        """Run convolutions item by item, in pieces that fit the cache."""
        network = self.network
        in_samples = network.is_encoder and steps is network.before
        unit = network.samples_in if in_samples else 1
        piece = max(_FRAMES_PER_PIECE, network.held_back) * unit
        resampled = in_samples or (not network.is_encoder and steps is network.after)
        if not network.causal or not resampled:
            piece = rows.shape[1]
        items = []
        for item, contexts in zip(rows, self.contexts, strict=True):
            done = []
            for part, begins, ends in _pieces(item[None], piece, first, last):
                y = part[0].contiguous()
                for step in steps:
                    y = step(y, contexts, first=begins, last=ends)
                done.append(y)
            items.append(done[0] if len(done) == 1 else torch.cat(done))
        return items[0][None] if len(items) == 1 else torch.stack(items)


def _pieces(
    rows: torch.Tensor, size: int, first: bool, last: bool
) -> list[tuple[torch.Tensor, bool, bool]]:
    """Cut ``(batch, time, channels)`` into pieces, each with whether it is the first or last."""
    parts = torch.split(rows, size, dim=1)
    end = len(parts) - 1
    return [(part, first and i == 0, last and i == end) for i, part in enumerate(parts)]


class Cache:
    """The networks of a model, rebuilt when a weight has changed; never saved or copied."""

    def __init__(self) -> None:
        self._built: dict[str, tuple[object, Network]] = {}

    def __deepcopy__(self, memo: dict[int, Any]) -> Cache:
        return Cache()

    def __reduce__(self) -> tuple[type[Cache], tuple[()]]:
        return Cache, ()

    def get(
        self, module: SEANetEncoder | SEANetDecoder, config: EncodecConfig, x: torch.Tensor
    ) -> Network | None:
        """Return the network for `module`, or None where its own modules should run.

        Parameters
        ----------
        module : SEANetEncoder or SEANetDecoder
            Half of a model.
        config : EncodecConfig
            The model's numbers.
        x : Tensor
            What is to be evaluated.

        Returns
        -------
        Network or None
            None for gradients, other devices and other dtypes than float32, and while exporting.
        """
        if torch.compiler.is_compiling() or torch.is_grad_enabled() or not _compiled(x):
            return None
        return self.network(module, config)

    def network(self, module: SEANetEncoder | SEANetDecoder, config: EncodecConfig) -> Network:
        """Return the up-to-date network for `module`.

        Parameters
        ----------
        module : SEANetEncoder or SEANetDecoder
            Half of a model.
        config : EncodecConfig
            The model's numbers.

        Returns
        -------
        Network
            Built now if a weight has changed since.
        """
        key = tuple((p.data_ptr(), p._version, p.device, p.dtype) for p in module.parameters())
        kind = type(module).__name__
        built = self._built.get(kind)
        if built is None or built[0] != key:
            with torch.no_grad():
                built = (key, Network(module, config))
            self._built[kind] = built
        return built[1]
