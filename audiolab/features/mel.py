"""Mel spectrograms and their logarithm.

    M[m, t] = sum_k bank[m, k] |X[k, t]|^p

The bank is multiplied in groups of neighbouring bands, over the bins that they reach, while the
block of frames is in the cache: see `filterbank`. Left out: PCEN, and learnable banks.
"""

from __future__ import annotations

from typing import Unpack

import torch

from audiolab._validation import check_sample_rate
from audiolab.features import _framing
from audiolab.features._bands import apply_bank, bank_of
from audiolab.features._choices import (
    ENERGY_FIELDS,
    LOG_FIELDS,
    MEL_FIELDS,
    SPECTRUM_FIELDS,
    Convention,
    Settings,
    Settled,
)
from audiolab.features._module import WaveformFeature
from audiolab.features.conventions import ConventionName, settle
from audiolab.features.degenerate import OnEmpty, check_bands
from audiolab.features.logarithm import check_real, compress

__all__ = ["LogMelSpectrogram", "MelSpectrogram", "log_mel_spectrogram", "mel_spectrogram"]

_MEL = SPECTRUM_FIELDS | MEL_FIELDS
_LOG_MEL = _MEL | LOG_FIELDS | ENERGY_FIELDS


def mel_spectrogram(
    waveform: torch.Tensor,
    sample_rate: int,
    *,
    convention: ConventionName | Convention = "librosa",
    on_empty: OnEmpty = "warn",
    **settings: Unpack[Settings],
) -> torch.Tensor:
    """Compute the mel spectrogram.

    Parameters
    ----------
    waveform : Tensor, shape (..., time)
        Signal, float32 or float64.
    sample_rate : int
        Sample rate in Hz.
    convention : {"librosa", "torchaudio", "kaldi", "whisper"} or Convention, default: "librosa"
        Preset for all that is not given.
    on_empty : {"warn", "raise", "ignore"}, default: "warn"
        What to do about bands that lie between two bins and are therefore zero for every signal.
    **settings
        Fields of `Convention` to change: those of `spectrogram`, and `n_mels`, `f_min`, `f_max`,
        `mel_scale`, `mel_norm`, `straight_in_mel`.

    Returns
    -------
    Tensor, shape (..., n_mels, frame)
        Mel power (magnitude for ``power=1.0``).

    Raises
    ------
    ValueError
        The signal is empty, not finite or shorter than a window; a setting is out of range; or
        `f_max` lies above half the sample rate.
    TypeError
        The signal is not a floating-point tensor, or a setting has no such name.

    Warns
    -----
    DegenerateFilterWarning
        Some bands are empty and `on_empty` is "warn".

    See Also
    --------
    log_mel_spectrogram : Its logarithm.
    inverse_mel : Back to the linear spectrogram.

    Examples
    --------
    >>> import torch
    >>> from audiolab.features import mel_frequencies, mel_spectrogram
    >>> time_s = torch.arange(16_000) / 16_000
    >>> mel = mel_spectrogram(torch.sin(2 * torch.pi * 1000 * time_s), 16_000, n_mels=64)
    >>> loudest = int(mel.mean(-1).argmax())
    >>> mel.shape, float(mel_frequencies(16_000, n_mels=64)[loudest].round())
    (torch.Size([64, 32]), 1022.0)
    """
    settled = settle(convention, sample_rate, settings, _MEL, "mel_spectrogram")
    check_real(settled, "mel_spectrogram")
    check_bands(settled, sample_rate, on_empty, stacklevel=2)
    return bands(waveform, sample_rate, settled)


def bands(waveform: torch.Tensor, sample_rate: int, settled: Settled) -> torch.Tensor:
    """Return the mel spectrogram of settled settings."""
    bank = bank_of("mel", settled, check_sample_rate(sample_rate), waveform)
    power = settled.power
    return _framing.map_frames(
        waveform, settled, lambda x: apply_bank(_framing.power_of(x, power), bank)
    )


