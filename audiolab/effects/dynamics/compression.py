"""Compressor, expander and noise gate as studios know them: threshold, ratio, knee, times.

All three measure a level in decibels, turn it into a reduction in decibels by a static curve, and
smooth the reduction with an attack and a release. Smoothing the reduction rather than the level
makes the release start at once when the signal falls below the threshold.

Everything is differentiable: samples, side chain, and every number. Parameters may be tensors with
a value an item.

Reference: D. Giannoulis, M. Massberg, J. D. Reiss, "Digital dynamic range compressor design: a
tutorial and analysis", J. Audio Eng. Soc. 60(6), 2012: feed-forward, smoothed in the log domain by
a branching one-pole filter.
"""

from __future__ import annotations

import math
from typing import Literal, TypeAlias

import numpy as np
import torch
from torch.nn.functional import pad, relu

from audiolab._validation import check_choice, check_waveform
from audiolab.effects._ranges import bounded
from audiolab.effects._recurrences import iir
from audiolab.effects._recurrences.envelope import envelope
from audiolab.effects.dynamics.companding import loudness, time_coefficient

__all__ = ["compressor", "expander", "noise_gate", "running_maximum"]

Detector: TypeAlias = Literal["peak", "rms"]
_DETECTORS = ("peak", "rms")

#: Magnitude below which everything is silence: -200 dB.
_SILENCE = 1e-10


def compressor(
    waveform: torch.Tensor,
    sample_rate: float,
    *,
    threshold_db: float | torch.Tensor = -20.0,
    ratio: float | torch.Tensor = 4.0,
    attack_s: float | torch.Tensor = 0.005,
    release_s: float | torch.Tensor = 0.1,
    knee_db: float | torch.Tensor = 6.0,
    makeup_db: float | torch.Tensor = 0.0,
    sidechain: torch.Tensor | None = None,
    detector: Detector = "peak",
    window_s: float | torch.Tensor = 0.01,
    linked: bool = True,
) -> torch.Tensor:
    r"""Turn loud passages down.

    Parameters
    ----------
    waveform : Tensor
        Samples ``(..., channels, time)``, or ``(time,)``.
    sample_rate : float
        Rate in Hz.
    threshold_db : float or Tensor, default: -20.0
        Level in dB relative to 1 from which it acts.
    ratio : float or Tensor, default: 4.0
        Rise of the input in dB for 1 dB at the output, 1 and more; ``inf`` is allowed.
    attack_s, release_s : float or Tensor, default: 0.005 and 0.1
        Times in seconds in which 63 % of a change is followed, when the reduction grows and when
        it shrinks. Up to one sample means at once.
    knee_db : float or Tensor, default: 6.0
        Width in dB of the parabola around the threshold; 0 for a corner.
    makeup_db : float or Tensor, default: 0.0
        Gain on top, in dB.
    sidechain : Tensor, optional
        What is measured in place of the waveform: as many items and samples.
    detector : {"peak", "rms"}
        Measure magnitudes, or the square root of a running mean of squares.
    window_s : float or Tensor, default: 0.01
        Time constant of that mean in seconds.
    linked : bool, default: True
        The loudest channel steers all channels of an item, so that the stereo image stays.

    Returns
    -------
    Tensor
        Shape and dtype of the input.

    Raises
    ------
    ValueError
        A value is out of its range, or the side chain does not fit.

    Notes
    -----
    With the level :math:`L` above the threshold by :math:`o = L - T`, the reduction is
    :math:`(1 - 1/R)\,h(o)`, where :math:`h` is 0 up to :math:`-W/2`, :math:`(o + W/2)^2 / 2W`
    within the knee :math:`W`, and :math:`o` above it. It follows with
    :math:`r_n = r_{n-1} + c\,(h_n - r_{n-1})`, :math:`c = 1 - e^{-1/(f_s \tau)}`.

    Examples
    --------
    >>> import torch
    >>> from audiolab.effects import compressor
    >>> threshold_db = torch.tensor(-10.0, requires_grad=True)
    >>> quieter = compressor(torch.randn(2, 16_000), 16_000, threshold_db=threshold_db)
    >>> quieter.square().mean().backward()
    >>> bool(threshold_db.grad > 0)
    True
    """
    check_waveform(waveform)
    measured = _level_db(waveform, sidechain, sample_rate, detector, window_s, linked=linked)
    threshold = bounded(threshold_db, waveform, "threshold_db", unit="dB")[..., None]
    knee = bounded(knee_db, waveform, "knee_db", 0.0, unit="dB")[..., None]
    slope = 1.0 - 1.0 / _ratio(ratio, waveform)
    reduction = slope * _bend(measured - threshold, knee)
    rise, fall = _coefficients(waveform, sample_rate, attack_s, release_s)
    reduction = _smoothed(reduction, rise, fall)
    return _reduced(waveform, reduction) * loudness(makeup_db, waveform)


