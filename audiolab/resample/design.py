"""Design of the low-pass filter inside the resampler: how wide, how clean, which phase.

Resampling is convolution with one continuous low-pass kernel g, read at the new sample times::

    y[m] = sum_n x[n] g(m / new_rate - n / orig_rate)

The kernel depends on the *lower* of the two rates only. So time is measured here in samples of the
lower rate and frequency in fractions of its Nyquist frequency, and one design serves every ratio.

The kernel is a sinc under a Kaiser window [1]_. Its length follows from the attenuation A (dB)
and the transition width by Kaiser's rule, ``(A - 7.95) / (2.285 pi (stop - pass))``; the window's
shape is ``beta = 0.1102 (A - 8.7)``. Kaiser fitted both up to 100 dB; the tests measure what
comes out at 200 dB. Since the stop band starts at the lower Nyquist frequency at the latest,
nothing aliases, and the kernel is known completely by its samples at twice the lower rate: those
are what is designed.

The minimum-phase variant has the same magnitude response. Its phase is the Hilbert transform of
the log magnitude, computed by folding the real cepstrum [2]_. It rings only after an event, at
the price of a group delay that grows towards the band edge. No equiripple designs: they save a
tenth of the length and need an iterative solver that stalls at 200 dB.

References
----------
.. [1] J. F. Kaiser, "Nonrecursive digital filter design using the I0-sinh window function",
   IEEE International Symposium on Circuits and Systems, 1974.
.. [2] A. V. Oppenheim, R. W. Schafer, "Discrete-Time Signal Processing", 3rd ed., ch. 13,
   Pearson, 2010.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

import torch

from audiolab._validation import check_choice, check_range

__all__ = ["BRICKWALL", "DESIGNS", "MINIMUM_PHASE", "STANDARD", "FilterDesign", "Kernel"]

#: The kernel is designed on a grid of twice the lower rate: 2 points per sample.
_GRID = 2


class Kernel(Protocol):
    """What the engines ask of a filter: hashable, and equal only to one with the same response."""

    @property
    def num_samples(self) -> int:
        """Length of the kernel in samples of the lower rate."""

    @property
    def support(self) -> tuple[int, int]:
        """Samples of the lower rate before and after an event that the kernel reaches."""

    def response(self, duration: Fraction) -> torch.Tensor:
        """Return the bins ``k / duration`` below the lower Nyquist frequency, complex128."""

    def __hash__(self) -> int: ...


@dataclass(frozen=True)
class FilterDesign:
    """A resampling filter, in fractions of the lower of the two Nyquist frequencies.

    Parameters
    ----------
    pass_edge : float, default: 0.9125
        End of the pass band, 0.05 to 0.999.
    stop_edge : float, default: 1.0
        Start of the stop band, above `pass_edge` and at most 1: nothing aliases.
    attenuation_db : float, default: 200.0
        Depth of the stop band in dB, 60 to 220; the pass band deviates by the same small amount.
    phase : {"linear", "minimum"}, default: "linear"
        Linear phase has zero delay and rings as much before an event as after it; minimum phase
        rings after it only.

    Raises
    ------
    ValueError
        A value out of its range, or a transition narrower than 0.001.

    Notes
    -----
    The length in samples of the lower rate is ``(A - 7.95) / (2.285 pi (stop - pass))``: 306 for
    the defaults. Half of it is the latency of a stream with linear phase.

    Examples
    --------
    >>> FilterDesign().num_samples
    306
    >>> FilterDesign(pass_edge=0.8, attenuation_db=100).num_samples
    65
    """

    pass_edge: float = 0.9125
    stop_edge: float = 1.0
    attenuation_db: float = 200.0
    phase: str = "linear"

    def __post_init__(self) -> None:
        check_range(self.pass_edge, "pass_edge", 0.05, 0.999)
        check_range(self.stop_edge, "stop_edge", 0.051, 1.0)
        check_range(self.attenuation_db, "attenuation_db", 60.0, 220.0, unit="dB")
        check_choice(self.phase, "phase", ("linear", "minimum"))
        if self.stop_edge - self.pass_edge < 1e-3 - 1e-12:
            raise ValueError(
                f"stop_edge must exceed pass_edge by at least 0.001, "
                f"got pass_edge={self.pass_edge} and stop_edge={self.stop_edge}"
            )

    @property
    def num_samples(self) -> int:
        """Length of the kernel in samples of the lower rate."""
        width = math.pi * (self.stop_edge - self.pass_edge)
        return math.ceil((self.attenuation_db - 7.95) / (2.285 * width))

    @property
    def support(self) -> tuple[int, int]:
        """Samples of the lower rate before and after an event that the kernel reaches."""
        if self.phase == "linear":
            half = math.ceil(self.num_samples / 2)
            return half, half
        # Between the points of the design grid the kernel is band-limited, so it starts slightly
        # before zero: 8 samples cover what stands above the stop band.
        return 8, self.num_samples + 8

    def kernel(self) -> torch.Tensor:
        """Sample the kernel at twice the lower rate.

        Returns
        -------
        Tensor
            Shape ``(num_points,)``, float64, with a sum of 1. Linear phase: an odd number of
            points, time zero in the middle. Minimum phase: time zero first.

        Examples
        --------
        >>> kernel = FilterDesign().kernel()
        >>> kernel.shape, int(kernel.argmax())
        (torch.Size([613]), 306)
        """
        half_width = self.num_samples / 2
        count = math.floor(half_width * _GRID)
        time = torch.arange(-count, count + 1, dtype=torch.float64, device="cpu") / _GRID
        cutoff = (self.pass_edge + self.stop_edge) / 2
        beta = torch.tensor(0.1102 * (self.attenuation_db - 8.7), dtype=torch.float64, device="cpu")
        arch = (1 - (time / half_width).square()).clamp_min(0).sqrt()
        # i0e is I0 without its exponential growth, which would cost digits at large beta
        window = torch.special.i0e(beta * arch) * torch.exp(beta * (arch - 1))
        linear = torch.sinc(cutoff * time) * window
        linear = linear / linear.sum()
        return linear if self.phase == "linear" else _minimum_phase(linear)

    def response(self, duration: Fraction) -> torch.Tensor:
        """Evaluate the frequency response at the bins of a block.

        Parameters
        ----------
        duration : Fraction
            Length of the block in samples of the lower rate; bin k lies at ``k / duration`` cycles
            per sample.

        Returns
        -------
        Tensor
            Bins below the lower Nyquist frequency, shape ``(ceil(duration / 2),)``, complex128,
            with a gain of 1 at zero frequency.

        Examples
        --------
        >>> response = FilterDesign().response(Fraction(1000))
        >>> response.shape, bool(abs(response[450] - 1) < 1e-9)
        (torch.Size([500]), True)
        """
        num_bins = math.ceil(duration / 2)
        kernel = self.kernel()
        zero = (len(kernel) - 1) // 2 if self.phase == "linear" else 0
        points = duration * _GRID
        if points.denominator == 1 and points >= len(kernel):
            padded = torch.zeros(int(points), dtype=torch.float64, device="cpu")
            padded[: len(kernel)] = kernel
            spectrum: torch.Tensor = torch.fft.rfft(padded.roll(-zero))
            return spectrum[:num_bins]
        # No whole number of grid points in the block: the Fourier sum itself. Splitting the time
        # index into i * stride + j splits each exponential into two factors, which are few.
        stride = math.isqrt(len(kernel)) + 1
        table = torch.zeros(stride * stride, dtype=torch.complex128, device="cpu")
        table[: len(kernel)] = kernel.to(torch.complex128)
        bins = torch.arange(num_bins, dtype=torch.float64, device="cpu")[:, None]
        fine = torch.arange(stride, dtype=torch.float64, device="cpu")
        step = -2j * math.pi / float(points)
        inner = torch.exp(step * bins * fine) @ table.view(stride, stride).T
        return (inner * torch.exp(step * bins * (stride * fine - zero))).sum(dim=1)


#: Flat to 0.91 of the lower Nyquist frequency, nothing at or above it.
STANDARD = FilterDesign()

#: The same band edges with all ringing after the event.
MINIMUM_PHASE = FilterDesign(phase="minimum")

#: Flat to 0.99: nine times as long a kernel, which rings nine times as long around an event.
BRICKWALL = FilterDesign(pass_edge=0.99)

#: The designs behind the methods' names.
DESIGNS = {
    "audiolab": STANDARD,
    "audiolab_minimum_phase": MINIMUM_PHASE,
    "audiolab_brickwall": BRICKWALL,
}


def _minimum_phase(linear: torch.Tensor) -> torch.Tensor:
    """Return the causal kernel of the same length and magnitude that has minimum phase."""
    # The log magnitude dives at the zeros of the stop band; a long transform keeps its cepstrum
    # from wrapping, and the floor (20 dB below the deepest design) bounds the dives.
    size = 1 << math.ceil(math.log2(len(linear) * 128))
    magnitude = torch.fft.rfft(linear, n=size).abs().clamp_min(1e-12)
    cepstrum = torch.fft.irfft(magnitude.log(), n=size)
    cepstrum[1 : size // 2] *= 2
    cepstrum[size // 2 + 1 :] = 0
    whole: torch.Tensor = torch.fft.irfft(torch.exp(torch.fft.rfft(cepstrum)), n=size)
    kernel = whole[: len(linear)]
    return kernel / kernel.sum()
