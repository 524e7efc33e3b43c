"""Shoebox rooms by image sources: impulse responses of a box with six walls.

A wall is a mirror: what it returns seems to come from a source behind it, attenuated. All images of
images of a source in a box lie on a lattice, and the response is the sum of their pulses, each at
its distance over the speed of sound and with one over the distance for an amplitude.

Left out: walls that scatter or whose absorption depends on the frequency, rooms of other shapes,
and what lies in the way.

References
----------
J. B. Allen and D. A. Berkley, "Image method for efficiently simulating small-room acoustics",
J. Acoust. Soc. Am. 65, 1979, 943-950, doi:10.1121/1.382599.
P. M. Peterson, "Simulating the response of multiple microphones to a single acoustic source in a
reverberant room", J. Acoust. Soc. Am. 80, 1986, 1527-1529, doi:10.1121/1.394357.
"""

from __future__ import annotations

import math

import torch

from audiolab._validation import check_choice, check_positive, check_sample_rate
from audiolab.room._highpass import highpass
from audiolab.room._images import ImageSum, sum_images
from audiolab.room._shoebox_rows import PATTERNS, Numbers, as_walls, per_room, spread
from audiolab.room.absorption import absorption_for, check_room, decay_times_s
from audiolab.units import seconds_to_samples

__all__ = ["shoebox_rir"]

#: Images of one response beyond which the length is asked for: some minutes of one core.
_MOST_IMAGES = 2e9


def shoebox_rir(
    room_m: Numbers,
    source_m: Numbers,
    microphone_m: Numbers,
    sample_rate: int,
    *,
    absorption: Numbers | None = None,
    rt60_s: Numbers | None = None,
    max_order: int | None = None,
    duration_s: float | None = None,
    align: bool = False,
    highpass_hz: float | None = 10.0,
    source_pattern: str = "omni",
    source_direction: Numbers | None = None,
    microphone_pattern: str = "omni",
    microphone_direction: Numbers | None = None,
    speed_of_sound: float = 343.0,
    taps: int = 81,
    dtype: torch.dtype = torch.float32,
) -> torch.Tensor:
    r"""Simulate impulse responses of box-shaped rooms by image sources.

    .. math:: h(t) = \sum_i \frac{\prod_w \sqrt{1 - \alpha_w}^{\,n_{iw}}}{d_i}\,
              \delta\!\left(t - \frac{d_i}{c}\right)

    over images i at distances :math:`d_i` that wall w reflected :math:`n_{iw}` times.
    """
    rate = check_sample_rate(sample_rate)
    room = check_room(room_m)
    speed = check_positive(speed_of_sound, "speed_of_sound", unit="m/s")
    for pattern, name in (
        (source_pattern, "source_pattern"),
        (microphone_pattern, "microphone_pattern"),
    ):
        check_choice(pattern, name, tuple(PATTERNS))
    if taps != int(taps) or taps % 2 == 0 or taps < 9:
        raise ValueError(f"taps must be an odd number, at least 9, got {taps}")
    if max_order is not None and (max_order != int(max_order) or max_order < 0):
        raise ValueError(f"max_order must be a whole number, at least 0, got {max_order}")
    if (absorption is None) == (rt60_s is None):
        raise ValueError("give either absorption or rt60_s, to say what the walls do")
    if absorption is not None:
        walls = as_walls(absorption, "absorption", room)
        decay = None
    else:
        decay = per_room(rt60_s, "rt60_s", room)
        walls = as_walls(absorption_for(decay, room, speed_of_sound=speed), "rt60_s", room)
    shares = PATTERNS[source_pattern], PATTERNS[microphone_pattern]
    rows, kept = spread(
        room,
        source_m,
        microphone_m,
        walls,
        shares=shares,
        facings=(source_direction, microphone_direction),
    )
    how = ImageSum(rate / speed, int(taps), max_order, *shares, align)
    pairs = rows.room.shape[0] // max(1, math.prod(room.shape[:-1]))
    if duration_s is not None:
        end = seconds_to_samples(check_positive(duration_s, "duration_s", unit="s"), rate)
        ends = [end] * rows.room.shape[0]
    else:
        ends = [end for end in _ends(room, walls, decay, rate, how) for _ in range(pairs)]
    rir = sum_images(rows, how, ends)
    if highpass_hz is not None:
        cutoff = check_positive(highpass_hz, "highpass_hz", unit="Hz")
        rir = _each_row(rir, ends, cutoff, rate)
    return rir.to(dtype).reshape(*kept, rir.shape[-1])


def _each_row(rir: torch.Tensor, ends: list[int], cutoff: float, rate: int) -> torch.Tensor:
    if len(set(ends)) == 1:
        return highpass(rir, cutoff, rate)
    done = [highpass(rir[r : r + 1, :end], cutoff, rate) for r, end in enumerate(ends)]
    return torch.cat([torch.nn.functional.pad(d, (0, rir.shape[-1] - d.shape[-1])) for d in done])


def _ends(
    room: torch.Tensor,
    walls: torch.Tensor,
    decay: torch.Tensor | None,
    rate: int,
    how: ImageSum,
) -> list[int]:
    """Return how many samples each room's response needs."""
    sides = room.detach().reshape(-1, 3)
    diagonal = sides.norm(dim=-1)
    if how.max_order is not None:
        # Distance is convex in the orders of the axes: the farthest image has all on one.
        reach = sides * (how.max_order + 1)
        farthest = (diagonal[:, None] ** 2 - sides**2 + reach**2).amax(-1).sqrt()
        samples = farthest * how.samples_per_m + how.taps // 2 + 1
    else:
        if decay is None:
            exponents = -torch.log1p(-walls.detach().clamp(max=1 - 1e-12))
            (decay,) = decay_times_s(room.detach(), exponents, (60.0,), rate / how.samples_per_m)
        samples = decay.detach().reshape(-1) * rate + diagonal * how.samples_per_m
        radius = samples / how.samples_per_m
        images = 4 / 3 * math.pi * radius**3 / sides.prod(-1)
        if not bool((images < _MOST_IMAGES).all()):
            raise ValueError(
                f"a room rings for {float(samples.max()) / rate:.3g} s, which takes "
                f"{float(images.max()):.2g} images: give duration_s or max_order"
            )
    return [math.ceil(each) for each in samples.tolist()]
