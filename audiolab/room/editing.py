"""Responses made ready for use: cut to what is heard, set to a level, their direct sound at zero.

Channels of one recording belong together: cut, scaled or moved one by one, they would lose the
differences of time and level that tell where a sound comes from. `together` says how many of the
dimensions before time are such channels.
"""

from __future__ import annotations

import math
from typing import Literal

import torch

from audiolab._validation import check_choice, check_range, check_sample_rate
from audiolab.room.measures import check_rir, direct_sample
from audiolab.units import seconds_to_samples

__all__ = ["align_rir", "normalize_rir", "trim_rir"]


def trim_rir(
    rir: torch.Tensor,
    sample_rate: int,
    *,
    lead_s: float = 0.0025,
    decay_db: float = 60.0,
    fade_s: float = 0.01,
) -> torch.Tensor:
    """Cut what lies before the direct sound, and the tail from where hardly any energy follows.

    Parameters
    ----------
    rir : Tensor
        Impulse responses, ``(..., time)``. All are cut at the same two samples, those that none of
        them minds: the earliest direct sound, the longest decay. They stay aligned.
    sample_rate : int
        Sample rate in Hz.
    lead_s : float, default: 0.0025
        What to keep before the direct sound, in seconds: the rise of a filter or a loudspeaker.
        Less, if there is less.
    decay_db : float, default: 60.0
        The tail ends where the energy to come has fallen by so much.
    fade_s : float, default: 0.01
        The last seconds of what is kept fade out with half a cosine, where a tail was cut.

    Returns
    -------
    Tensor
        ``(..., kept)``.

    Raises
    ------
    ValueError
        If a response is empty, silent or not finite, or a parameter is out of range.

    See Also
    --------
    align_rir : Puts the direct sound at sample zero.

    Examples
    --------
    >>> import torch
    >>> from audiolab import room
    >>> time = torch.arange(8000) / 8000
    >>> late = torch.nn.functional.pad(10 ** (-3 * time / 0.25), (1000, 0))
    >>> room.trim_rir(late, 8000, lead_s=0.0).shape  # 0.25 s
    torch.Size([2000])
    """
    first = direct_sample(rir, sample_rate)
    lead = seconds_to_samples(check_range(lead_s, "lead_s", 0.0, unit="s"), sample_rate)
    decay = check_range(decay_db, "decay_db", 0.0, unit="dB")
    fade = seconds_to_samples(check_range(fade_s, "fade_s", 0.0, unit="s"), sample_rate)
    begin = max(0, int(first.min()) - lead)
    energy = rir.detach().double().square().flip(-1).cumsum(-1).flip(-1)
    heard = energy >= energy[..., :1] * 10 ** (-decay / 10)
    index = torch.arange(rir.shape[-1], device=rir.device)
    end = int(torch.where(heard, index, 0).max()) + 1
    kept = rir[..., begin:end]
    fade = min(fade, end - int(first.max()) - 1)
    if end < rir.shape[-1] and fade > 0:
        step = torch.arange(1, fade + 1, dtype=torch.float64, device=rir.device) / (fade + 1)
        window = (0.5 + 0.5 * (math.pi * step).cos()).to(rir.dtype)
        kept = torch.cat([kept[..., :-fade], kept[..., -fade:] * window], dim=-1)
    return kept


def normalize_rir(
    rir: torch.Tensor,
    sample_rate: int,
    *,
    by: Literal["energy", "direct", "peak"] = "energy",
    together: int = 0,
) -> torch.Tensor:
    r"""Scale responses, so that one knows what they do to a level.

    Parameters
    ----------
    rir : Tensor
        Impulse responses, ``(..., time)``.
    sample_rate : int
        Sample rate in Hz.
    by : {"energy", "direct", "peak"}, default: "energy"
        What becomes 1. ``"energy"``: :math:`\sum h^2`; white noise then keeps its power, other
        sounds about theirs. ``"direct"``: the sample of the direct sound; the direct sound keeps
        its level and the room adds to it. ``"peak"``: the largest absolute sample.
    together : int, default: 0
        How many dimensions before time share one gain: 1 for ``(..., channels, time)``, where the
        loudest channel then becomes 1 and the others keep their distance to it.

    Returns
    -------
    Tensor
        The scaled responses. Gradients pass through the gain too.

    Raises
    ------
    ValueError
        If a response is empty, silent or not finite, or has less dimensions than `together` needs.

    Examples
    --------
    >>> import torch
    >>> from audiolab import room
    >>> room.normalize_rir(torch.tensor([3.0, 0.0, 4.0]), 8000)
    tensor([0.6000, 0.0000, 0.8000])
    >>> room.normalize_rir(torch.tensor([-2.0, 0.0, 1.0]), 8000, by="direct")
    tensor([-1.0000,  0.0000,  0.5000])
    """
    check_rir(rir)
    check_choice(by, "by", ("energy", "direct", "peak"))
    _check_together(together, rir)
    if by == "energy":
        size = rir.double().square().sum(-1, keepdim=True).sqrt()
    elif by == "direct":
        size = rir.gather(-1, direct_sample(rir, sample_rate)[..., None]).abs().double()
    else:
        size = rir.abs().amax(-1, keepdim=True).double()
    if together:
        size = size.amax(tuple(range(-1 - together, -1)), keepdim=True)
    return (rir / size).to(rir.dtype)


def align_rir(
    rir: torch.Tensor,
    sample_rate: int,
    *,
    together: int = 0,
    threshold_db: float = -20.0,
) -> torch.Tensor:
    """Move the direct sound to sample zero: a word then starts where it started without the room.

    Parameters
    ----------
    rir : Tensor
        Impulse responses, ``(..., time)``.
    sample_rate : int
        Sample rate in Hz.
    together : int, default: 0
        How many dimensions before time move as one, by the earliest direct sound among them: 1 for
        ``(..., channels, time)``.
    threshold_db : float, default: -20.0
        Where the direct sound may begin, see `direct_sample`.

    Returns
    -------
    Tensor
        As long as before: zeros follow. What came before the direct sound is cut off.

    Raises
    ------
    ValueError
        If a response is empty, silent or not finite, or has less dimensions than `together` needs.

    Notes
    -----
    Whole samples only. `shoebox_rir` knows where the direct sound is between them, and with
    ``align=True`` moves it exactly.

    Examples
    --------
    >>> import torch
    >>> from audiolab import room
    >>> room.align_rir(torch.tensor([0.0, 0.0, 1.0, 0.5]), 8000)
    tensor([1.0000, 0.5000, 0.0000, 0.0000])
    """
    check_sample_rate(sample_rate)
    first = direct_sample(rir, sample_rate, threshold_db=threshold_db)[..., None]
    _check_together(together, rir)
    if together:
        first = first.amin(tuple(range(-1 - together, -1)), keepdim=True).expand(*rir.shape[:-1], 1)
    time = rir.shape[-1]
    index = torch.arange(time, device=rir.device) + first
    moved = rir.gather(-1, index.clamp_max(time - 1))
    return torch.where(index < time, moved, 0.0)


def _check_together(together: int, rir: torch.Tensor) -> None:
    if together != int(together) or not 0 <= together < rir.ndim:
        raise ValueError(
            f"together must be between 0 and the {rir.ndim - 1} dimensions before time, "
            f"got {together}"
        )
