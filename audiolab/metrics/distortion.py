"""Distortion: how far an estimate lies from its reference, per item.

All three compare sample with sample or frame with frame: a delay of one sample already ruins them,
so `align` first. None of them models hearing; a codec that sounds good may measure badly.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

import torch

from audiolab._validation import check_range, check_sample_rate
from audiolab.metrics._checks import check_not_silent, check_pair, each_item
from audiolab.units import db_to_power, power_to_db

__all__ = ["log_spectral_distance_db", "si_sdr_db", "snr_db"]


def snr_db(
    reference: torch.Tensor,
    estimate: torch.Tensor,
    *,
    lengths: Sequence[int] | torch.Tensor | None = None,
) -> torch.Tensor:
    r"""Measure the signal-to-noise ratio, the noise being the difference.

    .. math:: \mathrm{SNR} = 10 \log_{10} \frac{\sum_n x[n]^2}{\sum_n (\hat x[n] - x[n])^2}

    Parameters
    ----------
    reference : Tensor
        What it should be, shape ``(..., time)``.
    estimate : Tensor
        What it is, same shape.
    lengths : sequence of int or Tensor, optional
        Samples of each item, shape ``(...)``; what follows them doesn't count.

    Returns
    -------
    Tensor
        Ratio in dB, shape ``(...)``; +inf where both are equal. Differentiable elsewhere.

    Raises
    ------
    ValueError
        If shapes differ, an item of the reference is silent, or samples are NaN or infinite.

    See Also
    --------
    si_sdr_db : The same without counting a wrong level.

    Examples
    --------
    >>> from audiolab import metrics, signals
    >>> clean = signals.tone(440.0, 1.0, 24_000)
    >>> print(f"{metrics.snr_db(clean, 0.9 * clean):.2f} dB")
    20.00 dB
    """
    check_pair(reference, estimate)
    if lengths is not None:
        return each_item(snr_db, reference, estimate, lengths)
    check_not_silent(reference, "reference")
    wide_reference, wide_estimate = _widen(reference), _widen(estimate)
    signal = wide_reference.square().sum(dim=-1)
    noise = (wide_estimate - wide_reference).square().sum(dim=-1)
    return power_to_db(signal / noise).to(reference.dtype)


def si_sdr_db(
    reference: torch.Tensor,
    estimate: torch.Tensor,
    *,
    zero_mean: bool = False,
    lengths: Sequence[int] | torch.Tensor | None = None,
) -> torch.Tensor:
    r"""Measure the scale-invariant signal-to-distortion ratio.

    .. math:: \mathrm{SI\text{-}SDR} = 10 \log_{10}
              \frac{\lVert \alpha x \rVert^2}{\lVert \alpha x - \hat x \rVert^2}, \qquad
              \alpha = \frac{\langle \hat x, x \rangle}{\lVert x \rVert^2}

    The reference is scaled to fit the estimate best, so that gain, of either sign, costs nothing.

    Parameters
    ----------
    reference : Tensor
        What it should be, shape ``(..., time)``.
    estimate : Tensor
        What it is, same shape.
    zero_mean : bool, default: False
        Take the mean off both first.
    lengths : sequence of int or Tensor, optional
        Samples of each item, shape ``(...)``; what follows them doesn't count.

    Returns
    -------
    Tensor
        Ratio in dB, shape ``(...)``; +inf, or as far as rounding allows, where the estimate is a
        multiple of the reference. Differentiable elsewhere.

    Raises
    ------
    ValueError
        If shapes differ, an item is silent, or samples are NaN or infinite.

    See Also
    --------
    snr_db : Wrong level counts as noise.

    References
    ----------
    J. Le Roux, S. Wisdom, H. Erdogan and J. R. Hershey, "SDR - half-baked or well done?", ICASSP
    2019, doi:10.1109/ICASSP.2019.8683855.

    Examples
    --------
    >>> from audiolab import metrics, signals
    >>> clean = signals.white_noise(1.0, 24_000, generator=0)
    >>> noisy = 0.5 * (clean + 0.1 * signals.white_noise(1.0, 24_000, generator=1))
    >>> print(f"{metrics.si_sdr_db(clean, noisy):.1f} dB")
    20.0 dB
    """
    check_pair(reference, estimate)
    if lengths is not None:
        measure = partial(si_sdr_db, zero_mean=zero_mean)
        return each_item(measure, reference, estimate, lengths)
    wide_reference, wide_estimate = _widen(reference), _widen(estimate)
    if zero_mean:
        wide_reference = wide_reference - wide_reference.mean(dim=-1, keepdim=True)
        wide_estimate = wide_estimate - wide_estimate.mean(dim=-1, keepdim=True)
    check_not_silent(wide_reference, "reference")
    check_not_silent(wide_estimate, "estimate")
    energy = wide_reference.square().sum(dim=-1, keepdim=True)
    target = (wide_estimate * wide_reference).sum(dim=-1, keepdim=True) / energy * wide_reference
    residue = (target - wide_estimate).square().sum(dim=-1)
    return power_to_db(target.square().sum(dim=-1) / residue).to(reference.dtype)


def log_spectral_distance_db(
    reference: torch.Tensor,
    estimate: torch.Tensor,
    *,
    frame_length: int = 2048,
    hop_length: int = 512,
    floor_db: float = -80.0,
    sample_rate: int | None = None,
    band_hz: tuple[float, float] | None = None,
    lengths: Sequence[int] | torch.Tensor | None = None,
) -> torch.Tensor:
    r"""Measure how far the short-time spectra lie apart in decibels.

    .. math:: \mathrm{LSD} = \frac1M \sum_m \sqrt{\frac1K \sum_k
              \left(10 \log_{10} \frac{P_{m,k}}{\hat P_{m,k}}\right)^2}

    with power spectra of frames m under a Hann window. Phase doesn't count, and every bin counts
    the same however loud it is; therefore both spectra are raised to a floor below the reference's
    loudest bin, or digital silence would decide the result.

    Parameters
    ----------
    reference : Tensor
        What it should be, shape ``(..., time)``.
    estimate : Tensor
        What it is, same shape.
    frame_length : int, default: 2048
        Samples a frame; shorter signals are padded with zeros on both sides.
    hop_length : int, default: 512
        Samples from frame to frame.
    floor_db : float, default: -80.0
        Floor in dB relative to the largest power of the reference's item.
    sample_rate : int, optional
        Sample rate in Hz, needed with `band_hz` only.
    band_hz : tuple of float, optional
        Lowest and highest frequency of the bins that count, in Hz; all by default. Above the
        low-pass of a codec every bin adds tens of decibels.
    lengths : sequence of int or Tensor, optional
        Samples of each item, shape ``(...)``; what follows them doesn't count.

    Returns
    -------
    Tensor
        Distance in dB, shape ``(...)``; 0 where the spectra are equal. Differentiable.

    Raises
    ------
    ValueError
        If shapes differ, an item of the reference is silent, or a value is out of range.

    See Also
    --------
    snr_db : Phase counts.

    References
    ----------
    A. H. Gray and J. D. Markel, "Distance measures for speech processing", IEEE Transactions on
    Acoustics, Speech, and Signal Processing 24(5), 1976, doi:10.1109/TASSP.1976.1162849.

    Examples
    --------
    >>> from audiolab import metrics, signals
    >>> noise = signals.white_noise(1.0, 24_000, generator=0)
    >>> print(f"{metrics.log_spectral_distance_db(noise, 0.5 * noise):.2f} dB")
    6.02 dB
    """
    check_pair(reference, estimate)
    check_range(floor_db, "floor_db", high=0.0, unit="dB")
    if frame_length < 2 or not 1 <= hop_length <= frame_length:
        raise ValueError(
            "frame_length must be at least 2 and hop_length between 1 and frame_length, "
            f"got {frame_length} and {hop_length}"
        )
    bins = _bins(frame_length, sample_rate, band_hz)
    if lengths is None:
        check_not_silent(reference, "reference")
        return _log_distance(reference, estimate, frame_length, hop_length, floor_db, bins)

    def measure(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        check_not_silent(x, "reference")
        return _log_distance(x, y, frame_length, hop_length, floor_db, bins)

    return each_item(measure, reference, estimate, lengths)


def _bins(frame_length: int, sample_rate: int | None, band_hz: tuple[float, float] | None) -> slice:
    """Return the bins whose frequencies lie in a band."""
    if band_hz is None:
        return slice(None)
    if sample_rate is None:
        raise ValueError("band_hz needs sample_rate, got None")
    rate = check_sample_rate(sample_rate)
    low = check_range(band_hz[0], "band_hz[0]", low=0.0, unit="Hz")
    high = check_range(band_hz[1], "band_hz[1]", low=low, unit="Hz")
    first = math.ceil(low * frame_length / rate)
    last = min(math.floor(high * frame_length / rate), frame_length // 2)
    if first > last:
        raise ValueError(
            f"band_hz must hold a bin, got {low:g} to {high:g} Hz; bins lie "
            f"{rate / frame_length:g} Hz apart, up to {rate / 2:g} Hz"
        )
    return slice(first, last + 1)


def _log_distance(
    reference: torch.Tensor,
    estimate: torch.Tensor,
    frame_length: int,
    hop_length: int,
    floor_db: float,
    bins: slice,
) -> torch.Tensor:
    powers = [_power_spectra(_widen(x), frame_length, hop_length) for x in (reference, estimate)]
    floor = powers[0].amax(dim=(-2, -1), keepdim=True) * db_to_power(floor_db)
    # A signal under no window's weight, a click on the first sample, has no power to refer to.
    floor = floor.clamp_min(torch.finfo(floor.dtype).tiny)
    levels = [10.0 * torch.log10(torch.maximum(power[..., bins, :], floor)) for power in powers]
    squared = (levels[0] - levels[1]).square().mean(dim=-2)
    # Equal frames: the root's gradient is infinite at 0, so they take another branch.
    differs = squared > 0
    distances = torch.where(differs, torch.where(differs, squared, 1.0).sqrt(), 0.0)
    return distances.mean(dim=-1).to(reference.dtype)


def _widen(waveform: torch.Tensor) -> torch.Tensor:
    return waveform if waveform.dtype == torch.float64 else waveform.float()


def _power_spectra(waveform: torch.Tensor, frame_length: int, hop_length: int) -> torch.Tensor:
    missing = max(0, frame_length - waveform.shape[-1])
    # On both sides, so that a short signal lies under the middle of the window. A long one is not
    # padded: cutting it off abruptly would splatter over the edge frames' spectra.
    padded = torch.nn.functional.pad(waveform, (missing // 2, missing - missing // 2))
    flat = padded.reshape(-1, padded.shape[-1])
    window = torch.hann_window(frame_length, dtype=waveform.dtype, device=waveform.device)
    spectra = torch.stft(
        flat, frame_length, hop_length, window=window, center=False, return_complex=True
    )
    power = spectra.real.square() + spectra.imag.square()
    return power.reshape(*waveform.shape[:-1], *power.shape[-2:])
