r"""Noise with a power density that falls or rises with frequency by a power, an item by its seed.

A Gaussian spectrum is drawn, bin after bin, and shaped by :math:`\max(f, f_\text{low})^{-e/2}`: one
inverse transform makes it a waveform, of length 2^a 3^b 5^c and then cut. Exponent 0 is white, 1
pink, 2 brown, -1 blue, -2 violet: -3.01 dB an octave for each unit.

`audiolab.signals` has the same colours for use by ear: float64, circular, with a mean of exactly
zero. This one is made for training: in the dtype asked for, several times faster, and an item's
noise depends on its own seed only.

References
----------
J. Timmer and M. König, "On generating power law noise", Astronomy and Astrophysics 300, 1995.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import scipy.fft
import torch
from numpy.typing import NDArray

from audiolab._convolution import fast_length
from audiolab._typing import Seed
from audiolab._validation import check_positive, check_range, check_sample_rate
from audiolab.augment._items import Items, PerItem
from audiolab.augment._mixing_kernels import energies
from audiolab.augment.seeds import fresh_seeds, item_seeds
from audiolab.units import db_to_amplitude

__all__ = ["colored_noise"]


def colored_noise(
    shape: int | tuple[int, ...],
    sample_rate: int,
    *,
    exponent: PerItem = 0.0,
    rms_db: float = -20.0,
    low_hz: float = 20.0,
    seeds: int | Sequence[int] | torch.Tensor | None = None,
    generator: Seed = None,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> torch.Tensor:
    """Make Gaussian noise of any colour, reproducibly an item at a time.

    Parameters
    ----------
    shape : int or tuple of int
        Number of samples, or ``(items, time)``, or ``(..., channels, time)``: the channels of an
        item are independent noises.
    sample_rate : int
        Sample rate in Hz.
    exponent : float, Tensor or list of float, default: 0.0
        Power density is proportional to ``f ** -exponent``; -4 to 4, a value an item if it is a
        tensor. 0 is white, 1 pink, 2 brown, -1 blue, -2 violet.
    rms_db : float, default: -20.0
        RMS level of each channel in dB of full scale, met exactly.
    low_hz : float, default: 20.0
        Frequency in Hz below which the density stays flat.
    seeds : int, list of int or Tensor, optional
        A seed for each item. An item's noise is a function of its seed, exponent and length:
        it is the same, to the bit, alone and in any batch.
    generator : torch.Generator, int or None, default: None
        Where seeds come from if they are not given; the first items don't depend on how many
        follow.
    dtype : {torch.float32, torch.float64}, default: torch.float32
        Type of the result. Other samples are drawn for another type.
    device : torch.device or str, default: "cpu"
        Where the result lies. It is computed on the CPU, so that a seed gives the same noise on
        every device.

    Returns
    -------
    Tensor
        Samples of the given shape.

    Raises
    ------
    ValueError
        A value is out of range, there is not a seed an item, or the shape is not one.

    See Also
    --------
    add_noise : Add it at a signal-to-noise ratio.
    audiolab.signals.pink_noise : Noise to listen to.

    Examples
    --------
    >>> import torch
    >>> from audiolab.augment import colored_noise
    >>> noise = colored_noise((2, 8000), 8000, exponent=[0.0, 1.0], seeds=[7, 8])
    >>> torch.equal(noise[1], colored_noise(8000, 8000, exponent=1.0, seeds=8))
    True
    """
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    if not sizes or any(isinstance(n, bool) or not isinstance(n, int) or n < 0 for n in sizes):
        raise ValueError(
            f"shape must be a length or a tuple of them that ends with it, got {shape}"
        )
    if dtype not in (torch.float32, torch.float64):
        raise ValueError(f"dtype must be torch.float32 or torch.float64, got {dtype}")
    rate = check_sample_rate(sample_rate)
    knee = check_positive(low_hz, "low_hz", unit="Hz")
    rms = db_to_amplitude(check_range(rms_db, "rms_db", unit="dB"))
    noise = torch.empty(sizes, dtype=dtype)
    items = Items.of(noise, "noise")
    exponents = items.values(exponent, "exponent", -4.0, 4.0)
    given = fresh_seeds(items.count, generator) if seeds is None else item_seeds(seeds, items.count)
    if noise.numel():
        source = torch.Generator()
        for item, each, power in zip(items.samples, given, exponents, strict=True):
            source.manual_seed(each)
            _draw(item, source, rate, power, knee, rms)
    return noise.to(device)


def _draw(
    item: torch.Tensor,
    source: torch.Generator,
    rate: int,
    exponent: float,
    low_hz: float,
    rms: float,
) -> None:
    """Fill an item, channel after channel."""
    num_samples = item.shape[-1]
    sums = np.empty(1)
    ends = np.array([num_samples])
    for row in item:
        if exponent == 0.0:
            torch.randn(num_samples, generator=source, out=row)
        else:
            row.copy_(torch.from_numpy(_shaped(num_samples, source, rate, exponent, low_hz, row)))
        energies(row.numpy()[None, None], ends, sums)
        # A noise of one sample has no bins but that at 0 Hz, and may be silent.
        row.mul_(rms * math.sqrt(num_samples / sums[0]) if sums[0] else 0.0)


def _shaped(
    num_samples: int,
    source: torch.Generator,
    rate: int,
    exponent: float,
    low_hz: float,
    like: torch.Tensor,
) -> NDArray[Any]:
    # torch's transforms differ in the last bit between one row and several; scipy's don't.
    size = fast_length(num_samples)
    bins = size // 2 + 1
    drawn = torch.randn(bins, 2, generator=source, dtype=like.dtype).numpy()
    drawn *= np.exp(_log_frequencies(size, rate, low_hz, drawn.dtype.str) * (-0.5 * exponent))
    drawn[0] = 0.0
    drawn[-1] *= math.sqrt(2.0)  # real, where the others have two parts
    spectrum = drawn.view(np.complex64 if drawn.dtype == np.float32 else np.complex128)[:, 0]
    waveform: NDArray[Any] = scipy.fft.irfft(spectrum, size, overwrite_x=True)
    return waveform[:num_samples]


@lru_cache(maxsize=16)
def _log_frequencies(size: int, rate: int, low_hz: float, dtype: str) -> NDArray[Any]:
    """Return ``log(max(f, low_hz) / low_hz)`` of each bin, as a column."""
    frequencies = scipy.fft.rfftfreq(size, 1.0 / rate)
    table: NDArray[Any] = np.log(np.maximum(frequencies, low_hz) / low_hz).astype(dtype)
    return table[:, None]
