"""Waveforms over time: amplitude against seconds, with no peak lost however long the signal is.

A line of a million samples on a thousand pixels is drawn through the lowest and the highest sample
of each stretch of time: every drawn point is a true sample at its true time. Amplitude is linear
with full scale at 1; two dashed lines mark full scale once the signal reaches it.
"""

from __future__ import annotations

import numpy as np
import torch
from matplotlib.axes import Axes
from numpy.typing import NDArray

from audiolab._validation import check_choice, check_positive, check_sample_rate
from audiolab.display._panels import (
    AxesLike,
    AxesResult,
    channel_title,
    channels_of,
    panels,
    result,
)
from audiolab.display.style import add_legend, set_title, style_context

__all__ = ["plot_waveform"]

#: Twice the pixels across a wide figure: below it each sample is drawn.
MAX_POINTS = 4_000


@style_context()
def plot_waveform(
    waveform: torch.Tensor,
    sample_rate: int,
    *,
    title: str,
    channels: str = "stacked",
    start_s: float = 0.0,
    limit: float | None = None,
    label: str | None = None,
    ax: AxesLike = None,
) -> AxesResult:
    """Plot a waveform against time in seconds.

    Parameters
    ----------
    waveform : Tensor
        Samples of shape (time,) or (channels, time), full scale at 1.
    sample_rate : int
        Sample rate in Hz.
    title : str
        What the figure shows; it is also its alternative text.
    channels : {"stacked", "overlaid"}, default: "stacked"
        One panel for each channel, or all in one.
    start_s : float, default: 0.0
        Time of the first sample, for a stretch cut from a longer signal.
    limit : float, optional
        Amplitude at the upper edge; the lower edge is its negative. Default: 5 % above the peak.
    label : str, optional
        Name for the legend, when several signals are drawn into the same `ax`.
    ax : Axes or sequence of Axes, optional
        Where to draw: one Axes for each panel. Default: a new figure.

    Returns
    -------
    Axes or ndarray of Axes
        The panel, or one for each channel.

    Raises
    ------
    ValueError
        Empty, NaN or infinite samples, or a wrong number of Axes.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> time_s = torch.arange(800) / 8000
    >>> axes = plot_waveform(torch.sin(2 * torch.pi * 50 * time_s), 8000, title="A 50 Hz tone")
    >>> axes.get_xlabel()
    'Time (s)'
    >>> plt.close()
    """
    data = channels_of(waveform)
    sample_rate = check_sample_rate(sample_rate)
    check_choice(channels, "channels", ("stacked", "overlaid"))
    peak = float(data.abs().max())
    limit = 1.05 * (peak or 1.0) if limit is None else check_positive(limit, "limit")
    count = len(data) if channels == "stacked" else 1
    axes = panels(ax, count, height=1.9 if count > 1 else 2.5)

    for index, samples in enumerate(data):
        panel = axes[index if channels == "stacked" else 0]
        time_s, amplitude = envelope(samples.numpy(), sample_rate, start_s=start_s)
        name = label
        if channels == "overlaid" and len(data) > 1:
            name = channel_title(label or "", index, len(data)).removeprefix(" – ")
        panel.plot(time_s, amplitude, linewidth=0.9, label=name)
    for index, panel in enumerate(axes):
        set_title(panel, channel_title(title, index, count))
        _dress(panel, start_s, start_s + data.shape[-1] / sample_rate, limit, peak)
        add_legend(panel)
    axes[-1].set_xlabel("Time (s)")
    return result(axes)


def envelope(
    samples: NDArray[np.floating],
    sample_rate: int,
    *,
    start_s: float = 0.0,
    max_points: int = MAX_POINTS,
) -> tuple[NDArray[np.float64], NDArray[np.floating]]:
    """Return the times and values to draw: all samples, or each stretch's lowest and highest."""
    length = len(samples)
    if length <= max_points:
        chosen = np.arange(length)
    else:
        # Whole stretches as a matrix; what is left at the end is one stretch more.
        stretch = -(-2 * length // max_points)
        whole = length // stretch
        rows = samples[: whole * stretch].reshape(whole, stretch)
        first = np.arange(whole) * stretch
        marks = [first + rows.argmin(axis=1), first + rows.argmax(axis=1)]
        tail = samples[whole * stretch :]
        if len(tail):
            marks.append(whole * stretch + np.array([tail.argmin(), tail.argmax()]))
        chosen = np.unique(np.concatenate([*marks, [0, length - 1]]))
    return start_s + chosen / sample_rate, samples[chosen]


def _dress(panel: Axes, start_s: float, stop_s: float, limit: float, peak: float) -> None:
    if peak >= 1.0:
        for full_scale in (-1.0, 1.0):
            panel.axhline(full_scale, color="#8a1c1c", linestyle="--", linewidth=0.9)
    panel.set_xlim(start_s, stop_s)
    panel.set_ylim(-limit, limit)
    panel.set_ylabel("Amplitude (FS)")
    panel.label_outer()
