"""Codebooks of two dimensions as maps: which vectors each entry stands for.

The plane is coloured by the entry that is nearest, found point by point on a grid, so that cells
may have any shape. Codebooks of more dimensions have no such picture; project them first.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from numpy.typing import NDArray

from audiolab.display._panels import panels
from audiolab.display.style import LINE_COLORS, set_title, style_context

__all__ = ["plot_codebook"]

#: Points of the grid along each side.
_GRID = 720
_BOUNDARY = (0.45, 0.48, 0.52)


@style_context()
def plot_codebook(
    vectors: torch.Tensor,
    codebook: torch.Tensor,
    *,
    title: str,
    axis_names: Sequence[str] = ("First component", "Second component"),
    limits: Sequence[tuple[float, float]] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Plot vectors, the entries that stand for them, and each entry's cell.

    Parameters
    ----------
    vectors : Tensor
        ``(n, 2)``, drawn as dots; may be empty.
    codebook : Tensor
        Entries ``(size, 2)``, drawn as crosses.
    title : str
        What the figure shows; it is also its alternative text.
    axis_names : sequence of str, default: ("First component", "Second component")
        Name of each axis, with its unit.
    limits : sequence of (float, float), optional
        Range of each axis. Default: that of vectors and entries, and a little more.
    ax : Axes, optional
        Where to draw. Default: a new figure.

    Returns
    -------
    Axes
        The panel.

    Raises
    ------
    ValueError
        The vectors or the entries don't have two components, or there is no entry.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> vectors = torch.randn(100, 2, generator=torch.Generator().manual_seed(0))
    >>> axes = plot_codebook(vectors, vectors[:4], title="Four entries")
    >>> axes.get_xlabel()
    'First component'
    >>> plt.close()
    """
    points, entries = _pairs(vectors, "vectors"), _pairs(codebook, "codebook")
    if len(entries) == 0:
        raise ValueError("codebook must hold at least one entry")
    (panel,) = panels(ax, 1, height=3.6, what="codebook")
    spans = _ranges(np.concatenate([points, entries])) if limits is None else list(limits)
    (left, right), (bottom, top) = spans
    image = _cells(entries, np.linspace(left, right, _GRID), np.linspace(bottom, top, _GRID))
    panel.imshow(
        image,
        extent=(left, right, bottom, top),
        origin="lower",
        aspect="auto",
        interpolation="antialiased",
    )
    size = 6.0 if len(points) < 2000 else 2.0
    panel.scatter(points[:, 0], points[:, 1], s=size, color="#23272e", alpha=0.45, linewidths=0)
    if len(entries) <= 64:
        panel.scatter(entries[:, 0], entries[:, 1], s=52, color="#ffffff", marker="X", linewidths=0)
        panel.scatter(entries[:, 0], entries[:, 1], s=26, color="#b3001b", marker="X", linewidths=0)
    panel.grid(visible=False)
    panel.set_xlim(left, right)
    panel.set_ylim(bottom, top)
    panel.set_xlabel(axis_names[0])
    panel.set_ylabel(axis_names[1])
    set_title(panel, title)
    return panel


def _pairs(x: torch.Tensor, name: str) -> NDArray[np.float64]:
    if x.dim() != 2 or x.shape[1] != 2:
        raise ValueError(f"{name} must have shape (n, 2), got {tuple(x.shape)}")
    values: NDArray[np.float64] = x.detach().cpu().double().numpy()
    return values


def _ranges(points: NDArray[np.float64]) -> list[tuple[float, float]]:
    low, high = points.min(axis=0), points.max(axis=0)
    room = 0.04 * np.where(high > low, high - low, 1.0)
    return [(float(a - r), float(b + r)) for a, b, r in zip(low, high, room, strict=True)]


def _cells(
    entries: NDArray[np.float64], x: NDArray[np.float64], y: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the picture ``(y, x, 3)``: a pale colour for each cell, lines between them."""
    # Rows one by one: the distances of a whole grid to many entries would fill the memory.
    horizontal = np.square(x[:, None] - entries[:, 0])
    nearest = np.stack(
        [(horizontal + np.square(value - entries[:, 1])).argmin(axis=1) for value in y]
    )
    colors = 0.24 * np.array([to_rgb(name) for name in LINE_COLORS[:6]]) + 0.76
    image: NDArray[np.float64] = colors[nearest % len(colors)]
    beside = nearest[:, 1:] != nearest[:, :-1]
    above = nearest[1:] != nearest[:-1]
    edge = np.zeros(nearest.shape, dtype=bool)
    edge[:, 1:] |= beside
    edge[:, :-1] |= beside
    edge[1:] |= above
    edge[:-1] |= above
    image[edge] = _BOUNDARY
    return image
