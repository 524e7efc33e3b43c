"""Logarithmic spectrograms, with the floor, reference and clamp stated.

    y = gain * max(L(x), max L(x) - range) + offset,   L(x) = log(max(x + bias, floor) / reference)

where log is ``10 log10``, ``log10`` or ``ln``. The maximum is each item's own: the clamp of
torchaudio's ``AmplitudeToDB`` shares one over a three-dimensional batch, librosa's ``power_to_db``
over all channels, and Whisper's over the batch, so that a quiet clip's features there depend on its
neighbours. Left out: PCEN, which librosa has.
"""

from __future__ import annotations

import math
from typing import Unpack

import torch

from audiolab.features import _framing
from audiolab.features._choices import LOG_FIELDS, SPECTRUM_FIELDS, Convention, Settings, Settled
from audiolab.features._module import WaveformFeature
from audiolab.features.conventions import ConventionName, settle
from audiolab.features.spectrogram import power_spectrogram

__all__ = ["LogSpectrogram", "log_compress", "log_expand", "log_spectrogram"]

_ENERGY = frozenset({"raw_energy", "energy_floor"})


def log_compress(
    spectrogram: torch.Tensor,
    *,
    convention: ConventionName | Convention = "librosa",
    **settings: Unpack[Settings],
) -> torch.Tensor:
    """Take the logarithm of a power spectrogram as a convention does.

    Parameters
    ----------
    spectrogram : Tensor, shape (..., bin, frame)
        Spectrogram or mel spectrogram of power, not negative.
    convention : {"librosa", "torchaudio", "kaldi", "whisper"} or Convention, default: "librosa"
        Preset for all that is not given.
    **settings
        Fields of `Convention` to change: `log`, `log_bias`, `log_floor`, `log_ref`, `top_db`,
        `log_gain`, `log_offset`.

    Returns
    -------
    Tensor, shape (..., bin, frame)
        Logarithm; `top_db` and a `log_ref` of "max" look at one ``(bin, frame)`` matrix at a time.

    Raises
    ------
    ValueError
        `spectrogram` has fewer than two dimensions, is empty, not finite or negative.
    TypeError
        `spectrogram` is not a real floating-point tensor, or a setting has no such name.

    Examples
    --------
    >>> import torch
    >>> from audiolab.features import log_compress
    >>> log_compress(torch.tensor([[1.0, 0.1, 1e-12]]))
    tensor([[  0., -10., -80.]])
    """
    settled = _settle(convention, settings, "log_compress")
    _check_level(spectrogram, "spectrogram")
    if bool((spectrogram < 0).any()):
        raise ValueError("spectrogram must not be negative: pass |X|^2, not decibels")
    return compress(spectrogram, settled, settled.top_db)


def log_expand(
    level: torch.Tensor,
    *,
    convention: ConventionName | Convention = "librosa",
    **settings: Unpack[Settings],
) -> torch.Tensor:
    """Undo `log_compress`, up to what the floor and the clamp have cut off.

    Parameters
    ----------
    level : Tensor, shape (..., bin, frame)
        Logarithmic spectrogram or mel spectrogram.
    convention : {"librosa", "torchaudio", "kaldi", "whisper"} or Convention, default: "librosa"
        Preset for all that is not given.
    **settings
        Fields of `Convention` to change, as for `log_compress`.

    Returns
    -------
    Tensor, shape (..., bin, frame)
        Power spectrogram.

    Raises
    ------
    ValueError
        `level` is empty or not finite, or the reference ("max") is not known any more.
    TypeError
        `level` is not a real floating-point tensor, or a setting has no such name.

    Examples
    --------
    >>> import torch
    >>> from audiolab.features import log_compress, log_expand
    >>> level = log_compress(torch.tensor([[0.25, 1.0]]), convention="whisper")
    >>> log_expand(level, convention="whisper")
    tensor([[0.2500, 1.0000]])
    """
    settled = _settle(convention, settings, "log_expand")
    _check_level(level, "level")
    if settled.log_ref == "max":
        raise ValueError("log_ref='max' has divided each item by its maximum, which is not known")
    exponent = (level - settled.log_offset) / settled.log_gain
    scale = {"db": math.log(10.0) / 10.0, "log10": math.log(10.0), "ln": 1.0}[settled.log]
    power = torch.exp(exponent * scale) * max(settled.log_floor, settled.log_ref)
    return (power - settled.log_bias).clamp_min(0.0) if settled.log_bias else power


def _check_level(values: torch.Tensor, name: str) -> None:
    num_rows = values.shape[-2] if isinstance(values, torch.Tensor) and values.dim() >= 2 else 1
    _framing.check_spectrum(values, num_rows, name, real=True)


