"""Filters that pass one side of a frequency.

One recursion of second order each; `audiolab.effects.filters.design` has the coefficients.
"""

from __future__ import annotations

import torch

from audiolab.effects.filters import design
from audiolab.effects.filters._parameters import Value
from audiolab.effects.filters._run import run_biquad, shaped

__all__ = ["highpass", "lowpass"]


def lowpass(
    waveform: torch.Tensor,
    sample_rate: float,
    *,
    cutoff_hz: Value,
    q: Value | None = None,
    bandwidth_octaves: Value | None = None,
    bandwidth_hz: Value | None = None,
    poles: int = 2,
) -> torch.Tensor:
    """Keep what is below a frequency: SoX's ``lowpass``.

    With two poles and ``c = cos(w0)``, ``w0 = 2 pi cutoff_hz / sample_rate``, in the z domain,

    ``H(z) = (1 - c) / 2 * (1 + 1/z)^2 / ((1 + alpha) - 2c/z + (1 - alpha)/z^2)``

    where ``alpha = sin(w0) / (2 q)``; 12 dB an octave. With one pole and ``p = exp(-w0)``,
    ``H(z) = (1 - p) / (1 - p/z)``; 6 dB an octave.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(..., time)``.
    sample_rate : float
        Sample rate in Hz.
    cutoff_hz : float or Tensor
        Frequency in Hz where the power is halved (at the default width), above 0 and at most
        the Nyquist frequency.
    q : float or Tensor, optional
        Width as a Q factor, above 0. Default: ``sqrt(1/2)``, Butterworth's.
    bandwidth_octaves : float or Tensor, optional
        Width in octaves between the -3 dB points.
    bandwidth_hz : float or Tensor, optional
        Width in Hz, as ``q = cutoff_hz / bandwidth_hz``.
    poles : {2, 1}, default: 2
        Order. A single pole has no width.

    Returns
    -------
    Tensor
        Filtered samples, of the same shape and dtype.

    Raises
    ------
    ValueError
        If a frequency is not between 0 and the Nyquist frequency, a width is not
        positive, more than one width is given, or `poles` is not 1 or 2.

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
    >>> lowpass(torch.ones(1, 8000), 16_000, cutoff_hz=1000.0)[0, -1].round(decimals=4)
    tensor(1.)
    """
    parameters = shaped(
        waveform,
        cutoff_hz=cutoff_hz,
        q=q,
        bandwidth_octaves=bandwidth_octaves,
        bandwidth_hz=bandwidth_hz,
    )
    return run_biquad(waveform, design.lowpass(sample_rate, **parameters, poles=poles))


def highpass(
    waveform: torch.Tensor,
    sample_rate: float,
    *,
    cutoff_hz: Value,
    q: Value | None = None,
    bandwidth_octaves: Value | None = None,
    bandwidth_hz: Value | None = None,
    poles: int = 2,
) -> torch.Tensor:
    """Keep what is above a frequency: SoX's ``highpass``.

    With two poles and ``c = cos(w0)``, ``w0 = 2 pi cutoff_hz / sample_rate``, in the z domain,

    ``H(z) = (1 + c) / 2 * (1 - 1/z)^2 / ((1 + alpha) - 2c/z + (1 - alpha)/z^2)``

    where ``alpha = sin(w0) / (2 q)``; 12 dB an octave. With one pole and ``p = exp(-w0)``,
    ``H(z) = (1 + p) / 2 * (1 - 1/z) / (1 - p/z)``; 6 dB an octave.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(..., time)``.
    sample_rate : float
        Sample rate in Hz.
    cutoff_hz : float or Tensor
        Frequency in Hz where the power is halved (at the default width), above 0 and at most
        the Nyquist frequency.
    q : float or Tensor, optional
        Width as a Q factor, above 0. Default: ``sqrt(1/2)``, Butterworth's.
    bandwidth_octaves : float or Tensor, optional
        Width in octaves between the -3 dB points.
    bandwidth_hz : float or Tensor, optional
        Width in Hz, as ``q = cutoff_hz / bandwidth_hz``.
    poles : {2, 1}, default: 2
        Order. A single pole has no width.

    Returns
    -------
    Tensor
        Filtered samples, of the same shape and dtype.

    Raises
    ------
    ValueError
        If a frequency is not between 0 and the Nyquist frequency, a width is not
        positive, more than one width is given, or `poles` is not 1 or 2.

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
    >>> highpass(torch.ones(1, 8000), 16_000, cutoff_hz=1000.0)[0, -1].abs() < 1e-6
    tensor(True)
    """
    parameters = shaped(
        waveform,
        cutoff_hz=cutoff_hz,
        q=q,
        bandwidth_octaves=bandwidth_octaves,
        bandwidth_hz=bandwidth_hz,
    )
    return run_biquad(waveform, design.highpass(sample_rate, **parameters, poles=poles))
