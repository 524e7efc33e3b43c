"""The layers of the `mdct` backbone on rows of frames, with the context that a stream carries.

Weights are taken once, and what is linear is folded: layer scales into projections, the latent's
statistics into the maps before them.
"""

from __future__ import annotations

import torch
from torch import nn

from audiolab.codec._mdct_operations import Array, Operations
from audiolab.codec.mdct import MDCT
from audiolab.codec.mdct_backbone import Block, FrameConv

__all__ = ["BlockStep", "Context", "ConvStep", "Linear", "Norm", "Rotation"]


class Linear:
    """A product with a matrix ``(inputs, outputs)``, added to a bias or to rows."""

    def __init__(
        self, operations: Operations, matrix: torch.Tensor, bias: torch.Tensor, taps: int = 1
    ) -> None:
        self.operations, self.taps = operations, taps
        self.packed, self.bias = operations.pack(matrix), operations.rows(bias)

    def __call__(self, x: Array, start: Array | None = None) -> Array:
        return self.operations.multiply(
            x, self.taps, self.packed, self.bias if start is None else start
        )


class Norm:
    """A layer normalisation; the rows are its own to overwrite."""

    def __init__(self, operations: Operations, module: nn.LayerNorm) -> None:
        self.operations, self.epsilon = operations, module.eps
        self.gain, self.offset = operations.rows(module.weight), operations.rows(module.bias)

    def __call__(self, x: Array) -> Array:
        return self.operations.normalize(x, self.gain, self.offset, self.epsilon)


class Context:
    """Rows that what comes later needs: so many before each one, and so many after it."""

    def __init__(self, operations: Operations, channels: int, past: int, ahead: int) -> None:
        self.operations, self.past, self.ahead = operations, past, ahead
        self.kept = operations.zeros(past, channels)

    def extend(self, x: Array, *, last: bool) -> Array:
        """Return the rows that determine the next outputs, and keep what the ones after need."""
        parts = [self.kept, x]
        if last:
            parts.append(self.operations.zeros(self.ahead, x.shape[1]))
        rows = self.operations.join(parts)
        # Fewer than this many rows came before the end of a very short beginning: all are kept.
        self.kept = rows[max(0, len(rows) - self.past - self.ahead) :]
        return rows


class BlockStep:
    """A ConvNeXt block."""

    def __init__(self, operations: Operations, block: Block) -> None:
        self.operations = operations
        taps = block.depthwise.weight[:, 0].t()
        self.ahead = block.depthwise.lookahead
        self.past = len(taps) - 1 - self.ahead
        self.channels = taps.shape[1]
        self.weight = operations.rows(taps.contiguous())
        self.bias = operations.rows(_bias(block.depthwise))
        self.norm = Norm(operations, block.norm)
        self.expand = Linear(operations, block.expand.weight.t(), block.expand.bias)
        scale = block.scale
        self.offset = operations.rows(scale * block.project.bias)
        self.project = Linear(
            operations, block.project.weight.t() * scale, torch.zeros_like(block.project.bias)
        )

    def context(self) -> Context:
        return Context(self.operations, self.channels, self.past, self.ahead)

    def __call__(self, context: Context, x: Array, *, last: bool) -> Array:
        rows = context.extend(x, last=last)
        y = self.norm(self.operations.depthwise(rows, self.weight, self.bias))
        centre = rows[self.past : self.past + len(y)] + self.offset
        return self.project(self.operations.gelu(self.expand(y)), centre)


class ConvStep:
    """A convolution over frames."""

    def __init__(self, operations: Operations, conv: FrameConv) -> None:
        self.operations, self.ahead = operations, conv.lookahead
        self.channels, taps = conv.in_channels, conv.kernel_size[0]
        self.past = taps - 1 - self.ahead
        matrix = conv.weight.permute(2, 1, 0).flatten(0, 1)
        self.linear = Linear(operations, matrix, _bias(conv), taps)

    def context(self) -> Context:
        return Context(self.operations, self.channels, self.past, self.ahead)

    def __call__(self, context: Context, x: Array, *, last: bool) -> Array:
        return self.linear(context.extend(x, last=last))


class Rotation:
    """The rotations of an MDCT around borders between frames."""

    def __init__(self, operations: Operations, transform: MDCT) -> None:
        self.operations = operations
        window = operations.rows(transform.window)
        self.near, self.far = window[0], window[1]

    def __call__(self, before: Array, after: Array, sense: int) -> tuple[Array, Array]:
        """Return halves of frames ``(borders, frame_length / 2)`` rotated around their border."""
        far = self.far if sense > 0 else -self.far
        mirrored = self.operations.flip(before)
        ends = self.near * mirrored + far * after
        return self.operations.flip(ends), self.near * after - far * mirrored


def _bias(conv: FrameConv) -> torch.Tensor:
    assert conv.bias is not None
    return conv.bias
