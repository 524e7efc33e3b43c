r"""Absorption and reverberation time: what walls a box needs, and how long it then rings.

Sabine's and Eyring's formulas assume that sound crosses a room in all directions again and again.
In a box with smooth walls it keeps its direction but for signs, so that sound along the far walls
outlasts the rest: the decay is a mean of many exponentials (Lehmann and Johansson, 2008),

.. math:: E(t) \propto \int \exp\!\Big(-c\,t \sum_a \frac{|u_a|}{2 L_a}
          \big(\gamma_{a0} + \gamma_{a1}\big)\Big)\, d\Omega, \qquad \gamma = -\ln(1 - \alpha),

over directions u, for walls a0 and a1 of the axes. The integral is done numerically, and everything
here is differentiable.

References
----------
W. C. Sabine, "Collected Papers on Acoustics", Harvard University Press, 1922.
C. F. Eyring, "Reverberation time in 'dead' rooms", J. Acoust. Soc. Am. 1, 1930, 217-241,
doi:10.1121/1.1915175.
E. A. Lehmann and A. M. Johansson, "Prediction of energy decay in room impulse responses simulated
with an image-source model", J. Acoust. Soc. Am. 124, 2008, 269-277, doi:10.1121/1.2936367.
"""

from __future__ import annotations

import math

import torch

from audiolab._validation import check_choice, check_positive
from audiolab.room._shoebox_rows import Numbers, as_geometry, as_walls, per_room

__all__ = ["absorption_for", "decay_times_s", "predicted_rt60_s"]

_METHODS = ("decay", "eyring", "sabine")
#: Directions of an octant, each way.
_ORDER = 32


def absorption_for(
    rt60_s: Numbers, room_m: Numbers, *, method: str = "decay", speed_of_sound: float = 343.0
) -> torch.Tensor:
    r"""Find the absorption coefficient, the same for all walls, that makes a box ring for a time.

    Parameters
    ----------
    rt60_s : float or Tensor
        Reverberation time in seconds, for -60 dB: a number, or one a room.
    room_m : Tensor or sequence of float
        Sides in metres, ``(..., 3)``.
    method : {"decay", "eyring", "sabine"}, default: "decay"
        ``"decay"`` gives the T30 of the box's own image sources. ``"eyring"`` and ``"sabine"`` are
        the statistical formulas; in a box they are wrong by some 10 to 30 %, and Sabine's asks for
        an absorption above 1 where the time is short.
    speed_of_sound : float, default: 343.0
        In m/s.

    Returns
    -------
    Tensor
        Coefficients of energy, float64, of the rooms' shape without its last dimension.

    Raises
    ------
    ValueError
        If a time or a side is not above zero, or the formula of Sabine has no answer.

    See Also
    --------
    predicted_rt60_s : The other direction.

    Examples
    --------
    >>> from audiolab import room
    >>> for method in ("decay", "eyring", "sabine"):
    ...     print(f"{method}: {room.absorption_for(0.4, [5.0, 4.0, 3.0], method=method):.3f}")
    decay: 0.259
    eyring: 0.227
    sabine: 0.257
    """
    check_choice(method, "method", _METHODS)
    room = check_room(room_m)
    wanted = per_room(rt60_s, "rt60_s", room)
    if bool((wanted.detach() <= 0).any()):
        raise ValueError(f"rt60_s must be above 0 s, got {wanted.tolist()}")
    speed = check_positive(speed_of_sound, "speed_of_sound", unit="m/s")
    # All times are proportional to 1 / -ln(1 - absorption): one of them tells all.
    unit = torch.ones((*room.shape[:-1], 6), dtype=room.dtype, device=room.device)
    exponent = _rt60_of_exponents(room, unit, speed, method) / wanted
    if method != "sabine":
        return -torch.expm1(-exponent)
    if bool((exponent.detach() > 1).any()):
        raise ValueError(
            "rt60_s is shorter than Sabine's formula allows walls to make it: it asks for an "
            f"absorption of {float(exponent.detach().max()):.2f}; method='decay' has an answer"
        )
    return exponent


