"""Delay lines whose delay changes every sample: chorus, flanger, phaser.

Two maps of a row, with any number of taps:

- `read_line`: ``y[t] = s sum_k w[t, k] x[t - d[t, k]]``, without feedback;
- `feed_back_line`: ``y[t] = x[t] + s sum_k w[t, k] y[t - d[t, k]]`` with ``d >= 1``.

Both are linear in the samples. Gradients go to samples, past, factor `s` and weights `w`; a delay
of whole samples has none, but where two or three taps interpolate, the fraction stands in the
weights and carries it.

Compiled loops run on the CPU. Elsewhere reading is a gather; feedback is solved in segments: within
each, ``(I - s W) y = b`` with a strictly triangular W is one triangular solve for all rows, and the
samples before it are gathered. That is exact for delays as short as one sample.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import pad

from audiolab._rows import run_rows
from audiolab.effects._recurrences import dispatch
from audiolab.effects._recurrences.operator import operator

__all__ = ["TapTable", "feed_back_line", "read_line", "solve_feedback"]

#: Samples of one triangular solve: some hundred solves a clip, each of a size that devices like.
_SEGMENT = 256


@dataclass(frozen=True)
class TapTable:
    """Delays and weights over one period of a modulation.

    Parameters
    ----------
    delays : Tensor
        Delays in samples, ``(tables, period, taps)`` int32.
    weights : Tensor
        Weights, ``(tables, period, taps)`` float64, or ``(tables, 1, taps)`` if they stay the same.
    row_of : Tensor
        Table of each row, ``(rows,)`` int32.
    phase : int
        Place in the table of the first sample.
    """

    delays: torch.Tensor
    weights: torch.Tensor
    row_of: torch.Tensor
    phase: int = 0

    def at(self, num_samples: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return delays and weights of the first samples, ``(rows, num_samples, taps)``."""
        period = self.delays.shape[1]
        time = torch.arange(num_samples, device=self.delays.device)
        place = (time + self.phase) % period
        rows = self.row_of.long()
        kept = place % self.weights.shape[1]
        return self.delays[rows][:, place].long(), self.weights[rows][:, kept]


def read_line(
    line: torch.Tensor, scale: torch.Tensor, table: TapTable, history: int = 0
) -> torch.Tensor:
    """Read ``(rows, history + time)`` at modulated delays.

    Parameters
    ----------
    line : Tensor
        Samples, `history` of them before the first that is asked for.
    scale : Tensor
        Factor of each row, ``(rows,)``.
    table : TapTable
        Delays and weights.
    history : int, default: 0
        Samples of the past in `line`; what lies before them is zero.

    Returns
    -------
    Tensor
        ``(rows, time)`` in the dtype of `line`.
    """
    if not dispatch.runs_compiled(line):
        return gather_line(line, scale, table, history)
    # Half precision is computed in float32.
    samples = line if line.dtype in (torch.float32, torch.float64) else line.float()
    result: torch.Tensor = _read(
        samples, scale.double(), table.weights, table.delays, table.row_of, table.phase, history
    )
    return result.to(line.dtype)


def gather_line(
    line: torch.Tensor, scale: torch.Tensor, table: TapTable, history: int
) -> torch.Tensor:
    """Do the same with torch's own operations."""
    time = line.shape[1] - history
    delays, weights = table.at(time)
    at = torch.arange(history, history + time, device=line.device)[:, None] - delays
    rows = torch.arange(line.shape[0], device=line.device)[:, None, None]
    values = line[rows, at.clamp_min(0)].double() * (at >= 0)
    return (scale.double()[:, None] * (weights * values).sum(dim=-1)).to(line.dtype)


