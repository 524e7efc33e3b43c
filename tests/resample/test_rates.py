"""Rates are exact, lengths are the ceiling, nonsense is refused by name."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiolab.resample import output_length
from audiolab.resample.rates import rate_ratio

RATES = st.one_of(
    st.integers(1, 400_000),
    st.floats(0.5, 400_000.0, allow_nan=False).map(lambda rate: round(rate, 3)),
)


def test_floats_are_read_as_decimals():
    # 44100.1 has no finite binary expansion; taken literally, the ratio would need 45 bits
    assert rate_ratio(44100.1, 16000) == Fraction(160000, 441001)
    assert rate_ratio(16_000, 8000.5) == Fraction(16001, 32000)
    assert rate_ratio(Fraction(1, 3), 1) == 3
    assert rate_ratio(44_100.0, 48_000) == rate_ratio(44_100, 48_000) == Fraction(160, 147)


@pytest.mark.parametrize(
    ("num_in", "orig", "new", "expected"),
    [
        (0, 44_100, 16_000, 0),
        (1, 44_100, 16_000, 1),
        (441, 44_100, 16_000, 160),
        (442, 44_100, 16_000, 161),
        (1, 1, 1000, 1000),
        (1000, 1000, 1, 1),
        (1001, 1000, 1, 2),
        (2**40, 3, 2, -(-(2**41) // 3)),
    ],
)
def test_length_rule(num_in: int, orig: float, new: float, expected: int):
    assert output_length(num_in, orig, new) == expected


@given(num_in=st.integers(0, 10**9), orig=RATES, new=RATES)
def test_length_covers_the_input_and_no_more(num_in: int, orig: float, new: float):
    ratio = rate_ratio(orig, new)
    num_out = output_length(num_in, orig, new)
    assert (num_out - 1) / ratio < num_in or num_in == 0
    assert num_out / ratio >= num_in


@given(orig=st.floats(1e-3, 1e6), new=st.floats(1e-3, 1e6))
def test_any_two_floats_have_a_ratio_of_31_bits(orig: float, new: float):
    ratio = rate_ratio(orig, new)
    assert max(ratio.numerator, ratio.denominator) < 2**31
    # as close as a float: over an hour at 192 kHz that is less than 1e-6 of a sample
    assert math.isclose(float(ratio), new / orig, rel_tol=1e-9)


@pytest.mark.parametrize("bad", [0, -1, -44_100.0, math.nan, math.inf, -math.inf])
def test_impossible_rates(bad: float):
    with pytest.raises(ValueError, match="orig_rate must be above 0 Hz"):
        rate_ratio(bad, 16_000)
    with pytest.raises(ValueError, match="new_rate must be above 0 Hz"):
        rate_ratio(16_000, bad)


@pytest.mark.parametrize("bad", ["16000", None, True, 1j, [16_000]])
def test_rates_of_a_wrong_type(bad: object):
    with pytest.raises(TypeError, match="new_rate must be a number"):
        rate_ratio(16_000, bad)


def test_ratios_beyond_what_indices_hold():
    with pytest.raises(ValueError, match="must lie between"):
        rate_ratio(1, 10**12)
    with pytest.raises(ValueError, match="must lie between"):
        rate_ratio(10**12, 1)
