"""Gain, volume and offset: one multiplication or addition, with SoX's simple limiters.

All of it is pointwise but for measuring: normalising and balancing look at an item's peak or RMS
over its channels first. Gradients reach the samples and the parameters, through the measurements
too. Nothing is clipped.

Reference: manual page sox(1), ``gain``, ``norm``, ``vol``, ``dcshift``.
"""

from __future__ import annotations

import math
from typing import Literal

import torch

from audiolab._validation import check_choice, check_range, check_waveform
from audiolab.effects._ranges import bounded

__all__ = ["dcshift", "gain", "norm", "vol"]

Balance = Literal["peak", "rms", "rms_protected"]
VolumeKind = Literal["amplitude", "power", "dB"]

_BALANCES = ("peak", "rms", "rms_protected")
_KINDS = ("amplitude", "power", "dB")


def gain(
    waveform: torch.Tensor,
    gain_db: float | torch.Tensor = 0.0,
    *,
    normalize: bool = False,
    balance: Balance | None = None,
    limiter: bool = False,
) -> torch.Tensor:
    r"""Amplify by decibels; before that, normalise or balance channels where asked.

    Parameters
    ----------
    waveform : Tensor
        Samples ``(..., channels, time)``, or ``(time,)``.
    gain_db : float or Tensor, default: 0.0
        Gain in dB, a value an item or a channel if it is a tensor. Applied last.
    normalize : bool, default: False
        Scale each item so that the peak over its channels is 1. Silence stays silence.
    balance : {"peak", "rms", "rms_protected"}, optional
        Scale the channels of each item to the highest of their peaks or RMS levels.
        ``"rms_protected"`` then attenuates all channels of an item whose peak went beyond 1.
    limiter : bool, default: False
        Bend the amplification so that 1 stays 1:
        ``y = g x / (1 + (g - 1) |x|)``. Any input within [-1, 1] stays there.

    Returns
    -------
    Tensor
        Shape and dtype of the input.

    Raises
    ------
    ValueError
        `balance` is none of the three, or `gain_db` does not fit the waveform.

    Notes
    -----
    :math:`g = 10^{G/20}`. SoX's ``gain`` with ``-n``, ``-e`` (peak), ``-B`` (rms), ``-b`` (rms
    protected) and ``-l``. Head-room (``-h``, ``-r``) belongs to chains: see ``EffectsChain``.

    Examples
    --------
    >>> import torch
    >>> from audiolab.effects import gain
    >>> gain(torch.tensor([0.1, -0.5]), -6.0)
    tensor([ 0.0501, -0.2506])
    >>> gain(torch.tensor([[0.1, -0.5], [0.2, 0.25]]), normalize=True)
    tensor([[ 0.2000, -1.0000],
            [ 0.4000,  0.5000]])
    """
    check_waveform(waveform)
    if not (isinstance(gain_db, torch.Tensor) or normalize or balance or limiter):
        return waveform * math.pow(10.0, check_range(gain_db, "gain_db", unit="dB") / 20.0)
    amplitude = 10.0 ** (bounded(gain_db, waveform, "gain_db", unit="dB") / 20.0)
    if balance is not None:
        check_choice(balance, "balance", _BALANCES)
    factor = amplitude[..., None]
    if (normalize or balance) and waveform.shape[-1]:
        base = level_factor(waveform, normalize=normalize, balance=balance)
        if limiter:
            waveform = waveform * base.to(waveform.dtype)
        else:
            factor = factor * base
    if limiter:
        return limit_gain(waveform, factor)
    return waveform * factor.to(waveform.dtype)


