"""Rate, speed, upsample and downsample: tones, lengths, gradients, streams, errors."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from audiolab.effects import downsample, rate, speed, upsample
from audiolab.effects.rates._converter import ConverterStream
from audiolab.effects.rates.conversion import QUALITIES, make_quality
from audiolab.resample.rates import rate_ratio

#: How far a tone in the pass band may be off: the stop band's level.
_DEPTH = {"low": 1e-4, "medium": 2e-5, "high": 1e-6, "very_high": 1e-8}


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64) * 0.1


def tone(frequency: float, sample_rate: float, num_samples: int) -> torch.Tensor:
    time = torch.arange(num_samples, dtype=torch.float64) / sample_rate
    return torch.sin(2 * math.pi * frequency * time + 0.3)


@pytest.mark.parametrize("quality", sorted(_DEPTH))
@pytest.mark.parametrize(
    "rates", [(44_100, 16_000), (16_000, 44_100), (48_000, 8000), (9000, 9001)]
)
def test_a_tone_stays_a_tone(quality, rates):
    old, new = rates
    frequency = 0.15 * min(rates)
    y = rate(tone(frequency, old, old // 2), old, new_rate=new, quality=quality)
    expected = tone(frequency, new, len(y))
    inside = slice(len(y) // 4, -len(y) // 4)
    assert float((y - expected)[inside].abs().max()) < _DEPTH[quality]


@pytest.mark.parametrize("quality", ["high", "very_high"])
def test_nothing_aliases(quality):
    y = rate(tone(8010, 44_100, 44_100), 44_100, new_rate=16_000, quality=quality)
    assert float(y[4000:-4000].abs().max()) < _DEPTH[quality]


def test_three_decibels_at_the_bandwidth():
    for bandwidth in (0.8, 0.95, 0.99):
        y = rate(
            tone(8000 * bandwidth, 48_000, 48_000), 48_000, new_rate=16_000, bandwidth=bandwidth
        )
        level = 20 * math.log10(float(y[4000:-4000].abs().max()))
        assert level == pytest.approx(-3.0, abs=0.25)


def test_minimum_phase_rings_only_afterwards():
    click = torch.zeros(4000, dtype=torch.float64)
    click[2000] = 1.0
    linear, minimum = (
        rate(click, 16_000, new_rate=8000, phase=phase) for phase in ("linear", "minimum")
    )
    assert float(linear[:990].abs().max()) > 1e-3
    assert float(minimum[:990].abs().max()) < 1e-5
    assert abs(int(minimum.argmax()) - 1000) <= 2


def test_aliasing_shortens_the_ringing():
    click = torch.zeros(4000, dtype=torch.float64)
    click[2000] = 1.0

    def length(y):
        return int(y.abs().gt(1e-6).sum())

    strict = rate(click, 16_000, new_rate=8000)
    loose = rate(click, 16_000, new_rate=8000, aliasing=True)
    assert length(loose) < 0.8 * length(strict)


@given(
    num_samples=st.integers(0, 3000),
    old=st.sampled_from([8000, 11_025, 16_000, 44_100, 12_345.6]),
    new=st.sampled_from([8000, 11_025, 16_000, 44_100, 12_345.6]),
    quality=st.sampled_from(sorted(QUALITIES)),
)
@settings(max_examples=40, deadline=None)
def test_length_is_rounded(num_samples, old, new, quality):
    y = rate(torch.zeros(2, num_samples), old, new_rate=new, quality=quality)
    assert y.shape == (2, math.floor(num_samples * rate_ratio(old, new) + 0.5))


@pytest.mark.parametrize("quality", sorted(QUALITIES))
def test_batches_dtypes_and_shapes(quality):
    x = noise(2, 3, 4000)
    y = rate(x, 44_100, new_rate=16_000, quality=quality)
    single = rate(x[1, 2], 44_100, new_rate=16_000, quality=quality)
    torch.testing.assert_close(y[1, 2], single, atol=1e-12, rtol=0)
    low = rate(x.float(), 44_100, new_rate=16_000, quality=quality)
    assert low.dtype == torch.float32
    # single-precision transforms: -130 dB
    assert float((low.double() - y).abs().max()) < 3e-7 * float(x.abs().max())


@pytest.mark.parametrize(
    ("old", "new", "options"),
    [
        (16_000, 14_000, {}),
        (8000, 16_000, {"quality": "very_high"}),
        (8000, 4000, {"aliasing": True}),
        (8000, 5000, {"phase": "minimum"}),
        (8000, 44_100, {}),
        (8000, 8000.7, {}),
        (8000, 7000, {"quality": "quick"}),
    ],
)
def test_gradients(old, new, options):
    x = noise(1, 120).requires_grad_()
    assert torch.autograd.gradcheck(lambda v: rate(v, old, new_rate=new, **options)[..., ::7], (x,))


@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_a_stream_equals_the_whole(data):
    old, new = data.draw(
        st.sampled_from([(44_100, 16_000), (16_000, 17_959.4), (8000, 44_100), (48_000, 8000)])
    )
    options = data.draw(
        st.sampled_from([{}, {"quality": "quick"}, {"aliasing": True}, {"phase": "minimum"}])
    )
    x = noise(2, data.draw(st.integers(1, 60_000)))
    whole = rate(x, old, new_rate=new, **options)
    stream = ConverterStream(rate_ratio(old, new), make_quality(**options))
    parts, place = [], 0
    while place < x.shape[-1]:
        size = data.draw(st.sampled_from([1, 100, 5000, 40_000]))
        parts.append(stream.push(x[:, place : place + size]))
        place += size
    parts.append(stream.finish())
    found = torch.cat(parts, dim=-1)
    assert found.shape == whole.shape
    torch.testing.assert_close(found, whole, atol=1e-13, rtol=0)


def test_speed_moves_a_tone():
    y = speed(tone(1000, 16_000, 16_000), factor=1.25)
    assert y.shape == (12_800,)
    expected = tone(1250, 16_000, 12_800)
    assert float((y - expected)[3000:-3000].abs().max()) < 1e-6


def test_upsample_and_downsample_undo_each_other():
    x = noise(2, 33)
    up = upsample(x, factor=5)
    assert up.shape == (2, 165)
    assert float(up.sum()) == pytest.approx(float(x.sum()))
    assert torch.equal(downsample(up, factor=5), x)
    assert downsample(x, factor=4).shape == (2, 9)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"new_rate": 0}, "new_rate"),
        ({"new_rate": 8000, "quality": "best"}, "quality"),
        ({"new_rate": 8000, "bandwidth": 0.5}, "bandwidth"),
        ({"new_rate": 8000, "bandwidth": 0.8, "aliasing": True}, "bandwidth"),
        ({"new_rate": 8000, "phase": 101}, "phase"),
        ({"new_rate": 8000, "phase": "zero"}, "phase"),
        ({"new_rate": 8000, "quality": "low", "phase": "minimum"}, "quality"),
    ],
)
def test_rate_names_what_is_wrong(options, named):
    with pytest.raises(ValueError, match=named):
        rate(noise(10), 16_000, **options)


@pytest.mark.parametrize("factor", [0, 257, 2.0, True])
def test_factors_are_whole(factor):
    with pytest.raises(ValueError, match="factor"):
        upsample(noise(4), factor=factor)
