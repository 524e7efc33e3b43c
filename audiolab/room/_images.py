"""Sums over image sources: a compiled loop over rows, or torch's operations where gradients are.

Both find the same images, those that arrive before the end of the response, and sum the same pulses
in float64. Rows never see each other, so that a room's response does not depend on the batch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from audiolab._rows import run_rows
from audiolab.room._image_kernels import shoebox_rows, tap_tables
from audiolab.room._pulses import sum_pulses
from audiolab.room._shoebox_rows import Rows

__all__ = ["ImageSum", "sum_images"]


@dataclass(frozen=True)
class ImageSum:
    """How images are summed: the pulse, limits, and what the two ends hear."""

    samples_per_m: float
    taps: int
    max_order: int | None
    source_share: float
    microphone_share: float
    align: bool


def sum_images(rows: Rows, how: ImageSum, ends: list[int]) -> torch.Tensor:
    """Return the responses of all rows, float64, zero from each row's end to the longest one's."""
    tensors = vars(rows).values()
    recorded = torch.is_grad_enabled() and any(each.requires_grad for each in tensors)
    if rows.room.device.type == "cpu" and not recorded:
        return _compiled(rows, how, ends)
    longest = max(ends, default=0)
    responses = [_recorded(rows, row, how, end) for row, end in enumerate(ends)]
    padded = [torch.nn.functional.pad(each, (0, longest - each.shape[-1])) for each in responses]
    return torch.stack(padded) if padded else rows.room.new_zeros(0, longest)


def _compiled(rows: Rows, how: ImageSum, ends: list[int]) -> torch.Tensor:
    count = len(ends)
    out = torch.zeros(count, max(ends, default=0), dtype=torch.float64)
    direct = (rows.source - rows.microphone).detach().norm(dim=-1).numpy() * how.samples_per_m
    reach = np.asarray(ends, dtype=np.float64)

    run_rows(
        shoebox_rows,
        int((reach**2).sum()),
        out.numpy(),
        *map(_doubles, (rows.room, rows.source, rows.microphone, rows.reflection)),
        np.full(count, how.source_share),
        _doubles(rows.source_facing),
        np.full(count, how.microphone_share),
        _doubles(rows.microphone_facing),
        np.full(count, -1 if how.max_order is None else how.max_order),
        np.full(count, how.samples_per_m),
        direct if how.align else np.zeros(count),
        np.asarray(ends, dtype=np.int64),
        np.tile(tap_tables(how.taps), (count, 1, 1)),
    )
    return out


def _doubles(tensor: torch.Tensor) -> NDArray[np.float64]:
    return np.ascontiguousarray(tensor.detach().numpy())


def _recorded(rows: Rows, row: int, how: ImageSum, end: int) -> torch.Tensor:
    """Return one response in operations of torch, ``(end,)``."""
    room, source, ear = rows.room[row], rows.source[row], rows.microphone[row]
    reflection = rows.reflection[row]
    shift = (source - ear).norm() * how.samples_per_m if how.align else source.new_zeros(())
    radius = (end + how.taps // 2 + 1 + float(shift.detach())) / how.samples_per_m
    offsets, factors, orders, odds = [], [], [], []
    for axis in range(3):
        needed = int(radius / float(room[axis].detach())) + 2
        reach = needed if how.max_order is None else min(needed, how.max_order)
        i = torch.arange(-reach, reach + 1, device=room.device)
        odd = i & 1
        q = (i + odd) // 2
        sign = 1 - 2 * odd
        offsets.append(2 * q * room[axis] + sign * source[axis] - ear[axis])
        low, high = reflection[2 * axis], reflection[2 * axis + 1]
        factors.append(_power(low, (q - odd).abs()) * _power(high, q.abs()))
        orders.append(i.abs())
        odds.append(sign)
    index = _heard(offsets, factors, orders, radius, how.max_order)
    offset = torch.stack([each[at] for each, at in zip(offsets, index, strict=True)], dim=-1)
    distance = offset.square().sum(-1).sqrt()
    amplitude = factors[0][index[0]] * factors[1][index[1]] * factors[2][index[2]] / distance
    if how.microphone_share != 1.0:
        towards = (offset * rows.microphone_facing[row]).sum(-1) / distance
        amplitude = amplitude * (how.microphone_share + (1 - how.microphone_share) * towards)
    if how.source_share != 1.0:
        # What the source of an image sends here, the true one sends mirrored.
        mirror = torch.stack([each[at] for each, at in zip(odds, index, strict=True)], dim=-1)
        towards = -(offset * mirror * rows.source_facing[row]).sum(-1) / distance
        amplitude = amplitude * (how.source_share + (1 - how.source_share) * towards)
    times = distance * how.samples_per_m - shift
    return sum_pulses(times[None], amplitude[None], end, how.taps)[0]


def _power(base: torch.Tensor, exponent: torch.Tensor) -> torch.Tensor:
    """Return ``base ** exponent`` with a finite gradient where the base is zero."""
    positive = torch.where(base > 0, base, 1.0) ** exponent
    return torch.where(base > 0, positive, (exponent == 0).to(base.dtype))


def _heard(
    offsets: list[torch.Tensor],
    factors: list[torch.Tensor],
    orders: list[torch.Tensor],
    radius: float,
    max_order: int | None,
) -> list[torch.Tensor]:
    """Return indices on the three axes of the images within the radius and the order."""
    x, y, z = (each.detach().square() for each in offsets)
    a, b, c = (each.detach() for each in factors)
    plane = (x[:, None] + y <= radius**2) & (a[:, None] * b != 0)
    if max_order is not None:
        plane &= orders[0][:, None] + orders[1] <= max_order
    ix, iy = plane.nonzero(as_tuple=True)
    inside = ((x[ix] + y[iy])[:, None] + z <= radius**2) & (c != 0)
    if max_order is not None:
        inside &= (orders[0][ix] + orders[1][iy])[:, None] + orders[2] <= max_order
    column, iz = inside.nonzero(as_tuple=True)
    return [ix[column], iy[column], iz]
