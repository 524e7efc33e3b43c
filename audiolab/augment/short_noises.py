"""Short sounds at given places: a door, a cough, a horn, each with a level and its own fades."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from audiolab._validation import check_choice, check_range, check_sample_rate, check_waveform
from audiolab.augment._items import Items, PerItemCount
from audiolab.augment.levels import root_mean_square
from audiolab.units import seconds_to_samples

__all__ = ["ShortNoise", "add_short_noises"]


class ShortNoise(NamedTuple):
    """A sound, where it begins, and how loud it is.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(time,)`` or ``(channels, time)`` with one channel or as many as the item has.
    start_s : float
        When it begins, in seconds; negative if its beginning is cut off.
    snr_db : float
        RMS of the speech over that of the whole sound in dB.
    """

    waveform: torch.Tensor
    start_s: float
    snr_db: float


def add_short_noises(
    speech: torch.Tensor,
    sample_rate: int,
    noises: Sequence[ShortNoise] | Sequence[Sequence[ShortNoise]],
    *,
    fade_in_s: float = 0.005,
    fade_out_s: float = 0.01,
    lengths: PerItemCount | None = None,
    on_silence: str = "raise",
) -> torch.Tensor:
    """Add short sounds to each item.

    Parameters
    ----------
    speech : Tensor
        Samples, ``(..., channels, time)``, ``(items, time)`` or ``(time,)``.
    sample_rate : int
        Sample rate in Hz, of the noises too.
    noises : list of ShortNoise, or a list of such lists
        What to add to each item; one list serves all items.
    fade_in_s : float, default: 0.005
        Duration of each sound's fade in, in seconds.
    fade_out_s : float, default: 0.01
        Duration of its fade out.
    lengths : int, Tensor or list of int, optional
        Valid samples of each item; the rest is neither measured nor changed.
    on_silence : {"raise", "keep"}, default: "raise"
        Where speech or a sound has no level: raise, or leave the sound out.

    Returns
    -------
    Tensor
        Shape and dtype of `speech`. Gradients reach the speech; gains count as constants.

    Raises
    ------
    ValueError
        A ratio is NaN or -inf, a sound does not fit, or there is silence or NaN.

    See Also
    --------
    add_noise : Noise all along.

    Examples
    --------
    >>> import torch
    >>> from audiolab import signals
    >>> from audiolab.augment import ShortNoise, add_short_noises
    >>> knock = ShortNoise(signals.white_noise(0.05, 8000, generator=0), 0.2, 3.0)
    >>> noisy = add_short_noises(torch.randn(2, 8000), 8000, [[knock], []])
    """
    check_choice(on_silence, "on_silence", ("raise", "keep"))
    rate = check_sample_rate(sample_rate)
    fades = [
        seconds_to_samples(check_range(value, name, 0.0, unit="s"), rate)
        for value, name in ((fade_in_s, "fade_in_s"), (fade_out_s, "fade_out_s"))
    ]
    items = Items.of(speech, "speech")
    ends = items.ends(lengths)
    shared = all(isinstance(each, ShortNoise) for each in noises)
    lists: list[Sequence[ShortNoise]] = (
        [tuple(each for each in noises if isinstance(each, ShortNoise))] * items.count
        if shared and noises
        else [each for each in noises if not isinstance(each, ShortNoise)]
    )
    if not noises:
        lists = [()] * items.count
    if len(lists) != items.count:
        raise ValueError(
            f"noises must be one list or one an item, {items.count}, got {len(noises)}"
        )
    levels = root_mean_square(items, ends)

    def add(samples: torch.Tensor, i: int) -> torch.Tensor:
        track = torch.zeros_like(samples)
        for noise in lists[i]:
            sound = _faded(noise, samples, *fades)
            level = root_mean_square(Items.of(sound[None]), [sound.shape[-1]])[0]
            gain = _gain(levels[i], level, noise.snr_db, items.where(i), on_silence)
            begin = math.floor(noise.start_s * rate + 0.5)
            first, last = max(begin, 0), min(begin + sound.shape[-1], samples.shape[-1])
            if gain and first < last:
                track[:, first:last] += gain * sound[:, first - begin : last - begin]
        return samples + track

    return items.mapped(add, ends)


def _faded(noise: ShortNoise, samples: torch.Tensor, rise: int, fall: int) -> torch.Tensor:
    """Return a sound with its fades, in the item's channels."""
    sound = check_waveform(noise.waveform, "noise", allow_empty=False)
    check_range(noise.start_s, "start_s", unit="s")
    sound = (sound if sound.dim() > 1 else sound[None]).detach().to(samples)
    if sound.dim() != 2 or sound.shape[0] not in (1, samples.shape[0]):
        raise ValueError(
            f"a short noise must be (time,) or have 1 or {samples.shape[0]} channels, got shape "
            f"{tuple(noise.waveform.shape)}"
        )
    length = sound.shape[-1]
    rise, fall = min(rise, length), min(fall, length)
    curve = np.ones(length)
    curve[:rise] *= (np.arange(rise) + 0.5) / max(rise, 1)
    curve[length - fall :] *= ((np.arange(fall) + 0.5) / max(fall, 1))[::-1]
    return (sound * torch.from_numpy(curve).to(sound)).expand(samples.shape[0], -1)


def _gain(speech: float, noise: float, snr_db: float, where: str, on_silence: str) -> float:
    if math.isnan(snr_db) or snr_db == -math.inf:
        raise ValueError(f"snr_db must be finite or inf, got {snr_db}")
    if not math.isfinite(speech) or not math.isfinite(noise):
        raise ValueError(f"speech or a short noise has NaN or infinite samples{where}")
    if snr_db == math.inf:
        return 0.0
    if speech and noise:
        return speech / noise * math.pow(10.0, -snr_db / 20.0)
    if on_silence == "keep":
        return 0.0
    raise ValueError(
        f"{'a short noise' if speech else 'speech'} is silent{where}, so that no gain gives "
        f'{snr_db:g} dB; on_silence="keep" leaves the noise out'
    )
