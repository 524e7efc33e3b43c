"""Compressor, expander, gate, limiter: static curves, times, ceilings, gradients, learning."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.autograd import gradcheck

from audiolab.effects import compressor, expander, limiter, noise_gate
from audiolab.effects.dynamics.compression import running_maximum

RATE = 8000


def noise(*shape: int, seed: int = 0, scale: float = 0.3) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64) * scale


def steady(level_db: float, num_samples: int = 4000) -> torch.Tensor:
    return torch.full((num_samples,), 10 ** (level_db / 20), dtype=torch.float64)


def db(amplitude: torch.Tensor) -> float:
    return 20.0 * math.log10(abs(float(amplitude)))


def parameter(*values: float) -> torch.Tensor:
    shaped = values[0] if len(values) == 1 else list(values)
    return torch.tensor(shaped, dtype=torch.float64, requires_grad=True)


# -------------------------------------------------------------------------------------- compressor
@pytest.mark.parametrize("detector", ["peak", "rms"])
@pytest.mark.parametrize(
    ("level_db", "ratio", "knee_db", "wanted_db"),
    [
        (-40.0, 4.0, 0.0, -40.0),
        (-20.0, 4.0, 0.0, -20.0),
        (-8.0, 4.0, 0.0, -17.0),
        (-8.0, math.inf, 0.0, -20.0),
        (-8.0, 1.0, 6.0, -8.0),
        # In the middle of the knee: (1 - 1/R) W / 8.
        (-20.0, 4.0, 8.0, -20.75),
        (-16.0, 4.0, 8.0, -19.0),
        (-24.0, 4.0, 8.0, -24.0),
    ],
)
def test_a_steady_level_lands_on_the_curve(level_db, ratio, knee_db, wanted_db, detector):
    y = compressor(
        steady(level_db), RATE, threshold_db=-20.0, ratio=ratio, knee_db=knee_db,
        attack_s=0.01, release_s=0.01, detector=detector, window_s=0.01,
    )  # fmt: skip
    assert db(y[-1]) == pytest.approx(wanted_db, abs=1e-6)


def test_attack_and_release_follow_exponentials():
    x = torch.cat([steady(-40.0, 1000), steady(0.0, 1000), steady(-40.0, 1000)])
    y = compressor(
        x, RATE, threshold_db=-20.0, ratio=2.0, knee_db=0.0, attack_s=0.01, release_s=0.05
    )
    reduction = -20.0 * torch.log10(y / x)
    # 10 dB, 63 % of them after the attack's 80 samples; 37 % left after the release's 400.
    assert float(reduction[1079]) == pytest.approx(10.0 * (1 - math.exp(-1)), rel=1e-6)
    assert float(reduction[1999]) == pytest.approx(10.0, rel=1e-4)
    assert float(reduction[2399]) == pytest.approx(10.0 * math.exp(-1), rel=1e-4)


def test_make_up_is_a_gain():
    x = noise(2, 500)
    torch.testing.assert_close(compressor(x, RATE, makeup_db=6.0), compressor(x, RATE) * 10**0.3)


def test_linked_channels_share_a_gain():
    x = torch.stack([steady(-40.0), steady(0.0)])
    y = compressor(x, RATE, threshold_db=-20.0, attack_s=0.0)
    torch.testing.assert_close(y[0] / x[0], y[1] / x[1])
    apart = compressor(x, RATE, threshold_db=-20.0, attack_s=0.0, linked=False)
    torch.testing.assert_close(apart[0], x[0])
    torch.testing.assert_close(apart[1], compressor(x[1], RATE, threshold_db=-20.0, attack_s=0.0))


def test_a_side_chain_steers():
    x = noise(2, 2, 4000, scale=0.001)
    voice = torch.zeros(2, 1, 4000, dtype=torch.float64)
    voice[0, :, 1000:] = 1.0
    y = compressor(x, RATE, sidechain=voice, threshold_db=-20.0, ratio=math.inf, knee_db=0.0)
    torch.testing.assert_close(y[1], x[1])
    torch.testing.assert_close(y[0, :, :1000], x[0, :, :1000])
    torch.testing.assert_close(y[0, :, 3000:], x[0, :, 3000:] / 10.0)
    with pytest.raises(ValueError, match="sidechain"):
        compressor(x, RATE, sidechain=voice[..., :100])
    with pytest.raises(ValueError, match="linked=True"):
        compressor(x, RATE, sidechain=voice, linked=False)


# -------------------------------------------------------------------------------- expander and gate
@pytest.mark.parametrize(
    ("level_db", "range_db", "wanted_db"),
    [(-20.0, 60.0, -20.0), (-40.0, 60.0, -40.0), (-50.0, 60.0, -70.0), (-70.0, 20.0, -90.0)],
)
def test_an_expander_stretches_below_its_threshold(level_db, range_db, wanted_db):
    y = expander(
        steady(level_db, 8000), RATE, threshold_db=-40.0, ratio=3.0, knee_db=0.0,
        range_db=range_db, release_s=0.01,
    )  # fmt: skip
    assert db(y[-1]) == pytest.approx(wanted_db, abs=1e-3)


def test_a_gate_opens_holds_and_closes():
    x = torch.cat([steady(-80.0, 2000), steady(-20.0, 2000), steady(-80.0, 6000)])
    y = noise_gate(
        x, RATE, threshold_db=-50.0, attack_s=0.0, hold_s=0.1, release_s=0.01, range_db=60.0
    )
    reduction = -20.0 * torch.log10(y / x)
    assert float(reduction[1999]) == pytest.approx(60.0, abs=1e-3)
    assert float(reduction[2000:4800].abs().max()) == pytest.approx(0.0, abs=1e-9)
    assert float(reduction[4880]) == pytest.approx(60.0 * (1 - math.exp(-1)), rel=0.02)
    assert float(reduction[-1]) == pytest.approx(60.0, abs=1e-3)


def test_a_gate_is_half_open_at_its_threshold():
    y = noise_gate(steady(-50.0), RATE, threshold_db=-50.0, range_db=40.0, release_s=0.0)
    assert db(y[-1]) == pytest.approx(-70.0)


@given(st.integers(1, 60), st.integers(0, 200), st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_the_running_maximum_is_that_of_every_window(size: int, more: int, seed: int):
    x = noise(2, size + more, seed=seed)
    torch.testing.assert_close(running_maximum(x, size), x.unfold(-1, size, 1).amax(dim=-1))


# ----------------------------------------------------------------------------------------- limiter
@given(
    st.floats(-30.0, 0.0), st.floats(0.0, 0.01), st.floats(0.0, 0.2), st.floats(-10.0, 40.0),
    st.sampled_from([torch.float32, torch.float64]), st.integers(0, 1000),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_nothing_exceeds_the_ceiling(ceiling_db, lookahead_s, release_s, drive_db, dtype, seed):
    x = noise(2, 600, seed=seed).to(dtype)
    y = limiter(
        x, RATE, ceiling_db=ceiling_db, lookahead_s=lookahead_s, release_s=release_s,
        drive_db=drive_db,
    )  # fmt: skip
    assert y.dtype == dtype
    assert float(y.double().abs().max()) <= 10 ** (ceiling_db / 20)


def test_the_gain_alone_keeps_the_ceiling():
    # Single peaks, at the edges too: the last clamp may only remove rounding.
    x = torch.full((2000,), 0.01, dtype=torch.float64)
    x[[0, 700, 703, 1999]] = torch.tensor([0.9, -1.0, 0.8, 1.0], dtype=torch.float64)
    y = limiter(x, RATE, ceiling_db=-20.0, lookahead_s=0.005)
    ramp = y[660:700] / x[660:700]
    # A straight line down to the gain that the peak needs, without a jump.
    assert bool((ramp.diff() <= 1e-12).all())
    assert float(ramp.diff().abs().max()) < 0.9 / 40 + 1e-9
    assert float(y[700] / x[700]) == pytest.approx(0.1)


def test_quiet_sound_passes_untouched():
    x = noise(2, 1000, scale=0.01)
    torch.testing.assert_close(limiter(x, RATE), x)


# ------------------------------------------------------------------------------ batches, gradients
def test_a_value_an_item_equals_items_alone():
    x, values = noise(3, 2, 800), torch.tensor([-10.0, -20.0, -30.0])
    for run in (
        lambda x, v: compressor(x, RATE, threshold_db=v, attack_s=-v / 1000.0),
        lambda x, v: expander(x, RATE, threshold_db=v, window_s=-v / 1000.0),
        lambda x, v: noise_gate(x, RATE, threshold_db=v, range_db=-v),
        lambda x, v: limiter(x, RATE, ceiling_db=v, release_s=-v / 100.0),
    ):
        together = run(x, values)
        for index in range(3):
            torch.testing.assert_close(together[index], run(x[index], values[index]))
        single = run(x.float(), values)
        assert single.dtype == torch.float32
        torch.testing.assert_close(single.double(), together, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("detector", ["peak", "rms"])
def test_gradients_of_the_compressor(detector):
    def run(x, side, threshold, ratio, attack, release, knee, makeup, window):
        return compressor(
            x, 4000, sidechain=side, threshold_db=threshold, ratio=ratio, attack_s=attack,
            release_s=release, knee_db=knee, makeup_db=makeup, window_s=window, detector=detector,
        )  # fmt: skip

    x = noise(2, 2, 16).requires_grad_()
    side = noise(2, 1, 16, seed=1).requires_grad_()
    numbers = (
        *(parameter(-20.0, -15.0), parameter(3.0), parameter(0.001), parameter(0.004, 0.003)),
        *(parameter(5.0), parameter(2.0), parameter(0.002)),
    )
    assert gradcheck(run, (x, side, *numbers))


@pytest.mark.parametrize("detector", ["peak", "rms"])
def test_gradients_of_expander_and_gate(detector):
    x = noise(2, 2, 16).requires_grad_()
    times = (parameter(0.001), parameter(0.004, 0.003), parameter(0.002))

    def expand(x, threshold, ratio, knee, most, attack, release, window):
        return expander(
            x, 4000, threshold_db=threshold, ratio=ratio, knee_db=knee, range_db=most,
            attack_s=attack, release_s=release, window_s=window, detector=detector,
        )  # fmt: skip

    numbers = (parameter(-2.0, -5.0), parameter(3.0), parameter(5.0), parameter(8.0))
    assert gradcheck(expand, (x, *numbers, *times))

    def gate(x, threshold, knee, most, attack, release, window):
        return noise_gate(
            x, 4000, threshold_db=threshold, knee_db=knee, range_db=most, hold_s=0.0005,
            attack_s=attack, release_s=release, window_s=window, detector=detector,
        )  # fmt: skip

    assert gradcheck(gate, (x, parameter(-8.0, -12.0), parameter(15.0), parameter(8.0), *times))


def test_gradients_of_the_limiter():
    def run(x, ceiling, release, drive):
        return limiter(
            x, 4000, ceiling_db=ceiling, release_s=release, drive_db=drive, lookahead_s=0.0012
        )

    x = noise(2, 2, 16).requires_grad_()
    assert gradcheck(run, (x, parameter(-8.0, -7.0), parameter(0.002), parameter(3.0)))
    single = noise(2, 16).float().requires_grad_()
    ceiling = torch.tensor(-8.0, requires_grad=True)
    limiter(single, 4000, ceiling_db=ceiling).square().sum().backward()
    assert torch.isfinite(single.grad).all()
    assert float(ceiling.grad) > 0


def test_a_compressor_can_be_learnt():
    time = torch.arange(4000, dtype=torch.float64) / RATE
    x = noise(4000, seed=5) * (0.55 + 0.45 * torch.sin(2 * math.pi * 3.0 * time))
    target = compressor(x, RATE, threshold_db=-24.0, ratio=3.0, attack_s=0.004, release_s=0.08)
    threshold, log_ratio, log_attack = parameter(-12.0), parameter(0.4), parameter(-4.5)
    optimiser = torch.optim.Adam(
        [{"params": [threshold], "lr": 0.5}, {"params": [log_ratio, log_attack], "lr": 0.05}]
    )
    losses = []
    for _ in range(120):
        optimiser.zero_grad()
        y = compressor(
            x, RATE, threshold_db=threshold, ratio=1.0 + log_ratio.exp(),
            attack_s=log_attack.exp(), release_s=0.08,
        )  # fmt: skip
        loss = (y - target).square().mean() / target.square().mean()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    # From an error louder than the target to 27 dB below it.
    assert losses[0] > 1.0
    assert losses[-1] < 2e-3


@pytest.mark.parametrize(
    ("run", "name"),
    [
        (lambda x: compressor(x, RATE, ratio=0.5), "ratio"),
        (lambda x: compressor(x, RATE, knee_db=-1.0), "knee_db"),
        (lambda x: compressor(x, RATE, detector="mean"), "detector"),
        (lambda x: expander(x, RATE, range_db=-1.0), "range_db"),
        (lambda x: noise_gate(x, RATE, hold_s=-1.0), "hold_s"),
        (lambda x: limiter(x, RATE, lookahead_s=-1.0), "lookahead_s"),
        (lambda x: limiter(x, RATE, release_s=torch.tensor([0.1, -0.1])), "release_s"),
    ],
)
def test_values_out_of_range_are_named(run, name: str):
    with pytest.raises(ValueError, match=name):
        run(noise(2, 100))


def test_no_samples_and_one():
    for shape in ((0,), (2, 0), (2, 3, 0), (1,), (2, 3, 1)):
        x = torch.ones(shape)
        for run in (compressor, expander, noise_gate, limiter):
            assert run(x, RATE).shape == x.shape
