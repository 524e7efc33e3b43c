"""Descriptors of a spectrum's shape: centroid, bandwidth, roll-off and flatness.

With the magnitude S[k] of a frame, the frequency f[k] of its bins and P = S^2,

    centroid   c = sum f S / sum S                  bandwidth  (sum |f - c|^p S / sum S)^(1/p)
    roll-off   least f with sum_{f' <= f} S >= r sum S
    flatness   geometric mean / arithmetic mean of max(P, floor)

Silence has centroid, bandwidth and roll-off 0 Hz, as in librosa; torchaudio's centroid is NaN.
Reference: G. Peeters, "A large set of audio features for sound description", IRCAM, 2004. Left out:
contrast and polynomial features, which librosa has.
"""

from __future__ import annotations

from typing import NamedTuple, Unpack

import torch

from audiolab._validation import check_positive, check_range, check_sample_rate
from audiolab.features import _framing
from audiolab.features._choices import FRAME_FIELDS, Convention, Settings
from audiolab.features._module import WaveformFeature
from audiolab.features.conventions import ConventionName, settle

__all__ = [
    "SpectralDescriptors",
    "SpectralShape",
    "spectral_bandwidth",
    "spectral_centroid",
    "spectral_descriptors",
    "spectral_flatness",
    "spectral_rolloff",
]


class SpectralShape(NamedTuple):
    """The descriptors of `spectral_descriptors`, each of shape (..., frame).

    Parameters
    ----------
    centroid_hz : Tensor
        Spectral centroid in Hz.
    bandwidth_hz : Tensor
        Spectral bandwidth in Hz.
    rolloff_hz : Tensor
        Spectral roll-off in Hz.
    flatness : Tensor
        Spectral flatness, between 0 and 1.
    """

    centroid_hz: torch.Tensor
    bandwidth_hz: torch.Tensor
    rolloff_hz: torch.Tensor
    flatness: torch.Tensor


def spectral_descriptors(
    waveform: torch.Tensor,
    sample_rate: int,
    *,
    roll_fraction: float = 0.85,
    exponent: float = 2.0,
    floor: float = 1e-10,
    convention: ConventionName | Convention = "librosa",
    **settings: Unpack[Settings],
) -> SpectralShape:
    """Compute centroid, bandwidth, roll-off and flatness from one spectrogram.

    Parameters
    ----------
    waveform : Tensor, shape (..., time)
        Signal, float32 or float64.
    sample_rate : int
        Sample rate in Hz.
    roll_fraction : float, default: 0.85
        Fraction of the summed magnitude that lies below the roll-off; between 0 and 1.
    exponent : float, default: 2.0
        Exponent p of the bandwidth; 2 makes it a standard deviation.
    floor : float, default: 1e-10
        Smallest power that the flatness sees.
    convention : {"librosa", "torchaudio", "kaldi", "whisper"} or Convention, default: "librosa"
        Preset for the frames.
    **settings
        Fields of `Convention` that concern frames, as for `spectrogram` without `power`.

    Returns
    -------
    SpectralShape
        ``centroid_hz``, ``bandwidth_hz``, ``rolloff_hz`` and ``flatness``, each (..., frame). The
        roll-off moves in whole bins and has no gradient.

    Raises
    ------
    ValueError
        As for `spectrogram`; or a parameter is out of range.
    TypeError
        As for `spectrogram`.

    Examples
    --------
    >>> import torch
    >>> from audiolab.features import spectral_descriptors
    >>> noise = spectral_descriptors(torch.randn(2, 16_000), 16_000)
    >>> noise.centroid_hz.shape, bool((noise.centroid_hz.mean() - 4000).abs() < 200)
    (torch.Size([2, 32]), True)
    """
    check_positive(exponent, "exponent")
    check_positive(floor, "floor")
    if not 0.0 < check_range(roll_fraction, "roll_fraction", 0.0, 1.0) < 1.0:
        raise ValueError(f"roll_fraction must lie between 0 and 1, got {roll_fraction}")
    sample_rate = check_sample_rate(sample_rate)
    settled = settle(convention, sample_rate, settings, FRAME_FIELDS, "spectral_descriptors")
    index = torch.arange(settled.num_bins, dtype=torch.float64)
    bins_hz = (index * (sample_rate / settled.n_fft)).to(waveform)

    def shape(spectrum: torch.Tensor) -> torch.Tensor:
        magnitude = spectrum.abs()
        total = magnitude.sum(-1, keepdim=True)
        weight = magnitude / total.where(total > 0.0, 1.0)
        centroid = weight @ bins_hz
        spread = ((bins_hz - centroid[..., None]).abs().pow(exponent) * weight).sum(-1)
        # A root has no slope at zero; silence gets the value without passing through one.
        some = spread > 0.0
        bandwidth = spread.where(some, 1.0).pow(1.0 / exponent).where(some, 0.0)
        with torch.no_grad():
            below = magnitude.cumsum(-1) < roll_fraction * total
            rolloff = bins_hz[below.sum(-1).clamp_max(settled.num_bins - 1)]
        power = _framing.power_of(spectrum, 2.0).clamp_min(floor)
        flatness = power.log().mean(-1).exp() / power.mean(-1)
        return torch.stack((centroid, bandwidth, rolloff, flatness), dim=-1)

    return SpectralShape(*_framing.map_frames(waveform, settled, shape).unbind(-2))


