"""Where a voice begins: cepstral power above a running estimate of the noise.

At `measure_rate_hz` moments a second, the magnitude spectrum of the last `measure_s` seconds is
smoothed over time; a noise spectrum follows its power, quickly down and slowly up; what is left
after subtracting `noise_reduction` times that noise is windowed from `highpass_hz` to `lowpass_hz`
and transformed again. The log of the mean power of that cepstrum between the quefrencies of
`highpass_lifter_hz` and `lowpass_lifter_hz`, plus 21 and no less than 0, is the measure: harmonics
of a voice raise it, noise does not. Its running mean triggers; the search then walks back over the
stored measures to where the sound began, across gaps of `allowed_gap_s`.

The algorithm is that of SoX's ``vad``, read from torchaudio's function of that name (2.11), and
starts at the same sample. Spectra are taken for all items at once, some measures ahead; items whose
voice was found are left out of the next ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray

from audiolab._validation import check_positive, check_waveform

__all__ = ["VoiceRule", "trim_to_voice", "voice_starts"]

# Measures taken before anyone asks whether the voice was found: fewer do work twice as often, more
# do work for nothing.
_FIRST_MEASURES, _MORE_MEASURES = 16, 64


@dataclass(frozen=True)
class VoiceRule:
    """What counts as a voice; the defaults are SoX's.

    Parameters
    ----------
    trigger_level : float, default: 7.0
        Mean measure that triggers, 0 to 20.
    trigger_s : float, default: 0.25
        Time constant of that mean.
    search_s : float, default: 1.0
        How far the search goes back for quieter sound.
    allowed_gap_s : float, default: 0.25
        Gap that the search may cross.
    pre_trigger_s : float, default: 0.0
        Audio kept before what was found.
    boot_s : float, default: 0.35
        Time for the first estimate of the noise.
    noise_up_s, noise_down_s : float, default: 0.1 and 0.01
        Time constants of rising and of falling noise.
    noise_reduction : float, default: 1.35
        How many times the noise is taken off.
    measure_rate_hz : float, default: 20.0
        Measures a second.
    measure_s : float, default: 0.1
        Duration that a measure looks at.
    smooth_s : float, default: 0.4
        Time constant of the spectrum.
    highpass_hz, lowpass_hz : float, default: 50.0 and 6000.0
        Band of the spectrum.
    highpass_lifter_hz, lowpass_lifter_hz : float, default: 150.0 and 2000.0
        Pitches between which the cepstrum counts.
    """

    trigger_level: float = 7.0
    trigger_s: float = 0.25
    search_s: float = 1.0
    allowed_gap_s: float = 0.25
    pre_trigger_s: float = 0.0
    boot_s: float = 0.35
    noise_up_s: float = 0.1
    noise_down_s: float = 0.01
    noise_reduction: float = 1.35
    measure_rate_hz: float = 20.0
    measure_s: float = 0.1
    smooth_s: float = 0.4
    highpass_hz: float = 50.0
    lowpass_hz: float = 6000.0
    highpass_lifter_hz: float = 150.0
    lowpass_lifter_hz: float = 2000.0


def trim_to_voice(
    waveform: torch.Tensor, sample_rate: float, rule: VoiceRule | None = None
) -> torch.Tensor:
    """Cut what comes before the first voice; SoX's ``vad``.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(channels, time)`` or ``(time,)``; the voice may be in any channel.
    sample_rate : float
        Rate in Hz.
    rule : VoiceRule, optional
        What counts as a voice; by default what counts for SoX.

    Returns
    -------
    Tensor
        The samples from the voice on: none where there is no voice.

    Raises
    ------
    ValueError
        If the waveform has more than two dimensions, or the rule leaves no cepstrum at this rate.

    Examples
    --------
    >>> import torch
    >>> from audiolab import signals
    >>> speech, rate = signals.clip("speech")
    >>> late = torch.cat([torch.zeros(1, rate), speech], dim=-1)
    >>> late.shape[-1] - trim_to_voice(late, rate).shape[-1] >= rate // 2
    True
    """
    check_waveform(waveform)
    if waveform.ndim > 2:
        raise ValueError(
            f"waveform must be (channels, time) or (time,), got {tuple(waveform.shape)}: voices "
            "of the items of a batch start at different times"
        )
    rate = check_positive(sample_rate, "sample_rate", unit="Hz")
    rows = waveform if waveform.ndim == 2 else waveform[None]
    (start,) = voice_starts(rows[None], rate, rule or VoiceRule())
    return waveform[..., start:]


def voice_starts(batch: torch.Tensor, sample_rate: float, rule: VoiceRule) -> list[int]:
    """Return the sample at which each item's voice begins, its length if there is none.

    Parameters
    ----------
    batch : Tensor
        Samples, ``(items, channels, time)``.
    sample_rate : float
        Rate in Hz.
    rule : VoiceRule
        What counts as a voice.

    Returns
    -------
    list of int
        One place an item, from 0 to the number of samples.
    """
    samples = batch.detach().cpu().numpy()
    items, channels, time = samples.shape
    plan = _Plan(rule, sample_rate)
    states = [plan.state(channels) for _ in range(items)]
    starts = [time] * items
    waiting = list(range(items))
    total = max(0, -(-(time - plan.length) // plan.period))
    first, count = 0, _FIRST_MEASURES
    while waiting and first < total:
        count = min(count, total - first)
        spectra = plan.spectra(samples[waiting], first, count)
        for row, item in enumerate(waiting):
            place, back = plan.listen(spectra[row], states[item], first)
            if place >= 0:
                end = plan.length + place * plan.period
                starts[item] = max(end - plan.reach + back * plan.period, 0)
        waiting = [item for item in waiting if starts[item] == time]
        first, count = first + count, _MORE_MEASURES
    return starts


@dataclass
class _State:
    """What one item's measures leave behind: spectra, noise, and the last measures."""

    smooth: NDArray[np.float64]
    noise: NDArray[np.float64]
    means: NDArray[np.float64]
    measures: NDArray[np.float64]


