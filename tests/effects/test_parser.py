"""Lines, lists of lists and lists of words mean the same; errors point at the word."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiolab._sox_names import SOX_NAMES, TORCHAUDIO_NAMES
from audiolab.effects.sox import EFFECTS, REFUSED, EffectSyntaxError, parse_effects
from audiolab.effects.sox.effect import sox_line
from audiolab.effects.sox.parser import parse_command, split_line, split_words

LINE = "trim 0.1 =2 pad 1 reverse"
WORDS = [["trim", "0.1", "=2"], ["pad", "1"], ["reverse"]]


@pytest.mark.parametrize(
    "effects",
    [
        LINE,
        WORDS,
        tuple(map(tuple, WORDS)),
        LINE.split(),
        ["trim 0.1 =2", "pad 1", "reverse"],
        ["trim 0.1 =2 pad 1", ["reverse"]],
        ["trim 0.1 =2", "pad", "1", "reverse"],
        [*parse_effects("trim 0.1 =2 pad 1"), ["reverse"]],
        "  trim 0.1   '=2' pad 1\n reverse ",
        iter(WORDS),
    ],
)
def test_every_way_to_write_effects(effects: object):
    assert parse_effects(effects) == parse_effects(LINE)
    assert [each.name for each in parse_effects(LINE)] == ["trim", "pad", "reverse"]


@pytest.mark.parametrize("nothing", ["", "  ", [], ()])
def test_no_effects(nothing: object):
    assert parse_effects(nothing) == []


def test_an_effect_ends_where_the_next_name_begins():
    assert split_line("trim 0 1 fade t 0.1 norm -3") == [
        ["trim", "0", "1"],
        ["fade", "t", "0.1"],
        ["norm", "-3"],
    ]
    # In a list an argument may be called like an effect; on a line it cannot, as in the program.
    assert split_line("fir bass") == [["fir"], ["bass"]]


def test_quotes_are_those_of_a_shell():
    assert split_line("mcompand '0.005,0.1 -47' 100 \"a b\"") == [
        ["mcompand", "0.005,0.1 -47", "100", "a b"]
    ]
    with pytest.raises(EffectSyntaxError, match="no closing quotation"):
        split_line("trim '0")


@given(st.lists(st.text(max_size=8), max_size=6))
def test_splitting_loses_no_word(words: list[str]):
    assert [word for effect in split_words(words) for word in effect] == words


@given(st.lists(st.sampled_from(sorted(EFFECTS)), max_size=6))
def test_a_printed_line_reads_back(names: list[str]):
    effects = parse_effects([shlex.split(EFFECTS[name].example) for name in names])
    assert parse_effects(sox_line(effects)) == effects


@given(st.text(max_size=30))
def test_any_text_parses_or_is_a_syntax_error(text: str):
    try:
        parse_effects(text)
    except EffectSyntaxError:
        return


# ---------------------------------------------------------------------------------------- errors
def fails(effects: object) -> EffectSyntaxError:
    with pytest.raises(EffectSyntaxError) as caught:
        parse_effects(effects)
    return caught.value


def test_an_unknown_name_is_marked_and_a_near_one_suggested():
    # A word that is no name is an argument of the effect before it.
    error = fails("trim 0 1 revesre")
    assert error.words == ("trim", "0", "1", "revesre")
    assert error.position == 3
    assert "(did you mean the effect reverse?)" in error.reason
    error = fails([["revesre", "1"]])
    assert str(error) == (
        "Unsupported effect: revesre; did you mean reverse?\n  revesre 1\n  ^^^^^^^"
    )


def test_a_wrong_argument_is_marked_with_the_usage_below():
    error = fails([["trim", "0", "one"]])
    lines = str(error).splitlines()
    assert "'one' is not a time" in lines[0]
    assert lines[1:3] == ["  trim 0 one", "         ^^^"]
    assert lines[3].startswith("usage: trim ")
    assert (error.position, error.words) == (2, ("trim", "0", "one"))


def test_a_missing_argument_is_marked_at_the_end():
    lines = str(fails("channels")).splitlines()
    assert lines[1:3] == ["  channels", "           ^"]


def test_errors_are_what_torchaudio_raised():
    assert issubclass(EffectSyntaxError, RuntimeError)
    assert issubclass(EffectSyntaxError, ValueError)


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_refused_names_say_why_and_what_to_use(name: str):
    error = fails([[name, "x"]])
    assert error.reason.startswith(f"{name} is not available: ")
    assert len(error.reason) > len(f"{name} is not available: ") + 30
    assert name not in EFFECTS


def test_every_name_of_torchaudio_works_or_is_refused():
    assert len(TORCHAUDIO_NAMES) == len(set(TORCHAUDIO_NAMES)) == 59
    assert {*EFFECTS, *REFUSED} >= set(TORCHAUDIO_NAMES)
    assert {*EFFECTS, *REFUSED} >= SOX_NAMES


@pytest.mark.parametrize(
    ("effects", "message"),
    [
        (3, "must be a string or a list, got int"),
        ([["trim", 0]], r"effects\[0\]\[1\] must be a string, got int: write '0'"),
        ([["trim", "0"], 5], r"effects\[1\] must be an effect"),
        ([b"trim"], r"effects\[0\] must be an effect"),
        ([None], r"effects\[0\] must be an effect"),
    ],
)
def test_wrong_types(effects: object, message: str):
    with pytest.raises(TypeError, match=message):
        parse_effects(effects)


def test_an_empty_effect():
    assert "effects[1] is an empty list" in str(fails([["reverse"], []]))


def test_a_word_after_a_whole_string():
    assert "stands alone" in str(fails(["trim 0 1", "x"]))


# --------------------------------------------------------------------------------- whole commands
def test_a_command_gives_its_effects():
    assert parse_command(f"sox in.wav 'out file.wav' {LINE}") == parse_effects(LINE)
    assert parse_command(f"sox - - {LINE}") == parse_effects(LINE)
    assert parse_command(LINE) == parse_effects(LINE)
    assert parse_command("sox in.wav out.wav") == []


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("sox -n out.wav synth 3", "EffectsChain.generate"),
        ("sox in.wav -b16 out.wav reverse", "-b16 is an option"),
        ("sox in.wav", "names an input and an output"),
        ("sox one.wav two.wav out.wav reverse", "Unsupported effect: out.wav"),
    ],
)
def test_what_a_chain_cannot_take_from_a_command(line: str, message: str):
    with pytest.raises(EffectSyntaxError, match=message):
        parse_command(line)
