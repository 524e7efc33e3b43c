"""Compress and expand by a curve of levels: SoX's ``compand``, and ``mcompand`` on several bands.

A follower with one time for rising and one for falling levels measures the volume, a curve in
decibels turns it into a gain. The follower's state is float64. What is new to SoX's: batches, one
pair of times an item or a channel, and gradients to samples, times, points, knee and gain.

Without gradients, follower and curve run in one compiled loop on the CPU; with them, or on other
devices, as operations of torch. Both give the same result.

Reference: manual page sox(1), ``compand`` and ``mcompand``; S. H. Linkwitz, "Active crossover
networks for noncoincident drivers", J. Audio Eng. Soc. 24(1), 1976.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from audiolab._validation import check_range, check_waveform
from audiolab.effects._ranges import bounded
from audiolab.effects._recurrences import dispatch, iir_cascade
from audiolab.effects._recurrences.envelope import envelope, mapped_envelope
from audiolab.effects.dynamics.transfer import Points, curve_gain, transfer_curve

__all__ = ["CompandBand", "compand", "mcompand"]

#: SoX's example for listening in a car: quiet passages are raised, silence is not.
_CAR: Points = ((-70.0, -70.0), (-60.0, -20.0))


def compand(
    waveform: torch.Tensor,
    sample_rate: float,
    *,
    attack_s: float | torch.Tensor = 0.3,
    decay_s: float | torch.Tensor = 0.8,
    points: Points = _CAR,
    knee_db: float | torch.Tensor = 6.0,
    gain_db: float | torch.Tensor = 0.0,
    initial_db: float | torch.Tensor = 0.0,
    delay_s: float = 0.0,
    linked: bool = True,
) -> torch.Tensor:
    r"""Compress or expand the dynamic range along a curve.

    Parameters
    ----------
    waveform : Tensor
        Samples ``(..., channels, time)``, or ``(time,)``.
    sample_rate : float
        Rate in Hz.
    attack_s, decay_s : float or Tensor
        Times over which a rising and a falling level is averaged, in seconds; 0.3 and 0.8. A value
        an item, or a channel where channels are not linked, if they are tensors. Up to one sample
        means at once.
    points : sequence of (float, float) or Tensor
        Input and output levels in dB relative to 1, by rising input level, at most 0; ``-inf`` is
        allowed. (0, 0) is added unless an input level of 0 is there. Below the first point the
        gain is constant.
    knee_db : float or Tensor, default: 6.0
        Reach of the parabolas that round the corners, in dB; at least 0.01.
    gain_db : float or Tensor, default: 0.0
        Gain on top, in dB, a value an item or a channel if it is a tensor.
    initial_db : float or Tensor, default: 0.0
        Level that is assumed before the first sample, in dB, at most 0.
    delay_s : float, default: 0.0
        Look-ahead in seconds: the gain is found this much before the sample that it is applied to.
        The last gain serves the samples at the end. The output is not delayed.
    linked : bool, default: True
        One level for all channels of an item: the largest of their magnitudes. Otherwise each
        channel has its own.

    Returns
    -------
    Tensor
        Shape and dtype of the input.

    Raises
    ------
    ValueError
        A time is negative, points do not rise, a level is above 0 dB, or a tensor does not fit.

    Notes
    -----
    The level follows :math:`v_n = v_{n-1} + c\,(|x_n| - v_{n-1})` with
    :math:`c = 1 - e^{-1/(f_s \tau)}`, :math:`\tau` the attack while the magnitude is above the
    level and the decay otherwise. Gradients exist everywhere but at the kinks: where the two
    meet, and where two channels are equally loud.

    Examples
    --------
    >>> import torch
    >>> from audiolab.effects import compand
    >>> waveform = torch.randn(4, 2, 16_000) * 0.01
    >>> attack_s = torch.tensor([0.01, 0.02, 0.1, 0.3])
    >>> louder = compand(waveform, 16_000, attack_s=attack_s, initial_db=-40, delay_s=0.01)
    >>> louder.shape
    torch.Size([4, 2, 16000])
    """
    check_waveform(waveform)
    check_range(delay_s, "delay_s", 0.0, unit="s")
    curve = transfer_curve(points, knee_db)
    follower = LevelGain(waveform, sample_rate, attack_s, decay_s, curve, linked=linked)
    start = bounded(initial_db, waveform, "initial_db", high=0.0, unit="dB")
    level = follower.rows(10.0 ** (start / 20.0))
    gain, _ = follower(waveform, level)
    gain = ahead(gain, int(delay_s * sample_rate + 1e-9))
    return waveform * gain * loudness(gain_db, waveform)


def loudness(gain_db: float | torch.Tensor, waveform: torch.Tensor) -> torch.Tensor | float:
    """Return a gain in dB as a factor of the waveform; 1.0 itself where nothing changes."""
    if not isinstance(gain_db, torch.Tensor) and gain_db == 0.0:
        return 1.0
    amplitude = 10.0 ** (bounded(gain_db, waveform, "gain_db", unit="dB") / 20.0)
    return amplitude[..., None].to(waveform.dtype)


def ahead(gain: torch.Tensor, num_samples: int) -> torch.Tensor:
    """Move gains ``(..., time)`` ahead, the last one repeated."""
    if not num_samples or not gain.shape[-1]:
        return gain
    shift = min(num_samples, gain.shape[-1] - 1)
    last = gain[..., -1:].expand(*gain.shape[:-1], shift)
    return torch.cat([gain[..., shift:], last], dim=-1)


def time_coefficient(time_s: torch.Tensor, sample_rate: float) -> torch.Tensor:
    """Return ``1 - exp(-1 / (rate time))``, and 1 for times up to one sample."""
    samples = time_s * sample_rate
    at_once = samples <= 1.0
    return torch.where(at_once, 1.0, -torch.expm1(-1.0 / torch.where(at_once, 1.0, samples)))


class LevelGain:
    """From samples to gains: a follower for each item or channel, and a curve.

    Parameters
    ----------
    waveform : Tensor
        The samples, or others of the same shape before time.
    sample_rate : float
        Rate in Hz.
    attack_s, decay_s : float or Tensor
        Times of the follower.
    curve : Tensor
        Pieces ``(pieces, 4)``.
    linked : bool
        One follower for all channels of an item.
    """

    def __init__(
        self,
        waveform: torch.Tensor,
        sample_rate: float,
        attack_s: float | torch.Tensor,
        decay_s: float | torch.Tensor,
        curve: torch.Tensor,
        *,
        linked: bool,
    ) -> None:
        self._leading = waveform.shape[:-1] if waveform.ndim > 1 else torch.Size([1])
        self._alone = waveform.ndim == 1
        self._linked = linked and not self._alone
        attack, decay = (
            bounded(each, waveform, name, 0.0, unit="s")
            for each, name in ((attack_s, "attack_s"), (decay_s, "decay_s"))
        )
        if self._linked and max(attack.shape[-1], decay.shape[-1]) > 1:
            raise ValueError("attack_s and decay_s have a value a channel: that needs linked=False")
        self._rise = self.rows(time_coefficient(attack, sample_rate))
        self._fall = self.rows(time_coefficient(decay, sample_rate))
        self._curve = curve.to(waveform.device)

    def rows(self, value: torch.Tensor) -> torch.Tensor:
        """Return a parameter with one value a follower."""
        if self._alone:
            return value.reshape(1)
        if self._linked:
            return value[..., :1].expand(*self._leading[:-1], 1).reshape(-1)
        return value.expand(self._leading).reshape(-1)

    def __call__(
        self, waveform: torch.Tensor, level: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return gains ``(..., channels or 1, time)`` and the levels to go on with."""
        time = waveform.shape[-1]
        channels = waveform.shape[-2] if self._linked else 1
        rows = waveform.reshape(len(level), channels, time)
        # What is differentiable runs apart: level, follower and curve.
        if dispatch.runs_compiled(waveform) and not self._needs_gradient(waveform, level):
            gain, level = mapped_envelope(rows, self._rise, self._fall, level, self._curve)
        else:
            magnitude = rows.abs().amax(dim=1)
            if magnitude.dtype not in (torch.float32, torch.float64):
                magnitude = magnitude.float()
            followed, level = envelope(magnitude, self._rise, self._fall, level)
            gain = curve_gain(followed.double(), self._curve).to(waveform.dtype)
        if self._alone:
            return gain.reshape(time), level
        kept = (*waveform.shape[:-2], 1) if self._linked else waveform.shape[:-1]
        return gain.reshape(*kept, time), level

    def _needs_gradient(self, *tensors: torch.Tensor) -> bool:
        return torch.is_grad_enabled() and any(
            each.requires_grad for each in (*tensors, self._rise, self._fall, self._curve)
        )


