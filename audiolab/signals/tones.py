"""Steady tones: one sinusoid, or a band-limited sum of harmonics.

Phase is counted in turns in float64, so that a tone keeps its frequency to 1e-12 for hours.
Partials at or above half the sample rate are refused or left out: nothing here aliases. Modulated
tones are left out; multiply a tone by an envelope.
"""

from __future__ import annotations

import math

import torch

from audiolab._validation import check_range
from audiolab.signals._grid import TAU, as_signal, check_frequency, check_grid, sinusoid

__all__ = ["harmonic_tone", "tone"]


def tone(
    frequency_hz: float,
    duration_s: float,
    sample_rate: int,
    *,
    amplitude: float = 0.5,
    phase_rad: float = 0.0,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> torch.Tensor:
    r"""Make a sinusoid, :math:`x[n] = a \sin(2\pi f n / f_s + \varphi)`.

    Parameters
    ----------
    frequency_hz : float
        Frequency in Hz, above 0 and below half the sample rate.
    duration_s : float
        Duration in seconds.
    sample_rate : int
        Sample rate in Hz.
    amplitude : float, default: 0.5
        Peak value, full scale being 1.0; 0.5 is -6 dBFS.
    phase_rad : float, default: 0.0
        Phase of the first sample in radians; ``math.pi / 2`` starts at the crest.
    dtype : torch.dtype, default: torch.float32
        Type of the result; the computation is float64.
    device : torch.device or str, default: "cpu"
        Where the result lies.

    Returns
    -------
    Tensor
        Samples, shape ``(time,)``.

    Raises
    ------
    ValueError
        If the frequency is not between 0 and half the sample rate, or another value is out of
        range.

    See Also
    --------
    harmonic_tone : A tone with overtones.

    Examples
    --------
    >>> from audiolab import signals
    >>> signals.tone(1000.0, 1.0, 8000, amplitude=1.0)[:4]
    tensor([0.0000, 0.7071, 1.0000, 0.7071])
    """
    num_samples, rate = check_grid(duration_s, sample_rate)
    frequency = check_frequency(frequency_hz, "frequency_hz", rate)
    peak = check_range(amplitude, "amplitude", 0.0)
    phase = check_range(phase_rad, "phase_rad")
    turns = torch.arange(num_samples, dtype=torch.float64) * frequency / rate + phase / TAU
    return as_signal(peak * sinusoid(turns), dtype, device)


def harmonic_tone(
    frequency_hz: float,
    duration_s: float,
    sample_rate: int,
    *,
    num_harmonics: int = 20,
    slope_db_per_octave: float = -6.0,
    amplitude: float = 0.5,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> torch.Tensor:
    r"""Make a tone with overtones that fall by a constant slope, without aliasing.

    .. math:: x[n] = a \sum_{k=1}^{K} g_k \sin(2\pi k f n / f_s), \qquad
              g_k = \frac{k^{s}}{\sum_{j=1}^{K} j^{s}}, \qquad s = \frac{\text{slope}}{20\log_{10}2}

    Partials with :math:`k f \ge f_s / 2` are left out, and their share of the sum with them: the
    level of a partial doesn't depend on the sample rate. At -6 dB per octave this is close to a
    sawtooth, at -12 close to a triangle that has even partials too.

    Parameters
    ----------
    frequency_hz : float
        Fundamental in Hz, above 0 and below half the sample rate.
    duration_s : float
        Duration in seconds.
    sample_rate : int
        Sample rate in Hz.
    num_harmonics : int, default: 20
        Number K of partials, the fundamental included.
    slope_db_per_octave : float, default: -6.0
        Level difference between partial 2k and partial k, in dB.
    amplitude : float, default: 0.5
        Sum of the partials' amplitudes, which no sample can exceed.
    dtype : torch.dtype, default: torch.float32
        Type of the result; the computation is float64.
    device : torch.device or str, default: "cpu"
        Where the result lies.

    Returns
    -------
    Tensor
        Samples, shape ``(time,)``.

    Raises
    ------
    ValueError
        If the fundamental is not between 0 and half the sample rate, or another value is out of
        range.

    See Also
    --------
    tone : One sinusoid.
    pluck : Harmonics that die away like a string's.

    Examples
    --------
    >>> from audiolab import signals
    >>> buzz = signals.harmonic_tone(110.0, 2.0, 24_000)
    >>> buzz.shape, bool(buzz.abs().max() <= 0.5)
    (torch.Size([48000]), True)
    """
    num_samples, rate = check_grid(duration_s, sample_rate)
    frequency = check_frequency(frequency_hz, "frequency_hz", rate)
    peak = check_range(amplitude, "amplitude", 0.0)
    slope = check_range(slope_db_per_octave, "slope_db_per_octave")
    if isinstance(num_harmonics, bool) or not isinstance(num_harmonics, int):
        raise TypeError(f"num_harmonics must be an int, got {type(num_harmonics).__name__}")
    if num_harmonics < 1:
        raise ValueError(f"num_harmonics must be at least 1, got {num_harmonics}")
    exponent = slope / (20.0 * math.log10(2.0))
    gains = torch.arange(1, num_harmonics + 1, dtype=torch.float64) ** exponent
    gains = peak * gains / gains.sum()
    turns = torch.arange(num_samples, dtype=torch.float64) * frequency / rate
    samples = torch.zeros(num_samples, dtype=torch.float64)
    for harmonic, gain in enumerate(gains.tolist(), start=1):
        if harmonic * frequency >= rate / 2:
            break
        samples += gain * sinusoid(harmonic * turns)
    return as_signal(samples, dtype, device)
