"""Joining two takes as one cuts tape: where their waveforms agree best, with a short cross-fade."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch

from audiolab._validation import check_choice, check_positive, check_range, check_waveform
from audiolab.units import seconds_to_samples

__all__ = ["SpliceCurve", "SplicePoint", "splice", "splice_item"]

SpliceCurve: TypeAlias = Literal["half_sine", "linear", "quarter_sine"]


@dataclass(frozen=True)
class SplicePoint:
    """A join in samples: `position`, cross-fade of `overlap`, and `search` places to try."""

    position: int
    overlap: int
    search: int

    @classmethod
    def of(cls, position: int, excess: int, leeway: int) -> SplicePoint:
        """Return the join for an excess and a leeway, with SoX's rounding to eights."""
        return cls(position, max((2 * excess + 4) // 8 * 8, 16), 2 * leeway)


def splice(
    waveform: torch.Tensor,
    sample_rate: float,
    *,
    position_s: float,
    excess_s: float = 0.005,
    leeway_s: float = 0.005,
    curve: SpliceCurve = "half_sine",
) -> torch.Tensor:
    """Join two takes that follow each other in one waveform.

    The first take ends at `position_s`, its last `excess_s` being more than is wanted; the second
    begins there, `excess_s` and `leeway_s` before what is wanted of it. The last `2 * excess_s` of
    the first are cross-faded into that place within the next `2 * leeway_s` which differs least
    from them, by the sum of squared differences over all channels.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(channels, time)`` or ``(time,)``.
    sample_rate : float
        Rate in Hz.
    position_s : float
        End of the first take in seconds.
    excess_s : float, default: 0.005
        Excess of each take in seconds.
    leeway_s : float, default: 0.005
        Leeway in seconds; 0 makes a plain cross-fade.
    curve : {"half_sine", "linear", "quarter_sine"}
        Shape of the cross-fade. The first two keep the sum of the gains at 1, for takes that are
        alike; the last one keeps the sum of their squares, for takes that are not.

    Returns
    -------
    Tensor
        The joined samples, shorter by the cross-fade and by how far the place was found.

    Raises
    ------
    ValueError
        If a take is shorter than the cross-fade and the search.

    Notes
    -----
    Gradients reach the samples; the search is taken as given.

    Examples
    --------
    >>> import torch
    >>> tone = torch.sin(torch.arange(800) * 0.3)
    >>> cut = torch.cat([tone[:400], tone[437:]])
    >>> joined = splice(cut, 8_000, position_s=0.05)
    >>> joined.diff().abs().max() < 0.33
    tensor(True)
    """
    check_waveform(waveform)
    if waveform.ndim > 2:
        raise ValueError(
            f"waveform must be (channels, time) or (time,), got {tuple(waveform.shape)}: each item "
            "of a batch may be joined at another place"
        )
    check_positive(sample_rate, "sample_rate", unit="Hz")
    check_choice(curve, "curve", ("half_sine", "linear", "quarter_sine"))
    numbers = [
        seconds_to_samples(check_range(value, name, 0.0, unit="s"), sample_rate)
        for name, value in (
            ("position_s", position_s),
            ("excess_s", excess_s),
            ("leeway_s", leeway_s),
        )
    ]
    point = SplicePoint.of(*numbers)
    rows = waveform if waveform.ndim == 2 else waveform[None]
    room = min(point.position - point.overlap, rows.shape[-1] - point.position - point.overlap)
    if room < 0 or rows.shape[-1] - point.position <= point.overlap + point.search:
        raise ValueError(
            f"position_s: {point.overlap} samples before {position_s} s and "
            f"{point.overlap + point.search + 1} after it are needed, the waveform has "
            f"{point.position} and {rows.shape[-1] - point.position}"
        )
    joined = splice_item(rows, [point], curve)
    return joined if waveform.ndim == 2 else joined[0]


def splice_item(
    rows: torch.Tensor, points: Sequence[SplicePoint], curve: SpliceCurve
) -> torch.Tensor:
    """Join ``(channels, time)`` at several points, which count on the input.

    A point that its predecessor's search has passed ends the splicing; one without enough audio
    behind it ends the audio at its cross-fade. Both as in SoX.
    """
    parts = []
    done = 0
    for point in points:
        start = point.position - point.overlap
        if start < done or point.position > rows.shape[-1]:
            break
        parts.append(rows[:, done:start])
        if rows.shape[-1] - point.position <= point.overlap + point.search:
            return torch.cat(parts, dim=-1)
        first = rows[:, start : point.position]
        offset = _best_offset(first, rows[:, point.position :], point)
        begin = point.position + offset
        second = rows[:, begin : begin + point.overlap]
        rise, fall = _gains(point.overlap, curve, rows)
        parts.append(first * fall + second * rise)
        done = begin + point.overlap
    parts.append(rows[:, done:])
    return torch.cat(parts, dim=-1)


def _best_offset(first: torch.Tensor, second: torch.Tensor, point: SplicePoint) -> int:
    if point.search == 0:
        return 0
    with torch.no_grad():
        ahead = second[:, : point.search + point.overlap - 1].double()
        windows = ahead.unfold(-1, point.overlap, 1)
        distance = (windows - first.double()[:, None]).square().sum(dim=(0, 2))
        return int(distance.argmin())


def _gains(
    overlap: int, curve: SpliceCurve, like: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    place = torch.arange(overlap, dtype=torch.float64, device=like.device) / overlap
    if curve == "linear":
        rise, fall = place, 1 - place
    elif curve == "half_sine":
        rise = (1 - torch.cos(math.pi * place)) / 2
        fall = 1 - rise
    else:
        rise, fall = torch.sin(math.pi / 2 * place), torch.cos(math.pi / 2 * place)
    return rise.to(like.dtype), fall.to(like.dtype)