@dataclass(frozen=True)
class CompandBand:
    """How one band of `mcompand` is companded; the parameters are those of `compand`.

    Parameters
    ----------
    attack_s, decay_s : float or Tensor
        Times over which a rising and a falling level is averaged, in seconds.
    points : sequence of (float, float) or Tensor
        Input and output levels in dB.
    knee_db : float or Tensor
        Reach of the parabolas that round the corners, in dB.
    gain_db : float or Tensor
        Gain on top, in dB.
    initial_db : float or Tensor
        Level that is assumed before the first sample, in dB.
    linked : bool
        One level for all channels of an item.
    """

    attack_s: float | torch.Tensor = 0.005
    decay_s: float | torch.Tensor = 0.1
    points: Points = field(default=((-47.0, -40.0), (-34.0, -34.0), (-17.0, -33.0)))
    knee_db: float | torch.Tensor = 0.01
    gain_db: float | torch.Tensor = 0.0
    initial_db: float | torch.Tensor = 0.0
    linked: bool = True


def mcompand(
    waveform: torch.Tensor,
    sample_rate: float,
    *,
    bands: Sequence[CompandBand] = (CompandBand(), CompandBand()),
    crossovers_hz: Sequence[float | torch.Tensor] = (1000.0,),
) -> torch.Tensor:
    """Compress or expand frequency bands apart, and add them up.

    Parameters
    ----------
    waveform : Tensor
        Samples ``(..., channels, time)``, or ``(time,)``.
    sample_rate : float
        Rate in Hz.
    bands : sequence of CompandBand
        The bands from low to high, one or more.
    crossovers_hz : sequence of float or Tensor
        Frequencies in Hz between the bands, rising, one less than bands; each may be a value an
        item.

    Returns
    -------
    Tensor
        Shape and dtype of the input. Not clipped, where SoX saturates.

    Raises
    ------
    ValueError
        Numbers of bands and crossovers do not agree, crossovers do not rise or are not between 0
        and half the rate, or a band's parameters are refused by `compand`.

    Notes
    -----
    Each crossover is a fourth-order Linkwitz-Riley pair: a second-order Butterworth filter twice.
    The low part is a band, the high part goes on to the next crossover. The sum of an uncompanded
    pair is an all-pass filter; with three bands and more, the lower bands miss the all-passes of
    the crossovers above them, so their sum is not exactly flat. SoX's isn't either.

    Examples
    --------
    >>> import torch
    >>> from audiolab.effects import CompandBand, mcompand
    >>> gentle = CompandBand(points=((-60, -50), (-20, -18)))
    >>> music = torch.randn(2, 16_000) * 0.1
    >>> mcompand(music, 16_000, bands=[gentle] * 3, crossovers_hz=[300.0, 3000.0]).shape
    torch.Size([2, 16000])
    """
    check_waveform(waveform)
    bands = tuple(bands)
    if not bands or len(bands) != len(crossovers_hz) + 1:
        raise ValueError(
            f"mcompand needs one crossover less than bands, got {len(bands)} bands and "
            f"{len(crossovers_hz)} crossovers"
        )
    splits = crossover_sections(waveform, sample_rate, crossovers_hz)
    rest = waveform
    total = torch.zeros_like(waveform)
    for index, band in enumerate(bands):
        if index < len(splits):
            low, high = splits[index]
            part, rest = iir_cascade(rest, low)[0], iir_cascade(rest, high)[0]
        else:
            part = rest
        total = total + compand(part, sample_rate, **vars(band))
    return total


