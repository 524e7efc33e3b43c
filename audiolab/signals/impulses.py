"""Impulses: what to send through a system to see its response or its delay.

A click has a flat spectrum and all its energy in one sample. A chirp spreads the same job over a
few milliseconds, which codecs and loudspeakers survive better, and is compressed again by
correlation.
"""

from __future__ import annotations

import torch

from audiolab._validation import check_range
from audiolab.signals._grid import TAU, as_signal, check_frequency, check_grid, sinusoid
from audiolab.signals.sweeps import linear_turns
from audiolab.units import seconds_to_samples

__all__ = ["chirp", "click"]


def click(
    duration_s: float,
    sample_rate: int,
    *,
    at_s: float = 0.0,
    amplitude: float = 0.5,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> torch.Tensor:
    r"""Make silence with one sample in it, :math:`x[n] = a\,\delta[n - n_0]`.

    Parameters
    ----------
    duration_s : float
        Duration in seconds.
    sample_rate : int
        Sample rate in Hz.
    at_s : float, default: 0.0
        Time of the click in seconds; the nearest sample is taken.
    amplitude : float, default: 0.5
        Value of that sample.
    dtype : torch.dtype, default: torch.float32
        Type of the result.
    device : torch.device or str, default: "cpu"
        Where the result lies.

    Returns
    -------
    Tensor
        Samples, shape ``(time,)``.

    Raises
    ------
    ValueError
        If the click would not fall within the signal.

    Examples
    --------
    >>> from audiolab import signals
    >>> signals.click(0.001, 8000, at_s=0.00025, amplitude=1.0)
    tensor([0., 0., 1., 0., 0., 0., 0., 0.])
    """
    num_samples, rate = check_grid(duration_s, sample_rate)
    value = check_range(amplitude, "amplitude")
    position = seconds_to_samples(check_range(at_s, "at_s", 0.0, unit="s"), rate)
    if position >= num_samples:
        raise ValueError(
            f"at_s must lie within the signal of {num_samples} samples at {rate} Hz, got {at_s}, "
            f"which is sample {position}"
        )
    samples = torch.zeros(num_samples, dtype=torch.float64)
    samples[position] = value
    return as_signal(samples, dtype, device)


def chirp(
    start_hz: float,
    stop_hz: float,
    duration_s: float,
    sample_rate: int,
    *,
    amplitude: float = 0.5,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> torch.Tensor:
    r"""Make a linear sweep under a Hann window: a pulse whose autocorrelation is one narrow peak.

    .. math:: x(t) = a \sin^2\left(\frac{\pi t}{T}\right)
              \sin 2\pi\left(f_0 t + \frac{f_1 - f_0}{2T} t^2\right)

    The window makes the pulse start and end at zero and keeps the side lobes of its autocorrelation
    low, so that a delay found by correlation is unambiguous.

    Parameters
    ----------
    start_hz : float
        Frequency of the first sample in Hz, above 0 and below half the sample rate.
    stop_hz : float
        Frequency at the end in Hz; it may lie below `start_hz`.
    duration_s : float
        Duration T in seconds, usually some milliseconds.
    sample_rate : int
        Sample rate in Hz.
    amplitude : float, default: 0.5
        Height of the window; no sample exceeds it.
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
    linear_sweep : The same sweep without the window.
    click : The shortest pulse.

    Examples
    --------
    >>> from audiolab import signals
    >>> pulse = signals.chirp(500.0, 8000.0, 0.05, 24_000)
    >>> pulse.shape, float(pulse[0])
    (torch.Size([1200]), 0.0)
    """
    num_samples, rate = check_grid(duration_s, sample_rate)
    start = check_frequency(start_hz, "start_hz", rate)
    stop = check_frequency(stop_hz, "stop_hz", rate)
    peak = check_range(amplitude, "amplitude", 0.0)
    position = torch.arange(num_samples, dtype=torch.float64) / max(num_samples, 1)
    window = 0.5 - 0.5 * torch.cos(TAU * position)
    samples = peak * window * sinusoid(linear_turns(start, stop, num_samples, rate))
    return as_signal(samples, dtype, device)
