r"""Glides of pitch by a phase vocoder: SoX's ``bend``.

Each frame's spectrum is taken apart into magnitude and true frequency (from how far the phase went
since the frame before), every bin moves to the bin nearest below its new frequency, and phases are
summed up anew [1]_. The shift of a frame follows a raised cosine from bend to bend.

SoX sums phases in single precision, which drifts by some degrees within a second; these sums are
double.
The program delays its output by a frame and makes it 1.5 times as
large; so do we.

References
----------
.. [1] J. Laroche, M. Dolson, "New phase-vocoder techniques for pitch-shifting, harmonizing and
   other exotic effects", IEEE Workshop on Applications of Signal Processing to Audio and
   Acoustics, 1999. doi:10.1109/ASPAA.1999.810857
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from audiolab._validation import check_positive, check_range, check_waveform

__all__ = ["bend", "bend_samples"]


def bend(
    waveform: torch.Tensor,
    sample_rate: float,
    *,
    bends: Sequence[tuple[float, float, float]],
    frame_rate: float = 25.0,
    oversampling: int = 16,
) -> torch.Tensor:
    """Change the pitch over time, and keep the tempo.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(..., time)``.
    sample_rate : float
        Rate in Hz.
    bends : sequence of (float, float, float)
        Start in seconds, cents to glide by, and end in seconds, one after the other. Behind each
        the pitch stays where it went.
    frame_rate : float, default: 25.0
        Frames a second, 10 to 80: the length of a frame is rounded to a power of two of samples.
    oversampling : int, default: 16
        Into how many steps a frame is divided, 4 to 32.

    Returns
    -------
    Tensor
        Same shape.

    Raises
    ------
    TypeError
        `waveform` is not a floating-point tensor.
    ValueError
        A parameter is out of its range, or bends overlap.

    Notes
    -----
    Gradients reach the waveform; the places of the bins count as constant. As in SoX, the output
    lags a frame behind and is 1.5 times as large, also where the pitch is kept.

    Examples
    --------
    >>> waveform = torch.sin(torch.arange(16_000) * 0.2)
    >>> bend(waveform, 16_000, bends=[(0.2, 300, 0.6), (0.7, -300, 0.9)]).shape
    torch.Size([16000])
    """
    check_positive(sample_rate, "sample_rate", unit="Hz")
    edges = [
        (int(start * sample_rate + 0.5), float(cents), int(end * sample_rate + 0.5))
        for start, cents, end in bends
    ]
    return bend_samples(
        waveform, sample_rate, edges, frame_rate=frame_rate, oversampling=oversampling
    )


def bend_samples(
    waveform: torch.Tensor,
    sample_rate: float,
    bends: Sequence[tuple[int, float, int]],
    *,
    frame_rate: float = 25.0,
    oversampling: int = 16,
) -> torch.Tensor:
    """Do the same with starts and ends in samples."""
    check_waveform(waveform)
    check_range(frame_rate, "frame_rate", 10, 80)
    check_range(oversampling, "oversampling", 4, 32)
    last = 0
    for place, (start, _, end) in enumerate(bends):
        if not last <= start < end:
            raise ValueError(f"bends[{place}] must start at the end of the one before it or later")
        last = end
    num_samples = waveform.shape[-1]
    if not bends or waveform.numel() == 0:
        return waveform
    rows = waveform.reshape(-1, num_samples)
    size = 1 << max(3, math.floor(math.log2(sample_rate / frame_rate) + 0.5))
    step = size // int(oversampling)
    count = -(-num_samples // step)
    shifts = [_shift(bends, number * step) for number in range(1, count + 1)]
    # Frames overlap many times over: of one row at a time they are large enough.
    wide = rows if rows.dtype in (torch.float32, torch.float64) else rows.float()
    # row by row: what lies between two passes stays in the cache
    moves = _Moves(shifts, size // 2 + 1, wide)
    parts = [_vocoder(wide[row : row + 1], size, step, moves) for row in range(len(rows))]
    return torch.cat(parts)[:, :num_samples].reshape(waveform.shape).to(waveform.dtype)


def _shift(bends: Sequence[tuple[int, float, int]], place: int) -> float:
    cents = 0.0
    for start, glide, end in bends:
        progress = min(max((place - start) / (end - start), 0.0), 1.0)
        cents += glide * (1 - math.cos(math.pi * progress)) / 2
    return float(2 ** (cents / 1200))


class _Moves:
    """Which bin of each frame goes where: tensors ``(frames, bins)``."""

    def __init__(self, shifts: list[float], bins: int, like: torch.Tensor) -> None:
        number = torch.arange(bins, device=like.device)
        factor = torch.tensor(shifts, dtype=torch.float64, device=like.device)[:, None]
        target = (number * factor).long()
        inside = target < bins
        self.target = torch.where(inside, target, 0)
        self.inside = inside.to(like.dtype)
        # of the bins that move to one place, the highest gives it its frequency
        source = torch.full_like(target, -1).scatter_reduce(
            -1, self.target, torch.where(inside, number, -1), reduce="amax"
        )
        self.source = source.clamp_min(0)
        self.factor = torch.where(source >= 0, factor, 0.0).to(like.dtype)


def _vocoder(rows: torch.Tensor, size: int, step: int, moves: _Moves) -> torch.Tensor:
    device, dtype = rows.device, rows.dtype
    count, bins = moves.target.shape
    per_frame = size // step
    padded = torch.nn.functional.pad(rows, (size - step, count * step - rows.shape[-1]))
    window = torch.hann_window(size, dtype=torch.float64, device=device)
    spectrum = torch.fft.rfft(padded.unfold(-1, size, step)[:, :count] * window.to(dtype))
    number = torch.arange(bins, device=device)
    # angles in turns, from here on
    angle = spectrum.angle() * (0.5 / math.pi)
    expected = number * (step / size)
    turned = angle - torch.nn.functional.pad(angle, (0, 0, 1, 0))[:, :-1] - expected.to(dtype)
    turned = turned - turned.round()
    frequency = torch.add(number.to(dtype), turned, alpha=per_frame)

    magnitude = torch.zeros_like(frequency).scatter_add(
        -1, moves.target.expand_as(frequency), spectrum.abs() * moves.inside
    )
    taken = frequency.gather(-1, moves.source.expand_as(frequency)) * moves.factor
    advance = taken * (1 / per_frame)
    if per_frame * step != size:
        advance = advance + (expected - number / per_frame).to(dtype)
    # double precision holds the sum; its fraction says the same in few digits
    phase = advance.cumsum(dim=-2, dtype=torch.float64).frac().to(dtype) * (2 * math.pi)
    ends = torch.ones(bins, dtype=dtype, device=device)
    ends[0] = ends[-1] = 2.0  # the real part of a spectrum without its mirror image
    frames = torch.fft.irfft(torch.polar(magnitude * ends, phase), n=size)
    frames = frames * (window * (4 / per_frame)).to(dtype)
    total = rows.new_zeros(rows.shape[0], (count + per_frame + 1) * step)
    for turn in range(per_frame):
        part = frames[..., turn * step : (turn + 1) * step].flatten(-2)
        start = (turn + 1) * step
        total[:, start : start + part.shape[-1]] += part
    return total
