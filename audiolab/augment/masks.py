r"""SpecAugment: spans of time and bands of frequency taken out, of spectrograms and of waveforms.

A mask is plain data, a start and a width, drawn apart from where it is applied. Widths and starts
follow the paper: :math:`w \sim U[0, W)` and :math:`s \sim U[0, N - w)`, with :math:`N` the number
of *valid* frames of the item, so that no mask lands in padding, and :math:`W` at most the share
:math:`p` of them: torchaudio's ``p``, and the paper's adaptive size.

Time warping is left out: it costs most and helped least in the paper.

References
----------
D. S. Park et al., "SpecAugment: a simple data augmentation method for automatic speech
recognition", Interspeech 2019, doi:10.21437/Interspeech.2019-2680.
D. S. Park et al., "SpecAugment on large scale datasets", ICASSP 2020,
doi:10.1109/ICASSP40776.2020.9053205.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from audiolab._typing import Seed
from audiolab._validation import check_range, check_sample_rate, check_waveform
from audiolab.augment._items import Items, PerItem, PerItemCount
from audiolab.augment._responses import filtered
from audiolab.augment.seeds import fresh_seeds, item_seeds
from audiolab.units import seconds_to_samples

__all__ = [
    "SpectrogramMasks",
    "draw_spectrogram_masks",
    "mask_frequency",
    "mask_spectrogram",
    "mask_time",
    "spec_augment",
]

Spans = Sequence[tuple[int, int]]


class SpectrogramMasks(NamedTuple):
    """Masks of one item.

    Parameters
    ----------
    time : tuple of (start, width)
        Frames that are masked.
    frequency : tuple of (start, width)
        Bins that are masked.
    """

    time: tuple[tuple[int, int], ...]
    frequency: tuple[tuple[int, int], ...]


def spec_augment(
    spectrogram: torch.Tensor,
    *,
    time_masks: int = 2,
    max_frames: int = 100,
    time_share: float = 1.0,
    frequency_masks: int = 2,
    max_bins: int = 27,
    fill: float | Literal["mean"] = 0.0,
    lengths: PerItemCount | None = None,
    seeds: int | Sequence[int] | torch.Tensor | None = None,
    generator: Seed = None,
) -> torch.Tensor:
    """Mask random spans and bands of each spectrogram.

    Parameters
    ----------
    spectrogram : Tensor
        ``(..., channels, frequency, frame)``, ``(items, frequency, frame)`` or
        ``(frequency, frame)``; channels of an item share masks.
    time_masks : int, default: 2
        Spans of time an item.
    max_frames : int, default: 100
        Upper limit of their widths, in frames.
    time_share : float, default: 1.0
        Upper limit of a span as a share of the item's valid frames: torchaudio's ``p``.
    frequency_masks : int, default: 2
        Bands an item.
    max_bins : int, default: 27
        Upper limit of their widths, in bins.
    fill : float or "mean", default: 0.0
        What masked values become: a number, or the mean of the item's valid values. The mean of
        logarithms, or zero where features have zero mean, says least.
    lengths : int, Tensor or list of int, optional
        Valid frames of each item. Masks stay within them, and the rest stays as it is.
    seeds : int, list of int or Tensor, optional
        A seed for each item, on which alone its masks depend.
    generator : torch.Generator, int or None, default: None
        Where seeds come from if they are not given.

    Returns
    -------
    Tensor
        Shape and dtype of the input. Gradients reach what was not masked.

    Raises
    ------
    ValueError
        A parameter is out of range.

    See Also
    --------
    draw_spectrogram_masks, mask_spectrogram : The two halves of it.

    Examples
    --------
    >>> import torch
    >>> from audiolab.augment import spec_augment
    >>> masked = spec_augment(torch.ones(4, 80, 300), seeds=[1, 2, 3, 4])
    >>> torch.equal(masked[2], spec_augment(torch.ones(80, 300), seeds=3))
    True
    """
    items = _items(spectrogram)
    ends = items.ends(lengths)
    given = fresh_seeds(items.count, generator) if seeds is None else item_seeds(seeds, items.count)
    masks = [
        draw_spectrogram_masks(
            end,
            spectrogram.shape[-2],
            time_masks=time_masks,
            max_frames=max_frames,
            time_share=time_share,
            frequency_masks=frequency_masks,
            max_bins=max_bins,
            generator=seed,
        )
        for end, seed in zip(ends, given, strict=True)
    ]
    return mask_spectrogram(spectrogram, masks, fill=fill, lengths=lengths)


def draw_spectrogram_masks(
    num_frames: int,
    num_bins: int,
    *,
    time_masks: int = 2,
    max_frames: int = 100,
    time_share: float = 1.0,
    frequency_masks: int = 2,
    max_bins: int = 27,
    generator: Seed = None,
) -> SpectrogramMasks:
    """Draw the masks of one item.

    Parameters
    ----------
    num_frames : int
        Valid frames.
    num_bins : int
        Frequency bins.
    time_masks : int, default: 2
        Spans of time.
    max_frames : int, default: 100
        Upper limit of their widths, in frames.
    time_share : float, default: 1.0
        The same as a share of `num_frames`, 0 to 1.
    frequency_masks : int, default: 2
        Bands.
    max_bins : int, default: 27
        Upper limit of their widths, in bins.
    generator : torch.Generator, int or None, default: None
        Source of randomness, or a seed for a new one.

    Returns
    -------
    SpectrogramMasks
        Plain data. Widths are below their limits, as in the paper and in torchaudio; masks may
        overlap.

    Raises
    ------
    ValueError
        A number is negative, or `time_share` is not between 0 and 1.

    Examples
    --------
    >>> from audiolab.augment import draw_spectrogram_masks
    >>> masks = draw_spectrogram_masks(300, 80, time_share=0.1, generator=0)
    >>> all(width < 30 for _, width in masks.time)
    True
    """
    counts = {
        "num_frames": num_frames,
        "num_bins": num_bins,
        "time_masks": time_masks,
        "max_frames": max_frames,
        "frequency_masks": frequency_masks,
        "max_bins": max_bins,
    }
    for name, value in counts.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise ValueError(f"{name} must be a whole number, not negative, got {value}")
    share = check_range(time_share, "time_share", 0.0, 1.0)
    source = (
        generator
        if isinstance(generator, torch.Generator)
        else torch.Generator().manual_seed(fresh_seeds(1, generator)[0])
    )
    count = 2 * (time_masks + frequency_masks)
    numbers = torch.rand(count, generator=source, dtype=torch.float64, device=source.device)
    pairs = numbers.reshape(-1, 2).tolist()
    longest = min(max_frames, int(num_frames * share))
    return SpectrogramMasks(
        tuple(_span(a, b, num_frames, longest) for a, b in pairs[:time_masks]),
        tuple(_span(a, b, num_bins, min(max_bins, num_bins)) for a, b in pairs[time_masks:]),
    )


def _span(first: float, second: float, size: int, limit: int) -> tuple[int, int]:
    width = first * limit
    return int(second * (size - width)), int(width)


def mask_spectrogram(
    spectrogram: torch.Tensor,
    masks: SpectrogramMasks | Sequence[SpectrogramMasks],
    *,
    fill: float | Literal["mean"] = 0.0,
    lengths: PerItemCount | None = None,
) -> torch.Tensor:
    """Mask given spans and bands of each spectrogram.

    Parameters
    ----------
    spectrogram : Tensor
        ``(..., channels, frequency, frame)``, ``(items, frequency, frame)`` or
        ``(frequency, frame)``.
    masks : SpectrogramMasks or list of them
        The same masks for all items, or masks for each.
    fill : float or "mean", default: 0.0
        What masked values become.
    lengths : int, Tensor or list of int, optional
        Valid frames of each item; the rest stays as it is.

    Returns
    -------
    Tensor
        Shape and dtype of the input. Gradients reach what was not masked, and the mean.

    Raises
    ------
    ValueError
        A mask leaves the spectrogram, or there are not masks for each item.

    See Also
    --------
    spec_augment : Draw and mask.

    Examples
    --------
    >>> import torch
    >>> from audiolab.augment import SpectrogramMasks, mask_spectrogram
    >>> mask_spectrogram(torch.ones(2, 4), SpectrogramMasks(((1, 2),), ((0, 1),)))
    tensor([[0., 0., 0., 0.],
            [1., 0., 0., 1.]])
    """
    items = _items(spectrogram)
    ends = items.ends(lengths)
    each = [masks] * items.count if isinstance(masks, SpectrogramMasks) else list(masks)
    if len(each) != items.count:
        raise ValueError(f"masks must be one or one an item, {items.count}, got {len(each)}")
    if not isinstance(fill, str):
        check_range(fill, "fill")
    elif fill != "mean":
        raise ValueError(f"fill must be a number or 'mean', got {fill!r}")
    num_bins, num_frames = spectrogram.shape[-2:]
    hidden = np.zeros((items.count, 1, num_bins, num_frames), dtype=bool)
    for i, (end, item) in enumerate(zip(ends, each, strict=True)):
        for start, width in item.time:
            _check_span(start, width, end, "frames")
            hidden[i, :, :, start : start + width] = True
        for start, width in item.frequency:
            _check_span(start, width, num_bins, "bins")
            hidden[i, :, start : start + width, :end] = True
    view = spectrogram.reshape(items.count, -1, num_bins, num_frames)
    covered = torch.from_numpy(hidden).to(view.device)
    if fill == "mean":
        means = [
            view[i, ..., :end].mean() if end else view.new_zeros(()) for i, end in enumerate(ends)
        ]
        column = torch.stack(means) if means else view.new_zeros(0)
        return torch.where(covered, column[:, None, None, None], view).reshape(spectrogram.shape)
    return view.masked_fill(covered, fill).reshape(spectrogram.shape)


def _items(spectrogram: torch.Tensor) -> Items:
    """Check a spectrogram, and see it as items with one row each: bins and channels don't count."""
    check_waveform(spectrogram, "spectrogram", min_dim=2)
    leading = spectrogram.shape[:-3] if spectrogram.dim() > 3 else spectrogram.shape[:-2]
    return Items.of(spectrogram.new_zeros(()).expand(*leading, 1, spectrogram.shape[-1]))


