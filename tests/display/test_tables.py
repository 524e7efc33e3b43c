"""Tables of measurements as HTML and as text."""

import dataclasses
from html.parser import HTMLParser

import pytest

from audiolab.display import Table, quality_table
from audiolab.resample import Quality


@pytest.fixture
def rows() -> list[Quality]:
    ours = Quality(
        name="ours",
        orig_rate=48_000.0,
        new_rate=32_000.0,
        ripple_db=1e-7,
        band_edge=0.91,
        edge_01db=0.935,
        edge_3db=0.951,
        gain_090_db=-1e-9,
        gain_095_db=-2.8,
        gain_098_db=-30.0,
        noise_db=-137.4,
        alias_db=-139.3,
        image_db=None,
        delay_s=0.0,
        pre_ringing_s=0.00184,
        post_ringing_s=0.00184,
        realtime_factor=None,
    )
    other = dataclasses.replace(
        ours, name="<other>", ripple_db=2.78, gain_090_db=-2.43, alias_db=-7.8, pre_ringing_s=0.0
    )
    return [ours, other]


class Cells(HTMLParser):
    """The cells of a table, row by row; ** around what is strong."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.scopes: list[str | None] = []
        self._open = False
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        if tag == "tr":
            self.rows.append([])
        if tag in ("th", "td"):
            self._open = True
            self.rows[-1].append("")
            if tag == "th":
                self.scopes.append(dict(attrs).get("scope"))
        if tag == "strong":
            self.rows[-1][-1] += "**"

    def handle_endtag(self, tag):
        if tag in ("th", "td"):
            self._open = False

    def handle_data(self, data):
        if self._open:
            self.rows[-1][-1] += data


def test_html_holds_every_cell_and_sets_off_the_best(rows) -> None:
    table = quality_table(rows, columns=["ripple", "gain_090", "edge_3db", "alias", "pre_ringing"])
    cells = Cells(table._repr_html_())
    header, ours, other = cells.rows
    assert header[1:] == [
        "ripple (dB)",
        "gain at 0.90 (dB)",
        "-3 dB at (x Nyquist)",
        "alias (dB)",
        "rings before (ms)",
    ]
    # No value is best where both are alike; no minus stands before a zero.
    assert ours == ["ours", "**0.000", "**0.00", "0.951", "**-139", "1.84"]
    assert other == ["<other>", "2.780", "-2.43", "0.951", "-8", "0.00"]
    assert cells.scopes == ["col"] * 6 + ["row"] * 2


def test_html_escapes_and_names_itself(rows) -> None:
    html = quality_table(rows, caption="A < B").to_html(style=False)
    assert "&lt;other&gt;" in html
    assert "<caption>A &lt; B</caption>" in html
    assert 'aria-label="A &lt; B"' in html
    assert "<style>" not in html


def test_text_is_aligned(rows) -> None:
    assert str(quality_table(rows, columns=["ripple", "alias"])).split("\n") == [
        "48 kHz to 32 kHz",
        "         ripple (dB)   alias (dB)",
        "ours           0.000*        -139*",
        "<other>        2.780           -8",
    ]


def test_what_was_not_measured_is_left_out_or_a_dash(rows) -> None:
    assert "image" not in str(quality_table(rows))
    assert "speed" not in str(quality_table(rows))
    timed = dataclasses.replace(rows[0], realtime_factor=1000.4, image_db=-141.0)
    cells = Cells(quality_table([timed, rows[1]]).to_html()).rows
    assert cells[0][-1] == "speed (x real time)"
    assert (cells[1][-1], cells[2][-1]) == ("1000", "–")


def test_bad_input(rows) -> None:
    with pytest.raises(ValueError, match="at least one row"):
        quality_table([])
    with pytest.raises(ValueError, match=r"'taste' is unknown, choose from ripple"):
        quality_table(rows, columns=["taste"])
    with pytest.raises(ValueError, match="caption is needed"):
        quality_table([rows[0], dataclasses.replace(rows[1], new_rate=16_000.0)])
    with pytest.raises(ValueError, match="rows must have 2 cells"):
        Table("Wrong", ("", "a"), (("one",),))
