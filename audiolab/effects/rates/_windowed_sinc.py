r"""The windowed sinc functions of SoX's ``rate``: how long, how steep, by a rule that was measured.

Each kernel is :math:`f\,\mathrm{sinc}(f t)` under a Kaiser window [1]_, t in samples of its own
rate and f its cutoff as a fraction of its own Nyquist frequency. ``sox -V6`` prints every filter
that it designs; the rules below reproduce what it printed for 1900 combinations of rates, qualities
and options: the number of taps exactly, the window's shape to 6e-5.

- Beta is piecewise linear in the logarithm of the relative transition width (its width over its
  middle), and cubic in the attenuation.
- Taps are a cubic in beta over the transition width, rounded up.

References
----------
.. [1] J. F. Kaiser, "Nonrecursive digital filter design using the I0-sinh window function",
   IEEE International Symposium on Circuits and Systems, 1974.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

__all__ = ["Sinc", "kaiser_beta", "taps_times_width", "transform"]

#: Beta at relative transition widths of 0.004 * 2^row: coefficients of powers of (att - 140) / 40.
_BETA = (
    (14.528457, 4.463892, 0.015951, -0.000076),
    (14.528834, 4.463713, 0.015813, -0.000056),
    (14.530375, 4.464049, 0.016416, -0.000050),
    (14.536322, 4.462817, 0.016628, 0.000526),
    (14.540538, 4.464110, 0.018033, 0.000611),
    (14.567075, 4.473079, 0.017684, -0.000344),
    (14.612214, 4.497707, 0.014199, -0.006379),
    (14.648227, 4.465507, 0.014132, 0.010288),
    (14.929426, 4.615363, 0.000032, -0.009411),
)
_NARROWEST = 0.004
#: Taps times transition width: coefficients of powers of beta / 10.
_TAPS = (0.130277944, 12.4816972, 0.160739876, -0.033881000)


def kaiser_beta(attenuation_db: float, relative_width: float) -> float:
    """Return the window's shape for an attenuation and a transition's width over its middle."""
    place = min(max(math.log2(relative_width / _NARROWEST), 0.0), len(_BETA) - 1.0)
    row = min(math.floor(place), len(_BETA) - 2)
    x = (attenuation_db - 140) / 40
    low, high = (sum(c * x**power for power, c in enumerate(_BETA[i])) for i in (row, row + 1))
    return low + (high - low) * (place - row)


def taps_times_width(beta: float) -> float:
    """Return the number of taps for a transition as wide as the Nyquist frequency."""
    return sum(c * (beta / 10) ** power for power, c in enumerate(_TAPS))


@dataclass(frozen=True)
class Sinc:
    """A kernel: continuous in time, zero outside of ``[-reach, reach]``.

    Parameters
    ----------
    cutoff : float
        Middle of the transition band, as a fraction of the Nyquist frequency.
    beta : float
        Shape of the window.
    half_width : float
        Where the window would end, in samples.
    reach : float
        Where the last tap is, in samples.
    """

    cutoff: float
    beta: float
    half_width: float
    reach: float

    def at(self, time: torch.Tensor) -> torch.Tensor:
        """Return the kernel at some times in samples, float64."""
        arch = (1 - (time / self.half_width).square()).clamp_min(0).sqrt()
        beta = torch.tensor(self.beta, dtype=torch.float64, device="cpu")
        # i0e is I0 without its exponential growth, which would cost digits at large beta
        window = torch.special.i0e(beta * arch) * torch.exp(beta * (arch - 1))
        inside = time.abs() <= self.reach + 1e-6
        scale = self.cutoff / torch.special.i0e(beta)
        kernel: torch.Tensor = torch.sinc(self.cutoff * time) * window * inside * scale
        return kernel

    def taps(self, per_sample: int = 1) -> torch.Tensor:
        """Return the kernel on a grid, time zero in the middle."""
        count = math.floor(self.reach * per_sample + 1e-6)
        time = torch.arange(-count, count + 1, dtype=torch.float64, device="cpu")
        return self.at(time / per_sample) / per_sample


def transform(taps: torch.Tensor, origin: int, points: float, num_bins: int) -> torch.Tensor:
    """Evaluate the Fourier sum of taps at bins of a period of `points`, which need not be whole."""
    # Splitting the time index into i * stride + j splits each exponential into two, which are few.
    stride = math.isqrt(len(taps)) + 1
    table = torch.zeros(stride * stride, dtype=torch.complex128, device="cpu")
    table[: len(taps)] = taps.to(torch.complex128)
    bins = torch.arange(num_bins, dtype=torch.float64, device="cpu")[:, None]
    fine = torch.arange(stride, dtype=torch.float64, device="cpu")
    step = -2j * math.pi / points
    inner = torch.exp(step * bins * fine) @ table.view(stride, stride).T
    bent: torch.Tensor = (inner * torch.exp(step * bins * (stride * fine - origin))).sum(dim=1)
    return bent
