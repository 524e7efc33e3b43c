"""Chorus, flanger, phaser, tremolo and their delay lines: closed forms, gradients, words."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.autograd import gradcheck, gradgradcheck

from audiolab.effects import (
    ChorusVoice,
    EffectsChain,
    EffectSyntaxError,
    chorus,
    flanger,
    phaser,
    tremolo,
)
from audiolab.effects._recurrences.modulated_delay import (
    TapTable,
    feed_back_line,
    gather_line,
    read_line,
    solve_feedback,
)
from audiolab.effects.modulation._waves import interpolated, sox_table, wave, whole_delays
from audiolab.effects.modulation.choruses import table_of
from audiolab.effects.sox import Context, Form, parse_effects

RATE = 8000


def noise(*shape: int, seed: int = 0, scale: float = 0.3) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64) * scale


def impulse(num_samples: int) -> torch.Tensor:
    x = torch.zeros(num_samples, dtype=torch.float64)
    x[0] = 1.0
    return x


def parameter(*values: float) -> torch.Tensor:
    shaped = values[0] if len(values) == 1 else list(values)
    return torch.tensor(shaped, dtype=torch.float64, requires_grad=True)


def taps(seed: int, period: int, count: int, least: int) -> TapTable:
    generator = torch.Generator().manual_seed(seed)
    shape = (2, period, count)
    delays = torch.randint(least, 20, shape, generator=generator, dtype=torch.int32)
    # Every third table keeps its weights.
    shape = (2, 1 if seed % 3 == 2 else period, count)
    weights = torch.randn(shape, generator=generator, dtype=torch.float64) / 2
    return TapTable(delays, weights, torch.tensor([0, 1, 0], dtype=torch.int32), 5 % period)


# ------------------------------------------------------------------------------------- delay lines
@given(st.integers(1, 700), st.integers(1, 90), st.integers(1, 3), st.integers(0, 30))
@settings(max_examples=30, deadline=None)
def test_loops_and_tensors_do_the_same(time: int, period: int, count: int, history: int):
    x, past = noise(3, time), noise(3, history, seed=1)
    scale = torch.tensor([0.3, 0.5, -0.4], dtype=torch.float64) / count
    line, table = torch.cat([past, x], dim=-1), taps(time, period, count, 0)
    torch.testing.assert_close(
        read_line(line, scale, table, history), gather_line(line, scale, table, history)
    )
    table = taps(time, period, count, 1)
    samples, whole = feed_back_line(x, scale, table, past)
    torch.testing.assert_close(whole, solve_feedback(x, scale, table, past))
    torch.testing.assert_close(whole[:, history:], samples)
    # y[t] = x[t] + what the line itself reads.
    torch.testing.assert_close(samples, x + read_line(whole, scale, table, history))


@pytest.mark.parametrize("seed", [0, 2])
def test_gradients_of_the_lines(seed: int):
    x, past = noise(3, 18).requires_grad_(), noise(3, 7, seed=1).requires_grad_()
    scale, table = parameter(0.3, 0.5, -0.4), taps(seed, 11, 2, 1)
    weights = table.weights.clone().requires_grad_()

    def with_(weights):
        return TapTable(table.delays, weights, table.row_of, table.phase)

    def read(line, scale, weights):
        return read_line(line, scale, with_(weights), 7)

    def feed(x, scale, weights, past):
        return feed_back_line(x, scale, with_(weights), past)

    def solve(x, scale, weights, past):
        return solve_feedback(x, scale, with_(weights), past)

    line = torch.cat([past, x], dim=-1).detach().requires_grad_()
    assert gradcheck(read, (line, scale, weights))
    assert gradgradcheck(read, (line, scale, weights))
    assert gradcheck(feed, (x, scale, weights, past))
    assert gradgradcheck(feed, (x[:, :9].detach().requires_grad_(), scale, weights, past))
    assert gradcheck(solve, (x, scale, weights, past))


# ------------------------------------------------------------------------------------------- waves
@pytest.mark.parametrize("shape", ["sine", "triangle"])
def test_waves_start_in_the_middle_and_rise(shape):
    turns = torch.tensor([0.0, 0.125, 0.25, 0.5, 0.75, 1.0, 7.25], dtype=torch.float64)
    middle = 0.75 if shape == "triangle" else 0.5 + math.sqrt(0.125)
    expected = torch.tensor([0.5, middle, 1.0, 0.5, 0.0, 0.5, 1.0], dtype=torch.float64)
    torch.testing.assert_close(wave(turns, shape), expected)
    table = sox_table(shape, 8, 0.0, 1.0, 0.0)
    torch.testing.assert_close(table[[0, 1, 2, 4, 6]], expected[:5])


def test_whole_delays_are_rounded_halves_up():
    assert whole_delays("triangle", 4, 0, 1, 0.0).tolist() == [1, 1, 1, 0]


@pytest.mark.parametrize(("interpolation", "degree"), [("linear", 1), ("quadratic", 2)])
def test_interpolation_is_exact_for_polynomials(interpolation, degree: int):
    time = torch.arange(100, dtype=torch.float64)
    line = (time / 50) ** degree
    delays = torch.full((1, 100), 3.37, dtype=torch.float64)
    table = interpolated(delays, torch.zeros(1, dtype=torch.int32), interpolation)
    read = read_line(line[None], torch.ones(1), table)[0]
    torch.testing.assert_close(read[10:], ((time[10:] - 3.37) / 50) ** degree)


# ------------------------------------------------------------------------------------------ chorus
@pytest.mark.parametrize("table", ["smooth", "sox"])
def test_without_depth_a_triangle_voice_is_an_echo(table):
    # SoX's table lies one sample below the delay.
    echo = 400 if table == "smooth" else 399
    voice = ChorusVoice(0.05, 0.4, 0.25, 0.0)
    y = chorus(impulse(1000), RATE, voices=[voice], gain_in=0.5, gain_out=0.8, table=table)
    assert y.shape == (1400,)
    expected = torch.zeros(1400, dtype=torch.float64)
    expected[[0, echo]] = torch.tensor([0.4, 0.32], dtype=torch.float64)
    torch.testing.assert_close(y, expected)


def test_a_swinging_delay_bends_the_pitch():
    time = torch.arange(2 * RATE, dtype=torch.float64) / RATE
    x = torch.sin(2 * math.pi * 200.0 * time)
    voice = ChorusVoice(0.05, 1.0, 1.0, 0.01, "sine")
    y = chorus(x, RATE, voices=[voice], gain_in=0.0, gain_out=1.0)[: 2 * RATE]
    moved = 2 * math.pi * 200.0 * (time - 0.05 - 0.01 * torch.sin(2 * math.pi * time))
    # The error of linear interpolation at 200 Hz: (w / 2 rate)^2 / 2.
    assert float((y - torch.sin(moved))[1000:].abs().max()) < 4e-3


def test_the_sine_of_sox_forgets_the_delay():
    (one,) = parse_effects("chorus 1 1 20 0.5 0.25 2 -s")
    voice = one.voices[0].whole(RATE)
    delays = table_of(voice.reach, voice.depth, voice.period, voice.shape, 176)
    assert delays.min() == 1
    assert sorted(set(delays.tolist()))[-2:] == [16, 176]


def test_a_voice_cannot_come_first():
    with pytest.raises(ValueError, match="depth_s"):
        chorus(noise(100), RATE, voices=[ChorusVoice(delay_s=0.001, depth_s=0.002)])
    with pytest.raises(TypeError, match="delay_s"):
        chorus(noise(100), RATE, voices=[ChorusVoice(torch.tensor(0.05))], table="sox")


# --------------------------------------------------------------------------------- flanger, phaser
@pytest.mark.parametrize("table", ["smooth", "sox"])
@pytest.mark.parametrize("interpolation", ["linear", "quadratic"])
def test_without_depth_a_flanger_is_a_comb(table, interpolation):
    y = flanger(
        impulse(200), RATE, delay_s=0.005, depth_s=0.0, regen=0.5, width=1.0,
        interpolation=interpolation, table=table,
    )  # fmt: skip
    expected = torch.zeros(200, dtype=torch.float64)
    # Delayed by 40 samples; the feedback comes one sample later.
    expected[0] = 0.5
    expected[[40, 81, 122, 163]] = 0.25 * torch.tensor([1.0, 0.5, 0.25, 0.125]).double()
    torch.testing.assert_close(y, expected)


@pytest.mark.parametrize("table", ["smooth", "sox"])
def test_a_phaser_of_one_sample_is_a_one_pole_filter(table):
    y = phaser(
        impulse(50), RATE, gain_in=0.5, gain_out=0.8, delay_s=1 / RATE, decay=0.9, table=table
    )
    torch.testing.assert_close(y, 0.4 * 0.9 ** torch.arange(50, dtype=torch.float64))


def test_channels_of_a_flanger_are_apart_by_the_phase():
    x = noise(2000)
    y = flanger(torch.stack([x, x, x]), RATE, phase=0.5)
    torch.testing.assert_close(y[0], flanger(x, RATE))
    # Half a period ahead, and a whole one.
    assert float((y[1] - y[0]).abs().max()) > 0.05
    torch.testing.assert_close(y[2], y[0])


def test_smooth_and_tabulated_sweeps_are_near():
    # Whole periods, low frequencies: what differs is rounding of delays and table.
    time = torch.arange(2 * RATE, dtype=torch.float64) / RATE
    x = torch.sin(2 * math.pi * 50.0 * time)
    for run in (
        lambda table: flanger(x, RATE, delay_s=0.001, regen=0.3, table=table),
        lambda table: phaser(x, RATE, table=table),
    ):
        assert float((run("smooth") - run("sox")).abs().max()) < 0.03


@pytest.mark.parametrize(
    ("run", "name"),
    [
        (lambda x: flanger(x, RATE, regen=1.0), "regen"),
        (lambda x: flanger(x, RATE, width=torch.tensor([0.5, 1.5])), "width"),
        (lambda x: flanger(x, RATE, phase=2.0), "phase"),
        (lambda x: flanger(x, RATE, interpolation="cubic"), "interpolation"),
        (lambda x: flanger(x, RATE, shape="square"), "shape"),
        (lambda x: phaser(x, RATE, delay_s=0.0), "delay_s"),
        (lambda x: phaser(x, RATE, decay=1.0), "decay"),
        (lambda x: chorus(x, RATE, table="table"), "table"),
        (lambda x: tremolo(x, RATE, speed_hz=-1.0), "speed_hz"),
        (lambda x: tremolo(x, RATE, speed_hz=1.0, depth=1.1), "depth"),
    ],
)
def test_values_out_of_range_are_named(run, name: str):
    with pytest.raises(ValueError, match=name):
        run(noise(2, 100))


# ----------------------------------------------------------------------------------------- tremolo
def test_tremolo_is_a_gain_between_one_and_less():
    y = tremolo(torch.ones(RATE, dtype=torch.float64), RATE, speed_hz=4.0, depth=0.6)
    assert float(y[0]) == pytest.approx(1.0)
    assert float(y[1000]) == pytest.approx(0.4)
    torch.testing.assert_close(y[:2000], y[2000:4000])


def test_tremolo_makes_headroom_in_chains():
    x = noise(2, 1000)
    plain, _ = EffectsChain("tremolo 5 gain 0 bass 6")(x, RATE)
    reduced, _ = EffectsChain("tremolo 5 bass 6")(x, RATE)
    torch.testing.assert_close(reduced, plain * 10 ** (-6 / 20))
    reclaimed, _ = EffectsChain("tremolo 5 bass 6 gain -r")(0.1 * x, RATE)
    torch.testing.assert_close(reclaimed, 0.1 * plain)


# --------------------------------------------------------------------- tensors, types, gradients
EFFECTS = [
    lambda x, v: chorus(x, RATE, voices=[ChorusVoice(v / 50, v, v * 3, v / 500)], gain_in=v),
    lambda x, v: chorus(x, RATE, voices=[ChorusVoice(decay=v)], gain_out=v, table="sox"),
    lambda x, v: flanger(x, RATE, delay_s=v / 300, depth_s=v / 99, regen=v, speed_hz=v * 9),
    lambda x, v: flanger(x, RATE, regen=-v, width=v, table="sox", interpolation="quadratic"),
    lambda x, v: phaser(x, RATE, gain_in=v, delay_s=v / 200, decay=v, speed_hz=v * 3),
    lambda x, v: phaser(x, RATE, gain_out=v, decay=v, shape="triangle", table="sox"),
    lambda x, v: tremolo(x, RATE, speed_hz=v * 20, depth=v),
]


@pytest.mark.parametrize("run", EFFECTS)
def test_a_value_an_item_equals_items_alone(run):
    x, values = noise(3, 2, 900), torch.tensor([0.3, 0.5, 0.8])
    together = run(x, values)
    for index in range(3):
        alone = run(x[index], values[index])
        torch.testing.assert_close(together[index, :, : alone.shape[-1]], alone)
        assert not together[index, :, alone.shape[-1] :].any()
    single = run(x.float(), values)
    assert single.dtype == torch.float32
    torch.testing.assert_close(single.double(), together, rtol=1e-4, atol=2e-6)


def test_half_precision_is_kept():
    x = noise(2, 400)
    for run in EFFECTS:
        half = run(x.bfloat16(), torch.tensor([0.3, 0.6]))
        assert half.dtype == torch.bfloat16
        expected = run(x.bfloat16().double(), torch.tensor([0.3, 0.6]))
        torch.testing.assert_close(half.double(), expected, rtol=0.02, atol=0.01)


def test_the_number_of_threads_changes_nothing():
    x = noise(8, 2, 40_000).float()
    threads = torch.get_num_threads()
    found = []
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            found.append([run(x, torch.tensor(0.4)) for run in EFFECTS])
    finally:
        torch.set_num_threads(threads)
    for one, two in zip(*found, strict=True):
        assert torch.equal(one, two)


def test_gradients_of_the_chorus():
    def run(x, enter, leave, delay, decay, speed, depth):
        voice = ChorusVoice(delay, decay, speed, depth, "sine")
        return chorus(x, 2000, voices=[voice], gain_in=enter, gain_out=leave)

    x = noise(2, 2, 20).requires_grad_()
    levels = (parameter(0.5), parameter(0.5, 0.6))
    swing = (parameter(0.0043), parameter(0.4), parameter(3.0), parameter(0.0011, 0.0014))
    assert gradcheck(run, (x, *levels, *swing))


@pytest.mark.parametrize("interpolation", ["linear", "quadratic"])
def test_gradients_of_the_flanger(interpolation):
    def run(x, delay, depth, regen, width, speed):
        return flanger(
            x, 2000, delay_s=delay, depth_s=depth, regen=regen, width=width, speed_hz=speed,
            interpolation=interpolation,
        )  # fmt: skip

    x = noise(2, 2, 20).requires_grad_()
    numbers = (parameter(0.0013), parameter(0.0023), parameter(0.5, -0.6), parameter(0.7))
    assert gradcheck(run, (x, *numbers, parameter(3.0, 3.3)))


def test_gradients_of_phaser_and_tremolo():
    def phase(x, enter, leave, delay, decay, speed):
        return phaser(
            x, 2000, gain_in=enter, gain_out=leave, delay_s=delay, decay=decay, speed_hz=speed
        )

    x = noise(2, 2, 20).requires_grad_()
    levels = (parameter(0.4), parameter(0.8), parameter(0.0043), parameter(0.5, 0.3))
    assert gradcheck(phase, (x, *levels, parameter(3.0, 3.3)))
    assert gradcheck(
        lambda x, speed, depth: tremolo(x, 2000, speed_hz=speed, depth=depth),
        (x, parameter(4.0), parameter(0.8, 0.4)),
    )


@pytest.mark.parametrize("run", EFFECTS[1::2])
def test_gradients_with_tables_of_sox(run):
    x = noise(2, 1, 20).requires_grad_()
    assert gradcheck(lambda x, v: run(x, v)[..., :60], (x, parameter(0.3, 0.6)))


def test_no_samples_and_one():
    for shape in ((0,), (2, 0), (2, 3, 0), (1,), (2, 3, 1)):
        x = torch.ones(shape)
        for table in ("smooth", "sox"):
            assert chorus(x, RATE, table=table).shape == (*shape[:-1], shape[-1] + 416)
            assert flanger(x, RATE, regen=0.5, table=table).shape == x.shape
            assert phaser(x, RATE, table=table).shape == x.shape
        assert tremolo(x, RATE, speed_hz=1.0).shape == x.shape


# ------------------------------------------------------------------------------------------ words
@pytest.mark.parametrize(
    ("line", "culprit", "reason"),
    [
        ("chorus 0.5 0.9", 3, "needs delay"),
        ("chorus 1.1 0.9 20 0.4 0.25 2 -t", 1, "outside 0 to 1"),
        ("chorus 0.7 0.9 19 0.4 0.25 2 -t", 3, "outside 20 to 100"),
        ("chorus 0.7 0.9 20 1.1 0.25 2 -t", 4, "outside 0 to 1"),
        ("chorus 0.7 0.9 20 0.4 0.05 2 -t", 5, "outside 0.1 to 5"),
        ("chorus 0.7 0.9 20 0.4 1 11 -t", 6, "outside 0 to 10"),
        ("chorus 0.7 0.9 20 0.4 1 2 -x", 7, "neither -s"),
        ("chorus 0.7 0.9 20 0.4 1 2", 7, "needs -s or -t"),
        ("chorus 0.7 0.9" + " 20 0.4 1 2 -s" * 8, 38, "at most 7"),
        ("phaser 0.4 0.74 3 1", 4, "outside 0 to 0.99"),
        ("phaser 0.4 0.74 3 0.4 0.5 -q", 6, "neither -s"),
        ("flanger 31", 1, "outside 0 to 30"),
        ("flanger 0 2 0 71 0.5 square", 6, "none of"),
        ("flanger 0 2 0 71 0.5 t 1 cubic", 8, "none of"),
        ("tremolo", 1, "needs speed"),
        ("tremolo -1", 1, "0 and more"),
        ("tremolo 5 0", 2, "above 0"),
    ],
)
def test_errors_point_at_the_word(line: str, culprit: int, reason: str):
    with pytest.raises(EffectSyntaxError, match=reason) as caught:
        parse_effects(line)
    assert caught.value.position == culprit


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("phaser -t", "0.4 0.74 3 0.4 0.5 -t"),
        ("phaser 0.7", "0.7 0.74 3 0.4 0.5 -s"),
        ("flanger 1 2 t q", "1 2 0 71 0.5 triangle 25 quadratic"),
        ("flanger tri 50", "0 2 0 71 0.5 triangle 50 linear"),
        ("tremolo 5", "5 40"),
    ],
)
def test_words_may_be_left_out(line: str, words: str):
    (effect,) = parse_effects(line)
    assert effect.words() == words.split()


def test_a_phaser_shorter_than_a_sample_is_refused():
    (effect,) = parse_effects("phaser 0.4 0.74 0.05 0.4 0.5")
    with pytest.raises(ValueError, match="less than a sample"):
        effect.stage(Form(8000.0, 1), Context(torch.zeros(1, dtype=torch.int64)))
