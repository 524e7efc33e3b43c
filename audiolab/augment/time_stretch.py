"""Faster or slower at the same pitch, by cutting or by spectra.

============== ================================== ==================================
engine         wsola                              phase_vocoder
============== ================================== ==================================
works by       cuts where the waveform matches    turned spectra, locked at peaks
one voice      as it was                          as it was, a little less dry
a mixture      the loudest part decides           every part goes on
an attack      whole, up to 8 ms off, or twice    whole, and where the rate puts it
time for 10 s  a few milliseconds                 three to five times as long
============== ================================== ==================================

What they are made of: `audiolab.effects.tempo`, and ``_vocoder.py``. Left out: rates that change
on the way, for which `audiolab.effects.bend` is there.
"""

from __future__ import annotations

from typing import TypeVar

import torch

from audiolab._validation import check_choice, check_positive, check_waveform
from audiolab.augment._items import Items, PerItem, PerItemCount
from audiolab.augment._stretching import (
    ENGINES,
    USES,
    each_item,
    stretch_item,
    stretched,
)

__all__ = ["stretched_length", "stretched_time_s", "time_stretch"]

#: The rates that both engines take.
SLOWEST, FASTEST = 0.1, 10.0

Number = TypeVar("Number", float, torch.Tensor)


def time_stretch(
    waveform: torch.Tensor,
    sample_rate: float,
    rate: PerItem,
    *,
    engine: str = "wsola",
    use: str = "general",
    lengths: PerItemCount | None = None,
) -> torch.Tensor:
    """Change the tempo and keep the pitch.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(time,)``, ``(items, time)`` or ``(..., channels, time)``. The channels of an
        item stay together: they are cut at the same places, or turned by the same phases.
    sample_rate : float
        Rate in Hz.
    rate : float or Tensor
        New tempo over old, 0.1 to 10; above 1 is faster and shorter. A number, or one an item.
    engine : {"wsola", "phase_vocoder"}, default: "wsola"
        Cut and join where the waveform matches (W. Verhelst, M. Roelands, 1993), or a phase vocoder
        with locked peaks, attacks and channels (J. Laroche, M. Dolson, 1999; A. Röbel, 2003).
    use : {"general", "speech", "music"}, default: "general"
        Which lengths of segments and windows to take: for WSOLA as in `audiolab.effects.tempo`; for
        the phase vocoder windows of about 64, 40 and 85 ms.
    lengths : int or Tensor, optional
        Valid samples of each item; what lies beyond is neither read nor kept. By default all.

    Returns
    -------
    Tensor
        Shape ``(..., longest)``: item i has ``stretched_length(lengths[i], rate[i])`` samples, and
        zeros behind them.

    Raises
    ------
    TypeError
        `waveform` is not a floating-point tensor, or a parameter is not a number.
    ValueError
        `waveform` holds NaN or infinity, or a parameter is out of its range.

    See Also
    --------
    pitch_shift : Pitch without tempo.
    stretched_time_s : Where a time has gone.

    Notes
    -----
    Gradients reach the waveform through cuts, cross-fades and transforms; where to cut and by how
    much to turn count as constant. An item's result depends on its own samples only: it is the same
    to the bit alone, in any batch and with any number of threads. Half precision is computed in
    float32. Away from CPUs, the phase vocoder's transforms stay on the device; the decisions
    between them are made on the CPU.

    Examples
    --------
    >>> batch = torch.randn(2, 1, 16_000)
    >>> time_stretch(batch, 16_000, [0.8, 1.25]).shape
    torch.Size([2, 1, 20000])
    """
    items = Items.of(waveform)
    check_waveform(waveform, finite=True)
    check_positive(sample_rate, "sample_rate", unit="Hz")
    check_choice(engine, "engine", ENGINES)
    check_choice(use, "use", USES)
    rates = items.values(rate, "rate", SLOWEST, FASTEST)
    ends = items.ends(lengths)
    after = [stretched(end, each) for end, each in zip(ends, rates, strict=True)]

    def compute(index: int, x: torch.Tensor) -> torch.Tensor:
        return stretch_item(x, sample_rate, rates[index], engine=engine, use=use)

    return items.restored(each_item(items, ends, after, compute))


def stretched_length(num_samples: Number, rate: Number) -> Number:
    """Return how many samples `time_stretch` makes of so many: ``floor(n / rate + 1/2)``.

    Parameters
    ----------
    num_samples : int or Tensor
        Samples before.
    rate : float or Tensor
        New tempo over old.

    Returns
    -------
    int or Tensor
        Samples after; an integer tensor where a tensor came.

    Examples
    --------
    >>> stretched_length(16_000, 0.8)
    20000
    """
    if isinstance(num_samples, torch.Tensor) or isinstance(rate, torch.Tensor):
        quotient = torch.as_tensor(num_samples).double() / torch.as_tensor(rate).double()
        return torch.floor(quotient + 0.5).long()
    return stretched(int(num_samples), rate)


def stretched_time_s(time_s: Number, rate: Number) -> Number:
    """Return where an event or the border of a label has gone: ``time_s / rate``.

    Parameters
    ----------
    time_s : float or Tensor
        Time before, in seconds from the start.
    rate : float or Tensor
        New tempo over old.

    Returns
    -------
    float or Tensor
        Time after, in seconds. WSOLA moves single samples by up to half its search range more, 8
        ms; the phase vocoder puts onsets where this says.

    Examples
    --------
    >>> stretched_time_s(1.0, 0.8)
    1.25
    """
    return time_s / rate
