"""Followers, curves, compand and mcompand: closed forms, both ways to compute, gradients, words."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.autograd import gradcheck, gradgradcheck

from audiolab.effects import CompandBand, EffectsChain, EffectSyntaxError, compand, mcompand
from audiolab.effects._recurrences.envelope import envelope, scan_envelope
from audiolab.effects.dynamics.transfer import curve_gain, transfer_curve
from audiolab.effects.sox import parse_effects


def noise(*shape: int, seed: int = 0, scale: float = 0.3) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64) * scale


def double(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def db(amplitude: torch.Tensor | float) -> float:
    return 20.0 * math.log10(float(amplitude))


# ---------------------------------------------------------------------------------------- follower
def test_a_step_is_followed_exponentially():
    level = torch.cat([torch.ones(50), torch.zeros(50)]).double()
    v, state = envelope(level, double(0.1)[0], double(0.02)[0], double(0.0)[0])
    n = torch.arange(1, 51, dtype=torch.float64)
    rising = 1 - 0.9**n
    torch.testing.assert_close(v[:50], rising)
    torch.testing.assert_close(v[50:], rising[-1] * 0.98**n)
    assert float(state) == float(v[-1])


@given(
    st.integers(1, 400),
    st.lists(st.floats(1e-4, 1.0), min_size=6, max_size=6),
    st.integers(0, 1000),
)
@settings(max_examples=40, deadline=None)
def test_the_scan_is_the_loop(time: int, coefficients: list[float], seed: int):
    # Rows with rise above fall, below it, and equal.
    rise, fall = double(*coefficients[:3]), double(*coefficients[2:5])
    initial = double(0.0, 1.0, coefficients[5])
    level = noise(3, time, seed=seed).abs()
    expected, _ = envelope(level, rise, fall, initial)
    found = scan_envelope(level, rise, fall, initial)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-13)


def test_gradients_of_the_follower():
    level = noise(3, 20).abs().requires_grad_()
    inputs = (level, double(0.9, 0.05, 1.0), double(0.1, 0.3, 0.002), double(0.0, 1.0, 0.5))
    for each in inputs[1:]:
        each.requires_grad_()
    assert gradcheck(envelope, inputs)
    assert gradgradcheck(lambda *given: envelope(*given)[0], inputs)


def test_the_branches_are_those_of_the_loop_with_and_without_gradients():
    level = noise(4, 5000).abs().float()
    given_ = (double(0.3)[0], double(0.001)[0], double(0.0)[0])
    plain, _ = envelope(level, *given_)
    followed, _ = envelope(level.requires_grad_(), *given_)
    torch.testing.assert_close(followed, plain, rtol=1e-6, atol=1e-7)


# ------------------------------------------------------------------------------------------- curve
def test_a_curve_goes_through_its_points():
    points = [(-60.0, -50.0), (-30.0, -35.0), (-10.0, -12.0), (0.0, -3.0)]
    curve = transfer_curve(points, 0.01)
    for level_db, out_db in points[:-1]:
        gain = curve_gain(double(10 ** (level_db / 20)), curve)
        # The knee cuts the corner by less than its width.
        assert db(gain) == pytest.approx(out_db - level_db, abs=0.01)
    assert db(curve_gain(double(1.0), curve)) == pytest.approx(-3.0)


def test_a_curve_is_straight_between_knees_and_constant_below():
    curve = transfer_curve([(-60.0, -40.0), (-20.0, -10.0)], 2.0)
    middle = double(*(10 ** (each / 20) for each in (-50.0, -40.0, -30.0)))
    gains = [db(each) for each in curve_gain(middle, curve)]
    assert gains[0] - gains[1] == pytest.approx(gains[1] - gains[2])
    below = curve_gain(double(0.0, 1e-9, 1e-5), curve)
    assert bool((below == below[0]).all())
    assert db(below[0]) == pytest.approx(20.0)


@pytest.mark.parametrize("knee_db", [0.01, 3.0, 12.0])
def test_pieces_join_without_a_step(knee_db: float):
    curve = transfer_curve([(-60.0, -40.0), (-20.0, -25.0), (-5.0, -4.0)], knee_db)
    for before, after in pairwise(curve):
        run = after[0] - before[0]
        assert float(before[1] + run * (before[2] * run + before[3])) == pytest.approx(
            float(after[1]), abs=1e-12
        )


@pytest.mark.parametrize(
    ("points", "reason"),
    [
        ([(-20.0, -30.0), (-20.0, -10.0)], "strictly rising"),
        ([(-20.0, 5.0)], "at most 0 dB"),
        ([(float("nan"), -5.0)], "NaN"),
        ([], "pairs"),
    ],
)
def test_impossible_points_are_refused(points, reason: str):
    with pytest.raises(ValueError, match=reason):
        compand(noise(10), 8000, points=points)


# ----------------------------------------------------------------------------------------- compand
def test_a_steady_level_lands_on_the_curve():
    points = [(-60.0, -50.0), (-20.0, -12.0)]
    for level_db in (-70.0, -40.0, -10.0):
        x = torch.full((4000,), 10 ** (level_db / 20), dtype=torch.float64)
        y = compand(
            x, 8000, attack_s=0.001, decay_s=0.001, points=points, knee_db=0.01, gain_db=3.0
        )
        wanted = {-70.0: -60.0, -40.0: -31.0, -10.0: -6.0}[level_db] + 3.0
        assert db(y[-1]) == pytest.approx(wanted, abs=1e-6)


def test_compiled_and_differentiable_ways_agree():
    x = noise(3, 2, 4000)
    for options in (
        {"linked": True, "attack_s": 0.01, "decay_s": 0.2},
        {"linked": False, "attack_s": torch.tensor([[0.0, 0.1]]), "decay_s": 0.05},
        {"attack_s": torch.tensor([0.3, 0.01, 0.001]), "delay_s": 0.02, "initial_db": -40.0},
    ):
        plain = compand(x, 8000, **options)
        again = compand(x.clone().requires_grad_(), 8000, **options)
        torch.testing.assert_close(again.detach(), plain, rtol=1e-12, atol=1e-14)
        # State and curve are double also for single samples.
        single = compand(x.float(), 8000, **options)
        assert single.dtype == torch.float32
        torch.testing.assert_close(single.double(), plain, rtol=1e-5, atol=1e-6)


def test_items_and_unlinked_channels_are_alone():
    x, attack = noise(3, 2, 500), torch.tensor([0.3, 0.01, 0.001])
    together = compand(x, 8000, attack_s=attack)
    for index in range(3):
        alone = compand(x[index], 8000, attack_s=float(attack[index]))
        torch.testing.assert_close(together[index], alone)
    apart = compand(x, 8000, linked=False)
    torch.testing.assert_close(apart[:, 1], compand(x[:, 1:], 8000)[:, 0])
    torch.testing.assert_close(apart[0, 0], compand(x[0, 0], 8000))


def test_look_ahead_moves_gains_not_samples():
    x = torch.full((400,), 0.001, dtype=torch.float64)
    x[200:] = 0.5
    options = {"attack_s": 0.0, "decay_s": 0.0, "points": [(-60.0, -20.0)], "knee_db": 0.01}
    now, ahead = compand(x, 1000, **options), compand(x, 1000, delay_s=0.05, **options)
    torch.testing.assert_close(ahead[:350] / x[:350], now[50:] / x[50:])
    torch.testing.assert_close(ahead[350:] / x[350:], (now[-1:] / x[-1:]).expand(50))
    assert compand(x, 1000, delay_s=3.0).shape == x.shape


def test_values_a_channel_need_channels_apart():
    with pytest.raises(ValueError, match="linked=False"):
        compand(noise(3, 2, 10), 8000, attack_s=torch.tensor([[0.1, 0.2]]))


def test_gradients_of_compand():
    def given_(*values: float) -> torch.Tensor:
        return double(*values).requires_grad_()

    x = noise(2, 2, 14).requires_grad_()
    points = torch.tensor(
        [[-60.0, -40.0], [-30.0, -20.0], [-1.0, -5.0]], dtype=torch.float64, requires_grad=True
    )

    def run(x, attack, decay, points, knee, gain, initial):
        return compand(
            x,
            8000,
            attack_s=attack,
            decay_s=decay,
            points=points,
            knee_db=knee,
            gain_db=gain,
            initial_db=initial,
            delay_s=0.0005,
        )

    inputs = (x, given_(0.001, 0.002), given_(0.003, 0.005), points)
    assert gradcheck(run, (*inputs, given_(5.0)[0], given_(1.0, 2.0), given_(-30.0)[0]))


def test_half_precision_and_threads():
    x = noise(8, 2, 40_000)
    half = compand(x[0].bfloat16(), 8000)
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half.double(), compand(x[0], 8000), rtol=0.02, atol=0.01)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = compand(x, 8000)
        torch.set_num_threads(2)
        assert torch.equal(compand(x, 8000), one)
    finally:
        torch.set_num_threads(threads)


def test_no_samples_and_one():
    for shape in ((0,), (2, 0), (2, 3, 0), (1,), (2, 3, 1)):
        x = torch.ones(shape)
        assert compand(x, 8000).shape == x.shape
        assert compand(x.clone().requires_grad_(), 8000).shape == x.shape


# ---------------------------------------------------------------------------------------- mcompand
def test_one_band_is_compand():
    x, band = noise(2, 500), CompandBand(0.01, 0.1, [(-60.0, -40.0)])
    expected = compand(x, 8000, attack_s=0.01, decay_s=0.1, points=[(-60.0, -40.0)], knee_db=0.01)
    torch.testing.assert_close(mcompand(x, 8000, bands=[band], crossovers_hz=[]), expected)


def test_two_untouched_bands_add_up_to_an_all_pass():
    x = torch.zeros(8192, dtype=torch.float64)
    x[0] = 1.0
    idle = CompandBand(points=[(-60.0, -60.0)])
    y = mcompand(x, 16_000, bands=[idle, idle], crossovers_hz=[1000.0])
    response = torch.fft.rfft(y).abs()
    torch.testing.assert_close(response, torch.ones_like(response), rtol=1e-9, atol=1e-9)
    assert float((y - x).abs().max()) > 0.1


def test_bands_act_apart():
    time = torch.arange(16_000, dtype=torch.float64) / 16_000
    low, high = (torch.sin(2 * math.pi * f * time) for f in (100.0, 5000.0))
    idle = CompandBand(points=[(-60.0, -60.0)])
    mute = CompandBand(points=[(-200.0, -200.0)], gain_db=-120.0)
    y = mcompand(low + high, 16_000, bands=[idle, mute], crossovers_hz=[1000.0])[8000:]
    kept = (y * low[8000:]).mean() / low[8000:].square().mean()
    lost = (y * high[8000:]).mean().abs()
    assert abs(float(kept)) > 0.5
    # The fourth-order low half is 56 dB down at 5 kHz.
    assert float(lost) < 2e-3


def test_gradients_of_mcompand():
    x = noise(2, 10).requires_grad_()
    crossover = double(700.0, 900.0).requires_grad_()
    band = CompandBand(0.001, 0.002, [(-60.0, -40.0), (-20.0, -12.0)], knee_db=3.0)

    def run(x, crossover):
        return mcompand(x, 4000, bands=[band, band], crossovers_hz=[crossover])

    assert gradcheck(run, (x, crossover))


def test_bands_and_crossovers_have_to_agree():
    with pytest.raises(ValueError, match="one crossover less"):
        mcompand(noise(10), 8000, crossovers_hz=[])
    with pytest.raises(ValueError, match="rise"):
        mcompand(noise(10), 8000, bands=[CompandBand()] * 3, crossovers_hz=[900.0, 300.0])
    with pytest.raises(ValueError, match="crossovers_hz"):
        mcompand(noise(10), 8000, crossovers_hz=[5000.0])


# ------------------------------------------------------------------------------------------- words
@pytest.mark.parametrize(
    ("line", "culprit", "reason"),
    [
        ("compand 0.1 -20", 1, "even number"),
        ("compand -1,2 -20", 1, "less than 0"),
        ("compand 0.1,0.2", 2, "needs the curve"),
        ("compand 0.1,0.2 -20,-30,-40", 2, "strictly rising"),
        ("compand 0.1,0.2 5", 2, "at most 0 dB"),
        ("compand 0.1,0.2 -20,", 2, "not a number"),
        ("compand 0.1,0.2 :-20", 2, "not a number"),
        ("compand 0.1,0.2 -20 loud", 3, "not a number"),
        ("compand 0.1,0.2 -20 0 5", 4, "0 and less"),
        ("compand 0.1,0.2 -20 0 -90 -1", 5, "0 and more"),
        ("compand 0.1,0.2 -20 0 -90 1 1", 6, "no further argument"),
        ("mcompand", 1, "needs quoted"),
        ("mcompand '0.1,0.2 -20' 1000", 3, "needs quoted"),
        ("mcompand '0.1,0.2 -20' x '0.1,0.2 -20'", 2, "not a number"),
        ("mcompand '0.1,0.2 -20' 0 '0.1,0.2 -20'", 2, "not above 0"),
        ("mcompand '0.1,0.2 -20' 1k '.1,.2 -20' 500 '.1,.2 -20'", 4, "must rise"),
        ("mcompand '0.1,0.2 -20 0 0 0.1'", 1, "no delay"),
        ("mcompand '0.1,0.2 oops'", 1, "not a number"),
    ],
)
def test_errors_point_at_the_word(line: str, culprit: int, reason: str):
    with pytest.raises(EffectSyntaxError, match=reason) as caught:
        parse_effects(line)
    assert caught.value.position == culprit


def test_as_many_pairs_as_channels():
    chain = EffectsChain("compand 0.1,0.2,0.3,0.4 -20")
    assert chain(noise(2, 100), 8000)[0].shape == (2, 100)
    with pytest.raises(ValueError, match="2 pairs of times for 3 channels"):
        chain(noise(3, 100), 8000)


def test_a_crossover_above_half_the_rate_is_refused():
    with pytest.raises(ValueError, match="half the rate"):
        EffectsChain("mcompand '0.1,0.2 -20' 5k '0.1,0.2 -20'")(noise(1, 100), 8000)
