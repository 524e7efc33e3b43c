"""Rooms drawn: a plan with sources, seats and images, and the decay of energy.

Positions and decays are data: `audiolab.room` computes them. Sections through other planes than the
floor's are left out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle

from audiolab._validation import check_positive, check_sample_rate, check_waveform
from audiolab.display._panels import panels
from audiolab.display.style import LINE_COLORS, add_legend, set_title, style_context

__all__ = ["plot_energy_decay", "plot_room"]


@style_context()
def plot_room(
    room_m: Sequence[float] | torch.Tensor,
    *,
    title: str,
    sources_m: Mapping[str, Sequence[float] | torch.Tensor] | None = None,
    microphones_m: Mapping[str, Sequence[float] | torch.Tensor] | None = None,
    images_m: torch.Tensor | None = None,
    orders: torch.Tensor | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the plan of a box: walls, sources, microphones, and the rooms behind the mirrors.

    Parameters
    ----------
    room_m : sequence of float or Tensor
        Length, width and height in metres; the last may be missing.
    title : str
        What the figure shows.
    sources_m : mapping of str to position, optional
        Name and position of the sources.
    microphones_m : mapping of str to position, optional
        Name and position of the microphones.
    images_m : Tensor, optional
        Positions of image sources, ``(images, 2 or 3)``, drawn as dots that fade with the order;
        the mirrored rooms are outlined.
    orders : Tensor, optional
        Reflections of each image, ``(images,)``; needed with `images_m`.
    ax : Axes, optional
        Where to draw. Default: a new figure.

    Returns
    -------
    Axes
        The panel, both axes in metres at one scale.

    Raises
    ------
    ValueError
        If a side is not above zero, or images and orders do not belong together.

    See Also
    --------
    audiolab.room.image_sources : Positions and orders of images.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> axes = plot_room([5, 4, 3], title="A room", sources_m={"voice": [1, 2, 1.5]})
    >>> axes.get_xlabel()
    'Length (m)'
    >>> plt.close()
    """
    length, width = (check_positive(float(side), "room_m", unit="m") for side in list(room_m)[:2])
    if (images_m is None) != (orders is None) or (
        images_m is not None and orders is not None and len(images_m) != len(orders)
    ):
        raise ValueError("images_m and orders belong together: one order for each image")
    (panel,) = panels(ax, 1, height=4.2)
    if images_m is not None and orders is not None:
        _draw_images(panel, np.asarray(images_m), np.asarray(orders), length, width)
    panel.add_patch(Rectangle((0, 0), length, width, fill=False, linewidth=1.8, zorder=3))
    for places, marker, color in (
        (sources_m, "*", LINE_COLORS[1]),
        (microphones_m, "o", LINE_COLORS[0]),
    ):
        for name, at in (places or {}).items():
            x, y = (float(each) for each in list(at)[:2])
            panel.plot([x], [y], marker, color=color, markersize=9, zorder=4)
            panel.annotate(name, (x, y), xytext=(6, 5), textcoords="offset points", zorder=5)
    if images_m is None:
        panel.set(xlim=(-0.05 * length, 1.05 * length), ylim=(-0.05 * width, 1.05 * width))
    panel.set(xlabel="Length (m)", ylabel="Width (m)", aspect="equal")
    panel.grid(visible=False)
    set_title(panel, title)
    return panel


def _draw_images(
    panel: Axes, at: np.ndarray, orders: np.ndarray, length: float, width: float
) -> None:
    """Draw the images, and the outlines of the rooms that they seem to be in."""
    cells = {(math.floor(x / length), math.floor(y / width)) for x, y in at[:, :2].tolist()}
    for column, row in cells:
        panel.add_patch(
            Rectangle(
                (column * length, row * width), length, width, fill=False, color="0.8", zorder=1
            )
        )
    strength = 0.15 + 0.85 / (1.0 + orders)
    color = np.array([(*to_rgb(LINE_COLORS[1]), each) for each in strength.tolist()])
    panel.scatter(at[:, 0], at[:, 1], s=70 * strength, c=color, zorder=2, linewidths=0)
    columns, rows = zip(*cells, strict=True)
    panel.set(
        xlim=(min(columns) * length, (max(columns) + 1) * length),
        ylim=(min(rows) * width, (max(rows) + 1) * width),
    )


@style_context()
def plot_energy_decay(
    decays_db: Mapping[str, torch.Tensor],
    sample_rate: int,
    *,
    title: str,
    rt60_s: Mapping[str, float] | None = None,
    floor_db: float = -65.0,
    ax: Axes | None = None,
) -> Axes:
    """Draw how the energy of responses decays, and the lines of their reverberation times.

    Parameters
    ----------
    decays_db : mapping of str to Tensor
        Name and decay in dB, ``(time,)``, as `audiolab.room.energy_decay_db` returns it.
    sample_rate : int
        Sample rate in Hz.
    title : str
        What the figure shows.
    rt60_s : mapping of str to float, optional
        Reverberation times in seconds of some of the decays: each is a dotted line that crosses
        its decay at -5 dB, where the fit begins.
    floor_db : float, default: -65.0
        Lowest level to draw, in dB.
    ax : Axes, optional
        Where to draw. Default: a new figure.

    Returns
    -------
    Axes
        The panel.

    Raises
    ------
    ValueError
        If there is no decay, or a time has none to belong to.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> decay = -60 * torch.arange(8000) / 8000
    >>> axes = plot_energy_decay({"a second": decay}, 8000, title="A decay")
    >>> axes.get_ylabel()
    'Energy to come (dB)'
    >>> plt.close()
    """
    rate = check_sample_rate(sample_rate)
    if not decays_db:
        raise ValueError("decays_db must hold at least one decay")
    unknown = set(rt60_s or {}) - set(decays_db)
    if unknown:
        raise ValueError(f"rt60_s names {sorted(unknown)}, which decays_db does not hold")
    (panel,) = panels(ax, 1, height=3.0)
    longest = 0.0
    for index, (name, decay) in enumerate(decays_db.items()):
        check_waveform(decay, f"decays_db[{name!r}]", allow_empty=False)
        level = decay.detach().cpu().reshape(-1).double().numpy()
        shown = np.flatnonzero(level >= floor_db)
        stop = int(shown[-1]) + 1 if len(shown) else len(level)
        step = max(1, stop // 4000)
        time = np.arange(0, stop, step) / rate
        color = LINE_COLORS[index % len(LINE_COLORS)]
        panel.plot(time, level[:stop:step], color=color, label=name)
        longest = max(longest, stop / rate)
        if rt60_s and name in rt60_s:
            slope = -60.0 / check_positive(float(rt60_s[name]), "rt60_s", unit="s")
            start = int(np.argmax(level <= -5.0)) / rate
            ends = np.array([start - 5.0 / -slope, start + (floor_db + 5.0) / slope])
            panel.plot(ends, -5.0 + slope * (ends - start), ":", color=color, linewidth=1.0)
    panel.set(xlim=(0.0, longest), ylim=(floor_db, 2.0))
    panel.set(xlabel="Time (s)", ylabel="Energy to come (dB)")
    set_title(panel, title)
    add_legend(panel)
    return panel
