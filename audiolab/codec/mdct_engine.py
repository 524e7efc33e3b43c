"""The `mdct` networks evaluated quickly, in one piece or in many, with the same result to the bit.

What `audiolab.codec.mdct_backbone` computes with modules is computed here item by item on rows of
frames, without gradients. Each stage takes the rows that have come, puts them behind the context
that it kept, and returns the frames that are now determined; at the end of the signal, zeros stand
for the frames ahead, as in the modules. Every row is computed by itself
(`audiolab.codec._mdct_operations`), so that neither pieces nor batch nor threads change a bit; the
result equals the modules' up to the rounding of float32.

Items of a batch share the threads that `torch.set_num_threads` allows; a single signal takes one.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from audiolab.codec._mdct_operations import Array, Operations, operations_for
from audiolab.codec._mdct_steps import BlockStep, ConvStep, Linear, Norm, Rotation
from audiolab.codec._steps import compiled
from audiolab.codec._tasks import Task, run_tasks
from audiolab.codec.config import EncodecConfig
from audiolab.codec.mdct_backbone import Block, MDCTDecoder, MDCTEncoder, latent_gains

__all__ = ["MDCTNetwork", "MDCTStream"]

# Rows of the widest layer then stay within the second-level cache.
_FRAMES_AT_ONCE = 128


class _Encoder:
    """The encoder's layers with folded weights."""

    def __init__(self, module: MDCTEncoder, operations: Operations) -> None:
        self.operations, self.hop = operations, module.hop_length
        self.rotation = Rotation(operations, module.transform)
        cosines = module.transform.cosines
        self.cosines = Linear(operations, cosines, torch.zeros_like(cosines[0]))
        self.analysis = [
            (window, bins, operations.rows(module.get_buffer(f"window_{window}")))
            for window, bins in module.analysis
        ]
        self.input = Linear(operations, module.input.weight.t(), module.input.bias)
        self.norm = Norm(operations, module.input_norm)
        self.blocks = [BlockStep(operations, b) for b in module.blocks if isinstance(b, Block)]
        norm = module.latent_norm
        gain = latent_gains(norm.running_var, norm.eps, norm.whitening)
        gain = gain * (norm.running_var + norm.eps).rsqrt()
        offset = (module.output.bias - norm.running_mean) * gain
        self.skip = Linear(operations, module.skip.weight.t() * gain, offset)
        self.output = Linear(operations, module.output.weight.t() * gain, offset)
        # Samples before a frame that it depends on; ahead, all analyses end one frame later.
        self.past = max([self.hop, *(w - 2 * self.hop for w, _, _ in self.analysis)])
        #: Frames that must be in before the first one is determined.
        self.held_back = 2 + sum(block.ahead for block in self.blocks)

    def lane(self) -> _EncoderLane:
        return _EncoderLane(self)


