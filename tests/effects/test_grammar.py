"""Numbers, frequencies, widths, times, positions: what the program accepts, and back to words."""

from __future__ import annotations

import math

import pytest
import sox_binary
import torch
from hypothesis import given
from hypothesis import strategies as st

from audiolab.effects.sox.grammar import (
    Position,
    Time,
    Width,
    format_number,
    parse_frequency,
    parse_number,
    parse_position,
    parse_time,
    parse_width,
)

RATE = 8000


# --------------------------------------------------------------------------------------- numbers
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_written_such_that_it_reads_back(value: float):
    assert parse_number(format_number(value)) == value


@pytest.mark.parametrize(
    "word", ["", "x", "1_0", "0x10", "inf", "nan", "1e999", "--1", "1 ", "1,5"]
)
def test_what_is_no_number(word: str):
    with pytest.raises(ValueError, match=r"number|too large"):
        parse_number(word)


# ----------------------------------------------------------------------------------- frequencies
@pytest.mark.parametrize(
    ("word", "frequency"),
    [
        ("440", 440.0),
        ("1.5k", 1500.0),
        ("1e1k", 10_000.0),
        (".5k", 500.0),
        ("%0", 440.0),
        ("%12", 880.0),
        ("%-3", 440.0 * 2 ** (-3 / 12)),
        ("%0.5", 440.0 * 2 ** (0.5 / 12)),
        ("A", 440.0),
        ("A0", 27.5),
        ("C4", 440.0 * 2 ** (-9 / 12)),
        ("C#4", 440.0 * 2 ** (-8 / 12)),
        ("Db4", 440.0 * 2 ** (-8 / 12)),
        ("Cb4", 440.0 * 2 ** (-10 / 12)),
        ("B#4", 440.0 * 2 ** (3 / 12)),
        ("G9", 440.0 * 2 ** (5 - 2 / 12)),
    ],
)
def test_frequencies(word: str, frequency: float):
    assert parse_frequency(word) == pytest.approx(frequency, rel=1e-14)


@pytest.mark.parametrize(
    "word", ["", "k", "%", "440Hz", "1kk", "%0k", "A4k", "a4", "H4", "A-1", "A44", "A4.5", "-440"]
)
def test_what_is_no_frequency(word: str):
    with pytest.raises(ValueError, match=r"number|negative"):
        parse_frequency(word)


def test_frequencies_are_those_of_the_program(program):
    """A single-pole low-pass tells its frequency by its first sample."""
    program("sox")
    impulse = torch.zeros(1, 8, dtype=torch.float64)
    impulse[0, 0] = 0.5
    for word in ("440", "1.5k", "%-3", "C#4", "Bb3", "Cb4", "E2", "A"):
        first = sox_binary.run(impulse, 44_100, ["lowpass", "-1", word]).waveform[0, 0]
        heard = -math.log1p(-float(first) / 0.5) / (2 * math.pi) * 44_100
        assert heard == pytest.approx(parse_frequency(word), rel=1e-6), word


# ---------------------------------------------------------------------------------------- widths
@given(st.floats(1e-6, 1e6), st.sampled_from("hoqs"))
def test_a_width_is_written_such_that_it_reads_back(value: float, unit: str):
    width = Width(value, unit)
    assert parse_width(str(width), "qohks") == width


def test_the_first_unit_is_the_default_and_kilohertz_are_hertz():
    assert parse_width("2", "qohk") == Width(2.0, "q")
    assert parse_width("2", "hkqo") == Width(2.0, "h")
    assert parse_width("2k", "hkqo") == Width(2000.0, "h")


@pytest.mark.parametrize("word", ["", "q", "0q", "-1", "2s", "2x", "2qq"])
def test_what_is_no_width(word: str):
    with pytest.raises(ValueError, match=r"width|number"):
        parse_width(word, "qohk")


