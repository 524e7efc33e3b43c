"""Mel bands that are too narrow for the bins, and settings that have none.

A band narrower than the bins are apart can lie between two of them: its output is zero for every
signal, and a logarithm turns that into a row of the floor. Features warn of such bands. Bands of a
single bin are milder: neighbours that see the same bin say the same thing twice. Whisper has some
by design, so that `filterbank_report` counts them and nothing warns.
"""

from __future__ import annotations

import functools
import warnings
from typing import Literal, NamedTuple, TypeAlias, Unpack

import torch

from audiolab._validation import check_choice
from audiolab.features._bands import BANK_FIELDS, band_span, bins_hz, mel_bank, mel_edges
from audiolab.features._choices import Convention, Settings, Settled
from audiolab.features.conventions import ConventionName, settle

__all__ = [
    "DegenerateFilterWarning",
    "FilterbankReport",
    "OnEmpty",
    "check_bands",
    "filterbank_report",
]

OnEmpty: TypeAlias = Literal["warn", "raise", "ignore"]


class DegenerateFilterWarning(UserWarning):
    """Some bands of a filter bank lie between two bins and are zero for every signal."""


class FilterbankReport(NamedTuple):
    """What `filterbank_report` finds out about a mel filter bank.

    Parameters
    ----------
    empty : tuple of int
        Bands that no bin falls into: zero for every signal.
    single_bin : tuple of int
        Bands that one bin falls into.
    num_redundant : int
        How many bands are combinations of the others.
    most_bands : int
        Most bands, at this `n_fft`, of which none is empty or has a single bin.
    least_n_fft : int
        Least power of two as `n_fft` with which no band is empty or has a single bin.
    """

    empty: tuple[int, ...]
    single_bin: tuple[int, ...]
    num_redundant: int
    most_bands: int
    least_n_fft: int


def filterbank_report(
    sample_rate: int,
    *,
    convention: ConventionName | Convention = "librosa",
    **settings: Unpack[Settings],
) -> FilterbankReport:
    """Say which bands of a mel filter bank are too narrow for the bins, and what would help.

    Parameters
    ----------
    sample_rate : int
        Sample rate in Hz.
    convention : {"librosa", "torchaudio", "kaldi", "whisper"} or Convention, default: "librosa"
        Preset for all that is not given.
    **settings
        Fields of `Convention` to change, as for `mel_filterbank`.

    Returns
    -------
    FilterbankReport
        ``empty``, ``single_bin``, ``num_redundant``, ``most_bands`` and ``least_n_fft``.

    Raises
    ------
    ValueError
        As for `mel_filterbank`.

    Examples
    --------
    >>> from audiolab.features import filterbank_report
    >>> report = filterbank_report(6000, n_fft=1024, n_mels=256, mel_scale="htk")
    >>> len(report.empty), len(report.single_bin), report.num_redundant
    (0, 9, 4)
    >>> report.most_bands, report.least_n_fft
    (199, 2048)
    """
    settled = settle(convention, sample_rate, settings, BANK_FIELDS, "filterbank_report")
    span = band_span(settled, sample_rate)

    def bins_in(bands: int, n_fft: int) -> torch.Tensor:
        return _bins_in_bands(*span, bands, sample_rate, n_fft, settled.mel_scale)

    inside = bins_in(settled.n_mels, settled.n_fft)
    bank = mel_bank(settled, sample_rate, torch.float64, torch.device("cpu"))
    heights = bank.amax(1, keepdim=True)
    rank = int(torch.linalg.matrix_rank(bank / heights.where(heights > 0, 1.0), rtol=1e-9))
    most = settled.n_mels
    while most > 1 and int(bins_in(most, settled.n_fft).min()) < 2:
        most -= 1
    least = 2
    while least < 2**22 and int(bins_in(settled.n_mels, least).min()) < 2:
        least *= 2
    return FilterbankReport(
        tuple((inside < 1).nonzero()[:, 0].tolist()),
        tuple((inside == 1).nonzero()[:, 0].tolist()),
        settled.n_mels - rank,
        most,
        least,
    )


def check_bands(settled: Settled, sample_rate: int, on_empty: OnEmpty, *, stacklevel: int) -> None:
    """Report bands that no bin falls into, with settings that have none."""
    check_choice(on_empty, "on_empty", ("warn", "raise", "ignore"))
    if on_empty == "ignore":
        band_span(settled, sample_rate)
        return
    message = _empty_report(
        *band_span(settled, sample_rate),
        settled.n_mels,
        sample_rate,
        settled.n_fft,
        settled.mel_scale,
    )
    if message and on_empty == "raise":
        raise ValueError(message)
    if message:
        warnings.warn(message, DegenerateFilterWarning, stacklevel=stacklevel + 1)


def _bins_in_bands(
    f_min: float, f_max: float, n_mels: int, sample_rate: int, n_fft: int, mel_scale: str
) -> torch.Tensor:
    """Return how many bins lie strictly between the outer edges of each band."""
    edges = mel_edges(f_min, f_max, n_mels, mel_scale)
    bins = bins_hz(sample_rate, n_fft)
    below_stop = torch.searchsorted(bins, edges[2:])
    upto_start = torch.searchsorted(bins, edges[:-2], right=True)
    return below_stop - upto_start


@functools.lru_cache(maxsize=64)
def _empty_report(
    f_min: float, f_max: float, n_mels: int, sample_rate: int, n_fft: int, mel_scale: str
) -> str:
    def empty(bands: int, size: int) -> torch.Tensor:
        inside = _bins_in_bands(f_min, f_max, bands, sample_rate, size, mel_scale)
        return (inside < 1).nonzero()[:, 0]

    found = empty(n_mels, n_fft)
    if not len(found):
        return ""
    remedies = []
    fewer = next((m for m in range(n_mels - 1, 0, -1) if not len(empty(m, n_fft))), 0)
    if fewer:
        remedies.append(f"at most {fewer} bands at this n_fft")
    size = 1 << n_fft.bit_length()
    while size <= 2**20 and len(empty(n_mels, size)):
        size *= 2
    if size <= 2**20:
        remedies.append(f"n_fft={size} for these {n_mels} bands")
    listed = ", ".join(map(str, found[:6].tolist())) + (", ..." if len(found) > 6 else "")
    return (
        f"{len(found)} of {n_mels} mel bands are narrower than the {sample_rate / n_fft:.3g} Hz "
        f"between bins and zero for every signal (bands {listed}) at sample_rate={sample_rate}, "
        f"n_fft={n_fft}, {f_min:g} to {f_max:g} Hz; use {' or '.join(remedies) or 'a larger n_fft'}"
    )
