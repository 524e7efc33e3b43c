r"""Tempo without pitch, and pitch without tempo: SoX's ``tempo``, ``pitch`` and ``stretch``.

Segment, search and overlap have defaults that depend on the use, in milliseconds for a factor f:

======== ====================== ================ ================
use      segment                search           overlap
======== ====================== ================ ================
general  82                     segment / 5.587  segment / 6.833
music    82 / max(f, 1)         segment / 6      segment / 7
speech   35 / max(f^0.33, 1)    segment / 2.14   segment / 2.5
linear   20 / max(f, 1)         0                segment / 2
======== ====================== ================ ================

with segments of 10 ms at least. Reference: the manual page sox(1).
"""

from __future__ import annotations

import torch

from audiolab._validation import check_choice, check_positive, check_range, check_waveform
from audiolab.effects.rates.conversion import speed
from audiolab.effects.time_scale._wsola import Splices, find_positions, join

__all__ = ["TempoStream", "make_splices", "pitch", "tempo"]

#: Segment in ms, the factor's exponent, and segment over search and over overlap.
_USES = {
    "general": (82.0, 0.0, 5.587, 6.833),
    "music": (82.0, 1.0, 6.0, 7.0),
    "speech": (35.0, 0.33, 2.14, 2.5),
    "linear": (20.0, 1.0, 0.0, 2.0),
}