# ----------------------------------------------------------------------------------------- times
ACCEPTED = {
    "1": 8000,
    "1.5": 12_000,
    ".5": 4000,
    "1t": 8000,
    "100s": 100,
    "1e2s": 100,
    "1.7e1s": 17,
    "1.7e6s": 1_700_000,
    "1::14": (3600 + 14) * 8000,
    "1:0:1": 3601 * 8000,
    "0:01.5": 12_000,
    "1:30.25t": 722_000,
    "79:0285": (79 * 60 + 285) * 8000,
    "5:": 300 * 8000,
    "0.5+1s": 4001,
    "0.5-1s": 3999,
    "3:00-200s": 180 * 8000 - 200,
    "1:00-1:00": 0,
    "0.5+0.1-0.2+5s": 3205,
    "0.0001875": 2,
    "0.0003125": 3,
    "0.00006": 0,
    "1:60": 120 * 8000,
}
REFUSED = [
    *["", "x", "5.", "100.5s", "1e1", "1e-1", "1.5e1", "1:2:3:4", "1.5:30", "1:1.5:3", "0.5+-1s"],
    *[":5", "::5", "1:5s", "+5", "-5", "--5", "1s1", "0x10", "inf", "nan", "1 ", "1_0", "1.5s"],
    *["1e", "1e+1s", "1k", "1,5", "1t1t", "1:1e1", "1e1:1", "1..5", "t", "s", "1+", "-"],
]


@pytest.mark.parametrize(("word", "samples"), ACCEPTED.items())
def test_times(word: str, samples: int):
    assert parse_time(word).samples(RATE) == samples


@pytest.mark.parametrize("word", REFUSED)
def test_what_is_no_time(word: str):
    with pytest.raises(ValueError, match="time"):
        parse_time(word)


def test_times_are_those_of_the_program(program):
    program("sox")
    sample = torch.zeros(1, 1)
    for word, samples in ACCEPTED.items():
        if samples < 100_000:
            padded = sox_binary.run(sample, RATE, ["pad", word]).waveform
            assert padded.shape[1] == 1 + samples, word
    for word in REFUSED:
        with pytest.raises(sox_binary.SoxError):
            sox_binary.run(sample, RATE, ["pad", word])


@pytest.mark.parametrize(
    ("word", "samples"),
    [("100", 100), ("4e3", 4000), ("0.5", 4000), ("1t", 8000), ("0:1", 8000), ("0.1+100", 900)],
)
def test_a_whole_number_may_count_samples(word: str, samples: int):
    assert parse_time(word, bare="s").samples(RATE) == samples


terms = st.tuples(st.floats(0, 1e6), st.just(False)) | st.tuples(
    st.integers(0, 10**12).map(float), st.just(True)
)


@st.composite
def times(draw: st.DrawFn) -> Time:
    first, *others = draw(st.lists(terms, min_size=1, max_size=4))
    return Time((first, *((draw(st.sampled_from((1, -1))) * v, unit) for v, unit in others)))


@given(times())
def test_a_time_is_written_such_that_it_reads_back(time: Time):
    again = parse_time(str(time))
    assert str(again) == str(time)
    assert again.samples(44_100) == time.samples(44_100)
    assert again.seconds(44_100.0) == time.seconds(44_100.0)


@given(st.text(alphabet="0123456789.:+-stek", max_size=12))
def test_any_text_is_a_time_or_an_error(word: str):
    try:
        time = parse_time(word)
    except ValueError:
        return
    assert parse_time(str(time)).samples(RATE) == time.samples(RATE)


# ------------------------------------------------------------------------------------- positions
@given(st.sampled_from("=+-"), times())
def test_a_position_is_written_such_that_it_reads_back(anchor: str, time: Time):
    position = Position(anchor, time)
    again = parse_position(str(position), "=")
    assert again.anchor == anchor
    assert str(again) == str(position)


def test_where_a_position_counts_from():
    assert parse_position("100s", "=").resolve(RATE, previous=7) == 100
    assert parse_position("100s", "+").resolve(RATE, previous=7) == 107
    assert parse_position("-100s", "+").resolve(RATE, total=1000) == 900
    assert parse_position("-0", "=").resolve(RATE, total=1000) == 1000
    assert parse_position("-0.5+1s", "=").resolve(RATE, total=8000) == 3999
    with pytest.raises(ValueError, match="counts from the end"):
        parse_position("-1", "=").resolve(RATE)
