r"""Spectrograms and spectra in decibels relative to full scale, with the range always stated.

A short-time Fourier transform with a periodic Hann window :math:`w`, frames centred on
:math:`k \cdot hop / rate` and zeros beyond the ends. Levels are
:math:`20 \log_{10} (2 |X| / \sum w)`, so that a full-scale sine on a bin's centre reads 0 dBFS
whatever the window length; noise reads lower the longer the window, as its power spreads over more
bins. Frequency axes are linear, logarithmic or mel (Slaney's); the picture is of the same bins in
each. Reassignment, constant-Q and filter-bank pictures are left out.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
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
from audiolab.display.style import LEVEL_COLORS, set_title, style_context

__all__ = ["plot_spectrogram"]

FREQUENCY_SCALES = ("linear", "log", "mel")

#: The log axis starts here, or at the first bin above.
LOWEST_LOG_HZ = 20.0


@style_context()
def plot_spectrogram(
    waveform: torch.Tensor,
    sample_rate: int,
    *,
    title: str,
    n_fft: int = 1024,
    hop: int | None = None,
    frequency_scale: str = "linear",
    range_db: float = 80.0,
    top_db: float | None = None,
    reference: str = "full_scale",
    max_frequency_hz: float | None = None,
    colorbar: bool = True,
    ax: AxesLike = None,
) -> AxesResult:
    """Plot a spectrogram, with its range of levels written on the colour bar.

    Parameters
    ----------
    waveform : Tensor
        Samples of shape (time,) or (channels, time), full scale at 1.
    sample_rate : int
        Sample rate in Hz.
    title : str
        What the figure shows; it is also its alternative text.
    n_fft : int, default: 1024
        Window length in samples.
    hop : int, optional
        Distance of frames in samples. Default: a quarter of `n_fft`.
    frequency_scale : {"linear", "log", "mel"}, default: "linear"
        Spacing of the frequency axis.
    range_db : float, default: 80.0
        Levels shown, in dB below the top.
    top_db : float, optional
        Level of the brightest colour. Default: the loudest cell, rounded up to 5 dB.
    reference : {"full_scale", "peak"}, default: "full_scale"
        What 0 dB stands for: a full-scale sine, or this signal's loudest cell.
    max_frequency_hz : float, optional
        Upper edge of the frequency axis. Default: half the sample rate.
    colorbar : bool, default: True
        Whether to draw the colour bar.
    ax : Axes or sequence of Axes, optional
        Where to draw: one Axes for each channel. Default: a new figure.

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
    >>> time_s = torch.arange(8000) / 8000
    >>> tone = 0.5 * torch.sin(2 * torch.pi * 1000 * time_s)
    >>> axes = plot_spectrogram(tone, 8000, title="A 1 kHz tone at -6 dBFS")
    >>> axes.collections[0].get_clim()
    (-85.0, -5.0)
    >>> plt.close()
    """
    data = channels_of(waveform)
    sample_rate = check_sample_rate(sample_rate)
    check_choice(frequency_scale, "frequency_scale", FREQUENCY_SCALES)
    check_choice(reference, "reference", ("full_scale", "peak"))
    range_db = check_positive(range_db, "range_db", unit="dB")
    hop = hop or max(n_fft // 4, 1)

    levels = level_spectrogram_db(data, n_fft=n_fft, hop=hop)
    unit = "dBFS"
    if reference == "peak":
        levels, unit = levels - levels.max(), "dB re peak"
    top_db = round_top_db(float(levels.max())) if top_db is None else float(top_db)

    axes = panels(ax, len(data), height=2.2 if len(data) > 1 else 2.9)
    for index, panel in enumerate(axes):
        mesh = draw_levels(
            panel, levels[index], sample_rate, n_fft, hop, data.shape[-1], top_db, range_db
        )
        set_title(panel, channel_title(title, index, len(data)))
        frequency_axis(panel, frequency_scale, sample_rate, n_fft, max_frequency_hz)
        panel.label_outer()
    axes[-1].set_xlabel("Time (s)")
    if colorbar:
        add_level_bar(axes, mesh, top_db, range_db, unit)
    return result(axes)


def level_spectrogram_db(
    waveform: torch.Tensor, *, n_fft: int = 1024, hop: int = 256, center: bool = True
) -> torch.Tensor:
    """Compute the levels of a short-time Fourier transform in dBFS.

    Parameters
    ----------
    waveform : Tensor
        Samples of shape (..., time).
    n_fft : int, default: 1024
        Window length in samples.
    hop : int, default: 256
        Distance of frames in samples.
    center : bool, default: True
        Whether frames are centred on multiples of `hop`, with zeros beyond the ends; otherwise they
        start there and lie wholly inside.

    Returns
    -------
    Tensor
        Levels of shape (..., n_fft // 2 + 1, frame); silence is -inf.
    """
    if n_fft < 2 or hop < 1:
        raise ValueError(f"n_fft must be at least 2 and hop at least 1, got {n_fft} and {hop}")
    window = torch.hann_window(n_fft, dtype=waveform.dtype)
    flat = waveform.reshape(-1, waveform.shape[-1])
    transform = torch.stft(
        flat, n_fft, hop, window=window, center=center, pad_mode="constant", return_complex=True
    )
    amplitude = 2.0 * transform.abs() / window.sum()
    # The first and the last bin hold one line of the spectrum, the others a mirrored pair.
    amplitude[:, 0] *= 0.5
    if n_fft % 2 == 0:
        amplitude[:, -1] *= 0.5
    levels: torch.Tensor = 20.0 * amplitude.log10()
    return levels.reshape(*waveform.shape[:-1], *amplitude.shape[-2:])


def spectrum_db(waveform: torch.Tensor, *, n_fft: int = 4096) -> torch.Tensor:
    """Compute the mean power spectrum over all frames and channels in dBFS (Welch's method).

    Parameters
    ----------
    waveform : Tensor
        Samples of shape (..., time).
    n_fft : int, default: 4096
        Window length in samples; frames overlap by half. Frames lie wholly inside the signal; one
        that is shorter than the window is filled up with zeros.

    Returns
    -------
    Tensor
        Levels of shape (n_fft // 2 + 1,).
    """
    flat = waveform.reshape(-1, waveform.shape[-1])
    if flat.shape[-1] < n_fft:
        flat = torch.nn.functional.pad(flat, (0, n_fft - flat.shape[-1]))
    window = torch.hann_window(n_fft, dtype=flat.dtype)
    frames = flat.unfold(-1, n_fft, max(n_fft // 2, 1)) * window
    amplitude = 2.0 * torch.fft.rfft(frames).abs() / window.sum()
    amplitude[..., 0] *= 0.5
    if n_fft % 2 == 0:
        amplitude[..., -1] *= 0.5
    power = amplitude.square().mean(dim=(0, 1))
    levels: torch.Tensor = 10.0 * power.log10()
    return levels


def power_mean_db(levels_db: torch.Tensor) -> torch.Tensor:
    """Average levels of shape (channels, ...) over the channels, by their power."""
    mean: torch.Tensor = 10.0 * (10.0 ** (levels_db / 10.0)).mean(dim=0).log10()
    return mean


def round_top_db(peak_db: float) -> float:
    """Return the next multiple of 5 dB at or above `peak_db`; 0 for silence."""
    return 5.0 * math.ceil(round(peak_db, 3) / 5.0) + 0.0 if math.isfinite(peak_db) else 0.0


def add_level_bar(
    axes: list[Axes], mesh: QuadMesh, top_db: float, range_db: float, unit: str = "dBFS"
) -> None:
    """Put one colour bar beside `axes` that says what its colours mean and where they end."""
    bar = axes[0].figure.colorbar(mesh, ax=axes, pad=0.02, aspect=18 * len(axes))
    bar.set_label(f"{unit} ({range_db:g} dB range)")
    bar.ax.tick_params(labelsize=9)
    bar.outline.set_visible(False)


def draw_levels(
    panel: Axes,
    levels: torch.Tensor,
    sample_rate: int,
    n_fft: int,
    hop: int,
    num_samples: int,
    top_db: float,
    range_db: float,
) -> QuadMesh:
    """Draw levels of shape (bins, frame) with every cell at its time and frequency."""
    bins, frames = levels.shape
    # Each cell reaches half a step to either side of its centre, and no cell leaves the signal.
    time_edges = np.clip((np.arange(frames + 1) - 0.5) * hop, 0, num_samples) / sample_rate
    time_edges[-1] = num_samples / sample_rate
    step_hz = sample_rate / n_fft
    frequency_edges = np.clip((np.arange(bins + 1) - 0.5) * step_hz, 0, sample_rate / 2)
    shown = levels.clamp(min=top_db - range_db).numpy()
    mesh = panel.pcolormesh(
        time_edges,
        frequency_edges,
        shown,
        cmap=LEVEL_COLORS,
        vmin=top_db - range_db,
        vmax=top_db,
        rasterized=True,
    )
    panel.grid(visible=False)
    panel.set_xlim(0, num_samples / sample_rate)
    return mesh


def frequency_axis(
    panel: Axes, scale: str, sample_rate: int, n_fft: int, max_frequency_hz: float | None
) -> None:
    """Give a panel its frequency axis."""
    top_hz = sample_rate / 2 if max_frequency_hz is None else float(max_frequency_hz)
    if scale == "log":
        panel.set_yscale("log")
        panel.set_ylim(max(LOWEST_LOG_HZ, 0.5 * sample_rate / n_fft), top_hz)
    elif scale == "mel":
        panel.set_yscale("function", functions=(hz_to_mel, mel_to_hz))
        panel.set_ylim(0, top_hz)
    else:
        panel.set_ylim(0, top_hz)
    frequency_ticks(panel, scale, top_hz)


def frequency_ticks(panel: Axes, scale: str, top_hz: float, axis: str = "y") -> None:
    """Label a frequency axis in kHz: at 1-2-5 steps where it is warped."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter

    target = panel.yaxis if axis == "y" else panel.xaxis
    if scale != "linear":
        marks = [20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000]
        if scale == "mel":
            marks = [500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000]
        target.set_major_locator(FixedLocator([mark for mark in marks if mark <= top_hz]))
        target.set_minor_formatter(NullFormatter())
    target.set_major_formatter(FuncFormatter(lambda hertz, _: f"{hertz / 1000:g}"))
    target.set_label_text("Frequency (kHz)")


def hz_to_mel(frequency_hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convert hertz to Slaney's mel: linear to 1 kHz, logarithmic above."""
    frequency_hz = np.asarray(frequency_hz, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        upper = 15.0 + np.log(frequency_hz / 1000.0) * 27.0 / math.log(6.4)
    return np.where(frequency_hz < 1000.0, frequency_hz * 3.0 / 200.0, upper)


def mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convert Slaney's mel to hertz."""
    mel = np.asarray(mel, dtype=float)
    upper = 1000.0 * np.exp((mel - 15.0) * math.log(6.4) / 27.0)
    return np.where(mel < 15.0, mel * 200.0 / 3.0, upper)
