r"""Noise at a signal-to-noise ratio: the one that is asked for is the one that is measured.

.. math:: y = s + g\,n, \qquad g = \frac{L(s)}{L(n)} \, 10^{-\mathrm{SNR}/20}

Speech keeps its level; the noise, looped or cropped to the length of the speech, is scaled. What
"level" :math:`L` means is a choice: power over everything, speech without its pauses (ITU-T P.56),
as the ear weights it (A), or loudness. Two mistakes are common enough to be named: a ratio of
amplitudes takes :math:`10^{x/20}`, not :math:`e^{x/10}`; and halving the sum so that it does not
clip changes the level of the speech with every SNR. Nothing is clipped here.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np
import torch

from audiolab._rows import run_rows
from audiolab._validation import check_choice, check_range, check_sample_rate
from audiolab.augment._items import Items, PerItem, PerItemCount
from audiolab.augment._looping import fit_plan, fitted, noise_like
from audiolab.augment._mixing_kernels import energies, mix
from audiolab.augment._noise_levels import MEASURES, item_gain

__all__ = ["Mixture", "add_noise", "mix_noise"]

Measure = Literal["power", "active", "a-weighted", "lufs"]
Silence = Literal["raise", "keep"]


class Mixture(NamedTuple):
    """A mixture and what it was made of: ``noisy = clean + noise``.

    Parameters
    ----------
    noisy : Tensor
        The mixture.
    clean : Tensor
        The speech in it: the tensor that was given.
    noise : Tensor
        The noise in it: looped or cropped, and scaled. Zero past each item's end.
    gain : Tensor
        Amplitude factor that the noise was given, one an item.
    """

    noisy: torch.Tensor
    clean: torch.Tensor
    noise: torch.Tensor
    gain: torch.Tensor


def add_noise(
    speech: torch.Tensor,
    noise: torch.Tensor,
    snr_db: PerItem,
    *,
    lengths: PerItemCount | None = None,
    noise_lengths: PerItemCount | None = None,
    offset: PerItemCount = 0,
    crossfade_samples: int = 256,
    measure: Measure = "power",
    sample_rate: int | None = None,
    noise_sample_rate: int | None = None,
    on_silence: Silence = "raise",
) -> torch.Tensor:
    """Add noise at a signal-to-noise ratio.

    Parameters
    ----------
    speech : Tensor
        Samples, ``(..., channels, time)``, ``(items, time)`` or ``(time,)``. Channels of an item
        share one gain, so that the noise keeps its place between them.
    noise : Tensor
        One noise for all items or one an item, of any length, with one channel or as many as the
        speech has, at the same sample rate.
    snr_db : float, Tensor or list of float
        Level of the speech over that of the noise in dB, a value an item if it is a tensor.
        ``inf`` adds nothing.
    lengths : int, Tensor or list of int, optional
        Valid samples of each item; what lies beyond is neither measured nor changed.
    noise_lengths : int, Tensor or list of int, optional
        Valid samples of the noise, a value for each item of the speech.
    offset : int, Tensor or list of int, default: 0
        First sample of the noise to use.
    crossfade_samples : int, default: 256
        Length of the equal-power join where noise is too short and loops, see `fit_noise`.
    measure : {"power", "active", "a-weighted", "lufs"}, default: "power"
        How levels are measured: mean square; active speech level of the speech (ITU-T P.56)
        against the mean square of the noise; mean square after A-weighting; loudness (BS.1770).
    sample_rate : int, optional
        Sample rate in Hz; needed by all measures but "power".
    noise_sample_rate : int, optional
        If given, it is compared with `sample_rate`.
    on_silence : {"raise", "keep"}, default: "raise"
        Where speech or noise has no level, no gain fits: raise, or keep the speech as it is.

    Returns
    -------
    Tensor
        Shape and dtype of `speech`; speech at its own level, plus noise. Peaks may exceed 1.

    Raises
    ------
    TypeError
        A waveform is not a floating-point tensor, or `lengths` holds no whole numbers.
    ValueError
        An item is silent, has NaN or infinite samples or none at all; `snr_db` is NaN or -inf;
        shapes, dtypes, devices or rates don't fit; the measure needs a rate, or 0.4 s ("lufs").

    See Also
    --------
    mix_noise : The same, with its parts.
    colored_noise : Noise to add.
    NoiseBank : Recordings to add.

    Notes
    -----
    An item's result does not depend on the batch around it or on the number of threads, to the bit
    (on the CPU, float32 or float64, where no gradient is recorded). Gradients reach speech and
    noise, and `snr_db` if it is a tensor, through the gain too where the measure is "power"; other
    measures count as constants.

    With ``measure="lufs"`` the noise is measured as it will sound: blocks below -70 LUFS don't
    count, and noise that would fall below that altogether is an error.

    Examples
    --------
    >>> import torch
    >>> from audiolab import augment, metrics, signals
    >>> speech, rate = signals.clip("speech_female")
    >>> noise = augment.colored_noise(rate, rate, exponent=1.0, generator=0)
    >>> noisy = augment.add_noise(speech, noise, 10.0)
    >>> print(f"{metrics.snr_db(speech, noisy).item():.3f} dB")
    10.000 dB
    """
    items, scaled, gains, ends = _fitted_and_gains(
        speech,
        noise,
        snr_db,
        lengths,
        noise_lengths,
        offset,
        crossfade_samples,
        _checked(measure, sample_rate, noise_sample_rate),
        on_silence,
    )
    if not _in_loops(items.samples, scaled, gains):
        return items.restored(items.samples + gains[:, None, None] * scaled)
    clean = items.samples.detach().contiguous().numpy()
    run_rows(mix, items.samples.numel(), scaled.numpy(), clean, np.array(ends), gains.numpy())
    return items.restored(scaled)


def mix_noise(
    speech: torch.Tensor,
    noise: torch.Tensor,
    snr_db: PerItem,
    *,
    lengths: PerItemCount | None = None,
    noise_lengths: PerItemCount | None = None,
    offset: PerItemCount = 0,
    crossfade_samples: int = 256,
    measure: Measure = "power",
    sample_rate: int | None = None,
    noise_sample_rate: int | None = None,
    on_silence: Silence = "raise",
) -> Mixture:
    """Add noise as `add_noise` does, and return the parts of the mixture too.

    Parameters
    ----------
    speech : Tensor
        Samples, ``(..., channels, time)``, ``(items, time)`` or ``(time,)``.
    noise : Tensor
        One noise for all items or one an item.
    snr_db : float, Tensor or list of float
        Level of the speech over that of the noise in dB.
    lengths : int, Tensor or list of int, optional
        Valid samples of each item.
    noise_lengths : int, Tensor or list of int, optional
        Valid samples of the noise, a value for each item of the speech.
    offset : int, Tensor or list of int, default: 0
        First sample of the noise to use.
    crossfade_samples : int, default: 256
        Length of the equal-power join where noise loops.
    measure : {"power", "active", "a-weighted", "lufs"}, default: "power"
        How levels are measured.
    sample_rate : int, optional
        Sample rate in Hz; needed by all measures but "power".
    noise_sample_rate : int, optional
        If given, it is compared with `sample_rate`.
    on_silence : {"raise", "keep"}, default: "raise"
        Where speech or noise has no level: raise, or keep the speech as it is.

    Returns
    -------
    Mixture
        ``noisy``, ``clean``, ``noise`` and ``gain``; the first is the sum of the next two, to the
        bit, and equals what `add_noise` returns.

    Raises
    ------
    TypeError, ValueError
        As `add_noise` does.

    See Also
    --------
    add_noise : The mixture alone.

    Examples
    --------
    >>> import torch
    >>> from audiolab import augment
    >>> speech, noise = torch.randn(2, 1000), torch.randn(600)
    >>> mixture = augment.mix_noise(speech, noise, torch.tensor([0.0, 20.0]))
    >>> torch.equal(mixture.noisy, mixture.clean + mixture.noise), mixture.gain.shape
    (True, torch.Size([2]))
    """
    items, scaled, gains, _ = _fitted_and_gains(
        speech,
        noise,
        snr_db,
        lengths,
        noise_lengths,
        offset,
        crossfade_samples,
        _checked(measure, sample_rate, noise_sample_rate),
        on_silence,
    )
    part = items.restored(gains[:, None, None] * scaled)
    return Mixture(speech + part, speech, part, gains.reshape(items.leading))


def _checked(
    measure: str, sample_rate: int | None, noise_sample_rate: int | None
) -> tuple[str, int | None]:
    """Return measure and rate, or say what does not fit."""
    check_choice(measure, "measure", MEASURES)
    rate = None if sample_rate is None else check_sample_rate(sample_rate)
    if noise_sample_rate is not None:
        other = check_sample_rate(noise_sample_rate, "noise_sample_rate")
        if rate is None:
            raise ValueError("noise_sample_rate is compared with sample_rate: give both")
        if other != rate:
            raise ValueError(
                f"noise has {other} Hz and speech {rate} Hz: convert one of them first, "
                f"audiolab.resample.resample(noise, {other}, {rate})"
            )
    if rate is None and measure != "power":
        raise ValueError(f"measure={measure!r} needs sample_rate, in Hz")
    return measure, rate


def _fitted_and_gains(
    speech: torch.Tensor,
    noise: torch.Tensor,
    snr_db: PerItem,
    lengths: PerItemCount | None,
    noise_lengths: PerItemCount | None,
    offset: PerItemCount,
    crossfade_samples: int,
    how: tuple[str, int | None],
    on_silence: str,
) -> tuple[Items, torch.Tensor, torch.Tensor, list[int]]:
    """Return the items, noise of their length, and its gain for each."""
    check_choice(on_silence, "on_silence", ("raise", "keep"))
    items = Items.of(speech, "speech")
    ratios = _ratios(items, snr_db)
    ends = items.ends(lengths)
    source = noise_like(noise, items)
    longest = source.shape[-1]
    available = [longest] * items.count
    if noise_lengths is not None:
        available = items.counts(noise_lengths, "noise_lengths", 0, longest)
    shared = source.shape[0] == 1
    plan = fit_plan(
        [0] * items.count if shared else list(range(items.count)),
        available,
        items.counts(offset, "offset"),
        ends,
        crossfade_samples,
    )
    scaled = fitted(source, plan, ends, items.num_samples, items.samples.shape[1])
    if how[0] == "power":
        gains = _power_gains(items, scaled, snr_db, ratios, ends, on_silence)
    else:
        clean, other = items.samples.detach(), scaled.detach()
        found = [
            _kept(
                item_gain(clean[i, :, :end], other[i, :, :end], ratios[i], *how),
                i,
                items,
                on_silence,
            )
            for i, end in enumerate(ends)
        ]
        gains = torch.tensor(found, dtype=speech.dtype, device=speech.device)
    return items, scaled, gains, ends


def _ratios(items: Items, snr_db: PerItem) -> list[float]:
    if isinstance(snr_db, int | float) and not isinstance(snr_db, bool):
        if snr_db != math.inf:
            check_range(snr_db, "snr_db", unit="dB")
        return [float(snr_db)] * items.count
    ratios: list[float] = items.spread(snr_db, "snr_db").detach().double().tolist()
    for ratio in set(ratios):
        if ratio != math.inf:
            check_range(ratio, "snr_db", unit="dB")
    return ratios


def _in_loops(*tensors: torch.Tensor) -> bool:
    """Tell whether compiled loops may compute: on the CPU, in a type they know, no gradient."""
    recorded = torch.is_grad_enabled() and any(each.requires_grad for each in tensors)
    kinds = (torch.float32, torch.float64)
    return not recorded and all(x.device.type == "cpu" and x.dtype in kinds for x in tensors)


def _power_gains(
    items: Items,
    noise: torch.Tensor,
    snr_db: PerItem,
    ratios: list[float],
    ends: list[int],
    on_silence: str,
) -> torch.Tensor:
    """Return ``sqrt(E(s) / E(n)) 10^(-snr / 20)`` for each item."""
    speech = items.samples
    follows = isinstance(snr_db, torch.Tensor) and snr_db.requires_grad
    if _in_loops(speech, noise) and not (follows and torch.is_grad_enabled()):
        sums = np.empty((2, items.count))
        for row, each in zip(sums, (speech, noise), strict=True):
            samples = each.detach().contiguous().numpy()
            run_rows(energies, each.numel(), samples, np.array(ends, dtype=np.int64), row)
        pairs = zip(*sums.tolist(), strict=True)
        found = [_kept((*pair, ratios[i]), i, items, on_silence) for i, pair in enumerate(pairs)]
        return torch.tensor(found, dtype=speech.dtype)
    wide = items.spread(snr_db, "snr_db").to(speech.device, torch.float64)
    gains = []
    for i, end in enumerate(ends):
        pair = [each[i, :, :end].double().square().sum() for each in (speech, noise)]
        if _kept((pair[0].item(), pair[1].item(), ratios[i]), i, items, on_silence):
            gains.append((pair[0] / pair[1]).sqrt() * 10.0 ** (-wide[i] / 20.0))
        else:
            gains.append(pair[0].new_zeros(()))
    stacked = torch.stack(gains) if gains else wide.new_zeros(0)
    return stacked.to(speech.dtype)


def _kept(powers: tuple[float, float, float], index: int, items: Items, on_silence: str) -> float:
    """Return the gain for powers of speech and noise and a ratio in dB, or say what is wrong."""
    speech, noise, ratio = powers
    for name, power in (("speech", speech), ("noise", noise)):
        if not math.isfinite(power):
            raise ValueError(f"{name} has NaN or infinite samples{items.where(index)}")
    if ratio == math.inf:
        return 0.0
    if speech > 0.0 and noise > 0.0:
        return math.sqrt(speech / noise) * math.pow(10.0, -ratio / 20.0)
    if on_silence == "keep":
        return 0.0
    silent = "noise" if speech > 0.0 else "speech"
    hint = (
        "the stretch that was asked for, see offset" if silent == "noise" else "nothing to be above"
    )
    raise ValueError(
        f"{silent} is silent{items.where(index)} ({hint}), so that no gain gives {ratio:g} dB; "
        'on_silence="keep" returns such speech as it is'
    )
