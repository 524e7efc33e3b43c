r"""Feature matrices with time and hertz on their axes, differences, and filter banks.

A feature ``(value, frame)`` is drawn as it is stored, every row equally tall and every frame
centred on its time :math:`t_0 + k \cdot hop / rate`. Rows that belong to frequencies are labelled
by them, whether they are a DFT's bins or mel bands; others are counted. Nothing is scaled or
clamped but by the limits written on the colour bar. Interactive pictures are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from numpy.typing import NDArray

from audiolab._validation import check_choice, check_positive, check_range, check_sample_rate
from audiolab.display._panels import AxesLike, AxesResult, panels, result
from audiolab.display.spectrograms import frequency_ticks, hz_to_mel, mel_to_hz
from audiolab.display.style import LEVEL_COLORS, set_title, style_context

__all__ = ["plot_feature", "plot_feature_comparison", "plot_filterbank"]

#: Blue below zero, red above, white at zero.
SIGNED_COLORS = "RdBu_r"

#: Up to so many bins across the panel each one gets a dot.
MOST_DOTS = 100

MARKS_HZ = (125, 250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000)


@style_context()
def plot_feature(
    feature: torch.Tensor,
    sample_rate: int,
    *,
    title: str,
    hop_length: int,
    frequencies_hz: torch.Tensor | None = None,
    rows: str = "Row",
    unit: str = "dB",
    limits: tuple[float, float] | None = None,
    signed: bool = False,
    start_s: float = 0.0,
    colorbar: bool = True,
    ax: AxesLike = None,
) -> Axes:
    """Plot a feature matrix over time, its rows labelled in kHz where they have a frequency.

    Parameters
    ----------
    feature : Tensor
        Values of shape (value, frame), such as a log-mel spectrogram or cepstral coefficients.
    sample_rate : int
        Sample rate in Hz of the waveform that the feature was taken of.
    title : str
        What the figure shows; it is also its alternative text.
    hop_length : int
        Samples from one frame to the next.
    frequencies_hz : Tensor, optional
        Frequency in Hz of each row, rising. Default: rows are counted from 0.
    rows : str, default: "Row"
        What a row is, where rows have no frequency.
    unit : str, default: "dB"
        What is written on the colour bar.
    limits : tuple of float, optional
        Lowest and highest value of the colours. Default: those of the feature.
    signed : bool, default: False
        Whether zero lies in the middle of the colours, with blue below and red above.
    start_s : float, default: 0.0
        Time of the first frame's middle, in seconds.
    colorbar : bool, default: True
        Whether to draw the colour bar.
    ax : Axes, optional
        Where to draw. Default: a new figure.

    Returns
    -------
    Axes
        The panel.

    Raises
    ------
    ValueError
        Empty, NaN or infinite values, not two dimensions, or frequencies that don't rise or are
        not as many as rows.

    See Also
    --------
    plot_spectrogram : The spectrogram of a waveform in dBFS, computed on the way.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from audiolab.features import log_mel_spectrogram, mel_frequencies
    >>> level = log_mel_spectrogram(torch.randn(16_000), 16_000, n_fft=512, n_mels=40)
    >>> centres_hz = mel_frequencies(16_000, n_mels=40)
    >>> axes = plot_feature(
    ...     level, 16_000, title="Noise", hop_length=128, frequencies_hz=centres_hz
    ... )
    >>> axes.get_ylabel()
    'Frequency (kHz)'
    >>> plt.close()
    """
    values = _matrix(feature, "feature")
    sample_rate = check_sample_rate(sample_rate)
    centres = _centres(frequencies_hz, len(values))
    (panel,) = panels(ax, 1, height=2.9, what="feature")
    colors = SIGNED_COLORS if signed else LEVEL_COLORS
    times = _times(hop_length, sample_rate, start_s)
    mesh = _draw(panel, values, _limits([values], limits, signed=signed), colors, times)
    _axes_of_rows(panel, centres, len(values), rows)
    panel.set_xlabel("Time (s)")
    set_title(panel, title)
    if colorbar:
        _bar([panel], mesh, unit)
    return panel


@style_context()
def plot_feature_comparison(
    features: Sequence[torch.Tensor],
    sample_rate: int,
    titles: Sequence[str],
    *,
    hop_length: int,
    frequencies_hz: torch.Tensor | None = None,
    rows: str = "Row",
    unit: str = "dB",
    limits: tuple[float, float] | None = None,
    signed: bool = False,
    start_s: float = 0.0,
    difference_limit: float | None = None,
    title: str | None = None,
    ax: AxesLike = None,
) -> AxesResult:
    """Plot two features on one scale, and their difference below them.

    Parameters
    ----------
    features : sequence of 2 Tensor
        The features, of one shape (value, frame).
    sample_rate : int
        Sample rate in Hz of the waveform that the features were taken of.
    titles : sequence of 2 str
        Name of each feature.
    hop_length : int
        Samples from one frame to the next.
    frequencies_hz, rows, unit, limits, signed, start_s
        As for `plot_feature`, for both.
    difference_limit : float, optional
        Largest absolute difference of the colours. Default: the largest there is.
    title : str, optional
        Title of the whole figure.
    ax : sequence of 3 Axes, optional
        Where to draw. Default: a new figure.

    Returns
    -------
    ndarray of Axes
        The panels: first, second, second minus first. The last one's title tells the largest
        absolute difference and the root of the mean square.

    Raises
    ------
    ValueError
        Not two features and titles, shapes that differ, or values as for `plot_feature`.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> level = torch.rand(20, 50)
    >>> axes = plot_feature_comparison(
    ...     [level, level + 0.5], 16_000, ["ours", "theirs"], hop_length=160
    ... )
    >>> axes[2].get_title()
    'theirs minus ours: at most 0.5 dB, RMS 0.5 dB'
    >>> plt.close()
    """
    if len(features) != 2 or len(titles) != 2:
        raise ValueError(
            f"features and titles must be two each, got {len(features)} and {len(titles)}"
        )
    first, second = (_matrix(each, f"features[{i}]") for i, each in enumerate(features))
    if first.shape != second.shape:
        raise ValueError(
            f"features must be of one shape, got {first.shape} and {second.shape}: cut them to the "
            "same frames"
        )
    sample_rate = check_sample_rate(sample_rate)
    centres = _centres(frequencies_hz, len(first))
    axes = panels(ax, 3, height=1.8, what="feature and the difference")
    difference = second - first
    largest = float(np.abs(difference).max())
    rms = float(np.sqrt(np.mean(np.square(difference))))
    both = _limits([first, second], limits, signed=signed)
    reach = (largest or 1.0) if difference_limit is None else float(difference_limit)
    colors = SIGNED_COLORS if signed else LEVEL_COLORS
    times = _times(hop_length, sample_rate, start_s)
    mesh = _draw(axes[0], first, both, colors, times)
    _draw(axes[1], second, both, colors, times)
    apart = _draw(axes[2], difference, (-reach, reach), SIGNED_COLORS, times)
    written = f"{titles[1]} minus {titles[0]}: at most {largest:.3g} {unit}, RMS {rms:.3g} {unit}"
    for panel, name in zip(axes, (*titles, written), strict=True):
        _axes_of_rows(panel, centres, len(first), rows)
        set_title(panel, name)
    axes[-1].set_xlabel("Time (s)")
    _bar(axes[:2], mesh, unit)
    _bar(axes[2:], apart, unit)
    if title is not None:
        axes[0].figure.suptitle(title, fontsize=12, fontweight="bold", color="#14171b")
    return result(axes)


@style_context()
def plot_filterbank(
    bank: torch.Tensor,
    sample_rate: int,
    *,
    title: str,
    frequency_scale: str = "linear",
    min_frequency_hz: float = 0.0,
    max_frequency_hz: float | None = None,
    ax: AxesLike = None,
) -> Axes:
    """Plot the bands of a filter bank over frequency, and say how many are empty.

    Parameters
    ----------
    bank : Tensor
        Weights of shape (band, bin), bins from 0 to half the sample rate.
    sample_rate : int
        Sample rate in Hz.
    title : str
        What the figure shows; it is also its alternative text.
    frequency_scale : {"linear", "log", "mel"}, default: "linear"
        Spacing of the frequency axis.
    min_frequency_hz : float, default: 0.0
        Lower edge of the frequency axis; the logarithmic one starts at 20 Hz or above.
    max_frequency_hz : float, optional
        Upper edge of the frequency axis. Default: half the sample rate.
    ax : Axes, optional
        Where to draw. Default: a new figure.

    Returns
    -------
    Axes
        The panel. Where at most 100 bins fit into it, dots mark what a band has at each bin.

    Raises
    ------
    ValueError
        Not a matrix with two bins or more, NaN or infinite weights, or edges that don't rise.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from audiolab.features import mel_filterbank
    >>> bank = mel_filterbank(16_000, n_fft=512, n_mels=12, mel_norm=None)
    >>> axes = plot_filterbank(bank, 16_000, title="Twelve mel bands")
    >>> len(axes.get_lines())
    12
    >>> plt.close()
    """
    weights = _matrix(bank, "bank")
    sample_rate = check_sample_rate(sample_rate)
    check_choice(frequency_scale, "frequency_scale", ("linear", "log", "mel"))
    nyquist = sample_rate / 2
    top = nyquist if max_frequency_hz is None else float(max_frequency_hz)
    if not 0 <= min_frequency_hz < top <= nyquist:
        raise ValueError(
            f"the frequency axis must rise within 0 to {nyquist:g} Hz, got {min_frequency_hz:g} "
            f"to {top:g} Hz"
        )
    if weights.shape[1] < 2:
        raise ValueError(f"bank must have 2 bins or more, got shape {weights.shape}")
    bins = np.linspace(0.0, nyquist, weights.shape[1])
    (panel,) = panels(ax, 1, height=2.7, what="filter bank")
    shown = int(((bins >= min_frequency_hz) & (bins <= top)).sum())
    style: dict[str, Any] = {"linestyle": "-", "linewidth": 1.0}
    if shown <= MOST_DOTS:
        style |= {"marker": "o", "markersize": 3.0}
    for index, row in enumerate(weights):
        touched = np.flatnonzero(row)
        if len(touched) == 0:
            continue
        # One zero to either side closes the triangle.
        part = slice(max(touched[0] - 1, 0), touched[-1] + 2)
        panel.plot(bins[part], row[part], color=f"C{index % 6}", **style)
    if frequency_scale == "log":
        panel.set_xscale("log")
    elif frequency_scale == "mel":
        panel.set_xscale("function", functions=(hz_to_mel, mel_to_hz))
    low = max(min_frequency_hz, 20.0, bins[1] / 2) if frequency_scale == "log" else min_frequency_hz
    panel.set_xlim(low, top)
    visible = weights[:, (bins >= low) & (bins <= top)]
    highest = float(visible.max(initial=0.0))
    panel.set_ylim(0.0, 1.08 * (highest or 1.0))
    frequency_ticks(panel, frequency_scale, top, axis="x")
    panel.set_ylabel("Weight")
    empty = int((weights == 0).all(axis=1).sum())
    set_title(panel, f"{title} ({empty} of {len(weights)} empty)" if empty else title)
    return panel


def _matrix(values: torch.Tensor, name: str) -> NDArray[np.float64]:
    if not isinstance(values, torch.Tensor):
        raise TypeError(f"{name} must be a torch.Tensor, got {type(values).__name__}")
    if values.dim() != 2 or values.numel() == 0 or values.is_complex():
        raise ValueError(
            f"{name} must be real and of shape (rows, columns), not empty, got {values.dtype} of "
            f"shape {tuple(values.shape)}: pick one item of the batch"
        )
    matrix: NDArray[np.float64] = values.detach().to("cpu", torch.float64).numpy()
    if not np.isfinite(matrix).all():
        raise ValueError(f"{name} holds NaN or infinite values")
    return matrix


def _centres(frequencies_hz: torch.Tensor | None, count: int) -> NDArray[np.float64] | None:
    if frequencies_hz is None:
        return None
    centres: NDArray[np.float64] = frequencies_hz.detach().to("cpu", torch.float64).numpy()
    if centres.shape != (count,) or (count > 1 and not (np.diff(centres) > 0).all()):
        raise ValueError(
            f"frequencies_hz must rise, one for each of the {count} rows, got shape {centres.shape}"
        )
    return centres


def _times(hop_length: int, sample_rate: int, start_s: float) -> tuple[float, float]:
    """Return the time of the first frame and the step between frames, in seconds."""
    return start_s, check_positive(hop_length, "hop_length", unit="samples") / sample_rate


def _limits(
    matrices: list[NDArray[np.float64]], limits: tuple[float, float] | None, *, signed: bool
) -> tuple[float, float]:
    if limits is None:
        low = min(float(each.min()) for each in matrices)
        high = max(float(each.max()) for each in matrices)
        if signed:
            high = max(abs(low), abs(high))
            low = -high
        return (low, high) if high > low else (low - 1.0, high + 1.0)
    low, high = limits
    check_range(high - low, "limits[1] - limits[0]", 0.0)
    return float(low), float(high)


def _draw(
    panel: Axes,
    values: NDArray[np.float64],
    limits: tuple[float, float],
    colors: str,
    times: tuple[float, float],
) -> QuadMesh:
    """Draw row r from r - 1/2 to r + 1/2, and each column around its time in seconds."""
    start_s, step_s = times
    edges_s = start_s + (np.arange(values.shape[1] + 1) - 0.5) * step_s
    mesh = panel.pcolormesh(
        edges_s,
        np.arange(values.shape[0] + 1) - 0.5,
        values,
        cmap=colors,
        vmin=limits[0],
        vmax=limits[1],
        rasterized=True,
    )
    panel.grid(visible=False)
    panel.set_xlim(edges_s[0], edges_s[-1])
    return mesh


def _axes_of_rows(panel: Axes, centres: NDArray[np.float64] | None, count: int, rows: str) -> None:
    panel.set_ylim(-0.5, count - 0.5)
    if centres is None or count < 2:
        panel.set_ylabel(rows)
        return
    steps = np.diff(centres)
    low, high = float(centres[0]), float(centres[-1])
    even = bool(np.allclose(steps, steps[0]))
    marks = _even_marks(low, high) if even else [m for m in MARKS_HZ if low <= m <= high]
    places = [float(np.interp(mark, centres, np.arange(count))) for mark in marks]
    # Octaves crowd at the lower end of a mel axis: the upper one of two that touch stays.
    apart = [
        index
        for index, place in enumerate(places)
        if index + 1 == len(places) or places[index + 1] - place > 0.1 * count
    ]
    panel.set_yticks([places[i] for i in apart], [f"{marks[i] / 1000:g}" for i in apart])
    panel.set_ylabel("Frequency (kHz)")


def _even_marks(low: float, high: float) -> list[float]:
    from matplotlib.ticker import MaxNLocator

    ticks = MaxNLocator(5, steps=[1, 2, 5, 10]).tick_values(low, high)
    return [float(tick) for tick in ticks if low <= tick <= high]


def _bar(axes: list[Axes], mesh: QuadMesh, unit: str) -> None:
    bar = axes[0].figure.colorbar(mesh, ax=axes, pad=0.02, aspect=14 * len(axes))
    bar.set_label(unit)
    bar.ax.tick_params(labelsize=9)
    bar.outline.set_visible(False)
