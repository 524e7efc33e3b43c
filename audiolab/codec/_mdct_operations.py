"""What the pieces of the `mdct` backbone are computed with: compiled loops, or torch.

On a CPU in float32, rows are NumPy arrays: every number of a result depends on its own row alone,
so that the pieces of a stream, the batch and the threads change no bit. Neither torch's products
nor its element-wise functions promise that. Elsewhere, rows are tensors and go through torch.
"""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias

import numpy as np
import torch
from torch.nn import functional

from audiolab.codec import _mdct_kernels, _products
from audiolab.codec._steps import compiled

__all__ = ["Array", "Compiled", "Eager", "Operations", "operations_for"]

#: A NumPy array or a tensor.
Array: TypeAlias = Any


class Operations(Protocol):
    """The operations; all rows are ``(frames, channels)``."""

    def rows(self, x: torch.Tensor) -> Array: ...
    def tensor(self, x: Array) -> torch.Tensor: ...
    def zeros(self, *shape: int) -> Array: ...
    def join(self, parts: list[Array]) -> Array: ...
    def join_columns(self, parts: list[Array]) -> Array: ...
    def flip(self, x: Array) -> Array: ...
    def windows(self, x: Array, size: int, hop: int, count: int) -> Array: ...
    def magnitude(self, x: Array) -> Array: ...
    def log(self, x: Array) -> Array: ...
    def exp(self, x: Array) -> Array: ...
    def clip(self, x: Array, low: float, high: float) -> Array: ...
    def pack(self, matrix: torch.Tensor) -> Array: ...
    def multiply(self, x: Array, taps: int, packed: Array, start: Array) -> Array: ...
    def gelu(self, x: Array) -> Array: ...
    def normalize(self, x: Array, gain: Array, offset: Array, epsilon: float) -> Array: ...
    def depthwise(self, x: Array, weight: Array, bias: Array) -> Array: ...


class Compiled:
    """Compiled loops and NumPy."""

    def rows(self, x: torch.Tensor) -> Array:
        return x.detach().to(torch.float32).contiguous().numpy()

    def tensor(self, x: Array) -> torch.Tensor:
        return torch.from_numpy(x)

    def zeros(self, *shape: int) -> Array:
        return np.zeros(shape, np.float32)

    def join(self, parts: list[Array]) -> Array:
        return np.concatenate(parts)

    def join_columns(self, parts: list[Array]) -> Array:
        return np.concatenate(parts, axis=-1)

    def flip(self, x: Array) -> Array:
        return x[..., ::-1]

    def windows(self, x: Array, size: int, hop: int, count: int) -> Array:
        step = x.strides[0]
        return np.lib.stride_tricks.as_strided(
            x, (count, size), (hop * step, step), writeable=False
        )

    def magnitude(self, x: Array) -> Array:
        spectrum = np.fft.rfft(x)
        return np.sqrt(np.square(spectrum.real) + np.square(spectrum.imag)).astype(np.float32)

    def log(self, x: Array) -> Array:
        return np.log(x)

    def exp(self, x: Array) -> Array:
        return np.exp(x)

    def clip(self, x: Array, low: float, high: float) -> Array:
        return np.clip(x, np.float32(low), np.float32(high))

    def pack(self, matrix: torch.Tensor) -> Array:

        rows = np.ascontiguousarray(self.rows(matrix))
        return _products.pack(rows), rows.shape

    def multiply(self, x: Array, taps: int, packed: Array, start: Array) -> Array:
        weights, (inputs, outputs) = packed
        count, channels = max(0, len(x) - taps + 1), x.shape[1]
        out = np.empty((count, outputs), np.float32)
        if count:
            pitch = 0 if start.ndim == 1 else outputs
            _products.product(
                np.ascontiguousarray(x).reshape(-1), 0, channels, count, inputs, weights,
                start.reshape(-1), 0, pitch, out.reshape(-1), 0, outputs, outputs, _products.DEPTH,
            )  # fmt: skip
        return out

    def gelu(self, x: Array) -> Array:
        _mdct_kernels.gelu(x.reshape(-1))
        return x

    def normalize(self, x: Array, gain: Array, offset: Array, epsilon: float) -> Array:
        _mdct_kernels.normalize_rows(x, gain, offset, np.float32(epsilon))
        return x

    def depthwise(self, x: Array, weight: Array, bias: Array) -> Array:
        out = np.empty((max(0, len(x) - len(weight) + 1), x.shape[1]), np.float32)
        _mdct_kernels.depthwise(x, weight, bias, out)
        return out


class Eager:
    """Torch's operators, on any device and in any dtype.

    Parameters
    ----------
    like : Tensor
        Of the device and dtype in question.
    """

    def __init__(self, like: torch.Tensor) -> None:
        self.like = like

    def rows(self, x: torch.Tensor) -> Array:
        return x.detach().to(self.like)

    def tensor(self, x: Array) -> torch.Tensor:
        tensor: torch.Tensor = x
        return tensor

    def zeros(self, *shape: int) -> Array:
        return self.like.new_zeros(shape)

    def join(self, parts: list[Array]) -> Array:
        return torch.cat(parts)

    def join_columns(self, parts: list[Array]) -> Array:
        return torch.cat(parts, dim=-1)

    def flip(self, x: Array) -> Array:
        return x.flip(-1)

    def windows(self, x: Array, size: int, hop: int, count: int) -> Array:
        return x.as_strided((count, size), (hop, 1), x.storage_offset())

    def magnitude(self, x: Array) -> Array:
        return torch.fft.rfft(x).abs()

    def log(self, x: Array) -> Array:
        return x.log()

    def exp(self, x: Array) -> Array:
        return x.exp()

    def clip(self, x: Array, low: float, high: float) -> Array:
        return x.clamp(low, high)

    def pack(self, matrix: torch.Tensor) -> Array:
        return self.rows(matrix)

    def multiply(self, x: Array, taps: int, packed: Array, start: Array) -> Array:
        count, channels = max(0, len(x) - taps + 1), x.shape[1]
        x = x.contiguous()
        wide = x.as_strided((count, taps * channels), (channels, 1), x.storage_offset())
        return start + wide @ packed

    def gelu(self, x: Array) -> Array:
        return functional.gelu(x)

    def normalize(self, x: Array, gain: Array, offset: Array, epsilon: float) -> Array:
        return functional.layer_norm(x, x.shape[-1:], gain, offset, epsilon)

    def depthwise(self, x: Array, weight: Array, bias: Array) -> Array:
        count = max(0, len(x) - len(weight) + 1)
        out = bias.expand(count, -1)
        for tap, factors in enumerate(weight):
            out = out + x[tap : tap + count] * factors
        return out


def operations_for(like: torch.Tensor) -> Operations:
    """Return the operations for tensors of this device and dtype."""
    return Compiled() if compiled(like) else Eager(like)
