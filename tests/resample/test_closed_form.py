"""Tones, constants and clicks: what physics says, and the figures that the default is sold with."""

import math
from collections.abc import Callable
from fractions import Fraction

import pytest
import torch

from audiolab.resample import METHODS, FilterDesign, output_length, quality, resample
from audiolab.resample.bandlimited import compute
from audiolab.resample.plan import make_plan
from audiolab.resample.rates import rate_ratio

RATES = [
    (48_000, 32_000),
    (44_100, 16_000),
    (16_000, 44_100),
    (44_100, 48_000),
    (48_000, 44_100),
    (16_000, 8_000),
    (8_000, 16_000),
    (44_100, 16_001),
    (16_000, 8000.5),
    (8000.5, 16_000),
    (48_000, 47_999),
    (100, 99.37),
]


@pytest.mark.parametrize(("orig", "new"), RATES)
def test_default_in_float32(orig: float, new: float):
    measured = quality("audiolab", orig, new, turns=0)
    assert measured.ripple_db < 1e-3  # up to 0.91
    assert measured.edge_3db > 0.94
    assert measured.noise_db < -135
    # 120 dB are promised; 135 is where float32 rounding lies
    assert measured.alias_db is None or measured.alias_db < -135
    assert measured.image_db is None or measured.image_db < -135
    assert abs(measured.delay_s) * max(orig, new) < 1e-4  # samples


@pytest.mark.parametrize(("orig", "new"), RATES)
def test_default_in_float64(orig: float, new: float):
    measured = quality("audiolab", orig, new, dtype=torch.float64, turns=0)
    assert measured.ripple_db < 1e-8
    assert measured.noise_db < -180
    assert measured.alias_db is None or measured.alias_db < -180
    assert measured.image_db is None or measured.image_db < -180
    assert abs(measured.delay_s) * max(orig, new) < 1e-7


@pytest.mark.parametrize(("orig", "new"), [(48_000, 32_000), (16_000, 44_100), (44_100, 16_001)])
def test_minimum_phase_rings_only_afterwards(orig: float, new: float):
    measured = quality("audiolab_minimum_phase", orig, new, turns=0)
    assert measured.ripple_db < 1e-3
    assert measured.noise_db < -135
    assert measured.alias_db is None or measured.alias_db < -120
    low = min(orig, new)
    assert measured.pre_ringing_s * low < 4.5  # the rise itself, in samples of the lower rate
    assert measured.post_ringing_s > 10 * measured.pre_ringing_s
    assert 3.5 < measured.delay_s * low < 5.0


@pytest.mark.parametrize(("orig", "new"), [(48_000, 32_000), (16_000, 44_100), (44_100, 16_001)])
def test_brickwall_reaches_099(orig: float, new: float):
    measured = quality("audiolab_brickwall", orig, new, band_edge=0.99, turns=0)
    assert measured.ripple_db < 1e-3
    assert measured.edge_01db > 0.99
    assert measured.noise_db < -135
    assert measured.alias_db is None or measured.alias_db < -120
    assert abs(measured.delay_s) * max(orig, new) < 1e-4


@pytest.mark.parametrize("method", [name for name in METHODS if name != "torchcodec_swr"])
@pytest.mark.parametrize(("orig", "new"), [(3, 2), (2, 3), (147, 160), (1, 1)])
def test_a_constant_stays_in_the_middle(method: str, orig: int, new: int):
    x = torch.full((6000,), 0.5, dtype=torch.float64)
    y = resample(x, orig, new, method=method)
    middle = y[len(y) // 3 : -len(y) // 3]
    # scipy's polyphase and soxr's quick modes ripple at the level of their attenuation
    limit = 1e-9 if method.startswith(("audiolab", "linear")) else 2e-3
    torch.testing.assert_close(middle, torch.full_like(middle, 0.5), rtol=0, atol=limit)


@pytest.mark.parametrize(("orig", "new"), RATES)
def test_a_tone_is_the_same_tone_at_the_new_rate(
    orig: float, new: float, tone: Callable[..., torch.Tensor]
):
    frequency_hz = 0.31 * min(orig, new) / 2
    num_in = 6000
    y = resample(tone(frequency_hz, orig, num_in), orig, new)
    expected = tone(frequency_hz, new, len(y))
    # away from the ends, where the signal is cut off: half a kernel
    edge = math.ceil(160 * max(1, new / orig))
    torch.testing.assert_close(y[edge:-edge], expected[edge:-edge], rtol=0, atol=1e-8)


@pytest.mark.parametrize(("orig", "new"), RATES)
@pytest.mark.parametrize("num_in", [1, 17, 1500])
def test_equals_its_definition_up_to_the_ends(
    orig: float, new: float, num_in: int, definition: Callable[..., torch.Tensor]
):
    ratio = rate_ratio(orig, new)
    num_out = output_length(num_in, orig, new)
    x = torch.randn(2, num_in, dtype=torch.float64, generator=torch.Generator().manual_seed(num_in))
    expected = x @ definition(num_in, num_out, ratio).T  # zero extension, by construction
    # the stop band's depth: 200 dB
    torch.testing.assert_close(resample(x, orig, new), expected, rtol=0, atol=1e-9)


def test_edges_are_no_worse_than_zero_extension_demands():
    # one second out of a longer signal: the error has to be gone after half a kernel
    generator = torch.Generator().manual_seed(0)
    whole = torch.randn(44_100 * 3, dtype=torch.float64, generator=generator)
    part = resample(whole[44_100:88_200], 44_100, 16_000)
    error = (part - resample(whole, 44_100, 16_000)[16_000:32_000]).abs()
    assert error[:153].max() > 1e-3  # there is an edge effect,
    assert error[153:-153].max() < 1e-9  # and it ends where the kernel does


def test_a_click_becomes_the_kernel():
    x = torch.zeros(2001, dtype=torch.float64)
    x[1000] = 1.0
    y = resample(x, 1, 2)
    kernel = FilterDesign().kernel()
    torch.testing.assert_close(y[2000 - 306 : 2000 + 307], 2 * kernel, rtol=0, atol=1e-9)


def test_one_to_a_thousand_and_back():
    x = torch.randn(64, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    up = resample(x, 8, 8000)
    assert up.shape == (64_000,)
    # every thousandth sample passes a filter that keeps all but the transition band
    twice = resample(up, 8000, 8)
    assert twice.shape == (64,)
    low_passed = resample(resample(x, 1, 2), 2, 1)
    torch.testing.assert_close(twice, low_passed, rtol=0, atol=0.2)
    assert abs(twice[32] - low_passed[32]) < 1e-2


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("orig_new", [(44_100, 16_001), (16_000, 8000.5), (99_991, 99_989)])
def test_awkward_ratios_take_no_large_blocks(orig_new: tuple[float, float], bits: int):
    ratio = rate_ratio(*orig_new)
    plan = make_plan(ratio, FilterDesign(), reverse=False, length=1 << 22, bits=bits)
    assert plan.num_terms > 0
    assert max(plan.block_in, plan.block_out) < 1 << 15


def test_starting_in_the_middle_of_a_period():
    x = torch.randn(2, 3000, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    for ratio in (Fraction(160, 441), Fraction(16_001, 44_100), Fraction(3, 2)):
        whole = compute(x, ratio, FilterDesign(), length=900)
        part = compute(x, ratio, FilterDesign(), length=500, start=37)
        torch.testing.assert_close(part, whole[:, 37:537], rtol=0, atol=1e-9)
