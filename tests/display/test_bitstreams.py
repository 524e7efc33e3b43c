"""Bytes, bits and intervals: every cell shows its value and its field."""

import pytest
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from audiolab.codec.bitstream import pack_bits
from audiolab.display import plot_bytes, plot_intervals


def texts(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def boxes(axes: Axes) -> list[Rectangle]:
    return [patch for patch in axes.patches if isinstance(patch, Rectangle)]


def test_bytes_are_written_in_hexadecimal_with_their_letters() -> None:
    axes = plot_bytes(b"EC\x00\xff$", [("name", 2), ("rest", 3)], title="Five bytes", columns=4)
    shown = texts(axes)
    assert [s for s in shown if len(s) == 2 and s != r"\$"] == ["45", "43", "00", "ff", "24"]
    assert shown.count("A") == 2
    assert shown.count("B") == 3
    assert r"\$" in shown
    assert [s for s in shown if s in {"0", "4"}] == ["0", "4"]
    assert [box.get_xy() for box in boxes(axes)] == [(0, 0), (1, 0), (2, 0), (3, 0), (0, -1)]
    assert axes.get_title() == "Five bytes"


def test_one_colour_a_field() -> None:
    axes = plot_bytes(bytes(8), [(str(n), 1) for n in range(8)], title="Eight fields")
    assert len({box.get_facecolor() for box in boxes(axes)}) == 8
    legend = axes.get_legend()
    assert legend is not None
    assert [t.get_text() for t in legend.get_texts()] == [
        f"{letter}  {n}" for n, letter in enumerate("ABCDEFGH")
    ]


def test_bits_come_lowest_first() -> None:
    axes = plot_bytes(pack_bits([1, 2], 4), [("1", 4), ("2", 4)], title="Two codes", unit="bits")
    bits = [s for s in texts(axes) if s in {"0", "1"}]
    assert bits == ["1", "0", "0", "0", "0", "1", "0", "0"]
    assert "byte 0: 21" in texts(axes)
    assert "bit 7" in texts(axes)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ([("a", 3)], "4 bytes long together, got 3"),
        ([("a", 1)] * 30, "got 30"),
    ],
)
def test_fields_must_cover_the_data(fields: list[tuple[str, int]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        plot_bytes(bytes(4), fields, title="Wrong")


def test_too_many_fields() -> None:
    with pytest.raises(ValueError, match="at most 26"):
        plot_bytes(bytes(27), [("a", 1)] * 27, title="Wrong")


def test_intervals_narrow_by_the_probabilities() -> None:
    message = [0, 2, 1]
    axes = plot_intervals([0.5, 0.25, 0.25], message, names="abc", title="Three symbols")
    told = [s for s in texts(axes) if s.startswith("[")]
    assert told == [
        "[0, 0.5)  1.00 bits",
        "[0.375, 0.5)  3.00 bits",
        "[0.4375, 0.46875)  5.00 bits",
    ]
    assert len(boxes(axes)) == 9
    widths = [box.get_width() for box in boxes(axes)[:3]]
    assert widths == [0.5, 0.25, 0.25]


def test_the_chosen_share_is_set_off() -> None:
    axes = plot_intervals([0.25, 0.75], [1, 0], title="Two symbols")
    colors = [box.get_facecolor() for box in boxes(axes)]
    assert colors[0] == colors[3] != colors[1] == colors[2]
    weights = {t.get_text(): t.get_fontweight() for t in axes.texts[:2]}
    assert weights == {"0": "normal", "1": "bold"}


def test_many_symbols_keep_their_bits() -> None:
    # 300 bits: a float's interval would have collapsed.
    axes = plot_intervals([0.5, 0.5], [1] * 300, title="Long")
    assert texts(axes)[-1].endswith("300.00 bits")


@pytest.mark.parametrize(
    ("probabilities", "symbols", "message"),
    [([0.5, 0.4], [0], "sum to 1"), ([1.0, 0.0], [0], "above 0"), ([0.5, 0.5], [2], r"0\.\.1")],
)
def test_says_what_is_wrong(probabilities: list[float], symbols: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        plot_intervals(probabilities, symbols, title="Wrong")
