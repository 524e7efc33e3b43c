"""Triangular filter banks on the mel and the linear scale, and filters that fall between the bins.

Band m rises from edge m to edge m + 1 and falls to edge m + 2; the edges are equally spaced on the
scale. Two mel scales are in use: HTK's, ``2595 log10(1 + f / 700)`` (O'Shaughnessy 1987), and
Slaney's, linear at 3 mel per 200 Hz up to 1 kHz and then 27 mel per factor of 6.4 (Auditory
Toolbox, 1998). Kaldi's 1127 ln(1 + f / 700) is HTK's but for a factor, which the triangles cancel.

A band narrower than the bins are apart can lie between two of them: its output is zero for every
signal, and a logarithm turns that into a row of the floor. `mel_filterbank` reports such bands
together with settings that have none. Bands of a single bin are milder: neighbours that see the
same bin say the same thing twice. Whisper has some by design, so that `filterbank_report` counts
them and nothing warns. Left out: Bark and ERB scales.
"""

from __future__ import annotations

import functools
import math
import warnings
from typing import Any, Literal, NamedTuple, TypeAlias, Unpack

import torch

from audiolab._validation import check_choice, check_sample_rate
from audiolab.features._framing import kernel
from audiolab.features.conventions import (
    MEL_FIELDS,
    Convention,
    ConventionName,
    Settings,
    Settled,
    settle,
)

__all__ = [
    "Bank",
    "DegenerateFilterWarning",
    "FilterbankReport",
    "OnEmpty",
    "apply_bank",
    "bank_of",
    "check_bands",
    "filterbank_report",
    "hz_to_mel",
    "linear_filterbank",
    "mel_filterbank",
    "mel_frequencies",
    "mel_to_hz",
]

OnEmpty: TypeAlias = Literal["warn", "raise", "ignore"]

#: Rows of a bank, 16 at a time: first bin, bin after the last, and the transposed weights between.
Bank: TypeAlias = tuple[tuple[int, int, torch.Tensor], ...]

_ROWS = 16
_BANK = MEL_FIELDS | {"n_fft", "win_length", "hop_length"}

_HTK_FACTOR = 2595.0 / math.log(10.0)
_SLANEY_BREAK_HZ = 1000.0
_SLANEY_HZ_PER_MEL = 200.0 / 3.0
_SLANEY_LOG_STEP = math.log(6.4) / 27.0


class DegenerateFilterWarning(UserWarning):
    """Some bands of a filter bank lie between two bins and are zero for every signal."""


def hz_to_mel(frequency_hz: torch.Tensor, *, mel_scale: str = "slaney") -> torch.Tensor:
    """Convert frequencies to mel.

    Parameters
    ----------
    frequency_hz : Tensor
        Frequencies in Hz, >= 0.
    mel_scale : {"slaney", "htk"}, default: "slaney"
        Scale.

    Returns
    -------
    Tensor
        Mel values, of the same shape.

    Examples
    --------
    >>> import torch
    >>> from audiolab.features import hz_to_mel
    >>> hz_to_mel(torch.tensor([500.0, 1000.0]))
    tensor([ 7.5000, 15.0000])
    """
    check_choice(mel_scale, "mel_scale", ("slaney", "htk"))
    if mel_scale == "htk":
        return _HTK_FACTOR * torch.log1p(frequency_hz / 700.0)
    linear = frequency_hz / _SLANEY_HZ_PER_MEL
    ratio = frequency_hz.clamp_min(_SLANEY_BREAK_HZ) / _SLANEY_BREAK_HZ
    bent = _SLANEY_BREAK_HZ / _SLANEY_HZ_PER_MEL + ratio.log() / _SLANEY_LOG_STEP
    return torch.where(frequency_hz < _SLANEY_BREAK_HZ, linear, bent)


def mel_to_hz(mel: torch.Tensor, *, mel_scale: str = "slaney") -> torch.Tensor:
    """Convert mel values to frequencies.

    Parameters
    ----------
    mel : Tensor
        Mel values.
    mel_scale : {"slaney", "htk"}, default: "slaney"
        Scale.

    Returns
    -------
    Tensor
        Frequencies in Hz, of the same shape.

    Examples
    --------
    >>> import torch
    >>> from audiolab.features import mel_to_hz
    >>> mel_to_hz(torch.tensor([7.5, 15.0])).round()
    tensor([ 500., 1000.])
    """
    check_choice(mel_scale, "mel_scale", ("slaney", "htk"))
    if mel_scale == "htk":
        return 700.0 * torch.expm1(mel / _HTK_FACTOR)
    break_mel = _SLANEY_BREAK_HZ / _SLANEY_HZ_PER_MEL
    bent = _SLANEY_BREAK_HZ * torch.exp(_SLANEY_LOG_STEP * (mel - break_mel))
    return torch.where(mel < break_mel, mel * _SLANEY_HZ_PER_MEL, bent)


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
    return _mel_edges(*_span(settled, sample_rate), settled.n_mels, settled.mel_scale)[1:-1]


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
    settled = settle(convention, sample_rate, settings, _BANK, "mel_filterbank")
    check_bands(settled, sample_rate, on_empty, stacklevel=2)
    return mel_bank(settled, sample_rate, dtype, torch.device(device)).clone()


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
    settled = settle(convention, sample_rate, settings, _BANK, "filterbank_report")
    span = _span(settled, sample_rate)

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
    span = _span(settled, sample_rate)
    place = {"dtype": dtype, "device": torch.device(device)}
    return _linear_bank(*span, settled.n_mels, sample_rate, settled.n_fft, **place).clone()


