"""Tones, sweeps and noises on demand, and dither: the functions behind SoX's words."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import torch

from audiolab._typing import Seed
from audiolab._validation import (
    as_generator,
    check_choice,
    check_positive,
    check_range,
    check_waveform,
)
from audiolab.effects.synthesis.dithering import Ditherer
from audiolab.effects.synthesis.generator import NOISES, NoiseMemory, draw_noise
from audiolab.effects.synthesis.oscillators import SWEEPS, WAVES, Sweep, sweep_phase, wave
from audiolab.effects.synthesis.shaping import SHAPES, feedback
from audiolab.units import seconds_to_samples

__all__ = ["dither", "synth"]

_SHAPES = {"trapezium": (0.1, 0.5, 0.6)}


def synth(
    kind: str,
    duration_s: float,
    sample_rate: float,
    *,
    frequency_hz: float | torch.Tensor = 440.0,
    end_hz: float | None = None,
    sweep: Sweep = "exponential",
    phase: float = 0.0,
    offset: float = 0.0,
    rise: float | None = None,
    hold: float | None = None,
    fall: float | None = None,
    generator: Seed = None,
) -> torch.Tensor:
    """Make a wave or a noise at full scale.

    Parameters
    ----------
    kind : str
        A wave, ``sine``, ``square``, ``triangle``, ``sawtooth``, ``trapezium`` or ``exp``; or a
        noise, ``white``, ``tpdf``, ``pink`` or ``brown``. Waves are sampled as they are: the
        corners alias (`audiolab.signals` has tones that don't).
    duration_s : float
        Duration in seconds, at least 0.
    sample_rate : float
        Rate in Hz.
    frequency_hz : float or Tensor, default: 440.0
        Frequency in Hz; a tensor makes one wave for each of its values. Not used for noise.
    end_hz : float, optional
        Frequency at the end of a sweep, in Hz; `frequency_hz` is then a number.
    sweep : {"exponential", "linear", "square", "stepped"}
        Way of the sweep: octaves a second, hertz a second, the square of time, or exponential in
        whole cycles.
    phase : float, default: 0.0
        Phase at the start in cycles.
    offset : float, default: 0.0
        Bias, -1 to 1; the wave is scaled to what is left.
    rise : float, optional
        Part of the cycle that is on (``square``) or rises (``triangle``, ``trapezium``, ``exp``),
        0 to 1; by default 0.5, and 0.1 for ``trapezium``.
    hold : float, optional
        ``trapezium``: where falling begins, 0 to 1, by default 0.5. ``exp``: depth in units of
        200 dB, by default 0.5.
    fall : float, optional
        ``trapezium``: where falling ends, 0 to 1, by default 0.6.
    generator : torch.Generator, int or None
        Where the noise's first state comes from. The noise itself is SoX's generator.

    Returns
    -------
    Tensor
        Samples in [-1, 1], float32, ``(time,)`` or ``(*frequency_hz.shape, time)``. Peaks of pink
        noise may exceed 1.

    Raises
    ------
    ValueError
        If a name is unknown, a value out of range, or an exponential sweep touches 0 Hz.

    Examples
    --------
    >>> synth("square", 1, 8, frequency_hz=2.0)
    tensor([ 1.,  1., -1., -1.,  1.,  1., -1., -1.])
    """
    check_choice(kind, "kind", (*WAVES, *NOISES))
    check_positive(sample_rate, "sample_rate", unit="Hz")
    check_range(offset, "offset", -1.0, 1.0)
    count = seconds_to_samples(check_range(duration_s, "duration_s", 0.0, unit="s"), sample_rate)
    if kind in NOISES:
        drawn = draw_noise(_states(1, generator), NoiseMemory([kind], 1), count)[0, 0]
        return (drawn * (1 - abs(offset)) + offset).float()
    check_choice(sweep, "sweep", SWEEPS)
    values = zip((rise, hold, fall), _SHAPES.get(kind, (0.5, 0.5, 0.6)), strict=True)
    shape = [usual if value is None else value for value, usual in values]
    for value, name in zip(shape, ("rise", "hold", "fall"), strict=True):
        check_range(value, name, 0.0, 1.0)
    place = torch.arange(count, dtype=torch.float64)
    if end_hz is None:
        start = torch.as_tensor(frequency_hz, dtype=torch.float64)[..., None]
        cycles = place.to(start.device) * start / sample_rate
    else:
        if isinstance(frequency_hz, torch.Tensor):
            raise ValueError("frequency_hz must be a number where end_hz asks for a sweep")
        if sweep in {"exponential", "stepped"} and min(frequency_hz, end_hz) <= 0:
            raise ValueError(
                f"an exponential sweep cannot touch 0 Hz, got frequency_hz={frequency_hz} and "
                f"end_hz={end_hz}"
            )
        duration = max(count, 1) / sample_rate
        cycles = sweep_phase(place / sample_rate, frequency_hz, end_hz, duration, sweep)
        if sweep == "exponential" and frequency_hz != end_hz:
            # Counted from the start: a phase of zero begins at zero.
            cycles = cycles - frequency_hz * duration / math.log(end_hz / frequency_hz)
    made = wave(kind, cycles + phase, *shape)
    return (made * (1 - abs(offset)) + offset).float()


def dither(
    waveform: torch.Tensor,
    *,
    precision: int = 16,
    noise: Literal["triangular", "sloped"] = "triangular",
    shaping: str | None = None,
    sample_rate: float = 44_100,
    generator: Seed = None,
) -> torch.Tensor:
    """Round to fewer bits, after adding noise that hides the rounding.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(..., channels, time)``, or ``(time,)`` for one channel.
    precision : int, default: 16
        Bits to round to, 2 to 24.
    noise : {"triangular", "sloped"}
        White noise of triangular distribution, or the same leaning towards high frequencies.
    shaping : str, optional
        Filter that moves the error to where it is heard least: ``lipshitz``, ``f-weighted``,
        ``modified-e-weighted``, ``improved-e-weighted``, ``gesemann``, ``shibata``,
        ``low-shibata`` or ``high-shibata``. All exist for 44.1 kHz, ``shibata`` for 8 to 48 kHz.
    sample_rate : float, default: 44100
        Rate in Hz, for which the filter is chosen.
    generator : torch.Generator, int or None
        Where the noise's first states come from, one an item.

    Returns
    -------
    Tensor
        Samples of the same shape and dtype on the coarser grid, within [-1, 1).

    Raises
    ------
    ValueError
        If a name is unknown or `precision` is out of range.

    Notes
    -----
    Rounding has no useful gradient: the result is detached.

    Examples
    --------
    >>> import torch
    >>> coarse = dither(torch.full((4,), 0.3), precision=2, generator=0)
    >>> sorted(set(coarse.tolist()) - {0.0, 0.5})
    []
    """
    check_waveform(waveform)
    check_choice(noise, "noise", ("triangular", "sloped"))
    if isinstance(precision, bool) or not isinstance(precision, int) or not 2 <= precision <= 24:
        raise ValueError(f"precision must be a whole number from 2 to 24, got {precision!r}")
    coefficients = None
    if shaping is not None:
        check_choice(shaping, "shaping", SHAPES)
        found = feedback(shaping, sample_rate)
        if found is None:
            raise ValueError(f"shaping {shaping!r} has no filter for {sample_rate:g} Hz")
        coefficients = np.array(found)
    shape = waveform.shape
    batch = waveform.reshape(-1, *shape[-2:]) if len(shape) > 1 else waveform.reshape(1, 1, -1)
    ditherer = Ditherer(
        precision,
        _states(len(batch), generator),
        batch.shape[1],
        sloped=noise == "sloped",
        shaping=coefficients,
    )
    return ditherer.dither(batch).reshape(shape)


def _states(count: int, generator: Seed) -> torch.Tensor:
    drawn = as_generator(generator)
    return torch.randint(0, 1 << 32, (count,), generator=drawn, device=drawn.device).cpu()
