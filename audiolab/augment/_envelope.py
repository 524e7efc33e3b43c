r"""The spectral envelope of each frame: formants without the harmonics between them.

The log spectrum is smoothed by keeping its first cepstral coefficients, which passes *between* the
harmonics; the "true envelope" passes over their tips: each round, whatever lies below the smooth
curve is raised to it, and smoothing starts again (A. Röbel, X. Rodet, "Efficient spectral envelope
estimation and its application to pitch shifting and envelope preservation", DAFx 2005).
"""

from __future__ import annotations

import torch

__all__ = ["moved_gain"]

#: Cepstral coefficients up to this quefrency are kept: half the period of a voice at 250 Hz.
_LIFTER_S = 0.002

_ROUNDS = 12

#: Below a frame's loudest bin by this much a spectrum has no shape to be kept.
_FLOOR_DB = -80.0

#: More gain would lift noise.
_MOST_GAIN_DB = 40.0


def moved_gain(spectra: torch.Tensor, sample_rate: float, pitch: float) -> torch.Tensor:
    """Return factors ``(frames, bins)`` which spread the envelopes by `pitch`, towards low bins.

    Bin b gets the envelope of bin ``pitch * b``, so that the envelope is back in its place when all
    frequencies are multiplied by `pitch`.
    """
    power = torch.view_as_real(spectra.detach()).square().sum(dim=(0, -1))
    loudest = power.amax(dim=-1, keepdim=True)
    tiny = torch.finfo(power.dtype).tiny
    level = power.clamp_min(tiny).maximum(loudest * 10 ** (_FLOOR_DB / 10)).log() / 2
    envelope = _true_envelope(level, sample_rate)
    bins = level.shape[-1]
    place = (torch.arange(bins, device=level.device) * pitch).clamp_max(bins - 1)
    low = place.long().clamp_max(bins - 2)
    part = (place - low).to(level.dtype)
    moved = torch.lerp(envelope[:, low], envelope[:, low + 1], part)
    most = _MOST_GAIN_DB * 0.1151292546  # in nepers
    return (moved - envelope).clamp(-most, most).exp()


def _true_envelope(level: torch.Tensor, sample_rate: float) -> torch.Tensor:
    """Return smooth curves over the tips of log magnitudes ``(frames, bins)``."""
    size = 2 * (level.shape[-1] - 1)
    kept = min(round(_LIFTER_S * sample_rate), size // 2 - 1)
    envelope = target = level
    for _ in range(_ROUNDS):
        cepstrum = torch.fft.irfft(target, n=size)
        cepstrum[..., kept + 1 : size - kept] = 0.0
        envelope = torch.fft.rfft(cepstrum).real
        target = torch.maximum(level, envelope)
    return envelope