def bank_of(
    kind: Literal["mel", "linear"], settled: Settled, sample_rate: int, like: torch.Tensor
) -> Bank:
    """Return the cached bank in blocks, for `apply_bank`; not to be written to."""
    span = _span(settled, sample_rate)
    arguments: tuple[Any, ...] = (*span, settled.n_mels, sample_rate, settled.n_fft)
    if kind == "mel":
        arguments += (settled.mel_scale, settled.mel_norm, settled.straight_in_mel)
    return _blocks(kind, arguments, like.dtype, like.device)


@functools.lru_cache(maxsize=32)
def _blocks(
    kind: str, arguments: tuple[Any, ...], dtype: torch.dtype, device: torch.device
) -> Bank:
    build = _mel_bank if kind == "mel" else _linear_bank
    whole = build(*arguments, dtype=torch.float64, device=torch.device("cpu"))
    blocks = []
    with torch.inference_mode(False), torch.no_grad():
        for rows in torch.split(whole, _ROWS):
            reached = rows.sum(0).nonzero()[:, 0]
            start, stop = (int(reached[0]), int(reached[-1]) + 1) if len(reached) else (0, 1)
            part = rows[:, start:stop].t().contiguous()
            blocks.append((start, stop, part.to(dtype=dtype, device=device)))
    return tuple(blocks)


def apply_bank(power: torch.Tensor, bank: Bank) -> torch.Tensor:
    """Return ``(..., frame, band)`` of ``(..., frame, bin)``, a few bands at once.

    A triangle covers few bins: with 128 bands 98 % of the products of whole rows would be zero.
    """
    return torch.cat([power[..., start:stop] @ part for start, stop, part in bank], dim=-1)


def mel_bank(
    settled: Settled, sample_rate: int, dtype: torch.dtype, device: torch.device
) -> torch.Tensor:
    """Return the cached mel bank; not to be written to."""
    return _mel_bank(
        *_span(settled, sample_rate),
        settled.n_mels,
        sample_rate,
        settled.n_fft,
        settled.mel_scale,
        settled.mel_norm,
        settled.straight_in_mel,
        dtype=dtype,
        device=device,
    )


@kernel
def _mel_bank(
    f_min: float,
    f_max: float,
    n_mels: int,
    sample_rate: int,
    n_fft: int,
    mel_scale: str,
    mel_norm: str | None,
    straight_in_mel: bool,
) -> torch.Tensor:
    edges_hz = _mel_edges(f_min, f_max, n_mels, mel_scale)
    bins_hz = _bins_hz(sample_rate, n_fft)
    if straight_in_mel:
        edges, bins = (hz_to_mel(f, mel_scale=mel_scale) for f in (edges_hz, bins_hz))
    else:
        edges, bins = edges_hz, bins_hz
    bank = _triangles(edges, bins)
    if mel_norm == "slaney":
        bank *= (2.0 / (edges_hz[2:] - edges_hz[:-2]))[:, None]
    return bank


@kernel
def _linear_bank(
    f_min: float, f_max: float, num_bands: int, sample_rate: int, n_fft: int
) -> torch.Tensor:
    edges = torch.linspace(f_min, f_max, num_bands + 2, dtype=torch.float64)
    return _triangles(edges, _bins_hz(sample_rate, n_fft))


def _triangles(edges: torch.Tensor, bins: torch.Tensor) -> torch.Tensor:
    rise = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    fall = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    return torch.minimum(rise, fall).clamp_min(0.0)


def _bins_hz(sample_rate: int, n_fft: int) -> torch.Tensor:
    return torch.arange(n_fft // 2 + 1, dtype=torch.float64) * (sample_rate / n_fft)


def _mel_edges(f_min: float, f_max: float, n_mels: int, mel_scale: str) -> torch.Tensor:
    ends = hz_to_mel(torch.tensor([f_min, f_max], dtype=torch.float64), mel_scale=mel_scale)
    mel = torch.linspace(float(ends[0]), float(ends[1]), n_mels + 2, dtype=torch.float64)
    return mel_to_hz(mel, mel_scale=mel_scale)


def _span(settled: Settled, sample_rate: int) -> tuple[float, float]:
    """Return the edges of the bank in Hz, or raise where the sample rate has no room for them."""
    half = check_sample_rate(sample_rate) / 2.0
    f_max = half if settled.f_max is None else settled.f_max
    if f_max > half:
        raise ValueError(
            f"f_max={f_max:g} Hz lies above half the sample rate, {half:g} Hz: is sample_rate="
            f"{sample_rate} the waveform's? If so, lower f_max, or leave it out"
        )
    if f_max <= settled.f_min:
        raise ValueError(f"f_max={f_max:g} Hz must lie above f_min={settled.f_min:g} Hz")
    return settled.f_min, f_max


def check_bands(settled: Settled, sample_rate: int, on_empty: OnEmpty, *, stacklevel: int) -> None:
    """Report bands that no bin falls into, with settings that have none."""
    check_choice(on_empty, "on_empty", ("warn", "raise", "ignore"))
    if on_empty == "ignore":
        _span(settled, sample_rate)
        return
    message = _empty_report(
        *_span(settled, sample_rate),
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
    edges = _mel_edges(f_min, f_max, n_mels, mel_scale)
    bins = _bins_hz(sample_rate, n_fft)
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
