"""Shift: by samples, within the valid part, there and back."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from audiolab.augment import shift


@settings(max_examples=50, deadline=None)
@given(steps=st.lists(st.integers(-70, 70), min_size=1, max_size=4), end=st.integers(0, 50))
def test_shift_is_its_definition(steps: list[int], end: int) -> None:
    samples = torch.arange(1.0, 51.0).expand(len(steps), 2, 50)
    seconds = [step / 1000 for step in steps]
    moved = shift(samples, 1000, seconds, lengths=end)
    rolled = shift(samples, 1000, seconds, roll=True, lengths=end)
    for item, turned, step in zip(moved, rolled, steps, strict=True):
        wanted = [float(n - step + 1) if 0 <= n - step < end else 0.0 for n in range(end)]
        assert item[0, :end].tolist() == wanted
        assert turned[1, :end].tolist() == [float((n - step) % end + 1) for n in range(end)]
        assert torch.equal(item[:, end:], samples[0, :, end:])


def test_roll_goes_there_and_back_and_gradients_follow() -> None:
    samples = torch.randn(3, 100, requires_grad=True)
    there = shift(samples, 8000, [0.001, -0.002, 1.0], roll=True)
    back = shift(there, 8000, [-0.001, 0.002, -1.0], roll=True)
    assert torch.equal(back, samples)
    shift(samples, 8000, 0.00125).sum().backward()
    assert samples.grad[0].tolist() == [1.0] * 90 + [0.0] * 10


def test_what_is_refused() -> None:
    with pytest.raises(ValueError, match="shift_s must be finite"):
        shift(torch.ones(3), 8000, math.nan)
    with pytest.raises(ValueError, match="a value an item"):
        shift(torch.ones(2, 3), 8000, [0.0, 0.0, 0.0])
    assert shift(torch.ones(2, 0), 8000, 0.1).shape == (2, 0)
