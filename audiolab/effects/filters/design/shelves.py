"""Designs that raise or lower a part of the spectrum.

Reference: R. Bristow-Johnson, "Cookbook formulae for audio EQ biquad filter coefficients".
"""

from __future__ import annotations

from audiolab.effects.filters._parameters import Value, checked, maths
from audiolab.effects.filters._widths import Width
from audiolab.effects.filters.design._biquad import Biquad, angle, biquad_from

__all__ = ["bass", "equalizer", "treble"]


HALF_SLOPE = Width(slope=0.5)


def equalizer(
    sample_rate: float,
    *,
    center_hz: Value,
    gain_db: Value,
    q: Value | None = None,
    bandwidth_octaves: Value | None = None,
    bandwidth_hz: Value | None = None,
) -> Biquad:
    """Design the filter of `audiolab.effects.equalizer`, whose parameters it shares.

    Parameters
    ----------
    sample_rate : float
        Sample rate in Hz.
    center_hz : float or Tensor
        Centre in Hz.
    gain_db : float or Tensor
        Gain at the centre in dB.
    q, bandwidth_octaves, bandwidth_hz : float or Tensor, optional
        Width, in one unit.

    Returns
    -------
    Biquad
        Coefficients.

    Examples
    --------
    >>> peak = equalizer(8000, center_hz=1000.0, gain_db=20.0, q=2.0)
    >>> round(abs(complex(peak.frequency_response(1000.0, 8000))), 9)
    10.0
    """
    frequency, w0 = angle(center_hz, sample_rate, "center_hz")
    A = 10.0 ** (checked(gain_db, "gain_db") / 40.0)
    alpha = Width(q, bandwidth_octaves, bandwidth_hz).settled(None).alpha(w0, frequency, A)
    c = maths(w0).cos(w0)
    return biquad_from(1 + alpha * A, -2 * c, 1 - alpha * A, 1 + alpha / A, -2 * c, 1 - alpha / A)


def bass(
    sample_rate: float,
    *,
    gain_db: Value,
    center_hz: Value = 100.0,
    slope: Value | None = None,
    q: Value | None = None,
    bandwidth_octaves: Value | None = None,
    bandwidth_hz: Value | None = None,
) -> Biquad:
    """Design the filter of `audiolab.effects.bass`, whose parameters it shares.

    Parameters
    ----------
    sample_rate : float
        Sample rate in Hz.
    gain_db : float or Tensor
        Gain at 0 Hz in dB.
    center_hz : float or Tensor, default: 100
        Where half the decibels are reached, in Hz.
    slope, q, bandwidth_octaves, bandwidth_hz : float or Tensor, optional
        Width, in one unit; a slope of 0.5 by default.

    Returns
    -------
    Biquad
        Coefficients.

    Examples
    --------
    >>> shelf = bass(8000, gain_db=20.0)
    >>> round(abs(complex(shelf.frequency_response(0.0, 8000))), 6)
    10.0
    """
    return _shelf(
        sample_rate, gain_db, center_hz, Width(q, bandwidth_octaves, bandwidth_hz, slope), 1
    )


def treble(
    sample_rate: float,
    *,
    gain_db: Value,
    center_hz: Value = 3000.0,
    slope: Value | None = None,
    q: Value | None = None,
    bandwidth_octaves: Value | None = None,
    bandwidth_hz: Value | None = None,
) -> Biquad:
    """Design the filter of `audiolab.effects.treble`, whose parameters it shares.

    Parameters
    ----------
    sample_rate : float
        Sample rate in Hz.
    gain_db : float or Tensor
        Gain at the Nyquist frequency in dB.
    center_hz : float or Tensor, default: 3000
        Where half the decibels are reached, in Hz.
    slope, q, bandwidth_octaves, bandwidth_hz : float or Tensor, optional
        Width, in one unit; a slope of 0.5 by default.

    Returns
    -------
    Biquad
        Coefficients.

    Examples
    --------
    >>> shelf = treble(16_000, gain_db=-20.0)
    >>> round(abs(complex(shelf.frequency_response(8000.0, 16_000))), 6)
    0.1
    """
    width = Width(q, bandwidth_octaves, bandwidth_hz, slope)
    return _shelf(sample_rate, gain_db, center_hz, width, -1)


def _shelf(sample_rate: float, gain_db: Value, center_hz: Value, width: Width, side: int) -> Biquad:
    # A treble shelf is a bass shelf mirrored at a quarter of the rate: z becomes -z.
    frequency, w0 = angle(center_hz, sample_rate, "center_hz")
    A = 10.0 ** (checked(gain_db, "gain_db") / 40.0)
    alpha = width.settled(HALF_SLOPE, slopes=True).alpha(w0, frequency, A)
    c = side * maths(w0).cos(w0)
    root = 2 * A**0.5 * alpha
    return biquad_from(
        A * ((A + 1) - (A - 1) * c + root),
        side * 2 * A * ((A - 1) - (A + 1) * c),
        A * ((A + 1) - (A - 1) * c - root),
        (A + 1) + (A - 1) * c + root,
        side * -2 * ((A - 1) + (A + 1) * c),
        (A + 1) + (A - 1) * c - root,
    )