def _check_span(start: int, width: int, size: int, what: str) -> None:
    if start < 0 or width < 0 or start + width > size:
        raise ValueError(
            f"a mask must lie within the {size} valid {what}, got {width} from {start} on"
        )


def mask_time(
    waveform: torch.Tensor,
    sample_rate: int,
    *,
    start_s: PerItem,
    duration_s: PerItem,
    fade_s: float = 0.005,
    lengths: PerItemCount | None = None,
) -> torch.Tensor:
    """Silence a span of each waveform, between short fades.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(..., channels, time)``, ``(items, time)`` or ``(time,)``.
    sample_rate : int
        Sample rate in Hz.
    start_s : float, Tensor or list of float
        Where silence begins, in seconds, >= 0, a value an item if it is a tensor.
    duration_s : float, Tensor or list of float
        How long it is, in seconds, >= 0.
    fade_s : float, default: 0.005
        Duration of the fades before and after the silence, raised cosines.
    lengths : int, Tensor or list of int, optional
        Valid samples of each item; the rest stays as it is.

    Returns
    -------
    Tensor
        Shape and dtype of the input. Gradients reach the samples.

    Raises
    ------
    ValueError
        A time is negative or not finite.

    See Also
    --------
    packet_loss : Silence in packets, concealed or not.

    Examples
    --------
    >>> import torch
    >>> from audiolab.augment import mask_time
    >>> mask_time(torch.ones(6), 1, start_s=2.0, duration_s=2.0, fade_s=0.0)
    tensor([1., 1., 0., 0., 1., 1.])
    """
    rate = check_sample_rate(sample_rate)
    items = Items.of(waveform)
    starts = items.values(start_s, "start_s", 0.0, unit="s")
    durations = items.values(duration_s, "duration_s", 0.0, unit="s")
    fade = seconds_to_samples(check_range(fade_s, "fade_s", 0.0, unit="s"), rate)
    angle = math.pi * (torch.arange(fade, dtype=torch.float64) + 0.5) / max(fade, 1)
    curve = (0.5 + 0.5 * angle.cos()).to(items.samples)
    result = items.samples.clone(memory_format=torch.contiguous_format)
    for i, end in enumerate(items.ends(lengths)):
        first = seconds_to_samples(starts[i], rate)
        last = first + seconds_to_samples(durations[i], rate)
        if last == first:
            continue
        result[i, :, first : min(last, end)] = 0.0
        if fade:
            _fade(result[i], curve, first - fade, min(first, end))
            _fade(result[i], curve.flip(0), last, min(last + fade, end))
    return items.restored(result)


