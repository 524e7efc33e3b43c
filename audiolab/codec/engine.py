"""Both networks evaluated quickly, in one piece or in many, with the same result.

What `audiolab.codec.seanet` computes with ``(batch, channels, time)`` modules is computed here item
by item on ``(time, channels)`` arrays, without gradients:

- weight normalisation is folded once, and once again only when a weight has changed;
- in this layout the inputs of a convolution are overlapping rows of one array, so each convolution
  is a product of matrices without a copy (`audiolab.codec._products`); a transposed one of ``2 s``
  taps is a convolution of two taps to ``s`` rows;
- ELU is compiled (`audiolab.codec._kernels`) and works on what is still in the cache;
- convolutions run over pieces that fit the cache, and carry their left context from piece to
  piece in the buffers themselves (`audiolab.codec._steps`).

The carried context makes a stream of the same code: `Stream.push` takes what has arrived. Every
number is one sum in one order, so the pieces change no bit. What is returned equals the modules'
output up to the rounding of float32 (about 5e-6 of the peak).

`torch.set_num_threads` says how many threads share the work: pieces of several signals or of one
go through different layers at a time. A single signal's LSTM is one after the other by nature, a
quarter of the whole, and bounds what more threads gain. No loop has threads of its own, and their
number changes no bit.

With precision "bfloat16", weights and activations are rounded before they are multiplied, and the
sums stay in float32 (`EncodecModel.set_precision` says what this changes).

Off the CPU and in other dtypes, the same structure runs on torch's operators.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import torch
from torch import nn

from audiolab.codec import _kernels, _products
from audiolab.codec._steps import (
    ConvStep,
    Kernel,
    Memory,
    ResidualStep,
    Rows,
    Step,
    TransposedStep,
    compiled,
)
from audiolab.codec._tasks import Task, run_tasks
from audiolab.codec.config import EncodecConfig
from audiolab.codec.layers import Conv, ResidualLSTM, TransposedConv
from audiolab.codec.mdct_backbone import MDCTDecoder, MDCTEncoder
from audiolab.codec.mdct_engine import MDCTNetwork
from audiolab.codec.seanet import ResidualUnit, SEANetDecoder, SEANetEncoder

__all__ = ["Cache", "Network", "Precision", "Stream", "check_precision"]

#: One half of a model.
Half: TypeAlias = SEANetEncoder | SEANetDecoder | MDCTEncoder | MDCTDecoder
Precision: TypeAlias = Literal["float32", "bfloat16"]

# One second at 75 Hz: each piece reads 15 MB of weights.
_FRAMES_PER_PIECE = 75
# A group of layers takes so many numbers at once that its buffers stay in the second-level cache.
_NUMBERS_AT_ONCE = 50_000

_NOTHING = np.zeros(0, np.float32)


def check_precision(precision: Precision) -> Precision:
    """Return `precision` if this processor has it.

    Parameters
    ----------
    precision : {"float32", "bfloat16"}
        What weights and activations are rounded to before they are multiplied.

    Returns
    -------
    str
        The same.

    Raises
    ------
    ValueError
        There is no such precision.
    RuntimeError
        The processor lacks the instructions.
    """
    if precision not in get_args(Precision):
        raise ValueError(f"precision must be 'float32' or 'bfloat16', got {precision!r}")
    if precision == "bfloat16" and not _products.has_bfloat16:
        raise RuntimeError(
            "precision 'bfloat16' needs a processor with AVX512-BF16 (the flag avx512_bf16), which "
            "this one lacks; 'float32' runs everywhere"
        )
    return precision


class _LSTM:
    """The residual LSTM over ``(time, batch, channels)`` with its state."""

    def __init__(self, module: ResidualLSTM, pairs: bool) -> None:
        self.lstm = module.lstm
        self.layers = []
        for weight_ih, weight_hh, bias_ih, bias_hh in module.lstm.all_weights:
            bias = bias_ih.detach() + bias_hh.detach()
            kernel = Kernel(weight_ih.detach()[:, :, None], bias, pairs=pairs)
            recurrent = weight_hh.detach().t()
            packed = _NOTHING
            if kernel.pairs:
                packed = _products.pack_pairs(recurrent.numpy(), len(recurrent) // 2)
            elif compiled(recurrent):
                packed = _products.pack(recurrent.numpy(), len(recurrent))
            self.layers.append((kernel, packed))

    def __call__(
        self, x: torch.Tensor, state: tuple[torch.Tensor, torch.Tensor] | None
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor]]:
        if not compiled(x):
            y, state = self.lstm(x, state)
            return y + x, state
        time, batch, channels = x.shape
        if state is None:
            zeros = x.new_zeros(len(self.layers), batch, channels)
            state = (zeros, zeros.clone())
        y = Rows.over(x)
        gates = Rows(4 * channels, x)
        gates.reserve(time * batch)
        for (kernel, packed), hidden, cell in zip(self.layers, *state, strict=True):
            kernel(y, time * batch, gates)
            out = torch.empty_like(x)
            width = 4 * channels
            inputs = gates.array[: time * batch * width].reshape(time, batch, width)
            _kernels.lstm_layer(
                inputs, packed, cell.numpy(), hidden.view(-1).numpy(), out.view(-1).numpy(),
                kernel.pairs,
            )  # fmt: skip
            y = Rows.over(out)
        np.add(out.numpy(), x.numpy(), out=out.numpy())  # one thread, unlike torch's
        return out, state


class _Group:
    """Neighbouring layers whose buffers together stay in the cache, run over pieces of a signal."""

    def __init__(self, steps: Sequence[Step], unit: int, causal: bool, density: float) -> None:
        self.steps, self.causal = steps, causal
        self.activated = False  # whether ELU comes before the first step
        least = next(n for n in range(1, 1 << 16) if self.fits(n * unit)[0])
        self.piece = max(least, int(_NUMBERS_AT_ONCE / density)) * unit

    def fits(self, length: int) -> tuple[bool, int]:
        """Tell whether so many samples can be reflected, and how many come out."""
        for step in self.steps:
            fits, length = step.fits(length)
            if not fits:
                return False, length
        return True, length


def _groups(steps: Sequence[Step], per_frame: int, causal: bool) -> list[_Group]:
    """Divide steps whose input has so many samples per frame of codes into groups."""
    groups: list[_Group] = []
    waiting: list[Step] = []
    unit, densest = per_frame, 0.0
    rate = float(per_frame)
    for step in steps:
        density = rate * step.density
        if causal and waiting and not 0.5 < density / densest < 2:
            groups.append(_Group(waiting, unit, causal, densest))
            waiting, unit, densest = [], round(rate), 0.0
        waiting.append(step)
        densest = max(densest, density)
        rate *= step.rate
    if waiting:
        groups.append(_Group(waiting, unit, causal, densest))
    return groups


class _Lane:
    """The buffers of one group of steps, for one signal at a time."""

    def __init__(self, group: _Group, like: torch.Tensor) -> None:
        self.group = group
        self.buffers = [step.buffers(like) for step in group.steps]
        self.out = Rows(group.steps[-1].outputs, like)
        if not group.causal:
            # Whole signals leave no context: a step's input is free once its output is there.
            shared = [Memory() for _ in range(5)]
            for i, own in enumerate([*self.buffers, (self.out,)]):
                for rows, memory in zip(own, [shared[i % 2], *shared[2:]], strict=False):
                    rows.memory = memory

    def __call__(self, x: torch.Tensor, first: bool, last: bool) -> torch.Tensor:
        """Return what ``(time, channels)`` gives."""
        group, buffers, out = self.group, self.buffers, self.out
        out.reserve(group.fits(len(x))[1])
        done = 0
        size = group.piece if group.causal else len(x)
        for part, begins, ends in _pieces(x, size, first, last):
            entry, time = buffers[0][0], len(part)
            entry.reserve(time)
            entry.fill(part, elu=group.activated)
            for i, step in enumerate(group.steps):
                target, at = (buffers[i + 1][0], 0) if i + 1 < len(buffers) else (out, done)
                time = step(buffers[i], time, target, at, first=begins, last=ends)
            done += time
        return out.copy(done)


class Network:
    """One half of a model, ready to run.

    Parameters
    ----------
    module : SEANetEncoder or SEANetDecoder
        Whose weights to use; they are folded now.
    config : EncodecConfig
        The model's numbers.
    precision : {"float32", "bfloat16"}, default: "float32"
        What weights and inputs are rounded to; see `check_precision`.
    """

    def __init__(
        self,
        module: SEANetEncoder | SEANetDecoder,
        config: EncodecConfig,
        precision: Precision = "float32",
    ) -> None:
        pairs = check_precision(precision) == "bfloat16"
        self.is_encoder = isinstance(module, SEANetEncoder)
        self.module, self.config, self.causal = module, config, config.causal
        self.lstm: _LSTM | None = None
        before: list[Step] = []
        after: list[Step] = []
        steps, activated = before, False
        for layer in module.layers:
            if isinstance(layer, nn.ELU):
                # The layer before it activates what it writes; behind the LSTM, the next one does.
                if steps:
                    steps[-1].activates = True
                else:
                    activated = True
            elif isinstance(layer, Conv):
                steps.append(ConvStep(layer, pairs))
            elif isinstance(layer, TransposedConv):
                steps.append(TransposedStep(layer, pairs))
            elif isinstance(layer, ResidualUnit):
                steps.append(ResidualStep(layer, pairs))
            elif isinstance(layer, ResidualLSTM):
                self.lstm = _LSTM(layer, pairs)
                steps = after
            else:
                raise TypeError(f"the engine knows no {type(layer).__name__}")
        # The LSTM runs at frame rate: samples come before it in an encoder, after it in a decoder.
        self.samples_in = config.hop_length if self.is_encoder else 1
        self.before = _groups(before, self.samples_in, self.causal)
        self.after = _groups(after, 1, self.causal)
        for group in self.after[:1]:
            group.activated = activated
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
        for group in (*self.before, *self.after):
            fits, length = group.fits(length)
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
        return self.stream(len(x)).push(x, last=True)

    def stream(self, batch: int) -> Stream:
        """Return signals side by side at their start.

        Parameters
        ----------
        batch : int
            Number of signals.

        Returns
        -------
        Stream
            Ready for their first part.
        """
        return Stream(self, batch)


class Stream:
    """Signals side by side on their way through a network.

    Parameters
    ----------
    network : Network
        What to run.
    batch : int
        Number of signals.
    """

    #: Whether the end determines frames even if nothing more has come.
    holds_frames = False

    def __init__(self, network: Network, batch: int) -> None:
        self.network, self.batch = network, batch
        self.lanes: list[list[_Lane]] = []
        self.states: dict[tuple[int, ...], tuple[torch.Tensor, torch.Tensor]] = {}
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
        rows = x.transpose(1, 2).contiguous()
        frames = max(network.held_back, _FRAMES_PER_PIECE) if network.causal else rows.shape[1]
        pieces = _pieces(rows, frames * network.samples_in, self.first, last, dim=1)
        # One piece of one signal goes from layer to layer: there is nothing to share.
        threads = min(torch.get_num_threads(), len(pieces) * self.batch) if compiled(x) else 1
        if not self.lanes:
            # Whole signals leave no context, and can go through the same buffers, one per thread.
            count = self.batch if network.causal else threads
            groups = (*network.before, *network.after)
            self.lanes = [[_Lane(group, x) for group in groups] for _ in range(count)]
        results: list[list[torch.Tensor]] = []
        tasks: list[Task] = []
        latest: dict[object, Task] = {}
        for part, begins, ends in pieces:
            values = list(part)
            results.append(values)
            self._plan(values, begins, ends, threads, tasks, latest)
        run_tasks(tasks, threads)
        self.first = False
        joined = torch.stack([torch.cat(parts) for parts in zip(*results, strict=True)])
        return joined.transpose(1, 2).contiguous()

    def _plan(
        self,
        values: list[torch.Tensor],
        first: bool,
        last: bool,
        threads: int,
        tasks: list[Task],
        latest: dict[object, Task],
    ) -> None:
        """Append what turns each item of `values` into its result.

        `latest` holds the task that each later one of the same kind and item waits for.
        """
        network = self.network
        count = len(network.before)
        items = range(len(values))

        def through(item: int, stage: int) -> Callable[[int], None]:
            def call(thread: int) -> None:
                lane = self.lanes[item if network.causal else thread][stage]
                with torch.no_grad():
                    values[item] = lane(values[item], first, last)

            return call

        def recur(some: tuple[int, ...]) -> Callable[[int], None]:
            def call(thread: int) -> None:
                assert network.lstm is not None
                with torch.no_grad():
                    x = torch.stack([values[item] for item in some], dim=1)
                    y, self.states[some] = network.lstm(x, self.states.get(some))
                    for item, value in zip(some, y.unbind(1), strict=True):
                        values[item] = value.contiguous()

            return call

        def append(key: object, call: Callable[[int], None], after: Sequence[Task]) -> Task:
            own = [latest[key]] if key in latest else []
            latest[key] = Task(call, [*own, *after])
            tasks.append(latest[key])
            return latest[key]

        done: list[list[Task]] = [[] for _ in items]
        for item in items:
            for stage in range(count):
                done[item] = [append((item, stage), through(item, stage), done[item])]
        if network.lstm is not None:
            for some in self._shares(len(values), threads):
                waits = [task for item in some for task in done[item]]
                task = append(some, recur(some), waits)
                for item in some:
                    done[item] = [task]
        for item in items:
            for stage in range(count, count + len(network.after)):
                done[item] = [append((item, stage), through(item, stage), done[item])]

    def _shares(self, batch: int, threads: int) -> list[tuple[int, ...]]:
        """Divide the items among the threads' LSTMs, as they were divided before."""
        if self.states:
            return list(self.states)
        size = -(-batch // threads)
        return [tuple(range(i, min(i + size, batch))) for i in range(0, batch, size)]


def _pieces(
    rows: torch.Tensor, size: int, first: bool, last: bool, dim: int = 0
) -> list[tuple[torch.Tensor, bool, bool]]:
    """Cut time into pieces, each with whether it is the first or last."""
    parts = torch.split(rows, size, dim=dim)
    end = len(parts) - 1
    return [(part, first and i == 0, last and i == end) for i, part in enumerate(parts)]


class Cache:
    """The networks of a model, rebuilt when a weight has changed; never saved or copied."""

    def __init__(self) -> None:
        self._built: dict[str, tuple[object, Network | MDCTNetwork]] = {}

    def __deepcopy__(self, memo: dict[int, Any]) -> Cache:
        return Cache()

    def __reduce__(self) -> tuple[type[Cache], tuple[()]]:
        return Cache, ()

    def get(
        self,
        module: Half,
        config: EncodecConfig,
        x: torch.Tensor,
        precision: Precision = "float32",
    ) -> Network | MDCTNetwork | None:
        """Return the network for `module`, or None where its own modules should run.

        Parameters
        ----------
        module : SEANetEncoder, SEANetDecoder, MDCTEncoder or MDCTDecoder
            Half of a model.
        config : EncodecConfig
            The model's numbers.
        x : Tensor
            What is to be evaluated.
        precision : {"float32", "bfloat16"}, default: "float32"
            As for `Network`.

        Returns
        -------
        Network, MDCTNetwork or None
            None for gradients, other devices and other dtypes than float32, and while exporting.
        """
        if torch.compiler.is_compiling() or torch.is_grad_enabled() or not compiled(x):
            return None
        return self.network(module, config, precision)

    def network(
        self,
        module: Half,
        config: EncodecConfig,
        precision: Precision = "float32",
    ) -> Network | MDCTNetwork:
        """Return the up-to-date network for `module`.

        Parameters
        ----------
        module : SEANetEncoder, SEANetDecoder, MDCTEncoder or MDCTDecoder
            Half of a model.
        config : EncodecConfig
            The model's numbers.
        precision : {"float32", "bfloat16"}, default: "float32"
            As for `Network`.

        Returns
        -------
        Network or MDCTNetwork
            Built now if a weight has changed since.
        """
        weights = tuple(
            (p.data_ptr(), p._version, p.device, p.dtype)
            for p in chain(module.parameters(), module.buffers())
        )
        key = precision, weights
        kind = type(module).__name__
        built = self._built.get(kind)
        if built is None or built[0] != key:
            with torch.no_grad():
                if isinstance(module, MDCTEncoder | MDCTDecoder):
                    built = (key, MDCTNetwork(module, config))
                else:
                    built = (key, Network(module, config, precision))
            self._built[kind] = built
        return built[1]
