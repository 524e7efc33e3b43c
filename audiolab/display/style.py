"""One look for every figure: colours that colour-blind readers tell apart, on a light card.

Lines take colours of Okabe and Ito (*Color Universal Design*, 2008) and a line style with each of
them, so that no meaning hangs on colour alone. Level pictures use *magma*, whose lightness rises
steadily with level. Figures keep an opaque light background: they stay the same
picture on a dark page, in a notebook and in print. Themes that follow the page are left out: a
figure rendered twice is a figure that can differ.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["LEVEL_COLORS", "LINE_COLORS", "LINE_STYLES", "style_context", "use_style"]

#: Okabe and Ito's palette with a darker purple and without the yellow, too faint on white.
LINE_COLORS = ("#0072B2", "#D55E00", "#009E73", "#AA4499", "#56B4E9", "#E69F00", "#000000")

#: One style for each colour.
LINE_STYLES: tuple[Any, ...] = (
    "-",
    (0, (5, 2)),
    (0, (1, 1.2)),
    (0, (6, 2, 1.2, 2)),
    (0, (3, 1.5)),
    (0, (8, 2, 1, 2, 1, 2)),
    "-",
)

#: The colour map of everything that shows a level.
LEVEL_COLORS = "magma"

WIDTH_INCHES = 7.6


def _parameters() -> Any:  # matplotlib types the keys as one huge Literal
    from cycler import cycler

    return {
        "figure.dpi": 100,
        "figure.figsize": (WIDTH_INCHES, 3.0),
        "figure.facecolor": "#ffffff",
        "savefig.facecolor": "#ffffff",
        "axes.facecolor": "#ffffff",
        "axes.edgecolor": "#5a5f66",
        "axes.labelcolor": "#23272e",
        "axes.titlecolor": "#14171b",
        "axes.titleweight": "bold",
        "axes.titlesize": 11,
        "axes.titlepad": 8,
        "axes.labelsize": 10,
        "axes.linewidth": 0.8,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "axes.prop_cycle": cycler(color=LINE_COLORS) + cycler(linestyle=LINE_STYLES),
        "axes.formatter.use_mathtext": True,
        "grid.color": "#d9dde2",
        "grid.linewidth": 0.6,
        "xtick.color": "#3a3f46",
        "ytick.color": "#3a3f46",
        "xtick.labelsize": 9,
        "ytick.labelsize": 9,
        "legend.fontsize": 9,
        "legend.frameon": True,
        "legend.framealpha": 0.9,
        "legend.edgecolor": "#d9dde2",
        "legend.handlelength": 2.6,
        "lines.linewidth": 1.4,
        "font.size": 10,
        "image.cmap": LEVEL_COLORS,
    }


def use_style() -> None:
    """Give every figure made from now on the look of this package's own plots.

    The settings go into `matplotlib.rcParams`. The package's plots do not need the call: figures
    that they open themselves have the look in any case.

    Examples
    --------
    >>> import matplotlib as mpl
    >>> with mpl.rc_context():
    ...     use_style()
    ...     mpl.rcParams["image.cmap"]
    'magma'
    """
    import matplotlib as mpl

    mpl.rcParams.update(_parameters())


@contextmanager
def style_context() -> Iterator[None]:
    """Lend the look to the figures made inside the block, and give the reader's settings back."""
    import matplotlib as mpl

    with mpl.rc_context(_parameters()):
        yield


def new_axes(count: int, *, height: float, share_y: bool = True) -> list[Axes]:
    """Open a figure of `count` panels above one another that share the time axis."""
    import matplotlib.pyplot as plt

    _, axes = plt.subplots(
        count,
        1,
        sharex=True,
        sharey=share_y,
        squeeze=False,
        layout="constrained",
        figsize=(WIDTH_INCHES, 0.5 + height * count),
    )
    return list(axes[:, 0])


def set_title(panel: Axes, title: str) -> None:
    """Write the title at the panel's left edge, still as the title that `get_title` returns."""
    panel.set_title(title, x=0.0, horizontalalignment="left")


def add_legend(panel: Axes) -> None:
    """Put the legend beside the title where it fits, and into the panel's best corner elsewhere."""
    names = panel.get_legend_handles_labels()[1]
    if not names:
        return
    room = 78 - len(panel.get_title()) * 1.2
    if sum(map(len, names)) + 6 * len(names) <= room:
        panel.legend(
            loc="lower right",
            bbox_to_anchor=(1.0, 1.0),
            ncols=len(names),
            frameon=False,
            borderaxespad=0.2,
            columnspacing=1.4,
        )
    else:
        panel.legend(loc="best")
