"""Band-limited resampling as one linear operator, with its adjoint for the gradient.

``y = R x`` is linear, so its derivative is R itself and its gradient is the transpose. Transposing
``y[m] = sum_n x[n] g(m / new - n / orig)`` swaps the rates and reverses the kernel in time: the
gradient is another resampling, scaled by ``new / orig``, and nothing has to be kept for it.
"""

from __future__ import annotations

import inspect
from fractions import Fraction
from functools import lru_cache
from typing import Any

import torch

from audiolab.resample.blocks import aligned_blocks
from audiolab.resample.design import FilterDesign
from audiolab.resample.fractional import fractional_blocks
from audiolab.resample.plan import make_plan
from audiolab.resample.polyphase import polyphase, polyphase_ns

__all__ = ["bandlimited", "compute"]

#: What transforms cost beyond the transforms: a dozen operations of torch.
_TRANSFORM_NS = 1e5

#: They also wait for memory, the longer the more others use it.
_MEMORY = 1.1


def bandlimited(
    waveform: torch.Tensor, ratio: Fraction, design: FilterDesign, length: int
) -> torch.Tensor:
    """Resample ``(..., time)`` by `ratio` to `length` samples, differentiably."""
    if not _is_differentiated(waveform):
        return compute(waveform, ratio, design, length=length)
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
    if _is_plain(rows) and _is_small(ratio, design, len(rows), length, bits):
        y = polyphase(
            rows, ratio, design, reverse=reverse, origin=origin, start=start, length=length
        )
    else:
        plan = make_plan(ratio, design, reverse=reverse, length=length, bits=bits)
        engine = fractional_blocks if plan.num_terms else aligned_blocks
        y = engine(rows, plan, origin=origin, start=start, length=length)
    return y.reshape(*waveform.shape[:-1], length).to(waveform.dtype)


def _is_differentiated(x: torch.Tensor) -> bool:
    """Tell whether autograd has to know; where not, a short clip is done a fifth sooner."""
    return (
        (x.requires_grad and torch.is_grad_enabled())
        or torch._C._are_functorch_transforms_active()
        or torch.autograd.forward_ad._current_level >= 0
        or not _is_plain(x)
    )


def _is_plain(x: torch.Tensor) -> bool:
    """Tell whether compiled loops can read a tensor: real memory of a CPU, and nobody tracing."""
    return (
        x.device.type == "cpu"
        and type(x) in (torch.Tensor, torch.nn.Parameter)
        and not torch.compiler.is_compiling()
        and not torch._C._get_tracing_state()
    )


@lru_cache(maxsize=256)
def _is_small(ratio: Fraction, design: FilterDesign, rows: int, length: int, bits: int) -> bool:
    """Tell whether plain sums of products take less time than transforms."""
    direct_ns = polyphase_ns(ratio, design, rows=rows, length=length, bits=bits)
    if direct_ns < _TRANSFORM_NS:
        return True
    plan = make_plan(ratio, design, reverse=False, length=length, bits=bits)
    return direct_ns < _TRANSFORM_NS + _MEMORY * rows * plan.cost_ns


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
