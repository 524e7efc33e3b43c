"""Textures: a steam whistle and a babble of voices, two classics of audio tutorials.

The whistle is physical in outline: five pipes that are blown a little flat until the pressure has
built up, drift independently, and leak steam. The babble is statistical: several speakers, made
from the bundled clips by changing their speed, say random pieces at once.
"""

from __future__ import annotations

import numpy as np
import soxr
import torch

from audiolab._typing import Seed
from audiolab._validation import as_generator, check_range
from audiolab.signals._grid import TAU, as_signal, check_grid
from audiolab.signals._shaping import band_limit, fade_edges, smooth_random
from audiolab.signals.clips import clip
from audiolab.signals.noise import gaussian, shape_spectrum
from audiolab.units import db_to_amplitude

__all__ = ["babble", "whistle"]

#: Pipes of the whistle: pitch in Hz and relative level. Near a sixth chord, no ratio quite pure.
_PIPES = ((311.8, 0.8), (371.5, 1.0), (467.2, 0.9), (556.9, 0.7), (624.1, 0.45))
#: A stopped pipe: odd partials, the even ones faint; slightly sharp, as end correction makes them.
_PARTIALS = ((1, 1.0), (2, 0.06), (3, 0.22), (4, 0.03), (5, 0.09), (7, 0.04), (9, 0.02))
_STRETCH = 0.0008


