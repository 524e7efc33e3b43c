"""Reverberation: signals convolved with the impulse responses of rooms.

A response is a filter, and a convolution needs no flipping. What has to be decided is what happens
to the tail (`mode`), to the delay of the direct sound (`align_rir`) and to the level
(`normalize_rir`). Responses that change while the signal runs are in `reverberate_moving`.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from audiolab._convolution import convolve
from audiolab._validation import check_choice, check_waveform
from audiolab.room._lengths import beyond_lengths, check_lengths
from audiolab.room._partitions import convolve_rows

__all__ = ["reverberate"]


def reverberate(
    waveform: torch.Tensor,
    rir: torch.Tensor,
    *,
    mode: Literal["same", "full"] = "same",
    lengths: torch.Tensor | None = None,
) -> torch.Tensor:
    r"""Convolve waveforms with impulse responses, :math:`y[n] = \sum_k h[k]\, x[n - k]`.

    Both have the same sample rate: a response has none of its own, so `resample` comes first where
    they differ. The level is what the response makes it; `normalize_rir` sets that.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(..., time)``.
    rir : Tensor
        Impulse responses, ``(..., taps)``; may be longer than the signal. Their dimensions before
        the last are matched with those of `waveform` from the left, as parameters of an item are:
        with a batch ``(batch, channels, time)``, a response ``(batch, taps)`` is one for each item;
        with a signal ``(time,)``, responses ``(seats, taps)`` make ``(seats, time)``.
    mode : {"same", "full"}, default: "same"
        ``"same"`` returns as many samples as came in and cuts the tail off; labels with times keep
        fitting if the response is aligned. ``"full"`` returns the tail too,
        ``time + taps - 1`` samples.
    lengths : Tensor, optional
        Valid samples of each item, whole numbers whose shape is a prefix of the waveform's. What
        lies beyond is not heard, may be NaN, and is zero in the result; with ``"full"``, the tail
        of an item follows its own end.

    Returns
    -------
    Tensor
        ``(..., time)`` or ``(..., time + taps - 1)``, in the type of `waveform`. On the CPU and
        without gradients, a row is the same to the bit whatever batch, padding or number of threads
        it is computed with.

    Raises
    ------
    TypeError
        If `waveform` or `rir` is not a floating-point tensor.
    ValueError
        If the dimensions do not fit each other, `rir` has no taps or is not finite, or `waveform`
        is not finite where it is valid.

    See Also
    --------
    shoebox_rir : Responses of simulated rooms.
    measure_rir : Responses of real ones.

    Notes
    -----
    Computed in float32 or float64 (half precision in float32). The error against a direct sum is
    about -130 dB of the loudest sample in float32. Gradients of any order reach both tensors.

    Examples
    --------
    >>> import torch
    >>> from audiolab import room
    >>> echo = torch.tensor([1.0, 0.0, 0.5])
    >>> room.reverberate(torch.tensor([1.0, 2.0, 0.0, 0.0]), echo)
    tensor([1.0000, 2.0000, 0.5000, 1.0000])
    >>> room.reverberate(torch.tensor([1.0, 2.0]), echo, mode="full").shape
    torch.Size([4])
    """
    check_waveform(waveform)
    check_waveform(rir, "rir", allow_empty=False, finite=True)
    check_choice(mode, "mode", ("same", "full"))
    if rir.device != waveform.device:
        raise ValueError(
            f"waveform and rir must be on one device, got {waveform.device} and {rir.device}"
        )
    time, taps = waveform.shape[-1], rir.shape[-1]
    x = waveform
    if lengths is not None:
        ends = check_lengths(lengths, waveform, "lengths")
        x = x.masked_fill(beyond_lengths(ends, waveform.ndim, time), 0.0)
    # One number tells, in one pass: a sum with NaN or infinity is one of them.
    if not bool(torch.isfinite(x.detach().sum())):
        check_waveform(x.detach(), finite=True)
    x, h = _side_by_side(x, rir)
    exact = torch.float64 if x.dtype == torch.float64 else torch.float32
    length = time if mode == "same" else time + taps - 1
    y = _convolve(x.to(exact), h.to(exact), length if time else 0).to(waveform.dtype)
    if lengths is None:
        return y
    last = ends if mode == "same" else torch.where(ends > 0, ends + taps - 1, 0)
    return y.masked_fill(beyond_lengths(last, y.ndim, y.shape[-1]), 0.0)


def _side_by_side(x: torch.Tensor, rir: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Insert dimensions before the last, so that all others match from the left."""
    ndim = max(x.ndim, rir.ndim)
    shapes = [each.shape[:-1] + (1,) * (ndim - each.ndim) for each in (x, rir)]
    if any(a != b and 1 not in (a, b) for a, b in zip(*shapes, strict=True)):
        raise ValueError(
            "the dimensions of rir before the last must match those of waveform from the left, got "
            f"{tuple(rir.shape)} for a waveform of shape {tuple(x.shape)}"
        )
    return x.reshape(*shapes[0], x.shape[-1]), rir.reshape(*shapes[1], rir.shape[-1])


def _convolve(x: torch.Tensor, h: torch.Tensor, length: int) -> torch.Tensor:
    """Return the start of the full convolution; compiled where that can be, else by torch alone."""
    if x.device.type != "cpu":
        return convolve(x, h, length=length)
    y: torch.Tensor = _Convolution.apply(x, h, length)
    return y


class _Convolution(torch.autograd.Function):
    """Convolution whose gradients are correlations, that is, convolutions with one side flipped."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, h: torch.Tensor, length: int) -> torch.Tensor:
        ctx.save_for_backward(x, h)
        leading = np.broadcast_shapes(x.shape[:-1], h.shape[:-1])
        if length == 0 or 0 in leading or x.shape[-1] == 0:
            return x.new_zeros(*leading, length)
        rows, taps = (each.detach().reshape(-1, each.shape[-1]) for each in (x, h))
        pairs = np.stack([_row_numbers(each.shape[:-1], leading) for each in (x, h)], axis=-1)
        return convolve_rows(rows, taps, pairs, length).reshape(*leading, length)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        x, h = ctx.saved_tensors
        time, taps = x.shape[-1], h.shape[-1]
        grad_x = grad_h = None
        # In operations that are differentiable themselves, for gradients of gradients.
        if ctx.needs_input_grad[0]:
            grad_x = convolve(grad, h.flip(-1), start=taps - 1, length=time).sum_to_size(x.shape)
        if ctx.needs_input_grad[1]:
            grad_h = convolve(grad, x.flip(-1), start=time - 1, length=taps).sum_to_size(h.shape)
        return grad_x, grad_h, None


def _row_numbers(shape: tuple[int, ...], leading: tuple[int, ...]) -> NDArray[np.int64]:
    """Return which row of a tensor each row of the result reads."""
    numbers = np.arange(math.prod(shape)).reshape(shape)
    return np.broadcast_to(numbers, leading).reshape(-1)
