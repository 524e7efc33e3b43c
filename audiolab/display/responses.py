r"""Frequency responses of filters: magnitude in decibels, and phase where it is asked for.

A filter is its impulse response, or a pair ``(b, a)`` of coefficients of

.. math:: H(z) = \frac{\sum_k b_k z^{-k}}{\sum_k a_k z^{-k}}

evaluated in float64 on the unit circle by a zero-padded FFT, fine enough for a line at 0.7 Hz
spacing and 48 kHz. Poles and zeros, group delay and stability are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from audiolab._validation import check_choice, check_positive, check_sample_rate, check_waveform
from audiolab.display._panels import AxesLike, AxesResult, panels, result
from audiolab.display.spectrograms import frequency_ticks
from audiolab.display.style import LINE_COLORS, LINE_STYLES, add_legend, set_title, style_context

__all__ = ["frequency_response", "plot_frequency_response"]

#: An impulse response, or numerator and denominator.
Filter: TypeAlias = torch.Tensor | tuple[torch.Tensor, torch.Tensor]

#: Points around the whole circle.
MIN_POINTS = 65_536


@style_context()
def plot_frequency_response(
    filters: Filter | Mapping[str, Filter],
    sample_rate: int,
    *,
    title: str,
    measured: Mapping[str, tuple[torch.Tensor, torch.Tensor]] | None = None,
    phase: bool = False,
    frequency_scale: str = "log",
    min_frequency_hz: float = 20.0,
    range_db: float = 80.0,
    top_db: float | None = None,
    ax: AxesLike = None,
) -> AxesResult:
    """Plot the magnitude response of one or several filters, with measured points if there are any.

    Parameters
    ----------
    filters : Tensor, tuple of two Tensors, or mapping
        An impulse response of shape (taps,), or coefficients ``(b, a)``; or a mapping from names to
        such filters. It may be empty when there are measured points.
    sample_rate : int
        Sample rate in Hz.
    title : str
        What the figure shows; it is also its alternative text.
    measured : mapping of str to (frequency_hz, level_db), optional
        Points to draw as markers beside the lines.
    phase : bool, default: False
        Whether to add a panel with the unwrapped phase in degrees.
    frequency_scale : {"log", "linear"}, default: "log"
        Spacing of the frequency axis.
    min_frequency_hz : float, default: 20.0
        Lower edge of a logarithmic axis.
    range_db : float, default: 80.0
        Largest range of levels shown, in dB below the top.
    top_db : float, optional
        Highest level shown. Default: the highest value, rounded up to 5 dB.
    ax : Axes or sequence of Axes, optional
        Where to draw: one Axes, or two with `phase`. Default: a new figure.

    Returns
    -------
    Axes or ndarray of Axes
        The magnitude's panel, or the magnitude's and the phase's.

    Raises
    ------
    ValueError
        No filter and no points, coefficients that are not one-dimensional, or ``a`` without any
        value other than zero.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> average = torch.full((8,), 1 / 8)
    >>> axes = plot_frequency_response(average, 8000, title="Mean of eight samples")
    >>> axes.get_ylabel()
    'Gain (dB)'
    >>> plt.close()
    """
    sample_rate = check_sample_rate(sample_rate)
    check_choice(frequency_scale, "frequency_scale", ("log", "linear"))
    range_db = check_positive(range_db, "range_db", unit="dB")
    named = dict(filters) if isinstance(filters, Mapping) else {"": filters}
    measured = {} if measured is None else dict(measured)
    if not named and not measured:
        raise ValueError("filters must hold at least one filter, or measured one set of points")

    axes = panels(ax, 2 if phase else 1, height=2.6, what="quantity", share_y=False)
    highest: list[float] = []
    lowest: list[float] = []
    for index, (name, filter_) in enumerate(named.items()):
        frequency_hz, response = frequency_response(filter_, sample_rate)
        with np.errstate(divide="ignore"):
            level_db = 20.0 * np.log10(np.abs(response))
        highest.append(float(level_db.max()))
        lowest.append(float(level_db.min()))
        look = {
            "color": LINE_COLORS[index % len(LINE_COLORS)],
            "linestyle": LINE_STYLES[index % len(LINE_STYLES)],
            "label": name or None,
        }
        axes[0].plot(frequency_hz, level_db, **look)
        if phase:
            # A zero on the circle has no phase; the gap says so.
            angle = np.where(np.abs(response) > 0, np.angle(response), np.nan)
            seen = np.isfinite(angle)
            angle[seen] = np.degrees(np.unwrap(angle[seen]))
            axes[1].plot(frequency_hz, angle, **look)
    for index, (name, (where_hz, level)) in enumerate(measured.items()):
        points = np.asarray(torch.as_tensor(level).detach().cpu(), dtype=float)
        highest.append(float(np.nanmax(points)))
        lowest.append(float(np.nanmin(points)))
        axes[0].plot(
            np.asarray(torch.as_tensor(where_hz).detach().cpu(), dtype=float),
            points,
            linestyle="none",
            marker="os^Dv"[index % 5],
            markersize=4.5,
            markerfacecolor="none",
            color=LINE_COLORS[(index + len(named)) % len(LINE_COLORS)],
            label=name,
        )

    top_db = 5.0 * np.ceil(round(max(highest), 3) / 5.0) + 5.0 if top_db is None else float(top_db)
    bottom_db = max(top_db - range_db, 5.0 * np.floor(min(lowest) / 5.0) - 5.0, -1e4)
    axes[0].set_ylim(bottom_db, top_db)
    axes[0].set_ylabel("Gain (dB)")
    set_title(axes[0], title)
    if phase:
        axes[1].set_ylabel("Phase (degrees)")
    for panel in axes:
        if frequency_scale == "log":
            panel.set_xscale("log")
            panel.set_xlim(min_frequency_hz, sample_rate / 2)
        else:
            panel.set_xlim(0, sample_rate / 2)
        frequency_ticks(panel, frequency_scale, sample_rate / 2, axis="x")
        panel.label_outer()
    if len(named) + len(measured) > 1:
        add_legend(axes[0])
    return result(axes)


def frequency_response(
    filter_: Filter, sample_rate: int
) -> tuple[NDArray[np.float64], NDArray[np.complex128]]:
    """Evaluate a filter from 0 Hz to half the sample rate, in equal steps.

    Parameters
    ----------
    filter_ : Tensor or tuple of two Tensors
        An impulse response of shape (taps,), or coefficients ``(b, a)``.
    sample_rate : int
        Sample rate in Hz.

    Returns
    -------
    frequency_hz : ndarray
        Frequencies in Hz.
    response : ndarray
        Complex gain at each.
    """
    parts = filter_ if isinstance(filter_, tuple) else (filter_,)
    if len(parts) not in (1, 2):
        raise ValueError(
            f"a filter is an impulse response or a pair (b, a), got {len(parts)} parts"
        )
    for name, part in zip(("b", "a"), parts, strict=False):
        check_waveform(part, name, allow_empty=False, finite=True)
        if part.dim() != 1:
            raise ValueError(f"{name} must have one dimension, got shape {tuple(part.shape)}")
    longest = max(len(part) for part in parts)
    points = max(MIN_POINTS, 1 << (2 * longest - 1).bit_length())
    numerator, *denominator = (
        torch.fft.rfft(part.detach().cpu().double(), points).numpy() for part in parts
    )
    response: NDArray[np.complex128] = numerator
    if denominator:
        if not np.any(denominator[0]):
            raise ValueError("a must hold a value other than zero")
        response = numerator / denominator[0]
    frequency_hz = np.arange(len(response), dtype=np.float64) * (sample_rate / points)
    return frequency_hz, response