def whistle(
    duration_s: float,
    sample_rate: int,
    *,
    steam_db: float = -20.0,
    amplitude: float = 0.5,
    generator: Seed = None,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> torch.Tensor:
    """Blow a five-pipe steam whistle.

    One blast fills the duration: the pressure rises in a fifth of a second and falls in the last
    third of one. Pitch follows the pressure, from 1.5 semitones flat; each pipe drifts by a few
    cents and trembles. Steam is Gaussian noise: a broad hiss, and a narrower breath that is
    modulated by the pipes.

    Parameters
    ----------
    duration_s : float
        Duration in seconds; two or three are natural.
    sample_rate : int
        Sample rate in Hz. Partials at or above half of it are left out.
    steam_db : float, default: -20.0
        RMS level of the steam relative to the pipes in dB.
    amplitude : float, default: 0.5
        Largest absolute sample.
    generator : torch.Generator, int or None, default: None
        Source of the drifts and the steam, or a seed for a new one.
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
        If a value is out of range.

    Examples
    --------
    >>> from audiolab import signals
    >>> signals.whistle(2.0, 24_000, generator=0).shape
    torch.Size([48000])
    """
    num_samples, rate = check_grid(duration_s, sample_rate)
    steam_gain = db_to_amplitude(check_range(steam_db, "steam_db", unit="dB"))
    peak = check_range(amplitude, "amplitude", 0.0)
    source = as_generator(generator)
    if num_samples < 2:
        return as_signal(torch.zeros(num_samples, dtype=torch.float64), dtype, device)
    pressure = _pressure(num_samples, rate)
    pipes = torch.zeros(num_samples, dtype=torch.float64)
    for pitch_hz, level in _PIPES:
        pipes += level * _pipe(pitch_hz, pressure, rate, source)
    steam = _steam(pipes, pressure, rate, source)
    mix = pipes + _unit(steam) * (steam_gain * _rms(pipes))
    mix = fade_edges(mix, int(0.005 * rate), int(0.02 * rate))
    return as_signal(mix * (peak / mix.abs().max().clamp_min(1e-12)), dtype, device)


def _rms(samples: torch.Tensor) -> torch.Tensor:
    return samples.square().mean().sqrt()


def _unit(samples: torch.Tensor) -> torch.Tensor:
    """Scale to an RMS of 1; what is silent, as a filtered noise of two samples is, stays so."""
    return samples / _rms(samples).clamp_min(1e-12)


def _pressure(num_samples: int, rate: int) -> torch.Tensor:
    """Return the steam pressure: an exponential rise, then a half-cosine as the valve closes."""
    time = torch.arange(num_samples, dtype=torch.float64) / rate
    rise = 1.0 - torch.exp(-time / 0.07)
    left = (num_samples / rate - time) / min(0.35, 0.5 * num_samples / rate)
    return rise * (0.5 - 0.5 * torch.cos(0.5 * TAU * left.clamp(0.0, 1.0)))


def _pipe(
    pitch_hz: float, pressure: torch.Tensor, rate: int, source: torch.Generator
) -> torch.Tensor:
    num_samples = pressure.numel()
    drift = smooth_random(num_samples, rate, 3.0, source)
    tremble = smooth_random(num_samples, rate, 11.0, source)
    start = torch.rand((), dtype=torch.float64, generator=source, device=source.device).cpu()
    # Semitones: flat while the pressure is low, 4 cents of drift, 1.5 of trembling.
    semitones = -1.5 * (1.0 - pressure).square() + 0.04 * drift + 0.015 * tremble
    frequency = pitch_hz * 2.0 ** (semitones / 12.0)
    turns = start + torch.cumsum(frequency, -1) / rate
    loudness = pressure * (1.0 + 0.08 * drift + 0.06 * tremble)
    samples = torch.zeros(num_samples, dtype=torch.float64)
    for partial, level in _PARTIALS:
        ratio = partial * (1.0 + _STRETCH * (partial - 1))
        # Left out as a whole where it would alias at any moment.
        if ratio * float(frequency.max()) >= rate / 2:
            break
        # Overtones need pressure: they come later and go first.
        samples += level * loudness ** (1.0 + 0.25 * (partial - 1)) * torch.sin(TAU * ratio * turns)
    return samples


def _steam(
    pipes: torch.Tensor, pressure: torch.Tensor, rate: int, source: torch.Generator
) -> torch.Tensor:
    num_samples = pipes.numel()
    limit = 0.45 * rate
    white = gaussian(num_samples, (2,), source)
    hiss = shape_spectrum(white[0], rate, 1.0, min(2000.0, 0.5 * limit))
    hiss = band_limit(hiss, rate, min(1200.0, 0.5 * limit), limit, edge_octaves=1.5)
    breath = band_limit(white[1], rate, min(300.0, 0.25 * limit), min(1800.0, 0.5 * limit))
    # Turbulence is strongest while the valve opens, before the pipes speak.
    opening = torch.exp(-torch.arange(num_samples, dtype=torch.float64) / (0.12 * rate))
    flow = pressure.sqrt() * (1.0 + 1.5 * opening)
    puffs = 1.0 + 0.3 * smooth_random(num_samples, rate, 14.0, source)
    blown = 0.4 + pipes.abs() / pipes.abs().max().clamp_min(1e-12)
    return flow * puffs * (_unit(hiss) + 0.7 * blown * _unit(breath))


def babble(
    duration_s: float,
    sample_rate: int,
    *,
    num_voices: int = 8,
    rms_db: float = -20.0,
    generator: Seed = None,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> torch.Tensor:
    """Let several voices speak at once.

    Each voice is one of the bundled speech clips at a speed of its own, 0.84 to 1.19, which moves
    its pitch and formants too; it says pieces of 0.8 to 2 s in random order, joined by 40 ms
    crossfades, at a level within 3 dB of the others.

    Parameters
    ----------
    duration_s : float
        Duration in seconds.
    sample_rate : int
        Sample rate in Hz. Above 24 kHz the band stays that of the clips.
    num_voices : int, default: 8
        Number of voices; with one or two the words can be understood.
    rms_db : float, default: -20.0
        RMS level in dB of full scale, met exactly. Speech has high crests: above about -15 dB
        expect samples beyond full scale.
    generator : torch.Generator, int or None, default: None
        Source of voices and pieces, or a seed for a new one.
    dtype : torch.dtype, default: torch.float32
        Type of the result.
    device : torch.device or str, default: "cpu"
        Where the result lies.

    Returns
    -------
    Tensor
        Samples, shape ``(time,)``.

    Raises
    ------
    ValueError
        If a value is out of range.

    See Also
    --------
    clip : The clips themselves.

    Examples
    --------
    >>> from audiolab import signals
    >>> signals.babble(3.0, 16_000, generator=0).shape
    torch.Size([48000])
    """
    num_samples, rate = check_grid(duration_s, sample_rate)
    rms = db_to_amplitude(check_range(rms_db, "rms_db", unit="dB"))
    if isinstance(num_voices, bool) or not isinstance(num_voices, int):
        raise TypeError(f"num_voices must be an int, got {type(num_voices).__name__}")
    if num_voices < 1:
        raise ValueError(f"num_voices must be at least 1, got {num_voices}")
    source = as_generator(generator)
    mix = torch.zeros(num_samples, dtype=torch.float64)
    for number in range(num_voices):
        mix += _voice(("speech_female", "speech_male")[number % 2], num_samples, rate, source)
    level = _rms(mix) if num_samples else torch.tensor(0.0)
    return as_signal(mix * (rms / level) if float(level) else mix, dtype, device)


def _voice(name: str, num_samples: int, rate: int, source: torch.Generator) -> torch.Tensor:
    def uniform(low: float, high: float) -> float:
        draw = torch.rand((), dtype=torch.float64, generator=source, device=source.device)
        return low + (high - low) * float(draw)

    waveform, clip_rate = clip(name)
    speed = 2.0 ** uniform(-0.25, 0.25)
    speech = torch.from_numpy(
        soxr.resample(waveform[0].numpy().astype(np.float64), clip_rate * speed, rate, "HQ")
    )
    speech *= db_to_amplitude(uniform(-3.0, 3.0)) / float(_rms(speech))
    overlap = int(0.04 * rate)
    stream = torch.zeros(num_samples + overlap, dtype=torch.float64)
    # The first piece starts before zero, so that the voices don't all join in at once.
    position = -int(uniform(0.0, 0.8) * rate)
    while position < num_samples:
        length = min(int(uniform(0.8, 2.0) * rate), speech.numel())
        start = int(uniform(0.0, float(speech.numel() - length)))
        piece = fade_edges(speech[start : start + length], overlap, overlap)
        skip = max(0, -position)
        stop = min(position + length, stream.numel())
        stream[position + skip : stop] += piece[skip : stop - position]
        position += max(length - overlap, 1)
    return stream[:num_samples]
