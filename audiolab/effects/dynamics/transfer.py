"""Curves of gain over level: straight lines in decibels whose corners are rounded by parabolas.

A curve is a tensor of pieces ``(..., pieces, 4)`` in natural logarithms: the level from which a
piece holds, the gain there, and the coefficients of the square and the linear term above it. Below
the first piece the gain is constant. Pieces are made with torch, so that gradients reach the points
and the width of the knee.

Reference: manual page sox(1), ``compand``, and measurements of the program.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TypeAlias

import torch

__all__ = ["LOWEST_DB", "Points", "curve_gain", "transfer_curve"]

#: ``(input level, output level)`` in dB, by rising input level.
Points: TypeAlias = Sequence[tuple[float, float]] | torch.Tensor

#: What -inf dB becomes: one step of a 32-bit integer.
LOWEST_DB = -20.0 * math.log10(2.0**31)

#: Narrowest knee of SoX in dB; a corner without any would have no parabola.
_LEAST_KNEE_DB = 0.01

_LN_PER_DB = math.log(10.0) / 20.0


def check_points(points: Points) -> torch.Tensor:
    """Return points as a float64 tensor ``(points, 2)``, with (0, 0) at the end if it is missing.

    Raises
    ------
    ValueError
        If there are none, levels do not rise, exceed 0 dB or are not numbers.
    """
    if isinstance(points, torch.Tensor):
        table = points.to(torch.float64)
    else:
        table = torch.tensor([list(each) for each in points], dtype=torch.float64)
    if table.ndim != 2 or table.shape[-1] != 2 or not len(table):
        raise ValueError(
            f"points must be pairs of input and output level in dB, got shape {tuple(table.shape)}"
        )
    table = torch.where(table == -math.inf, LOWEST_DB, table)
    if not bool(torch.isfinite(table).all()):
        raise ValueError("points must be levels in dB, -inf included; got NaN or +inf")
    levels = table.detach()
    if bool((levels > 0).any()):
        raise ValueError(f"points are levels relative to full scale: at most 0 dB, got {points}")
    if bool((levels[1:, 0] <= levels[:-1, 0]).any()):
        raise ValueError(f"points must have strictly rising input levels, got {points}")
    if float(levels[-1, 0]) < 0.0:
        table = torch.cat([table, table.new_zeros(1, 2)])
    return table


def transfer_curve(points: Points, knee_db: float | torch.Tensor) -> torch.Tensor:
    """Return the pieces ``(pieces, 4)`` of the curve of gains through points.

    Parameters
    ----------
    points : sequence of (float, float) or Tensor
        Input and output levels in dB.
    knee_db : float or Tensor
        How far around a corner the parabola reaches, along both lines, in dB.

    Returns
    -------
    Tensor
        Pieces, float64.
    """
    table = check_points(points)
    knee = torch.as_tensor(knee_db, dtype=torch.float64, device=table.device)
    knee = knee.clamp_min(_LEAST_KNEE_DB)
    # Corners in the plane of level and gain; ahead of them a stretch of constant gain.
    x, y = table[:, 0], table[:, 1] - table[:, 0]
    x = torch.cat([x[:1] - 2.0 * knee, x]) * _LN_PER_DB
    y = torch.cat([y[:1], y]) * _LN_PER_DB
    corners = _without_straight(x, y)
    reach = knee * _LN_PER_DB

    pieces = []
    last_x, last_y = x[0], y[0]
    for here, after in pairwise(corners[1:]):
        corner = torch.stack([x[here], y[here]])
        arriving = corner - torch.stack([last_x, last_y])
        leaving = torch.stack([x[after], y[after]]) - corner
        start = corner - _along(arriving, reach, 1.0)
        end = corner + _along(leaving, reach, 0.5)
        pieces.append(_piece(last_x, last_y, torch.zeros_like(knee), arriving[1] / arriving[0]))
        # The parabola from start to end through the centre of mass of the three points.
        run1, rise1 = (start + corner + end) / 3.0 - start
        run2, rise2 = end - start
        square = (rise2 / run2 - rise1 / run1) / (run2 - run1)
        pieces.append(_piece(start[0], start[1], square, rise1 / run1 - square * run1))
        last_x, last_y = end[0], end[1]
    slope = (y[corners[-1]] - last_y) / (x[corners[-1]] - last_x)
    pieces.append(_piece(last_x, last_y, torch.zeros_like(knee), slope))
    # The first piece is the stretch of constant gain: whatever is below it has that gain too.
    return torch.stack(pieces[1:] if len(pieces) > 1 else pieces)


def _without_straight(x: torch.Tensor, y: torch.Tensor) -> list[int]:
    """Return the points at which the slope changes, and both ends."""
    xs, ys = x.tolist(), y.tolist()
    kept = [0]
    for here in range(1, len(xs) - 1):
        before, after = kept[-1], here + 1
        one = (ys[here] - ys[before]) * (xs[after] - xs[here])
        other = (ys[after] - ys[here]) * (xs[here] - xs[before])
        if one != other:
            kept.append(here)
    return [*kept, len(xs) - 1]


def _along(way: torch.Tensor, reach: torch.Tensor, share: float) -> torch.Tensor:
    length: torch.Tensor = torch.linalg.vector_norm(way)
    return way / length * torch.minimum(reach, length * share)


def _piece(
    level: torch.Tensor, gain: torch.Tensor, square: torch.Tensor, linear: torch.Tensor
) -> torch.Tensor:
    return torch.stack([level, gain, square, linear])


def curve_gain(level: torch.Tensor, curve: torch.Tensor) -> torch.Tensor:
    """Return the gain at linear levels ``(..., time)``, by a curve ``(pieces, 4)``.

    The derivative at level 0 is 0: the gain is constant there.
    """
    lowest = float(curve[0, 0].detach().exp())
    log_level = level.clamp_min(lowest).log()
    gain = curve[0, 1].expand_as(log_level)
    for start, start_gain, square, linear in curve:
        above = log_level - start
        gain = torch.where(above > 0, start_gain + above * (square * above + linear), gain)
    return gain.exp()
