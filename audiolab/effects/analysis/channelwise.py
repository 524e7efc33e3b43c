"""SoX's ``stats``: levels of every channel, and of all together."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from audiolab._validation import check_positive, check_range
from audiolab.effects.analysis._channel_pass import COUNTS, LEVELS, count_samples
from audiolab.effects.analysis.overall import channel_rows
from audiolab.units import seconds_to_samples

__all__ = ["ChannelCounter", "ChannelStatistics", "WaveformStatistics", "stats"]

_FULL_SCALE = 2**31


@dataclass(frozen=True)
class ChannelStatistics:
    """Levels of one channel.

    Parameters
    ----------
    dc_offset, minimum, maximum : float
        Mean, smallest and largest sample, full scale 1.
    peak_db, rms_db : float
        Levels of the peak and of the RMS, dB relative to full scale.
    rms_peak_db, rms_trough_db : float
        Largest and smallest level of an exponential window, after five of its time constants; the
        RMS level where the signal is shorter.
    crest_factor : float
        Peak over RMS.
    flat_factor_db : float
        Mean length of the runs at the extremes, each weighted with its length, in dB.
    peak_count : int
        Samples at the largest or the smallest value.
    bit_depth : tuple of (int, int)
        Bits in use, and bits down to the lowest one in use.
    """

    dc_offset: float
    minimum: float
    maximum: float
    peak_db: float
    rms_db: float
    rms_peak_db: float
    rms_trough_db: float
    crest_factor: float
    flat_factor_db: float
    peak_count: float
    bit_depth: tuple[int, int]


@dataclass(frozen=True)
class WaveformStatistics:
    """What ``stats`` measures; ``str()`` of it is the program's text.

    Parameters
    ----------
    channels : tuple of ChannelStatistics
        Levels of each channel.
    overall : ChannelStatistics
        Of all together: largest, smallest or mean of the channels' figures.
    num_samples : int
        Samples of each channel.
    sample_rate : float
        Rate in Hz.
    window_s : float
        Time constant of the window in seconds.
    scale : float or int, default: 1.0
        Full scale in the text; an int is a number of bits.
    hexadecimal : bool, default: False
        Whether the text shows integers in base 16.
    """

    channels: tuple[ChannelStatistics, ...]
    overall: ChannelStatistics
    num_samples: int
    sample_rate: float
    window_s: float
    scale: float | int = 1.0
    hexadecimal: bool = False

    def __str__(self) -> str:
        columns = [self.overall, *self.channels] if len(self.channels) > 1 else [self.overall]
        lines = []
        if len(columns) > 1:
            stereo = ["Left", "Right"]
            names = [f"Ch{k + 1}" for k in range(len(self.channels))]
            names = stereo if len(self.channels) == 2 else names
            lines.append("             Overall" + "".join(f"     {each:<5}" for each in names))

        def row(label: str, show: Callable[[ChannelStatistics], str]) -> None:
            first, *others = [show(each) for each in columns]
            lines.append(
                f"{label}{first:>{20 - len(label)}}" + "".join(f"{each:>10}" for each in others)
            )

        row("DC offset", lambda c: self._scaled(c.dc_offset))
        row("Min level", lambda c: self._scaled(c.minimum))
        row("Max level", lambda c: self._scaled(c.maximum))
        row("Pk lev dB", lambda c: f"{c.peak_db:.2f}")
        row("RMS lev dB", lambda c: f"{c.rms_db:.2f}")
        row("RMS Pk dB", lambda c: f"{c.rms_peak_db:.2f}")
        row("RMS Tr dB", lambda c: f"{c.rms_trough_db:.2f}")
        several = len(columns) > 1
        row(
            "Crest factor",
            lambda c: "-" if several and c is self.overall else f"{c.crest_factor:.2f}",
        )
        row("Flat factor", lambda c: f"{c.flat_factor_db:.2f}")
        row("Pk count", lambda c: three_digits(c.peak_count))
        row("Bit-depth", lambda c: f"{c.bit_depth[0]:2d}/{c.bit_depth[1]:<2d}")
        tail = [
            ("Num samples", three_digits(self.num_samples)),
            ("Length s", f"{self.num_samples / self.sample_rate:.3f}"),
            ("Scale max", self._scaled(1.0, top=True)),
            ("Window s", f"{self.window_s:.3f}"),
        ]
        lines += [f"{label}{value:>{20 - len(label)}}" for label, value in tail]
        return "\n".join(lines)

    def _scaled(self, value: float, *, top: bool = False) -> str:
        if isinstance(self.scale, int):
            whole = 2 ** (self.scale - 1)
            number = whole - 1 if top else min(math.floor(value * whole + 0.5), whole - 1)
            sign = "-" if number < 0 else ""
            return f"{sign}{abs(number):x}" if self.hexadecimal else str(number)
        digits = len(str(int(abs(self.scale)))) if self.scale >= 1 else 1
        return f"{value * self.scale:.{max(7 - digits, 0)}f}"


def three_digits(number: float) -> str:
    """Return a count with three significant digits and a suffix: ``999``, ``1.23k``, ``45.6M``."""
    value, suffix = float(number), ""
    for suffix in ("", "k", "M", "G", "T"):
        if value < 999.5 or suffix == "T":
            break
        value /= 1000
    if not suffix:
        return str(math.floor(value + 0.5))
    digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:.{digits}f}{suffix}"


class ChannelCounter:
    """Count the levels of one channel block by block.

    Parameters
    ----------
    sample_rate : float
        Rate in Hz.
    window_s : float
        Time constant of the window in seconds.
    """

    def __init__(self, sample_rate: float, window_s: float) -> None:
        self._decay = math.exp(-1 / (window_s * sample_rate))
        self._settled = seconds_to_samples(5 * window_s, sample_rate)
        self._counts = np.zeros(COUNTS, dtype=np.int64)
        self._levels = np.zeros(LEVELS)
        self._levels[3], self._levels[[4, 5, 7]] = math.inf, -math.inf

    @property
    def count(self) -> int:
        """Samples counted so far."""
        return int(self._counts[0])

    def add(self, block: torch.Tensor) -> None:
        """Count a block ``(time,)``."""
        samples = block.detach().double().cpu().contiguous().numpy()
        count_samples(samples, self._decay, self._settled, self._counts, self._levels)

    def result(self) -> ChannelStatistics:
        """Return the levels so far."""
        total, squares, _, low, high, maximum, high_runs, opposite, low_runs = self._levels.tolist()
        _, bits, at_high, high_run, at_low, low_run = self._counts.tolist()
        power = squares / self.count
        if low > high:
            low = high = power
        minimum = -opposite
        peak = max(maximum, -minimum)
        count = at_high + at_low
        # The runs that go on at the end count as well.
        runs = (high_runs + high_run**2 + low_runs + low_run**2) / count
        return ChannelStatistics(
            dc_offset=total / self.count,
            minimum=minimum,
            maximum=maximum,
            peak_db=_db(peak * peak),
            rms_db=_db(power),
            rms_peak_db=_db(high),
            rms_trough_db=_db(low),
            crest_factor=peak / math.sqrt(power) if power else 1.0,
            flat_factor_db=20 * math.log10(runs),
            peak_count=count,
            bit_depth=_bit_depth(bits & 0xFFFFFFFF, minimum, maximum),
        )


def _db(power: float) -> float:
    return 10 * math.log10(power) if power > 0 else -math.inf


def _integer(value: float) -> int:
    return min(max(math.floor(value * _FULL_SCALE + 0.5), -_FULL_SCALE), _FULL_SCALE - 1)


def _bit_depth(bits: int, minimum: float, maximum: float) -> tuple[int, int]:
    """Return the bits in use, and those down to the lowest bit that is ever set."""
    if bits == 0:
        return 0, 0
    down_to = 32 - ((bits & -bits).bit_length() - 1)
    return down_to - _fixed_bits(minimum, maximum), down_to


def _fixed_bits(minimum: float, maximum: float) -> int:
    """Return how many of the highest bits never change."""
    top = _integer(maximum) & 0xFFFFFFFF
    if minimum < 0:
        # A negative sample fixes one bit more than its complement, as SoX counts.
        top |= ~(_integer(minimum) << 1) & 0xFFFFFFFF
    return 32 - top.bit_length()


def overall(channels: Sequence[ChannelStatistics]) -> ChannelStatistics:
    """Return the figures of all channels together, each by the manual's rule."""
    if len(channels) == 1:
        return channels[0]
    count = len(channels)
    power = sum(10 ** (each.rms_db / 10) for each in channels) / count
    squares = sum(10 ** (each.flat_factor_db / 20) * each.peak_count for each in channels)
    peaks = sum(each.peak_count for each in channels)
    lowest = min(each.minimum for each in channels)
    highest = max(each.maximum for each in channels)
    down_to = max(each.bit_depth[1] for each in channels)
    return ChannelStatistics(
        dc_offset=max((each.dc_offset for each in channels), key=abs),
        minimum=lowest,
        maximum=highest,
        peak_db=max(each.peak_db for each in channels),
        rms_db=_db(power),
        rms_peak_db=max(each.rms_peak_db for each in channels),
        rms_trough_db=min(each.rms_trough_db for each in channels),
        crest_factor=math.nan,
        flat_factor_db=20 * math.log10(squares / peaks),
        peak_count=peaks / count,
        bit_depth=(down_to - _fixed_bits(lowest, highest) if down_to else 0, down_to),
    )