def spectral_centroid(
    waveform: torch.Tensor,
    sample_rate: int,
    *,
    convention: ConventionName | Convention = "librosa",
    **settings: Unpack[Settings],
) -> torch.Tensor:
    """Compute the spectral centroid, the mean frequency weighted by magnitude.

    Parameters
    ----------
    waveform : Tensor, shape (..., time)
        Signal, float32 or float64.
    sample_rate : int
        Sample rate in Hz.
    convention : {"librosa", "torchaudio", "kaldi", "whisper"} or Convention, default: "librosa"
        Preset for the frames.
    **settings
        Fields of `Convention` that concern frames.

    Returns
    -------
    Tensor, shape (..., frame)
        Centroid in Hz; 0 for silence.

    Raises
    ------
    ValueError
        As for `spectrogram`.
    TypeError
        As for `spectrogram`.

    See Also
    --------
    spectral_descriptors : All four descriptors from one spectrogram.

    Examples
    --------
    >>> import torch
    >>> from audiolab.features import spectral_centroid
    >>> time_s = torch.arange(16_000, dtype=torch.float64) / 16_000
    >>> centroid_hz = spectral_centroid(torch.sin(2 * torch.pi * 1000 * time_s), 16_000)
    >>> round(float(centroid_hz[16]))
    1000
    """
    return spectral_descriptors(
        waveform, sample_rate, convention=convention, **settings
    ).centroid_hz


def spectral_bandwidth(
    waveform: torch.Tensor,
    sample_rate: int,
    *,
    exponent: float = 2.0,
    convention: ConventionName | Convention = "librosa",
    **settings: Unpack[Settings],
) -> torch.Tensor:
    """Compute the spectral bandwidth, the spread of the magnitude around its centroid.

    Parameters
    ----------
    waveform : Tensor, shape (..., time)
        Signal, float32 or float64.
    sample_rate : int
        Sample rate in Hz.
    exponent : float, default: 2.0
        Exponent of the distances; 2 for the standard deviation.
    convention : {"librosa", "torchaudio", "kaldi", "whisper"} or Convention, default: "librosa"
        Preset for the frames.
    **settings
        Fields of `Convention` that concern frames.

    Returns
    -------
    Tensor, shape (..., frame)
        Bandwidth in Hz; 0 for silence.

    Raises
    ------
    ValueError
        As for `spectrogram`.
    TypeError
        As for `spectrogram`.

    See Also
    --------
    spectral_descriptors : All four descriptors from one spectrogram.

    Examples
    --------
    >>> import torch
    >>> from audiolab.features import spectral_bandwidth
    >>> spectral_bandwidth(torch.randn(16_000), 16_000).shape
    torch.Size([32])
    """
    return spectral_descriptors(
        waveform, sample_rate, exponent=exponent, convention=convention, **settings
    ).bandwidth_hz