class _Plan:
    """A rule in samples, bins and factors at one rate."""

    def __init__(self, rule: VoiceRule, rate: float) -> None:
        self.rule = rule
        self.length = int(rate * rule.measure_s + 0.5)
        self.period = int(rate / rule.measure_rate_hz + 0.5)
        # The transforms' lengths are part of the algorithm: bins and quefrencies depend on them.
        self.size = max(16, 1 << (self.length - 1).bit_length())
        self.stored = math.ceil(rule.search_s * rule.measure_rate_hz)
        self.gap = int(rule.allowed_gap_s * rule.measure_rate_hz + 0.5)
        before = int(rule.pre_trigger_s * rate + 0.5)
        self.reach = before + self.stored * self.period + self.length
        self.low = max(int(rule.highpass_hz / rate * self.size + 0.5), 1)
        self.high = min(int(rule.lowpass_hz / rate * self.size + 0.5), self.size // 2)
        self.first = math.ceil(rate * 0.5 / rule.lowpass_lifter_hz)
        self.last = min(math.floor(rate * 0.5 / rule.highpass_lifter_hz), self.size // 4)
        if self.high <= self.low or self.last <= self.first:
            raise ValueError(
                f"at a sample_rate of {rate:g} Hz nothing is left between highpass_hz="
                f"{rule.highpass_hz:g} and lowpass_hz={rule.lowpass_hz:g}, or between the lifters "
                f"{rule.highpass_lifter_hz:g} and {rule.lowpass_lifter_hz:g} Hz"
            )
        self.window = _hann(self.length)
        self.lifter_window = _hann(self.high - self.low)
        steps = rule.measure_rate_hz
        self.factors = np.array(
            [
                math.exp(-1 / (seconds * steps))
                for seconds in (rule.smooth_s, rule.noise_up_s, rule.noise_down_s, rule.trigger_s)
            ]
        )
        self.booting = int(rule.boot_s * steps - 0.5)

    def state(self, channels: int) -> _State:
        """Return how an item begins."""
        bins = self.high - self.low
        return _State(
            np.zeros((channels, bins)), np.zeros((channels, bins)),
            np.zeros(channels), np.zeros((channels, self.stored)),
        )  # fmt: skip

    def spectra(self, samples: NDArray[np.floating], first: int, count: int) -> NDArray[np.float64]:
        """Return magnitudes ``(items, channels, count, bins)`` of the band."""
        begin = first * self.period
        end = begin + (count - 1) * self.period + self.length
        frames = np.lib.stride_tricks.sliding_window_view(samples[..., begin:end], self.length, -1)
        found = np.fft.rfft(frames[..., :: self.period, :] * self.window, self.size)
        band = found[..., self.low : self.high]
        return np.sqrt(band.real**2 + band.imag**2)

    def listen(self, spectra: NDArray[np.float64], state: _State, first: int) -> tuple[int, int]:
        """Return the measure that triggered, or -1, and how many of the stored ones to skip."""
        denoised = _denoise(
            spectra, state.smooth, state.noise, self.factors, self.rule.noise_reduction, first,
            self.booting,
        )  # fmt: skip
        channels, count, bins = denoised.shape
        lifted = np.zeros((channels, count, self.size // 2))
        lifted[..., self.low : self.low + bins] = denoised * self.lifter_window
        cepstra = np.fft.rfft(lifted)[..., self.first : self.last]
        power = (cepstra.real**2 + cepstra.imag**2).mean(-1)
        with np.errstate(divide="ignore"):
            measures = np.maximum(21 + np.log(power), 0.0)
        return _trigger(
            measures, state.means, state.measures, self.factors[3], self.rule.trigger_level,
            self.gap, first,
        )  # fmt: skip


def _hann(size: int) -> NDArray[np.float64]:
    """Return a periodic Hann window of power 4 / size times its shape's."""
    shape = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    return np.asarray(shape * (2 / math.sqrt(size)))


@njit(cache=True, nogil=True)
def _denoise(
    spectra: NDArray[np.float64],
    smooth: NDArray[np.float64],
    noise: NDArray[np.float64],
    factors: NDArray[np.float64],
    reduction: float,
    first: int,
    booting: int,
) -> NDArray[np.float64]:
    """Smooth magnitudes over time and take the noise's power off, measure by measure."""
    channels, count, bins = spectra.shape
    out = np.empty_like(spectra)
    for m in range(count):
        # At the start, the spectrum is the mean so far, and the noise is that spectrum.
        boots = first + m <= booting
        keep = (first + m) / (1.0 + first + m) if boots else factors[0]
        for c in range(channels):
            for k in range(bins):
                level = smooth[c, k] * keep + spectra[c, m, k] * (1 - keep)
                smooth[c, k] = level
                power = level * level
                hold = 0.0
                if not boots:
                    hold = factors[1] if power > noise[c, k] else factors[2]
                noise[c, k] = noise[c, k] * hold + power * (1 - hold)
                out[c, m, k] = np.sqrt(max(0.0, power - reduction * noise[c, k]))
    return out


@njit(cache=True, nogil=True)
def _trigger(
    measures: NDArray[np.float64],
    means: NDArray[np.float64],
    stored: NDArray[np.float64],
    hold: float,
    level: float,
    gap: int,
    first: int,
) -> tuple[int, int]:
    """Return the first measure that triggers and the stored measures before the sound, or -1, 0."""
    channels, count = measures.shape
    size = stored.shape[1]
    for m in range(count):
        here = (first + m) % size
        found = False
        kept = 0
        for c in range(channels):
            stored[c, here] = measures[c, m]
            means[c] = means[c] * hold + measures[c, m] * (1 - hold)
            found = found or means[c] >= level
            if found:
                loud = quiet = size
                step = 0
                for step in range(size):
                    value = stored[c, (here - step) % size]
                    if value >= level and step <= loud + gap:
                        loud = quiet = step
                    elif value == 0 and loud >= quiet:
                        quiet = step
                kept = min(max(kept, min(size - 1, quiet)), size)
        if found:
            return first + m, size - kept
    return -1, 0
