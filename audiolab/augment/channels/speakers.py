r"""A speaker that is too small: no bass, a resonance, and a cone that reaches its stop.

A high-pass of second order with the cone's resonance and Q, then a curve that limits the way out
more than the way in, then a high-pass that takes the offset of that curve away. The curve is
:math:`\tanh` of a drive that is measured against the item's RMS, so that the level that comes in
makes no difference to the amount of distortion.
"""

from __future__ import annotations

import math

import torch

from audiolab._validation import check_sample_rate
from audiolab.augment._items import Items, PerItem, PerItemCount
from audiolab.augment.levels import root_mean_square
from audiolab.effects import highpass, lowpass

__all__ = ["small_speaker"]


def small_speaker(
    waveform: torch.Tensor,
    sample_rate: int,
    *,
    resonance_hz: PerItem = 500.0,
    q: PerItem = 1.4,
    drive_db: PerItem = -10.0,
    asymmetry: PerItem = 0.3,
    high_hz: PerItem | None = None,
    lengths: PerItemCount | None = None,
) -> torch.Tensor:
    r"""Play through the speaker of a telephone, a toy or a laptop.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(..., channels, time)``, ``(items, time)`` or ``(time,)``.
    sample_rate : int
        Sample rate in Hz.
    resonance_hz : float, Tensor or list of float, default: 500.0
        Resonance of the cone in Hz, below which it falls by 12 dB an octave: 800 for a telephone,
        200 for a laptop.
    q : float, Tensor or list of float, default: 1.4
        Quality factor of the resonance: the response there, 1.4 being +3 dB.
    drive_db : float, Tensor or list of float, default: -10.0
        RMS of the filtered item over the cone's stop, in dB; -40 is clean, 10 rattles.
    asymmetry : float, Tensor or list of float, default: 0.3
        How much the rest of the cone lies to one side, 0 to 1: even harmonics.
    high_hz : float, Tensor or list of float, optional
        Where a low-pass of second order begins, in Hz; none by default.
    lengths : int, Tensor or list of int, optional
        Valid samples of each item; the rest stays as it is.

    Returns
    -------
    Tensor
        Shape and dtype of the input, at the level that the filters leave. Gradients reach the
        samples; the measured drive counts as a constant.

    Raises
    ------
    ValueError
        A parameter is out of range, or an item has NaN or infinite samples.

    Examples
    --------
    >>> from audiolab import metrics, signals
    >>> from audiolab.augment import small_speaker
    >>> bass, voice = (signals.tone(f, 1.0, 16_000) for f in (60.0, 1500.0))
    >>> loss = metrics.rms_db(small_speaker(bass, 16_000, drive_db=-60.0)) - metrics.rms_db(bass)
    >>> print(f"{loss.item():.0f} dB at 60 Hz")
    -37 dB at 60 Hz
    """
    rate = check_sample_rate(sample_rate)
    items = Items.of(waveform)
    ends = items.ends(lengths)
    half = rate / 2
    resonances = items.values(resonance_hz, "resonance_hz", 1.0, half, unit="Hz")
    qualities = items.values(q, "q", 0.1, 20.0)
    drives = items.values(drive_db, "drive_db", unit="dB")
    sides = items.values(asymmetry, "asymmetry", 0.0, 1.0)
    limits = None if high_hz is None else items.values(high_hz, "high_hz", 1.0, half, unit="Hz")

    def play(samples: torch.Tensor, i: int) -> torch.Tensor:
        moved = highpass(samples, rate, cutoff_hz=resonances[i], q=qualities[i])
        level = root_mean_square(Items.of(moved[None]), [moved.shape[-1]])[0]
        if not math.isfinite(level):
            raise ValueError(f"waveform has NaN or infinite samples{items.where(i)}")
        if level:
            stop = level * math.pow(10.0, -drives[i] / 20.0)
            rest = math.tanh(sides[i])
            # Slope 1 at rest: quiet sound keeps its level.
            moved = (torch.tanh(moved / stop + sides[i]) - rest) * (stop / (1.0 - rest * rest))
            moved = highpass(moved, rate, cutoff_hz=min(20.0, half), poles=1)
        if limits is not None:
            moved = lowpass(moved, rate, cutoff_hz=limits[i])
        return moved

    return items.mapped(play, ends)
