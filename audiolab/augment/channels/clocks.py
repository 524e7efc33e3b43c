"""Two clocks that don't agree: a recording that runs a few millionths fast or slow."""

from __future__ import annotations

from fractions import Fraction

import torch

from audiolab.augment._items import Items, PerItem, PerItemCount
from audiolab.resample import resample

__all__ = ["clock_drift"]


def clock_drift(
    waveform: torch.Tensor,
    ppm: PerItem,
    *,
    lengths: PerItemCount | None = None,
) -> torch.Tensor:
    r"""Play a waveform with a clock that is off, and record it with one that is right.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(..., channels, time)``, ``(items, time)`` or ``(time,)``.
    ppm : float, Tensor or list of float
        How much too fast it plays, in millionths, within ±100000; a value an item if it is a
        tensor. Crystals are off by 10 to 100, cheap ones by more.
    lengths : int, Tensor or list of int, optional
        Valid samples of each item; the rest stays as it is.

    Returns
    -------
    Tensor
        :math:`y(t) = x(t (1 + 10^{-6} \mathrm{ppm}))`, of the same shape: a fast clock leaves zeros
        at the end, a slow one loses the end. Pitch rises by 1731 cents times ``ppm / 10**6``.

    Raises
    ------
    ValueError
        `ppm` is out of range or has NaN; samples are NaN or infinite.

    Notes
    -----
    Band-limited interpolation by `audiolab.resample.resample`: flat to 0.91 of half the rate.
    Gradients reach the samples.

    Examples
    --------
    >>> from audiolab import metrics, signals
    >>> from audiolab.augment import clock_drift
    >>> tone = signals.tone(1000.0, 2.0, 16_000)
    >>> drifted = clock_drift(tone, 500.0)
    >>> shift = metrics.delay_samples(tone[16_000:17_000], drifted[16_000:17_000], subsample=True)
    >>> drifted.shape, drifted.count_nonzero() < 32_000
    (torch.Size([32000]), tensor(True))
    """
    items = Items.of(waveform)
    rates = items.values(ppm, "ppm", -1e5, 1e5)

    def drift(samples: torch.Tensor, i: int) -> torch.Tensor:
        if rates[i] == 0.0:
            return samples
        # A thousandth of a ppm is a millisecond in twelve days.
        fast = 1 + Fraction(round(rates[i] * 1000), 10**9)
        moved = resample(samples.contiguous(), fast, 1)[..., : samples.shape[-1]]
        return torch.nn.functional.pad(moved, (0, samples.shape[-1] - moved.shape[-1]))

    return items.mapped(drift, items.ends(lengths))
