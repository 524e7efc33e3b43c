r"""What a system makes of a sweep: the frequency that went in against all that came out.

The sweep of :func:`audiolab.signals.log_sweep` follows :math:`f(t) = f_0 (f_1/f_0)^{t/T}`, so time
is relabelled as the frequency that went in, on a logarithmic axis. A system that only changes
levels leaves one ridge where both axes agree; an alias or image is a ridge that leaves it, and a
harmonic one that runs above. Levels are those of `plot_spectrogram`. The deconvolution that tells
harmonics apart (Farina's) is left out.
"""

from __future__ import annotations

import numpy as np
import torch

from audiolab._validation import check_choice, check_positive, check_sample_rate
from audiolab.display._panels import (
    AxesLike,
    AxesResult,
    channel_title,
    channels_of,
    panels,
    result,
)
from audiolab.display.spectrograms import (
    add_level_bar,
    frequency_axis,
    frequency_ticks,
    level_spectrogram_db,
    round_top_db,
)
from audiolab.display.style import LEVEL_COLORS, set_title, style_context

__all__ = ["plot_sweep"]


@style_context()
def plot_sweep(
    waveform: torch.Tensor,
    sample_rate: int,
    *,
    start_hz: float,
    stop_hz: float,
    title: str,
    n_fft: int = 512,
    hop: int | None = None,
    frequency_scale: str = "linear",
    range_db: float = 100.0,
    top_db: float | None = None,
    max_frequency_hz: float | None = None,
    colorbar: bool = True,
    ax: AxesLike = None,
) -> AxesResult:
    """Plot what came out against the frequency of the logarithmic sweep that went in.

    Parameters
    ----------
    waveform : Tensor
        What a system made of ``log_sweep(start_hz, stop_hz, ...)``: the whole sweep, undelayed, of
        shape (time,) or (channels, time).
    sample_rate : int
        Sample rate of `waveform` in Hz; it may differ from that of the sweep.
    start_hz : float
        Frequency in Hz with which the sweep began.
    stop_hz : float
        Frequency in Hz with which it ended, above `start_hz`.
    title : str
        What the figure shows; it is also its alternative text.
    n_fft : int, default: 512
        Window length in samples. The tone moves within a window, so longer ones blur the end.
    hop : int, optional
        Distance of frames in samples. Default: a quarter of `n_fft`.
    frequency_scale : {"linear", "log", "mel"}, default: "linear"
        Spacing of the axis of what came out; that of the sweep is logarithmic.
    range_db : float, default: 100.0
        Levels shown, in dB below the top.
    top_db : float, optional
        Level of the brightest colour in dBFS. Default: the loudest cell, rounded up to 5 dB.
    max_frequency_hz : float, optional
        Upper edge of the axis of what came out. Default: half the sample rate.
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
        The sweep does not rise, or samples are empty, NaN or infinite.

    See Also
    --------
    audiolab.signals.log_sweep : The sweep to send.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from audiolab import signals
    >>> sweep = signals.log_sweep(100, 3900, 1.0, 8000)
    >>> axes = plot_sweep(sweep, 8000, start_hz=100, stop_hz=3900, title="As it went in")
    >>> axes.get_xscale(), axes.get_yscale()
    ('log', 'linear')
    >>> plt.close()
    """
    data = channels_of(waveform)
    sample_rate = check_sample_rate(sample_rate)
    start_hz = check_positive(start_hz, "start_hz", unit="Hz")
    stop_hz = check_positive(stop_hz, "stop_hz", unit="Hz")
    if stop_hz <= start_hz:
        raise ValueError(
            f"stop_hz must be above start_hz, got a sweep from {start_hz:g} to {stop_hz:g} Hz"
        )
    check_choice(frequency_scale, "frequency_scale", ("linear", "log", "mel"))
    range_db = check_positive(range_db, "range_db", unit="dB")
    hop = hop or max(n_fft // 4, 1)

    levels = level_spectrogram_db(data, n_fft=n_fft, hop=hop)
    top_db = round_top_db(float(levels.max())) if top_db is None else float(top_db)
    bins, frames = levels.shape[1:]
    # Cells reach half a step to either side of their centres, and no cell leaves the sweep.
    share = np.clip((np.arange(frames + 1) - 0.5) * hop / data.shape[-1], 0.0, 1.0)
    share[-1] = 1.0
    edges_hz = np.clip((np.arange(bins + 1) - 0.5) * sample_rate / n_fft, 0.0, sample_rate / 2)
    axes = panels(ax, len(data), height=2.2 if len(data) > 1 else 2.9)
    for index, panel in enumerate(axes):
        mesh = panel.pcolormesh(
            start_hz * (stop_hz / start_hz) ** share,
            edges_hz,
            levels[index].clamp(min=top_db - range_db).numpy(),
            cmap=LEVEL_COLORS,
            vmin=top_db - range_db,
            vmax=top_db,
            rasterized=True,
        )
        panel.grid(visible=False)
        panel.set_xscale("log")
        panel.set_xlim(start_hz, stop_hz)
        frequency_ticks(panel, "log", stop_hz, axis="x")
        set_title(panel, channel_title(title, index, len(data)))
        frequency_axis(panel, frequency_scale, sample_rate, n_fft, max_frequency_hz)
        panel.set_ylabel("Came out (kHz)")
        panel.label_outer()
    axes[-1].set_xlabel("Went in: frequency of the sweep (kHz)")
    if colorbar:
        add_level_bar(axes, mesh, top_db, range_db)
    return result(axes)
