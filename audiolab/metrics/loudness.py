r"""Integrated loudness after ITU-R BS.1770-4, in LUFS.

Each channel passes the K-weighting (a shelf for the head, then a high-pass), its power is taken
over blocks of 400 ms that overlap by three quarters, channels are summed with weights, and the
blocks' mean is taken twice: over those above -70 LUFS, then over those within 10 LU of that mean.

.. math:: L = -0.691 + 10 \log_{10} \sum_i G_i \, \overline{z_i}

The standard prints the two filters for 48 kHz only. Here their response is a function of hertz, and
it is that function which is applied at every rate, in the frequency domain: a tone reads the same
whatever the sample rate, whereas filters redesigned by the bilinear transform read 0.2 LU less at
8 kHz. Above 24 kHz the response stays at its value there. This is differentiable and works on any
device; the overlap is longer than the impulse response, down to 1e-15.

Momentary and short-term loudness and the loudness range of EBU Tech 3342 are left out.

References
----------
ITU-R BS.1770-4, "Algorithms to measure audio programme loudness and true-peak audio level", 2015.
"""

from __future__ import annotations

import math
from functools import lru_cache

import scipy.fft
import torch

from audiolab._validation import check_sample_rate, check_waveform
from audiolab.units import seconds_to_samples

__all__ = ["gated_loudness", "loudness_blocks", "loudness_lufs"]

#: BS.1770-4, tables 1 and 2: numerator and denominator at 48 kHz.
_TABLE_RATE = 48_000
_SHELF = (
    (1.53512485958697, -2.69169618940638, 1.19839281085285),
    (1.0, -1.69065929318241, 0.73248077421585),
)
_HIGH_PASS = ((1.0, -2.0, 1.0), (1.0, -1.99004745483398, 0.99007225036621))
#: Left, right, centre, left surround, right surround; table 3.
_CHANNEL_WEIGHTS = (1.0, 1.0, 1.0, 1.41, 1.41)
_ABSOLUTE_GATE_LUFS = -70.0
_RELATIVE_GATE_LU = -10.0
_OFFSET = -0.691
#: What is left of the impulse response after this: 1e-15, and 1e-8 for single precision.
_TAIL_S = 0.25
_TAIL_SINGLE_S = 0.1


def loudness_lufs(waveform: torch.Tensor, sample_rate: int) -> torch.Tensor:
    """Measure the gated loudness of a programme.

    Parameters
    ----------
    waveform : Tensor
        Samples, shape ``(time,)`` for one mono programme or ``(..., channels, time)`` with one to
        five channels: left, right, centre, left surround, right surround. At least 0.4 s.
    sample_rate : int
        Sample rate in Hz.

    Returns
    -------
    Tensor
        Loudness in LUFS, shape ``(...)``; -inf where no block is louder than -70 LUFS. Differences
        are in LU, which are decibels.

    Raises
    ------
    TypeError
        If `waveform` is not a floating-point tensor.
    ValueError
        If it is shorter than a block, has more than five channels, or has NaN or infinite samples.

    See Also
    --------
    rms_db : Level without weighting and gate.
    true_peak_db : The other half of the standard.

    Examples
    --------
    >>> from audiolab import metrics, signals
    >>> sine = signals.tone(997.0, 5.0, 48_000, amplitude=1.0)
    >>> print(f"{metrics.loudness_lufs(sine, 48_000):.2f} LUFS")
    -3.01 LUFS
    """
    return gated_loudness(loudness_blocks(waveform, sample_rate)).to(waveform.dtype)


def loudness_blocks(waveform: torch.Tensor, sample_rate: int) -> torch.Tensor:
    """Return the weighted power of each block, summed over channels: ``(..., block)``."""
    check_waveform(waveform, allow_empty=False, finite=True)
    rate = check_sample_rate(sample_rate)
    programme = waveform[None] if waveform.dim() == 1 else waveform
    num_channels, num_samples = programme.shape[-2:]
    if num_channels > len(_CHANNEL_WEIGHTS):
        raise ValueError(
            f"waveform must have at most {len(_CHANNEL_WEIGHTS)} channels (left, right, centre and "
            f"two surrounds), got {num_channels}: leave out the subwoofer's, and use "
            "(items, 1, time) for a batch of mono programmes"
        )
    hop = seconds_to_samples(0.1, rate)
    if num_samples < 4 * hop:
        raise ValueError(
            f"waveform must last 0.4 s or more to have a loudness, got {num_samples / rate:.3g} s; "
            "use rms_db"
        )
    samples = programme if programme.dtype == torch.float64 else programme.float()
    power = _block_powers(_k_weighted(samples, rate), hop)
    weights = torch.tensor(_CHANNEL_WEIGHTS[:num_channels], dtype=power.dtype, device=power.device)
    return (power * weights[:, None]).sum(dim=-2)


