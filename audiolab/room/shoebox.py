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

from audiolab._air import check_conditions
from audiolab._validation import check_choice, check_positive, check_range, check_sample_rate
from audiolab.room._air_filter import through_air
from audiolab.room._highpass import highpass
from audiolab.room._images import ImageSum, sum_images
from audiolab.room._shoebox_rows import PATTERNS, Numbers, Rows, as_walls, per_room, spread
from audiolab.room.absorption import absorption_for, check_room, decay_times_s
from audiolab.room.measures import reverberation_time_s
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
    rt60_tolerance: float | None = None,
    max_order: int | None = None,
    duration_s: float | None = None,
    align: bool = False,
    highpass_hz: float | None = 10.0,
    source_pattern: str = "omni",
    source_direction: Numbers | None = None,
    microphone_pattern: str = "omni",
    microphone_direction: Numbers | None = None,
    humidity_percent: float | None = None,
    temperature_c: float = 20.0,
    speed_of_sound: float = 343.0,
    taps: int = 81,
    dtype: torch.dtype = torch.float32,
) -> torch.Tensor:
    r"""Simulate impulse responses of box-shaped rooms by image sources.

    .. math:: h(t) = \sum_i \frac{\prod_w (1 - \alpha_w)^{n_{iw} / 2}}{d_i}\,
              \delta\!\left(t - \frac{d_i}{c}\right)

    over images i at distances :math:`d_i` that wall w reflected :math:`n_{iw}` times. Each pulse is
    a sinc at its exact time under a Hann window that moves with it, so that the response changes
    smoothly with every position.

    Parameters
    ----------
    room_m : Tensor or sequence of float
        Length, width and height in metres, ``(..., 3)``: one room or a batch.
    source_m : Tensor or sequence of float
        Where the source is, from the corner of the room, ``(..., 3)``; or several in each room,
        ``(..., sources, 3)``.
    microphone_m : Tensor or sequence of float
        Where the microphone is, ``(..., 3)`` or ``(..., microphones, 3)``.
    sample_rate : int
        Sample rate in Hz.
    absorption : float or Tensor, optional
        Share of the energy that walls keep, 0 to 1: a number, one a room ``(...)``, or one a wall
        ``(..., 6)`` in the order x = 0, x = length, y = 0, y = width, z = 0, z = height.
    rt60_s : float or Tensor, optional
        Instead of `absorption`: the reverberation time in seconds, a number or one a room. All
        walls get what `absorption_for` says. Measured as T30, rooms whose sides differ by less than
        a factor of two and a half came out 1 to 6 % long in the mean over positions, corridors up
        to 25 %; over random rooms and positions the error is 5 to 8 % RMS.
    rt60_tolerance : float, optional
        Measure the response and correct the absorption, at most four times, until the T30 of each
        room is so close to `rt60_s`, 0.02 for 2 %. Each time costs as much as the response. In the
        geometric mean over the pairs of positions in a room; where no T30 can be measured, nothing
        is corrected.
    max_order : int, optional
        Most reflections of an image. By default all images are summed that arrive in time.
    duration_s : float, optional
        Length of the responses in seconds. By default, until the last image of `max_order`; or else
        until a room has decayed by 60 dB, and the rows of shorter ones end with zeros.
    align : bool, default: False
        Put the direct sound exactly at sample zero, where labels with times expect it. Otherwise
        sample zero is the moment when the source sounds, and distance / speed the delay.
    highpass_hz : float, optional
        Second-order Butterworth high-pass, forward and backward, 10 Hz by default. None leaves out
        what no microphone would: the offset of thousands of images that all have one sign.
    source_pattern : str, default: "omni"
        Directivity ``share + (1 - share) cos(angle)``: "omni", "subcardioid", "cardioid",
        "supercardioid", "hypercardioid" or "figure_eight", with shares of 1, 0.75, 0.5, 0.37, 0.25
        and 0.
    source_direction : Tensor or sequence of float, optional
        Where the source points, ``(3,)`` or as `source_m`; of any length above zero.
    microphone_pattern : str, default: "omni"
        Directivity of the microphone, one of the same.
    microphone_direction : Tensor or sequence of float, optional
        Where the microphone points, ``(3,)`` or as `microphone_m`.
    humidity_percent : float, optional
        Relative humidity, 0 to 100, for the absorption of air after ISO 9613-1, which then is
        applied to the time that sound was on its way. None leaves air out. It shortens what
        `rt60_s` promises; `rt60_tolerance` takes it into account.
    temperature_c : float, default: 20.0
        Temperature of that air, -40 to 60 degrees Celsius.
    speed_of_sound : float, default: 343.0
        In m/s.
    taps : int, default: 81
        Width of a pulse in samples, odd, at least 9.
    dtype : torch.dtype, default: torch.float32
        Type of the result. Computed in float64.

    Returns
    -------
    Tensor
        ``(..., [sources,] [microphones,] time)``, with those dimensions that the positions had.
        On the CPU, a row is the same to the bit whatever stands in the batch beside it.

    Raises
    ------
    TypeError
        If a geometry is not made of numbers.
    ValueError
        If a position is outside its room, both `absorption` and `rt60_s` are given or none, or a
        room would ring so long that it takes over 2e9 images.

    See Also
    --------
    reverberate : Puts a sound into the room.
    reverberate_moving : With a path as `source_m`.
    absorption_for : From a reverberation time to walls.

    Notes
    -----
    A direct sound at 1 m has an amplitude of 1, as in pyroomacoustics (whose responses begin 40
    samples later). The time is proportional to the number of images, about
    ``4/3 pi (c T)^3 / volume`` for T seconds: 60 ns each. Memory does not grow with them, but for
    gradients, which keep some 300 bytes an image. Gradients (of first order) reach sides,
    positions, directions and absorption; `rt60_s` through the prediction, not through
    `rt60_tolerance`.

    Examples
    --------
    >>> import torch
    >>> from audiolab import room
    >>> rir = room.shoebox_rir([6.0, 5.0, 3.0], [1.5, 2.0, 1.6], [4.0, 3.0, 1.2], 16_000,
    ...                        rt60_s=0.4, rt60_tolerance=0.02)
    >>> abs(float(room.reverberation_time_s(rir, 16_000)) / 0.4 - 1) < 0.02
    True

    A batch of rooms, each with two microphones:

    >>> rooms = torch.tensor([[6.0, 5.0, 3.0], [4.0, 3.0, 2.5]])
    >>> ears = torch.tensor([[1.0, 2.0, 1.2], [1.2, 2.0, 1.2]]).expand(2, 2, 3)
    >>> room.shoebox_rir(rooms, rooms / 3, ears, 16_000, absorption=0.5, duration_s=0.2).shape
    torch.Size([2, 2, 3200])
    """
    rate = check_sample_rate(sample_rate)
    room = check_room(room_m)
    speed = check_positive(speed_of_sound, "speed_of_sound", unit="m/s")
    check_choice(source_pattern, "source_pattern", tuple(PATTERNS))
    check_choice(microphone_pattern, "microphone_pattern", tuple(PATTERNS))
    if taps != int(taps) or taps % 2 == 0 or taps < 9:
        raise ValueError(f"taps must be an odd number, at least 9, got {taps}")
    if max_order is not None and (max_order != int(max_order) or max_order < 0):
        raise ValueError(f"max_order must be a whole number, at least 0, got {max_order}")
    air = None
    if humidity_percent is not None:
        air = check_conditions(temperature_c, humidity_percent, 101.325)
    cutoff = None
    if highpass_hz is not None:
        cutoff = check_range(highpass_hz, "highpass_hz", 0.01, 0.49 * rate, unit="Hz")
    decay = None
    if absorption is not None and rt60_s is None:
        walls = as_walls(absorption, "absorption", room)
    elif rt60_s is not None and absorption is None:
        decay = per_room(rt60_s, "rt60_s", room)
        alike = absorption_for(rt60_s, room, speed_of_sound=speed)
        walls = alike[..., None].expand(*room.shape[:-1], 6)
    else:
        raise ValueError("give either absorption or rt60_s, to say what the walls do")
    shares = PATTERNS[source_pattern], PATTERNS[microphone_pattern]
    how = ImageSum(rate / speed, int(taps), max_order, *shares, align)
    rows, kept = spread(
        room,
        source_m,
        microphone_m,
        walls,
        shares=shares,
        facings=(source_direction, microphone_direction),
    )
    num_rooms = max(1, math.prod(room.shape[:-1]))
    if duration_s is not None:
        end = seconds_to_samples(check_positive(duration_s, "duration_s", unit="s"), rate)
        if end < 1:
            raise ValueError(f"duration_s must last a sample at {rate} Hz, got {duration_s}")
        each_end = [end] * num_rooms
    else:
        each_end = _ends(room, walls, decay, rate, how)
    ends = [end for end in each_end for _ in range(len(rows.room) // num_rooms)]
    result = _responses(rows, how, ends, rate, cutoff, air)
    if rt60_tolerance is not None:
        close = check_positive(rt60_tolerance, "rt60_tolerance")
        if decay is None:
            raise ValueError("rt60_tolerance is for rt60_s: with absorption there is no target")
        result = _corrected(result, rows, decay, close, how, ends, rate, cutoff, air)
    return result.to(dtype).reshape(*kept, result.shape[-1])


def _responses(
    rows: Rows,
    how: ImageSum,
    ends: list[int],
    rate: int,
    cutoff: float | None,
    air: tuple[float, float, float] | None,
) -> torch.Tensor:
    """Return finished responses in float64: each filtered within its own length."""
    rir = sum_images(rows, how, ends)
    if cutoff is None and air is None:
        return rir
    shift = (rows.source - rows.microphone).norm(dim=-1) * how.samples_per_m
    if not how.align:
        shift = torch.zeros_like(shift)
    done = []
    for row, end in enumerate(ends):
        one = rir[row : row + 1, :end]
        if air is not None:
            one = through_air(one, rate, how.samples_per_m, shift[row : row + 1], air)
        if cutoff is not None:
            one = highpass(one, cutoff, rate)
        done.append(torch.nn.functional.pad(one, (0, rir.shape[-1] - end)))
    return torch.cat(done) if done else rir


def _corrected(
    result: torch.Tensor,
    rows: Rows,
    wanted: torch.Tensor,
    close: float,
    how: ImageSum,
    ends: list[int],
    rate: int,
    cutoff: float | None,
    air: tuple[float, float, float] | None,
) -> torch.Tensor:
    """Return responses with walls corrected until each room's T30 is what was wanted."""
    target = wanted.detach().reshape(-1)
    pairs = len(ends) // max(1, len(target))
    power = torch.ones(len(ends), dtype=torch.float64, device=result.device)
    for _ in range(4):
        sound = result.detach().reshape(len(target), pairs, -1)
        if bool((sound == 0).all(-1).any()):
            break
        measured = reverberation_time_s(sound, rate).log().mean(-1).exp()
        factor = (measured / target).nan_to_num(nan=1.0)
        wrong = ((factor - 1).abs() > close).nonzero()[:, 0].tolist()
        if not wrong:
            break
        chosen = [row for room in wrong for row in range(room * pairs, (room + 1) * pairs)]
        power[chosen] = power[chosen] * factor.repeat_interleave(pairs)[chosen]
        # A power of the factors of reflection is a multiple of their exponents.
        some = rows.take(chosen, power[chosen])
        again = _responses(some, how, [ends[row] for row in chosen], rate, cutoff, air)
        again = torch.nn.functional.pad(again, (0, result.shape[-1] - again.shape[-1]))
        result = result.index_copy(0, torch.tensor(chosen, device=result.device), again)
    return result


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
