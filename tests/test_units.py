"""Decibels, hertz, seconds and samples against their definitions, for numbers and for tensors."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from audiolab import units

levels = st.floats(-200, 200)
RULES = [
    (units.amplitude_to_db, units.db_to_amplitude, 20),
    (units.power_to_db, units.db_to_power, 10),
]


@pytest.mark.parametrize(("to_db", "from_db", "factor"), RULES)
@given(level_db=levels)
def test_there_and_back(to_db, from_db, factor, level_db):
    ratio = from_db(level_db)
    assert ratio == pytest.approx(10 ** (level_db / factor))
    assert to_db(ratio) == pytest.approx(level_db, abs=1e-9)


@pytest.mark.parametrize(("to_db", "from_db", "factor"), RULES)
def test_known_levels(to_db, from_db, factor):
    assert to_db(1.0) == 0
    assert to_db(10.0) == pytest.approx(factor)
    assert to_db(0.5) == pytest.approx(factor * math.log10(0.5))
    assert from_db(0.0) == 1
    assert to_db(0.0) == -math.inf
    assert to_db(0.0, floor_db=-90) == -90
    assert to_db(1e-9, floor_db=-60) == -60


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_tensors_follow_the_numbers(dtype):
    ratios = torch.tensor([0.0, -0.5, 1e-6, 1.0, 3.0], dtype=dtype)
    for to_db, from_db, _ in RULES:
        for floor_db in (-math.inf, -60.0):
            result = to_db(ratios, floor_db=floor_db)
            assert result.dtype == dtype
            expected = [to_db(abs(float(ratio)), floor_db=floor_db) for ratio in ratios]
            assert result.tolist() == pytest.approx(expected, rel=1e-6)
        assert torch.allclose(from_db(to_db(ratios[2:])), ratios[2:], rtol=1e-5)


def test_the_sign_of_an_amplitude_is_ignored():
    assert units.amplitude_to_db(-0.5) == units.amplitude_to_db(0.5)


def test_gradients_reach_through():
    amplitude = torch.tensor([0.5], requires_grad=True)
    units.amplitude_to_db(amplitude).sum().backward()
    # d(20 log10 a)/da = 20 / (a ln 10)
    assert float(amplitude.grad) == pytest.approx(20 / (0.5 * math.log(10)))


@given(note=st.floats(0, 127))
def test_notes_there_and_back(note):
    assert units.hz_to_midi(units.midi_to_hz(note)) == pytest.approx(note)


def test_known_notes():
    assert units.midi_to_hz(69) == 440
    assert units.midi_to_hz(60) == pytest.approx(261.6256, abs=1e-4)
    assert units.hz_to_midi(880.0) == 81
    frequencies = units.midi_to_hz(torch.tensor([57.0, 69.0, 81.0]))
    assert frequencies.tolist() == [220, 440, 880]
    assert units.hz_to_midi(frequencies).tolist() == [57, 69, 81]


@given(count=st.integers(0, 10**10), rate=st.sampled_from([8_000, 11_025, 44_100, 48_000, 192_000]))
def test_a_sample_that_was_printed_is_found_again(count, rate):
    seconds = units.samples_to_seconds(count, rate)
    assert units.seconds_to_samples(seconds, rate) == count
    assert units.seconds_to_samples(float(f"{seconds:.9f}"), rate) == count


def test_halves_go_up():
    assert units.seconds_to_samples(0.5, 1) == 1
    assert units.seconds_to_samples(1.5, 1) == 2
    assert units.seconds_to_samples(2.5, 1) == 3  # where round() goes to even
    assert units.seconds_to_samples(0.49, 1) == 0
    assert units.seconds_to_samples(-0.5, 1) == 0
    assert isinstance(units.seconds_to_samples(1.0, 44_100.0), int)