def predicted_rt60_s(
    room_m: Numbers,
    absorption: Numbers,
    *,
    method: str = "decay",
    speed_of_sound: float = 343.0,
) -> torch.Tensor:
    """Predict the reverberation time of a box from its sides and walls.

    Parameters
    ----------
    room_m : Tensor or sequence of float
        Sides in metres, ``(..., 3)``.
    absorption : float or Tensor
        Coefficients of energy between 0 and 1: a number, one a room ``(...)``, or one a wall
        ``(..., 6)`` in the order x = 0, x = length, y = 0, y = width, z = 0, z = height.
    method : {"decay", "eyring", "sabine"}, default: "decay"
        ``"decay"`` is the T30 of the box's image sources, in the mean over positions; the others
        are the statistical formulas.
    speed_of_sound : float, default: 343.0
        In m/s.

    Returns
    -------
    Tensor
        Seconds, float64; infinite where nothing absorbs.

    Raises
    ------
    ValueError
        If a side is not above zero or a coefficient not between 0 and 1.

    See Also
    --------
    absorption_for : The other direction.
    reverberation_time_s : The time of a response, measured.

    Examples
    --------
    >>> from audiolab import room
    >>> room.predicted_rt60_s([5.0, 4.0, 3.0], 0.25, method="sabine")
    tensor(0.4114, dtype=torch.float64)
    """
    check_choice(method, "method", _METHODS)
    room = check_room(room_m)
    walls = as_walls(absorption, "absorption", room)
    speed = check_positive(speed_of_sound, "speed_of_sound", unit="m/s")
    if method == "decay":
        exponents = -torch.log1p(-walls.clamp(max=1 - 1e-12))
        return _rt60_of_exponents(room, exponents, speed, method)
    areas = _areas(room)
    mean = (areas * walls).sum(-1) / areas.sum(-1)
    exponent = mean if method == "sabine" else -torch.log1p(-mean)
    unit = torch.ones_like(walls)
    return _rt60_of_exponents(room, unit, speed, method) / exponent


def check_room(room_m: Numbers) -> torch.Tensor:
    """Return the sides of rooms, ``(..., 3)`` in float64, if they are above zero, else raise."""
    room = as_geometry(room_m, "room_m")
    if bool((room.detach() <= 0).any()):
        raise ValueError(f"room_m must be lengths above 0 m, got {room.tolist()}")
    return room


def _areas(room: torch.Tensor) -> torch.Tensor:
    length, width, height = room.unbind(-1)
    areas = torch.stack([width * height, length * height, length * width], dim=-1)
    return areas.repeat_interleave(2, dim=-1)


def _rt60_of_exponents(
    room: torch.Tensor, exponents: torch.Tensor, speed: float, method: str
) -> torch.Tensor:
    """Return the time of -60 dB for ``-ln(1 - absorption)`` a wall."""
    if method != "decay":
        areas = _areas(room)
        lost = (areas * exponents).sum(-1)
        return 24 * math.log(10) / speed * room.prod(-1) / lost
    first, last = decay_times_s(room, exponents, (5.0, 35.0), speed)
    # A line fitted to the decay in dB, evenly over its time, as T30 is measured.
    share = torch.linspace(0.0, 1.0, 65, dtype=room.dtype, device=room.device)
    times = first[..., None] + (last - first)[..., None] * share
    level = 10 * _decay(_rates(room, exponents, speed), times).log10()
    centred = share - 0.5
    slope = (level * centred).sum(-1) / centred.square().sum() / (last - first)
    return -60.0 / slope


def decay_times_s(
    room: torch.Tensor, exponents: torch.Tensor, levels_db: tuple[float, ...], speed: float
) -> tuple[torch.Tensor, ...]:
    """Return when the integrated energy of a box has fallen by so many decibels."""
    rates = _rates(room, exponents, speed)
    mean, slowest = rates.mean(-1), rates.amin(-1)
    found = []
    for level_db in levels_db:
        target = math.log(10 ** (-level_db / 10))
        # The decay is between those of the mean and of the slowest direction.
        low = torch.zeros_like(mean)
        high = (-target + (mean / slowest).log()) / slowest
        with torch.no_grad():
            for _ in range(60):
                middle = (low + high) / 2
                above = _decay(rates, middle[..., None])[..., 0].log() > target
                low, high = torch.where(above, middle, low), torch.where(above, high, middle)
        # One step of Newton's, which also carries the gradient.
        level = _decay(rates, high[..., None])[..., 0].log()
        falling = torch.exp(-high[..., None] * rates).sum(-1) / (
            torch.exp(-high[..., None] * rates) / rates
        ).sum(-1)
        found.append(high + (level - target) / falling)
    return tuple(found)


def _rates(room: torch.Tensor, exponents: torch.Tensor, speed: float) -> torch.Tensor:
    """Return decay rates of energy over the directions of an octant, ``(..., directions)``."""
    # Midpoints of equal areas.
    share = (torch.arange(_ORDER, dtype=room.dtype, device=room.device) + 0.5) / _ORDER
    up, turn = torch.meshgrid(share, share * math.pi / 2, indexing="ij")
    flat = (1 - up.square()).sqrt()
    direction = torch.stack([flat * turn.cos(), flat * turn.sin(), up], dim=-1).reshape(-1, 3)
    lost = (exponents[..., 0::2] + exponents[..., 1::2]) / (2 * room)
    rates: torch.Tensor = speed * (lost @ direction.T)
    return rates


def _decay(rates: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
    """Return the integrated energy after times ``(..., times)``, 1 at the start."""
    left = torch.exp(-times[..., None] * rates[..., None, :]) / rates[..., None, :]
    return left.sum(-1) / (1 / rates).sum(-1)[..., None]
