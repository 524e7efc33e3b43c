"""Triangular banks, built once and applied a few bands at a time."""

from __future__ import annotations

import functools
from typing import Any, Literal, TypeAlias

import torch

from audiolab._validation import check_sample_rate
from audiolab.features._choices import MEL_FIELDS, Settled
from audiolab.features._framing import kernel
from audiolab.features.mel_scale import hz_to_mel, mel_to_hz

__all__ = [
    "BANK_FIELDS",
    "Bank",
    "apply_bank",
    "band_span",
    "bank_of",
    "bins_hz",
    "linear_bank",
    "mel_bank",
    "mel_edges",
]

#: The settings that make a bank.
BANK_FIELDS = MEL_FIELDS | {"n_fft", "win_length", "hop_length"}

#: Rows of a bank, 16 at a time: first bin, bin after the last, and the transposed weights between.
Bank: TypeAlias = tuple[tuple[int, int, torch.Tensor], ...]

_ROWS = 16


def bank_of(
    kind: Literal["mel", "linear"], settled: Settled, sample_rate: int, like: torch.Tensor
) -> Bank:
    """Return the cached bank in blocks, for `apply_bank`; not to be written to."""
    span = band_span(settled, sample_rate)
    arguments: tuple[Any, ...] = (*span, settled.n_mels, sample_rate, settled.n_fft)
    if kind == "mel":
        arguments += (settled.mel_scale, settled.mel_norm, settled.straight_in_mel)
    return _blocks(kind, arguments, like.dtype, like.device)


@functools.lru_cache(maxsize=32)
def _blocks(
    kind: str, arguments: tuple[Any, ...], dtype: torch.dtype, device: torch.device
) -> Bank:
    build = _mel_bank if kind == "mel" else linear_bank
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
        *band_span(settled, sample_rate),
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
    edges_hz = mel_edges(f_min, f_max, n_mels, mel_scale)
    bins = bins_hz(sample_rate, n_fft)
    if straight_in_mel:
        edges, bins = (hz_to_mel(f, mel_scale=mel_scale) for f in (edges_hz, bins))
    else:
        edges = edges_hz
    bank = _triangles(edges, bins)
    if mel_norm == "slaney":
        bank *= (2.0 / (edges_hz[2:] - edges_hz[:-2]))[:, None]
    return bank


@kernel
def linear_bank(
    f_min: float, f_max: float, num_bands: int, sample_rate: int, n_fft: int
) -> torch.Tensor:
    """Return the cached linear bank; not to be written to."""
    edges = torch.linspace(f_min, f_max, num_bands + 2, dtype=torch.float64)
    return _triangles(edges, bins_hz(sample_rate, n_fft))


def _triangles(edges: torch.Tensor, bins: torch.Tensor) -> torch.Tensor:
    rise = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    fall = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    return torch.minimum(rise, fall).clamp_min(0.0)


def bins_hz(sample_rate: int, n_fft: int) -> torch.Tensor:
    """Return the frequencies of the bins, in float64."""
    return torch.arange(n_fft // 2 + 1, dtype=torch.float64) * (sample_rate / n_fft)


def mel_edges(f_min: float, f_max: float, n_mels: int, mel_scale: str) -> torch.Tensor:
    """Return the edges of all bands in Hz, in float64."""
    ends = hz_to_mel(torch.tensor([f_min, f_max], dtype=torch.float64), mel_scale=mel_scale)
    mel = torch.linspace(float(ends[0]), float(ends[1]), n_mels + 2, dtype=torch.float64)
    return mel_to_hz(mel, mel_scale=mel_scale)


def band_span(settled: Settled, sample_rate: int) -> tuple[float, float]:
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
