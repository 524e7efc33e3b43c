"""Pointwise curves that make sound louder and richer in harmonics: contrast and overdrive.

Reference: manual page sox(1), ``contrast`` and ``overdrive``.
"""

from __future__ import annotations

import math

import torch

from audiolab._validation import check_waveform
from audiolab.effects._ranges import bounded
from audiolab.effects._recurrences import iir

__all__ = ["contrast", "overdrive"]

#: Pole of the filter that takes the offset out of an overdriven signal.
_POLE = 0.995


def contrast(waveform: torch.Tensor, amount: float | torch.Tensor = 75.0) -> torch.Tensor:
    r"""Make sound louder by a curve that is steep around zero.

    Parameters
    ----------
    waveform : Tensor
        Samples ``(..., time)``, nominal [-1, 1].
    amount : float or Tensor, default: 75.0
        Strength, 0 to 100, a value an item if it is a tensor. 0 still enhances.

    Returns
    -------
    Tensor
        Shape and dtype of the input.

    Raises
    ------
    ValueError
        `amount` is outside 0 to 100.

    Notes
    -----
    :math:`y = \sin(t + c \sin 4t)` with :math:`t = \pi x / 2` and :math:`c = \mathrm{amount}/750`.

    Examples
    --------
    >>> import torch
    >>> from audiolab.effects import contrast
    >>> contrast(torch.tensor([0.0, 0.25, 1.0]))
    tensor([0.0000, 0.4730, 1.0000])
    """
    check_waveform(waveform)
    strength = (bounded(amount, waveform, "amount", 0.0, 100.0) / 750.0)[..., None]
    # In place: fresh memory costs as much as the arithmetic.
    bend = (waveform * (2.0 * math.pi)).sin_().mul_(strength.to(waveform.dtype))
    return bend.add_(waveform, alpha=math.pi / 2.0).sin_()


def overdrive(
    waveform: torch.Tensor,
    *,
    gain_db: float | torch.Tensor = 20.0,
    colour: float | torch.Tensor = 20.0,
) -> torch.Tensor:
    r"""Distort like an amplifier that is driven too hard.

    Parameters
    ----------
    waveform : Tensor
        Samples ``(..., time)``, nominal [-1, 1].
    gain_db : float or Tensor, default: 20.0
        Gain into the distortion in dB, 0 to 100, a value an item if it is a tensor.
    colour : float or Tensor, default: 20.0
        Amount of even harmonics, 0 to 100, a value an item if it is a tensor.

    Returns
    -------
    Tensor
        Shape and dtype of the input.

    Raises
    ------
    ValueError
        A parameter is outside 0 to 100.

    Notes
    -----
    :math:`u = g x + \mathrm{colour}/200` goes through :math:`u - u^3/3`, held at ±2/3 beyond ±1;
    a first-order high-pass with pole 0.995 removes the offset, and
    :math:`y = x/2 + 3/4 \cdot \mathrm{highpass}(\cdot)`. The curve is smooth, so gradients reach
    samples, gain and colour.

    Examples
    --------
    >>> import torch
    >>> from audiolab.effects import overdrive
    >>> loud = overdrive(torch.randn(2, 16_000) * 0.1, gain_db=torch.tensor([10.0, 30.0]))
    >>> loud.shape
    torch.Size([2, 16000])
    """
    return overdrive_with_state(waveform, gain_db, colour, None)[0]


def overdrive_with_state(
    waveform: torch.Tensor,
    gain_db: float | torch.Tensor,
    colour: float | torch.Tensor,
    state: torch.Tensor | None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Overdrive a stretch of a stream; the state is that of the high-pass."""
    check_waveform(waveform)
    factor = 10.0 ** (bounded(gain_db, waveform, "gain_db", 0.0, 100.0) / 20.0)
    offset = bounded(colour, waveform, "colour", 0.0, 100.0) / 200.0
    dtype = waveform.dtype
    # In place where nothing is kept for gradients: fresh memory costs as much as arithmetic.
    held = (waveform * factor[..., None].to(dtype)).add_(offset[..., None].to(dtype))
    held = held.clamp_(-1.0, 1.0)
    bent = held.square().mul_(-1.0 / 3.0).add_(1.0) * held
    high = torch.tensor([1.0, -1.0], dtype=torch.float64)
    pole = torch.tensor([-_POLE], dtype=torch.float64)
    # What is added to the first sample: nothing has passed before it.
    blocked, state = iir(bent, high, pole, state)
    return (0.75 * blocked).add_(waveform, alpha=0.5), state
