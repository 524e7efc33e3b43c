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

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from audiolab.codec import _kernels
from audiolab.codec._steps import (
    Contexts,
    ConvStep,
    Kernel,
    ResidualStep,
    Step,
    TransposedStep,
    compiled,
)
from audiolab.codec.config import EncodecConfig
from audiolab.codec.layers import Conv, ResidualLSTM, TransposedConv
from audiolab.codec.seanet import ResidualUnit, SEANetDecoder, SEANetEncoder

__all__ = ["Cache", "Network", "Stream"]

# One second at 75 Hz: shorter pieces read the weights too often, longer ones leave the cache.
_FRAMES_PER_PIECE = 75
# oneDNN's LSTM packs its weights anew at each call, so it gets long runs: 10 s at 75 Hz.
_FRAMES_PER_RUN = 760
# With several signals or threads, oneDNN's LSTM pays from so many frames on.
_FRAMES_FOR_ONEDNN = 32
# Fewer frames than this are faster as products of a matrix with a vector.
_FRAMES_FOR_PRODUCT = 4


class _LSTM:
    """The residual LSTM over ``(batch, time, channels)`` with its state."""

    def __init__(self, module: ResidualLSTM) -> None:
        self.lstm = module.lstm
        self.layers = []
        for weight_ih, weight_hh, bias_ih, bias_hh in module.lstm.all_weights:
            bias = bias_ih.detach() + bias_hh.detach()
            kernel = Kernel(weight_ih.detach()[:, :, None], bias)
            self.layers.append((kernel, weight_ih.detach(), weight_hh.detach(), bias))

    def __call__(
        self, x: torch.Tensor, state: tuple[torch.Tensor, torch.Tensor] | None
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor]]:
        batch, time, channels = x.shape
        # oneDNN packs 16 MB of weights at each call, and shares long runs among threads.
        shared = batch > 1 or torch.get_num_threads() > 1
        if not compiled(x) or (shared and time >= _FRAMES_FOR_ONEDNN):
            steps = x.transpose(0, 1)
            y, state = self.lstm(steps, state)
            return (y + steps).transpose(0, 1), state
        if state is None:
            zeros = x.new_zeros(len(self.layers), batch, channels)
            state = (zeros, zeros)
        hidden, cell = state[0].clone(), state[1].clone()
        items = [self._run(item.contiguous(), hidden[:, b], cell[:, b]) for b, item in enumerate(x)]
        return torch.stack(items), (hidden, cell)

    def _run(self, x: torch.Tensor, hidden: torch.Tensor, cell: torch.Tensor) -> torch.Tensor:
        """Run one signal ``(time, channels)``; the states ``(layers, channels)`` are updated."""
        y = x
        for i, (kernel, weight_ih, weight_hh, bias) in enumerate(self.layers):
            if len(y) < _FRAMES_FOR_PRODUCT:
                gates = torch.stack([torch.addmv(bias, weight_ih, frame) for frame in y])
            else:
                gates = kernel(y)
            out = torch.empty_like(y)
            _kernels.lstm_layer(
                gates.numpy(), weight_hh.numpy(), cell[i : i + 1].numpy(), hidden[i].numpy(),
                out.numpy(),
            )  # fmt: skip
            hidden[i] = out[-1]
            y = out
        return x + y


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
        before: list[Step] = []
        after: list[Step] = []
        steps, activate = before, False
        for place, layer in enumerate(module.layers):
            if isinstance(layer, nn.ELU):
                activate = True
                continue
            if isinstance(layer, Conv):
                steps.append(ConvStep(place, layer, activate=activate))
            elif isinstance(layer, TransposedConv):
                steps.append(TransposedStep(place, layer, activate=activate))
            elif isinstance(layer, ResidualUnit):
                steps.append(ResidualStep(place, layer))
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
        self, steps: Sequence[Step], rows: torch.Tensor, first: bool, last: bool
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
        if torch.compiler.is_compiling() or torch.is_grad_enabled() or not compiled(x):
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
