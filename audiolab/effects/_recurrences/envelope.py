"""A one-pole average with two time constants: one while the level rises, one while it falls.

``v[n] = v[n-1] + c (x[n] - v[n-1])`` with ``c`` = `rise` where ``x[n] > v[n-1]``, else `fall`. Both
branches are increasing maps of ``v[n-1]``, and the one that is taken is always the larger result
when ``rise >= fall``, the smaller one otherwise: ``v[n] = max(f(v[n-1]), g(v[n-1]))``. So

- the compiled loop waits for one multiplication and one maximum a sample;
- many steps compose to the maximum of few straight lines: the slope of a path depends only on how
  often it rose. Blocks of √n samples are composed side by side, then joined one after another:
  about 3√n operations of torch for n samples, exact, for devices where a loop over samples is slow;
- once it is known which branch each sample took, the recurrence is linear, and its gradients are
  those of `linear_recurrence`: to level, both coefficients and start. Where the branch changes the
  map has a kink; there it is the gradient of the branch that was taken.

State and coefficients are float64.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch.nn.functional import pad

from audiolab._rows import run_rows
from audiolab.effects._recurrences import dispatch
from audiolab.effects._recurrences.linear import linear_recurrence
from audiolab.effects._recurrences.operator import operator

__all__ = ["envelope", "mapped_envelope", "scan_envelope"]


def envelope(
    level: torch.Tensor,
    rise: torch.Tensor,
    fall: torch.Tensor,
    initial: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Follow a level.

    Parameters
    ----------
    level : Tensor
        What to follow, ``(..., time)``. Differentiable.
    rise, fall : Tensor
        Coefficients in (0, 1], broadcast against ``level[..., 0]``. Differentiable.
    initial : Tensor
        ``v[-1]``, broadcast against ``level[..., 0]``. Differentiable.

    Returns
    -------
    followed : Tensor
        Shape and dtype of `level`.
    state : Tensor
        The last value, ``(...)`` float64, to go on with.
    """
    leading, time = level.shape[:-1], level.shape[-1]
    rise, fall, initial = (
        each.to(level.device, torch.float64).expand(leading).reshape(leading.numel())
        for each in (rise, fall, initial)
    )
    rows = level.reshape(leading.numel(), time)
    if time == 0:
        return level, initial.reshape(leading)
    needs_gradient = torch.is_grad_enabled() and any(
        each.requires_grad for each in (level, rise, fall, initial)
    )
    # The branches have to be the exact ones: found in float64 where gradients are asked for.
    samples = rows.double() if needs_gradient else rows.to(_computed(rows.dtype))
    fixed = tuple(each.detach() for each in (samples, rise, fall, initial))
    if dispatch.runs_compiled(level):
        followed, state = _follow(*fixed)
    else:
        followed = scan_envelope(fixed[0].double(), *fixed[1:])
        state = followed[:, -1]
    if needs_gradient:
        before = torch.cat([fixed[3][:, None], followed[:, :-1]], dim=-1)
        c = torch.where(fixed[0] > before, rise[:, None], fall[:, None])
        followed = linear_recurrence(1.0 - c, c * samples, initial)
        state = followed[:, -1]
    return followed.to(level.dtype).reshape(level.shape), state.reshape(leading)


def _computed(dtype: torch.dtype) -> torch.dtype:
    return dtype if dtype in (torch.float32, torch.float64) else torch.float32


