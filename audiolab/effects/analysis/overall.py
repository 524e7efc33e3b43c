"""SoX's ``stat``: one set of figures over all samples, in the order in which a file holds them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from audiolab._validation import check_positive, check_waveform

__all__ = ["OverallCounter", "OverallStatistics", "channel_rows", "stat"]

#: By what the program divides its 32-bit samples.
FULL_SCALE = 2.0**31 - 1


@dataclass(frozen=True)
class OverallStatistics:
    """What ``stat`` measures; ``str()`` of it is the program's text.

    Amplitudes are relative to full scale. Differences are taken between neighbours in a file, where
    the channels alternate.

    Parameters
    ----------
    num_samples : int
        Samples of all channels together.
    duration_s : float
        Duration in seconds.
    maximum, minimum, midline : float
        Largest and smallest sample, and the middle between them.
    mean_norm, mean, rms : float
        Mean magnitude, mean, and root of the mean square.
    maximum_delta, minimum_delta, mean_delta, rms_delta : float
        The same of the differences' magnitudes.
    rough_frequency_hz : float
        ``sqrt(sum d**2 / sum x**2) * rate / (2 pi)``, of samples `x` and differences `d`: the
        frequency of the sine that would have these.
    volume_adjustment : float
        Factor that would bring the peak to full scale; infinite for silence.
    scale : float, default: 2147483647.0
        Divisor of the 32-bit samples in the text.
    by_rms : bool, default: False
        Whether the text shows amplitudes relative to the RMS.
    only_volume : bool, default: False
        Whether the text is the volume adjustment alone.
    """

    num_samples: int
    duration_s: float
    maximum: float
    minimum: float
    midline: float
    mean_norm: float
    mean: float
    rms: float
    maximum_delta: float
    minimum_delta: float
    mean_delta: float
    rms_delta: float
    rough_frequency_hz: float
    volume_adjustment: float
    scale: float = FULL_SCALE
    by_rms: bool = False
    only_volume: bool = False

    def __str__(self) -> str:
        if self.only_volume:
            return f"{self.volume_adjustment:.3f}"
        factor = 1 / self.rms if self.by_rms and self.rms else 2.0**31 / self.scale
        scaled = ("Scaled by rms:", f"{self.rms:.6f}") if self.by_rms else None
        rows = [
            ("Samples read:", str(self.num_samples)),
            ("Length (seconds):", f"{self.duration_s:.6f}"),
            scaled or ("Scaled by:", f"{self.scale:.1f}"),
            *(
                (label, f"{value * factor:.6f}")
                for label, value in (
                    ("Maximum amplitude:", self.maximum),
                    ("Minimum amplitude:", self.minimum),
                    ("Midline amplitude:", self.midline),
                    ("Mean    norm:", self.mean_norm),
                    ("Mean    amplitude:", self.mean),
                    ("RMS     amplitude:", self.rms),
                    ("Maximum delta:", self.maximum_delta),
                    # The program starts with the first sample's difference from itself.
                    ("Minimum delta:", 0.0),
                    ("Mean    delta:", self.mean_delta),
                    ("RMS     delta:", self.rms_delta),
                )
            ),
        ]
        if math.isfinite(self.rough_frequency_hz):
            rows.append(("Rough   frequency:", str(int(self.rough_frequency_hz))))
        if math.isfinite(self.volume_adjustment):
            rows.append(("Volume adjustment:", f"{self.volume_adjustment:.3f}"))
        return "\n".join(f"{label:<18} {value:>12}" for label, value in rows)


class OverallCounter:
    """Count the figures of ``stat`` block by block.

    Parameters
    ----------
    sample_rate : float
        Rate in Hz.
    num_channels : int
        Channels.
    """

    def __init__(self, sample_rate: float, num_channels: int) -> None:
        self._rate, self._channels = sample_rate, num_channels
        self._count = 0
        self._last: torch.Tensor | None = None
        self._sums = torch.zeros(5, dtype=torch.float64)
        self._extremes = [-math.inf, math.inf, 0.0, math.inf]

    def add(self, block: torch.Tensor) -> None:
        """Count a block ``(channels, time)``."""
        samples = block.detach().double().T.reshape(-1)
        if samples.numel() == 0:
            return
        joined = samples if self._last is None else torch.cat([self._last, samples])
        delta = joined.diff().abs()
        self._last = samples[-1:]
        self._count += samples.numel()
        sums = (samples.abs(), samples, samples.square(), delta, delta.square())
        self._sums += torch.stack([each.sum() for each in sums]).cpu()
        top, bottom, widest, narrowest = self._extremes
        if delta.numel():
            widest = max(widest, float(delta.max()))
            narrowest = min(narrowest, float(delta.min()))
        self._extremes = [
            *(max(top, float(samples.max())), min(bottom, float(samples.min()))),
            *(widest, narrowest),
        ]

    def result(
        self, scale: float = FULL_SCALE, *, by_rms: bool = False, only_volume: bool = False
    ) -> OverallStatistics:
        """Return the figures so far; means of nothing are NaN."""
        count = self._count
        top, bottom, widest, narrowest = self._extremes if count else (0.0, 0.0, 0.0, 0.0)
        norm, total, power, delta, delta_power = self._sums.tolist()

        def mean(value: float, number: int) -> float:
            return value / number if number > 0 else math.nan

        rms = math.sqrt(mean(power, count))
        rms_delta = math.sqrt(mean(delta_power, count - 1))
        peak = max(top, -bottom)
        rough = math.nan
        if power:
            rough = math.sqrt(delta_power / power) * self._rate / (2 * math.pi)
        return OverallStatistics(
            num_samples=count,
            duration_s=count / self._rate / self._channels,
            maximum=top,
            minimum=bottom,
            midline=top / 2 + bottom / 2,
            mean_norm=mean(norm, count),
            mean=mean(total, count),
            rms=rms,
            maximum_delta=widest,
            minimum_delta=narrowest if math.isfinite(narrowest) else 0.0,
            mean_delta=mean(delta, count - 1),
            rms_delta=rms_delta,
            rough_frequency_hz=rough,
            volume_adjustment=1 / peak if peak > 0 else math.inf,
            scale=scale,
            by_rms=by_rms,
            only_volume=only_volume,
        )


def stat(waveform: torch.Tensor, sample_rate: float) -> OverallStatistics:
    """Measure a waveform as SoX's ``stat`` does.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(channels, time)`` or ``(time,)``.
    sample_rate : float
        Rate in Hz.

    Returns
    -------
    OverallStatistics
        The figures; ``print`` shows them as the program does.

    Raises
    ------
    ValueError
        If the waveform has more than two dimensions.

    Examples
    --------
    >>> import torch
    >>> figures = stat(torch.tensor([0.5, -0.5, 0.25, 0.25]), 8_000)
    >>> figures.maximum_delta, round(figures.rough_frequency_hz)
    (1.0, 2013)
    """
    rows = channel_rows(waveform)
    counter = OverallCounter(check_positive(sample_rate, "sample_rate", unit="Hz"), len(rows))
    counter.add(rows)
    return counter.result()


def channel_rows(waveform: torch.Tensor) -> torch.Tensor:
    """Return a waveform as ``(channels, time)``, or raise."""
    check_waveform(waveform)
    if waveform.ndim > 2:
        raise ValueError(
            f"waveform must be (channels, time) or (time,), got {tuple(waveform.shape)}"
        )
    return waveform if waveform.ndim == 2 else waveform[None]