class Levels:
    """Peak and root mean square of every row, measured block by block."""

    def __init__(self) -> None:
        self._low: torch.Tensor | None = None
        self._high: torch.Tensor | None = None
        self._squares: torch.Tensor | None = None

    def add(self, waveform: torch.Tensor, *, squares: bool = True) -> None:
        """Take the next samples, at least one; without `squares`, measure the peaks alone."""
        # Neither tensor of magnitudes is kept: the two ends of the range say the same.
        low, high = waveform.amin(dim=-1, keepdim=True), waveform.amax(dim=-1, keepdim=True)
        self._low = low if self._low is None else torch.minimum(self._low, low)
        self._high = high if self._high is None else torch.maximum(self._high, high)
        if squares:
            norms = torch.linalg.vector_norm(waveform, dim=-1, keepdim=True, dtype=torch.float64)
            self._squares = norms if self._squares is None else torch.hypot(self._squares, norms)

    def factor(
        self,
        *,
        normalize: bool = False,
        balance: Balance | None = None,
        at_most: float | None = None,
    ) -> torch.Tensor:
        """Return the factor of each row that balancing, normalising or reclaiming asks for.

        `at_most` is SoX's ``-r``: the factor that would bring the peak to 1, but not more than
        that.
        """
        assert self._low is not None
        assert self._high is not None
        peak = torch.maximum(self._high, -self._low).double()
        factor = torch.ones_like(peak)

        def over_channels(values: torch.Tensor) -> torch.Tensor:
            return values.amax(dim=-2, keepdim=True) if values.ndim > 1 else values

        if balance == "peak":
            factor = _ratio(over_channels(peak), peak)
        elif balance is not None:
            assert self._squares is not None
            factor = _ratio(over_channels(self._squares), self._squares)
        highest = over_channels(factor * peak)
        if normalize:
            factor = factor * _ratio(torch.ones_like(highest), highest)
        elif balance == "rms_protected":
            factor = factor / highest.clamp_min(1.0)
        if at_most is not None:
            factor = factor * _ratio(torch.ones_like(highest), highest).clamp_max(at_most)
        return factor


def level_factor(
    waveform: torch.Tensor,
    *,
    normalize: bool = False,
    balance: Balance | None = None,
    at_most: float | None = None,
) -> torch.Tensor:
    """Return the factor of each row that balancing, normalising or reclaiming asks for."""
    levels = Levels()
    levels.add(waveform, squares=balance not in (None, "peak"))
    return levels.factor(normalize=normalize, balance=balance, at_most=at_most)


