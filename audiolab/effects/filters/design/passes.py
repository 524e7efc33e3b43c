"""Designs that pass or stop a part of the spectrum.

References: R. Bristow-Johnson, "Cookbook formulae for audio EQ biquad filter coefficients"; the
manual page sox(1); for single poles, J. O. Smith, "Introduction to Digital Filters", 2007.
"""

from __future__ import annotations

import math

from audiolab.effects.filters._parameters import Value, maths
from audiolab.effects.filters._widths import Width
from audiolab.effects.filters.design._biquad import Biquad, angle, biquad_from

__all__ = ["allpass", "band", "bandpass", "bandreject", "highpass", "lowpass"]


#: Butterworth's Q. SoX's help says 0.707 and means this.
BUTTERWORTH = Width(q=math.sqrt(0.5))


def _poles(poles: int) -> int:
    if poles not in (1, 2):
        raise ValueError(f"poles must be 1 or 2, got {poles!r}")
    return poles


def _no_width(width: Width, effect: str) -> None:
    given = [name for name, value in vars(width).items() if value is not None]
    if given:
        raise ValueError(f"{effect} with one pole has no width: leave {' and '.join(given)} out")


def lowpass(
    sample_rate: float,
    *,
    cutoff_hz: Value,
    q: Value | None = None,
    bandwidth_octaves: Value | None = None,
    bandwidth_hz: Value | None = None,
    poles: int = 2,
) -> Biquad:
    """Design the filter of `audiolab.effects.lowpass`, whose parameters it shares.

    Parameters
    ----------
    sample_rate : float
        Sample rate in Hz.
    cutoff_hz : float or Tensor
        Cutoff in Hz.
    q, bandwidth_octaves, bandwidth_hz : float or Tensor, optional
        Width, in one unit.
    poles : {2, 1}, default: 2
        Order.

    Returns
    -------
    Biquad
        Coefficients.

    Examples
    --------
    >>> round(lowpass(8000, cutoff_hz=2000.0).b.tolist()[0], 9)
    0.292893219
    """
    frequency, w0 = angle(cutoff_hz, sample_rate, "cutoff_hz")
    width = Width(q, bandwidth_octaves, bandwidth_hz)
    if _poles(poles) == 1:
        _no_width(width, "lowpass")
        p = maths(w0).exp(-w0)
        return biquad_from(1 - p, 0 * p, 0 * p, 1.0, -p, 0 * p)
    alpha = width.settled(BUTTERWORTH).alpha(w0, frequency)
    c = maths(w0).cos(w0)
    return biquad_from((1 - c) / 2, 1 - c, (1 - c) / 2, 1 + alpha, -2 * c, 1 - alpha)


def highpass(
    sample_rate: float,
    *,
    cutoff_hz: Value,
    q: Value | None = None,
    bandwidth_octaves: Value | None = None,
    bandwidth_hz: Value | None = None,
    poles: int = 2,
) -> Biquad:
    """Design the filter of `audiolab.effects.highpass`, whose parameters it shares.

    Parameters
    ----------
    sample_rate : float
        Sample rate in Hz.
    cutoff_hz : float or Tensor
        Cutoff in Hz.
    q, bandwidth_octaves, bandwidth_hz : float or Tensor, optional
        Width, in one unit.
    poles : {2, 1}, default: 2
        Order.

    Returns
    -------
    Biquad
        Coefficients.

    Examples
    --------
    >>> response = highpass(8000, cutoff_hz=100.0).frequency_response(0.0, 8000)
    >>> abs(complex(response)) < 1e-12
    True
    """
    frequency, w0 = angle(cutoff_hz, sample_rate, "cutoff_hz")
    width = Width(q, bandwidth_octaves, bandwidth_hz)
    if _poles(poles) == 1:
        _no_width(width, "highpass")
        p = maths(w0).exp(-w0)
        return biquad_from((1 + p) / 2, -(1 + p) / 2, 0 * p, 1.0, -p, 0 * p)
    alpha = width.settled(BUTTERWORTH).alpha(w0, frequency)
    c = maths(w0).cos(w0)
    return biquad_from((1 + c) / 2, -(1 + c), (1 + c) / 2, 1 + alpha, -2 * c, 1 - alpha)


def bandpass(
    sample_rate: float,
    *,
    center_hz: Value,
    q: Value | None = None,
    bandwidth_octaves: Value | None = None,
    bandwidth_hz: Value | None = None,
    constant_skirt: bool = False,
) -> Biquad:
    """Design the filter of `audiolab.effects.bandpass`, whose parameters it shares.

    Parameters
    ----------
    sample_rate : float
        Sample rate in Hz.
    center_hz : float or Tensor
        Centre in Hz.
    q, bandwidth_octaves, bandwidth_hz : float or Tensor, optional
        Width, in one unit.
    constant_skirt : bool, default: False
        Peak gain Q instead of 1.

    Returns
    -------
    Biquad
        Coefficients.

    Examples
    --------
    >>> response = bandpass(8000, center_hz=1000.0, q=5.0).frequency_response(1000.0, 8000)
    >>> round(abs(complex(response)), 9)
    1.0
    """
    frequency, w0 = angle(center_hz, sample_rate, "center_hz")
    width = Width(q, bandwidth_octaves, bandwidth_hz).settled(None)
    alpha, m = width.alpha(w0, frequency), maths(w0)
    peak = m.sin(w0) / 2 if constant_skirt else alpha
    return biquad_from(peak, 0 * peak, -peak, 1 + alpha, -2 * m.cos(w0), 1 - alpha)


