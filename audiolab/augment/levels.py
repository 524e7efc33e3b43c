"""Level and polarity: gain, gain that moves, offset, and items brought to a level or loudness.

Pointwise work with one factor an item, which is computed from that item alone. Gradients reach the
samples; factors that are measured count as constants. Filters, equalisers, limiters and compressors
are in `audiolab.effects`.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import torch

from audiolab._rows import run_rows
from audiolab._validation import check_choice, check_sample_rate, check_waveform
from audiolab.augment._items import Items, PerItem, PerItemCount
from audiolab.augment._mixing_kernels import energies
from audiolab.metrics import loudness_lufs

__all__ = [
    "apply_gain",
    "dc_offset",
    "gain_transition",
    "invert_polarity",
    "normalize_loudness",
    "normalize_peak",
    "normalize_rms",
    "root_mean_square",
]


def apply_gain(waveform: torch.Tensor, gain_db: PerItem) -> torch.Tensor:
    """Amplify each item by decibels.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(..., channels, time)``, ``(items, time)`` or ``(time,)``.
    gain_db : float, Tensor or list of float
        Gain in dB, a value an item if it is a tensor.

    Returns
    -------
    Tensor
        Shape and dtype of the input. Nothing is clipped.

    Raises
    ------
    ValueError
        A gain is not finite, or there is not one an item.

    See Also
    --------
    audiolab.effects.gain : SoX's gain, which can normalise, balance and limit.

    Examples
    --------
    >>> import torch
    >>> from audiolab.augment import apply_gain
    >>> apply_gain(torch.ones(2, 3), [0.0, -20.0])[:, 0]
    tensor([1.0000, 0.1000])
    """
    items = Items.of(waveform)
    return items.scaled([math.pow(10.0, each / 20.0) for each in items.values(gain_db, "gain_db")])


def invert_polarity(waveform: torch.Tensor) -> torch.Tensor:
    """Turn a waveform upside down.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(..., time)``.

    Returns
    -------
    Tensor
        ``-waveform``.

    Examples
    --------
    >>> import torch
    >>> from audiolab.augment import invert_polarity
    >>> invert_polarity(torch.tensor([0.5, -0.25]))
    tensor([-0.5000,  0.2500])
    """
    return -check_waveform(waveform)


def dc_offset(
    waveform: torch.Tensor, offset: PerItem, *, lengths: PerItemCount | None = None
) -> torch.Tensor:
    """Add a constant, as a converter with a bias does.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(..., channels, time)``, ``(items, time)`` or ``(time,)``.
    offset : float, Tensor or list of float
        What is added, a value an item if it is a tensor; 1 is full scale.
    lengths : int, Tensor or list of int, optional
        Valid samples of each item; the rest stays as it is.

    Returns
    -------
    Tensor
        Shape and dtype of the input. Nothing is clipped.

    Raises
    ------
    ValueError
        An offset is not finite, or there is not one an item.

    See Also
    --------
    audiolab.effects.dcshift : SoX's effect, with a limiter.

    Examples
    --------
    >>> import torch
    >>> from audiolab.augment import dc_offset
    >>> dc_offset(torch.zeros(3), 0.25, lengths=2)
    tensor([0.2500, 0.2500, 0.0000])
    """
    items = Items.of(waveform)
    offsets = items.values(offset, "offset")
    return items.mapped(lambda samples, i: samples + offsets[i], items.ends(lengths))


def gain_transition(
    waveform: torch.Tensor,
    sample_rate: int,
    *,
    start_gain_db: PerItem,
    stop_gain_db: PerItem,
    start_s: PerItem,
    duration_s: PerItem,
    shape: Literal["decibels", "amplitude"] = "decibels",
) -> torch.Tensor:
    """Move from one gain to another, as somebody does who turns a knob or walks away.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(..., channels, time)``, ``(items, time)`` or ``(time,)``.
    sample_rate : int
        Sample rate in Hz.
    start_gain_db, stop_gain_db : float, Tensor or list of float
        Gain in dB before and after.
    start_s : float, Tensor or list of float
        Where the move begins, in seconds; negative if it began before the first sample.
    duration_s : float, Tensor or list of float
        How long it takes, >= 0.
    shape : {"decibels", "amplitude"}, default: "decibels"
        What moves along a straight line.

    Returns
    -------
    Tensor
        Shape and dtype of the input.

    Raises
    ------
    ValueError
        A parameter is not finite or does not fit the items; a duration is negative.

    Examples
    --------
    >>> import torch
    >>> from audiolab.augment import gain_transition
    >>> faded = gain_transition(
    ...     torch.ones(5), 1, start_gain_db=0.0, stop_gain_db=-40.0, start_s=0.0, duration_s=4.0
    ... )
    >>> faded
    tensor([1.0000, 0.3162, 0.1000, 0.0316, 0.0100])
    """
    check_choice(shape, "shape", ("decibels", "amplitude"))
    rate = check_sample_rate(sample_rate)
    items = Items.of(waveform)
    before = items.values(start_gain_db, "start_gain_db")
    after = items.values(stop_gain_db, "stop_gain_db")
    starts = items.values(start_s, "start_s")
    durations = items.values(duration_s, "duration_s", 0.0)
    ends = [
        [math.pow(10.0, each / 20.0) for each in pair] for pair in zip(before, after, strict=True)
    ]
    curves = torch.empty(items.count, 1, items.num_samples, dtype=items.samples.dtype)
    for i, curve in enumerate(curves):
        duration = max(durations[i], 0.5 / rate)
        first = min(max(math.floor(starts[i] * rate) + 1, 0), items.num_samples)
        last = min(max(math.ceil((starts[i] + duration) * rate), first), items.num_samples)
        share = (np.arange(first, last) / rate - starts[i]) / duration
        if shape == "decibels":
            levels = before[i] + (after[i] - before[i]) * share
            moving = np.exp(levels * (math.log(10.0) / 20.0))
        else:
            moving = ends[i][0] + (ends[i][1] - ends[i][0]) * share
        curve[0, :first] = ends[i][0]
        curve[0, first:last] = torch.from_numpy(moving)
        curve[0, last:] = ends[i][1]
    return items.restored(items.samples * curves.to(items.samples.device))


def root_mean_square(items: Items, ends: list[int]) -> list[float]:
    """Return the RMS over the channels and valid samples of each item; 0 for none."""
    sums = np.zeros(items.count)
    samples = items.samples.detach().cpu()
    if samples.dtype not in (torch.float32, torch.float64):
        samples = samples.float()
    numbers = samples.contiguous().numpy()
    run_rows(energies, samples.numel(), numbers, np.array(ends, dtype=np.int64), sums)
    counts = [max(1, end * items.samples.shape[1]) for end in ends]
    return [math.sqrt(total / count) for total, count in zip(sums.tolist(), counts, strict=True)]


def normalize_rms(
    waveform: torch.Tensor, level_db: PerItem = -20.0, *, lengths: PerItemCount | None = None
) -> torch.Tensor:
    """Bring each item to an RMS level over its channels.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(..., channels, time)``, ``(items, time)`` or ``(time,)``.
    level_db : float, Tensor or list of float, default: -20.0
        Level in dB of full scale.
    lengths : int, Tensor or list of int, optional
        Valid samples of each item; the rest is not measured, and stays as it is.

    Returns
    -------
    Tensor
        Shape and dtype of the input; silence stays silence. Nothing is clipped.

    Raises
    ------
    ValueError
        An item has NaN or infinite samples, or a level is not finite.

    Examples
    --------
    >>> import torch
    >>> from audiolab.augment import normalize_rms
    >>> normalize_rms(torch.tensor([3.0, -3.0]), -20.0)
    tensor([ 0.1000, -0.1000])
    """
    items = Items.of(waveform)
    ends = items.ends(lengths)
    levels = items.values(level_db, "level_db")
    found = root_mean_square(items, ends)
    return items.scaled(_factors(found, [math.pow(10.0, x / 20.0) for x in levels], items), ends)


def normalize_peak(
    waveform: torch.Tensor, level_db: PerItem = 0.0, *, lengths: PerItemCount | None = None
) -> torch.Tensor:
    """Bring the highest sample of each item to a level.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(..., channels, time)``, ``(items, time)`` or ``(time,)``.
    level_db : float, Tensor or list of float, default: 0.0
        Level of the peak in dB of full scale.
    lengths : int, Tensor or list of int, optional
        Valid samples of each item; the rest is not measured, and stays as it is.

    Returns
    -------
    Tensor
        Shape and dtype of the input; silence stays silence.

    Raises
    ------
    ValueError
        An item has NaN or infinite samples, or a level is not finite.

    Examples
    --------
    >>> import torch
    >>> from audiolab.augment import normalize_peak
    >>> normalize_peak(torch.tensor([0.1, -0.2]), -20.0)
    tensor([ 0.0500, -0.1000])
    """
    items = Items.of(waveform)
    ends = items.ends(lengths)
    levels = items.values(level_db, "level_db")
    found = _peaks(items, ends)
    return items.scaled(_factors(found, [math.pow(10.0, x / 20.0) for x in levels], items), ends)


def _peaks(items: Items, ends: list[int]) -> list[float]:
    """Return the highest magnitude of each item; NaN where there is one."""
    samples = items.samples.detach().cpu()
    if samples.dtype not in (torch.float32, torch.float64):
        samples = samples.float()
    numbers = samples.numpy()
    return [
        max(float(x[:, :end].max()), -float(x[:, :end].min())) if x[:, :end].size else 0.0
        for x, end in zip(numbers, ends, strict=True)
    ]


def normalize_loudness(
    waveform: torch.Tensor,
    sample_rate: int,
    loudness: PerItem = -23.0,
    *,
    lengths: PerItemCount | None = None,
) -> torch.Tensor:
    """Bring each item to a loudness (ITU-R BS.1770).

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(..., channels, time)`` with at most five channels, ``(items, time)`` or
        ``(time,)``; at least 0.4 s.
    sample_rate : int
        Sample rate in Hz.
    loudness : float, Tensor or list of float, default: -23.0
        Loudness in LUFS, that of EBU R 128 by default.
    lengths : int, Tensor or list of int, optional
        Valid samples of each item; the rest is not measured, and stays as it is.

    Returns
    -------
    Tensor
        Shape and dtype of the input; an item that is silent or below -70 LUFS stays as it is.
        Nothing is clipped.

    Raises
    ------
    ValueError
        An item is too short or has too many channels for a loudness, or has NaN or infinite
        samples.

    See Also
    --------
    audiolab.metrics.loudness_lufs : The measure.

    Examples
    --------
    >>> from audiolab import augment, metrics, signals
    >>> speech, rate = signals.clip("speech_male")
    >>> quiet = augment.normalize_loudness(speech, rate, -30.0)
    >>> print(f"{metrics.loudness_lufs(quiet, rate).item():.2f} LUFS")
    -30.00 LUFS
    """
    items = Items.of(waveform)
    ends = items.ends(lengths)
    wanted = items.values(loudness, "loudness")
    fixed = items.samples.detach()
    if items.count and min(ends) == items.num_samples:
        measured = loudness_lufs(fixed, sample_rate).tolist()
    else:
        measured = [
            float(loudness_lufs(fixed[i, :, :end], sample_rate)) for i, end in enumerate(ends)
        ]
    steps = [
        0.0 if found == -math.inf else target - found
        for target, found in zip(wanted, measured, strict=True)
    ]
    return items.scaled([math.pow(10.0, each / 20.0) for each in steps], ends)


def _factors(found: list[float], wanted: list[float], items: Items) -> list[float]:
    """Return wanted over found levels, 1 for silence."""
    for index, each in enumerate(found):
        if not math.isfinite(each):
            raise ValueError(f"waveform has NaN or infinite samples{items.where(index)}")
    return [want / have if have else 1.0 for have, want in zip(found, wanted, strict=True)]
