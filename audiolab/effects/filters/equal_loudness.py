"""Filters drawn as a curve of decibels over frequency: equal loudness, and a curve of one's own.

A natural cubic spline over ``ln f`` goes through the points; its values at the bins of a long
transform, no wider than 2 Hz, give an impulse response that is symmetric around time zero; a window
cuts it to length.

References: ISO 226:2003, "Normal equal-loudness-level contours"; the manual page sox(1).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from audiolab._convolution import convolve
from audiolab._validation import check_positive, check_range, check_waveform
from audiolab.effects._kaiser import kaiser_beta

__all__ = ["curve_taps", "firfit", "loudness", "loudness_taps"]

Doubles = NDArray[np.float64]

#: ISO 226:2003, table 1: frequency in Hz, exponent of loudness, level of the transfer function
#: normalised at 1 kHz in dB, threshold of hearing in dB.
_ISO_226 = np.array(
    [
        (20, 0.532, -31.6, 78.5),
        (25, 0.506, -27.2, 68.7),
        (31.5, 0.480, -23.0, 59.5),
        (40, 0.455, -19.1, 51.1),
        (50, 0.432, -15.9, 44.0),
        (63, 0.409, -13.0, 37.5),
        (80, 0.387, -10.3, 31.5),
        (100, 0.367, -8.1, 26.5),
        (125, 0.349, -6.2, 22.1),
        (160, 0.330, -4.5, 17.9),
        (200, 0.315, -3.1, 14.4),
        (250, 0.301, -2.0, 11.4),
        (315, 0.288, -1.1, 8.6),
        (400, 0.276, -0.4, 6.2),
        (500, 0.267, 0.0, 4.4),
        (630, 0.259, 0.3, 3.0),
        (800, 0.253, 0.5, 2.2),
        (1000, 0.250, 0.0, 2.4),
        (1250, 0.246, -2.7, 3.5),
        (1600, 0.244, -4.1, 1.7),
        (2000, 0.243, -1.0, -1.3),
        (2500, 0.243, 1.7, -4.2),
        (3150, 0.243, 2.5, -6.0),
        (4000, 0.242, 1.2, -5.4),
        (5000, 0.242, -2.1, -1.5),
        (6300, 0.245, -7.1, 6.0),
        (8000, 0.254, -11.2, 12.6),
        (10_000, 0.271, -10.7, 13.9),
        (12_500, 0.301, -3.1, 12.3),
    ]
)

#: Half the lengths that SoX's filters have, but for one hidden argument of ``loudness``.
HALF_LENGTH = 1023


def _contour(loudness_phon: float) -> Doubles:
    """Return the sound pressure levels that are equally loud, in dB at the table's frequencies."""
    _, exponent, transfer, threshold = _ISO_226.T
    a = (0.4 * 10.0 ** ((threshold + transfer) / 10.0 - 9.0)) ** exponent
    a = a + 4.47e-3 * (10.0 ** (0.025 * loudness_phon) - 1.15)
    level: Doubles = 10.0 / exponent * np.log10(a) - transfer + 94.0
    return level


