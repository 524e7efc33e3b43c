"""Waveform similarity overlap-add: cut the signal into segments, join them where they match best.

Output segment k is read near ``factor * k * hop``; the exact place, within the search range, is the
one whose first `overlap` samples differ least, in the sum of squares over all channels, from the
samples that followed the previous segment. The two are cross-faded linearly.

The search is a compiled loop on a CPU and a batched correlation elsewhere. What it finds counts as
constant for gradients; copying and cross-fading are linear and have an adjoint.

Reference: W. Verhelst, M. Roelands, "An overlap-add technique based on waveform similarity (WSOLA)
for high quality time-scale modification of speech", ICASSP 1993. doi:10.1109/ICASSP.1993.319366
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray

from audiolab._rows import run_rows

__all__ = ["Splices", "find_positions", "join"]


@dataclass(frozen=True)
class Splices:
    """Sizes of the pieces, in samples.

    Parameters
    ----------
    factor : float
        New tempo over old.
    segment : int
        Length of a segment with its two overlaps.
    search : int
        How many places are tried.
    overlap : int
        Length of a cross-fade.
    quick : bool
        Try a few places only, coarse to fine.
    """

    factor: float
    segment: int
    search: int
    overlap: int
    quick: bool = False

    @property
    def hop(self) -> int:
        """Outputs of a segment."""
        return self.segment - self.overlap

    @property
    def lead(self) -> int:
        """Zeros in front of the signal, so that the search can look back."""
        return self.search // 2

    def reading(self, number: int) -> int:
        """Return where the search for a segment begins."""
        return int(self.factor * number * self.hop + 0.5) if number else 0

    def output_length(self, num_samples: int) -> int:
        """Return the number of outputs."""
        return int(num_samples / self.factor + 0.5)


def find_positions(
    x: torch.Tensor, splices: Splices, first: int, last: int, origin: int, previous: torch.Tensor
) -> torch.Tensor:
    """Return where segments `first` to `last` are read, ``(batch, segments)`` int64.

    Parameters
    ----------
    x : Tensor
        Samples ``(batch, channels, time)`` with the lead in front, from index `origin` on; they
        have to reach as far as the last segment may.
    splices : Splices
        Sizes.
    first, last : int
        Numbers of the segments.
    origin : int
        Index of the first sample of `x`.
    previous : Tensor
        Position of segment ``first - 1``, ``(batch,)``; unused for the first of all.
    """
    places = [splices.reading(number) - origin for number in range(first, last)]
    if x.device.type != "cpu":
        return _correlate(x, splices, first, places, previous - origin) + origin
    rows = x.detach().to(torch.float32).contiguous()
    found = torch.empty(x.shape[0], last - first, dtype=torch.int64)
    starts = np.asarray(places, dtype=np.int64)
    sizes = (splices.segment, splices.search, splices.overlap, splices.lead)

    def search(a: Any, b: Any, c: Any) -> None:
        _search(a, b, c, starts, *sizes, splices.quick, first == 0)

    work = rows.shape[1] * (last - first) * splices.search * splices.overlap // 8
    run_rows(search, rows.shape[0] * work, rows.numpy(), (previous - origin).numpy(), found.numpy())
    return found + origin


@njit(cache=True, nogil=True, error_model="numpy", fastmath=True)
def _difference(rows: Any, tail: int, place: int, overlap: int) -> Any:
    total = np.float32(0.0)
    for c in range(rows.shape[0]):
        a = rows[c, tail : tail + overlap]
        b = rows[c, place : place + overlap]
        for i in range(overlap):
            d = a[i] - b[i]
            total += d * d
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def _exact_difference(rows: Any, tail: int, place: int, overlap: int) -> Any:
    """Sum in SoX's order, channel by channel of sample by sample: decides what is nearly equal."""
    total = np.float32(0.0)
    for i in range(overlap):
        for c in range(rows.shape[0]):
            d = rows[c, tail + i] - rows[c, place + i]
            total += d * d
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def _search(
    x: Any,
    previous: Any,
    found: Any,
    starts: Any,
    segment: int,
    search: int,
    overlap: int,
    lead: int,
    quick: bool,
    from_start: bool,
) -> None:
    """Search each item's segments one after the other, as each decides what the next matches."""
    values = np.empty(max(search, 1), np.float32)
    for item in range(x.shape[0]):
        rows = x[item]
        position = previous[item]
        for k in range(len(starts)):
            start = starts[k]
            if k == 0 and from_start:
                position = start + lead
            elif search == 0:
                position = start
            elif not quick:
                tail = position + segment - overlap
                least = np.float32(np.inf)
                for offset in range(search):
                    values[offset] = _difference(rows, tail, start + offset, overlap)
                    least = min(least, values[offset])
                best, limit, least = 0, least * np.float32(1.0001), np.float32(np.inf)
                for offset in range(search):
                    if values[offset] <= limit:
                        value = _exact_difference(rows, tail, start + offset, overlap)
                        if value < least:
                            best, least = offset, value
                position = start + best
            else:
                tail = position + segment - overlap
                best = (search + 1) // 2
                least = _exact_difference(rows, tail, start + best, overlap)
                step = 64
                while step > 0:
                    centre = best
                    for side in (-1, 1):
                        most = search if step == 64 else 3
                        for times in range(1, most + 1):
                            offset = centre + side * times * step
                            if offset < 0 or offset >= search:
                                break
                            value = _exact_difference(rows, tail, start + offset, overlap)
                            if value < least:
                                best, least = offset, value
                    step //= 4
                position = start + best
            found[item, k] = position


