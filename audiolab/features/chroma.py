"""Chroma: the power in each pitch class, whatever the octave.

Each bin gives its power to the pitch classes near it, through a Gaussian over the distance in
semitones that is as wide as the bin, and less of it the farther it is from octave 5: the bank of D.
Ellis ("Chroma feature analysis and synthesis", 2007), which ``librosa.feature.chroma_stft`` uses as
well. Row 0 is C and the A above middle C is at 440 Hz.

Left out: constant-Q and energy-normalised chroma; ``librosa.feature`` has them (``chroma_cqt``,
``chroma_cens``), and renaming them would add nothing.
"""

from __future__ import annotations

import math
from typing import Unpack

import torch

from audiolab._validation import check_positive, check_range, check_sample_rate
from audiolab.features import _framing
from audiolab.features._choices import SPECTRUM_FIELDS, Convention, Settings, Settled
from audiolab.features._module import WaveformFeature
from audiolab.features.conventions import ConventionName, settle

__all__ = ["Chroma", "chroma", "chroma_filterbank"]


def chroma(
    waveform: torch.Tensor,
    sample_rate: int,
    *,
    n_chroma: int = 12,
    tuning: float | None = 0.0,
    norm: float | None = math.inf,
    convention: ConventionName | Convention = "librosa",
    **settings: Unpack[Settings],
) -> torch.Tensor:
    """Compute the chromagram.

    Parameters
    ----------
    waveform : Tensor, shape (..., time)
        Signal, float32 or float64.
    sample_rate : int
        Sample rate in Hz.
    n_chroma : int, default: 12
        Pitch classes in an octave; a multiple of 12 keeps C in row 0.
    tuning : float, optional, default: 0.0
        Deviation from 440 Hz, in pitch classes (1 / `n_chroma` of an octave). None estimates it for
        each item with ``librosa.estimate_tuning``, which is what librosa does by default.
    norm : float, optional, default: inf
        Order of the norm by which each frame is divided; inf makes the strongest class 1, None
        leaves the power.
    convention : {"librosa", "torchaudio", "kaldi", "whisper"} or Convention, default: "librosa"
        Preset for the frames.
    **settings
        Fields of `Convention` to change, as for `spectrogram`.

    Returns
    -------
    Tensor, shape (..., n_chroma, frame)
        Chromagram; silence stays 0.

    Raises
    ------
    ValueError
        As for `spectrogram`; or a parameter is out of range.
    TypeError
        As for `spectrogram`.

    Examples
    --------
    >>> import torch
    >>> from audiolab.features import chroma
    >>> time_s = torch.arange(32_000) / 16_000
    >>> classes = chroma(torch.sin(2 * torch.pi * 440 * time_s), 16_000)
    >>> classes.shape, "C C# D D# E F F# G G# A A# B".split()[int(classes[:, 30].argmax())]
    (torch.Size([12, 63]), 'A')
    """
    settled = settle(convention, sample_rate, settings, SPECTRUM_FIELDS, "chroma")
    if settled.power is None:
        raise ValueError("chroma needs a power, got power=None: pass 1.0 or 2.0")
    rate, power = check_sample_rate(sample_rate), settled.power
    _check(n_chroma, tuning, norm)
    if tuning is not None:
        place = {"dtype": waveform.dtype, "device": waveform.device}
        bank = _bank(rate, settled.n_fft, n_chroma, float(tuning), **place)
        classes = _framing.map_frames(
            waveform, settled, lambda x: _framing.power_of(x, power) @ bank.t()
        )
    else:
        classes = _tuned(waveform, rate, settled, n_chroma)
    if norm is None:
        return classes
    size: torch.Tensor = torch.linalg.vector_norm(classes, ord=norm, dim=-2, keepdim=True)
    return classes / size.where(size > torch.finfo(size.dtype).tiny, 1.0)


def _tuned(
    waveform: torch.Tensor, sample_rate: int, settled: Settled, n_chroma: int
) -> torch.Tensor:
    """Return chroma with each item's own tuning."""
    # Imported where it is needed: librosa takes a second to load.
    import librosa

    power = settled.power
    spectra = _framing.map_frames(waveform, settled, lambda x: _framing.power_of(x, power))
    items = spectra.reshape(-1, *spectra.shape[-2:])
    rows = []
    for item in items:
        tuning = librosa.estimate_tuning(
            S=item.detach().cpu().numpy(), sr=sample_rate, bins_per_octave=n_chroma
        )
        place = {"dtype": item.dtype, "device": item.device}
        rows.append(_bank(sample_rate, settled.n_fft, n_chroma, float(tuning), **place) @ item)
    return torch.stack(rows).reshape(*spectra.shape[:-2], n_chroma, spectra.shape[-1])