def stats(
    waveform: torch.Tensor, sample_rate: float, *, window_s: float = 0.05
) -> WaveformStatistics:
    """Measure a waveform as SoX's ``stats`` does.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(channels, time)`` or ``(time,)``.
    sample_rate : float
        Rate in Hz.
    window_s : float, default: 0.05
        Time constant of the window for the RMS peak and trough in seconds, 0.01 to 10.

    Returns
    -------
    WaveformStatistics
        Levels of every channel; ``print`` shows them as the program does.

    Raises
    ------
    ValueError
        If there are no samples, more than two dimensions, or the window is out of range.

    Examples
    --------
    >>> import torch
    >>> figures = stats(torch.tensor([0.5, -0.5, 0.25, 0.25]), 8_000)
    >>> figures.overall.peak_count, round(figures.overall.rms_db, 2)
    (2, -8.06)
    """
    rows = channel_rows(waveform)
    check_range(window_s, "window_s", 0.01, 10.0, unit="s")
    rate = check_positive(sample_rate, "sample_rate", unit="Hz")
    if rows.shape[-1] == 0:
        raise ValueError("waveform has no samples to measure")
    counters = [ChannelCounter(rate, window_s) for _ in rows]
    for counter, row in zip(counters, rows, strict=True):
        counter.add(row)
    channels = tuple(each.result() for each in counters)
    return WaveformStatistics(channels, overall(channels), rows.shape[-1], rate, window_s)
