r"""Plucked strings: a delay loop that is in tune, and chords of it in stereo.

Karplus and Strong's string is a delay line fed back through a gentle low-pass: one period goes
round and loses its overtones first. Here the loop is :math:`g\,(\tfrac s2, 1-s, \tfrac s2)` times a
Lagrange fractional delay, and three choices are made exact:

- *pitch*: the loop's phase delay at the fundamental is one period to 1e-9 samples;
- *decay*: the loop's gain at the fundamental is :math:`10^{-3/(f T_{60})}`;
- *start*: the first period is a sum of the harmonics of a string plucked at a point,
  :math:`\sin(\pi k \beta) / k^{2-b}`, with random phases, instead of a burst of noise; so its
  level and timbre don't depend on luck.

Left out: string stiffness, the body's resonances, coupling between strings.

References
----------
K. Karplus and A. Strong, "Digital synthesis of plucked-string and drum timbres", Computer Music
Journal 7(2), 1983, doi:10.2307/3680062. D. Jaffe and J. O. Smith, "Extensions of the Karplus-Strong
plucked-string algorithm", Computer Music Journal 7(2), 1983, doi:10.2307/3680063.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from audiolab._typing import Seed
from audiolab._validation import as_generator, check_positive, check_range
from audiolab.signals._grid import TAU, as_signal, check_frequency, check_grid
from audiolab.signals._shaping import fade_edges, pan
from audiolab.units import midi_to_hz, seconds_to_samples

__all__ = ["chord_progression", "pluck"]

#: A minor 7, F major 7, C major, G: MIDI note numbers from the lowest string up.
_PROGRESSION = (
    (45, 52, 57, 60, 64, 67),
    (41, 48, 53, 57, 60, 64),
    (48, 52, 55, 60, 64, 67),
    (43, 50, 55, 59, 62, 67),
)
_LAGRANGE_ORDER = 7


def pluck(
    frequency_hz: float,
    duration_s: float,
    sample_rate: int,
    *,
    decay_s: float = 3.0,
    brightness: float = 0.5,
    position: float = 0.2,
    amplitude: float = 0.5,
    generator: Seed = None,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> torch.Tensor:
    """Pluck a string: a Karplus-Strong loop in tune to a hundredth of a cent.

    Parameters
    ----------
    frequency_hz : float
        Pitch in Hz, above 0 and at most a sixteenth of the sample rate.
    duration_s : float
        Duration in seconds.
    sample_rate : int
        Sample rate in Hz.
    decay_s : float, default: 3.0
        Time in seconds in which the fundamental falls by 60 dB; overtones fall faster.
    brightness : float, default: 0.5
        From 0 (felt) to 1 (steel): how strong the overtones start and how slowly they fall. A long
        `decay_s` of a high note leaves the loop less room to be dull.
    position : float, default: 0.2
        Point of the pluck as a fraction of the string; a half silences the even harmonics.
    amplitude : float, default: 0.5
        Largest absolute sample.
    generator : torch.Generator, int or None, default: None
        Source of the starting phases, or a seed for a new one.
    dtype : torch.dtype, default: torch.float32
        Type of the result; the computation is float64.
    device : torch.device or str, default: "cpu"
        Where the result lies.

    Returns
    -------
    Tensor
        Samples, shape ``(time,)``.

    Raises
    ------
    ValueError
        If a value is out of range, or the pitch too high to ring for `decay_s`.

    See Also
    --------
    chord_progression : Many of them.

    Examples
    --------
    >>> from audiolab import signals
    >>> signals.pluck(220.0, 2.0, 24_000, generator=0).shape
    torch.Size([48000])
    """
    num_samples, rate = check_grid(duration_s, sample_rate)
    frequency = check_frequency(frequency_hz, "frequency_hz", rate)
    if frequency > rate / 16:
        raise ValueError(
            f"frequency_hz must be at most a sixteenth of the sample rate ({rate / 16:g} Hz), "
            f"got {frequency:g}: the loop would be shorter than its filter"
        )
    decay = check_positive(decay_s, "decay_s", unit="s")
    bright = check_range(brightness, "brightness", 0.0, 1.0)
    point = check_range(position, "position", 0.01, 0.99)
    peak = check_range(amplitude, "amplitude", 0.0)
    delay, taps = _loop(frequency, rate, decay, bright)
    excitation = _first_period(frequency, rate, bright, point, as_generator(generator))
    samples = _ring(excitation, delay, taps, num_samples)
    if num_samples:
        samples *= peak / samples.abs().max()
    return as_signal(samples, dtype, device)


def _loop(
    frequency_hz: float, rate: int, decay_s: float, brightness: float
) -> tuple[int, torch.Tensor]:
    """Return the whole-sample delay and the FIR that make one trip round the string."""
    omega = TAU * frequency_hz / rate
    period = rate / frequency_hz
    # The middle of the interpolator, where a Lagrange filter never amplifies.
    middle = (_LAGRANGE_ORDER - 1) // 2
    delay = math.floor(period) - 1 - middle
    wanted = period - 1 - delay  # the damping filter takes the 1
    fraction = wanted
    for _ in range(5):  # the interpolator's own delay is a little off: ask for what gives `wanted`
        interpolator = _lagrange(fraction)
        fraction += wanted - _phase_delay(interpolator, omega)
    interpolator = _lagrange(fraction)
    passed = _gain(interpolator, omega)
    target = 10.0 ** (-3.0 / (frequency_hz * decay_s))
    # Stable where the gain at 0 Hz, the largest of all, stays below 1; nine tenths of the way
    # there.
    room = (1.0 - target / passed) / (1.0 - math.cos(omega))
    if room <= 0.0:
        raise ValueError(
            f"decay_s must be shorter for a string of {frequency_hz:g} Hz at {rate} Hz, "
            f"got {decay_s:g}: its loop would not be stable"
        )
    dullness = min(0.5 * (1.0 - brightness), 0.9 * room)
    damping = torch.tensor([0.5 * dullness, 1.0 - dullness, 0.5 * dullness], dtype=torch.float64)
    taps = torch.zeros(_LAGRANGE_ORDER + 3, dtype=torch.float64)
    for shift, tap in enumerate(damping):
        taps[shift : shift + _LAGRANGE_ORDER + 1] += tap * interpolator
    return delay, taps * (target / _gain(taps, omega))


def _lagrange(delay: float) -> torch.Tensor:
    """Return the FIR that delays by `delay` samples, exact for polynomials up to its order."""
    nodes = range(_LAGRANGE_ORDER + 1)
    return torch.tensor(
        [math.prod((delay - m) / (k - m) for m in nodes if m != k) for k in nodes],
        dtype=torch.float64,
    )


def _response(taps: torch.Tensor, omega: float) -> complex:
    angles = -omega * torch.arange(taps.numel(), dtype=torch.float64)
    return complex(float((taps * angles.cos()).sum()), float((taps * angles.sin()).sum()))


def _gain(taps: torch.Tensor, omega: float) -> float:
    return abs(_response(taps, omega))


def _phase_delay(taps: torch.Tensor, omega: float) -> float:
    # At a sixteenth of the rate eight taps turn by less than pi, so that no unwrapping is needed.
    response = _response(taps, omega)
    return -math.atan2(response.imag, response.real) / omega


def _first_period(
    frequency_hz: float, rate: int, brightness: float, position: float, source: torch.Generator
) -> torch.Tensor:
    num_samples = math.ceil(rate / frequency_hz)
    harmonics = torch.arange(1, max(1, int(0.5 * rate / frequency_hz - 1e-9)) + 1)
    harmonics = harmonics.to(torch.float64)
    levels = torch.sin(0.5 * TAU * harmonics * position) / harmonics ** (2.0 - brightness)
    phases = torch.rand(
        harmonics.numel(), dtype=torch.float64, generator=source, device=source.device
    ).cpu()
    turns = torch.arange(num_samples, dtype=torch.float64) * (frequency_hz / rate)
    return torch.sin(TAU * (turns[:, None] * harmonics + phases)) @ levels


def _ring(
    excitation: torch.Tensor, delay: int, taps: torch.Tensor, num_samples: int
) -> torch.Tensor:
    """Run ``y[n] = x[n] + sum_k taps[k] y[n - delay - k]``, a whole delay at a time."""
    reach = delay + taps.numel() - 1
    samples = torch.zeros(reach + num_samples, dtype=torch.float64)
    length = min(excitation.numel(), num_samples)
    samples[reach : reach + length] = excitation[:length]
    kernel = taps.flip(0)[None, None]
    for start in range(reach, reach + num_samples, delay):
        stop = min(start + delay, reach + num_samples)
        past = samples[start - reach : stop - delay]
        samples[start:stop] += torch.nn.functional.conv1d(past[None, None], kernel)[0, 0]
    return samples[reach:]


def chord_progression(
    duration_s: float,
    sample_rate: int,
    *,
    chords: Sequence[Sequence[float]] = _PROGRESSION,
    strum_s: float = 0.025,
    decay_s: float = 4.0,
    brightness: float = 0.5,
    amplitude: float = 0.5,
    generator: Seed = None,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> torch.Tensor:
    """Strum chords on plucked strings, spread from left to right.

    The chords share the duration equally. Within a chord the strings start one after the other;
    they are damped over 30 ms before the next chord, and the last one fades over the last tenth.

    Parameters
    ----------
    duration_s : float
        Duration in seconds.
    sample_rate : int
        Sample rate in Hz.
    chords : sequence of sequences of float, default: A minor 7, F major 7, C, G
        MIDI note numbers of each chord, in the order of the strum.
    strum_s : float, default: 0.025
        Time in seconds between two strings.
    decay_s : float, default: 4.0
        Time in seconds in which a fundamental falls by 60 dB.
    brightness : float, default: 0.5
        From 0 (felt) to 1 (steel), see `pluck`.
    amplitude : float, default: 0.5
        Largest absolute sample over both channels.
    generator : torch.Generator, int or None, default: None
        Source of the strings' starting phases, or a seed for a new one.
    dtype : torch.dtype, default: torch.float32
        Type of the result; the computation is float64.
    device : torch.device or str, default: "cpu"
        Where the result lies.

    Returns
    -------
    Tensor
        Samples, shape ``(2, time)``.

    Raises
    ------
    ValueError
        If there is no chord, a chord has no note, or a value is out of range.

    See Also
    --------
    pluck : One string.

    Examples
    --------
    >>> from audiolab import signals
    >>> signals.chord_progression(4.0, 24_000, generator=0).shape
    torch.Size([2, 96000])
    """
    num_samples, rate = check_grid(duration_s, sample_rate)
    strum = check_range(strum_s, "strum_s", 0.0, unit="s")
    peak = check_range(amplitude, "amplitude", 0.0)
    if not chords or not all(chords):
        raise ValueError(f"chords must hold at least one chord of at least one note, got {chords}")
    source = as_generator(generator)
    mix = torch.zeros(2, num_samples, dtype=torch.float64)
    bounds = [num_samples * index // len(chords) for index in range(len(chords) + 1)]
    for number, notes in enumerate(chords):
        for string, note in enumerate(notes):
            start = bounds[number] + seconds_to_samples(string * strum, rate)
            length = bounds[number + 1] - start
            if length <= 0:
                continue
            sound = pluck(
                midi_to_hz(float(note)),
                length / rate,
                rate,
                decay_s=decay_s,
                brightness=brightness,
                generator=source,
                dtype=torch.float64,
            )
            last = number == len(chords) - 1
            damped = fade_edges(sound, 0, num_samples // 10 if last else int(0.03 * rate))
            place = 0.6 * (2.0 * string / max(len(notes) - 1, 1) - 1.0)
            mix[:, start : start + length] += pan(damped, place)
    largest = float(mix.abs().max()) if num_samples else 0.0
    return as_signal(mix * (peak / largest) if largest else mix, dtype, device)
