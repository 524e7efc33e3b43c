r"""Phase responses other than linear, for SoX's options ``-M``, ``-I`` and ``-p``.

The magnitude of the filter stays. The minimum phase is the Hilbert transform of the log magnitude,
by folding the real cepstrum [1]_; a setting between 0 (minimum) and 50 (linear) mixes it with the
phase of a delay, and beyond 50 the filter of 100 minus the setting is reversed in time.

Three choices only show in a comparison with SoX, and were found that way: the delay is as many
samples as the filter has zeros on the unit circle, the transform has at least 16 points a tap and
4096 in all, and time zero is the largest tap.

References
----------
.. [1] A. V. Oppenheim, R. W. Schafer, "Discrete-Time Signal Processing", 3rd ed., ch. 13,
   Pearson, 2010.
"""

from __future__ import annotations

import math

import torch

__all__ = ["with_phase"]


def with_phase(taps: torch.Tensor, phase: float) -> tuple[torch.Tensor, int]:
    """Return a symmetric filter's taps with another phase, and which of them is time zero."""
    count = len(taps)
    middle = count // 2
    size = max(4096, 1 << math.ceil(math.log2(16 * count)))
    padded = torch.zeros(size, dtype=torch.float64, device="cpu")
    padded[:count] = taps
    amplitude = torch.fft.rfft(padded.roll(-middle)).real
    num_zeros = int((amplitude[1:].sign() != amplitude[:-1].sign()).sum())
    magnitude = amplitude.abs().clamp_min(1e-20)
    cepstrum = torch.fft.irfft(magnitude.log(), n=size)
    cepstrum[1 : size // 2] *= 2
    cepstrum[size // 2 + 1 :] = 0
    minimum = torch.fft.rfft(cepstrum).imag
    mix = phase / 50 if phase <= 50 else 2 - phase / 50
    omega = torch.linspace(0, math.pi, size // 2 + 1, dtype=torch.float64, device="cpu")
    angle = (1 - mix) * minimum - mix * num_zeros * omega
    whole = torch.fft.irfft(torch.polar(magnitude, angle), n=size)
    before = 0 if mix == 0 else (2 * count) // 3
    whole = whole.roll(before)
    peak = int(whole[: before + count].argmax())
    start = 0 if mix == 0 else max(0, peak - (2 * count) // 3)
    stop = count if mix == 0 else min(size, peak + count)
    kept, origin = whole[start:stop], peak - start
    if phase > 50:
        return kept.flip(0), len(kept) - 1 - origin
    return kept, origin