class _EncoderLane:
    """One signal on its way through an encoder."""

    def __init__(self, layers: _Encoder) -> None:
        self.layers = layers
        operations = layers.operations
        self.samples = operations.zeros(layers.past)
        self.contexts = [block.context() for block in layers.blocks]
        self.direct: Array = None  # the linear path of frames whose blocks are not through yet
        self.first = True

    def __call__(self, x: Array, *, last: bool) -> Array:
        layers, operations = self.layers, self.layers.operations
        hop = layers.hop
        samples = operations.join([self.samples, x[:, 0]])
        if last:
            missing = (layers.past - len(samples)) % hop
            samples = operations.join([samples, operations.zeros(missing + hop)])
        count = max(0, (len(samples) - layers.past) // hop - 1)
        rooted, features = self._features(samples, count, last=last)
        self.samples = samples[count * hop :]
        self.first = self.first and count == 0
        direct = layers.skip(rooted)
        y = layers.norm(layers.input(features))
        for block, context in zip(layers.blocks, self.contexts, strict=True):
            y = block(context, y, last=last)
        waiting = direct if self.direct is None else operations.join([self.direct, direct])
        self.direct = waiting[len(y) :]
        return layers.output(y, waiting[: len(y)])

    def _features(self, samples: Array, count: int, *, last: bool) -> tuple[Array, Array]:
        """Return what the networks see of the next frames (`MDCTEncoder.features`)."""
        layers, operations = self.layers, self.layers.operations
        hop, half, past = layers.hop, layers.hop // 2, layers.past
        around = operations.windows(samples[past - half :], hop, hop, count + 1 if count else 0)
        before, after = layers.rotation(around[:, :half], around[:, half:], 1)
        starts, ends = after[:-1], before[1:]
        if count and self.first:
            starts = operations.join([around[:1, half:], starts[1:]])
        if count and last:
            ends = operations.join([ends[:-1], around[-1:, :half]])
        spectrum = layers.cosines(operations.join_columns([starts, ends]))
        size = abs(spectrum) + 1e-5
        rooted = spectrum * size**-0.5
        parts = [rooted, spectrum * size**-0.8]
        for window, bins, shape in layers.analysis:
            begin = past + 2 * hop - window
            cut = operations.windows(samples[begin:], window, hop, count) * shape
            parts.append(0.3 * operations.log(operations.magnitude(cut)[:, :bins] + 1e-5))
        return rooted, operations.join_columns(parts)


class _Decoder:
    """The decoder's layers with folded weights."""

    def __init__(self, module: MDCTDecoder, operations: Operations) -> None:
        self.operations, self.hop = operations, module.transform.frame_length
        self.input = ConvStep(operations, module.input)
        self.input_norm = Norm(operations, module.input_norm)
        self.blocks = [BlockStep(operations, b) for b in module.blocks if isinstance(b, Block)]
        self.output_norm = Norm(operations, module.output_norm)
        weight, bias = module.output.weight.t(), module.output.bias
        hop = self.hop
        self.value = Linear(operations, weight[:, :hop], bias[:hop])
        self.gain = Linear(operations, weight[:, hop:], bias[hop:])
        self.skip = Linear(operations, module.skip.weight.t(), torch.zeros_like(bias[:hop]))
        cosines = module.transform.cosines
        self.cosines = Linear(operations, cosines.t(), torch.zeros_like(cosines[0]))
        self.rotation = Rotation(operations, module.transform)
        #: Frames that must be in before the first one is determined.
        self.held_back = 2 + self.input.ahead + sum(block.ahead for block in self.blocks)

    def lane(self) -> _DecoderLane:
        return _DecoderLane(self)


class _DecoderLane:
    """One signal on its way through a decoder."""

    def __init__(self, layers: _Decoder) -> None:
        self.layers = layers
        operations = layers.operations
        self.input = layers.input.context()
        self.contexts = [block.context() for block in layers.blocks]
        self.latent: Array = operations.zeros(0, layers.input.channels)
        # The frame that waits for the next one, its first half already as it will be heard.
        self.waiting: Array = None

    def __call__(self, x: Array, *, last: bool) -> Array:
        layers, operations = self.layers, self.layers.operations
        y = layers.input_norm(layers.input(self.input, x, last=last))
        for block, context in zip(layers.blocks, self.contexts, strict=True):
            y = block(context, y, last=last)
        y = layers.output_norm(y)
        latent = operations.join([self.latent, x])
        self.latent = latent[len(y) :]
        value = layers.skip(latent[: len(y)], layers.value(y))
        gain = operations.exp(operations.clip(layers.gain(y), -8.0, 5.0))
        return self._samples(value * (abs(value) + 1e-3) * gain, last=last)

    def _samples(self, spectrum: Array, *, last: bool) -> Array:
        """Return the samples ``(time, 1)`` that the next frames determine."""
        layers, operations = self.layers, self.layers.operations
        half = layers.hop // 2
        frames = layers.cosines(spectrum)
        if self.waiting is not None:
            frames = operations.join([self.waiting, frames])
        if len(frames) == 0:
            return operations.zeros(0, 1)
        before, after = layers.rotation(frames[:-1, half:], frames[1:, :half], -1)
        starts = operations.join([frames[:1, :half], after])
        ends = operations.join([before, frames[-1:, half:]])
        whole = operations.join_columns([starts, ends])
        self.waiting = whole[-1:]
        done = whole if last else whole[:-1]
        return done.reshape(-1, 1)


class MDCTNetwork:
    """One half of a model with the backbone "mdct", ready to run.

    Parameters
    ----------
    module : MDCTEncoder or MDCTDecoder
        Whose weights to use; they are folded now.
    config : EncodecConfig
        The model's numbers.
    """

    def __init__(self, module: MDCTEncoder | MDCTDecoder, config: EncodecConfig) -> None:
        self.module, self.config = module, config
        self.is_encoder = isinstance(module, MDCTEncoder)
        self.samples_in = config.hop_length if self.is_encoder else 1
        self.like = next(module.parameters()).detach()
        operations = operations_for(self.like)
        self.layers: _Encoder | _Decoder = (
            _Encoder(module, operations)
            if isinstance(module, MDCTEncoder)
            else _Decoder(module, operations)
        )
        self.held_back = self.layers.held_back

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
        return self.stream(len(x)).push(x, last=True)

    def stream(self, batch: int) -> MDCTStream:
        """Return signals side by side at their start.

        Parameters
        ----------
        batch : int
            Number of signals.

        Returns
        -------
        MDCTStream
            Ready for their first part.
        """
        return MDCTStream(self, batch)


class MDCTStream:
    """Signals side by side on their way through a network.

    Parameters
    ----------
    network : MDCTNetwork
        What to run.
    batch : int
        Number of signals.
    """

    #: Whether the end determines frames even if nothing more has come.
    holds_frames = True

    def __init__(self, network: MDCTNetwork, batch: int) -> None:
        self.network = network
        self.lanes = [network.layers.lane() for _ in range(batch)]

    @torch.no_grad()
    def push(self, x: torch.Tensor, *, last: bool) -> torch.Tensor:
        """Take the next part of the signals.

        Parameters
        ----------
        x : Tensor
            ``(batch, channels, time)``, also of no time; whole frames unless it is the last part.
        last : bool
            Whether the signals end here.

        Returns
        -------
        Tensor
            ``(batch, channels', time')``: what is now determined.
        """
        network = self.network
        operations = network.layers.operations
        rows = x.transpose(1, 2).contiguous()
        size = _FRAMES_AT_ONCE * network.samples_in
        pieces = torch.split(rows, size, dim=1)
        results: list[list[Array]] = [[] for _ in self.lanes]

        def through(item: int) -> Callable[[int], None]:
            def call(thread: int) -> None:
                lane, own = self.lanes[item], results[item]
                for i, part in enumerate(pieces):
                    ends = last and i == len(pieces) - 1
                    own.append(lane(operations.rows(part[item]), last=ends))

            return call

        threads = min(torch.get_num_threads(), len(self.lanes)) if compiled(network.like) else 1
        run_tasks([Task(through(item)) for item in range(len(self.lanes))], threads)
        joined = torch.stack([operations.tensor(operations.join(parts)) for parts in results])
        return joined.transpose(1, 2).contiguous()
