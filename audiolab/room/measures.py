r"""Measures of impulse responses: decay, reverberation times, clarity, direct over reverberant.

All of them start from Schroeder's backward integral, the energy that is still to come,

.. math:: E(t) = \int_t^\infty h^2(\tau)\, d\tau,

which is the mean decay of interrupted noise. Where the response begins is the direct sound as
`direct_sample` finds it. Left out: bands (filter the response first; `effects.bandpass`), and what
needs two ears.

References
----------
M. R. Schroeder, "New method of measuring reverberation time", J. Acoust. Soc. Am. 37, 1965,
409-412, doi:10.1121/1.1909343.
ISO 3382-1:2009, "Measurement of room acoustic parameters", part 1.
W. T. Chu, "Comparison of reverberation measurements using Schroeder's impulse method and
decay-curve averaging method", J. Acoust. Soc. Am. 63, 1978, 1444-1450, doi:10.1121/1.381889.
"""

from __future__ import annotations

import math
from typing import Literal

import torch

from audiolab._validation import (
    check_choice,
    check_positive,
    check_range,
    check_sample_rate,
    check_waveform,
)
from audiolab.units import seconds_to_samples

__all__ = [
    "check_rir",
    "clarity_db",
    "definition",
    "direct_sample",
    "direct_to_reverberant_db",
    "early_decay_time_s",
    "energy_decay_db",
    "reverberation_time_s",
]

_RANGES = {"T20": (-5.0, -25.0), "T30": (-5.0, -35.0)}
#: Decibels that a decay must go on for below the range it is measured over (ISO 3382-1, 5.3).
_HEADROOM_DB = 10.0


def check_rir(rir: torch.Tensor) -> torch.Tensor:
    """Return impulse responses ``(..., time)`` if they are finite and sound, else raise."""
    check_waveform(rir, "rir", allow_empty=False, finite=True)
    silent = (rir.detach() == 0).all(dim=-1)
    if bool(silent.any()):
        where = tuple(silent.nonzero()[0].tolist())
        raise ValueError(
            f"rir is silent{f' in row {where}' if where else ''}: it has no direct sound and no "
            "decay"
        )
    return rir