def feed_back_line(
    x: torch.Tensor, scale: torch.Tensor, table: TapTable, past: torch.Tensor | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Run a line with feedback over ``(rows, time)``.

    Parameters
    ----------
    x : Tensor
        What enters, ``(rows, time)``.
    scale : Tensor
        Factor of each row, ``(rows,)``.
    table : TapTable
        Delays, 1 or more, and weights.
    past : Tensor, optional
        Last values of the line, ``(rows, history)`` float64; zeros by default.

    Returns
    -------
    y : Tensor
        Samples of the line, ``(rows, time)`` in the dtype of `x`.
    line : Tensor
        Past and samples in float64, ``(rows, history + time)``.
    """
    if past is None:
        past = torch.zeros(x.shape[0], 0, dtype=torch.float64, device=x.device)
    if dispatch.runs_compiled(x):
        samples = x if x.dtype in (torch.float32, torch.float64) else x.float()
        y, line = _feed_back(
            *(samples, past.double(), scale.double()),
            *(table.weights, table.delays, table.row_of, table.phase),
        )
        return y.to(x.dtype), line
    line = solve_feedback(x.double(), scale.double(), table, past.double())
    return line[:, past.shape[1] :].to(x.dtype), line


def solve_feedback(
    x: torch.Tensor, scale: torch.Tensor, table: TapTable, past: torch.Tensor
) -> torch.Tensor:
    """Do the same by triangular solves, one a segment; in float64. Returns past and samples."""
    rows, time = x.shape
    if time == 0:
        return past
    delays, weights = table.at(time)
    weights = weights * scale[:, None, None]
    reach = int(delays.max())
    kept = past.shape[1]
    # The line as far back as a tap can reach.
    recent = pad(past, (max(reach - kept, 0), 0))[:, -reach:]
    parts = [past]
    row = torch.arange(rows, device=x.device)[:, None, None]
    for start in range(0, time, _SEGMENT):
        d, w = delays[:, start : start + _SEGMENT], weights[:, start : start + _SEGMENT]
        size = d.shape[1]
        place = torch.arange(size, device=x.device)[:, None] - d
        inside = place >= 0
        before = recent[row, (reach + place).clamp(max=reach - 1)]
        b = x[:, start : start + size] + (w * before * ~inside).sum(dim=-1)
        system = x.new_zeros(rows, size, size).scatter_add(
            2, place.clamp_min(0), torch.where(inside, -w, 0.0)
        )
        # Unit diagonal: the solver adds the identity.
        y = torch.linalg.solve_triangular(system, b[..., None], upper=False, unitriangular=True)[
            ..., 0
        ]
        parts.append(y)
        recent = torch.cat([recent, y], dim=-1)[:, -reach:]
    return torch.cat(parts, dim=-1)


# ------------------------------------------------------------------------------------- the CPU
def _numpy(*tensors: torch.Tensor) -> list[Any]:
    return [each.detach().contiguous().numpy() for each in tensors]


@operator("audiolab::read_line")
def _read(
    line: torch.Tensor,
    scale: torch.Tensor,
    weights: torch.Tensor,
    delays: torch.Tensor,
    row_of: torch.Tensor,
    phase: int,
    history: int,
) -> torch.Tensor:
    from audiolab.effects._recurrences.delay_kernels import read

    compiled: Callable[..., None] = read
    out = line.new_empty(line.shape[0], line.shape[1] - history)
    table = _numpy(delays, weights)

    def kernel(*arrays: Any) -> None:
        compiled(*arrays, *table, phase)

    run_rows(kernel, out.numel() * delays.shape[2], *_numpy(line, scale, row_of, out))
    return out


@_read.register_fake
def _read_fake(
    line: torch.Tensor,
    scale: torch.Tensor,
    weights: torch.Tensor,
    delays: torch.Tensor,
    row_of: torch.Tensor,
    phase: int,
    history: int,
) -> torch.Tensor:
    del scale, weights, delays, row_of, phase
    return line.new_empty(line.shape[0], line.shape[1] - history)


@operator("audiolab::read_line_adjoint")
def _read_adjoint(
    grad: torch.Tensor,
    line: torch.Tensor,
    scale: torch.Tensor,
    weights: torch.Tensor,
    delays: torch.Tensor,
    row_of: torch.Tensor,
    phase: int,
    wants_line: bool,
    wants_weights: bool,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    from audiolab.effects._recurrences.delay_kernels import read_adjoint

    compiled: Callable[..., None] = read_adjoint
    grad_line = torch.zeros(line.shape if wants_line else (0, 0), dtype=torch.float64)
    grad_scale = torch.zeros(line.shape[0], dtype=torch.float64)
    grad_weights = torch.zeros(weights.shape if wants_weights else (0, 0, 0), dtype=torch.float64)
    compiled(
        *_numpy(grad.to(line.dtype), line, scale, row_of, delays, weights),
        phase,
        *(each.numpy() for each in (grad_line, grad_scale, grad_weights)),
    )
    return grad_line, grad_scale, grad_weights


@_read_adjoint.register_fake
def _read_adjoint_fake(
    grad: torch.Tensor,
    line: torch.Tensor,
    scale: torch.Tensor,
    weights: torch.Tensor,
    delays: torch.Tensor,
    row_of: torch.Tensor,
    phase: int,
    wants_line: bool,
    wants_weights: bool,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    del grad, delays, row_of, phase
    double = torch.float64
    return (
        line.new_empty(line.shape if wants_line else (0, 0), dtype=double),
        scale.new_empty(scale.shape, dtype=double),
        weights.new_empty(weights.shape if wants_weights else (0, 0, 0), dtype=double),
    )


def _keep_read(ctx: Any, inputs: tuple[Any, ...], output: torch.Tensor) -> None:
    del output
    line, scale, weights, delays, row_of, ctx.phase, ctx.history = inputs
    ctx.save_for_backward(line, scale, weights, delays, row_of)


def _read_backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
    line, scale, weights, delays, row_of = ctx.saved_tensors
    wants_line, wants_scale, wants_weights = ctx.needs_input_grad[:3]
    if torch.is_grad_enabled():
        # Gradients of gradients: the same map from operations that have them.
        with torch.enable_grad():
            table = TapTable(delays, weights, row_of, ctx.phase)
            inputs = (line, scale, weights)
            wanted = [t for t, w in zip(inputs, ctx.needs_input_grad[:3], strict=True) if w]
            out = gather_line(line, scale, table, ctx.history)
            found = iter(torch.autograd.grad(out, wanted, grad, create_graph=True))
        again = [next(found) if w else None for w in ctx.needs_input_grad[:3]]
        return (*again, None, None, None, None)
    grad_line, grad_scale, grad_weights = _read_adjoint(
        grad, line, scale, weights, delays, row_of, ctx.phase, wants_line, wants_weights
    )
    return (
        grad_line.to(line.dtype) if wants_line else None,
        grad_scale if wants_scale else None,
        grad_weights if wants_weights else None,
        *(None, None, None, None),
    )


_read.register_autograd(_read_backward, setup_context=_keep_read)


@operator("audiolab::feed_back_line")
def _feed_back(
    x: torch.Tensor,
    past: torch.Tensor,
    scale: torch.Tensor,
    weights: torch.Tensor,
    delays: torch.Tensor,
    row_of: torch.Tensor,
    phase: int,
) -> tuple[torch.Tensor, torch.Tensor]:
    from audiolab.effects._recurrences.delay_kernels import feed_back

    compiled: Callable[..., None] = feed_back
    y = torch.empty(x.shape, dtype=x.dtype)
    line = torch.empty(x.shape[0], past.shape[1] + x.shape[1], dtype=torch.float64)
    table = _numpy(delays, weights)

    def kernel(*arrays: Any) -> None:
        compiled(*arrays, *table, phase)

    run_rows(kernel, x.numel() * delays.shape[2], *_numpy(x, past, scale, row_of, y, line))
    return y, line


@_feed_back.register_fake
def _feed_back_fake(
    x: torch.Tensor,
    past: torch.Tensor,
    scale: torch.Tensor,
    weights: torch.Tensor,
    delays: torch.Tensor,
    row_of: torch.Tensor,
    phase: int,
) -> tuple[torch.Tensor, torch.Tensor]:
    del scale, weights, delays, row_of, phase
    return x.new_empty(x.shape), past.new_empty(x.shape[0], past.shape[1] + x.shape[1])


@operator("audiolab::feed_back_line_adjoint")
def _feed_back_adjoint(
    grad_line: torch.Tensor,
    scale: torch.Tensor,
    weights: torch.Tensor,
    delays: torch.Tensor,
    row_of: torch.Tensor,
    phase: int,
    history: int,
) -> torch.Tensor:
    from audiolab.effects._recurrences.delay_kernels import feed_back_adjoint

    compiled: Callable[..., None] = feed_back_adjoint
    carried = grad_line.clone(memory_format=torch.contiguous_format)
    compiled(carried.numpy(), *_numpy(scale, row_of, delays, weights), phase, history)
    return carried


@_feed_back_adjoint.register_fake
def _feed_back_adjoint_fake(
    grad_line: torch.Tensor,
    scale: torch.Tensor,
    weights: torch.Tensor,
    delays: torch.Tensor,
    row_of: torch.Tensor,
    phase: int,
    history: int,
) -> torch.Tensor:
    del scale, weights, delays, row_of, phase, history
    return torch.empty_like(grad_line)


def _keep_feed_back(
    ctx: Any, inputs: tuple[Any, ...], output: tuple[torch.Tensor, torch.Tensor]
) -> None:
    x, past, scale, weights, delays, row_of, ctx.phase = inputs
    ctx.history = past.shape[1]
    ctx.save_for_backward(x, past, output[1], scale, weights, delays, row_of)


def _feed_back_backward(
    ctx: Any, grad_y: torch.Tensor, grad_line: torch.Tensor
) -> tuple[torch.Tensor | None, ...]:
    x, past, line, scale, weights, delays, row_of = ctx.saved_tensors
    total = grad_line + pad(grad_y.double(), (ctx.history, 0))
    if torch.is_grad_enabled():
        # Gradients of gradients: the same map from operations that have them.
        with torch.enable_grad():
            inputs = (x, past, scale, weights)
            wanted = [t for t, w in zip(inputs, ctx.needs_input_grad[:4], strict=True) if w]
            table = TapTable(delays, weights, row_of, ctx.phase)
            solved = solve_feedback(x.double(), scale, table, past)
            found = iter(torch.autograd.grad(solved, wanted, total, create_graph=True))
        again = [next(found) if w else None for w in ctx.needs_input_grad[:4]]
        return (*again, None, None, None)
    carried = _feed_back_adjoint(total, scale, weights, delays, row_of, ctx.phase, ctx.history)
    grad_x = carried[:, ctx.history :]
    _, wants_past, wants_scale, wants_weights = ctx.needs_input_grad[:4]
    grad_scale = grad_weights = None
    if wants_scale or wants_weights:
        # What reached a sample of the line is a reading of the line itself.
        _, grad_scale, grad_weights = _read_adjoint(
            grad_x, line, scale, weights, delays, row_of, ctx.phase, False, wants_weights
        )
    return (
        grad_x.to(grad_y.dtype),
        carried[:, : ctx.history] if wants_past else None,
        grad_scale if wants_scale else None,
        grad_weights if wants_weights else None,
        *(None, None, None),
    )


_feed_back.register_autograd(_feed_back_backward, setup_context=_keep_feed_back)
