"""Filters around a centre: what is there passes, is stopped, rings, or turns its phase.

One recursion of second order each; `audiolab.effects.filters.design` has the coefficients.
"""

from __future__ import annotations

import torch

from audiolab.effects.filters import design
from audiolab.effects.filters._parameters import Value
from audiolab.effects.filters._run import run_biquad, shaped

__all__ = ["allpass", "band", "bandpass", "bandreject"]


def bandpass(
    waveform: torch.Tensor,
    sample_rate: float,
    *,
    center_hz: Value,
    q: Value | None = None,
    bandwidth_octaves: Value | None = None,
    bandwidth_hz: Value | None = None,
    constant_skirt: bool = False,
) -> torch.Tensor:
    """Keep what is around a frequency: SoX's ``bandpass``.

    ``H(z) = alpha (1 - 1/z^2) / ((1 + alpha) - 2 cos(w0)/z + (1 - alpha)/z^2)``, whose peak is 1;
    with `constant_skirt` the leading alpha is ``sin(w0) / 2`` and the peak Q. 6 dB an octave on
    either side.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(..., time)``.
    sample_rate : float
        Sample rate in Hz.
    center_hz : float or Tensor
        Centre in Hz, above 0 and at most the Nyquist frequency.
    q : float or Tensor, optional
        Width as a Q factor, above 0. Exactly one width has to be given.
    bandwidth_octaves : float or Tensor, optional
        Width in octaves between the -3 dB points.
    bandwidth_hz : float or Tensor, optional
        Width in Hz, as ``q = center_hz / bandwidth_hz``.
    constant_skirt : bool, default: False
        Keep the slopes where they are when the width changes, and let the peak be Q: ``-c``.

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
    >>> bandpass(torch.ones(1, 8000), 16_000, center_hz=500.0, q=1.0)[0, -1].abs() < 1e-6
    tensor(True)
    """
    parameters = shaped(
        waveform,
        center_hz=center_hz,
        q=q,
        bandwidth_octaves=bandwidth_octaves,
        bandwidth_hz=bandwidth_hz,
    )
    return run_biquad(
        waveform, design.bandpass(sample_rate, **parameters, constant_skirt=constant_skirt)
    )


def bandreject(
    waveform: torch.Tensor,
    sample_rate: float,
    *,
    center_hz: Value,
    q: Value | None = None,
    bandwidth_octaves: Value | None = None,
    bandwidth_hz: Value | None = None,
) -> torch.Tensor:
    """Remove what is around a frequency, a notch: SoX's ``bandreject``.

    ``H(z) = (1 - 2 cos(w0)/z + 1/z^2) / ((1 + alpha) - 2 cos(w0)/z + (1 - alpha)/z^2)``.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(..., time)``.
    sample_rate : float
        Sample rate in Hz.
    center_hz : float or Tensor
        Centre in Hz, above 0 and at most the Nyquist frequency.
    q : float or Tensor, optional
        Width as a Q factor, above 0. Exactly one width has to be given.
    bandwidth_octaves : float or Tensor, optional
        Width in octaves between the -3 dB points.
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
    >>> hum = torch.sin(2 * torch.pi * 50 * torch.arange(16_000) / 16_000)
    >>> bandreject(hum, 16_000, center_hz=50.0, q=1.0)[-100:].abs().max() < 1e-3
    tensor(True)
    """
    parameters = shaped(
        waveform,
        center_hz=center_hz,
        q=q,
        bandwidth_octaves=bandwidth_octaves,
        bandwidth_hz=bandwidth_hz,
    )
    return run_biquad(waveform, design.bandreject(sample_rate, **parameters))