def _ratio(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Return ``one / other``, and 1 where `other` is silence."""
    silent = other == 0
    return torch.where(silent, 1.0, one / torch.where(silent, 1.0, other))


def limit_gain(waveform: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """Amplify along the curve that maps 1 to 1."""
    factor = factor.to(waveform.dtype)
    return (factor * waveform).div_(waveform.abs().mul_(factor - 1.0).add_(1.0))


def norm(waveform: torch.Tensor, level_db: float | torch.Tensor = 0.0) -> torch.Tensor:
    """Scale each item so that the peak over its channels has a given level.

    Parameters
    ----------
    waveform : Tensor
        Samples ``(..., channels, time)``, or ``(time,)``.
    level_db : float or Tensor, default: 0.0
        Level of the peak in dB relative to 1, a value an item if it is a tensor.

    Returns
    -------
    Tensor
        Shape and dtype of the input; silence stays silence.

    Raises
    ------
    ValueError
        `level_db` does not fit the waveform.

    Notes
    -----
    SoX's ``norm``, which is its ``gain -n``.

    Examples
    --------
    >>> import torch
    >>> from audiolab.effects import norm
    >>> norm(torch.tensor([0.1, -0.25]), -20.0)
    tensor([ 0.0400, -0.1000])
    """
    bounded(level_db, waveform, "level_db", unit="dB")
    return gain(waveform, level_db, normalize=True)


def vol(
    waveform: torch.Tensor,
    gain: float | torch.Tensor,
    *,
    kind: VolumeKind = "amplitude",
    limiter_gain: float | None = None,
) -> torch.Tensor:
    r"""Change the volume by a factor, a ratio of powers or decibels.

    Parameters
    ----------
    waveform : Tensor
        Samples ``(..., time)``.
    gain : float or Tensor
        How much, a value an item if it is a tensor. A negative amplitude or power inverts.
    kind : {"amplitude", "power", "dB"}
        What `gain` is.
    limiter_gain : float, optional
        Slope above the limiter's threshold, in (0, 1): 0.05 say. The threshold is where a line of
        that slope through (1, 1) meets the amplified signal. Needs an amplification.

    Returns
    -------
    Tensor
        Shape and dtype of the input.

    Raises
    ------
    ValueError
        A limiter without amplification, or a slope outside (0, 1).

    Notes
    -----
    With amplitude :math:`g` and slope :math:`l`, samples beyond
    :math:`(1 - l) / (|g| - l)` become :math:`1 - l (1 - x)`. Like SoX's, the limiter does not
    invert: with a negative gain, limited samples keep their sign.

    Examples
    --------
    >>> import torch
    >>> from audiolab.effects import vol
    >>> vol(torch.tensor([0.1, -0.9]), 2.0, limiter_gain=0.05)
    tensor([ 0.2000, -0.9950])
    """
    check_waveform(waveform)
    check_choice(kind, "kind", _KINDS)
    value = bounded(gain, waveform, "gain")
    if kind == "power":
        amplitude = torch.sign(value) * value.abs().sqrt()
    elif kind == "dB":
        amplitude = 10.0 ** (value / 20.0)
    else:
        amplitude = value
    factor = amplitude[..., None].to(waveform.dtype)
    if limiter_gain is None:
        return waveform * factor
    if not 0.0 < limiter_gain < 1.0:
        raise ValueError(f"limiter_gain must be between 0 and 1, both excluded, got {limiter_gain}")
    if amplitude.numel() and float(amplitude.detach().abs().min()) < 1.0:
        raise ValueError("limiter_gain needs an amplification: an amplitude of at least 1")
    if bool((factor > 0).all()):
        # A line of slope l, and what is left of the gain up to where both meet.
        most = 1.0 - limiter_gain
        within = (waveform * (factor - limiter_gain)).clamp(-most, most)
        return torch.add(within, waveform, alpha=limiter_gain)
    threshold = (1.0 - limiter_gain) / (factor.abs() - limiter_gain)
    limited = torch.copysign(1.0 - limiter_gain * (1.0 - waveform.abs()), waveform)
    return torch.where(waveform.abs() > threshold, limited, waveform * factor)


def dcshift(
    waveform: torch.Tensor,
    shift: float | torch.Tensor,
    *,
    limiter_gain: float | None = None,
) -> torch.Tensor:
    r"""Add an offset.

    Parameters
    ----------
    waveform : Tensor
        Samples ``(..., time)``.
    shift : float or Tensor
        What is added, a value an item if it is a tensor; usually within ±2.
    limiter_gain : float, optional
        Head-room of the limiter, 0.05 say: samples on the side of the shift beyond
        :math:`1 - (|s| - l)` become that threshold.

    Returns
    -------
    Tensor
        Shape and dtype of the input.

    Raises
    ------
    ValueError
        A parameter is not finite or does not fit the waveform.

    Notes
    -----
    The manual of SoX describes a slope above the threshold. The program holds the threshold: the
    slope is divided by 2**31. So does this function.

    Examples
    --------
    >>> import torch
    >>> from audiolab.effects import dcshift
    >>> dcshift(torch.tensor([-0.5, 0.1, 0.9]), 0.25)
    tensor([-0.2500,  0.3500,  1.1500])
    """
    check_waveform(waveform)
    offset = bounded(shift, waveform, "shift")[..., None].to(waveform.dtype)
    shifted = waveform + offset
    if limiter_gain is None:
        return shifted
    room = bounded(limiter_gain, waveform, "limiter_gain")[..., None].to(waveform.dtype)
    threshold = 1.0 - (offset.abs() - room)
    if not isinstance(shift, torch.Tensor):
        # One side for all; a shift of zero limits nothing.
        beyond = waveform > threshold if shift > 0.0 else waveform < -threshold
        held = threshold if shift > 0.0 else -threshold
        return torch.where(beyond, held, shifted) if shift else shifted
    side = torch.sign(offset)
    return torch.where(waveform * side > threshold, side * threshold, shifted)
