"""Cepstral coefficients: MFCC over mel bands, LFCC over linear ones.

The cosine transform (DCT-II) of the logarithmic bands,

    c[i] = s_i sum_m L[m] cos(pi i (m + 1/2) / M),   s_0 = sqrt(1 / M), s_i = sqrt(2 / M) ("ortho"),

separates the slow change over frequency (the vocal tract: low i) from the fast (the pitch), and the
lifter ``1 + Q/2 sin(pi i / Q)`` brings the coefficients to similar sizes. Reference: S. Davis and
P. Mermelstein, "Comparison of parametric representations for monosyllabic word recognition", IEEE
Trans. ASSP 28(4), 1980, doi:10.1109/TASSP.1980.1163420. Left out: PLP, and cepstral mean removal.
"""

from __future__ import annotations

import math
from typing import Literal, Unpack

import torch

from audiolab._validation import check_sample_rate
from audiolab.features import _framing
from audiolab.features._bands import apply_bank, bank_of
from audiolab.features._choices import (
    CEPSTRUM_FIELDS,
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

__all__ = ["LFCC", "MFCC", "dct_matrix", "lfcc", "mfcc"]

_CEPSTRAL_LOG = LOG_FIELDS - {"top_db"}
_MFCC = SPECTRUM_FIELDS | MEL_FIELDS | _CEPSTRAL_LOG | ENERGY_FIELDS | CEPSTRUM_FIELDS
_LFCC = _MFCC - {"mel_scale", "mel_norm", "straight_in_mel"}


def mfcc(
    waveform: torch.Tensor,
    sample_rate: int,
    *,
    convention: ConventionName | Convention = "librosa",
    on_empty: OnEmpty = "warn",
    **settings: Unpack[Settings],
) -> torch.Tensor:
    """Compute mel-frequency cepstral coefficients.

    Parameters
    ----------
    waveform : Tensor, shape (..., time)
        Signal, float32 or float64.
    sample_rate : int
        Sample rate in Hz.
    convention : {"librosa", "torchaudio", "kaldi"} or Convention, default: "librosa"
        Preset for all that is not given. Whisper has no cepstrum.
    on_empty : {"warn", "raise", "ignore"}, default: "warn"
        What to do about mel bands that are zero for every signal.
    **settings
        Fields of `Convention` to change: those of `log_mel_spectrogram` (with `cepstral_top_db` in
        the place of `top_db`), and `n_coefficients`, `dct_norm`, `lifter`, `lifter_start`. With
        `use_energy` the log energy takes the place of the first coefficient.

    Returns
    -------
    Tensor, shape (..., n_coefficients, frame)
        Coefficients, the mean level (or energy) first.

    Raises
    ------
    ValueError
        As for `mel_spectrogram`; or more coefficients are asked for than there are bands.
    TypeError
        As for `mel_spectrogram`.

    Warns
    -----
    DegenerateFilterWarning
        Some bands are empty and `on_empty` is "warn".

    See Also
    --------
    deltas : Their change over time.

    Examples
    --------
    >>> import torch
    >>> from audiolab.features import mfcc
    >>> mfcc(torch.randn(16_000), 16_000, convention="kaldi").shape
    torch.Size([13, 98])
    """
    settled = settle(convention, sample_rate, settings, _MFCC, "mfcc")
    _check_cepstrum(settled, "mfcc")
    check_bands(settled, sample_rate, on_empty, stacklevel=2)
    return _cepstrum(waveform, sample_rate, settled, "mel")


def lfcc(
    waveform: torch.Tensor,
    sample_rate: int,
    *,
    convention: ConventionName | Convention = "torchaudio",
    **settings: Unpack[Settings],
) -> torch.Tensor:
    """Compute linear-frequency cepstral coefficients.

    Parameters
    ----------
    waveform : Tensor, shape (..., time)
        Signal, float32 or float64.
    sample_rate : int
        Sample rate in Hz.
    convention : {"torchaudio", "librosa", "kaldi"} or Convention, default: "torchaudio"
        Preset for all that is not given. Only torchaudio has LFCC; the others lend frames,
        logarithm and cosine transform.
    **settings
        Fields of `Convention` to change, as for `mfcc`; `n_mels` is the number of linear bands.

    Returns
    -------
    Tensor, shape (..., n_coefficients, frame)
        Coefficients, the mean level (or energy) first.

    Raises
    ------
    ValueError
        As for `mfcc`.
    TypeError
        As for `mfcc`.

    Examples
    --------
    >>> import torch
    >>> from audiolab.features import lfcc
    >>> lfcc(torch.randn(16_000), 16_000).shape
    torch.Size([40, 81])
    """
    settled = settle(convention, sample_rate, settings, _LFCC, "lfcc")
    _check_cepstrum(settled, "lfcc")
    return _cepstrum(waveform, sample_rate, settled, "linear")


def _check_cepstrum(settled: Settled, caller: str) -> None:
    check_real(settled, caller)
    if settled.name == "whisper":
        raise ValueError(f"the whisper convention has no cepstrum: {caller} takes another one")
    if settled.n_coefficients > settled.n_mels:
        raise ValueError(
            f"n_coefficients={settled.n_coefficients} must not exceed the n_mels={settled.n_mels} "
            "bands that they are made from"
        )


def _cepstrum(
    waveform: torch.Tensor, sample_rate: int, settled: Settled, kind: Literal["mel", "linear"]
) -> torch.Tensor:
    bank = bank_of(kind, settled, check_sample_rate(sample_rate), waveform)
    power = settled.power
    bands = _framing.map_frames(
        waveform, settled, lambda x: apply_bank(_framing.power_of(x, power), bank)
    )
    level = compress(bands, settled, settled.cepstral_top_db)
    shape = (settled.n_coefficients, settled.n_mels, settled.dct_norm)
    table = _liftered_dct(
        *shape,
        settled.lifter,
        settled.lifter_start,
        dtype=waveform.dtype,
        device=waveform.device,
    )
    coefficients = table @ level
    if settled.use_energy:
        energy = _framing.log_energy(waveform, settled)
        coefficients = torch.cat((energy, coefficients[..., 1:, :]), dim=-2)
    return coefficients


def dct_matrix(
    n_coefficients: int,
    num_bands: int,
    *,
    norm: Literal["ortho"] | None = "ortho",
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> torch.Tensor:
    """Return the matrix of the cosine transform DCT-II.

    Parameters
    ----------
    n_coefficients : int
        Rows to return, the slowest cosines first.
    num_bands : int
        Values that are transformed.
    norm : {"ortho", None}, default: "ortho"
        "ortho" makes the rows orthonormal; None leaves SciPy's factor of 2.
    dtype : torch.dtype, default: torch.float32
        Type of the result; the computation is in float64.
    device : torch.device or str, default: "cpu"
        Device of the result.

    Returns
    -------
    Tensor, shape (n_coefficients, num_bands)
        Cosine table.

    Raises
    ------
    ValueError
        More rows are asked for than there are bands.

    Examples
    --------
    >>> import torch
    >>> from audiolab.features import dct_matrix
    >>> table = dct_matrix(4, 4, dtype=torch.float64)
    >>> bool((table @ table.T - torch.eye(4)).abs().max() < 1e-15)
    True
    """
    if not 1 <= n_coefficients <= num_bands:
        raise ValueError(
            f"n_coefficients must be between 1 and num_bands={num_bands}, got {n_coefficients}"
        )
    place = {"dtype": dtype, "device": torch.device(device)}
    return _liftered_dct(n_coefficients, num_bands, norm, 0.0, 0, **place).clone()


@_framing.kernel
def _liftered_dct(
    count: int, num_bands: int, norm: str | None, lifter: float, start: int
) -> torch.Tensor:
    index = torch.arange(count, dtype=torch.float64)[:, None]
    middle = torch.arange(num_bands, dtype=torch.float64) + 0.5
    table = 2.0 * torch.cos(math.pi / num_bands * index * middle)
    if norm == "ortho":
        table *= math.sqrt(0.5 / num_bands)
        table[0] *= math.sqrt(0.5)
    if lifter > 0.0:
        table *= 1.0 + 0.5 * lifter * torch.sin(math.pi / lifter * (index + start))
    return table


class MFCC(WaveformFeature):
    """Module twin of `mfcc`.

    Parameters
    ----------
    sample_rate : int
        Sample rate in Hz that the filter bank is for.
    convention : {"librosa", "torchaudio", "kaldi"} or Convention, default: "librosa"
        Preset for all that is not given.
    on_empty : {"warn", "raise", "ignore"}, default: "warn"
        What to do, once, about bands that are zero for every signal.
    **settings
        As for `mfcc`.

    Examples
    --------
    >>> import torch
    >>> from audiolab.features import MFCC
    >>> MFCC(16_000, n_coefficients=13, n_mels=40)(torch.zeros(16_000)).shape
    torch.Size([13, 32])
    """

    fields = _MFCC

    def __init__(
        self,
        sample_rate: int,
        *,
        convention: ConventionName | Convention = "librosa",
        on_empty: OnEmpty = "warn",
        **settings: Unpack[Settings],
    ) -> None:
        super().__init__(sample_rate, convention=convention, **settings)
        settled = self.convention.settle(sample_rate)
        _check_cepstrum(settled, "MFCC")
        check_bands(settled, sample_rate, on_empty, stacklevel=2)

    def _feature(self, waveform: torch.Tensor, sample_rate: int | None) -> torch.Tensor:
        return mfcc(waveform, self.rate, convention=self.convention, on_empty="ignore")


class LFCC(WaveformFeature):
    """Module twin of `lfcc`.

    Parameters
    ----------
    sample_rate : int
        Sample rate in Hz that the filter bank is for.
    convention : {"torchaudio", "librosa", "kaldi"} or Convention, default: "torchaudio"
        Preset for all that is not given.
    **settings
        As for `lfcc`.

    Examples
    --------
    >>> import torch
    >>> from audiolab.features import LFCC
    >>> LFCC(16_000, n_coefficients=13)(torch.zeros(16_000)).shape
    torch.Size([13, 81])
    """

    fields = _LFCC

    def __init__(
        self,
        sample_rate: int,
        *,
        convention: ConventionName | Convention = "torchaudio",
        **settings: Unpack[Settings],
    ) -> None:
        super().__init__(sample_rate, convention=convention, **settings)
        _check_cepstrum(self.convention.settle(sample_rate), "LFCC")

    def _feature(self, waveform: torch.Tensor, sample_rate: int | None) -> torch.Tensor:
        return lfcc(waveform, self.rate, convention=self.convention)
