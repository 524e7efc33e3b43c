"""Sweeps: tones whose frequency moves, linearly in hertz or linearly in octaves.

The phase is the closed-form integral of the frequency, not a running sum, so that the frequency is
right at every sample. A logarithmic sweep spends the same time in each octave and is the usual
probe for frequency responses and distortion.

References
----------
A. Farina, "Simultaneous measurement of impulse response and distortion with a swept-sine
technique", 108th AES Convention, 2000, preprint 5093.
"""

from __future__ import annotations

import math

import torch

from audiolab._validation import check_range
from audiolab.signals._grid import as_signal, check_frequency, check_grid, sinusoid

__all__ = ["linear_sweep", "log_sweep"]


def linear_sweep(
    start_hz: float,
    stop_hz: float,
    duration_s: float,
    sample_rate: int,
    *,
    amplitude: float = 0.5,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> torch.Tensor:
    r"""Make a sweep that moves by the same number of hertz every second.

    .. math:: x(t) = a \sin 2\pi\left(f_0 t + \frac{f_1 - f_0}{2T} t^2\right), \qquad
              f(t) = f_0 + (f_1 - f_0)\, t / T

    Parameters
    ----------
    start_hz : float
        Frequency of the first sample in Hz, above 0 and below half the sample rate.
    stop_hz : float
        Frequency that the sweep reaches at its end; it may lie below `start_hz`.
    duration_s : float
        Duration T in seconds.
    sample_rate : int
        Sample rate in Hz.
    amplitude : float, default: 0.5
        Peak value, full scale being 1.0.
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
        If a frequency is not between 0 and half the sample rate.

    See Also
    --------
    log_sweep : The same time in every octave.
    chirp : A short sweep under a window, for measuring delays.

    Examples
    --------
    >>> from audiolab import signals
    >>> signals.linear_sweep(100.0, 8000.0, 2.0, 24_000).shape
    torch.Size([48000])
    """
    num_samples, rate = check_grid(duration_s, sample_rate)
    start = check_frequency(start_hz, "start_hz", rate)
    stop = check_frequency(stop_hz, "stop_hz", rate)
    peak = check_range(amplitude, "amplitude", 0.0)
    return as_signal(peak * sinusoid(linear_turns(start, stop, num_samples, rate)), dtype, device)


def linear_turns(start_hz: float, stop_hz: float, num_samples: int, rate: int) -> torch.Tensor:
    """Return the phase of a linear sweep in turns, one value a sample, in float64."""
    time = torch.arange(num_samples, dtype=torch.float64) / rate
    # The grid's own length, so that the frequency at its end is stop_hz whatever was rounded.
    slope = (stop_hz - start_hz) * rate / max(num_samples, 1)
    return start_hz * time + 0.5 * slope * time.square()


def log_sweep(
    start_hz: float,
    stop_hz: float,
    duration_s: float,
    sample_rate: int,
    *,
    amplitude: float = 0.5,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> torch.Tensor:
    r"""Make a sweep that moves by the same number of octaves every second.

    .. math:: x(t) = a \sin\left(\frac{2\pi f_0 T}{\ln(f_1/f_0)}
              \left[\left(\frac{f_1}{f_0}\right)^{t/T} - 1\right]\right), \qquad
              f(t) = f_0 \left(\frac{f_1}{f_0}\right)^{t/T}

    Its power falls by 3 dB per octave, as pink noise's does.

    Parameters
    ----------
    start_hz : float
        Frequency of the first sample in Hz, above 0 and below half the sample rate.
    stop_hz : float
        Frequency that the sweep reaches at its end; it may lie below `start_hz`.
    duration_s : float
        Duration T in seconds.
    sample_rate : int
        Sample rate in Hz.
    amplitude : float, default: 0.5
        Peak value, full scale being 1.0.
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
        If a frequency is not between 0 and half the sample rate.

    See Also
    --------
    linear_sweep : The same number of hertz every second.

    Examples
    --------
    >>> from audiolab import signals
    >>> signals.log_sweep(20.0, 10_000.0, 3.0, 24_000).shape
    torch.Size([72000])
    """
    num_samples, rate = check_grid(duration_s, sample_rate)
    start = check_frequency(start_hz, "start_hz", rate)
    stop = check_frequency(stop_hz, "stop_hz", rate)
    peak = check_range(amplitude, "amplitude", 0.0)
    time = torch.arange(num_samples, dtype=torch.float64) / rate
    rate_of_growth = math.log(stop / start) * rate / max(num_samples, 1)
    # expm1 keeps its digits where the sweep hardly moves; where it stands still, it is a tone.
    grown = torch.expm1(rate_of_growth * time) / rate_of_growth if rate_of_growth else time
    return as_signal(peak * sinusoid(start * grown), dtype, device)
