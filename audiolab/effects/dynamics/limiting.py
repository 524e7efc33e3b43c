"""A look-ahead limiter: no sample beyond the ceiling, and no click on the way there.

The gain that a peak needs is known before the peak comes. It is held over the look-ahead, released
exponentially, and averaged over the look-ahead, so that it arrives in a straight line just in time.

Reference: D. Giannoulis, M. Massberg, J. D. Reiss, "Digital dynamic range compressor design: a
tutorial and analysis", J. Audio Eng. Soc. 60(6), 2012; P. Hämäläinen, "Smoothing of the control
signal without clipped output in digital peak limiters", Proc. DAFx, 2002.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.nn.functional import pad, relu

from audiolab._rows import run_rows
from audiolab._validation import check_range, check_waveform
from audiolab.effects._ranges import bounded
from audiolab.effects._recurrences.dispatch import runs_compiled
from audiolab.effects._recurrences.envelope import envelope
from audiolab.effects.dynamics._limiting_kernel import limiting_gain
from audiolab.effects.dynamics.companding import loudness, time_coefficient
from audiolab.effects.dynamics.compression import running_maximum

__all__ = ["limiter"]


def limiter(
    waveform: torch.Tensor,
    sample_rate: float,
    *,
    ceiling_db: float | torch.Tensor = -1.0,
    lookahead_s: float = 0.005,
    release_s: float | torch.Tensor = 0.05,
    drive_db: float | torch.Tensor = 0.0,
    linked: bool = True,
) -> torch.Tensor:
    r"""Keep every sample within a ceiling.

    Parameters
    ----------
    waveform : Tensor
        Samples ``(..., channels, time)``, or ``(time,)``.
    sample_rate : float
        Rate in Hz.
    ceiling_db : float or Tensor, default: -1.0
        Largest magnitude of the output in dB relative to 1. No sample exceeds it. Peaks between
        samples, which a converter rebuilds, may be higher by a decibel or two.
    lookahead_s : float, default: 0.005
        How early the gain begins to fall, in seconds. The output is not delayed.
    release_s : float or Tensor, default: 0.05
        Time in seconds in which 63 % of the reduction is given back.
    drive_db : float or Tensor, default: 0.0
        Gain before the limiter, in dB.
    linked : bool, default: True
        The loudest channel steers all channels of an item.

    Returns
    -------
    Tensor
        Shape and dtype of the input.

    Raises
    ------
    ValueError
        A value is out of its range.

    Notes
    -----
    A sample needs the reduction :math:`d_n = \max(0, 1 - C / |x_n|)`. Its maximum over the samples
    :math:`n` to :math:`n + L` falls back exponentially, never below that maximum; the mean of the
    last :math:`L + 1` values then is at least :math:`d_n` at every sample: each value in the mean
    had :math:`d_n` in its window. Gradients reach samples, ceiling, release and drive.

    Examples
    --------
    >>> import torch
    >>> from audiolab.effects import limiter
    >>> loud = limiter(torch.randn(2, 16_000), 16_000, ceiling_db=-6.0, drive_db=12.0)
    >>> bool(loud.abs().max() <= 10 ** (-6.0 / 20))
    True
    """
    check_waveform(waveform)
    check_range(lookahead_s, "lookahead_s", 0.0, unit="s")
    ceiling = 10.0 ** (bounded(ceiling_db, waveform, "ceiling_db", unit="dB")[..., None] / 20.0)
    release = bounded(release_s, waveform, "release_s", 0.0, unit="s")
    driven = waveform * loudness(drive_db, waveform)
    magnitude = driven.abs()
    if linked and magnitude.ndim > 1:
        magnitude = magnitude.amax(dim=-2, keepdim=True)
    ahead = round(lookahead_s * sample_rate)
    fall = time_coefficient(release, sample_rate)
    limited = driven * _gain(magnitude, ceiling, fall, ahead).to(waveform.dtype)
    # What is left to cut is rounding.
    most = ceiling.to(waveform.dtype)
    most = torch.where(
        most.double() > ceiling, torch.nextafter(most.detach(), most.new_zeros(())), most
    )
    return torch.minimum(torch.maximum(limited, -most), most)


def _gain(
    magnitude: torch.Tensor, ceiling: torch.Tensor, fall: torch.Tensor, ahead: int
) -> torch.Tensor:
    """Return the gain of ``(..., time)``: in a compiled loop where there are no gradients."""
    differentiated = torch.is_grad_enabled() and any(
        each.requires_grad for each in (magnitude, ceiling, fall)
    )
    plain = magnitude.dtype in (torch.float32, torch.float64) and runs_compiled(magnitude)
    if plain and not differentiated and magnitude.numel():
        leading = np.broadcast_shapes(magnitude.shape[:-1], ceiling.shape[:-1], fall.shape)
        rows = magnitude.detach().expand(*leading, magnitude.shape[-1])
        rows = rows.reshape(-1, magnitude.shape[-1]).contiguous()
        gain = torch.empty_like(rows)
        limits, falls = (
            each.detach().double().expand(leading).reshape(-1) for each in (ceiling[..., 0], fall)
        )

        def run(x: Any, a: Any, b: Any, y: Any) -> None:
            limiting_gain(x, a, b, y, ahead)

        run_rows(run, rows.numel(), rows.numpy(), limits.numpy(), falls.numpy(), gain.numpy())
        return gain.reshape(*leading, -1)
    needed = relu(1.0 - ceiling / magnitude.double().clamp_min(1e-300))
    held = running_maximum(pad(needed, (ahead, ahead)), ahead + 1)
    leading = np.broadcast_shapes(held.shape[:-1], fall.shape)
    held = held.expand(*leading, held.shape[-1])
    falling, _ = envelope(held, torch.ones_like(fall), fall, held.new_zeros(()))
    total = pad(falling.cumsum(dim=-1), (1, 0))
    return 1.0 - (total[..., ahead + 1 :] - total[..., : -ahead - 1]) / (ahead + 1)
