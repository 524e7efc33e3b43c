"""Kaiser windows for a wanted attenuation, more exact than the classical rule.

Kaiser's ``beta = 0.1102 (attenuation - 8.7)`` ignores that a filter's stop-band also depends on
how wide its transition is. SoX corrects for that; `kaiser_beta` follows what the program
prints (``sox -V6``): a cubic in the attenuation for each of ten transition widths, an octave
apart, and a line between two of them. The numbers here were fitted to betas measured from its
filters, to 1e-7 or better.

Reference: J. F. Kaiser, "Nonrecursive digital filter design using the I0-sinh window function",
IEEE ISCAS 1974.
"""

from __future__ import annotations

import math

import torch

__all__ = ["kaiser_beta", "kaiser_length", "windowed_sinc"]

#: beta as a cubic in dB, at transitions of 0.0005 * 2^k.
_CUBICS = (
    (-6.78478319e-10, 1.02855959e-05, 0.1087556, -0.897836499),
    (-6.8973682e-10, 1.02743127e-05, 0.108760002, -0.897465856),
    (-1.000683e-09, 1.030092e-05, 0.1087677, -0.8977898),
    (-3.654471e-10, 1.040631e-05, 0.1087085, -0.8917766),
    (8.106988e-09, 6.983091e-06, 0.1091387, -0.9022048),
    (9.519571e-09, 7.272678e-06, 0.1090068, -0.8890768),
    (-5.626821e-09, 1.342186e-05, 0.1083999, -0.8565452),
    (-9.965946e-08, 5.073548e-05, 0.1040967, -0.6822778),
    (1.604808e-07, -5.856462e-05, 0.1185998, -1.24824),
    (-1.511964e-07, 6.363034e-05, 0.1064627, -0.8076665),
)


def kaiser_beta(attenuation_db: float, transition: float) -> float:
    """Return beta for an attenuation.

    Parameters
    ----------
    attenuation_db : float
        Attenuation of the stop-band in dB.
    transition : float
        A quarter of the transition's width relative to the cutoff.
    """
    if attenuation_db >= 60:
        octave = math.log2(transition / 0.0005)
        index = int(octave)
        low, high = (
            _cubic(_CUBICS[min(max(each, 0), len(_CUBICS) - 1)], attenuation_db)
            for each in (index, index + 1)
        )
        return low + (high - low) * (octave - index)
    if attenuation_db > 50:
        return 0.1102 * (attenuation_db - 8.7)
    if attenuation_db > 20.96:
        excess = attenuation_db - 20.96
        return 0.58417 * math.pow(excess, 0.4) + 0.07886 * excess
    return 0.0


def kaiser_length(attenuation_db: float, beta: float, transition: float) -> int:
    """Return how many taps a transition needs.

    Parameters
    ----------
    attenuation_db : float
        Attenuation of the stop-band in dB; below 60 Kaiser's own rule is used.
    beta : float
        The window's parameter.
    transition : float
        Width of the transition in cycles a sample.
    """
    if attenuation_db < 60:
        product = (attenuation_db - 7.95) / (2.285 * 2.0 * math.pi)
    else:
        product = _cubic((-1.577737e-05, 7.528358e-04, 0.6248022, 0.06186902), beta)
    return math.ceil(product / transition + 1.0)


def _cubic(coefficients: tuple[float, ...], x: float) -> float:
    value = 0.0
    for each in coefficients:
        value = value * x + each
    return value


def windowed_sinc(num_taps: int, cutoff: float, beta: float) -> torch.Tensor:
    """Return a low-pass ``cutoff sinc(cutoff n)`` under a Kaiser window, float64.

    Parameters
    ----------
    num_taps : int
        Odd number of taps.
    cutoff : float
        Half-amplitude point relative to the Nyquist frequency.
    beta : float
        Parameter of the window.
    """
    half = num_taps // 2
    n = torch.arange(-half, num_taps - half, dtype=torch.float64)
    window = torch.i0(beta * (1.0 - (n / max(half, 1)).square()).clamp_min(0.0).sqrt())
    at_centre = torch.i0(torch.tensor(beta, dtype=torch.float64))
    return cutoff * torch.sinc(cutoff * n) * window / at_centre
