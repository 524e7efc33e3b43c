"""Band-limited resampling as one linear operator, with its adjoint for the gradient.

``y = R x`` is linear, so its derivative is R itself and its gradient is the transpose. Transposing
``y[m] = sum_n x[n] g(m / new - n / orig)`` swaps the rates and reverses the kernel in time: the
gradient is another resampling, scaled by ``new / orig``, and nothing has to be kept for it.
"""

from __future__ import annotations

import inspect
from fractions import Fraction
from typing import Any

import torch

from audiolab.resample.blocks import aligned_blocks
from audiolab.resample.design import FilterDesign
from audiolab.resample.fractional import fractional_blocks
from audiolab.resample.plan import make_plan

__all__ = ["bandlimited", "compute"]


def bandlimited(
    waveform: torch.Tensor, ratio: Fraction, design: FilterDesign, length: int
) -> torch.Tensor:
    """Resample ``(..., time)`` by `ratio` to `length` samples, differentiably."""
    y: torch.Tensor = _Bandlimited.apply(waveform, ratio, design, False, length)
    return y


def compute(
    waveform: torch.Tensor,
    ratio: Fraction,
    design: FilterDesign,
    *,
    length: int,
    reverse: bool = False,
    origin: int = 0,
    start: int = 0,
) -> torch.Tensor:
    """Compute outputs `start` to `start + length` from samples that begin at index `origin`."""
    if length == 0 or waveform.numel() == 0:
        return waveform.new_zeros(*waveform.shape[:-1], length)
    half = waveform.dtype in (torch.float16, torch.bfloat16)
    rows = waveform.reshape(-1, waveform.shape[-1])
    if half:  # there are no half-precision transforms on a CPU, and their noise would be -60 dB
        rows = rows.float()
    bits = torch.finfo(rows.dtype).bits
    plan = make_plan(ratio, design, reverse=reverse, length=length, bits=bits)
    engine = fractional_blocks if plan.num_terms else aligned_blocks
    y = engine(rows, plan, origin=origin, start=start, length=length)
    return y.reshape(*waveform.shape[:-1], length).to(waveform.dtype)


class _Bandlimited(torch.autograd.Function):
    """Forward, transpose, directional derivative and vmap of the operator."""

    @staticmethod
    def forward(
        waveform: torch.Tensor, ratio: Fraction, design: FilterDesign, reverse: bool, length: int
    ) -> torch.Tensor:
        return compute(waveform, ratio, design, length=length, reverse=reverse)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: torch.Tensor) -> None:
        waveform, *ctx.operator = inputs
        ctx.num_samples = waveform.shape[-1]

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        ratio, design, reverse, _ = ctx.operator
        back = _Bandlimited.apply(grad_outputs[0], 1 / ratio, design, not reverse, ctx.num_samples)
        return back * float(ratio), None, None, None, None

    @staticmethod
    def jvp(ctx: Any, *grad_inputs: Any) -> Any:
        return _Bandlimited.apply(grad_inputs[0], *ctx.operator)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], waveform: torch.Tensor, *operator: Any) -> Any:
        return _Bandlimited.apply(waveform.movedim(in_dims[0], 0), *operator), 0


# `apply` asks for the signature of `forward` at every call, to fill in defaults that there are none
# of. Having it ready spares a short clip a fifth of its time.
vars(_Bandlimited.forward)["__signature__"] = inspect.signature(_Bandlimited.forward)
