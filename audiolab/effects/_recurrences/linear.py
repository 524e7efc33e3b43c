"""``s[n] = a[n] s[n-1] + b[n]``: a first-order recurrence whose coefficients change every sample.

What averages with switching time constants, feedback lines and envelopes come down to. A compiled
loop on the CPU, elsewhere a scan that halves the sequence until one sample is left. The gradients
are the same recurrence run backwards.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.nn.functional import pad

from audiolab._rows import least_visible, run_rows
from audiolab.effects._recurrences import dispatch
from audiolab.effects._recurrences.operator import operator

__all__ = ["linear_recurrence"]


def linear_recurrence(
    a: torch.Tensor, b: torch.Tensor, initial: torch.Tensor | None = None
) -> torch.Tensor:
    """Return ``s`` of ``s[n] = a[n] s[n-1] + b[n]``.

    Parameters
    ----------
    a : Tensor
        Coefficients, ``(..., time)``, broadcast against `b`. Differentiable.
    b : Tensor
        Inputs, ``(..., time)``. Differentiable.
    initial : Tensor, optional
        ``s[-1]``, ``(...)``; zero by default. Differentiable.

    Returns
    -------
    Tensor
        ``(..., time)`` in the wider dtype of the two; summed up in float64.
    """
    dtype = torch.promote_types(a.dtype, b.dtype)
    shape = torch.Size(np.broadcast_shapes(a.shape, b.shape))
    a, b, leading = a.to(dtype).expand(shape), b.to(dtype).expand(shape), shape[:-1]
    a, b = (each.reshape(leading.numel(), shape[-1]) for each in (a, b))
    if initial is None:
        start = torch.zeros(b.shape[0], dtype=torch.float64, device=b.device)
    else:
        start = initial.to(torch.float64).expand(leading).reshape(leading.numel())
    if dispatch.runs_compiled(b):
        half = dtype not in (torch.float32, torch.float64)
        s: torch.Tensor = _linear(a.float() if half else a, b.float() if half else b, start)
    else:
        s = scan_linear(a.double(), b.double(), start)
    return s.to(dtype).reshape(shape)


def scan_linear(a: torch.Tensor, b: torch.Tensor, initial: torch.Tensor) -> torch.Tensor:
    """Solve ``(rows, time)`` in log-depth by odd-even reduction."""
    time = b.shape[-1]
    if time == 0:
        return b
    if time == 1:
        return a * initial[:, None] + b
    if time % 2:
        a, b = pad(a, (0, 1)), pad(b, (0, 1))
    even_a, odd_a = a[:, ::2], a[:, 1::2]
    even_b, odd_b = b[:, ::2], b[:, 1::2]
    odd = scan_linear(odd_a * even_a, odd_a * even_b + odd_b, initial)
    even = even_a * torch.cat([initial[:, None], odd[:, :-1]], dim=-1) + even_b
    return torch.stack([even, odd], dim=-1).reshape(b.shape)[:, :time]


@operator("audiolab::linear_recurrence")
def _linear(a: torch.Tensor, b: torch.Tensor, initial: torch.Tensor) -> torch.Tensor:
    from audiolab.effects._recurrences.kernels import first_order_varying

    s = torch.empty(b.shape, dtype=b.dtype)
    tensors = (a.contiguous(), b.contiguous(), initial.contiguous(), s, least_visible(s))
    run_rows(first_order_varying, b.numel(), *(each.detach().numpy() for each in tensors))
    return s


@_linear.register_fake
def _linear_fake(a: torch.Tensor, b: torch.Tensor, initial: torch.Tensor) -> torch.Tensor:
    del a, initial
    return b.new_empty(b.shape)


def _keep(
    ctx: Any,
    inputs: tuple[torch.Tensor, ...],
    output: torch.Tensor,
) -> None:
    a, _, initial = inputs
    ctx.save_for_backward(a, initial, output)


def _backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    a, initial, s = ctx.saved_tensors
    # g[n] = grad[n] + a[n+1] g[n+1], which is the same operator on reversed sequences.
    next_a = pad(a, (0, 1))[:, 1:]
    g = _linear(next_a.flip(-1), grad.flip(-1), torch.zeros_like(initial)).flip(-1)
    before = torch.cat([initial[:, None].to(s.dtype), s], dim=-1)[:, :-1]
    grad_initial = (a[:, :1] * g[:, :1]).sum(-1).to(initial.dtype)
    return g * before, g, grad_initial


_linear.register_autograd(_backward, setup_context=_keep)
