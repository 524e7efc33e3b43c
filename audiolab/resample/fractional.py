r"""Ratios without a usable period: a nearly right grid, and a small shift that drifts.

Blocks are filtered by FFT as in ``blocks.py``, but block sizes whose quotient is *exactly* the
ratio would be too long. So the inverse transform has the size that comes nearest, and output j of
a block lies at grid point j plus a shift :math:`u_j` that grows linearly over the block. The part
that is the same for the whole block is a factor :math:`e^{j \omega \varphi}` on its spectrum; the
rest stays within :math:`|u_j| \le U`, some hundredths of a sample. With :math:`\omega` in radians
per grid point, the Jacobi-Anger expansion [1]_ separates time from frequency:

.. math::

    e^{j \omega u} = \sum_{d \ge 0} (2 - \delta_{d0})\, j^d\, J_d(\omega U)\, T_d(u / U)

with Bessel functions J and Chebyshev polynomials T. Each term is one inverse transform, weighted
in time: a Farrow structure [2]_ whose sub-filters are known in closed form. What is left out
after D terms is below :math:`2 (\pi U / 2)^D / D!`; for U = 0.05 that is -146 dB after five
terms. There is no kernel that grows with the terms of the ratio, and no table of phases.

References
----------
.. [1] M. Abramowitz, I. A. Stegun, "Handbook of Mathematical Functions", 9.1.44-45, 1964.
.. [2] C. W. Farrow, "A continuously variable digital delay element", IEEE International Symposium
   on Circuits and Systems, 1988. doi:10.1109/ISCAS.1988.15483
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch

from audiolab.resample.blocks import Piece, filtered, inverse, pieces, run, spectrum_gain
from audiolab.resample.plan import Plan

__all__ = ["fractional_blocks"]


def fractional_blocks(
    x: torch.Tensor, plan: Plan, *, origin: int, start: int, length: int
) -> torch.Tensor:
    """Compute outputs `start` to `start + length` from rows that begin at index `origin`.

    Inputs outside of `x` count as zero. Shapes ``(rows, time)``.
    """
    y = x.new_empty(x.shape[0], length)
    gain = spectrum_gain(plan, x)
    factors, weights = _series(plan, gain.shape[-1])
    factors, weights = factors.to(device=x.device, dtype=x.dtype.to_complex()), weights.to(x)
    first_point = round(plan.lead * plan.block_out / plan.block_in)
    jobs = pieces(x, plan, origin=origin, start=start, length=length)

    @lru_cache(maxsize=2)  # the next pieces are the same blocks of other rows
    def shifted(first: int, last: int) -> torch.Tensor:
        return gain * _shifts(plan, start, first, last, num_bins=len(gain)).to(gain)

    def compute(piece: Piece) -> torch.Tensor:
        spectrum = filtered(piece.samples(), shifted(piece.first, piece.last), plan)
        bins = spectrum[..., : len(gain)]
        term = torch.zeros_like(spectrum)
        total = x.new_zeros(*spectrum.shape[:-1], plan.hop)
        for factor, weight in zip(factors, weights, strict=True):
            torch.mul(bins, factor, out=term[..., : len(gain)])
            branch = inverse(term, plan)[..., first_point : first_point + plan.hop]
            total.addcmul_(branch, weight)
        return total

    run(compute, jobs, y, plan)
    return y


def _shifts(plan: Plan, start: int, first: int, last: int, *, num_bins: int) -> torch.Tensor:
    """Phase factors ``(blocks, bins)`` that put each block's middle output on a grid point."""
    p, q = plan.ratio.numerator, plan.ratio.denominator
    scale = plan.block_out / plan.block_in
    lead = plan.lead * scale - round(plan.lead * scale) + plan.drift * (plan.hop - 1) / 2
    points = torch.tensor(
        [(start + block * plan.hop) * q % p / p * scale + lead for block in range(first, last)],
        dtype=torch.float64,
        device="cpu",
    )
    # exp(j k a) for k = i * stride + l as a product of two short tables
    angle = (2j * math.pi / plan.block_out * points)[:, None]
    stride = math.isqrt(num_bins) + 1
    fine = torch.arange(stride, dtype=torch.float64, device="cpu")
    table = torch.exp(angle * stride * fine)[:, :, None] * torch.exp(angle * fine)[:, None, :]
    return table.flatten(-2)[:, :num_bins]


@lru_cache(maxsize=32)
def _series(plan: Plan, num_bins: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Factors ``(terms, bins)`` in frequency and weights ``(terms, hop)`` in time."""
    count = plan.num_terms
    reach = abs(plan.drift) * (plan.hop - 1) / 2
    # Chebyshev interpolation at twice as many nodes gives the Bessel functions to double precision.
    nodes = 2 * count + 2
    angle = math.pi * (torch.arange(nodes, dtype=torch.float64, device="cpu") + 0.5) / nodes
    order = torch.arange(count, dtype=torch.float64, device="cpu")
    transform = 2.0 / nodes * torch.cos(order[:, None] * angle)
    transform[0] /= 2
    bins = torch.arange(num_bins, dtype=torch.float64, device="cpu")
    omega = 2 * math.pi / plan.block_out * bins
    exponentials = torch.exp(1j * reach * omega * torch.cos(angle)[:, None])
    factors = transform.to(torch.complex128) @ exponentials
    place = torch.linspace(-1, 1, plan.hop, dtype=torch.float64, device="cpu")
    place = place * math.copysign(1, plan.drift) if plan.hop > 1 else torch.zeros_like(place)
    weights = [torch.ones_like(place), place]
    while len(weights) < count:
        weights.append(2 * place * weights[-1] - weights[-2])
    return factors, torch.stack(weights[:count])
