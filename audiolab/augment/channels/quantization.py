r"""Few bits: uniform quantisation with and without dither, and a gradient that passes through.

With :math:`b` bits the step is :math:`\Delta = 2^{1-b}` and values lie on whole multiples of it,
from -1 to :math:`1 - \Delta`: what a fixed-point file of that depth holds. Without dither the error
is distortion that follows the signal; triangular dither of two steps makes its mean and power
independent of the signal, at 4.77 dB more noise than the quantiser's own :math:`\Delta^2 / 12`.

Reference: S. P. Lipshitz, R. A. Wannamaker and J. Vanderkooy, "Quantization and dither: a
theoretical survey", J. Audio Eng. Soc. 40(5), 1992.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray

from audiolab._rows import run_rows
from audiolab._typing import Seed
from audiolab._validation import check_choice
from audiolab.augment._items import Items, PerItem
from audiolab.augment.seeds import fresh_seeds, item_seeds

__all__ = ["reduce_bit_depth"]


def reduce_bit_depth(
    waveform: torch.Tensor,
    bits: PerItem,
    *,
    dither: Literal["none", "rectangular", "triangular"] = "none",
    seeds: int | Sequence[int] | torch.Tensor | None = None,
    generator: Seed = None,
) -> torch.Tensor:
    """Round samples to the values of a few bits.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(..., channels, time)``, ``(items, time)`` or ``(time,)``.
    bits : float, Tensor or list of float
        Bits a sample, 1 to 24, a value an item if it is a tensor. Fractions make steps in between.
    dither : {"none", "rectangular", "triangular"}, default: "none"
        Noise that is added before rounding, one or two steps wide.
    seeds : int, list of int or Tensor, optional
        A seed for each item's dither.
    generator : torch.Generator, int or None, default: None
        Where seeds come from if they are not given.

    Returns
    -------
    Tensor
        Shape and dtype of the input, within ``[-1, 1 - 2**(1 - bits)]``: here samples are clipped,
        as fixed point does. NaN stays NaN.

    Raises
    ------
    ValueError
        A number of bits is out of range, or there is not one an item.

    Notes
    -----
    The gradient is that of the identity, and zero for samples that were clipped ("straight
    through"): the true one is zero almost everywhere.

    Examples
    --------
    >>> import torch
    >>> from audiolab.augment import reduce_bit_depth
    >>> reduce_bit_depth(torch.tensor([-1.2, -0.1, 0.3, 0.9]), 3)
    tensor([-1.0000, -0.0000,  0.2500,  0.7500])
    """
    check_choice(dither, "dither", ("none", "rectangular", "triangular"))
    items = Items.of(waveform)
    depths = items.values(bits, "bits", 1.0, 24.0, unit="bits")
    steps = torch.tensor([math.pow(2.0, 1.0 - each) for each in depths], dtype=torch.float64)
    steps = steps.to(waveform.device, waveform.dtype)[:, None, None]
    noise = _dither(items, dither, seeds, generator)
    x = items.samples
    if noise is None and x.device.type == "cpu" and x.dtype in (torch.float32, torch.float64):
        result: torch.Tensor = _RoundedInOnePass.apply(x, steps)
    else:
        result = _Rounded.apply(x, steps, noise)
    return items.restored(result)


def _dither(
    items: Items, kind: str, seeds: int | Sequence[int] | torch.Tensor | None, generator: Seed
) -> torch.Tensor | None:
    """Return noise in steps for each item, from its own seed."""
    if kind == "none":
        return None
    given = fresh_seeds(items.count, generator) if seeds is None else item_seeds(seeds, items.count)
    source = torch.Generator()
    rows = []
    for each in given:
        source.manual_seed(each)
        shape = (2, *items.samples.shape[1:])
        drawn = torch.rand(shape, generator=source, dtype=torch.float32)
        rows.append(drawn[0] - drawn[1] if kind == "triangular" else drawn[0] - 0.5)
    noise = torch.stack(rows) if rows else torch.zeros(items.samples.shape)
    return noise.to(items.samples)


class _Rounded(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, step: torch.Tensor, noise: torch.Tensor | None
    ) -> torch.Tensor:
        ctx.save_for_backward(x, step)
        steps = x / step
        if noise is not None:
            steps = steps + noise
        highest = 1.0 / step - 1.0
        return torch.minimum(torch.maximum(steps.round(), -1.0 / step), highest) * step

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        return _passed(grads[0], *ctx.saved_tensors), None, None


class _RoundedInOnePass(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, step: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(x, step)
        y = torch.empty_like(x, memory_format=torch.contiguous_format)
        run_rows(_quantize, x.numel(), x.detach().contiguous().numpy(), step.numpy(), y.numpy())
        return y

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None]:
        return _passed(grads[0], *ctx.saved_tensors), None


def _passed(grad: torch.Tensor, x: torch.Tensor, step: torch.Tensor) -> torch.Tensor:
    return grad * ((x >= -1.0) & (x <= 1.0 - step))


@njit(error_model="numpy", nogil=True, cache=True)
def _quantize(x: NDArray[Any], steps: NDArray[Any], y: NDArray[Any]) -> None:
    for i in range(x.shape[0]):
        step = steps[i, 0, 0]
        lowest = -1.0 / step
        highest = -lowest - 1.0
        for c in range(x.shape[1]):
            source, result = x[i, c], y[i, c]
            for n in range(x.shape[2]):
                value = np.rint(source[n] / step)
                # Comparisons that NaN fails leave it alone.
                value = highest if value > highest else value
                value = lowest if value < lowest else value
                result[n] = value * step
