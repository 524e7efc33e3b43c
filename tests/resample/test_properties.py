"""Any rates, any length: length, linearity, shift, definition."""

from collections.abc import Callable

import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from audiolab.resample import (
    BRICKWALL,
    METHODS,
    MINIMUM_PHASE,
    STANDARD,
    FilterDesign,
    output_length,
    resample,
)
from audiolab.resample.bandlimited import compute
from audiolab.resample.plan import make_plan
from audiolab.resample.rates import rate_ratio

WHOLE = st.integers(1, 200_000)
RATE = st.one_of(WHOLE, st.floats(1.0, 200_000.0).map(lambda rate: round(rate, 2)))
EVERYDAY = st.sampled_from([8000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000])


def near(orig: float, new: float, factor: float = 40.0) -> bool:
    return 1 / factor <= new / orig <= factor


def noise(num_samples: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(
        num_samples, dtype=dtype, generator=torch.Generator().manual_seed(num_samples)
    )


@settings(max_examples=150, deadline=None)
@given(orig=RATE, new=RATE, num_in=st.integers(1, 900))
def test_any_ratio_equals_the_definition(
    definition: Callable[..., torch.Tensor], orig: float, new: float, num_in: int
):
    if not near(orig, new):
        new = orig * 1.37
    assume(rate_ratio(orig, new) != 1)
    x = noise(num_in)
    num_out = output_length(num_in, orig, new)
    y = resample(x, orig, new)
    assert y.shape == (num_out,)
    if num_out * num_in < 4_000_000:
        expected = definition(num_in, num_out, rate_ratio(orig, new)) @ x
        torch.testing.assert_close(y, expected, rtol=0, atol=2e-9)


@settings(max_examples=60, deadline=None)
@given(
    orig=EVERYDAY,
    new=EVERYDAY,
    num_in=st.integers(1, 60_000),
    method=st.sampled_from(
        [name for name in METHODS if name not in ("torchcodec_swr", "scipy_polyphase")]
    ),
)
def test_every_method_has_the_length(orig: int, new: int, num_in: int, method: str):
    x = noise(num_in, torch.float32)
    y = resample(x, orig, new, method=method)
    assert y.shape == (output_length(num_in, orig, new),)
    assert bool(y.isfinite().all())


@settings(max_examples=60, deadline=None)
@given(orig=RATE, new=RATE, scale=st.floats(-1e3, 1e3), num_in=st.integers(2, 3000))
def test_linearity(orig: float, new: float, scale: float, num_in: int):
    if not near(orig, new):
        new = orig * 0.613
    a, b = noise(num_in), noise(num_in + 1)[:-1]
    left = resample(a + scale * b, orig, new)
    right = resample(a, orig, new) + scale * resample(b, orig, new)
    torch.testing.assert_close(left, right, rtol=0, atol=1e-11 * (1 + abs(scale)))


@settings(max_examples=60, deadline=None)
@given(orig=EVERYDAY, new=EVERYDAY, periods=st.integers(0, 40), num_in=st.integers(1, 3000))
def test_delaying_by_whole_periods_delays_the_output(
    orig: int, new: int, periods: int, num_in: int
):
    ratio = rate_ratio(orig, new)
    x = noise(num_in)
    delayed = torch.nn.functional.pad(x, (periods * ratio.denominator, 0))
    shift = periods * ratio.numerator
    y = resample(x, orig, new)
    torch.testing.assert_close(
        resample(delayed, orig, new)[shift : shift + len(y)], y, rtol=0, atol=1e-9
    )


@settings(max_examples=60, deadline=None)
@given(
    orig=RATE,
    new=RATE,
    start=st.integers(0, 2000),
    length=st.integers(1, 500),
    origin=st.integers(-50, 50),
)
def test_any_stretch_of_the_output_can_be_computed_alone(
    orig: float, new: float, start: int, length: int, origin: int
):
    if not near(orig, new):
        new = orig * 2.6
    ratio = rate_ratio(orig, new)
    x = noise(700)
    whole = compute(x, ratio, STANDARD, length=start + length, origin=origin)
    part = compute(x, ratio, STANDARD, length=length, start=start, origin=origin)
    torch.testing.assert_close(part, whole[start:], rtol=0, atol=1e-9)


@settings(max_examples=25, deadline=None)
@given(orig=EVERYDAY, new=EVERYDAY, num_in=st.integers(50_000, 3_000_000))
def test_minutes_of_audio(orig: int, new: int, num_in: int):
    x = noise(num_in, torch.float32)
    y = resample(x, orig, new)
    assert y.shape == (output_length(num_in, orig, new),)
    # the same stretch from the middle, with enough around it
    begin = num_in // 2 // orig * orig
    cut = x[begin - min(begin, 10 * orig) : begin + 2 * orig]
    skip = min(begin, 10 * orig) // orig * new
    alone = resample(cut, orig, new)[skip : skip + new // 2]
    first = begin // orig * new
    expected = y[first : first + len(alone)]
    shared = min(len(alone), len(expected))
    if begin >= orig and num_in - begin >= 2 * orig:
        torch.testing.assert_close(alone[:shared], expected[:shared], rtol=0, atol=1e-5)


@settings(max_examples=200, deadline=None)
@given(
    orig=RATE,
    new=RATE,
    length=st.sampled_from([1, 100, 5000, 10**6]),
    design=st.sampled_from([STANDARD, MINIMUM_PHASE, BRICKWALL]),
    bits=st.sampled_from([32, 64]),
)
def test_blocks_stay_in_proportion_to_the_kernel(
    orig: float, new: float, length: int, design: FilterDesign, bits: int
):
    if not near(orig, new, 1000):
        new = orig * 0.0737
    ratio = rate_ratio(orig, new)
    assume(ratio != 1)
    plan = make_plan(ratio, design, reverse=False, length=length, bits=bits)
    # the longer side of the shortest block that could hold a kernel; far longer ones win only where
    # one block of whole periods holds all of a job
    shortest = (design.num_samples + 16) * max(ratio, 1 / ratio)
    assert max(plan.block_in, plan.block_out) < 300 * shortest + 4096
    assert plan.hop > 0
