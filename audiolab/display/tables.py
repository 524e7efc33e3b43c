"""Tables of measurements: HTML for notebooks and pages, aligned text for terminals.

The best value of a column is set in bold (HTML) or marked with an asterisk (text), among the values
as they are shown: two that print alike are equally good. Sorting and filtering are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from audiolab.resample import Quality

__all__ = ["Table", "quality_table"]

_NOTHING = "–"

_STYLE = (
    "table.audiolab-table { border-collapse: collapse; font-variant-numeric: tabular-nums; }\n"
    "table.audiolab-table caption { caption-side: top; text-align: left; padding: 0 0 0.4rem; }\n"
    "table.audiolab-table :is(th, td) { padding: 0.3rem 0.6rem; text-align: right; }\n"
    "table.audiolab-table :is(th, td):first-child { text-align: left; white-space: nowrap; }\n"
)


@dataclass(frozen=True)
class Table:
    """A table that shows itself in a notebook, on a page and on a terminal.

    Parameters
    ----------
    caption : str
        What the table shows.
    header : tuple of str
        Names of the columns, with units; the first column names the rows.
    rows : tuple of tuple of str
        The cells, one tuple a row.
    best : frozenset of (int, int)
        Row and column of the cells to set off.

    Examples
    --------
    >>> print(Table("Two resamplers", ("", "alias (dB)"), (("a", "-140"), ("b", "-8")),
    ...       frozenset({(0, 1)})))
    Two resamplers
       alias (dB)
    a        -140*
    b          -8
    """

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    best: frozenset[tuple[int, int]] = frozenset()

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.header):
                raise ValueError(
                    f"rows must have {len(self.header)} cells like the header, got {len(row)}: "
                    f"{row!r}"
                )

    def to_html(self, *, style: bool = True) -> str:
        """Return the table as HTML.

        Parameters
        ----------
        style : bool, default: True
            Whether to include the style sheet, which a page needs once.

        Returns
        -------
        str
            An element that may stand anywhere in a page's body; it scrolls where it is too wide.
        """
        head = "".join(f'<th scope="col">{escape(name)}</th>' for name in self.header)
        body = []
        for number, (name, *cells) in enumerate(self.rows):
            marked = (
                f"<td><strong>{escape(cell)}</strong></td>"
                if (number, column) in self.best
                else f"<td>{escape(cell)}</td>"
                for column, cell in enumerate(cells, start=1)
            )
            body.append(f'<tr><th scope="row">{escape(name)}</th>{"".join(marked)}</tr>')
        sheet = f"<style>\n{_STYLE}</style>\n" if style else ""
        return (
            f'{sheet}<div style="overflow-x: auto" tabindex="0" role="region" '
            f'aria-label="{escape(self.caption)}">\n'
            f'<table class="audiolab-table">\n<caption>{escape(self.caption)}</caption>\n'
            f"<thead><tr>{head}</tr></thead>\n<tbody>\n"
            + "\n".join(body)
            + "\n</tbody>\n</table>\n</div>"
        )

    def _repr_html_(self) -> str:
        return self.to_html()

    def __str__(self) -> str:
        mark = {True: "*", False: " "} if self.best else {True: "", False: ""}
        lines = [
            [row[0], *(cell + mark[(number, i) in self.best] for i, cell in enumerate(row[1:], 1))]
            for number, row in enumerate((self.header, *self.rows), start=-1)
        ]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        text = [
            "  ".join([name.ljust(widths[0]), *map(str.rjust, cells, widths[1:])]).rstrip()
            for name, *cells in lines
        ]
        return "\n".join([self.caption, *text])


@dataclass(frozen=True)
class _Column:
    header: str
    value: Callable[[Quality], float | None]
    digits: int
    better: Callable[[set[float]], float] | None = min


#: The columns of `quality_table`: what to show, with how many digits, and what is better. Neither
#: a wide band nor a short ringing is a merit by itself: straight lines between samples have both.
_COLUMNS = {
    "ripple": _Column("ripple (dB)", lambda q: q.ripple_db, 3),
    "edge_01db": _Column("-0.1 dB at (x Nyquist)", lambda q: q.edge_01db, 3, None),
    "edge_3db": _Column("-3 dB at (x Nyquist)", lambda q: q.edge_3db, 3, None),
    "gain_090": _Column("gain at 0.90 (dB)", lambda q: q.gain_090_db, 2, max),
    "gain_095": _Column("gain at 0.95 (dB)", lambda q: q.gain_095_db, 2, max),
    "gain_098": _Column("gain at 0.98 (dB)", lambda q: q.gain_098_db, 2, max),
    "alias": _Column("alias (dB)", lambda q: q.alias_db, 0),
    "image": _Column("image (dB)", lambda q: q.image_db, 0),
    "noise": _Column("THD+N (dB)", lambda q: q.noise_db, 0),
    "delay": _Column("delay (ms)", lambda q: 1000 * q.delay_s, 3, None),
    "pre_ringing": _Column("rings before (ms)", lambda q: 1000 * q.pre_ringing_s, 2, None),
    "post_ringing": _Column("rings after (ms)", lambda q: 1000 * q.post_ringing_s, 2, None),
    "speed": _Column("speed (x real time)", lambda q: q.realtime_factor, 0, max),
}
_DEFAULT = ("ripple", "edge_3db", "gain_090", "alias", "image", "noise", "pre_ringing", "speed")


def quality_table(
    qualities: Sequence[Quality],
    *,
    caption: str | None = None,
    columns: Sequence[str] | None = None,
) -> Table:
    """Set the figures of several resamplers in a table.

    Parameters
    ----------
    qualities : sequence of Quality
        What `audiolab.resample.quality` returned, one a row.
    caption : str, optional
        What the table shows. Default: the rates, if all rows share them.
    columns : sequence of str, optional
        Which figures to show: ``"ripple"``, ``"edge_01db"``, ``"edge_3db"``, ``"gain_090"``,
        ``"gain_095"``, ``"gain_098"``, ``"alias"``, ``"image"``, ``"noise"``, ``"delay"``,
        ``"pre_ringing"``, ``"post_ringing"``, ``"speed"``. Default: those that decide, as far as
        they were measured.

    Returns
    -------
    Table
        Shows itself in a notebook or a gallery page; ``print`` gives text. The best value of a
        column is set off.

    Raises
    ------
    ValueError
        There is no row, a column is unknown, or rows of several rates have no caption.

    Examples
    --------
    >>> from audiolab.resample import quality
    >>> rows = [quality(name, 48_000, 32_000, turns=0) for name in ("audiolab", "torchaudio_hann")]
    >>> print(quality_table(rows, columns=["gain_090"]))
    48 kHz to 32 kHz
                     gain at 0.90 (dB)
    audiolab                      0.00*
    torchaudio_hann              -2.43
    """
    rows = list(qualities)
    if not rows:
        raise ValueError("qualities must hold at least one row")
    rates = {(row.orig_rate, row.new_rate) for row in rows}
    if caption is None:
        if len(rates) > 1:
            raise ValueError("caption is needed where the rows have different rates")
        ((orig, new),) = rates
        caption = f"{orig / 1000:g} kHz to {new / 1000:g} kHz"
    chosen = list(_DEFAULT if columns is None else columns)
    for name in chosen:
        if name not in _COLUMNS:
            raise ValueError(f"columns: {name!r} is unknown, choose from {', '.join(_COLUMNS)}")
    if columns is None:
        chosen = [
            name for name in chosen if any(_COLUMNS[name].value(row) is not None for row in rows)
        ]
    cells = [[_shown(_COLUMNS[name], row) for name in chosen] for row in rows]
    return Table(
        caption=caption,
        header=("", *(_COLUMNS[name].header for name in chosen)),
        rows=tuple((row.name, *texts) for row, texts in zip(rows, cells, strict=True)),
        best=frozenset(_best([_COLUMNS[name] for name in chosen], cells)),
    )


def _shown(column: _Column, row: Quality) -> str:
    value = column.value(row)
    if value is None:
        return _NOTHING
    value = round(value, column.digits) + 0.0  # no -0.00
    return f"{value:.{column.digits}f}"


def _best(columns: Sequence[_Column], cells: list[list[str]]) -> list[tuple[int, int]]:
    """Return row and column of the best cells; a column where all are alike has none."""
    found = []
    for index, column in enumerate(columns):
        texts = [row[index] for row in cells]
        values = {float(text) for text in texts if text != _NOTHING}
        if column.better is None or len(values) < 2:
            continue
        goal = column.better(values)
        found += [
            (number, index + 1)
            for number, text in enumerate(texts)
            if text != _NOTHING and float(text) == goal
        ]
    return found