def expander(
    waveform: torch.Tensor,
    sample_rate: float,
    *,
    threshold_db: float | torch.Tensor = -40.0,
    ratio: float | torch.Tensor = 2.0,
    attack_s: float | torch.Tensor = 0.005,
    release_s: float | torch.Tensor = 0.1,
    knee_db: float | torch.Tensor = 6.0,
    range_db: float | torch.Tensor = 60.0,
    makeup_db: float | torch.Tensor = 0.0,
    sidechain: torch.Tensor | None = None,
    detector: Detector = "rms",
    window_s: float | torch.Tensor = 0.01,
    linked: bool = True,
) -> torch.Tensor:
    r"""Turn quiet passages further down.

    Parameters
    ----------
    waveform : Tensor
        Samples ``(..., channels, time)``, or ``(time,)``.
    sample_rate : float
        Rate in Hz.
    threshold_db : float or Tensor, default: -40.0
        Level in dB relative to 1 below which it acts.
    ratio : float or Tensor, default: 2.0
        Fall of the output in dB for 1 dB of fall at the input, 1 and more.
    attack_s, release_s : float or Tensor, default: 0.005 and 0.1
        Times in seconds in which 63 % of a change is followed, when the sound comes back and when
        it is turned down.
    knee_db : float or Tensor, default: 6.0
        Width in dB of the parabola around the threshold; 0 for a corner.
    range_db : float or Tensor, default: 60.0
        Largest reduction in dB.
    makeup_db : float or Tensor, default: 0.0
        Gain on top, in dB.
    sidechain : Tensor, optional
        What is measured in place of the waveform: as many items and samples.
    detector : {"peak", "rms"}
        Measure magnitudes, or the square root of a running mean of squares. A magnitude passes
        zero twice a period, which an expander takes for silence: the mean is the default here.
    window_s : float or Tensor, default: 0.01
        Time constant of that mean in seconds.
    linked : bool, default: True
        The loudest channel steers all channels of an item.

    Returns
    -------
    Tensor
        Shape and dtype of the input.

    Raises
    ------
    ValueError
        A value is out of its range, or the side chain does not fit.

    Notes
    -----
    The reduction is :math:`\min((R - 1)\,h(T - L),\ \mathrm{range})` with the knee :math:`h` of
    ``compressor``.

    Examples
    --------
    >>> import torch
    >>> from audiolab.effects import expander
    >>> hiss = torch.randn(16_000, generator=torch.Generator().manual_seed(0)) * 0.001
    >>> bool(expander(hiss, 16_000)[8000:].std() < 0.2 * hiss.std())
    True
    """
    check_waveform(waveform)
    measured = _level_db(waveform, sidechain, sample_rate, detector, window_s, linked=linked)
    threshold = bounded(threshold_db, waveform, "threshold_db", unit="dB")[..., None]
    knee = bounded(knee_db, waveform, "knee_db", 0.0, unit="dB")[..., None]
    most = bounded(range_db, waveform, "range_db", 0.0, unit="dB")[..., None]
    slope = bounded(ratio, waveform, "ratio", 1.0)[..., None] - 1.0
    reduction = torch.minimum(slope * _bend(threshold - measured, knee), most)
    fall, rise = _coefficients(waveform, sample_rate, attack_s, release_s)
    reduction = _smoothed(reduction, rise, fall)
    return _reduced(waveform, reduction) * loudness(makeup_db, waveform)


