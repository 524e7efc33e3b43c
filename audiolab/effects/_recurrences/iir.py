"""First- and second-order linear filters with constant coefficients, one set a row.

``y[n] = b0 x[n] + b1 x[n-1] + b2 x[n-2] - a1 y[n-1] - a2 y[n-2]`` with state and coefficients in
float64: a recursion in float32 loses 50 dB and more at low cutoffs. On the CPU a compiled loop
runs it, and another one its adjoint; on other devices a block scan of matrix products does
(`block_scan`), whose gradients are torch's own.

The state is that of the transposed direct form II, scipy's ``zi``: what the past adds to the next
two samples. Both are ``torch.library`` operators, so ``torch.compile`` keeps them in its graph;
``torch.func`` transforms (``vmap``, ``jvp``) are not supported on the CPU.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.functional import pad

from audiolab._rows import least_visible, run_rows
from audiolab.effects._recurrences import dispatch
from audiolab.effects._recurrences.block_scan import scan_second_order
from audiolab.effects._recurrences.operator import operator

__all__ = ["iir", "iir_cascade"]


def iir(
    x: torch.Tensor,
    b: torch.Tensor,
    a: torch.Tensor,
    state: torch.Tensor | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Filter every row of a batch, and return the state behind its last sample.

    Parameters
    ----------
    x : Tensor
        Samples, ``(..., time)``. Half precision is computed in float32.
    b : Tensor
        Numerator ``b0, b1, b2``, ``(..., 1 to 3)``, broadcast against ``x[..., 0]``.
    a : Tensor
        Denominator without its leading 1, ``a1, a2``, ``(..., 0 to 2)``.
    state : Tensor, optional
        What the past adds to the first two samples, ``(..., 2)``; zeros by default.

    Returns
    -------
    y : Tensor
        Shape and dtype of `x`.
    state : Tensor
        ``(..., 2)`` float64, to go on with.
    """
    leading = x.shape[:-1]
    coefficients = torch.cat([_padded(b, 3, x.device), _padded(a, 2, x.device)], dim=-1)
    rows = x.reshape(leading.numel(), x.shape[-1])
    coefficients = coefficients.expand(*leading, 5).reshape(leading.numel(), 5)
    if state is None:
        before = torch.zeros(rows.shape[0], 2, dtype=torch.float64, device=x.device)
    else:
        before = state.to(torch.float64).expand(*leading, 2).reshape(leading.numel(), 2)
    half = x.dtype not in (torch.float32, torch.float64)
    samples = rows.float() if half else rows
    if dispatch.runs_compiled(x):
        y, after = _second_order(samples, coefficients, before)
    else:
        y, after = scan_second_order(samples, coefficients, before)
    return y.reshape(x.shape).to(x.dtype), after.reshape(*leading, 2)


def iir_cascade(
    x: torch.Tensor,
    sections: torch.Tensor,
    states: torch.Tensor | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Run sections one after another: ``(..., sections, 5)`` of ``b0, b1, b2, a1, a2``.

    Returns the samples, and the states ``(..., sections, 2)``.
    """
    after = []
    for k in range(sections.shape[-2]):
        section = sections[..., k, :]
        before = None if states is None else states[..., k, :]
        x, state = iir(x, section[..., :3], section[..., 3:], before)
        after.append(state)
    if not after:
        return x, torch.zeros(*x.shape[:-1], 0, 2, dtype=torch.float64, device=x.device)
    return x, torch.stack(after, dim=-2)


def _padded(values: torch.Tensor, count: int, device: torch.device) -> torch.Tensor:
    values = values.to(device=device, dtype=torch.float64)
    return pad(values, (0, count - values.shape[-1]))


@operator("audiolab::second_order")
def _second_order(
    x: torch.Tensor, coefficients: torch.Tensor, state: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    from audiolab.effects._recurrences.kernels import second_order

    x, y = x.contiguous(), torch.empty(x.shape, dtype=x.dtype)
    final = torch.empty_like(state, memory_format=torch.contiguous_format)
    tensors = (x, coefficients.contiguous(), state.contiguous(), y, final, least_visible(x))
    run_rows(second_order, x.numel(), *(each.detach().numpy() for each in tensors))
    return y, final


@_second_order.register_fake
def _second_order_fake(
    x: torch.Tensor, coefficients: torch.Tensor, state: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    del coefficients
    return x.new_empty(x.shape), state.new_empty(state.shape)


@operator("audiolab::second_order_adjoint")
def _second_order_adjoint(
    grad_y: torch.Tensor,
    grad_final: torch.Tensor,
    x: torch.Tensor,
    y: torch.Tensor,
    coefficients: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    from audiolab.effects._recurrences.kernels import second_order_adjoint

    grad_x = torch.empty(x.shape, dtype=x.dtype)
    grad_coefficients = torch.empty(coefficients.shape, dtype=torch.float64)
    grad_state = torch.empty(grad_final.shape, dtype=torch.float64)
    tensors = (
        *(each.contiguous() for each in (grad_y, grad_final, x, y, coefficients)),
        *(grad_x, grad_coefficients, grad_state, least_visible(x)),
    )
    run_rows(second_order_adjoint, x.numel(), *(each.detach().numpy() for each in tensors))
    return grad_x, grad_coefficients, grad_state


@_second_order_adjoint.register_fake
def _second_order_adjoint_fake(
    grad_y: torch.Tensor,
    grad_final: torch.Tensor,
    x: torch.Tensor,
    y: torch.Tensor,
    coefficients: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    del grad_y, y
    return (
        x.new_empty(x.shape),
        coefficients.new_empty(coefficients.shape),
        grad_final.new_empty(grad_final.shape),
    )


def _adjoint_in_torch(
    grad_y: torch.Tensor,
    grad_final: torch.Tensor,
    x: torch.Tensor,
    y: torch.Tensor,
    coefficients: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Compute the same from operations with gradients, for gradients of gradients."""
    b, a1, a2 = coefficients[:, :3], coefficients[:, 3:4], coefficients[:, 4:5]
    last1, last2 = grad_final[:, :1], grad_final[:, 1:]
    poles = pad(coefficients[:, 3:], (3, 0)) + pad(torch.ones_like(a1), (0, 4))
    start = torch.cat([-a1 * last1 - a2 * last2, -a2 * last1], dim=-1)
    backwards, _ = _second_order(grad_y.double().flip(-1), poles, start)
    g = torch.cat([backwards.flip(-1), grad_final], dim=-1)
    time = x.shape[-1]
    later = [g[:, k : time + k] for k in range(3)]
    grad_x = sum((b[:, k : k + 1] * later[k] for k in range(3)), torch.zeros_like(later[0]))
    grads = [(each * x).sum(-1) for each in later] + [-(each * y).sum(-1) for each in later[1:]]
    return grad_x.to(x.dtype), torch.stack(grads, dim=-1), g[:, :2]


def _keep(
    ctx: Any,
    inputs: tuple[torch.Tensor, ...],
    output: tuple[torch.Tensor, torch.Tensor],
) -> None:
    x, coefficients, _ = inputs
    ctx.save_for_backward(x, coefficients, output[0])


def _backward(
    ctx: Any,
    grad_y: torch.Tensor,
    grad_final: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    x, coefficients, y = ctx.saved_tensors
    again = torch.is_grad_enabled()
    adjoint = _adjoint_in_torch if again else _second_order_adjoint
    return adjoint(grad_y, grad_final, x, y, coefficients)


_second_order.register_autograd(_backward, setup_context=_keep)
