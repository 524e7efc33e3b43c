"""Bandwidth: up to which frequency a recording has content.

It shows the low-pass of a lossy encoder, or that a file was resampled from a lower rate. The
decision is taken on the long-term spectrum, so that a single frame can't sway it. Spectral
centroid, roll-off and the like are left out.
"""

from __future__ import annotations

import torch

from audiolab._validation import check_range, check_sample_rate, check_waveform
from audiolab.metrics._checks import check_not_silent
from audiolab.units import db_to_power

__all__ = ["bandwidth_hz"]

_FRAME_S = 0.05
#: Nuttall's four-term window with a continuous first derivative: side lobes below -93 dB, falling
#: fast. A Hann window would leak across a brick wall for 14 bins before it is 80 dB down.
_WINDOW = [0.355768, 0.487396, 0.144232, 0.012604]


def bandwidth_hz(
    waveform: torch.Tensor, sample_rate: int, *, threshold_db: float = -80.0
) -> torch.Tensor:
    r"""Measure the highest frequency whose long-term power lies within a threshold of the loudest.

    .. math:: B = \max \{ f_k : \bar P_k \ge 10^{t/10} \max_j \bar P_j \}

    where :math:`\bar P` is the mean power spectrum of Nuttall-windowed frames of 50 ms or a little
    more (Welch), smoothed over three bins. Abrupt ends of a shorter signal count as content.

    Parameters
    ----------
    waveform : Tensor
        Samples, shape ``(..., time)``.
    sample_rate : int
        Sample rate in Hz.
    threshold_db : float, default: -80.0
        Threshold in dB relative to the loudest bin, below 0. Dither of 16 bits lies near -100 for a
        recording at a usual level, the stop band of an encoder's low-pass below -90.

    Returns
    -------
    Tensor
        Frequency in Hz, shape ``(...)``, found within some 60 Hz. It carries no gradient.

    Raises
    ------
    TypeError
        If `waveform` is not a floating-point tensor.
    ValueError
        If an item is silent, or a value is out of range.

    Examples
    --------
    >>> from audiolab import metrics, signals
    >>> speech, rate = signals.clip("speech")
    >>> print(f"{metrics.bandwidth_hz(speech[0], rate) / 1000:.0f} kHz")
    12 kHz
    """
    check_waveform(waveform, allow_empty=False, finite=True)
    rate = check_sample_rate(sample_rate)
    threshold = db_to_power(check_range(threshold_db, "threshold_db", -200.0, 0.0, unit="dB"))
    check_not_silent(waveform, "waveform")
    power = _long_term_power(waveform.detach(), rate)
    loud = power >= threshold * power.amax(dim=-1, keepdim=True)
    bins = torch.arange(power.shape[-1], device=power.device)
    highest = torch.where(loud, bins, 0).amax(dim=-1)
    return (highest * (0.5 * rate / (power.shape[-1] - 1))).to(waveform.dtype)


def _long_term_power(waveform: torch.Tensor, rate: int) -> torch.Tensor:
    # The power of two next above, for speed.
    size = 1 << max(4, int(_FRAME_S * rate - 1).bit_length())
    samples = waveform if waveform.dtype == torch.float64 else waveform.float()
    missing = max(0, size - samples.shape[-1])
    flat = torch.nn.functional.pad(samples, (0, missing)).reshape(-1, samples.shape[-1] + missing)
    window = torch.signal.windows.general_cosine(
        size, a=_WINDOW, sym=False, dtype=samples.dtype, device=samples.device
    )
    spectra = torch.stft(flat, size, size // 2, window=window, center=False, return_complex=True)
    power = (spectra.real.square() + spectra.imag.square()).mean(dim=-1)
    smooth = torch.nn.functional.avg_pool1d(
        power[:, None], 3, stride=1, padding=1, count_include_pad=False
    )
    return smooth[:, 0].reshape(*waveform.shape[:-1], power.shape[-1])