def noise_gate(
    waveform: torch.Tensor,
    sample_rate: float,
    *,
    threshold_db: float | torch.Tensor = -50.0,
    attack_s: float | torch.Tensor = 0.001,
    hold_s: float = 0.05,
    release_s: float | torch.Tensor = 0.1,
    knee_db: float | torch.Tensor = 6.0,
    range_db: float | torch.Tensor = 80.0,
    sidechain: torch.Tensor | None = None,
    detector: Detector = "peak",
    window_s: float | torch.Tensor = 0.01,
    linked: bool = True,
) -> torch.Tensor:
    r"""Close on what is too quiet.

    Parameters
    ----------
    waveform : Tensor
        Samples ``(..., channels, time)``, or ``(time,)``.
    sample_rate : float
        Rate in Hz.
    threshold_db : float or Tensor, default: -50.0
        Level in dB relative to 1 at which the gate is half open.
    attack_s : float or Tensor, default: 0.001
        Time in seconds to open by 63 %.
    hold_s : float, default: 0.05
        For how long it stays open after the last loud sample, in seconds; longer than a period of
        the lowest tone.
    release_s : float or Tensor, default: 0.1
        Time in seconds to close by 63 %.
    knee_db : float or Tensor, default: 6.0
        Width in dB of the passage from shut to open. It is what gives the threshold a gradient; at
        0 the gate is a switch, and the threshold has none.
    range_db : float or Tensor, default: 80.0
        Reduction of the closed gate in dB.
    sidechain : Tensor, optional
        What is measured in place of the waveform: as many items and samples.
    detector : {"peak", "rms"}
        Measure magnitudes, or the square root of a running mean of squares.
    window_s : float or Tensor, default: 0.01
        Time constant of that mean in seconds.
    linked : bool, default: True
        The loudest channel steers all channels of an item.

    Returns
    -------
    Tensor
        Shape and dtype of the input.

    Raises
    ------
    ValueError
        A value is out of its range, or the side chain does not fit.

    Notes
    -----
    With :math:`u = (L - T)/W + 1/2` held to [0, 1], the reduction is
    :math:`\mathrm{range} \cdot (1 - u^2 (3 - 2u))`. The level :math:`L` is the highest of the hold
    time.

    Examples
    --------
    >>> import torch
    >>> from audiolab.effects import noise_gate
    >>> hum = torch.sin(torch.arange(16_000) * 0.04) * 0.001
    >>> bool(noise_gate(hum, 16_000)[8000:].abs().max() < 1e-5)
    True
    """
    check_waveform(waveform)
    measured = _level_db(waveform, sidechain, sample_rate, detector, window_s, linked=linked)
    held = int(bounded(hold_s, waveform, "hold_s", 0.0, unit="s") * sample_rate)
    silence = 20.0 * math.log10(_SILENCE)
    measured = running_maximum(pad(measured, (held, 0), value=silence), held + 1)
    threshold = bounded(threshold_db, waveform, "threshold_db", unit="dB")[..., None]
    knee = bounded(knee_db, waveform, "knee_db", 0.0, unit="dB")[..., None]
    most = bounded(range_db, waveform, "range_db", 0.0, unit="dB")[..., None]
    open_by = ((measured - threshold) / knee.clamp_min(1e-9) + 0.5).clamp(0.0, 1.0)
    reduction = most * (1.0 - open_by * open_by * (3.0 - 2.0 * open_by))
    fall, rise = _coefficients(waveform, sample_rate, attack_s, release_s)
    return _reduced(waveform, _smoothed(reduction, rise, fall))