def tempo(
    waveform: torch.Tensor,
    sample_rate: float,
    *,
    factor: float,
    use: str = "general",
    quick: bool = False,
    segment_s: float | None = None,
    search_s: float | None = None,
    overlap_s: float | None = None,
) -> torch.Tensor:
    """Change the tempo and keep the pitch: WSOLA, as SoX's ``tempo``.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(..., channels, time)``. The channels of an item are cut at the same places.
    sample_rate : float
        Rate in Hz.
    factor : float
        New tempo over old, 0.1 to 100.
    use : {"general", "music", "speech", "linear"}, default: "general"
        Which defaults the three times have.
    quick : bool, default: False
        Search coarsely, then finely, rather than everywhere.
    segment_s : float, optional
        Length of a segment in seconds, 0.01 to 0.12.
    search_s : float, optional
        Range of the search in seconds, 0 to 0.03.
    overlap_s : float, optional
        Length of a cross-fade in seconds, 0 to 0.03.

    Returns
    -------
    Tensor
        Shape ``(..., channels, floor(time / factor + 1/2))``.

    Raises
    ------
    TypeError
        `waveform` is not a floating-point tensor.
    ValueError
        `waveform` has no channel dimension, or a parameter is out of its range.

    See Also
    --------
    pitch : Pitch without tempo.
    audiolab.effects.speed : Both together.

    Notes
    -----
    Gradients reach the waveform through copies and cross-fades; where the segments are joined
    counts as constant. The search compares single-precision samples, as SoX does. Away from CPUs
    it is never quick.

    Examples
    --------
    >>> tempo(torch.randn(2, 16_000), 16_000, factor=0.8).shape
    torch.Size([2, 20000])
    """
    check_waveform(waveform, min_dim=2)
    splices = make_splices(
        sample_rate,
        factor=factor,
        use=use,
        quick=quick,
        segment_s=segment_s,
        search_s=search_s,
        overlap_s=overlap_s,
    )
    num_samples = waveform.shape[-1]
    length = splices.output_length(num_samples)
    if factor == 1 or waveform.numel() == 0 or length == 0:
        return waveform if factor == 1 else waveform.new_zeros(*waveform.shape[:-1], length)
    x = waveform.reshape(-1, *waveform.shape[-2:])
    half = x.dtype in (torch.float16, torch.bfloat16)
    x = x.float() if half else x
    segments = -(-length // splices.hop)
    end = splices.reading(segments - 1) + splices.search + splices.segment
    x = torch.nn.functional.pad(x, (splices.lead, max(0, end - splices.lead - num_samples)))
    nowhere = torch.zeros(x.shape[0], dtype=torch.int64, device=x.device)
    positions = find_positions(x, splices, 0, segments, 0, nowhere)
    y = join(x, positions, splices, first=True)[..., :length]
    return y.to(waveform.dtype).reshape(*waveform.shape[:-1], length)


def make_splices(
    sample_rate: float,
    *,
    factor: float,
    use: str = "general",
    quick: bool = False,
    segment_s: float | None = None,
    search_s: float | None = None,
    overlap_s: float | None = None,
) -> Splices:
    """Return the sizes in samples that SoX would take.

    Raises
    ------
    ValueError
        A parameter is out of its range.
    """
    check_positive(sample_rate, "sample_rate", unit="Hz")
    check_range(factor, "factor", 0.1, 100)
    base, power, per_search, per_overlap = _USES[check_choice(use, "use", tuple(_USES))]
    segment_ms = max(10.0, base / max(factor**power, 1.0))
    if segment_s is not None:
        segment_ms = 1000 * check_range(segment_s, "segment_s", 0.01, 0.12, unit="s")
    search_ms = segment_ms / per_search if per_search else 0.0
    if search_s is not None:
        search_ms = 1000 * check_range(search_s, "search_s", 0, 0.03, unit="s")
    overlap_ms = segment_ms / per_overlap
    if overlap_s is not None:
        overlap_ms = 1000 * check_range(overlap_s, "overlap_s", 0, 0.03, unit="s")
    segment = int(sample_rate * segment_ms / 1000 + 0.5)
    overlap = max(int(sample_rate * overlap_ms / 1000 + 4.5), 16) // 8 * 8
    if 2 * overlap > segment:
        overlap -= 8
    search = int(sample_rate * search_ms / 1000 + 0.5)
    return Splices(factor, segment, search, overlap, quick)


class TempoStream:
    """The same, block by block, without gradient.

    Parameters
    ----------
    splices : Splices
        Sizes, from `make_splices`.
    """

    def __init__(self, splices: Splices) -> None:
        self._splices = splices
        self._held: torch.Tensor | None = None
        self._origin = self._num_in = self._num_out = self._number = 0
        self._previous = torch.zeros(0, dtype=torch.int64)
        self._early: torch.Tensor | None = None  # outputs that may lie beyond the end

    def push(self, block: torch.Tensor) -> torch.Tensor:
        """Take the next samples ``(batch, channels, time)``; return the segments they complete."""
        sizes = self._splices
        if self._held is None:
            self._held = block.new_zeros(*block.shape[:-1], sizes.lead)
            self._previous = torch.zeros(block.shape[0], dtype=torch.int64, device=block.device)
        self._held = torch.cat([self._held, block], dim=-1)
        self._num_in += block.shape[-1]
        have = self._origin + self._held.shape[-1]
        last = self._number
        while sizes.reading(last) + sizes.search + sizes.segment <= have:
            last += 1
        return self._release(self._segments(last))

    def finish(self) -> torch.Tensor | None:
        """Return the rest, with zeros behind the end."""
        if self._held is None:
            return None
        sizes = self._splices
        last = max(self._number, -(-sizes.output_length(self._num_in) // sizes.hop))
        end = sizes.reading(last) + sizes.search + sizes.segment
        missing = max(0, end - self._origin - self._held.shape[-1])
        self._held = torch.nn.functional.pad(self._held, (0, missing))
        return self._release(self._segments(last))

    def _release(self, y: torch.Tensor) -> torch.Tensor:
        """Keep back what would exceed the length if nothing more came."""
        if self._early is not None:
            y = torch.cat([self._early, y], dim=-1)
        count = max(0, self._splices.output_length(self._num_in) - self._num_out)
        self._early = y[..., count:].clone()
        self._num_out += min(count, y.shape[-1])
        return y[..., :count]

    def _segments(self, last: int) -> torch.Tensor:
        held, first = self._held, self._number
        assert held is not None
        if last == first:
            return held[..., :0]
        sizes = self._splices
        found = find_positions(held, sizes, first, last, self._origin, self._previous)
        around = found if first == 0 else torch.cat([self._previous[:, None], found], dim=1)
        y = join(held, around - self._origin, sizes, first=first == 0)
        self._previous, self._number = found[:, -1], last
        # the end of the last segment is still to be faded out
        needed = min(int(self._previous.min()) + sizes.hop, sizes.reading(last))
        drop = min(max(0, needed - self._origin), held.shape[-1])
        self._held, self._origin = held[..., drop:].clone(), self._origin + drop
        return y


def pitch(
    waveform: torch.Tensor,
    sample_rate: float,
    *,
    cents: float,
    quick: bool = False,
    segment_s: float | None = None,
    search_s: float | None = None,
    overlap_s: float | None = None,
) -> torch.Tensor:
    """Change the pitch and keep the tempo: `tempo`, and `speed` back; SoX's ``pitch``.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(..., channels, time)``.
    sample_rate : float
        Rate in Hz.
    cents : float
        How far, in hundredths of a semitone; up to 3.3 octaves down and 6.6 up.
    quick : bool, default: False
        Search coarsely, then finely.
    segment_s, search_s, overlap_s : float, optional
        As for `tempo`.

    Returns
    -------
    Tensor
        Shape ``(..., channels, time)``; the length may differ by a sample, from rounding twice.

    Raises
    ------
    TypeError
        `waveform` is not a floating-point tensor.
    ValueError
        A parameter is out of its range.

    Notes
    -----
    SoX prints the tempo's factor with six digits before it reads it again, and so do we. Gradients
    as for `tempo`.

    Examples
    --------
    >>> pitch(torch.randn(2, 16_000), 16_000, cents=-300.0).shape
    torch.Size([2, 16000])
    """
    check_range(cents, "cents", -3986, 7972)
    factor = float(f"{2.0 ** (-cents / 1200):g}")
    slower = tempo(
        waveform,
        sample_rate,
        factor=factor,
        quick=quick,
        segment_s=segment_s,
        search_s=search_s,
        overlap_s=overlap_s,
    )
    return speed(slower, factor=1 / factor)
