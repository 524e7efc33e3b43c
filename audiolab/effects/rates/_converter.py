"""Run a change of rate on a whole signal, on its adjoint, or block by block.

All three cut the output at the same places into blocks of the same size, whatever the length of the
signal: the stream gives what the whole gives, to the last bit but one, although each block leaves
out what lies below the stop band.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import lru_cache
from typing import Any

import torch

from audiolab.effects.rates._cascade import Quality
from audiolab.effects.rates._operator import CascadeDesign, beginning
from audiolab.resample.blocks import aligned_blocks
from audiolab.resample.fractional import fractional_blocks
from audiolab.resample.plan import Plan, make_plan

__all__ = ["ConverterStream", "convert", "converted_length"]

#: Outputs for which the block size is chosen.
_TYPICAL = 1 << 15


def converted_length(num_samples: int, ratio: Fraction) -> int:
    """Return SoX's length after a change of rate: rounded, halves up."""
    return math.floor(num_samples * ratio + Fraction(1, 2))


def convert(waveform: torch.Tensor, ratio: Fraction, quality: Quality | None) -> torch.Tensor:
    """Change the rate of ``(..., time)``; without a quality by cubic interpolation."""
    length = converted_length(waveform.shape[-1], ratio)
    if ratio == 1:
        return waveform
    if length == 0 or waveform.numel() == 0:
        return waveform.new_zeros(*waveform.shape[:-1], length)
    if quality is None:
        return _cubic(waveform, ratio, 0, 0, length)
    rows = waveform.reshape(-1, waveform.shape[-1])
    dtype = rows.dtype
    rows = rows.float() if dtype in (torch.float16, torch.bfloat16) else rows
    y: torch.Tensor = _Conversion.apply(rows, ratio, quality, False, length)
    matrix = beginning(ratio, quality)
    if matrix is not None:
        inputs, outputs = min(matrix.shape[1], rows.shape[-1]), min(matrix.shape[0], length)
        change = rows[:, :inputs] @ matrix[:outputs, :inputs].T.to(rows)
        y = torch.cat([y[:, :outputs] + change, y[:, outputs:]], dim=-1)
    return y.to(dtype).reshape(*waveform.shape[:-1], length)


class _Conversion(torch.autograd.Function):
    """The cascade without its beginning, and its transpose."""

    @staticmethod
    def forward(
        ctx: Any,
        rows: torch.Tensor,
        ratio: Fraction,
        quality: Quality,
        reverse: bool,
        length: int,
    ) -> torch.Tensor:
        ctx.operator = ratio, quality, reverse, rows.shape[-1]
        # The transpose swaps the rates, and with them input and output of the design.
        design = CascadeDesign(1 / ratio if reverse else ratio, quality)
        return _compute(rows, ratio, design, reverse=reverse, length=length)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> Any:
        ratio, quality, reverse, length = ctx.operator
        back = _Conversion.apply(grads[0], 1 / ratio, quality, not reverse, length)
        return back * float(ratio), None, None, None, None


def _compute(
    rows: torch.Tensor,
    ratio: Fraction,
    design: CascadeDesign,
    *,
    length: int,
    reverse: bool = False,
    origin: int = 0,
    start: int = 0,
) -> torch.Tensor:
    k = design.oversampling
    if k > 1:  # both rates times k: zeros between the inputs, outputs dropped
        spread = rows.new_zeros(*rows.shape, k)
        spread[..., 0] = k * rows
        rows = spread.flatten(-2)
    plan = _plan(ratio, design, reverse, torch.finfo(rows.dtype).bits)
    engine = fractional_blocks if plan.num_terms else aligned_blocks
    y = engine(rows, plan, origin=k * origin, start=k * start, length=k * length)
    return y[..., ::k] if k > 1 else y


@lru_cache(maxsize=64)
def _plan(ratio: Fraction, design: CascadeDesign, reverse: bool, bits: int) -> Plan:
    return make_plan(ratio, design, reverse=reverse, length=_TYPICAL, bits=bits)


def _cubic(
    rows: torch.Tensor, ratio: Fraction, origin: int, start: int, length: int
) -> torch.Tensor:
    """Interpolate by the cubic through the four samples around each time."""
    place = torch.arange(start, start + length, device=rows.device) * ratio.denominator
    base = place // ratio.numerator - origin
    t = ((place % ratio.numerator).double() / ratio.numerator).to(rows)
    padded = torch.nn.functional.pad(rows, (1, 2))
    before, here, after, later = (padded[..., base + i] for i in range(4))
    return (
        before * (-t * (t - 1) * (t - 2) / 6)
        + here * ((t + 1) * (t - 1) * (t - 2) / 2)
        + after * (-(t + 1) * t * (t - 2) / 2)
        + later * ((t + 1) * t * (t - 1) / 6)
    )


