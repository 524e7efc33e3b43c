"""Several signals side by side, on the same scale: the picture that belongs to an A/B player.

Waveforms share their amplitude axis, spectrograms their frequency axis and their range of levels,
spectra one pair of axes. Nothing is normalised or aligned here: what differs in level or in time
looks different.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh

from audiolab._validation import check_choice, check_positive, check_sample_rate
from audiolab.display._panels import AxesLike, AxesResult, channels_of, panels, result
from audiolab.display.spectrograms import (
    add_level_bar,
    draw_levels,
    frequency_axis,
    frequency_ticks,
    hz_to_mel,
    level_spectrogram_db,
    mel_to_hz,
    power_mean_db,
    round_top_db,
    spectrum_db,
)
from audiolab.display.style import LINE_COLORS, LINE_STYLES, add_legend, set_title, style_context
from audiolab.display.waveforms import plot_waveform

__all__ = ["plot_comparison"]


@style_context()
def plot_comparison(
    waveforms: Sequence[torch.Tensor],
    sample_rate: int | Sequence[int],
    titles: Sequence[str],
    *,
    kind: str = "waveform",
    title: str | None = None,
    n_fft: int | None = None,
    frequency_scale: str = "linear",
    range_db: float = 80.0,
    top_db: float | None = None,
    ax: AxesLike = None,
) -> AxesResult:
    """Plot several waveforms, spectrograms or spectra on one scale.

    Parameters
    ----------
    waveforms : sequence of Tensor
        Signals of shape (time,) or (channels, time), full scale at 1. Channels are overlaid in
        waveforms, and their power is averaged in spectrograms and spectra.
    sample_rate : int or sequence of int
        Sample rate in Hz, or one for each signal.
    titles : sequence of str
        Name of each signal.
    kind : {"waveform", "spectrogram", "spectrum"}, default: "waveform"
        What to draw.
    title : str, optional
        Title of the whole figure; for spectra, of the panel.
    n_fft : int, optional
        Window length in samples. Default: 1024 for spectrograms and 4096 for spectra.
    frequency_scale : {"linear", "log", "mel"}, default: "linear"
        Spacing of the frequency axis.
    range_db : float, default: 80.0
        Levels shown, in dB below the top.
    top_db : float, optional
        Highest level shown. Default: the loudest of all, rounded up to 5 dB.
    ax : Axes or sequence of Axes, optional
        Where to draw: one for each signal, or a single one for spectra. Default: a new figure.

    Returns
    -------
    Axes or ndarray of Axes
        One panel for each signal, or a single one for spectra.

    Raises
    ------
    ValueError
        No signal, numbers of signals, titles and rates that differ, or samples that are empty, NaN
        or infinite.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> tone = torch.sin(torch.arange(4000) * 0.1)
    >>> axes = plot_comparison([tone, 0.5 * tone], 8000, ["before", "after"])
    >>> [panel.get_title() for panel in axes]
    ['before', 'after']
    >>> plt.close()
    """
    check_choice(kind, "kind", ("waveform", "spectrogram", "spectrum"))
    signals = [channels_of(w, f"waveforms[{index}]") for index, w in enumerate(waveforms)]
    if not signals:
        raise ValueError("waveforms must hold at least one signal")
    rates = [sample_rate] * len(signals) if isinstance(sample_rate, int) else list(sample_rate)
    rates = [check_sample_rate(rate) for rate in rates]
    if not len(signals) == len(titles) == len(rates):
        raise ValueError(
            f"waveforms, titles and sample_rate must be as many, "
            f"got {len(signals)}, {len(titles)} and {len(rates)}"
        )
    range_db = check_positive(range_db, "range_db", unit="dB")
    if kind == "waveform":
        chosen = _waveforms(signals, rates, titles, ax)
    elif kind == "spectrogram":
        chosen = _spectrograms(
            signals, rates, titles, n_fft or 1024, frequency_scale, range_db, top_db, ax
        )
    else:
        chosen = _spectra(
            signals, rates, titles, n_fft or 4096, frequency_scale, range_db, top_db, title, ax
        )
    if title is not None and kind != "spectrum":
        chosen[0].figure.suptitle(title, fontsize=12, fontweight="bold", color="#14171b")
    return result(chosen)


def _waveforms(
    signals: list[torch.Tensor], rates: list[int], titles: Sequence[str], ax: AxesLike
) -> list[Axes]:
    axes = panels(ax, len(signals), height=1.7, what="waveform")
    limit = 1.05 * (max(float(signal.abs().max()) for signal in signals) or 1.0)
    for panel, signal, rate, name in zip(axes, signals, rates, titles, strict=True):
        plot_waveform(signal, rate, title=name, channels="overlaid", limit=limit, ax=panel)
    _share_time(axes, signals, rates)
    return axes


def _spectrograms(
    signals: list[torch.Tensor],
    rates: list[int],
    titles: Sequence[str],
    n_fft: int,
    frequency_scale: str,
    range_db: float,
    top_db: float | None,
    ax: AxesLike,
) -> list[Axes]:
    axes = panels(ax, len(signals), height=2.0, what="waveform")
    # The same window in seconds at every rate, so that one tone looks the same in each panel.
    highest = max(rates)
    windows = [max(4, 2 * round(n_fft * rate / highest / 2)) for rate in rates]
    levels = [
        power_mean_db(level_spectrogram_db(signal, n_fft=window, hop=window // 4))
        for signal, window in zip(signals, windows, strict=True)
    ]
    if top_db is None:
        top_db = round_top_db(max(float(level.max()) for level in levels))
    for index, panel in enumerate(axes):
        window, rate, length = windows[index], rates[index], signals[index].shape[-1]
        draw_levels(panel, levels[index], rate, window, window // 4, length, top_db, range_db)
        frequency_axis(panel, frequency_scale, rate, window, highest / 2)
        set_title(panel, titles[index])
        panel.set_facecolor("#e4e6ea")  # above half of a lower sample rate there is no spectrum
        panel.label_outer()
    _share_time(axes, signals, rates)
    mesh = axes[0].collections[0]
    if isinstance(mesh, QuadMesh):
        add_level_bar(axes, mesh, top_db, range_db)
    return axes


def _spectra(
    signals: list[torch.Tensor],
    rates: list[int],
    titles: Sequence[str],
    n_fft: int,
    frequency_scale: str,
    range_db: float,
    top_db: float | None,
    title: str | None,
    ax: AxesLike,
) -> list[Axes]:
    check_choice(frequency_scale, "frequency_scale", ("linear", "log", "mel"))
    (panel,) = panels(ax, 1, height=3.0, what="figure")
    peaks = []
    for index, (signal, rate, name) in enumerate(zip(signals, rates, titles, strict=True)):
        level_db = spectrum_db(signal, n_fft=n_fft)
        frequency_hz = torch.arange(len(level_db)) * (rate / n_fft)
        peaks.append(float(level_db.max()))
        panel.plot(
            frequency_hz.numpy(),
            level_db.numpy(),
            color=LINE_COLORS[index % len(LINE_COLORS)],
            linestyle=LINE_STYLES[index % len(LINE_STYLES)],
            linewidth=1.3,
            label=name,
        )
    top_db = round_top_db(max(peaks)) if top_db is None else top_db
    highest = max(rates)
    if frequency_scale == "log":
        panel.set_xscale("log")
        panel.set_xlim(max(20.0, highest / n_fft), highest / 2)
    elif frequency_scale == "mel":
        panel.set_xscale("function", functions=(hz_to_mel, mel_to_hz))
        panel.set_xlim(0, highest / 2)
    else:
        panel.set_xlim(0, highest / 2)
    frequency_ticks(panel, frequency_scale, highest / 2, axis="x")
    panel.set_ylim(top_db - range_db, top_db)
    panel.set_ylabel("Level (dBFS)")
    set_title(panel, "Mean spectrum" if title is None else title)
    add_legend(panel)
    return [panel]


def _share_time(axes: list[Axes], signals: list[torch.Tensor], rates: list[int]) -> None:
    """Give every panel the longest signal's time axis."""
    stop_s = max(signal.shape[-1] / rate for signal, rate in zip(signals, rates, strict=True))
    for panel in axes:
        panel.set_xlim(0, stop_s)
        panel.set_xlabel("")
    axes[-1].set_xlabel("Time (s)")