def chroma_filterbank(
    sample_rate: int,
    n_fft: int,
    *,
    n_chroma: int = 12,
    tuning: float = 0.0,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> torch.Tensor:
    """Build the bank that gives each bin's power to the pitch classes.

    Parameters
    ----------
    sample_rate : int
        Sample rate in Hz.
    n_fft : int
        Samples of the Fourier transform.
    n_chroma : int, default: 12
        Pitch classes in an octave.
    tuning : float, default: 0.0
        Deviation from 440 Hz, in pitch classes.
    dtype : torch.dtype, default: torch.float32
        Type of the result; the computation is in float64.
    device : torch.device or str, default: "cpu"
        Device of the result.

    Returns
    -------
    Tensor, shape (n_chroma, n_fft // 2 + 1)
        Weights, of Euclidean norm 1 over the classes before the weighting by octave.

    Raises
    ------
    ValueError
        A parameter is out of range.

    Examples
    --------
    >>> from audiolab.features import chroma_filterbank
    >>> chroma_filterbank(16_000, 2048).shape
    torch.Size([12, 1025])
    """
    _check(n_chroma, tuning, None)
    check_range(n_fft, "n_fft", 2)
    place = {"dtype": dtype, "device": torch.device(device)}
    return _bank(check_sample_rate(sample_rate), n_fft, n_chroma, float(tuning), **place).clone()


def _check(n_chroma: int, tuning: float | None, norm: float | None) -> None:
    if isinstance(n_chroma, bool) or not isinstance(n_chroma, int):
        raise TypeError(f"n_chroma must be an int, got {type(n_chroma).__name__}")
    if n_chroma < 1:
        raise ValueError(f"n_chroma must be at least 1, got {n_chroma}")
    if tuning is not None:
        check_range(tuning, "tuning")
    if norm is not None and norm != math.inf:
        check_positive(norm, "norm")


@_framing.kernel
def _bank(sample_rate: int, n_fft: int, n_chroma: int, tuning: float) -> torch.Tensor:
    # A at 440 Hz and its octaves are whole numbers on this scale; octave 0 begins at 27.5 Hz.
    a0_hz = 440.0 * 2.0 ** (tuning / n_chroma) / 16.0
    bins_hz = torch.arange(1, n_fft, dtype=torch.float64) * (sample_rate / n_fft)
    position = n_chroma * torch.log2(bins_hz / a0_hz)
    # The bin at 0 Hz has no pitch: an octave and a half below the next, it is spread over all.
    position = torch.cat((position[:1] - 1.5 * n_chroma, position))
    width = torch.cat((position.diff().clamp_min(1.0), position.new_ones(1)))
    classes = torch.arange(n_chroma, dtype=torch.float64)[:, None]
    half = float(round(n_chroma / 2))
    distance = torch.remainder(position - classes + half, n_chroma) - half
    bank = torch.exp(-0.5 * (2.0 * distance / width) ** 2)
    bank = bank / bank.square().sum(0).sqrt()
    octave = position / n_chroma
    bank = bank * torch.exp(-0.5 * ((octave - 5.0) / 2.0) ** 2)
    from_c = torch.roll(bank, -3 * (n_chroma // 12), dims=0)
    return from_c[:, : n_fft // 2 + 1]


class Chroma(WaveformFeature):
    """Module twin of `chroma`.

    Parameters
    ----------
    sample_rate : int
        Sample rate in Hz that the bank is for.
    n_chroma : int, default: 12
        Pitch classes in an octave.
    tuning : float, optional, default: 0.0
        Deviation from 440 Hz in pitch classes, or None to estimate it for each item.
    norm : float, optional, default: inf
        Order of the norm by which each frame is divided.
    convention : {"librosa", "torchaudio", "kaldi", "whisper"} or Convention, default: "librosa"
        Preset for the frames.
    **settings
        As for `chroma`.

    Examples
    --------
    >>> import torch
    >>> from audiolab.features import Chroma
    >>> Chroma(16_000)(torch.zeros(16_000)).shape
    torch.Size([12, 32])
    """

    fields = SPECTRUM_FIELDS

    def __init__(
        self,
        sample_rate: int,
        *,
        n_chroma: int = 12,
        tuning: float | None = 0.0,
        norm: float | None = math.inf,
        convention: ConventionName | Convention = "librosa",
        **settings: Unpack[Settings],
    ) -> None:
        super().__init__(sample_rate, convention=convention, **settings)
        _check(n_chroma, tuning, norm)
        self.n_chroma, self.tuning, self.norm = n_chroma, tuning, norm

    def _feature(self, waveform: torch.Tensor, sample_rate: int | None) -> torch.Tensor:
        return chroma(
            waveform,
            self.rate,
            n_chroma=self.n_chroma,
            tuning=self.tuning,
            norm=self.norm,
            convention=self.convention,
        )