def bandreject(
    sample_rate: float,
    *,
    center_hz: Value,
    q: Value | None = None,
    bandwidth_octaves: Value | None = None,
    bandwidth_hz: Value | None = None,
) -> Biquad:
    """Design the filter of `audiolab.effects.bandreject`, whose parameters it shares.

    Parameters
    ----------
    sample_rate : float
        Sample rate in Hz.
    center_hz : float or Tensor
        Centre in Hz.
    q, bandwidth_octaves, bandwidth_hz : float or Tensor, optional
        Width, in one unit.

    Returns
    -------
    Biquad
        Coefficients.

    Examples
    --------
    >>> response = bandreject(8000, center_hz=50.0, q=10.0).frequency_response(50.0, 8000)
    >>> abs(complex(response)) < 1e-9
    True
    """
    frequency, w0 = angle(center_hz, sample_rate, "center_hz")
    alpha = Width(q, bandwidth_octaves, bandwidth_hz).settled(None).alpha(w0, frequency)
    c = maths(w0).cos(w0)
    return biquad_from(1.0, -2 * c, 1.0, 1 + alpha, -2 * c, 1 - alpha)


def allpass(
    sample_rate: float,
    *,
    center_hz: Value,
    q: Value | None = None,
    bandwidth_octaves: Value | None = None,
    bandwidth_hz: Value | None = None,
    poles: int = 2,
) -> Biquad:
    """Design the filter of `audiolab.effects.allpass`, whose parameters it shares.

    Parameters
    ----------
    sample_rate : float
        Sample rate in Hz.
    center_hz : float or Tensor
        Centre in Hz.
    q, bandwidth_octaves, bandwidth_hz : float or Tensor, optional
        Width, in one unit.
    poles : {2, 1}, default: 2
        Order.

    Returns
    -------
    Biquad
        Coefficients.

    Examples
    --------
    >>> response = allpass(8000, center_hz=500.0, q=1.0).frequency_response(123.0, 8000)
    >>> round(abs(complex(response)), 9)
    1.0
    """
    frequency, w0 = angle(center_hz, sample_rate, "center_hz")
    width = Width(q, bandwidth_octaves, bandwidth_hz)
    if _poles(poles) == 1:
        _no_width(width, "allpass")
        p = maths(w0).exp(-w0)
        return biquad_from(p, -1.0, 0 * p, 1.0, -p, 0 * p)
    alpha = width.settled(None).alpha(w0, frequency)
    c = maths(w0).cos(w0)
    return biquad_from(1 - alpha, -2 * c, 1 + alpha, 1 + alpha, -2 * c, 1 - alpha)


def band(
    sample_rate: float,
    *,
    center_hz: Value,
    q: Value | None = None,
    bandwidth_octaves: Value | None = None,
    bandwidth_hz: Value | None = None,
    unpitched: bool = False,
) -> Biquad:
    """Design the filter of `audiolab.effects.band`, whose parameters it shares.

    Parameters
    ----------
    sample_rate : float
        Sample rate in Hz.
    center_hz : float or Tensor
        Centre in Hz.
    q, bandwidth_octaves, bandwidth_hz : float or Tensor, optional
        Width, in one unit; half the centre by default.
    unpitched : bool, default: False
        The mode for noise.

    Returns
    -------
    Biquad
        Coefficients.

    Examples
    --------
    >>> band(8000, center_hz=1000.0).b.tolist()[1:]
    [0.0, 0.0]
    """
    frequency, w0 = angle(center_hz, sample_rate, "center_hz")
    width = Width(q, bandwidth_octaves, bandwidth_hz).settled(Width(q=2.0))
    exponent = -2 * math.pi * width.hertz(frequency) / sample_rate
    a2 = maths(exponent).exp(exponent)
    a1 = -4 * a2 / (1 + a2) * maths(w0).cos(w0)
    if unpitched:
        power = ((1 + a2) * (1 + a2) - a1 * a1) * (1 - a2) / (1 + a2)
        gain = maths(power).sqrt(power)
    else:
        power = 1 - a1 * a1 / (4 * a2)
        gain = maths(power).sqrt(power) * (1 - a2)
    return biquad_from(gain, 0 * gain, 0 * gain, 1.0, a1, a2)