def allpass(
    waveform: torch.Tensor,
    sample_rate: float,
    *,
    center_hz: Value,
    q: Value | None = None,
    bandwidth_octaves: Value | None = None,
    bandwidth_hz: Value | None = None,
    poles: int = 2,
) -> torch.Tensor:
    """Turn the phase and leave all magnitudes: SoX's ``allpass``.

    ``H(z) = ((1 - alpha) - 2c/z + (1 + alpha)/z^2) / ((1 + alpha) - 2c/z + (1 - alpha)/z^2)`` with
    ``c = cos(w0)``; the phase passes -180 degrees at the centre. With one pole and
    ``p = exp(-w0)``, ``H(z) = (p - 1/z) / (1 - p/z)``.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(..., time)``.
    sample_rate : float
        Sample rate in Hz.
    center_hz : float or Tensor
        Centre in Hz, above 0 and at most the Nyquist frequency.
    q : float or Tensor, optional
        Width as a Q factor, above 0. Two poles need exactly one width.
    bandwidth_octaves : float or Tensor, optional
        Width in octaves between the half-turn points.
    bandwidth_hz : float or Tensor, optional
        Width in Hz, as ``q = center_hz / bandwidth_hz``.
    poles : {2, 1}, default: 2
        Order. A single pole has no width. SoX's ``allpass -2`` without a width is ``q=0.5``.

    Returns
    -------
    Tensor
        Filtered samples, of the same shape and dtype.

    Raises
    ------
    ValueError
        If a frequency is not between 0 and the Nyquist frequency, a width is not
        positive, not exactly one width is given, or `poles` is not 1 or 2.

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
    >>> noise = torch.randn(1, 4000, dtype=torch.float64)
    >>> turned = allpass(torch.nn.functional.pad(noise, (0, 4000)), 8000, center_hz=500.0, q=1.0)
    >>> (turned.norm() / noise.norm()).round(decimals=6)
    tensor(1., dtype=torch.float64)
    """
    parameters = shaped(
        waveform,
        center_hz=center_hz,
        q=q,
        bandwidth_octaves=bandwidth_octaves,
        bandwidth_hz=bandwidth_hz,
    )
    return run_biquad(waveform, design.allpass(sample_rate, **parameters, poles=poles))


def band(
    waveform: torch.Tensor,
    sample_rate: float,
    *,
    center_hz: Value,
    q: Value | None = None,
    bandwidth_octaves: Value | None = None,
    bandwidth_hz: Value | None = None,
    unpitched: bool = False,
) -> torch.Tensor:
    """Let a resonance sound: SoX's ``band``.

    ``H(z) = g / (1 + a1/z + a2/z^2)`` with ``a2 = exp(-2 pi bandwidth_hz / sample_rate)`` and
    ``a1 = -4 a2 / (1 + a2) cos(w0)``; the gain is ``g = (1 - a2) sqrt(1 - a1^2 / (4 a2))``, for
    noise ``g = sqrt(((1 + a2)^2 - a1^2) (1 - a2) / (1 + a2))``, which keeps white noise's power.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(..., time)``.
    sample_rate : float
        Sample rate in Hz.
    center_hz : float or Tensor
        Centre in Hz, above 0 and at most the Nyquist frequency.
    q : float or Tensor, optional
        Width as a Q factor, above 0. Default: 2, half the centre.
    bandwidth_octaves : float or Tensor, optional
        Width in octaves between the edge points.
    bandwidth_hz : float or Tensor, optional
        Width in Hz, as ``q = center_hz / bandwidth_hz``.
    unpitched : bool, default: False
        The mode for sounds without pitch: ``-n``. Louder by about 11 dB.

    Returns
    -------
    Tensor
        Filtered samples, of the same shape and dtype.

    Raises
    ------
    ValueError
        If a frequency is not between 0 and the Nyquist frequency, a width is not
        positive, or more than one width is given.

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
    >>> rung = band(torch.eye(1, 400), 8000, center_hz=1000.0, bandwidth_hz=20.0)
    >>> torch.fft.rfft(rung).abs().argmax() * 8000 // 400
    tensor(1000)
    """
    parameters = shaped(
        waveform,
        center_hz=center_hz,
        q=q,
        bandwidth_octaves=bandwidth_octaves,
        bandwidth_hz=bandwidth_hz,
    )
    return run_biquad(waveform, design.band(sample_rate, **parameters, unpitched=unpitched))