# ---------------------------------------------------------------------------------- their parts
def _level_db(
    waveform: torch.Tensor,
    sidechain: torch.Tensor | None,
    sample_rate: float,
    detector: Detector,
    window_s: float | torch.Tensor,
    *,
    linked: bool,
) -> torch.Tensor:
    """Return levels in dB, ``(..., channels or 1, time)`` float64."""
    check_choice(detector, "detector", _DETECTORS)
    source = waveform if sidechain is None else check_waveform(sidechain, "sidechain")
    if source.ndim != waveform.ndim or (
        (*source.shape[:-2], source.shape[-1]) != (*waveform.shape[:-2], waveform.shape[-1])
    ):
        raise ValueError(
            f"sidechain must have as many items and samples as the waveform, "
            f"{tuple(waveform.shape)}, got {tuple(source.shape)}"
        )
    if not linked and source.shape != waveform.shape:
        raise ValueError("a sidechain with other channels than the waveform needs linked=True")
    source = source.double()
    if detector == "rms":
        window = bounded(window_s, waveform, "window_s", 0.0, unit="s")
        c = time_coefficient(window, sample_rate)
        if source.ndim > 1:
            c = c.expand(waveform.shape[:-1])
            c = c if c.shape == source.shape[:-1] else c[..., :1].expand(source.shape[:-1])
        mean, _ = iir(source.square(), c[..., None], (c - 1.0)[..., None])
        power = mean.clamp_min(_SILENCE**2)
        level = 10.0 * power.log10()
    else:
        level = 20.0 * source.abs().clamp_min(_SILENCE).log10()
    return level.amax(dim=-2, keepdim=True) if linked and level.ndim > 1 else level


def _ratio(ratio: float | torch.Tensor, waveform: torch.Tensor) -> torch.Tensor:
    if not isinstance(ratio, torch.Tensor) and ratio == math.inf:
        return waveform.new_full((1,), math.inf, dtype=torch.float64)
    return bounded(ratio, waveform, "ratio", 1.0)[..., None]


def _bend(above: torch.Tensor, knee: torch.Tensor) -> torch.Tensor:
    """Return 0 below, `above` above, and a parabola `knee` wide between."""
    within = torch.minimum(relu(above + knee / 2.0), knee)
    return within.square() / (2.0 * knee.clamp_min(1e-9)) + relu(above - knee / 2.0)


def _coefficients(
    waveform: torch.Tensor,
    sample_rate: float,
    attack_s: float | torch.Tensor,
    release_s: float | torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    attack = bounded(attack_s, waveform, "attack_s", 0.0, unit="s")
    release = bounded(release_s, waveform, "release_s", 0.0, unit="s")
    return time_coefficient(attack, sample_rate), time_coefficient(release, sample_rate)


def _smoothed(reduction: torch.Tensor, rise: torch.Tensor, fall: torch.Tensor) -> torch.Tensor:
    # As many followers as levels or times.
    leading = np.broadcast_shapes(reduction.shape[:-1], rise.shape, fall.shape)
    reduction = reduction.expand(*leading, reduction.shape[-1])
    start = reduction.new_zeros(())
    return envelope(reduction, rise, fall, start)[0]


def _reduced(waveform: torch.Tensor, reduction_db: torch.Tensor) -> torch.Tensor:
    factor = torch.exp(reduction_db * (-math.log(10.0) / 20.0))
    return waveform * factor.to(waveform.dtype)


def running_maximum(values: torch.Tensor, size: int) -> torch.Tensor:
    """Return the largest of each `size` neighbours: ``time - size + 1`` values.

    Windows are doubled, so the work is a few passes, not `size` of them.
    """
    time = values.shape[-1] - size + 1
    reach = 1
    while 2 * reach <= size:
        values = torch.maximum(values[..., :-reach], values[..., reach:])
        reach *= 2
    if reach < size:
        values = torch.maximum(values[..., :time], values[..., size - reach :])
    return values[..., :time]