def crossover_sections(
    waveform: torch.Tensor, sample_rate: float, crossovers_hz: Sequence[float | torch.Tensor]
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Return low and high half of each crossover as sections ``(..., 2, 5)``."""
    last: torch.Tensor | None = None
    found = []
    for frequency in crossovers_hz:
        hertz = bounded(frequency, waveform, "crossovers_hz", 0.0, sample_rate / 2.0, unit="Hz")
        if last is not None and bool((hertz.detach() < last).any()):
            raise ValueError(f"crossovers_hz must rise, got {list(crossovers_hz)}")
        last = hertz.detach()
        angle = 2.0 * math.pi * hertz / sample_rate
        cosine, alpha = torch.cos(angle), torch.sin(angle) / math.sqrt(2.0)
        pole = [-2.0 * cosine / (1.0 + alpha), (1.0 - alpha) / (1.0 + alpha)]
        low, high = ((1.0 - cosine) / 2.0, (1.0 + cosine) / 2.0)
        halves = []
        for edge, sign in ((low, 2.0), (high, -2.0)):
            b = edge / (1.0 + alpha)
            section = torch.stack([b, sign * b, b, *pole], dim=-1)
            halves.append(torch.stack([section, section], dim=-2))
        found.append((halves[0], halves[1]))
    return found


def row_levels(initial_db: float, count: int, device: torch.device) -> torch.Tensor:
    """Return the levels that a stream starts with."""
    return torch.full((count,), 10.0 ** (initial_db / 20.0), dtype=torch.float64, device=device)
