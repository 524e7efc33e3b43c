"""Coded data made visible: bytes by the field they belong to, and an arithmetic coder's interval.

Fields are told by a letter in each cell and by colour. Bits are drawn as ``.ecdc`` and many other
formats store them: within a byte, the lowest bit comes first.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import log2
from typing import Any

from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Patch, Rectangle

from audiolab._validation import check_choice
from audiolab.display._panels import panels
from audiolab.display.style import LINE_COLORS, set_title, style_context

__all__ = ["plot_bytes", "plot_intervals"]

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_EDGE = "#5a5f66"
_TEXT = "#14171b"
_HUES = (*LINE_COLORS[:6], "#5a5f66", "#7a8b00")


@style_context()
def plot_bytes(
    data: bytes,
    fields: Sequence[tuple[str, int]],
    *,
    title: str,
    unit: str = "bytes",
    columns: int = 16,
    ax: Axes | None = None,
) -> Axes:
    r"""Draw data as a grid of bytes or of bits, each marked with the field that it belongs to.

    Parameters
    ----------
    data : bytes
        What to draw.
    fields : sequence of (str, int)
        Name and length of each field in order, in bytes or in bits. Together they are as long as
        `data`.
    title : str
        What the figure shows; it is also its alternative text.
    unit : {"bytes", "bits"}, default: "bytes"
        What a cell holds: a byte in hexadecimal and, where it is printable, as a character; or a
        bit, one byte a row, the lowest bit on the left.
    columns : int, default: 16
        Bytes in a row.
    ax : Axes, optional
        Where to draw. Default: a new figure.

    Returns
    -------
    Axes
        The panel, without axes.

    Raises
    ------
    ValueError
        The fields are not as long as the data, or are more than there are letters.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> axes = plot_bytes(b"ECDC\x00", [("magic", 4), ("version", 1)], title="The first bytes")
    >>> [text.get_text() for text in axes.get_legend().get_texts()]
    ['A  magic', 'B  version']
    >>> plt.close()
    """
    check_choice(unit, "unit", ("bytes", "bits"))
    cells = list(data) if unit == "bytes" else [byte >> i & 1 for byte in data for i in range(8)]
    total = sum(length for _, length in fields)
    if total != len(cells):
        raise ValueError(f"fields must be {len(cells)} {unit} long together, got {total}")
    if len(fields) > len(_LETTERS):
        raise ValueError(f"fields must be at most {len(_LETTERS)}, got {len(fields)}")
    wide = columns if unit == "bytes" else 8
    high = -(-len(cells) // wide)
    (panel,) = panels(ax, 1, height=0.36 * high + 0.25, what="picture")
    owners = [number for number, (_, length) in enumerate(fields) for _ in range(length)]
    for place, (value, owner) in enumerate(zip(cells, owners, strict=True)):
        row, column = divmod(place, wide)
        box = Rectangle((column, -row), 1, -1, facecolor=_tint(owner), edgecolor="#ffffff")
        panel.add_patch(box)
        shown = f"{value:02x}" if unit == "bytes" else f"{value}"
        character = unit == "bytes" and 33 <= value < 127
        drop = 0.36 if character else 0.5
        _write(panel, column + 0.42, -row - drop, shown, family="monospace", fontsize=9)
        _write(panel, column + 0.85, -row - 0.22, _LETTERS[owner], fontsize=5.5)
        if character:
            text = chr(value).replace("$", r"\$")
            _write(panel, column + 0.42, -row - 0.76, text, family="monospace", fontsize=8)
    for column in range(8 if unit == "bits" else 0):
        panel.text(column + 0.42, 0.12, f"bit {column}", ha="center", fontsize=8, color=_EDGE)
    for row in range(high):
        name = f"{row * wide}" if unit == "bytes" else f"byte {row}: {data[row]:02x}"
        panel.text(-0.25, -row - 0.5, name, ha="right", va="center", fontsize=8, color=_EDGE)
    _legend(panel, fields)
    panel.set_xlim(-1.6, wide)
    panel.set_ylim(-high, 0.5 if unit == "bits" else 0)
    panel.set_axis_off()
    set_title(panel, title)
    return panel


@style_context()
def plot_intervals(
    probabilities: Sequence[float],
    symbols: Sequence[int],
    *,
    title: str,
    names: Sequence[str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw how an arithmetic coder narrows its interval, one row a symbol.

    Each row is the interval that the symbols before have left, stretched to the whole width and
    shared out by probability. The share of the next symbol is filled and becomes the row below.

    Parameters
    ----------
    probabilities : sequence of float
        Probability of each symbol, the same in each row; they sum to 1.
    symbols : sequence of int
        The message.
    title : str
        What the figure shows; it is also its alternative text.
    names : sequence of str, optional
        What to call the symbols. Default: their numbers.
    ax : Axes, optional
        Where to draw. Default: a new figure.

    Returns
    -------
    Axes
        The panel, without axes.

    Raises
    ------
    ValueError
        The probabilities don't sum to 1, or a symbol has none.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> axes = plot_intervals([0.5, 0.25, 0.25], [0, 2], title="Two symbols")
    >>> axes.texts[-1].get_text()
    '[0.375, 0.5)  3.00 bits'
    >>> plt.close()
    """
    shares = [Fraction(p) for p in probabilities]
    if abs(float(sum(shares, Fraction(0))) - 1) > 1e-6 or min(shares) <= 0:
        raise ValueError(f"probabilities must be above 0 and sum to 1, got {list(probabilities)}")
    if any(not 0 <= symbol < len(shares) for symbol in symbols):
        raise ValueError(f"symbols must lie in 0..{len(shares) - 1}, got {list(symbols)}")
    called = [str(i) for i in range(len(shares))] if names is None else list(names)
    starts = [sum(shares[:i], Fraction(0)) for i in range(len(shares) + 1)]
    (panel,) = panels(ax, 1, height=0.5 * len(symbols) + 0.3, what="picture")
    low, width = Fraction(0), Fraction(1)
    for row, symbol in enumerate(symbols):
        top = -1.7 * row
        for index, share in enumerate(shares):
            left, wide = float(starts[index]), float(share)
            chosen = index == symbol
            color = _tint(0, 0.55) if chosen else "#f1f3f5"
            panel.add_patch(Rectangle((left, top - 1), wide, 1, facecolor=color, edgecolor=_EDGE))
            weight = "bold" if chosen else "normal"
            _write(panel, left + wide / 2, top - 0.5, called[index], fontsize=9, fontweight=weight)
        if row + 1 < len(symbols):
            for start, end in ((starts[symbol], 0), (starts[symbol + 1], 1)):
                panel.plot([float(start), end], [top - 1, top - 1.7], color=_EDGE, linewidth=0.8,
                           linestyle="-")  # fmt: skip
        low, width = low + width * starts[symbol], width * shares[symbol]
        told = f"[{float(low):.6g}, {float(low + width):.6g})  {_bits(width):.2f} bits"
        panel.text(1.02, top - 0.5, told, ha="left", va="center", fontsize=8.5, color=_TEXT)
    panel.set_xlim(0, 1.42)
    panel.set_ylim(-1.7 * len(symbols) + 0.6, 0.05)
    panel.set_axis_off()
    set_title(panel, title)
    return panel


def _write(panel: Axes, x: float, y: float, text: str, **look: Any) -> None:
    panel.text(x, y, text, ha="center", va="center", color=_TEXT, **look)


def _bits(width: Fraction) -> float:
    return abs(log2(width.denominator) - log2(width.numerator))


def _tint(number: int, strength: float = 0.32) -> tuple[float, float, float]:
    red, green, blue = to_rgb(_HUES[number % len(_HUES)])
    pale = 1 - strength
    return strength * red + pale, strength * green + pale, strength * blue + pale


def _legend(panel: Axes, fields: Sequence[tuple[str, int]]) -> None:
    handles = [
        Patch(facecolor=_tint(number), label=f"{_LETTERS[number]}  {name}")
        for number, (name, _) in enumerate(fields)
    ]
    panel.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8.5)