def spectral_rolloff(
    waveform: torch.Tensor,
    sample_rate: int,
    *,
    roll_fraction: float = 0.85,
    convention: ConventionName | Convention = "librosa",
    **settings: Unpack[Settings],
) -> torch.Tensor:
    """Compute the spectral roll-off, below which a fraction of the magnitude lies.

    Parameters
    ----------
    waveform : Tensor, shape (..., time)
        Signal, float32 or float64.
    sample_rate : int
        Sample rate in Hz.
    roll_fraction : float, default: 0.85
        The fraction, between 0 and 1.
    convention : {"librosa", "torchaudio", "kaldi", "whisper"} or Convention, default: "librosa"
        Preset for the frames.
    **settings
        Fields of `Convention` that concern frames.

    Returns
    -------
    Tensor, shape (..., frame)
        Roll-off in Hz, the frequency of a bin; 0 for silence. It has no gradient.

    Raises
    ------
    ValueError
        As for `spectrogram`; or the fraction is out of range.
    TypeError
        As for `spectrogram`.

    See Also
    --------
    spectral_descriptors : All four descriptors from one spectrogram.

    Examples
    --------
    >>> import torch
    >>> from audiolab.features import spectral_rolloff
    >>> bool(spectral_rolloff(torch.randn(16_000), 16_000).mean() > 6000)
    True
    """
    return spectral_descriptors(
        waveform, sample_rate, roll_fraction=roll_fraction, convention=convention, **settings
    ).rolloff_hz


def spectral_flatness(
    waveform: torch.Tensor,
    sample_rate: int = 16_000,
    *,
    floor: float = 1e-10,
    convention: ConventionName | Convention = "librosa",
    **settings: Unpack[Settings],
) -> torch.Tensor:
    """Compute the spectral flatness: 1 for a flat spectrum, towards 0 for a tone.

    Parameters
    ----------
    waveform : Tensor, shape (..., time)
        Signal, float32 or float64.
    sample_rate : int, default: 16000
        Sample rate in Hz; it matters to conventions that count frames in seconds.
    floor : float, default: 1e-10
        Smallest power that counts.
    convention : {"librosa", "torchaudio", "kaldi", "whisper"} or Convention, default: "librosa"
        Preset for the frames.
    **settings
        Fields of `Convention` that concern frames.

    Returns
    -------
    Tensor, shape (..., frame)
        Flatness between 0 and 1; 1 for silence, whose every bin is at the floor.

    Raises
    ------
    ValueError
        As for `spectrogram`.
    TypeError
        As for `spectrogram`.

    See Also
    --------
    spectral_descriptors : All four descriptors from one spectrogram.

    Examples
    --------
    >>> import torch
    >>> from audiolab.features import spectral_flatness
    >>> bool(spectral_flatness(torch.randn(16_000)).mean() > 0.5)
    True
    """
    return spectral_descriptors(
        waveform, sample_rate, floor=floor, convention=convention, **settings
    ).flatness


class SpectralDescriptors(WaveformFeature):
    """Module twin of `spectral_descriptors`, stacked as ``(..., 4, frame)``.

    Parameters
    ----------
    sample_rate : int
        Sample rate in Hz that the settings are for.
    convention : {"librosa", "torchaudio", "kaldi", "whisper"} or Convention, default: "librosa"
        Preset for the frames.
    **settings
        As for `spectral_descriptors`.

    Examples
    --------
    >>> import torch
    >>> from audiolab.features import SpectralDescriptors
    >>> SpectralDescriptors(16_000)(torch.randn(16_000)).shape
    torch.Size([4, 32])
    """

    fields = FRAME_FIELDS

    def _feature(self, waveform: torch.Tensor, sample_rate: int | None) -> torch.Tensor:
        shape = spectral_descriptors(waveform, self.rate, convention=self.convention)
        return torch.stack(tuple(shape), dim=-2)
