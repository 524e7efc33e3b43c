"""Gains, limiters, offsets and curves: closed forms, gradients, words, head-room."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.autograd import gradcheck

from audiolab.effects import (
    EffectsChain,
    EffectSyntaxError,
    contrast,
    dcshift,
    gain,
    norm,
    overdrive,
    vol,
)
from audiolab.effects.sox import Context, parse_effects
from audiolab.effects.sox.effect import Form
from audiolab.effects.streaming import Pipeline


def noise(*shape: int, seed: int = 0, scale: float = 0.3) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64) * scale


def parameter(value: float | list[float]) -> torch.Tensor:
    return torch.tensor(value, dtype=torch.float64, requires_grad=True)


# ------------------------------------------------------------------------------------------- gain
def test_gain_is_a_factor():
    x = noise(2, 100)
    assert torch.equal(gain(x, 0.0), x)
    torch.testing.assert_close(gain(x, 20.0), 10.0 * x)
    torch.testing.assert_close(gain(x, torch.tensor([0.0, -20.0])), x * torch.tensor([[1], [0.1]]))


def test_normalising_measures_an_item_over_its_channels():
    x = noise(3, 2, 100)
    y = gain(x, normalize=True)
    assert torch.equal(y.abs().amax(dim=(1, 2)), torch.ones(3, dtype=torch.float64))
    torch.testing.assert_close(y[:, 0] / y[:, 1], x[:, 0] / x[:, 1])
    torch.testing.assert_close(norm(x, -6.0), gain(x, -6.0, normalize=True))
    alone = torch.stack([gain(each, normalize=True) for each in x])
    assert torch.equal(y, alone)


def test_silence_stays_silence():
    x = torch.zeros(2, 3, 50)
    for options in ({"normalize": True}, {"balance": "peak"}, {"balance": "rms_protected"}):
        assert not gain(x, 6.0, **options).any()
    # One silent channel does not disturb the other.
    x[0, 1] = 0.25
    assert float(gain(x, normalize=True)[0, 1, 0]) == 1.0


def test_balance_brings_channels_to_the_highest():
    x = noise(2, 3, 400) * torch.tensor([[1.0], [0.5], [0.1]])
    peaks = gain(x, balance="peak").abs().amax(dim=-1)
    torch.testing.assert_close(peaks, x.abs().amax(dim=(1, 2))[:, None].expand(2, 3))
    levels = gain(x, balance="rms").square().mean(dim=-1)
    torch.testing.assert_close(levels, levels[:, :1].expand(2, 3))


def test_protected_balance_attenuates_what_went_too_far():
    x = torch.full((2, 1000), 0.5)
    x[1] = 0.0
    x[1, ::100] = 0.9
    assert float(gain(x, balance="rms").abs().max()) > 1.0
    y = gain(x, balance="rms_protected")
    assert float(y.abs().max()) == pytest.approx(1.0)
    torch.testing.assert_close(y[0].square().mean(), y[1].square().mean())


@given(st.floats(-60.0, 60.0), st.floats(-1.0, 1.0))
@settings(max_examples=50, deadline=None)
def test_limited_gain_stays_within_full_scale(decibels: float, sample: float):
    ladder = torch.tensor([-1.0, min(sample, 0.0), max(sample, 0.0), 1.0], dtype=torch.float64)
    y = gain(ladder, decibels, limiter=True)
    assert bool((y.diff() >= 0).all())
    assert float(y[0]) == pytest.approx(-1.0)
    assert float(y[-1]) == pytest.approx(1.0)


def test_limited_gain_is_the_gain_for_small_samples():
    x = torch.tensor([1e-6], dtype=torch.float64)
    assert float(gain(x, 12.0, limiter=True)) == pytest.approx(1e-6 * 10**0.6, rel=1e-5)


# ------------------------------------------------------------------------------- vol and dcshift
def test_kinds_of_volume_agree():
    x = noise(100)
    torch.testing.assert_close(vol(x, 4.0, kind="power"), 2.0 * x)
    torch.testing.assert_close(vol(x, -4.0, kind="power"), -2.0 * x)
    torch.testing.assert_close(vol(x, 20.0, kind="dB"), vol(x, 10.0))


@pytest.mark.parametrize("amplitude", [1.0, 1.5, 4.0])
def test_the_limiter_of_vol_is_continuous(amplitude: float):
    slope = 0.05
    threshold = (1 - slope) / (amplitude - slope)
    around = torch.tensor([threshold - 1e-9, threshold + 1e-9], dtype=torch.float64)
    y = vol(around, amplitude, limiter_gain=slope)
    assert float(y[1] - y[0]) == pytest.approx(0.0, abs=1e-7)
    assert float(vol(torch.ones(1), amplitude, limiter_gain=slope)) == pytest.approx(1.0)


def test_the_limiter_of_vol_wants_amplification():
    with pytest.raises(ValueError, match="limiter_gain"):
        vol(noise(4), 0.5, limiter_gain=0.05)
    with pytest.raises(ValueError, match="limiter_gain"):
        vol(noise(4), 2.0, limiter_gain=1.5)


def test_a_shift_is_added_and_limited_on_its_side():
    x = torch.tensor([-0.95, 0.0, 0.6, 1.0], dtype=torch.float64)
    torch.testing.assert_close(dcshift(x, 0.25), x + 0.25)
    limited = dcshift(x, 0.5, limiter_gain=0.05)
    torch.testing.assert_close(limited, torch.tensor([-0.45, 0.5, 0.55, 0.55]).double())
    torch.testing.assert_close(dcshift(-x, -0.5, limiter_gain=0.05), -limited)


# --------------------------------------------------------------------------- contrast, overdrive
def test_contrast_keeps_its_fixed_points():
    x = torch.tensor([-1.0, 0.0, 0.5, 1.0], dtype=torch.float64)
    y = contrast(x, 100.0)
    torch.testing.assert_close(y[[0, 1, 3]], x[[0, 1, 3]])
    # sin(pi/4 + c sin(pi)) = sin(pi/4)
    assert float(y[2]) == pytest.approx(math.sqrt(0.5))


def test_overdrive_saturates_and_has_no_offset():
    time = torch.arange(48_000, dtype=torch.float64) / 48_000
    y = overdrive(torch.sin(2 * math.pi * 100 * time), gain_db=100.0, colour=100.0)
    # The clean half and a square of 2/3 whose offset is gone.
    assert float(y.abs().max()) == pytest.approx(0.5 + 0.75 * 2 / 3, rel=0.2)
    assert abs(float(y[24_000:].mean())) < 1e-3


def test_overdrive_without_drive_is_nearly_clean():
    x = noise(1000, scale=1e-4)
    y = overdrive(x, gain_db=0.0, colour=0.0)
    # The high-pass barely moves noise.
    assert float((y - 1.25 * x).abs().max()) < 2e-5


# --------------------------------------------------------------------- tensors, types, gradients
def test_a_value_an_item_equals_items_alone():
    x, values = noise(3, 2, 50), torch.tensor([3.0, -2.0, 6.0])
    for run in (
        lambda x, v: gain(x, v),
        lambda x, v: gain(x, v, normalize=True, limiter=True),
        lambda x, v: vol(x, v, kind="dB"),
        lambda x, v: dcshift(x, v / 10.0, limiter_gain=0.3),
        lambda x, v: contrast(x, v.abs() * 10.0),
        lambda x, v: overdrive(x, gain_db=v.abs(), colour=v.abs()),
    ):
        together = run(x, values)
        for index in range(3):
            torch.testing.assert_close(together[index], run(x[index], values[index]))
        single = run(x.float(), values)
        assert single.dtype == torch.float32
        torch.testing.assert_close(single.double(), together, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "run",
    [
        lambda x, v: gain(x, v),
        lambda x, v: gain(x, v, balance="peak"),
        lambda x, v: gain(x, v, balance="rms", normalize=True),
        lambda x, v: gain(x, v, balance="rms_protected", limiter=True),
        lambda x, v: vol(x, v + 2.0, limiter_gain=0.2),
        lambda x, v: vol(x, v, kind="power"),
        lambda x, v: dcshift(x, v / 10.0),
        lambda x, v: contrast(x, v * 10.0),
        lambda x, v: overdrive(x, gain_db=v, colour=v * 3.0),
    ],
)
def test_gradients_reach_samples_and_numbers(run):
    x = noise(2, 2, 12).requires_grad_()
    assert gradcheck(run, (x, parameter([1.3, 2.1])))


def test_tensors_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match="gain_db"):
        gain(noise(2, 10), torch.zeros(3))
    with pytest.raises(ValueError, match="amount"):
        contrast(noise(2, 10), torch.tensor([50.0, 101.0]))
    with pytest.raises(TypeError, match="gain_db"):
        gain(noise(2, 10), "loud")


# ------------------------------------------------------------------------------------------ words
@pytest.mark.parametrize(
    ("line", "culprit", "reason"),
    [
        ("gain -e -B", 2, "only one of"),
        ("gain -n -r", 2, "only one of"),
        ("gain -lh 3", 1, "only one of"),
        ("gain -nq", 1, "no option -q"),
        ("gain loud", 1, "not a number"),
        ("norm -e", 1, "not a number"),
        ("vol 0.5 amplitude 0.1", 1, "amplification"),
        ("vol 2 volts", 2, "none of"),
        ("vol 2 dB 1.5", 3, "between 0 and 1"),
        ("vol", 1, "needs gain"),
        ("dcshift", 1, "needs shift"),
        ("contrast 101", 1, "outside 0 to 100"),
        ("overdrive 20 -1", 2, "outside 0 to 100"),
    ],
)
def test_errors_point_at_the_word(line: str, culprit: int, reason: str):
    with pytest.raises(EffectSyntaxError, match=reason) as caught:
        parse_effects(line)
    assert caught.value.position == culprit


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("vol 6db", ["6", "dB"]),
        ("vol 2 p", ["2", "power"]),
        ("gain -bn 2", ["-b", "-n", "2"]),
        ("gain -3", ["-3"]),
        ("norm", ["0"]),
    ],
)
def test_words_are_spelt_out(line: str, words: list[str]):
    (effect,) = parse_effects(line)
    assert effect.words() == words


# -------------------------------------------------------------------------------------- head-room
def test_headroom_is_made_and_reclaimed():
    x = noise(2, 2000, scale=0.01)
    expected, _ = EffectsChain("bass 6 treble 3")(x, 16_000)
    reduced, _ = EffectsChain("gain -h bass 6 treble 3")(x, 16_000)
    torch.testing.assert_close(reduced, expected * 10 ** (-9 / 20))
    reclaimed, _ = EffectsChain("gain -h bass 6 treble 3 gain -r")(x, 16_000)
    torch.testing.assert_close(reclaimed, expected)


def test_no_more_is_reclaimed_than_does_not_clip():
    x = noise(2, 2000, scale=0.4)
    y, _ = EffectsChain("gain -nh bass 6 gain -r")(x, 16_000)
    assert float(y.abs().max()) <= 1.0 + 1e-12


def test_nothing_can_be_reclaimed_that_was_not_made():
    for line in ("gain -r", "gain -h 3 gain -r", "gain -h bass 6 gain -r gain -r"):
        with pytest.raises(ValueError, match="no head-room"):
            EffectsChain(line)(noise(2, 100), 16_000)


def test_headroom_in_a_stream_is_that_of_the_whole():
    line = "gain -h bass 6 gain -rh treble 3 gain -r -1"
    x = noise(1, 2, 3000)
    expected, _ = EffectsChain(line)(x, 16_000)
    effects = EffectsChain(line).effects
    context = Context(torch.zeros(1, dtype=torch.int64))
    pipeline = Pipeline(effects, Form(16_000.0, 2, None), context)
    parts = list(pipeline.run(x.split(700, dim=-1)))
    torch.testing.assert_close(torch.cat(parts, dim=-1), expected)