class ConverterStream:
    """The same for a signal that comes in blocks ``(..., time)``; no gradient from one to the next.

    Parameters
    ----------
    ratio : Fraction
        Output over input rate.
    quality : Quality, optional
        What the filters are asked for.
    """

    def __init__(self, ratio: Fraction, quality: Quality | None) -> None:
        self._ratio, self._quality = ratio, quality
        self._held: torch.Tensor | None = None
        self._origin = self._num_out = self._num_in = 0
        self._first: torch.Tensor | None = None  # the inputs that the beginning needs
        if quality is not None:
            self._design = CascadeDesign(ratio, quality)

    def push(self, block: torch.Tensor) -> torch.Tensor:
        """Take the next samples, return the outputs that they complete."""
        if self._ratio == 1:
            return block
        self._keep(block)
        if self._quality is None:
            return self._take(math.floor((self._num_in - 3) * self._ratio) + 1)
        # Outputs come in whole blocks of the whole signal's: then even the rounding is the same.
        plan, k = self._plan(), self._design.oversampling
        ready = self._num_out
        while True:
            later = ready + math.lcm(plan.hop, k) // k
            if self._needs(k * later - plan.hop) + plan.block_in > k * self._num_in:
                return self._take(ready)
            ready = later

    def finish(self) -> torch.Tensor | None:
        """Return what was still to come, None after no block at all."""
        if self._held is None:
            return None
        return self._take(converted_length(self._num_in, self._ratio))

    def _keep(self, block: torch.Tensor) -> None:
        self._held = block if self._held is None else torch.cat([self._held, block], dim=-1)
        self._num_in += block.shape[-1]
        if self._quality is None:
            return
        matrix = beginning(self._ratio, self._quality)
        if matrix is not None and self._num_out < matrix.shape[0]:
            old = block[..., :0] if self._first is None else self._first
            self._first = torch.cat([old, block], dim=-1)[..., : matrix.shape[1]].clone()

    def _plan(self) -> Plan:
        assert self._held is not None
        bits = max(torch.finfo(self._held.dtype).bits, 32)
        return _plan(self._ratio, self._design, False, bits)

    def _needs(self, output: int) -> int:
        """Return the first input of a block that begins with an output, both at the inner rates."""
        return output * self._ratio.denominator // self._ratio.numerator - self._plan().lead

    def _take(self, stop: int) -> torch.Tensor:
        held, start = self._held, self._num_out
        assert held is not None
        stop = max(stop, start)
        if stop == start or held.numel() == 0:
            y = held.new_zeros(*held.shape[:-1], stop - start)
        elif self._quality is None:
            y = self._interpolate(held, start, stop)
        else:
            rows = held.reshape(-1, held.shape[-1])
            y = _compute(
                rows,
                self._ratio,
                self._design,
                length=stop - start,
                origin=self._origin,
                start=start,
            ).reshape(*held.shape[:-1], stop - start)
            y = self._begin(y, start)
        self._num_out = stop
        if self._quality is None:
            needed = math.floor(stop / self._ratio) - 1
        else:
            k = self._design.oversampling
            needed = self._needs(k * stop) // k - 1
        drop = min(max(0, needed - self._origin), held.shape[-1])
        self._held = held[..., drop:].clone()
        self._origin += drop
        return y

    def _interpolate(self, held: torch.Tensor, start: int, stop: int) -> torch.Tensor:
        last = math.floor((stop - 1) / self._ratio) + 3 - self._origin
        padded = torch.nn.functional.pad(held, (0, max(0, last - held.shape[-1])))
        return _cubic(padded, self._ratio, self._origin, start, stop - start)

    def _begin(self, y: torch.Tensor, start: int) -> torch.Tensor:
        assert self._quality is not None
        matrix = beginning(self._ratio, self._quality)
        if matrix is None or start >= matrix.shape[0] or self._first is None:
            return y
        first = self._first
        part = matrix[start : start + y.shape[-1], : first.shape[-1]].to(y)
        count = part.shape[0]
        y = y.clone()
        y[..., :count] += first @ part.T
        return y
