"""The two mel scales in use, from hertz and back.

HTK's is ``2595 log10(1 + f / 700)`` (O'Shaughnessy 1987). Slaney's is linear at 3 mel per 200 Hz
up to 1 kHz and then logarithmic at 27 mel per factor of 6.4 (Auditory Toolbox, 1998). Kaldi's
``1127 ln(1 + f / 700)`` is HTK's but for a factor, which triangles cancel. Left out: Bark and ERB.
"""

from __future__ import annotations

import math

import torch

from audiolab._validation import check_choice

__all__ = ["hz_to_mel", "mel_to_hz"]

_HTK_FACTOR = 2595.0 / math.log(10.0)
_SLANEY_BREAK_HZ = 1000.0
_SLANEY_HZ_PER_MEL = 200.0 / 3.0
_SLANEY_LOG_STEP = math.log(6.4) / 27.0


def hz_to_mel(frequency_hz: torch.Tensor, *, mel_scale: str = "slaney") -> torch.Tensor:
    """Convert frequencies to mel.

    Parameters
    ----------
    frequency_hz : Tensor
        Frequencies in Hz, >= 0.
    mel_scale : {"slaney", "htk"}, default: "slaney"
        Scale.

    Returns
    -------
    Tensor
        Mel values, of the same shape.

    Examples
    --------
    >>> import torch
    >>> from audiolab.features import hz_to_mel
    >>> hz_to_mel(torch.tensor([500.0, 1000.0]))
    tensor([ 7.5000, 15.0000])
    """
    check_choice(mel_scale, "mel_scale", ("slaney", "htk"))
    if mel_scale == "htk":
        return _HTK_FACTOR * torch.log1p(frequency_hz / 700.0)
    linear = frequency_hz / _SLANEY_HZ_PER_MEL
    ratio = frequency_hz.clamp_min(_SLANEY_BREAK_HZ) / _SLANEY_BREAK_HZ
    bent = _SLANEY_BREAK_HZ / _SLANEY_HZ_PER_MEL + ratio.log() / _SLANEY_LOG_STEP
    return torch.where(frequency_hz < _SLANEY_BREAK_HZ, linear, bent)


def mel_to_hz(mel: torch.Tensor, *, mel_scale: str = "slaney") -> torch.Tensor:
    """Convert mel values to frequencies.

    Parameters
    ----------
    mel : Tensor
        Mel values.
    mel_scale : {"slaney", "htk"}, default: "slaney"
        Scale.

    Returns
    -------
    Tensor
        Frequencies in Hz, of the same shape.

    Examples
    --------
    >>> import torch
    >>> from audiolab.features import mel_to_hz
    >>> mel_to_hz(torch.tensor([7.5, 15.0])).round()
    tensor([ 500., 1000.])
    """
    check_choice(mel_scale, "mel_scale", ("slaney", "htk"))
    if mel_scale == "htk":
        return 700.0 * torch.expm1(mel / _HTK_FACTOR)
    break_mel = _SLANEY_BREAK_HZ / _SLANEY_HZ_PER_MEL
    bent = _SLANEY_BREAK_HZ * torch.exp(_SLANEY_LOG_STEP * (mel - break_mel))
    return torch.where(mel < break_mel, mel * _SLANEY_HZ_PER_MEL, bent)