def _block_powers(samples: torch.Tensor, hop: int) -> torch.Tensor:
    """Return the mean square of each block of four hops, one block a hop: (..., block)."""
    num_hops = samples.shape[-1] // hop
    hops = samples[..., : num_hops * hop].square().reshape(*samples.shape[:-1], num_hops, hop)
    hops = hops.mean(dim=-1)
    # Whole hops make whole blocks: four neighbours of equal length.
    return (hops[..., :-3] + hops[..., 1:-2] + hops[..., 2:-1] + hops[..., 3:]) / 4.0


def gated_loudness(power: torch.Tensor) -> torch.Tensor:
    """Return the loudness of the blocks that pass both gates."""
    absolute = power > 10.0 ** ((_ABSOLUTE_GATE_LUFS - _OFFSET) / 10.0)
    relative = _masked_mean(power, absolute) * 10.0 ** (_RELATIVE_GATE_LU / 10.0)
    passed = absolute & (power > relative[..., None])
    audible = passed.any(dim=-1)
    # Where nothing passes, 1 stands in for the mean so that log and its gradient stay finite.
    mean = torch.where(audible, _masked_mean(power, passed), 1.0)
    return torch.where(audible, _OFFSET + 10.0 * torch.log10(mean), -math.inf)


def _masked_mean(values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    return torch.where(mask, values, 0.0).sum(dim=-1) / mask.sum(dim=-1).clamp_min(1)


def _k_weighted(samples: torch.Tensor, rate: int) -> torch.Tensor:
    """Filter by overlap-save, so that an hour needs no transform of an hour."""
    num_samples = samples.shape[-1]
    single = samples.dtype == torch.float32
    tail = seconds_to_samples(_TAIL_SINGLE_S if single else _TAIL_S, rate)
    size = 1 << (min(num_samples + tail, (4 if single else 12) * tail) - 1).bit_length()
    step = size - tail
    # Rounded only at the end: near 0 Hz the high-pass is a difference of nearly equal numbers.
    response = _response(size, rate).to(samples.device, samples.dtype.to_complex())
    pieces = torch.nn.functional.pad(samples, (tail, -num_samples % step)).unfold(-1, size, step)
    # The first `tail` samples of each piece hear its end come round; the piece before has them
    # right.
    taped = samples.requires_grad and torch.is_grad_enabled()
    if samples.device.type != "cpu" or taped:
        weighted: torch.Tensor = torch.fft.irfft(torch.fft.rfft(pieces) * response, n=size)
    else:
        # scipy's transforms give a row the same bits in any batch and with any number of threads.
        spectrum = scipy.fft.rfft(pieces.detach().numpy())
        spectrum *= response.numpy()
        weighted = torch.from_numpy(scipy.fft.irfft(spectrum, n=size, overwrite_x=True))
    return weighted[..., tail:].flatten(-2)[..., :num_samples]


@lru_cache(maxsize=16)
def _response(size: int, rate: int) -> torch.Tensor:
    return k_weighting(torch.fft.rfftfreq(size, d=1.0 / rate, dtype=torch.float64))


def k_weighting(frequency_hz: torch.Tensor) -> torch.Tensor:
    """Return the complex response of shelf and high-pass together at frequencies in Hz."""
    angle = -2.0 * math.pi * frequency_hz.clamp_max(0.5 * _TABLE_RATE) / _TABLE_RATE
    delay = torch.polar(torch.ones_like(angle), angle)
    response = torch.ones_like(delay)
    for numerator, denominator in (_SHELF, _HIGH_PASS):
        response = response * _polynomial(numerator, delay) / _polynomial(denominator, delay)
    return response


def _polynomial(coefficients: tuple[float, float, float], delay: torch.Tensor) -> torch.Tensor:
    first, second, third = coefficients
    return first + delay * (second + delay * third)
