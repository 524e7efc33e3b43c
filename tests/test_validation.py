"""Argument checks say what came, what was expected and how to get there."""

import math
import re

import numpy as np
import pytest
import torch

from audiolab import _validation as checks


def raises(kind, message):
    return pytest.raises(kind, match=re.escape(message))


def test_a_waveform_is_returned_as_it_is():
    for shape in ((5,), (2, 5), (3, 2, 5), (0,), (2, 0)):
        for dtype in (torch.float16, torch.float32, torch.float64, torch.bfloat16):
            waveform = torch.zeros(shape, dtype=dtype)
            assert checks.check_waveform(waveform) is waveform


@pytest.mark.parametrize(
    ("waveform", "options", "kind", "message"),
    [
        ([0.0], {}, TypeError, "sound must be a torch.Tensor of shape (..., time), got list"),
        (np.zeros(3), {}, TypeError, "got ndarray; torch.as_tensor converts arrays and lists"),
        (torch.zeros(3, dtype=torch.int16), {}, TypeError, "sound.float() / 32768"),
        (torch.zeros(3, dtype=torch.int32), {}, TypeError, "sound.float() / 2147483648"),
        (torch.zeros(3, dtype=torch.uint8), {}, TypeError, "sound.float() / 128"),
        (torch.zeros(3, dtype=torch.bool), {}, TypeError, "got torch.bool"),
        (torch.zeros(3, dtype=torch.complex64), {}, TypeError, "got torch.complex64"),
        (
            torch.tensor(1.0),
            {},
            ValueError,
            "at least 1 dimension(s), the last one time",
        ),
        (torch.zeros(3), {"min_dim": 2}, ValueError, "at least 2 dimension(s)"),
        (
            torch.zeros(2, 0),
            {"allow_empty": False},
            ValueError,
            "sound has no samples: its",
        ),
        (
            torch.tensor([[0.0, 1.0], [math.nan, -math.inf]]),
            {"finite": True},
            ValueError,
            "sound holds 2 value(s) that are NaN or infinite, the first at index (1, 0)",
        ),
    ],
)
def test_wrong_waveforms(waveform, options, kind, message):
    with raises(kind, message):
        checks.check_waveform(waveform, "sound", **options)


def test_nan_passes_where_nobody_asked():
    checks.check_waveform(torch.tensor([math.nan]))


@pytest.mark.parametrize("rate", [1, 44_100, 48_000.0, np.int64(8_000), np.float32(16_000)])
def test_rates_become_ints(rate):
    result = checks.check_sample_rate(rate)
    assert result == rate
    assert type(result) is int


@pytest.mark.parametrize(
    ("rate", "kind", "message"),
    [
        (0, ValueError, "old_rate must be a whole number of Hz above 0, got 0"),
        (-1, ValueError, "got -1"),
        (44_100.5, ValueError, "got 44100.5"),
        (math.nan, ValueError, "got nan"),
        (math.inf, ValueError, "got inf"),
        ("48000", TypeError, "old_rate must be a number of Hz, got str"),
        (True, TypeError, "got bool"),
        (None, TypeError, "got NoneType"),
    ],
)
def test_wrong_rates(rate, kind, message):
    with raises(kind, message):
        checks.check_sample_rate(rate, "old_rate")


@pytest.mark.parametrize(
    ("value", "bounds", "kind", "message"),
    [
        (-1, (0, 1), ValueError, "gain must be between 0 and 1 dB, got -1"),
        (2, (0, 1), ValueError, "gain must be between 0 and 1 dB, got 2"),
        (-1, (0,), ValueError, "gain must be at least 0 dB, got -1"),
        (2, (-math.inf, 1), ValueError, "gain must be at most 1 dB, got 2"),
        (math.nan, (), ValueError, "gain must be finite dB, got nan"),
        (math.inf, (0,), ValueError, "gain must be at least 0 dB, got inf"),
        ("1", (0, 1), TypeError, "gain must be a number, got str"),
        (True, (0, 1), TypeError, "gain must be a number, got bool"),
        (torch.tensor(0.5), (0, 1), TypeError, "gain must be a number, got Tensor"),
    ],
)
def test_wrong_ranges(value, bounds, kind, message):
    with raises(kind, message):
        checks.check_range(value, "gain", *bounds, unit="dB")


def test_bounds_belong_to_the_range():
    assert checks.check_range(0, "gain", 0, 1) == 0.0
    assert checks.check_range(np.float32(1), "gain", 0, 1) == 1.0
    assert isinstance(checks.check_range(1, "gain"), float)


@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf])
def test_wrong_positive_numbers(value):
    with raises(ValueError, f"block_s must be above 0 s, got {value}"):
        checks.check_positive(value, "block_s", unit="s")


def test_positive_numbers():
    assert checks.check_positive(2, "block_s") == 2.0
    with raises(TypeError, "block_s must be a number, got str"):
        checks.check_positive("2", "block_s")


def test_choices():
    assert checks.check_choice("a", "letter", ("a", "b")) == "a"
    with raises(ValueError, "letter must be one of 'a', 'b', got 'c'"):
        checks.check_choice("c", "letter", ("a", "b"))


def test_generators():
    generator = torch.Generator().manual_seed(1)
    assert checks.as_generator(generator) is generator
    one, two = checks.as_generator(5), checks.as_generator(np.int64(5))
    assert torch.equal(torch.rand(4, generator=one), torch.rand(4, generator=two))
    fresh = {checks.as_generator(None).initial_seed() for _ in range(4)}
    assert len(fresh) == 4
    for wrong in (1.5, True, "1"):
        with raises(TypeError, "generator must be a torch.Generator, an int or None, got"):
            checks.as_generator(wrong)


def test_the_global_generator_is_left_alone():
    before = torch.get_rng_state()
    checks.as_generator(None)
    checks.as_generator(3)
    assert torch.equal(torch.get_rng_state(), before)