def _correlate(
    x: torch.Tensor, splices: Splices, first: int, places: list[int], previous: torch.Tensor
) -> torch.Tensor:
    """Search all items at once, one segment after the other; every place is tried."""
    found = []
    position = previous
    steps = torch.arange(splices.overlap, device=x.device)
    wide = torch.arange(splices.search + splices.overlap - 1, device=x.device)
    for k, start in enumerate(places):
        if first + k == 0:
            position = torch.full_like(previous, start + splices.lead)
        elif splices.search == 0:
            position = torch.full_like(previous, start)
        else:
            tail = position[:, None] + splices.hop + steps
            tail = tail[:, None, :].expand(-1, x.shape[1], -1)
            wanted = x.detach().gather(-1, tail).float()
            window = x.detach()[..., start + wide].float().unfold(-1, splices.overlap, 1)
            error = (window - wanted.unsqueeze(-2)).square().sum(dim=(1, 3))
            position = start + error.argmin(dim=-1)
        found.append(position)
    return torch.stack(found, dim=-1)


def join(
    x: torch.Tensor, positions: torch.Tensor, splices: Splices, *, first: bool
) -> torch.Tensor:
    """Copy segments and cross-fade them: ``(batch, channels, segments * hop)``, differentiably.

    Parameters
    ----------
    x : Tensor
        Samples ``(batch, channels, time)``.
    positions : Tensor
        Where segments are read, ``(batch, segments)``; the one before them in front where `first`
        is false.
    splices : Splices
        Sizes.
    first : bool
        Whether the first segment begins the output, without a cross-fade.
    """
    if x.device.type == "cpu" and x.dtype in (torch.float32, torch.float64):
        y: torch.Tensor = _Join.apply(x, positions, splices, first)
        return y
    steps = torch.arange(splices.hop, device=x.device)
    here = positions if first else positions[:, 1:]
    before = torch.cat([positions[:, :1], positions[:, :-1]], dim=1) if first else positions[:, :-1]
    fade = torch.arange(splices.overlap, device=x.device) / splices.overlap

    def read(start: torch.Tensor, count: int) -> torch.Tensor:
        index = (start[:, :, None] + steps[:count]).flatten(1)
        index = index[:, None, :].expand(-1, x.shape[1], -1)
        found: torch.Tensor = x.gather(-1, index)
        return found.reshape(*found.shape[:-1], -1, count)

    body, tail = read(here, splices.hop), read(before + splices.hop, splices.overlap)
    head = body[..., : splices.overlap]
    mixed = tail * (1 - fade).to(x) + head * fade.to(x)
    if first:
        mixed = torch.cat([head[..., :1, :], mixed[..., 1:, :]], dim=-2)
    return torch.cat([mixed, body[..., splices.overlap :]], dim=-1).flatten(-2)


