"""Filters without knobs, and the one that is nothing but knobs.

De-emphasis of old compact discs, equalisation of records, and a biquad by its coefficients.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from audiolab._validation import check_waveform
from audiolab.effects.filters import design
from audiolab.effects.filters._run import run_biquad

__all__ = ["biquad", "deemph", "riaa"]


def biquad(
    waveform: torch.Tensor,
    *,
    b: Sequence[float] | torch.Tensor,
    a: Sequence[float] | torch.Tensor,
) -> torch.Tensor:
    """Run a second-order recursion with given coefficients: SoX's ``biquad``.

    ``a0 y[n] = b0 x[n] + b1 x[n-1] + b2 x[n-2] - a1 y[n-1] - a2 y[n-2]``, from a state of rest.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(..., time)``.
    b : sequence of 3 floats, or Tensor
        Numerator ``b0, b1, b2``. A tensor ``(..., 3)`` has coefficients for each item; its shape
        before the last dimension is a prefix of ``waveform.shape[:-1]``.
    a : sequence of 3 floats, or Tensor
        Denominator ``a0, a1, a2`` likewise. ``a0`` must not be 0.

    Returns
    -------
    Tensor
        Filtered samples, of the same shape and dtype.

    Raises
    ------
    ValueError
        If there are not three coefficients each, their shapes do not fit, or ``a0`` is 0.

    Notes
    -----
    Nothing keeps the filter stable: poles outside the unit circle make it grow without bounds.
    Gradients reach the samples and the coefficients.

    Examples
    --------
    >>> import torch
    >>> biquad(torch.eye(1, 4), b=[1.0, 0.0, 0.0], a=[1.0, -0.5, 0.0])
    tensor([[1.0000, 0.5000, 0.2500, 0.1250]])
    """
    check_waveform(waveform)
    numerator, denominator = (_three(each, waveform, name) for each, name in ((b, "b"), (a, "a")))
    first = denominator[..., :1]
    if bool((first.detach() == 0).any()):
        raise ValueError("a0 must not be 0")
    return run_biquad(waveform, design.Biquad(numerator / first, denominator / first))


def _three(
    values: Sequence[float] | torch.Tensor, waveform: torch.Tensor, name: str
) -> torch.Tensor:
    tensor = torch.as_tensor(values, dtype=torch.float64, device=waveform.device)
    leading = waveform.shape[:-1]
    given = tensor.shape[:-1]
    if (
        tensor.shape[-1:] != (3,)
        or len(given) > len(leading)
        or any(size not in (1, lead) for size, lead in zip(given, leading, strict=False))
    ):
        raise ValueError(
            f"{name} must be three coefficients, or a tensor (..., 3) whose other dimensions are a "
            f"prefix of {tuple(leading)}, got shape {tuple(tensor.shape)}"
        )
    return tensor.reshape(given + (1,) * (len(leading) - len(given)) + (3,))


def deemph(waveform: torch.Tensor, sample_rate: float) -> torch.Tensor:
    """Undo the pre-emphasis of early compact discs: SoX's ``deemph``.

    A treble shelf that is nearest to the curve of IEC 60908 (50 and 15 microseconds), within
    0.06 dB up to 20 kHz: 5283 Hz, slope 0.4845, -9.477 dB at 44.1 kHz; 5356 Hz, slope 0.479,
    -9.62 dB at 48 kHz.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(..., time)``.
    sample_rate : float
        44100 or 48000 Hz.

    Returns
    -------
    Tensor
        Filtered samples, of the same shape and dtype.

    Raises
    ------
    ValueError
        If the rate is another one.

    Examples
    --------
    >>> import torch
    >>> deemph(torch.ones(1, 4000), 44_100)[0, -1].round(decimals=4)
    tensor(1.)
    """
    check_waveform(waveform)
    return run_biquad(waveform, design.deemph(sample_rate))


def riaa(waveform: torch.Tensor, sample_rate: float) -> torch.Tensor:
    """Equalise a record as a phono stage does: SoX's ``riaa``.

    Two real zeros and two real poles for each rate, for the time constants 3180, 318 and 75
    microseconds of IEC 60098: 0 dB at 1 kHz, and from 20 Hz to 20 kHz within 0.1 dB of the standard
    at 88.2 and 96 kHz, 0.3 dB at 48 kHz and 0.5 dB at 44.1 kHz.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(..., time)``.
    sample_rate : float
        44100, 48000, 88200 or 96000 Hz.

    Returns
    -------
    Tensor
        Filtered samples, of the same shape and dtype.

    Raises
    ------
    ValueError
        If the rate is another one: SoX's coefficients exist for these only.

    Examples
    --------
    >>> import torch
    >>> tone = torch.sin(2 * torch.pi * 1000 * torch.arange(48_000) / 48_000)
    >>> riaa(tone, 48_000)[-48:].abs().max().round(decimals=3)
    tensor(1.)
    """
    check_waveform(waveform)
    return run_biquad(waveform, design.riaa(sample_rate))
