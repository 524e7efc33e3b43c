"""Compiled sums of products: the same samples as by transforms, wherever they are computed."""

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from audiolab.resample import (
    BRICKWALL,
    MINIMUM_PHASE,
    STANDARD,
    FilterDesign,
    StreamResampler,
    quality,
    resample,
)
from audiolab.resample import bandlimited as chooser
from audiolab.resample.blocks import aligned_blocks
from audiolab.resample.fractional import fractional_blocks
from audiolab.resample.plan import make_plan
from audiolab.resample.polyphase import _coefficients, _Drifting, _Phases, polyphase
from audiolab.resample.rates import rate_ratio, scaled_length

TABLES = [(3, 2), (44_100, 16_000), (16_000, 44_100), (147, 160), (6, 1), (1, 7), (44_100, 11_025)]
CUBICS = [(44_100, 16_001), (16_000, 8000.5), (8000.5, 16_000), (100, 99.37)]


def noise(*shape: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(*shape, dtype=dtype, generator=torch.Generator().manual_seed(0))


def directly(x: torch.Tensor, ratio: Fraction, design: FilterDesign = STANDARD, **stretch: int):
    how = {"origin": 0, "start": 0, "length": scaled_length(x.shape[-1], ratio)} | stretch
    return polyphase(x, ratio, design, reverse=how.pop("reverse", False), **how)


def by_transforms(x: torch.Tensor, ratio: Fraction, design: FilterDesign, **stretch: int):
    how = {"origin": 0, "start": 0, "length": scaled_length(x.shape[-1], ratio)} | stretch
    bits = torch.finfo(x.dtype).bits
    reverse = how.pop("reverse", False)
    plan = make_plan(ratio, design, reverse=reverse, length=how["length"], bits=bits)
    return (fractional_blocks if plan.num_terms else aligned_blocks)(x, plan, **how)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("design", [STANDARD, MINIMUM_PHASE])
@pytest.mark.parametrize(("orig", "new"), TABLES + CUBICS)
def test_the_same_samples_as_by_transforms(
    orig: float, new: float, design: FilterDesign, reverse: bool
):
    ratio = rate_ratio(orig, new)
    kind = _Phases if (orig, new) in TABLES else _Drifting
    for dtype, limit in ((torch.float64, 1e-9), (torch.float32, 2e-6)):
        x = noise(5, 1500, dtype=dtype)
        char = np.dtype(str(dtype).removeprefix("torch.")).char
        assert isinstance(_coefficients(ratio, design, reverse, char), kind)
        for where in ({}, {"origin": 13}, {"origin": -9, "start": 37, "length": 200}):
            stretch = where | {"reverse": reverse}
            torch.testing.assert_close(
                directly(x, ratio, design, **stretch),
                by_transforms(x, ratio, design, **stretch),
                rtol=0,
                atol=limit,
            )


@settings(max_examples=60, deadline=None)
@given(
    rates=st.sampled_from(TABLES + CUBICS),
    rows=st.integers(1, 8),
    num_in=st.integers(1, 700),
    start=st.integers(0, 300),
    length=st.integers(1, 300),
)
def test_no_bit_depends_on_what_else_is_computed(
    rates: tuple[float, float], rows: int, num_in: int, start: int, length: int
):
    ratio = rate_ratio(*rates)
    x = noise(rows, num_in, dtype=torch.float32)
    whole = directly(x, ratio, length=start + length)
    assert torch.equal(directly(x, ratio, start=start, length=length), whole[:, start:])
    assert torch.equal(directly(x[-1:], ratio, length=start + length), whole[-1:])


@pytest.mark.parametrize(("orig", "new"), [(48_000, 32_000), (16_000, 44_100), (44_100, 16_001)])
def test_quality_in_float32(orig: int, new: int):
    def alone(x: torch.Tensor, orig: int, new: int) -> torch.Tensor:
        return directly(x[None], rate_ratio(orig, new))[0]

    measured = quality(alone, orig, new, turns=0)
    assert measured.ripple_db < 1e-3
    assert measured.noise_db < -137
    assert measured.alias_db is None or measured.alias_db < -137
    assert measured.image_db is None or measured.image_db < -150
    assert abs(measured.delay_s) * max(orig, new) < 1e-4  # samples


def test_a_kernel_for_every_ratio():
    # 1:1000 in either direction; a period of more outputs than a table holds
    for ratio in (Fraction(1000), Fraction(1, 1000), Fraction(99_991, 99_989)):
        x = noise(1, max(50, math.ceil(400 / ratio)))
        expected = by_transforms(x, ratio, STANDARD)
        torch.testing.assert_close(directly(x, ratio), expected, rtol=0, atol=1e-9)


def test_a_stream_of_short_chunks_has_the_bits_of_the_whole():
    x = noise(3, 4410, dtype=torch.float32)
    stream = StreamResampler(44_100, 16_000)
    parts = [stream.push(chunk) for chunk in x.split(441, dim=-1)]
    assert torch.equal(torch.cat([*parts, stream.finish()], dim=-1), resample(x, 44_100, 16_000))


def test_short_signals_take_this_way_and_long_ones_do_not(monkeypatch: pytest.MonkeyPatch):
    taken: list[int] = []

    def spy(rows: torch.Tensor, *args: object, **kwargs: object) -> torch.Tensor:
        taken.append(rows.shape[-1])
        return polyphase(rows, *args, **kwargs)

    monkeypatch.setattr(chooser, "polyphase", spy)
    for num_in in (1, 480, 4800):
        resample(noise(num_in, dtype=torch.float32), 48_000, 32_000)
    assert taken == [1, 480, 4800]
    resample(noise(8, 480_000, dtype=torch.float32), 48_000, 32_000)
    resample(noise(48_000, dtype=torch.float32), 48_000, 32_000, design=BRICKWALL)
    assert len(taken) == 3


def test_whatever_memory_a_tensor_has():
    x = noise(6, 400, dtype=torch.float32)
    expected = resample(x, 3, 2)
    assert torch.equal(resample(x.t().contiguous().t(), 3, 2), expected)
    assert torch.equal(resample(torch.complex(x, -x).conj().imag, 3, 2), expected)  # a lazy sign
    assert torch.equal(resample(torch.nn.Parameter(x), 3, 2).detach(), expected)
    with torch.inference_mode():
        assert torch.equal(resample(x, 3, 2), expected)


# torch warns about what it cannot trace through
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_tracing_takes_operations_of_torch():
    x = noise(2, 600, dtype=torch.float32)
    compiled = torch.compile(lambda x: resample(x, 3, 2), backend="eager")
    torch.testing.assert_close(compiled(x), resample(x, 3, 2), rtol=0, atol=2e-6)
