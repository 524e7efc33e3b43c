"""Too loud for what comes next: clipping, hard and soft, saturation, and folded frequencies.

Curves without memory are applied as they are, at the waveform's rate: their harmonics fold back at
half the sample rate, as those of a converter that is driven too hard do. `audiolab.effects` has
overdrive and contrast.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray

from audiolab._validation import check_choice, check_sample_rate
from audiolab.augment._items import Items, PerItem, PerItemCount
from audiolab.augment.levels import root_mean_square
from audiolab.resample import resample
from audiolab.resample.rates import rate_ratio, scaled_length

__all__ = ["alias", "clip_amplitude", "tanh_distortion"]

_KNOWN = (torch.float32, torch.float64)


def clip_amplitude(
    waveform: torch.Tensor,
    *,
    threshold_db: PerItem | None = None,
    clipped_share: PerItem | None = None,
    mode: Literal["hard", "soft"] = "hard",
    lengths: PerItemCount | None = None,
) -> torch.Tensor:
    r"""Hold samples at a threshold.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(..., channels, time)``, ``(items, time)`` or ``(time,)``.
    threshold_db : float, Tensor or list of float, optional
        Threshold in dB of full scale, a value an item if it is a tensor.
    clipped_share : float, Tensor or list of float, optional
        The threshold is chosen so that this share of an item's samples reaches it, 0 to 1.
    mode : {"hard", "soft"}, default: "hard"
        ``min(max(x, -t), t)``, or ``t tanh(x / t)``, which bends everything a little.
    lengths : int, Tensor or list of int, optional
        Valid samples of each item; the rest is neither counted nor changed.

    Returns
    -------
    Tensor
        Shape and dtype of the input. Gradients reach the samples; a threshold that was chosen
        counts as constant.

    Raises
    ------
    ValueError
        Both thresholds are given, or none, or one is out of range.

    Examples
    --------
    >>> import torch
    >>> from audiolab.augment import clip_amplitude
    >>> clip_amplitude(torch.tensor([0.1, -0.4, 0.9, 0.3]), clipped_share=0.5)
    tensor([ 0.1000, -0.4000,  0.4000,  0.3000])
    """
    check_choice(mode, "mode", ("hard", "soft"))
    if (threshold_db is None) == (clipped_share is None):
        raise ValueError("give one of threshold_db and clipped_share")
    items = Items.of(waveform)
    ends = items.ends(lengths)
    if threshold_db is not None:
        levels = items.values(threshold_db, "threshold_db", unit="dB")
        thresholds = [math.pow(10.0, each / 20.0) for each in levels]
    else:
        assert clipped_share is not None
        shares = items.values(clipped_share, "clipped_share", 0.0, 1.0)
        thresholds = [_reached(items, i, ends[i], share) for i, share in enumerate(shares)]

    def clip(samples: torch.Tensor, i: int) -> torch.Tensor:
        threshold = thresholds[i]
        if threshold == math.inf:
            return samples
        if mode == "hard":
            return samples.clamp(-threshold, threshold)
        return threshold * torch.tanh(samples / threshold) if threshold else 0.0 * samples

    return items.mapped(clip, ends)


def _reached(items: Items, index: int, end: int, share: float) -> float:
    """Return the magnitude that a share of the samples reaches or exceeds."""
    values = items.samples[index, :, :end].detach().abs().reshape(-1)
    count = round(share * values.numel())
    if count == 0:
        return math.inf
    # The count-th largest, without a full sort; on the CPU for the same choice on every device.
    magnitudes = values.cpu().float() if values.dtype.itemsize < 4 else values.cpu()
    return float(np.partition(magnitudes.numpy(), values.numel() - count)[values.numel() - count])


def tanh_distortion(
    waveform: torch.Tensor, drive_db: PerItem, *, lengths: PerItemCount | None = None
) -> torch.Tensor:
    r"""Saturate like a valve or a tape, at the level that came in.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(..., channels, time)``, ``(items, time)`` or ``(time,)``.
    drive_db : float, Tensor or list of float
        How far the item's RMS lies above the knee, in dB: -20 is hardly heard, 0 is thick, 30
        nearly square.
    lengths : int, Tensor or list of int, optional
        Valid samples of each item; the rest is neither measured nor changed.

    Returns
    -------
    Tensor
        Shape and dtype of the input, at the item's own RMS. Silence stays silence.

    Raises
    ------
    ValueError
        A drive is not finite, or an item has NaN or infinite samples.

    Notes
    -----
    :math:`y = a \tanh(g x / r)` with :math:`r` the RMS of the item, :math:`g = 10^{D/20}` and
    :math:`a` such that the RMS is :math:`r` again. Both factors count as constants to gradients.

    Examples
    --------
    >>> import torch
    >>> from audiolab.augment import tanh_distortion
    >>> square = tanh_distortion(torch.tensor([0.1, 0.3, -0.2, -0.3]), 40.0)
    >>> square.abs().std() < 1e-3
    tensor(True)
    """
    items = Items.of(waveform)
    ends = items.ends(lengths)
    drives = items.values(drive_db, "drive_db")
    before = root_mean_square(items, ends)
    for index, level in enumerate(before):
        if not math.isfinite(level):
            raise ValueError(f"waveform has NaN or infinite samples{items.where(index)}")
    factors = [
        math.pow(10.0, drive / 20.0) / level if level else 0.0
        for drive, level in zip(drives, before, strict=True)
    ]
    bent = Items.of(items.mapped(lambda samples, i: torch.tanh(samples * factors[i]), ends))
    after = root_mean_square(bent, ends)
    levels = [old / new if new else 1.0 for old, new in zip(before, after, strict=True)]
    return bent.scaled(levels, ends)


def alias(
    waveform: torch.Tensor,
    sample_rate: int,
    new_rate_hz: PerItem,
    *,
    lengths: PerItemCount | None = None,
) -> torch.Tensor:
    """Fold high frequencies down, as a conversion to a lower rate without a filter does.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(..., channels, time)``, ``(items, time)`` or ``(time,)``.
    sample_rate : int
        Sample rate in Hz.
    new_rate_hz : float, Tensor or list of float
        The lower rate in Hz, a value an item if it is a tensor. The waveform is read at that rate
        along straight lines between its samples, and brought back along straight lines.
    lengths : int, Tensor or list of int, optional
        Valid samples of each item; the rest stays as it is.

    Returns
    -------
    Tensor
        Shape and dtype of the input. A tone above half the new rate comes out mirrored at it.

    Raises
    ------
    ValueError
        A rate is not between 0 and `sample_rate`.

    See Also
    --------
    audiolab.resample.resample : The same without the fault.

    Examples
    --------
    >>> from audiolab import signals
    >>> from audiolab.augment import alias
    >>> folded = alias(signals.tone(7000.0, 1.0, 16_000), 16_000, 8000.0)  # heard at 1 kHz
    >>> folded.shape
    torch.Size([16000])
    """
    rate = check_sample_rate(sample_rate)
    items = Items.of(waveform)
    rates = items.values(new_rate_hz, "new_rate_hz", 1.0, float(rate), unit="Hz")

    def fold(samples: torch.Tensor, i: int) -> torch.Tensor:
        taped = samples.requires_grad and torch.is_grad_enabled()
        if samples.device.type == "cpu" and not taped and samples.dtype in _KNOWN:
            y = torch.empty_like(samples, memory_format=torch.contiguous_format)
            ratio = rate_ratio(rate, rates[i])
            count = scaled_length(samples.shape[-1], ratio)
            few_of = np.empty(count + 1, dtype=y.numpy().dtype)
            x = samples.detach().contiguous().numpy()
            _fold(x, few_of, y.numpy(), ratio.numerator, ratio.denominator)
            return y
        few = resample(samples.contiguous(), rate, rates[i], method="linear")
        back = resample(few, rates[i], rate, method="linear")
        missing = samples.shape[-1] - back.shape[-1]
        if missing > 0:
            back = torch.nn.functional.pad(back, (0, missing))
        return back[..., : samples.shape[-1]]

    return items.mapped(fold, items.ends(lengths))


@njit(error_model="numpy", nogil=True, cache=True)
def _fold(x: NDArray[Any], few: NDArray[Any], y: NDArray[Any], up: int, down: int) -> None:
    """Read each row at ``up / down`` of its rate along straight lines, and read that back."""
    for c in range(x.shape[0]):
        _straight(x[c], few[:-1], up, down)
        few[-1] = 0.0
        _straight(few[:-1], y[c], down, up)


@njit(error_model="numpy", nogil=True, cache=True)
def _straight(x: NDArray[Any], y: NDArray[Any], up: int, down: int) -> None:
    whole, rest = down // up, down % up
    index, part = 0, 0
    for n in range(len(y)):
        if index >= len(x):
            y[n] = 0.0
        else:
            after = x[index + 1] if index + 1 < len(x) else x.dtype.type(0.0)
            y[n] = x[index] + (part / up) * (after - x[index])
        index += whole
        part += rest
        if part >= up:
            part -= up
            index += 1
