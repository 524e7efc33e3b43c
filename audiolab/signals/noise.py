r"""White, pink and brown noise: Gaussian, with an exact mean and RMS and an exact spectral slope.

A white Gaussian sequence is shaped in the frequency domain by
:math:`|H(f)| = \max(f, f_\text{low})^{-s/2}`, which gives a power density :math:`\propto f^{-s}`
above :math:`f_\text{low}` and a flat one below, where a pure power law would put all its energy.
Since the shaping is circular, a noise loops without a click. Each realisation is then given zero
mean and the RMS that was asked for, exactly, so that mixing at a signal-to-noise ratio needs no
measuring.

Coloured noise is often approximated by a few one-pole filters; that is cheaper for endless streams,
and is left out.

References
----------
J. Timmer and M. König, "On generating power law noise", Astronomy and Astrophysics 300, 1995.
"""

from __future__ import annotations

import math

import torch

from audiolab._typing import Seed
from audiolab._validation import as_generator, check_positive, check_range
from audiolab.signals._grid import as_signal, check_grid
from audiolab.units import db_to_amplitude

__all__ = ["brown_noise", "pink_noise", "white_noise"]


def white_noise(
    duration_s: float,
    sample_rate: int,
    *,
    rms_db: float = -20.0,
    batch_shape: tuple[int, ...] = (),
    generator: Seed = None,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> torch.Tensor:
    """Make Gaussian noise with the same power in every hertz.

    Parameters
    ----------
    duration_s : float
        Duration in seconds.
    sample_rate : int
        Sample rate in Hz.
    rms_db : float, default: -20.0
        RMS level in dB of full scale, met exactly by each item. At -20 dB full scale is ten
        standard deviations away; above about -13 dB expect samples beyond it.
    batch_shape : tuple of int, default: ()
        Leading dimensions; ``(2,)`` makes two independent channels. The first items don't depend on
        how many follow.
    generator : torch.Generator, int or None, default: None
        Source of randomness, or a seed for a new one.
    dtype : torch.dtype, default: torch.float32
        Type of the result; the computation is float64.
    device : torch.device or str, default: "cpu"
        Where the result lies; a seed gives the same noise on every device.

    Returns
    -------
    Tensor
        Samples, shape ``(*batch_shape, time)``.

    Raises
    ------
    ValueError
        If a value is out of range.

    See Also
    --------
    pink_noise : The same power in every octave.

    Examples
    --------
    >>> from audiolab import signals
    >>> noise = signals.white_noise(1.0, 8000, rms_db=-20.0, generator=0)
    >>> noise.shape, round(float(noise.square().mean().sqrt()), 6)
    (torch.Size([8000]), 0.1)
    """
    return _power_law(
        0.0, duration_s, sample_rate, rms_db, 20.0, batch_shape, generator, dtype, device
    )


def pink_noise(
    duration_s: float,
    sample_rate: int,
    *,
    rms_db: float = -20.0,
    low_hz: float = 20.0,
    batch_shape: tuple[int, ...] = (),
    generator: Seed = None,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> torch.Tensor:
    """Make Gaussian noise with the same power in every octave: density 1/f, -3 dB per octave.

    Parameters
    ----------
    duration_s : float
        Duration in seconds.
    sample_rate : int
        Sample rate in Hz.
    rms_db : float, default: -20.0
        RMS level in dB of full scale, met exactly by each item.
    low_hz : float, default: 20.0
        Frequency in Hz below which the density stays flat.
    batch_shape : tuple of int, default: ()
        Leading dimensions; the first items don't depend on how many follow.
    generator : torch.Generator, int or None, default: None
        Source of randomness, or a seed for a new one.
    dtype : torch.dtype, default: torch.float32
        Type of the result; the computation is float64.
    device : torch.device or str, default: "cpu"
        Where the result lies; a seed gives the same noise on every device.

    Returns
    -------
    Tensor
        Samples, shape ``(*batch_shape, time)``.

    Raises
    ------
    ValueError
        If a value is out of range.

    See Also
    --------
    white_noise : The same power in every hertz.
    brown_noise : Steeper, -6 dB per octave.

    Examples
    --------
    >>> from audiolab import signals
    >>> signals.pink_noise(1.0, 8000, batch_shape=(4, 2), generator=0).shape
    torch.Size([4, 2, 8000])
    """
    return _power_law(
        1.0, duration_s, sample_rate, rms_db, low_hz, batch_shape, generator, dtype, device
    )


def brown_noise(
    duration_s: float,
    sample_rate: int,
    *,
    rms_db: float = -20.0,
    low_hz: float = 20.0,
    batch_shape: tuple[int, ...] = (),
    generator: Seed = None,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> torch.Tensor:
    """Make Gaussian noise like a bounded random walk: density 1/f², -6 dB per octave.

    Parameters
    ----------
    duration_s : float
        Duration in seconds.
    sample_rate : int
        Sample rate in Hz.
    rms_db : float, default: -20.0
        RMS level in dB of full scale, met exactly by each item.
    low_hz : float, default: 20.0
        Frequency in Hz below which the density stays flat; it keeps the walk near zero.
    batch_shape : tuple of int, default: ()
        Leading dimensions; the first items don't depend on how many follow.
    generator : torch.Generator, int or None, default: None
        Source of randomness, or a seed for a new one.
    dtype : torch.dtype, default: torch.float32
        Type of the result; the computation is float64.
    device : torch.device or str, default: "cpu"
        Where the result lies; a seed gives the same noise on every device.

    Returns
    -------
    Tensor
        Samples, shape ``(*batch_shape, time)``.

    Raises
    ------
    ValueError
        If a value is out of range.

    See Also
    --------
    pink_noise : Less steep, -3 dB per octave.

    Examples
    --------
    >>> from audiolab import signals
    >>> signals.brown_noise(1.0, 8000, generator=0).shape
    torch.Size([8000])
    """
    return _power_law(
        2.0, duration_s, sample_rate, rms_db, low_hz, batch_shape, generator, dtype, device
    )


def _power_law(
    exponent: float,
    duration_s: float,
    sample_rate: int,
    rms_db: float,
    low_hz: float,
    batch_shape: tuple[int, ...],
    generator: Seed,
    dtype: torch.dtype,
    device: torch.device | str,
) -> torch.Tensor:
    num_samples, rate = check_grid(duration_s, sample_rate)
    rms = db_to_amplitude(check_range(rms_db, "rms_db", unit="dB"))
    knee = check_positive(low_hz, "low_hz", unit="Hz")
    samples = gaussian(num_samples, batch_shape, as_generator(generator))
    if num_samples > 1 and samples.numel():
        if exponent:
            samples = shape_spectrum(samples, rate, exponent, knee)
        samples = samples - samples.mean(-1, keepdim=True)
        samples = samples * (rms / samples.square().mean(-1, keepdim=True).sqrt())
    else:
        samples = torch.zeros_like(samples)
    return as_signal(samples, dtype, device)


def gaussian(
    num_samples: int, batch_shape: tuple[int, ...], source: torch.Generator
) -> torch.Tensor:
    """Draw standard normal float64 samples on the CPU, item after item.

    One draw of the whole batch would do the same job, but then the last values of an item would
    depend on how many items follow it.
    """
    if any(isinstance(size, bool) or not isinstance(size, int) or size < 0 for size in batch_shape):
        raise ValueError(f"batch_shape must hold whole numbers, none negative, got {batch_shape}")
    items = [
        torch.randn(num_samples, dtype=torch.float64, generator=source, device=source.device).cpu()
        for _ in range(math.prod(batch_shape))
    ]
    flat = torch.stack(items) if items else torch.zeros(0, num_samples, dtype=torch.float64)
    return flat.reshape(*batch_shape, num_samples)


def shape_spectrum(
    samples: torch.Tensor, rate: int, exponent: float, low_hz: float
) -> torch.Tensor:
    """Give white samples a power density that falls with ``f ** -exponent`` above `low_hz`."""
    num_samples = samples.shape[-1]
    frequencies = torch.fft.rfftfreq(num_samples, d=1.0 / rate, dtype=torch.float64)
    gain = frequencies.clamp_min(low_hz) ** (-0.5 * exponent)
    shaped: torch.Tensor = torch.fft.irfft(torch.fft.rfft(samples) * gain, n=num_samples)
    return shaped
