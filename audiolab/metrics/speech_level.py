r"""Levels that follow hearing and speech: A-weighted, and active speech after ITU-T P.56.

A-weighting is the analogue curve of IEC 61672-1 in hertz, applied to the power spectrum,

.. math:: R_A(f) = \frac{12194^2 f^4}{(f^2 + 20.6^2) \sqrt{(f^2 + 107.7^2)(f^2 + 737.9^2)}
    (f^2 + 12194^2)},

scaled to 1 at 1 kHz. The active level is the power of speech while somebody speaks: method B of
P.56 finds the threshold that lies 15.9 dB below the level of what exceeds it. The recommendation's
thresholds are powers of two of full scale; here they are powers of two below the item's own
maximum, so that a louder copy reads louder by exactly its gain.

References
----------
IEC 61672-1:2013, "Sound level meters", annex E.
ITU-T P.56, "Objective measurement of active speech level", 2011.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import scipy.fft
import torch
from numba import njit
from numpy.typing import NDArray

from audiolab._convolution import fast_length
from audiolab._validation import check_sample_rate, check_waveform
from audiolab.units import power_to_db

__all__ = ["ActiveLevel", "a_weighted_db", "a_weighting", "active_level_db"]

_CORNERS_HZ = (20.598997, 107.65265, 737.86223, 12194.217)
_MARGIN_DB = 15.9
_SMOOTHING_S = 0.03
_HANGOVER_S = 0.2
_THRESHOLDS = 20


def a_weighting(frequency_hz: torch.Tensor) -> torch.Tensor:
    """Return the A-weighting as an amplitude factor, 1 at 1 kHz.

    Parameters
    ----------
    frequency_hz : Tensor
        Frequencies in Hz, >= 0.

    Returns
    -------
    Tensor
        Factors, float64, of the same shape.

    Examples
    --------
    >>> import torch
    >>> from audiolab.metrics import a_weighting
    >>> [round(x, 1) for x in (20 * a_weighting(torch.tensor([100.0, 1e3])).log10()).tolist()]
    [-19.1, 0.0]
    """
    return _curve(frequency_hz.double()) / _curve(torch.tensor(1000.0, dtype=torch.float64)).item()


def _curve(frequency_hz: torch.Tensor) -> torch.Tensor:
    square = frequency_hz.square()
    first, second, third, fourth = (corner**2 for corner in _CORNERS_HZ)
    middle = ((square + second) * (square + third)).sqrt()
    return fourth * square.square() / ((square + first) * middle * (square + fourth))


def a_weighted_db(waveform: torch.Tensor, sample_rate: int) -> torch.Tensor:
    """Measure the A-weighted level, in dB of full scale.

    Parameters
    ----------
    waveform : Tensor
        Samples, shape ``(..., time)``.
    sample_rate : int
        Sample rate in Hz.

    Returns
    -------
    Tensor
        Level in dB, shape ``(...)``: that of the weighted power spectrum, over the duration of the
        waveform. A full-scale sine of 1 kHz has -3.01; silence is -inf. No gradient.

    Raises
    ------
    TypeError
        If `waveform` is not a floating-point tensor.
    ValueError
        If it has no samples, or NaN or infinite ones.

    See Also
    --------
    rms_db : The same without weighting.
    loudness_lufs : K-weighted and gated.

    Examples
    --------
    >>> from audiolab import metrics, signals
    >>> hum = signals.tone(50.0, 1.0, 16_000, amplitude=1.0)
    >>> print(f"{metrics.rms_db(hum):.1f} dB, {metrics.a_weighted_db(hum, 16_000):.1f} dB(A)")
    -3.0 dB, -33.2 dB(A)
    """
    check_waveform(waveform, allow_empty=False, finite=True)
    rate = check_sample_rate(sample_rate)
    samples = waveform.detach().cpu().double().numpy()
    num_samples = samples.shape[-1]
    # Padded to twice the length, the sum over bins is the energy of the filtered waveform with
    # its tail; the weighting rings for a tenth of a second at most.
    size = fast_length(max(2 * num_samples, rate // 10))
    spectrum = np.abs(scipy.fft.rfft(samples, size)) ** 2
    spectrum[..., 1 : size // 2] *= 2.0
    weights = a_weighting(torch.from_numpy(scipy.fft.rfftfreq(size, 1.0 / rate))).numpy() ** 2
    power = (spectrum * weights).sum(axis=-1) / (size * num_samples)
    level = power_to_db(torch.as_tensor(power))
    return level.to(waveform.device, waveform.dtype)


class ActiveLevel(NamedTuple):
    """Level of speech while it lasts.

    Parameters
    ----------
    level_db : Tensor
        Active level in dB of full scale; -inf for silence.
    activity : Tensor
        Share of the time in which somebody speaks, 0 to 1.
    """

    level_db: torch.Tensor
    activity: torch.Tensor


def active_level_db(waveform: torch.Tensor, sample_rate: int) -> ActiveLevel:
    """Measure the level of speech without its pauses (ITU-T P.56, method B).

    Parameters
    ----------
    waveform : Tensor
        Samples, shape ``(..., time)``.
    sample_rate : int
        Sample rate in Hz.

    Returns
    -------
    ActiveLevel
        Level in dB of full scale and activity, each of shape ``(...)``. No gradient.

    Raises
    ------
    TypeError
        If `waveform` is not a floating-point tensor.
    ValueError
        If it has no samples, or NaN or infinite ones.

    See Also
    --------
    rms_db : Pauses count too.

    Examples
    --------
    >>> import torch
    >>> from audiolab import metrics, signals
    >>> speech, rate = signals.clip("speech_female")
    >>> padded = torch.cat([speech, torch.zeros(1, 10 * rate)], dim=-1)
    >>> for each in (speech, padded):
    ...     active = metrics.active_level_db(each, rate).level_db.item()
    ...     print(f"{metrics.rms_db(each).item():.1f} dB RMS, {active:.1f} dB active")
    -22.2 dB RMS, -22.1 dB active
    -26.6 dB RMS, -22.2 dB active
    """
    check_waveform(waveform, allow_empty=False, finite=True)
    rate = check_sample_rate(sample_rate)
    rows = waveform.detach().cpu().reshape(-1, waveform.shape[-1])
    results = [_active(row.double().numpy(), rate) for row in rows]
    both = torch.tensor(results, dtype=torch.float64).reshape(*waveform.shape[:-1], 2)
    both = both.to(waveform.device, waveform.dtype)
    return ActiveLevel(both[..., 0], both[..., 1])


def _active(samples: NDArray[np.float64], rate: int) -> tuple[float, float]:
    decay = math.exp(-1.0 / (_SMOOTHING_S * rate))
    envelope = np.empty_like(samples)
    energy = _smooth(samples, decay, envelope)
    highest = float(envelope.max())
    if energy == 0.0 or highest == 0.0:
        return -math.inf, 0.0
    thresholds = highest * 2.0 ** -np.arange(_THRESHOLDS, dtype=np.float64)[::-1]
    counts = np.zeros(_THRESHOLDS, dtype=np.int64)
    _count_active(envelope, thresholds, math.ceil(_HANGOVER_S * rate), counts)
    levels = 10.0 * np.log10(energy / counts)
    margins = levels - 20.0 * np.log10(thresholds)
    # Margins fall as the threshold rises; the answer is where they pass 15.9 dB.
    above = int(np.argmax(margins <= _MARGIN_DB)) if (margins <= _MARGIN_DB).any() else -1
    if above <= 0:
        level = float(levels[above])
    else:
        share = (margins[above - 1] - _MARGIN_DB) / (margins[above - 1] - margins[above])
        level = float(levels[above - 1] + share * (levels[above] - levels[above - 1]))
    return level, min(1.0, energy / len(samples) * 10.0 ** (-level / 10.0))


@njit(error_model="numpy", nogil=True, cache=True)
def _smooth(x: NDArray[Any], decay: float, envelope: NDArray[Any]) -> float:
    """Write the twice smoothed magnitude, and return the sum of squares."""
    first = second = energy = 0.0
    for n in range(len(x)):
        energy += x[n] * x[n]
        first = decay * first + (1.0 - decay) * abs(x[n])
        second = decay * second + (1.0 - decay) * first
        envelope[n] = second
    return energy


@njit(error_model="numpy", nogil=True, cache=True)
def _count_active(
    envelope: NDArray[Any], thresholds: NDArray[Any], hangover: int, counts: NDArray[Any]
) -> None:
    """Count for each threshold the samples above it, and those shortly after such a one."""
    for j in range(len(thresholds)):
        left, active = 0, 0
        for n in range(len(envelope)):
            left = hangover + 1 if envelope[n] >= thresholds[j] else max(left - 1, 0)
            active += left > 0
        counts[j] = active