def _fade(item: torch.Tensor, curve: torch.Tensor, first: int, stop: int) -> None:
    """Multiply samples from `first` on, which may lie before the item, by a curve, up to `stop`."""
    begin = max(first, 0)
    if begin < stop:
        item[:, begin:stop] *= curve[begin - first : stop - first]


def mask_frequency(
    waveform: torch.Tensor,
    sample_rate: int,
    *,
    low_hz: PerItem,
    high_hz: PerItem,
    edge_hz: float = 50.0,
    lengths: PerItemCount | None = None,
) -> torch.Tensor:
    """Take a band of frequencies out of each waveform, without a change of phase.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(..., channels, time)``, ``(items, time)`` or ``(time,)``.
    sample_rate : int
        Sample rate in Hz.
    low_hz : float, Tensor or list of float
        Lower end of the band in Hz, >= 0, a value an item if it is a tensor.
    high_hz : float, Tensor or list of float
        Upper end in Hz; not above it for an item means no band.
    edge_hz : float, default: 50.0
        Width in Hz of the edges outside the band, raised cosines, > 0. Narrow edges ring longer:
        for about ``1 / edge_hz`` seconds.
    lengths : int, Tensor or list of int, optional
        Valid samples of each item; the rest stays as it is.

    Returns
    -------
    Tensor
        Shape and dtype of the input; nothing is left of the band itself. Gradients reach the
        samples.

    Raises
    ------
    ValueError
        A frequency is negative or not finite.

    See Also
    --------
    audiolab.effects.bandreject : A notch by a recursive filter.

    Examples
    --------
    >>> from audiolab import metrics, signals
    >>> from audiolab.augment import mask_frequency
    >>> tone = signals.tone(1000.0, 1.0, 8000)
    >>> gone = mask_frequency(tone, 8000, low_hz=900.0, high_hz=1100.0)
    >>> bool(metrics.rms_db(gone[1000:-1000]) < -80.0)
    True
    """
    rate = check_sample_rate(sample_rate)
    items = Items.of(waveform)
    lows = items.values(low_hz, "low_hz", 0.0, unit="Hz")
    highs = items.values(high_hz, "high_hz", 0.0, unit="Hz")
    edge = check_range(edge_hz, "edge_hz", 1.0, unit="Hz")
    tail = math.ceil(4 * rate / edge)

    def remove(samples: torch.Tensor, i: int) -> torch.Tensor:
        if highs[i] <= lows[i]:
            return samples

        def response(size: int) -> NDArray[np.float64]:
            frequency = np.arange(size // 2 + 1) * (rate / size)
            outside = np.maximum(lows[i] - frequency, frequency - highs[i])
            gain: NDArray[np.float64] = 0.5 - 0.5 * np.cos(
                math.pi * np.clip(outside / edge, 0.0, 1.0)
            )
            return gain

        return filtered(samples, response, tail)

    return items.mapped(remove, items.ends(lengths))
