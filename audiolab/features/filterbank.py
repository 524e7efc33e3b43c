"""Triangular filter banks on the mel and the linear scale.

Band m rises from edge m to edge m + 1 and falls to edge m + 2; the edges are equally spaced on the
scale. librosa, torchaudio and Whisper draw the flanks straight over hertz, Kaldi over mel. See
`degenerate` for bands that no bin falls into. Left out: Bark and ERB scales, and VTLN.
"""

from __future__ import annotations

from typing import Unpack

import torch

from audiolab.features._bands import BANK_FIELDS, band_span, linear_bank, mel_bank, mel_edges
from audiolab.features._choices import MEL_FIELDS, Convention, Settings
from audiolab.features.conventions import ConventionName, settle
from audiolab.features.degenerate import OnEmpty, check_bands

__all__ = ["linear_filterbank", "mel_filterbank", "mel_frequencies"]


def mel_frequencies(
    sample_rate: int,
    *,
    convention: ConventionName | Convention = "librosa",
    **settings: Unpack[Settings],
) -> torch.Tensor:
    """Return the centre frequency of each band of the mel filter bank.

    Parameters
    ----------
    sample_rate : int
        Sample rate in Hz.
    convention : {"librosa", "torchaudio", "kaldi", "whisper"} or Convention, default: "librosa"
        Preset for all that is not given.
    **settings
        Fields of `Convention` to change: `n_mels`, `f_min`, `f_max`, `mel_scale`.

    Returns
    -------
    Tensor, shape (n_mels,), float64
        Frequencies in Hz.

    Examples
    --------
    >>> from audiolab.features import mel_frequencies
    >>> mel_frequencies(16_000, n_mels=3, mel_scale="htk").round()
    tensor([ 614., 1768., 3934.], dtype=torch.float64)
    """
    settled = settle(convention, sample_rate, settings, MEL_FIELDS, "mel_frequencies")
    return mel_edges(*band_span(settled, sample_rate), settled.n_mels, settled.mel_scale)[1:-1]


def mel_filterbank(
    sample_rate: int,
    *,
    convention: ConventionName | Convention = "librosa",
    on_empty: OnEmpty = "warn",
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
    **settings: Unpack[Settings],
) -> torch.Tensor:
    """Build the mel filter bank.

    Parameters
    ----------
    sample_rate : int
        Sample rate in Hz.
    convention : {"librosa", "torchaudio", "kaldi", "whisper"} or Convention, default: "librosa"
        Preset for all that is not given.
    on_empty : {"warn", "raise", "ignore"}, default: "warn"
        What to do about bands that lie between two bins and are therefore zero for every signal.
    dtype : torch.dtype, default: torch.float32
        Type of the result; the computation is in float64.
    device : torch.device or str, default: "cpu"
        Device of the result.
    **settings
        Fields of `Convention` to change: `n_fft`, `win_length`, `hop_length`, `n_mels`, `f_min`,
        `f_max`, `mel_scale`, `mel_norm`, `straight_in_mel`.

    Returns
    -------
    Tensor, shape (n_mels, n_fft // 2 + 1)
        Weights; ``bank @ power`` is the mel spectrogram.

    Raises
    ------
    ValueError
        `f_max` lies above half the sample rate, or not above `f_min`; or bands are empty and
        `on_empty` is "raise".

    Warns
    -----
    DegenerateFilterWarning
        Some bands are empty and `on_empty` is "warn"; the message names settings that have none.

    Examples
    --------
    >>> from audiolab.features import mel_filterbank
    >>> bank = mel_filterbank(16_000, n_fft=512, n_mels=40)
    >>> bank.shape, int((bank > 0).sum(0).max())  # a bin feeds two bands at most
    (torch.Size([40, 257]), 2)
    """
    settled = settle(convention, sample_rate, settings, BANK_FIELDS, "mel_filterbank")
    check_bands(settled, sample_rate, on_empty, stacklevel=2)
    return mel_bank(settled, sample_rate, dtype, torch.device(device)).clone()


def linear_filterbank(
    sample_rate: int,
    *,
    convention: ConventionName | Convention = "librosa",
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
    **settings: Unpack[Settings],
) -> torch.Tensor:
    """Build a bank of triangles of equal width and height 1, the one that LFCC uses.

    Parameters
    ----------
    sample_rate : int
        Sample rate in Hz.
    convention : {"librosa", "torchaudio", "kaldi", "whisper"} or Convention, default: "librosa"
        Preset for all that is not given.
    dtype : torch.dtype, default: torch.float32
        Type of the result; the computation is in float64.
    device : torch.device or str, default: "cpu"
        Device of the result.
    **settings
        Fields of `Convention` to change: `n_fft`, `win_length`, `hop_length`, `n_mels` (the number
        of bands), `f_min`, `f_max`.

    Returns
    -------
    Tensor, shape (n_mels, n_fft // 2 + 1)
        Weights; ``bank @ power`` is the band spectrogram.

    Raises
    ------
    ValueError
        `f_max` lies above half the sample rate, or not above `f_min`.

    Examples
    --------
    >>> from audiolab.features import linear_filterbank
    >>> linear_filterbank(16_000, n_fft=512, n_mels=40).sum(1).round()[:2]
    tensor([6., 6.])
    """
    fields = frozenset({"n_fft", "win_length", "hop_length", "n_mels", "f_min", "f_max"})
    settled = settle(convention, sample_rate, settings, fields, "linear_filterbank")
    span = band_span(settled, sample_rate)
    place = {"dtype": dtype, "device": torch.device(device)}
    return linear_bank(*span, settled.n_mels, sample_rate, settled.n_fft, **place).clone()
