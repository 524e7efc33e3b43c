"""Shaping by the Fourier transform, fades and panning: what several generators share."""

from __future__ import annotations

import math

import torch

from audiolab.signals._grid import TAU

__all__ = ["band_limit", "fade_edges", "pan", "smooth_random"]


def band_limit(
    samples: torch.Tensor, rate: int, low_hz: float, high_hz: float, *, edge_octaves: float = 0.5
) -> torch.Tensor:
    """Keep a band, with raised-cosine edges on a logarithmic axis that are 3 dB down at the limits.

    The filter is circular and has no phase: for noise and decayed sounds, not for streams.
    """
    frequencies = torch.fft.rfftfreq(samples.shape[-1], d=1.0 / rate, dtype=torch.float64)
    octaves = torch.log2(frequencies.clamp_min(1e-3))
    rise = ((octaves - math.log2(low_hz)) / edge_octaves + 0.5).clamp(0.0, 1.0)
    fall = ((math.log2(high_hz) - octaves) / edge_octaves + 0.5).clamp(0.0, 1.0)
    gain = torch.sin(0.25 * TAU * rise) * torch.sin(0.25 * TAU * fall)
    kept: torch.Tensor = torch.fft.irfft(torch.fft.rfft(samples) * gain, n=samples.shape[-1])
    return kept


def fade_edges(samples: torch.Tensor, fade_in: int, fade_out: int) -> torch.Tensor:
    """Apply raised-cosine fades of so many samples; both are shortened to what is there."""
    num_samples = samples.shape[-1]
    envelope = torch.ones(num_samples, dtype=torch.float64)
    for length, at_end in ((min(fade_in, num_samples), False), (min(fade_out, num_samples), True)):
        ramp = 0.5 - 0.5 * torch.cos(0.5 * TAU * torch.arange(length, dtype=torch.float64) / length)
        if at_end:
            envelope[num_samples - length :] *= ramp.flip(0)
        else:
            envelope[:length] *= ramp
    return samples * envelope


def pan(samples: torch.Tensor, position: float) -> torch.Tensor:
    """Place a mono signal between left (-1) and right (1) at constant power; returns (2, time)."""
    angle = 0.125 * TAU * (position + 1.0)
    return torch.stack([math.cos(angle) * samples, math.sin(angle) * samples])


def smooth_random(
    num_samples: int, rate: int, bandwidth_hz: float, source: torch.Generator
) -> torch.Tensor:
    """Draw a slow random curve of unit RMS, for drifting pitch and fluttering loudness.

    One normal value is drawn every half period of `bandwidth_hz` and a raised cosine leads from
    each to the next, so that the curve at a time doesn't depend on the duration.
    """
    step = rate / (2.0 * bandwidth_hz)
    position = torch.arange(num_samples, dtype=torch.float64) / step
    num_knots = int(num_samples / step) + 2
    knots = torch.randn(num_knots, dtype=torch.float64, generator=source, device=source.device)
    knots = knots.cpu()
    left = position.long().clamp_max(num_knots - 2)
    blend = 0.5 - 0.5 * torch.cos(0.5 * TAU * (position - left))
    # Between two independent knots the variance of the blend is 3/4 on average.
    return (knots[left] * (1.0 - blend) + knots[left + 1] * blend) / math.sqrt(0.75)