@njit(cache=True, nogil=True, error_model="numpy")
def _copy(x: Any, positions: Any, y: Any, hop: int, overlap: int, first: bool) -> None:
    step = 1.0 / overlap
    skip = 0 if first else 1
    for item in range(x.shape[0]):
        for c in range(x.shape[1]):
            row = x[item, c]
            for k in range(skip, positions.shape[1]):
                here = positions[item, k]
                begin = (k - skip) * hop
                out = y[item, c, begin : begin + hop]
                source = row[here : here + hop]
                out[:] = source
                if k > 0:
                    tail = row[
                        positions[item, k - 1] + hop : positions[item, k - 1] + hop + overlap
                    ]
                    for i in range(overlap):
                        w = i * step
                        out[i] = tail[i] * (1.0 - w) + source[i] * w


@njit(cache=True, nogil=True, error_model="numpy")
def _copy_back(x: Any, positions: Any, y: Any, hop: int, overlap: int, first: bool) -> None:
    """Add to x what `_copy` took: its transpose."""
    step = 1.0 / overlap
    skip = 0 if first else 1
    for item in range(x.shape[0]):
        for c in range(x.shape[1]):
            row = x[item, c]
            for k in range(skip, positions.shape[1]):
                here = positions[item, k]
                begin = (k - skip) * hop
                out = y[item, c, begin : begin + hop]
                source = row[here : here + hop]
                if k > 0:
                    tail = row[
                        positions[item, k - 1] + hop : positions[item, k - 1] + hop + overlap
                    ]
                    for i in range(overlap):
                        w = i * step
                        tail[i] += out[i] * (1.0 - w)
                        source[i] += out[i] * w
                    for i in range(overlap, hop):
                        source[i] += out[i]
                else:
                    for i in range(hop):
                        source[i] += out[i]


class _Join(torch.autograd.Function):
    """The copies on a CPU, and their transpose."""

    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, positions: torch.Tensor, splices: Splices, first: bool
    ) -> torch.Tensor:
        ctx.save_for_backward(positions)
        ctx.splices, ctx.first, ctx.time = splices, first, x.shape[-1]
        segments = positions.shape[1] - (not first)
        y = x.new_empty(*x.shape[:-1], segments * splices.hop)
        _run(_copy, x.detach().contiguous(), positions, y, splices, first=first)
        return y

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> Any:
        (positions,) = ctx.saved_tensors
        back = _JoinBack.apply(grads[0], positions, ctx.splices, ctx.first, ctx.time)
        return back, None, None, None


class _JoinBack(torch.autograd.Function):
    """The transpose, whose own gradient is the copies again."""

    @staticmethod
    def forward(
        ctx: Any,
        grad: torch.Tensor,
        positions: torch.Tensor,
        splices: Splices,
        first: bool,
        time: int,
    ) -> torch.Tensor:
        ctx.save_for_backward(positions)
        ctx.splices, ctx.first = splices, first
        x = grad.new_zeros(*grad.shape[:-1], time)
        _run(_copy_back, x, positions, grad.detach().contiguous(), splices, first=first)
        return x

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> Any:
        (positions,) = ctx.saved_tensors
        again = _Join.apply(grads[0], positions, ctx.splices, ctx.first)
        return again, None, None, None, None


def _run(
    kernel: Any,
    x: torch.Tensor,
    positions: torch.Tensor,
    y: torch.Tensor,
    splices: Splices,
    *,
    first: bool,
) -> None:
    def copy(a: NDArray[Any], b: NDArray[Any], c: NDArray[Any]) -> None:
        kernel(a, b, c, splices.hop, splices.overlap, first)

    run_rows(copy, y.numel(), x.numpy(), positions.contiguous().numpy(), y.numpy())