def direct_sample(
    rir: torch.Tensor, sample_rate: int, *, threshold_db: float = -20.0
) -> torch.Tensor:
    """Find the direct sound: the largest sample of the first millisecond that is loud enough.

    Parameters
    ----------
    rir : Tensor
        Impulse responses, ``(..., time)``.
    sample_rate : int
        Sample rate in Hz.
    threshold_db : float, default: -20.0
        How far below the largest sample of all the direct sound may begin; ISO 3382-1 asks for at
        least 20 dB. The first sample above it opens the millisecond, so that a reflection that is
        louder than the direct sound is not taken for it.

    Returns
    -------
    Tensor
        Index of the sample, int64, ``(...)``.

    Raises
    ------
    ValueError
        If a response is empty, silent or not finite, or the threshold is above 0 dB.

    Examples
    --------
    >>> import torch
    >>> from audiolab import room
    >>> room.direct_sample(torch.tensor([0.0, 0.0, 0.2, 0.6, 0.1, 0.3]), 8000)
    tensor(3)
    """
    check_rir(rir)
    rate = check_sample_rate(sample_rate)
    threshold = check_range(threshold_db, "threshold_db", high=0.0, unit="dB")
    size = rir.detach().abs()
    loud = size >= size.amax(-1, keepdim=True) * 10 ** (threshold / 20)
    first = loud.to(torch.uint8).argmax(-1, keepdim=True)
    index = torch.arange(rir.shape[-1], device=rir.device)
    near = (index >= first) & (index <= first + rate // 1000)
    return torch.where(near, size, -1.0).argmax(-1)


def energy_decay_db(
    rir: torch.Tensor, *, noise: Literal["keep", "subtract"] = "keep"
) -> torch.Tensor:
    r"""Integrate the energy backwards, :math:`10 \log_{10} E(t) / E(0)`.

    Parameters
    ----------
    rir : Tensor
        Impulse responses, ``(..., time)``.
    noise : {"keep", "subtract"}, default: "keep"
        With ``"subtract"``, the mean power of the last tenth is taken for stationary noise and
        subtracted before the integration (Chu, 1978). For recordings whose end is noise; where it
        still is decay, a little of the decay is lost.

    Returns
    -------
    Tensor
        Level in dB, ``(..., time)``, 0 at the start; -inf where nothing is left.

    Raises
    ------
    ValueError
        If a response is empty, silent or not finite.

    Examples
    --------
    >>> import torch
    >>> from audiolab import room
    >>> room.energy_decay_db(torch.tensor([1.0, 1.0, 1.0, 1.0]))
    tensor([ 0.0000, -1.2494, -3.0103, -6.0206])
    """
    check_rir(rir)
    check_choice(noise, "noise", ("keep", "subtract"))
    energy = _energy_to_come(rir, noise)
    return (10 * (energy / energy[..., :1]).log10()).to(rir.dtype)


def _energy_to_come(rir: torch.Tensor, noise: str) -> torch.Tensor:
    power = rir.double().square()
    if noise == "subtract":
        last = max(1, rir.shape[-1] // 10)
        power = power - power[..., -last:].mean(-1, keepdim=True)
    energy = power.flip(-1).cumsum(-1).flip(-1)
    # What was subtracted can exceed what was left: from there on nothing is known.
    gone = (energy.detach() <= 0).to(torch.uint8).cummax(-1).values.bool()
    return torch.where(gone, 0.0, energy)


def reverberation_time_s(
    rir: torch.Tensor,
    sample_rate: int,
    *,
    method: Literal["T20", "T30"] = "T30",
    noise: Literal["keep", "subtract"] = "keep",
) -> torch.Tensor:
    r"""Measure the reverberation time: how long the energy takes to fall by 60 dB.

    A line is fitted to the decay, from -5 to -25 dB (T20) or to -35 dB (T30), and followed to
    -60 dB.

    Parameters
    ----------
    rir : Tensor
        Impulse responses, ``(..., time)``.
    sample_rate : int
        Sample rate in Hz.
    method : {"T20", "T30"}, default: "T30"
        The range of the fit.
    noise : {"keep", "subtract"}, default: "keep"
        What to do with stationary noise, see `energy_decay_db`.

    Returns
    -------
    Tensor
        Seconds, ``(...)``. NaN where the response does not tell: its decay must go on for 10 dB
        below the range, and a shorter range or less noise is then what it needs.

    Raises
    ------
    ValueError
        If a response is empty, silent or not finite.

    See Also
    --------
    predicted_rt60_s : The time that a box has by its sides and walls.
    early_decay_time_s : What one hears while the sound goes on.

    Examples
    --------
    >>> import torch
    >>> from audiolab import room
    >>> time = torch.arange(16_000) / 16_000
    >>> rir = 10 ** (-3 * time / 0.5)  # 60 dB in half a second
    >>> print(f"{room.reverberation_time_s(rir, 16_000):.3f} s")
    0.500 s
    """
    check_rir(rir)
    rate = check_sample_rate(sample_rate)
    check_choice(method, "method", tuple(_RANGES))
    check_choice(noise, "noise", ("keep", "subtract"))
    energy = _energy_to_come(rir, noise)
    return _decay_time(energy, rate, *_RANGES[method]).to(rir.dtype)


def early_decay_time_s(
    rir: torch.Tensor, sample_rate: int, *, noise: Literal["keep", "subtract"] = "keep"
) -> torch.Tensor:
    """Measure the early decay time: six times what the first 10 dB take, from the direct sound on.

    Parameters
    ----------
    rir : Tensor
        Impulse responses, ``(..., time)``.
    sample_rate : int
        Sample rate in Hz.
    noise : {"keep", "subtract"}, default: "keep"
        What to do with stationary noise, see `energy_decay_db`.

    Returns
    -------
    Tensor
        Seconds, ``(...)``; NaN where the decay does not go on for 10 dB more.

    Raises
    ------
    ValueError
        If a response is empty, silent or not finite.

    Examples
    --------
    >>> import torch
    >>> from audiolab import room
    >>> time = torch.arange(16_000) / 16_000
    >>> print(f"{room.early_decay_time_s(10 ** (-3 * time / 0.5), 16_000):.3f} s")
    0.500 s
    """
    first = direct_sample(rir, sample_rate)
    check_choice(noise, "noise", ("keep", "subtract"))
    energy = _energy_to_come(rir, noise)
    return _decay_time(energy, int(sample_rate), 0.0, -10.0, first).to(rir.dtype)


def _decay_time(
    energy: torch.Tensor, rate: int, top_db: float, end_db: float, first: torch.Tensor | None = None
) -> torch.Tensor:
    """Fit a line to the decay between two levels, and return its time for -60 dB."""
    start = energy[..., :1]
    level = 10 * (energy / start).clamp_min(1e-30).log10()
    index = torch.arange(energy.shape[-1], device=energy.device, dtype=energy.dtype)
    fixed = level.detach()
    known = energy.detach() > 0
    inside = (fixed <= top_db) & (fixed >= end_db) & known
    if first is not None:
        inside &= index >= first[..., None]
    weight = inside.to(energy.dtype)
    count = weight.sum(-1, keepdim=True)
    centre = (weight * index).sum(-1, keepdim=True) / count.clamp_min(1)
    lag = (index - centre) * weight
    spread = lag.square().sum(-1)
    enough = count[..., 0] >= 2
    slope = (lag * level).sum(-1) / torch.where(enough, spread, 1.0)
    time = -60.0 / torch.where(enough & (slope.detach() < 0), slope, -1.0) / rate
    # Where the response ends, its integral falls off a cliff: the range must lie well above.
    last = torch.where(inside, index, -1.0).amax(-1)
    end = torch.where(known, index, -1.0).amax(-1)
    goes_on = (end - last) / rate >= time.detach() * _HEADROOM_DB / 60 * 0.99
    return torch.where(enough & (slope.detach() < 0) & goes_on, time, math.nan)


def clarity_db(rir: torch.Tensor, sample_rate: int, *, early_s: float = 0.05) -> torch.Tensor:
    r"""Measure clarity, early energy over late: C50 for speech, C80 for music.

    .. math:: C = 10 \log_{10} \frac{E(0) - E(t_e)}{E(t_e)}

    Parameters
    ----------
    rir : Tensor
        Impulse responses, ``(..., time)``.
    sample_rate : int
        Sample rate in Hz.
    early_s : float, default: 0.05
        How long after the direct sound energy is early, in seconds: 0.05 for C50, 0.08 for C80.

    Returns
    -------
    Tensor
        Decibels, ``(...)``; inf where nothing is late.

    Raises
    ------
    ValueError
        If a response is empty, silent or not finite, or `early_s` is not above 0.

    Examples
    --------
    >>> import torch
    >>> from audiolab import room
    >>> time = torch.arange(16_000) / 16_000
    >>> print(f"{room.clarity_db(10 ** (-3 * time / 0.5), 16_000):.2f} dB")  # (e^1.3816 - 1)
    4.74 dB
    """
    early, late = _split(rir, sample_rate, check_positive(early_s, "early_s", unit="s"))
    return (10 * (early / late).log10()).to(rir.dtype)


def definition(rir: torch.Tensor, sample_rate: int, *, early_s: float = 0.05) -> torch.Tensor:
    """Measure definition, the share of energy that is early: D50.

    Parameters
    ----------
    rir : Tensor
        Impulse responses, ``(..., time)``.
    sample_rate : int
        Sample rate in Hz.
    early_s : float, default: 0.05
        How long after the direct sound energy is early, in seconds.

    Returns
    -------
    Tensor
        Between 0 and 1, ``(...)``; ``C = 10 log10(D / (1 - D))``.

    Raises
    ------
    ValueError
        If a response is empty, silent or not finite, or `early_s` is not above 0.

    Examples
    --------
    >>> import torch
    >>> from audiolab import room
    >>> rir = torch.zeros(8000)
    >>> rir[[0, 800]] = 1.0  # an echo as loud as the direct sound, after 0.1 s
    >>> room.definition(rir, 8000)
    tensor(0.5000)
    """
    early, late = _split(rir, sample_rate, check_positive(early_s, "early_s", unit="s"))
    return (early / (early + late)).to(rir.dtype)


def direct_to_reverberant_db(
    rir: torch.Tensor, sample_rate: int, *, direct_s: float = 0.0025
) -> torch.Tensor:
    """Measure the energy of the direct sound over that of all that follows.

    Parameters
    ----------
    rir : Tensor
        Impulse responses, ``(..., time)``.
    sample_rate : int
        Sample rate in Hz.
    direct_s : float, default: 0.0025
        How long the direct sound lasts after its peak, in seconds. What comes before the peak
        belongs to it.

    Returns
    -------
    Tensor
        Decibels, ``(...)``; inf where nothing follows.

    Raises
    ------
    ValueError
        If a response is empty, silent or not finite, or `direct_s` is not above 0.

    Examples
    --------
    >>> import torch
    >>> from audiolab import room
    >>> rir = torch.zeros(8000)
    >>> rir[[0, 800]] = torch.tensor([1.0, 0.1])
    >>> print(f"{room.direct_to_reverberant_db(rir, 8000):.1f} dB")
    20.0 dB
    """
    direct, later = _split(rir, sample_rate, check_positive(direct_s, "direct_s", unit="s"))
    return (10 * (direct / later).log10()).to(rir.dtype)


def _split(
    rir: torch.Tensor, sample_rate: int, early_s: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the energies until a time after the direct sound, and from there on."""
    border = direct_sample(rir, sample_rate) + seconds_to_samples(early_s, sample_rate)
    index = torch.arange(rir.shape[-1], device=rir.device)
    early = index < border[..., None]
    power = rir.double().square()
    return (power * early).sum(-1), (power * ~early).sum(-1)
