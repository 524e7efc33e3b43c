"""Decibels, hertz, seconds and samples: one definition and one rounding rule for each.

Every function takes a Python number or a tensor and returns the same kind. Amplitude decibels are
``20 log10``, power decibels ``10 log10``; full scale is an amplitude of 1.0.
"""

from __future__ import annotations

import math
from typing import TypeVar

import torch

__all__ = [
    "amplitude_to_db",
    "db_to_amplitude",
    "db_to_power",
    "hz_to_midi",
    "midi_to_hz",
    "power_to_db",
    "samples_to_seconds",
    "seconds_to_samples",
]

Number = TypeVar("Number", float, torch.Tensor)


def amplitude_to_db(amplitude: Number, *, floor_db: float = -math.inf) -> Number:
    """Convert an amplitude ratio to decibels, ``20 log10 |a|``.

    Parameters
    ----------
    amplitude : float or Tensor
        Ratio to full scale; the sign is ignored.
    floor_db : float, default: -inf
        Smallest value to return, so that silence can be plotted.

    Returns
    -------
    float or Tensor
        Level in dB, of the kind that came in.

    Examples
    --------
    >>> round(amplitude_to_db(0.5), 2)
    -6.02
    """
    return _to_db(amplitude, 20.0, floor_db)


def power_to_db(power: Number, *, floor_db: float = -math.inf) -> Number:
    """Convert a power ratio to decibels, ``10 log10 |p|``.

    Parameters
    ----------
    power : float or Tensor
        Power ratio, for instance a mean square.
    floor_db : float, default: -inf
        Smallest value to return.

    Returns
    -------
    float or Tensor
        Level in dB, of the kind that came in.

    Examples
    --------
    >>> round(power_to_db(0.5), 2)
    -3.01
    """
    return _to_db(power, 10.0, floor_db)


def _to_db(ratio: Number, factor: float, floor_db: float) -> Number:
    if isinstance(ratio, torch.Tensor):
        return (factor * torch.log10(ratio.abs())).clamp_min(floor_db)
    magnitude = abs(ratio)
    return max(factor * math.log10(magnitude), floor_db) if magnitude > 0 else floor_db


def db_to_amplitude(level_db: Number) -> Number:
    """Convert decibels to an amplitude ratio, ``10^(dB/20)``.

    Parameters
    ----------
    level_db : float or Tensor
        Level in dB.

    Returns
    -------
    float or Tensor
        Amplitude ratio.

    Examples
    --------
    >>> db_to_amplitude(-20.0)
    0.1
    """
    ratio: Number = 10.0 ** (level_db / 20.0)
    return ratio


def db_to_power(level_db: Number) -> Number:
    """Convert decibels to a power ratio, ``10^(dB/10)``.

    Parameters
    ----------
    level_db : float or Tensor
        Level in dB.

    Returns
    -------
    float or Tensor
        Power ratio.

    Examples
    --------
    >>> db_to_power(-20.0)
    0.01
    """
    ratio: Number = 10.0 ** (level_db / 10.0)
    return ratio


def hz_to_midi(frequency_hz: Number) -> Number:
    """Convert a frequency to a (fractional) MIDI note number, ``69 + 12 log2(f / 440)``.

    Parameters
    ----------
    frequency_hz : float or Tensor
        Frequency in Hz, > 0.

    Returns
    -------
    float or Tensor
        Note number; 69 is the A at 440 Hz and one unit is a semitone.

    Examples
    --------
    >>> hz_to_midi(220.0)
    57.0
    """
    if isinstance(frequency_hz, torch.Tensor):
        return 69.0 + 12.0 * torch.log2(frequency_hz / 440.0)
    return 69.0 + 12.0 * math.log2(frequency_hz / 440.0)


def midi_to_hz(note: Number) -> Number:
    """Convert a (fractional) MIDI note number to a frequency, ``440 * 2^((n - 69) / 12)``.

    Parameters
    ----------
    note : float or Tensor
        Note number; 69 is the A at 440 Hz.

    Returns
    -------
    float or Tensor
        Frequency in Hz.

    Examples
    --------
    >>> midi_to_hz(57.0)
    220.0
    """
    frequency_hz: Number = 440.0 * 2.0 ** ((note - 69.0) / 12.0)
    return frequency_hz


def seconds_to_samples(duration_s: float, sample_rate: float) -> int:
    """Convert seconds to a whole number of samples: the package's one rounding rule.

    The nearest sample wins and halves go up, ``floor(s * rate + 1/2)``. Times that were printed
    with nine decimals or more therefore find their sample again.

    Parameters
    ----------
    duration_s : float
        Time or duration in seconds.
    sample_rate : float
        Sample rate in Hz.

    Returns
    -------
    int
        Number of samples.

    Examples
    --------
    >>> seconds_to_samples(0.1, 44_100)
    4410
    """
    return math.floor(duration_s * sample_rate + 0.5)


def samples_to_seconds(num_samples: int, sample_rate: float) -> float:
    """Convert a number of samples to seconds.

    Parameters
    ----------
    num_samples : int
        Number of samples.
    sample_rate : float
        Sample rate in Hz.

    Returns
    -------
    float
        Duration in seconds.

    Examples
    --------
    >>> samples_to_seconds(4410, 44_100)
    0.1
    """
    return num_samples / sample_rate
