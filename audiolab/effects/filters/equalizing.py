"""Filters that raise or lower a part of the spectrum: a parametric equaliser's three kinds.

One recursion of second order each; `audiolab.effects.filters.design` has the coefficients.
"""

from __future__ import annotations

import torch

from audiolab.effects.filters import design
from audiolab.effects.filters._parameters import Value
from audiolab.effects.filters._run import run_biquad, shaped

__all__ = ["bass", "equalizer", "treble"]


def equalizer(
    waveform: torch.Tensor,
    sample_rate: float,
    *,
    center_hz: Value,
    gain_db: Value,
    q: Value | None = None,
    bandwidth_octaves: Value | None = None,
    bandwidth_hz: Value | None = None,
) -> torch.Tensor:
    """Raise or lower what is around a frequency: SoX's ``equalizer``.

    With ``A = 10^(gain_db / 40)`` and ``c = cos(w0)``,

    ``((1 + alpha A) - 2c/z + (1 - alpha A)/z^2) / ((1 + alpha/A) - 2c/z + (1 - alpha/A)/z^2)``.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(..., time)``.
    sample_rate : float
        Sample rate in Hz.
    center_hz : float or Tensor
        Centre in Hz, above 0 and at most the Nyquist frequency.
    gain_db : float or Tensor
        Gain at the centre in dB.
    q : float or Tensor, optional
        Width as a Q factor, above 0. Exactly one width has to be given.
    bandwidth_octaves : float or Tensor, optional
        Width in octaves between the half-gain points.
    bandwidth_hz : float or Tensor, optional
        Width in Hz, as ``q = center_hz / bandwidth_hz``.

    Returns
    -------
    Tensor
        Filtered samples, of the same shape and dtype.

    Raises
    ------
    ValueError
        If a frequency is not between 0 and the Nyquist frequency, a width is not
        positive, or not exactly one width is given.

    Notes
    -----
    A tensor among the parameters gives every item its own value: its shape is a prefix of
    ``waveform.shape[:-1]``. Gradients reach the samples and all continuous parameters. State and
    coefficients are float64 whatever the samples are.

    References
    ----------
    R. Bristow-Johnson, "Cookbook formulae for audio EQ biquad filter coefficients"; sox(1).

    Examples
    --------
    >>> import torch
    >>> tone = torch.sin(2 * torch.pi * 1000 * torch.arange(16_000) / 16_000)
    >>> louder = equalizer(tone, 16_000, center_hz=1000.0, gain_db=6.0, q=1.0)
    >>> louder[-16:].abs().max().round(decimals=2)
    tensor(2.)
    """
    parameters = shaped(
        waveform,
        center_hz=center_hz,
        gain_db=gain_db,
        q=q,
        bandwidth_octaves=bandwidth_octaves,
        bandwidth_hz=bandwidth_hz,
    )
    return run_biquad(waveform, design.equalizer(sample_rate, **parameters))


