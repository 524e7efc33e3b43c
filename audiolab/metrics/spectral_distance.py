r"""Distances between short-time spectra at several resolutions: what training losses look like.

Long frames resolve harmonics and short ones onsets, so a distance that averages over several misses
neither. Phase doesn't count at all: a robot's voice with the right envelope, whose waveform has
nothing to do with the reference, measures well. And being close kin of the losses that neural
codecs are trained with, these distances flatter them. Use them beside a measure that hears phase
(`si_sdr_db`) and those that model hearing (`pesq`, `visqol`).

The frames are those of ``torch.stft`` with its centred, reflected edges, as in the packages that
made these distances known; signals shorter than a frame are filled up with zeros.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from audiolab._validation import check_positive, check_range, check_sample_rate
from audiolab.features import mel_filterbank, mel_frequencies
from audiolab.metrics._checks import check_not_silent, check_pair, each_item

__all__ = ["mel_distance_db", "multi_resolution_stft_distance"]

_RESOLUTIONS = ((2048, 512), (1024, 256), (512, 128), (256, 64))
#: Samples a frame and mel bands of it, as the Descript Audio Codec has them.
_MEL_BANDS = ((32, 5), (64, 10), (128, 20), (256, 40), (512, 80), (1024, 160), (2048, 320))


def multi_resolution_stft_distance(
    reference: torch.Tensor,
    estimate: torch.Tensor,
    *,
    resolutions: Sequence[tuple[int, int]] = _RESOLUTIONS,
    floor: float = 1e-4,
    lengths: Sequence[int] | torch.Tensor | None = None,
) -> torch.Tensor:
    r"""Measure spectral convergence plus the distance of log magnitudes, over several resolutions.

    .. math:: D = \frac1R \sum_r \left(
              \frac{\lVert X_r - \hat X_r \rVert_F}{\lVert X_r \rVert_F}
              + \frac{1}{M_r K_r} \sum_{m,k}
              \left| \ln \frac{X_r[m,k]}{\hat X_r[m,k]} \right| \right)

    with magnitudes X of Hann-windowed frames. The first term hears the loud partials, the second
    one every bin alike.

    Parameters
    ----------
    reference : Tensor
        What it should be, shape ``(..., time)``.
    estimate : Tensor
        What it is, same shape.
    resolutions : sequence of tuple of int
        Samples a frame, and samples from frame to frame, of each resolution.
    floor : float, default: 1e-4
        Magnitudes are raised to it, so digital silence doesn't decide the result. A full-scale
        sine has a quarter of the frame's samples as its magnitude.
    lengths : sequence of int or Tensor, optional
        Samples of each item, shape ``(...)``; what follows them doesn't count.

    Returns
    -------
    Tensor
        Distance, shape ``(...)``, without unit; 0 where the magnitudes are equal, about 1.2 for a
        good codec at 6 kbps. Differentiable.

    Raises
    ------
    ValueError
        If shapes differ, an item of the reference is silent, or a value is out of range.

    See Also
    --------
    mel_distance_db : On the mel scale, in decibels.
    log_spectral_distance_db : One resolution, in decibels.

    References
    ----------
    R. Yamamoto, E. Song and J.-M. Kim, "Parallel WaveGAN: a fast waveform generation model based on
    generative adversarial networks with multi-resolution spectrogram", ICASSP 2020,
    doi:10.1109/ICASSP40776.2020.9053795.

    Examples
    --------
    >>> from audiolab import metrics, signals
    >>> noise = signals.white_noise(1.0, 24_000, generator=0)
    >>> print(f"{metrics.multi_resolution_stft_distance(noise, 0.5 * noise):.3f}")  # 0.5 + ln 2
    1.193
    """
    check_pair(reference, estimate)
    least = check_positive(floor, "floor")
    for frame, hop in resolutions:
        if frame < 2 or not 1 <= hop <= frame:
            raise ValueError(
                "resolutions must be pairs of a frame of 2 samples or more and a hop from 1 to the "
                f"frame's length, got {(frame, hop)}"
            )
    if not resolutions:
        raise ValueError("resolutions must hold at least one pair of frame and hop")

    def measure(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        check_not_silent(x, "reference")
        terms = []
        for frame, hop in resolutions:
            wanted, found = (_magnitudes(each, frame, hop, least) for each in (x, y))
            convergence = _norm(wanted - found) / _norm(wanted)
            terms.append(convergence + (wanted.log() - found.log()).abs().mean())
        return torch.stack(terms).mean()

    return each_item(measure, _wide(reference), _wide(estimate), lengths).to(reference.dtype)


def mel_distance_db(
    reference: torch.Tensor,
    estimate: torch.Tensor,
    sample_rate: int,
    *,
    band_hz: tuple[float, float] | None = None,
    floor: float = 1e-5,
    lengths: Sequence[int] | torch.Tensor | None = None,
) -> torch.Tensor:
    r"""Measure how far mel spectra lie apart in decibels, over seven resolutions.

    .. math:: D = \frac17 \sum_r \frac{1}{M_r B_r} \sum_{m,b}
              \left| 20 \log_{10} \frac{\max(A_r[m,b], \epsilon)}
              {\max(\hat A_r[m,b], \epsilon)} \right|

    where A are Hann-windowed magnitudes of frames of 32 to 2048 samples, a quarter of a frame
    apart, weighted by 5 to 320 mel bands of Slaney's scale and norm. At full band this is the
    mel distance of the Descript Audio Codec, times 10/7 and in decibels: its sum over seven
    resolutions of differences of :math:`\log_{10} A^2`.

    Parameters
    ----------
    reference : Tensor
        What it should be, shape ``(..., time)``.
    estimate : Tensor
        What it is, same shape.
    sample_rate : int
        Sample rate in Hz.
    band_hz : tuple of float, optional
        Lowest and highest centre frequency of the bands that count, in Hz; all by default. Above
        the low-pass of a codec each band adds tens of decibels, which then decide the result: give
        the distance of the band that all codecs have as well.
    floor : float, default: 1e-5
        Mel magnitudes are raised to it.
    lengths : sequence of int or Tensor, optional
        Samples of each item, shape ``(...)``; what follows them doesn't count.

    Returns
    -------
    Tensor
        Distance in dB, shape ``(...)``; 0 where the spectra are equal. Differentiable.

    Raises
    ------
    ValueError
        If shapes differ, an item of the reference is silent, or no band lies in `band_hz`.

    See Also
    --------
    log_spectral_distance_db : Every bin counts the same, not every mel.

    References
    ----------
    R. Kumar, P. Seetharaman, A. Luebs, I. Kumar and K. Kumar, "High-fidelity audio compression with
    improved RVQGAN", NeurIPS 2023, arXiv:2306.06546.

    Examples
    --------
    >>> from audiolab import metrics, signals
    >>> noise = signals.white_noise(1.0, 24_000, generator=0)
    >>> print(f"{metrics.mel_distance_db(noise, 0.5 * noise, 24_000):.2f} dB")
    6.02 dB
    """
    check_pair(reference, estimate)
    rate = check_sample_rate(sample_rate)
    least = check_positive(floor, "floor")
    low, high = (0.0, 0.5 * rate) if band_hz is None else band_hz
    check_range(low, "band_hz[0]", low=0.0, unit="Hz")
    check_range(high, "band_hz[1]", low=low, unit="Hz")
    banks = []
    for frame, bands in _MEL_BANDS:
        centres = mel_frequencies(rate, n_mels=bands)
        inside = (centres >= low) & (centres <= high)
        if bool(inside.any()):
            bank = mel_filterbank(rate, n_fft=frame, n_mels=bands, on_empty="ignore")
            banks.append((frame, bank[inside]))
    if not banks:
        raise ValueError(f"band_hz must hold a mel band's centre, got {low:g} to {high:g} Hz")

    def measure(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        check_not_silent(x, "reference")
        terms = []
        for frame, bank in banks:
            levels = [
                (bank.to(x) @ _magnitudes(each, frame, frame // 4)).clamp_min(least).log10()
                for each in (x, y)
            ]
            terms.append(20.0 * (levels[0] - levels[1]).abs().mean())
        return torch.stack(terms).mean()

    return each_item(measure, _wide(reference), _wide(estimate), lengths).to(reference.dtype)


def _wide(waveform: torch.Tensor) -> torch.Tensor:
    return waveform if waveform.dtype == torch.float64 else waveform.float()


def _magnitudes(waveform: torch.Tensor, frame: int, hop: int, floor: float = 1e-12) -> torch.Tensor:
    """Return magnitudes of ``(time,)`` as ``(bin, frame)``, at least `floor`, with a gradient."""
    missing = max(0, frame - waveform.shape[-1])
    window = torch.hann_window(frame, dtype=waveform.dtype, device=waveform.device)
    spectra = torch.stft(
        torch.nn.functional.pad(waveform, (0, missing)), frame, hop, window=window,
        center=True, pad_mode="reflect", return_complex=True,
    )  # fmt: skip
    power = spectra.real.square() + spectra.imag.square()
    return power.clamp_min(floor**2).sqrt()


def _norm(values: torch.Tensor) -> torch.Tensor:
    """Return the root of the sum of squares, with a gradient of 0 where all are 0."""
    energy = values.square().sum()
    return torch.where(energy > 0, torch.where(energy > 0, energy, 1.0).sqrt(), 0.0)