def _settle(convention: ConventionName | Convention, settings: Settings, caller: str) -> Settled:
    # Frame sizes do not concern the logarithm; any keep a convention in seconds from asking for a
    # rate.
    sized: Settings = {"win_length": 1, "hop_length": 1}
    sized.update(settings)
    return settle(convention, None, sized, LOG_FIELDS | {"win_length", "hop_length"}, caller)


def compress(power: torch.Tensor, settled: Settled, top_db: float | None) -> torch.Tensor:
    """Return the logarithm of settled settings, with a `top_db` of the caller's choice."""
    factor, per_db = {
        "db": (10.0 / math.log(10.0), 1.0),
        "log10": (1.0 / math.log(10.0), 0.1),
        "ln": (1.0, math.log(10.0) / 10.0),
    }[settled.log]
    biased = power + settled.log_bias if settled.log_bias else power
    floored = biased.clamp_min(settled.log_floor)
    level = floored.log() if settled.log == "ln" else floored.log10() * (factor * math.log(10.0))
    if settled.log_ref == "max":
        level = level - level.amax((-2, -1), keepdim=True)
    elif settled.log_ref != 1.0:
        level = level - factor * math.log(max(settled.log_floor, settled.log_ref))
    if top_db is not None:
        level = torch.maximum(level, level.amax((-2, -1), keepdim=True) - top_db * per_db)
    if settled.log_gain != 1.0:
        level = settled.log_gain * level
    return level + settled.log_offset if settled.log_offset else level


def log_spectrogram(
    waveform: torch.Tensor,
    sample_rate: int | None = None,
    *,
    convention: ConventionName | Convention = "librosa",
    **settings: Unpack[Settings],
) -> torch.Tensor:
    """Compute the logarithmic power spectrogram.

    Parameters
    ----------
    waveform : Tensor, shape (..., time)
        Signal, float32 or float64.
    sample_rate : int, optional
        Sample rate in Hz; needed by conventions that count in seconds, such as "kaldi".
    convention : {"librosa", "torchaudio", "kaldi", "whisper"} or Convention, default: "librosa"
        Preset for all that is not given. In "kaldi" bin 0 holds the frame's log energy.
    **settings
        Fields of `Convention` to change: those of `spectrogram`, those of `log_compress`, and
        `raw_energy` and `energy_floor`.

    Returns
    -------
    Tensor, shape (..., n_fft // 2 + 1, frame)
        Level; in decibels unless the convention or `log` says otherwise.

    Raises
    ------
    ValueError
        As for `spectrogram`.
    TypeError
        As for `spectrogram`.

    Examples
    --------
    >>> import torch
    >>> from audiolab.features import log_spectrogram
    >>> level_db = log_spectrogram(torch.randn(16_000), n_fft=512, log_ref="max")
    >>> float(level_db.max()), float(level_db.min()) >= -80.0
    (0.0, True)
    """
    fields = SPECTRUM_FIELDS | LOG_FIELDS | _ENERGY
    settled = settle(convention, sample_rate, settings, fields, "log_spectrogram")
    check_real(settled, "log_spectrogram")
    level = compress(power_spectrogram(waveform, settled), settled, settled.top_db)
    if settled.energy_bin:
        level = torch.cat((_framing.log_energy(waveform, settled), level[..., 1:, :]), dim=-2)
    return level


def check_real(settled: Settled, caller: str) -> None:
    """Raise where a real spectrogram is needed and the settings ask for a complex one."""
    if settled.power is None:
        raise ValueError(f"{caller} needs a power, got power=None: pass 1.0 or 2.0")


class LogSpectrogram(WaveformFeature):
    """Module twin of `log_spectrogram`.

    Parameters
    ----------
    sample_rate : int, optional
        Sample rate in Hz that the settings are for.
    convention : {"librosa", "torchaudio", "kaldi", "whisper"} or Convention, default: "librosa"
        Preset for all that is not given.
    **settings
        As for `log_spectrogram`.

    Examples
    --------
    >>> import torch
    >>> from audiolab.features import LogSpectrogram
    >>> LogSpectrogram(16_000, convention="kaldi")(torch.zeros(16_000)).shape
    torch.Size([257, 98])
    """

    fields = SPECTRUM_FIELDS | LOG_FIELDS | _ENERGY

    def _feature(self, waveform: torch.Tensor, sample_rate: int | None) -> torch.Tensor:
        return log_spectrogram(waveform, sample_rate, convention=self.convention)