def curve_taps(
    frequency_hz: Sequence[float] | Doubles,
    gain_db: Sequence[float] | Doubles,
    sample_rate: float,
    window: Doubles,
) -> torch.Tensor:
    """Return a symmetric filter through points, as long as its window; level beyond the points."""
    from scipy import interpolate

    size = 8192
    while size < sample_rate / 2:
        size *= 2
    where = np.log(np.asarray(frequency_hz, dtype=np.float64))
    cubic: Any = interpolate.CubicSpline
    spline = cubic(where, np.asarray(gain_db, dtype=np.float64), bc_type="natural")
    bins = np.arange(size // 2 + 1) * (sample_rate / size)
    bins[0] = frequency_hz[0]
    level_db = spline(np.clip(np.log(bins), where[0], where[-1]))
    response = np.fft.irfft(10.0 ** (level_db / 20.0), size)
    half = len(window) // 2
    # What is remembered has to serve later calls that record gradients.
    with torch.inference_mode(False):
        return torch.from_numpy(np.roll(response, half)[: len(window)] * window)


@lru_cache(maxsize=32)
def loudness_taps(
    sample_rate: float,
    gain_db: float = -10.0,
    reference_phon: float = 65.0,
    half_length: int = HALF_LENGTH,
) -> torch.Tensor:
    """Return the taps of `loudness`, time zero in the middle."""
    rate = check_positive(sample_rate, "sample_rate", unit="Hz")
    check_range(gain_db, "gain_db", -50.0, 15.0, unit="dB")
    check_range(reference_phon, "reference_phon", 50.0, 75.0, unit="phon")
    check_range(half_length, "half_length", 127, 2047)
    difference = _contour(reference_phon + gain_db) - _contour(reference_phon)
    # The table ends where hearing does; far outside a fifth of the gain is left.
    frequency = np.concatenate([[1.0], _ISO_226[:, 0], [100_000.0]])
    level = np.concatenate([[0.2 * gain_db], difference, [0.2 * gain_db]])
    beta = kaiser_beta(40.0 + 2.0 / 3.0 * abs(gain_db), 0.1)
    place = np.arange(-half_length, half_length + 1) / half_length
    window = np.i0(beta * np.sqrt(1.0 - place * place)) / np.i0(beta)
    return curve_taps(frequency, level, rate, window)


def loudness(
    waveform: torch.Tensor,
    sample_rate: float,
    *,
    gain_db: float = -10.0,
    reference_phon: float = 65.0,
) -> torch.Tensor:
    """Change the level and keep the balance that the ear hears: SoX's ``loudness``.

    The gain at a frequency is the distance of the equal-loudness contours of ISO 226 at
    ``reference_phon + gain_db`` and ``reference_phon``: at 1 kHz it is `gain_db`, bass and treble
    are changed less. 2047 taps under a Kaiser window for ``40 + 2/3 |gain_db|`` dB.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(..., time)``.
    sample_rate : float
        Sample rate in Hz.
    gain_db : float, default: -10
        Gain at 1 kHz, -50 to 15 dB.
    reference_phon : float, default: 65
        Loudness at which the signal was balanced, 50 to 75 phon.

    Returns
    -------
    Tensor
        Filtered samples, of the same shape and dtype.

    Raises
    ------
    ValueError
        If a parameter is out of its range.

    Notes
    -----
    This turns a volume knob; `audiolab.metrics.loudness_lufs` measures loudness. Gradients reach
    the samples.

    Examples
    --------
    >>> import torch
    >>> tone = torch.sin(2 * torch.pi * 1000 * torch.arange(16_000) / 16_000)
    >>> quiet = loudness(tone, 16_000, gain_db=-20.0)
    >>> quiet[4000:-4000].abs().max().round(decimals=3)
    tensor(0.1000)
    """
    check_waveform(waveform)
    taps = loudness_taps(sample_rate, gain_db, reference_phon)
    return convolve(waveform, taps, start=len(taps) // 2)


def firfit_taps(
    sample_rate: float, frequencies_hz: Sequence[float], gains_db: Sequence[float]
) -> torch.Tensor:
    """Return the taps of `firfit`, time zero in the middle."""
    rate = check_positive(sample_rate, "sample_rate", unit="Hz")
    if len(frequencies_hz) != len(gains_db) or len(frequencies_hz) < 2:
        raise ValueError(
            "frequencies_hz and gains_db must have as many values, 2 or more, got "
            f"{len(frequencies_hz)} and {len(gains_db)}"
        )
    previous = 0.0
    for frequency in frequencies_hz:
        if check_positive(frequency, "frequencies_hz", unit="Hz") <= previous:
            raise ValueError(f"frequencies_hz must rise, got {frequency} after {previous}")
        previous = frequency
    for gain in gains_db:
        check_range(gain, "gains_db")
    # Nuttall's four terms, the ones that are called Blackman-Nuttall.
    turn = math.pi * np.arange(-HALF_LENGTH, HALF_LENGTH + 1) / HALF_LENGTH
    terms = (0.3635819, 0.4891775, 0.1365995, 0.0106411)
    window = sum((term * np.cos(k * turn) for k, term in enumerate(terms)), np.zeros_like(turn))
    return curve_taps(frequencies_hz, gains_db, rate, window)


def firfit(
    waveform: torch.Tensor,
    sample_rate: float,
    *,
    frequencies_hz: Sequence[float],
    gains_db: Sequence[float],
) -> torch.Tensor:
    """Filter by a curve of decibels drawn through points: SoX's experimental ``firfit``.

    A natural cubic spline over the logarithm of the frequency; below the first and above the last
    point the curve is level. 2047 taps under a Blackman-Nuttall window, linear phase, no delay.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(..., time)``.
    sample_rate : float
        Sample rate in Hz.
    frequencies_hz : sequence of float
        Frequencies of the points in Hz, rising, 2 or more. Those above the Nyquist frequency
        shape the curve below it.
    gains_db : sequence of float
        Gain at each point in dB.

    Returns
    -------
    Tensor
        Filtered samples, of the same shape and dtype.

    Raises
    ------
    ValueError
        If the points are fewer than two, not as many, or do not rise.

    Notes
    -----
    Gradients reach the samples.

    Examples
    --------
    >>> import torch
    >>> tone = torch.sin(2 * torch.pi * 1000 * torch.arange(16_000) / 16_000)
    >>> y = firfit(tone, 16_000, frequencies_hz=[100, 1000, 5000], gains_db=[0.0, 6.0206, 0.0])
    >>> y[4000:-4000].abs().max().round(decimals=2)
    tensor(2.)
    """
    check_waveform(waveform)
    taps = firfit_taps(sample_rate, frequencies_hz, gains_db)
    return convolve(waveform, taps, start=len(taps) // 2)