def bass(
    waveform: torch.Tensor,
    sample_rate: float,
    *,
    gain_db: Value,
    center_hz: Value = 100.0,
    slope: Value | None = None,
    q: Value | None = None,
    bandwidth_octaves: Value | None = None,
    bandwidth_hz: Value | None = None,
) -> torch.Tensor:
    """Raise or lower the low end of the spectrum: SoX's ``bass``.

    A shelf. With ``A = 10^(gain_db / 40)``, ``c = cos(w0)`` and ``r = 2 sqrt(A) alpha``, numerator
    ``A ((A+1) - (A-1)c + r), 2A ((A-1) - (A+1)c), A ((A+1) - (A-1)c - r)`` over denominator
    ``(A+1) + (A-1)c + r, -2 ((A-1) + (A+1)c), (A+1) + (A-1)c - r``.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(..., time)``.
    sample_rate : float
        Sample rate in Hz.
    gain_db : float or Tensor
        Gain at 0 Hz in dB; -20 to 20 is useful.
    center_hz : float or Tensor, default: 100
        Where half the decibels are reached, in Hz.
    slope : float or Tensor, optional
        Steepness, above 0 and at most 1, the steepest without a bump. Default: 0.5, if no other
        width is given.
    q : float or Tensor, optional
        Width as a Q factor, above 0.
    bandwidth_octaves : float or Tensor, optional
        Width in octaves between the shelf's points.
    bandwidth_hz : float or Tensor, optional
        Width in Hz, as ``q = center_hz / bandwidth_hz``.

    Returns
    -------
    Tensor
        Filtered samples, of the same shape and dtype.

    Raises
    ------
    ValueError
        If a frequency is not between 0 and the Nyquist frequency, a width is out of
        its range, or more than one width is given.

    Notes
    -----
    A tensor among the parameters gives every item its own value: its shape is a prefix of
    ``waveform.shape[:-1]``. Gradients reach the samples and all continuous parameters. State and
    coefficients are float64 whatever the samples are.

    References
    ----------
    R. Bristow-Johnson, "Cookbook formulae for audio EQ biquad filter coefficients"; sox(1).

    Examples
    --------
    >>> import torch
    >>> bass(torch.ones(1, 16_000), 16_000, gain_db=-20.0)[0, -1].round(decimals=4)
    tensor(0.1000)
    """
    parameters = shaped(
        waveform,
        gain_db=gain_db,
        center_hz=center_hz,
        slope=slope,
        q=q,
        bandwidth_octaves=bandwidth_octaves,
        bandwidth_hz=bandwidth_hz,
    )
    return run_biquad(waveform, design.bass(sample_rate, **parameters))


def treble(
    waveform: torch.Tensor,
    sample_rate: float,
    *,
    gain_db: Value,
    center_hz: Value = 3000.0,
    slope: Value | None = None,
    q: Value | None = None,
    bandwidth_octaves: Value | None = None,
    bandwidth_hz: Value | None = None,
) -> torch.Tensor:
    """Raise or lower the high end of the spectrum: SoX's ``treble``.

    A shelf. With ``A = 10^(gain_db / 40)``, ``c = cos(w0)`` and ``r = 2 sqrt(A) alpha``, numerator
    ``A ((A+1) + (A-1)c + r), -2A ((A-1) + (A+1)c), A ((A+1) + (A-1)c - r)`` over denominator
    ``(A+1) - (A-1)c + r, 2 ((A-1) - (A+1)c), (A+1) - (A-1)c - r``.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(..., time)``.
    sample_rate : float
        Sample rate in Hz.
    gain_db : float or Tensor
        Gain at the Nyquist frequency in dB; -20 to 20 is useful.
    center_hz : float or Tensor, default: 3000
        Where half the decibels are reached, in Hz.
    slope : float or Tensor, optional
        Steepness, above 0 and at most 1, the steepest without a bump. Default: 0.5, if no other
        width is given.
    q : float or Tensor, optional
        Width as a Q factor, above 0.
    bandwidth_octaves : float or Tensor, optional
        Width in octaves between the shelf's points.
    bandwidth_hz : float or Tensor, optional
        Width in Hz, as ``q = center_hz / bandwidth_hz``.

    Returns
    -------
    Tensor
        Filtered samples, of the same shape and dtype.

    Raises
    ------
    ValueError
        If a frequency is not between 0 and the Nyquist frequency, a width is out of
        its range, or more than one width is given.

    Notes
    -----
    A tensor among the parameters gives every item its own value: its shape is a prefix of
    ``waveform.shape[:-1]``. Gradients reach the samples and all continuous parameters. State and
    coefficients are float64 whatever the samples are.

    References
    ----------
    R. Bristow-Johnson, "Cookbook formulae for audio EQ biquad filter coefficients"; sox(1).

    Examples
    --------
    >>> import torch
    >>> treble(torch.ones(1, 16_000), 16_000, gain_db=-20.0)[0, -1].round(decimals=4)
    tensor(1.)
    """
    parameters = shaped(
        waveform,
        gain_db=gain_db,
        center_hz=center_hz,
        slope=slope,
        q=q,
        bandwidth_octaves=bandwidth_octaves,
        bandwidth_hz=bandwidth_hz,
    )
    return run_biquad(waveform, design.treble(sample_rate, **parameters))