def log_mel_spectrogram(
    waveform: torch.Tensor,
    sample_rate: int,
    *,
    convention: ConventionName | Convention = "librosa",
    on_empty: OnEmpty = "warn",
    **settings: Unpack[Settings],
) -> torch.Tensor:
    """Compute the logarithmic mel spectrogram.

    Parameters
    ----------
    waveform : Tensor, shape (..., time)
        Signal, float32 or float64.
    sample_rate : int
        Sample rate in Hz.
    convention : {"librosa", "torchaudio", "kaldi", "whisper"} or Convention, default: "librosa"
        Preset for all that is not given.
    on_empty : {"warn", "raise", "ignore"}, default: "warn"
        What to do about bands that lie between two bins and are therefore zero for every signal.
    **settings
        Fields of `Convention` to change: those of `mel_spectrogram` and of `log_compress`, and
        `use_energy` (put the frame's log energy before the first band), `raw_energy`,
        `energy_floor`.

    Returns
    -------
    Tensor, shape (..., n_mels, frame)
        Log-mel spectrogram; in "librosa" and "torchaudio" dB, in "kaldi" natural logarithm of
        power, in "whisper" log10 scaled to about [-1, 1]. One row more with `use_energy`.

    Raises
    ------
    ValueError
        As for `mel_spectrogram`; "whisper" is defined at 16 kHz only.
    TypeError
        As for `mel_spectrogram`.

    Warns
    -----
    DegenerateFilterWarning
        Some bands are empty and `on_empty` is "warn".

    Examples
    --------
    >>> import torch
    >>> from audiolab.features import log_mel_spectrogram
    >>> log_mel_spectrogram(torch.randn(2, 32_000), 16_000, convention="whisper").shape
    torch.Size([2, 80, 200])
    """
    settled = settle(convention, sample_rate, settings, _LOG_MEL, "log_mel_spectrogram")
    check_real(settled, "log_mel_spectrogram")
    check_bands(settled, sample_rate, on_empty, stacklevel=2)
    level = compress(bands(waveform, sample_rate, settled), settled, settled.top_db)
    if settled.use_energy:
        level = torch.cat((_framing.log_energy(waveform, settled), level), dim=-2)
    return level


class MelSpectrogram(WaveformFeature):
    """Module twin of `mel_spectrogram`.

    Parameters
    ----------
    sample_rate : int
        Sample rate in Hz that the filter bank is for.
    convention : {"librosa", "torchaudio", "kaldi", "whisper"} or Convention, default: "librosa"
        Preset for all that is not given.
    on_empty : {"warn", "raise", "ignore"}, default: "warn"
        What to do, once, about bands that are zero for every signal.
    **settings
        As for `mel_spectrogram`.

    Examples
    --------
    >>> import torch
    >>> from audiolab.features import MelSpectrogram
    >>> mel = MelSpectrogram(16_000, n_fft=512, n_mels=40)
    >>> mel(torch.zeros(16_000), 16_000).shape
    torch.Size([40, 126])
    """

    fields = _MEL

    def __init__(
        self,
        sample_rate: int,
        *,
        convention: ConventionName | Convention = "librosa",
        on_empty: OnEmpty = "warn",
        **settings: Unpack[Settings],
    ) -> None:
        super().__init__(sample_rate, convention=convention, **settings)
        check_bands(self.convention.settle(sample_rate), sample_rate, on_empty, stacklevel=2)

    def _feature(self, waveform: torch.Tensor, sample_rate: int | None) -> torch.Tensor:
        return mel_spectrogram(waveform, self.rate, convention=self.convention, on_empty="ignore")


class LogMelSpectrogram(MelSpectrogram):
    """Module twin of `log_mel_spectrogram`.

    Parameters
    ----------
    sample_rate : int
        Sample rate in Hz that the filter bank is for.
    convention : {"librosa", "torchaudio", "kaldi", "whisper"} or Convention, default: "librosa"
        Preset for all that is not given.
    on_empty : {"warn", "raise", "ignore"}, default: "warn"
        What to do, once, about bands that are zero for every signal.
    **settings
        As for `log_mel_spectrogram`.

    Examples
    --------
    >>> import torch
    >>> from audiolab.features import LogMelSpectrogram
    >>> LogMelSpectrogram(16_000, convention="whisper", n_mels=128)(torch.zeros(16_000)).shape
    torch.Size([128, 100])
    """

    fields = _LOG_MEL

    def _feature(self, waveform: torch.Tensor, sample_rate: int | None) -> torch.Tensor:
        return log_mel_spectrogram(
            waveform, self.rate, convention=self.convention, on_empty="ignore"
        )
