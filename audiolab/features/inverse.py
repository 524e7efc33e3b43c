"""Inverse mel: a linear spectrogram with a given mel spectrogram.

Fewer bands than bins means that many spectrograms fit; the one wanted is not negative, and smooth
where nothing is known. Each iteration multiplies a bin by how much its bands fall short,

    S <- S * (B' (M / (B S))) / (B' 1),

which is the EM algorithm for Poisson observations (Richardson 1972, doi:10.1364/JOSA.62.000055;
Lucy 1974, doi:10.1086/111605). S stays positive without clipping, and quiet cells are fitted as
closely as loud ones: least squares (torchaudio's pseudo-inverse, librosa's L-BFGS) leaves them to
chance.
"""

from __future__ import annotations

from typing import Unpack

import torch

from audiolab._validation import check_range, check_sample_rate
from audiolab.features import _framing
from audiolab.features._bands import mel_bank
from audiolab.features._choices import MEL_FIELDS, SPECTRUM_FIELDS, Convention, Settings
from audiolab.features._module import Feature
from audiolab.features.conventions import ConventionName, settle

__all__ = ["InverseMel", "inverse_mel"]

_FIELDS = MEL_FIELDS | SPECTRUM_FIELDS


def inverse_mel(
    mel: torch.Tensor,
    sample_rate: int,
    *,
    n_iter: int = 30,
    convention: ConventionName | Convention = "librosa",
    **settings: Unpack[Settings],
) -> torch.Tensor:
    """Find a spectrogram with a given mel spectrogram.

    Parameters
    ----------
    mel : Tensor, shape (..., n_mels, frame)
        Mel spectrogram, as `mel_spectrogram` returns it with the same settings.
    sample_rate : int
        Sample rate in Hz.
    n_iter : int, default: 30
        Iterations; 30 bring the mel spectrogram back to 0.02 dB on average.
    convention : {"librosa", "torchaudio", "kaldi", "whisper"} or Convention, default: "librosa"
        Preset for all that is not given.
    **settings
        Fields of `Convention` to change; they must be those of the analysis.

    Returns
    -------
    Tensor, shape (..., n_fft // 2 + 1, frame)
        Spectrogram of the same power, not negative; bins that no band reaches are 0.

    Raises
    ------
    ValueError
        `mel` is empty, negative, not finite or of another shape; or a setting is out of range.
    TypeError
        `mel` is not a real floating-point tensor, or a setting has no such name.

    See Also
    --------
    griffin_lim : From the spectrogram to a waveform.
    log_expand : From a logarithmic mel spectrogram to a linear one.

    Examples
    --------
    >>> import torch
    >>> from audiolab.features import inverse_mel, mel_spectrogram
    >>> mel = mel_spectrogram(torch.randn(16_000), 16_000, n_fft=512, n_mels=40)
    >>> power = inverse_mel(mel, 16_000, n_fft=512, n_mels=40)
    >>> power.shape, bool(power.min() >= 0)
    (torch.Size([257, 126]), True)
    """
    settled = settle(convention, sample_rate, settings, _FIELDS, "inverse_mel")
    if isinstance(n_iter, bool) or not isinstance(n_iter, int):
        raise TypeError(f"n_iter must be an int, got {type(n_iter).__name__}")
    check_range(n_iter, "n_iter", 0)
    rows = _framing.check_spectrum(mel, settled.n_mels, "mel", real=True)
    if bool((rows < 0).any()):
        raise ValueError("mel must not be negative: pass mel power, not decibels (see log_expand)")
    bank = mel_bank(settled, check_sample_rate(sample_rate), rows.dtype, rows.device)
    # The smallest normal number keeps silent cells at 0 without dividing by 0.
    tiny = torch.finfo(rows.dtype).tiny
    reach = bank.sum(0)
    share = torch.where(reach > 0.0, 1.0 / reach.where(reach > 0.0, 1.0), 0.0)
    area = bank.sum(1).clamp_min(tiny)
    spectrum = ((rows / area) @ bank) * share
    for _ in range(n_iter):
        ratio = rows / (spectrum @ bank.t()).clamp_min(tiny)
        spectrum = spectrum * (ratio @ bank) * share
    return spectrum.transpose(-1, -2).reshape(*mel.shape[:-2], settled.num_bins, mel.shape[-1])


class InverseMel(Feature):
    """Module twin of `inverse_mel`.

    Parameters
    ----------
    sample_rate : int
        Sample rate in Hz that the filter bank is for.
    n_iter : int, default: 30
        Iterations.
    convention : {"librosa", "torchaudio", "kaldi", "whisper"} or Convention, default: "librosa"
        Preset for all that is not given.
    **settings
        As for `inverse_mel`.

    Examples
    --------
    >>> import torch
    >>> from audiolab.features import InverseMel
    >>> InverseMel(16_000, n_fft=512, n_mels=40)(torch.rand(40, 10)).shape
    torch.Size([257, 10])
    """

    fields = _FIELDS

    def __init__(
        self,
        sample_rate: int,
        *,
        n_iter: int = 30,
        convention: ConventionName | Convention = "librosa",
        **settings: Unpack[Settings],
    ) -> None:
        super().__init__(sample_rate, convention=convention, **settings)
        self.n_iter = n_iter

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        """Find a spectrogram.

        Parameters
        ----------
        mel : Tensor, shape (..., n_mels, frame)
            Mel spectrogram.

        Returns
        -------
        Tensor, shape (..., n_fft // 2 + 1, frame)
            Spectrogram of the same power.
        """
        return inverse_mel(mel, self.rate, n_iter=self.n_iter, convention=self.convention)
