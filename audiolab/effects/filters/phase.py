"""Other phases for a linear-phase filter: same magnitudes, less ringing before or after.

The minimum-phase response has the magnitude ``|H|`` and the phase that the Hilbert transform of
``log |H|`` prescribes; folding the cepstrum computes it. Its phase rises smoothly, but for a jump
of pi at each zero on the unit circle. Between minimum and linear phase, that smooth part is blended
with a straight line to the same end; the jumps stay where they are. Beyond linear phase, towards
maximum, everything is the mirror image.

Reference: A. V. Oppenheim and R. W. Schafer, "Discrete-Time Signal Processing", chapter on the
cepstrum. The size of the transform, where a response is cut and which of its samples counts as time
zero follow what ``sox --plot octave`` shows for ``sinc -p``.
"""

from __future__ import annotations

import math

import torch

from audiolab._validation import check_range

__all__ = ["with_phase"]

#: Logarithm that stands for the magnitude zero.
_LOG_OF_ZERO = -26.0


def with_phase(taps: torch.Tensor, phase: float) -> tuple[torch.Tensor, int]:
    """Return a filter of the same magnitudes, and which of its taps is time zero.

    Parameters
    ----------
    taps : Tensor
        A symmetric filter of odd length, float64.
    phase : float
        0 minimum, 25 intermediate, 50 linear, 100 maximum.
    """
    check_range(phase, "phase", 0.0, 100.0)
    if phase == 50:
        return taps, len(taps) // 2
    mirrored = phase > 50
    linear = (100.0 - phase if mirrored else phase) / 50.0
    response, num_zeros = _blend(taps, linear)
    peak = _main_peak(response, num_zeros)
    count = len(taps)
    if linear == 0.0:
        before, after = peak, count - peak
    else:
        # Four at a time, as the program cuts.
        before = int((0.997 - 0.22 * (2.0 - linear)) * count + 0.5) // 4 * 4
        after = 1 + (int((0.997 - 0.22 * linear) * count + 0.5) + 3) // 4 * 4
    index = torch.arange(peak - before, peak + after) % len(response)
    result = response[index]
    if mirrored:
        return result.flip(0), len(result) - 1 - before
    return result, before


def _blend(taps: torch.Tensor, linear: float) -> tuple[torch.Tensor, int]:
    """Return the response from time zero on, around a circle, and its zeros on the unit circle."""
    size = 32 << int(math.log2(len(taps)))
    spectrum = torch.fft.rfft(taps, size)
    angle = torch.arange(size // 2 + 1, dtype=torch.float64) * (2.0 * math.pi / size)
    # The amplitude with its sign: real, because the filter is symmetric. It turns at each zero.
    amplitude = (spectrum * torch.polar(torch.ones_like(angle), angle * (len(taps) // 2))).real
    positive = torch.nn.functional.pad(amplitude >= 0, (1, 0), value=True)
    jumps = (positive[1:] != positive[:-1]).cumsum(0)
    num_zeros = int(jumps[-1])
    turns = math.pi * jumps.double()
    magnitude = spectrum.abs()
    logarithm = torch.where(magnitude > 0, magnitude.log(), _LOG_OF_ZERO)
    cepstrum = torch.fft.irfft(logarithm, size)
    cepstrum[1 : size // 2] *= 2.0
    cepstrum[size // 2 + 1 :] = 0.0
    minimum = torch.fft.rfft(cepstrum)
    straight = turns[-1] * angle / math.pi
    blended = linear * straight + (1.0 - linear) * (turns - minimum.imag) - turns
    # At the ends of the spectrum the phase of a real filter is that of its sign.
    blended[0], blended[-1] = 0.0, 0.0
    return torch.fft.irfft(torch.polar(minimum.real.exp(), -blended), size), num_zeros


def _main_peak(response: torch.Tensor, num_zeros: int) -> int:
    """Return the peak before the highest point of the step response."""
    peak = int(response[: num_zeros + 1].cumsum(0).abs().argmax())
    h = response.tolist()
    while peak and abs(h[peak - 1]) > abs(h[peak]) and h[peak - 1] * h[peak] > 0:
        peak -= 1
    return peak