def scan_envelope(
    level: torch.Tensor, rise: torch.Tensor, fall: torch.Tensor, initial: torch.Tensor
) -> torch.Tensor:
    """Follow ``(rows, time)`` in about 3√time operations; all in float64, without gradients."""
    rows, time = level.shape
    size = max(1, math.isqrt(time))
    blocks = -(-time // size)
    # With rise < fall the minimum is taken: that is the maximum of the negated signal.
    sign = torch.where(rise >= fall, 1.0, -1.0).to(level.dtype)
    x = pad(level * sign[:, None], (0, blocks * size - time)).reshape(rows, blocks, size)
    up, down = rise[:, None, None], fall[:, None, None]

    # Intercepts of the lines that j samples compose to, by how many of the samples rose.
    lines = x.new_zeros(rows, blocks, 1)
    for j in range(size):
        rose = (1.0 - up) * lines + up * x[..., j : j + 1]
        fell = (1.0 - down) * lines + down * x[..., j : j + 1]
        both = torch.maximum(rose[..., :-1], fell[..., 1:])
        lines = torch.cat([fell[..., :1], both, rose[..., -1:]], dim=-1)
    rises = torch.arange(size + 1, dtype=x.dtype, device=x.device)
    slopes = (1.0 - rise)[:, None] ** rises * (1.0 - fall)[:, None] ** (size - rises)

    starts = [initial * sign]
    for block in range(blocks - 1):
        starts.append((slopes * starts[-1][:, None] + lines[:, block]).amax(dim=-1))
    v = torch.stack(starts, dim=-1)

    up, down = rise[:, None], fall[:, None]
    followed = []
    for j in range(size):
        v = torch.maximum((1.0 - up) * v + up * x[..., j], (1.0 - down) * v + down * x[..., j])
        followed.append(v)
    return torch.stack(followed, dim=-1).reshape(rows, -1)[:, :time] * sign[:, None]


@operator("audiolab::follow")
def _follow(
    level: torch.Tensor, rise: torch.Tensor, fall: torch.Tensor, initial: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    from audiolab.effects._recurrences.envelope_kernels import follow

    level = level.contiguous()
    followed, state = torch.empty_like(level), torch.empty_like(initial)
    tensors = (level, rise.contiguous(), fall.contiguous(), initial.contiguous(), followed, state)
    run_rows(follow, level.numel(), *(each.numpy() for each in tensors))
    return followed, state


@_follow.register_fake
def _follow_fake(
    level: torch.Tensor, rise: torch.Tensor, fall: torch.Tensor, initial: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    del rise, fall
    return torch.empty_like(level), torch.empty_like(initial)


def mapped_envelope(
    samples: torch.Tensor,
    rise: torch.Tensor,
    fall: torch.Tensor,
    initial: torch.Tensor,
    curve: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Follow magnitudes and map them to gains in one compiled loop; CPU only, without gradients.

    Parameters
    ----------
    samples : Tensor
        ``(rows, channels, time)``; the largest magnitude over channels is followed.
    rise, fall, initial : Tensor
        Coefficients and start, ``(rows,)`` float64.
    curve : Tensor
        Pieces ``(pieces, 4)``: logarithm of the level from which a piece holds, that of the gain
        there, square and linear coefficient above it.

    Returns
    -------
    gain : Tensor
        ``(rows, time)`` in the dtype of `samples`.
    state : Tensor
        The last level, ``(rows,)``.
    """
    computed = samples.to(_computed(samples.dtype)).detach()
    gain, state = _follow_and_map(computed, rise, fall, initial, curve)
    return gain.to(samples.dtype), state


@operator("audiolab::follow_and_map")
def _follow_and_map(
    samples: torch.Tensor,
    rise: torch.Tensor,
    fall: torch.Tensor,
    initial: torch.Tensor,
    curve: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    from audiolab.effects._recurrences.envelope_kernels import follow_and_map

    compiled: Callable[..., None] = follow_and_map
    samples = samples.contiguous()
    rows, _, time = samples.shape
    gain = samples.new_empty(rows, time)
    state = torch.empty(rows, dtype=torch.float64)
    pieces = curve.detach().contiguous().numpy()
    each_row = (rise.detach().contiguous(), fall.detach().contiguous(), initial.contiguous())

    def kernel(*arrays: Any) -> None:
        compiled(*arrays, pieces)

    run_rows(
        kernel,
        samples.numel(),
        *(each.detach().numpy() for each in (samples, *each_row, gain, state)),
    )
    return gain, state


@_follow_and_map.register_fake
def _follow_and_map_fake(
    samples: torch.Tensor,
    rise: torch.Tensor,
    fall: torch.Tensor,
    initial: torch.Tensor,
    curve: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    del fall, initial, curve
    return samples.new_empty(samples.shape[0], samples.shape[2]), torch.empty_like(rise)
