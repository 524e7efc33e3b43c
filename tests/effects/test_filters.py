"""Filters of second order: closed forms, items of a batch, precision, gradients, errors."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import scipy.signal
import torch

from audiolab import effects
from audiolab.effects._recurrences import dispatch
from audiolab.effects.filters import design

RATE = 16_000

#: Every function with numbers for parameters that a tensor could give.
CONTINUOUS: dict[str, tuple[dict[str, float], dict[str, Any]]] = {
    "lowpass": ({"cutoff_hz": 900.0, "q": 0.8}, {}),
    "lowpass one pole": ({"cutoff_hz": 900.0}, {"poles": 1}),
    "lowpass octaves": ({"cutoff_hz": 900.0, "bandwidth_octaves": 1.3}, {}),
    "highpass": ({"cutoff_hz": 900.0, "bandwidth_hz": 500.0}, {}),
    "highpass one pole": ({"cutoff_hz": 900.0}, {"poles": 1}),
    "bandpass": ({"center_hz": 900.0, "q": 2.0}, {}),
    "bandpass skirt": ({"center_hz": 900.0, "q": 2.0}, {"constant_skirt": True}),
    "bandreject": ({"center_hz": 900.0, "bandwidth_octaves": 0.7}, {}),
    "allpass": ({"center_hz": 900.0, "bandwidth_hz": 200.0}, {}),
    "allpass one pole": ({"center_hz": 900.0}, {"poles": 1}),
    "band": ({"center_hz": 900.0, "bandwidth_octaves": 0.7}, {}),
    "band unpitched": ({"center_hz": 900.0, "bandwidth_hz": 100.0}, {"unpitched": True}),
    "equalizer": ({"center_hz": 900.0, "gain_db": 7.0, "q": 1.5}, {}),
    "bass": ({"gain_db": 7.0, "center_hz": 300.0, "slope": 0.6}, {}),
    "bass by q": ({"gain_db": 7.0, "q": 0.9}, {}),
    "treble": ({"gain_db": -7.0, "center_hz": 2000.0, "slope": 0.6}, {}),
}


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def tone(frequency_hz: float, duration_s: float = 1.0) -> torch.Tensor:
    time = torch.arange(round(duration_s * RATE), dtype=torch.float64) / RATE
    return torch.sin(2 * math.pi * frequency_hz * time)


def level_db(filtered: torch.Tensor) -> float:
    """Return the level of a tone of amplitude 1 over whole periods at the end."""
    tail = filtered[..., -RATE // 2 :]
    return 10 * math.log10(2 * float(tail.square().mean()))


# ------------------------------------------------------------------------------------- closed forms
@pytest.mark.parametrize("effect", [effects.lowpass, effects.highpass])
def test_half_the_power_passes_at_the_cutoff(effect):
    assert level_db(effect(tone(500.0), RATE, cutoff_hz=500.0)) == pytest.approx(-3.0103, abs=1e-4)
    # A single pole at exp(-w0) has its half power there as far as w0 is small.
    one = level_db(effect(tone(50.0), RATE, cutoff_hz=50.0, poles=1))
    assert one == pytest.approx(-3.0103, abs=2e-3)


def test_two_poles_fall_by_twelve_decibels_an_octave():
    levels = [
        float(design.lowpass(96_000, cutoff_hz=100.0).frequency_response(f, 96_000).abs())
        for f in (1000.0, 2000.0)
    ]
    assert 20 * math.log10(levels[0] / levels[1]) == pytest.approx(12.04, abs=0.1)


def test_a_bandpass_has_its_half_power_points_where_its_width_says():
    # Octaves are measured on the analogue prototype: their ends are warped together with it.
    biquad = design.bandpass(RATE, center_hz=1000.0, bandwidth_octaves=1.0)
    frequency = torch.linspace(500.0, 2000.0, 30_001, dtype=torch.float64)
    power = biquad.frequency_response(frequency, RATE).abs().square()
    above = frequency[power >= 0.5]
    assert math.log2(float(above[-1] / above[0])) == pytest.approx(1.0, abs=0.02)
    assert float(power.max()) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize(("gain_db", "q"), [(6.0, 1.0), (-12.0, 5.0)])
def test_an_equalizer_has_its_gain_at_the_centre_and_none_far_away(gain_db, q):
    peak = design.equalizer(RATE, center_hz=1000.0, gain_db=gain_db, q=q)
    response = peak.frequency_response(torch.tensor([0.0, 1000.0, 8000.0]), RATE)
    levels = 20 * response.abs().log10()
    expected = torch.tensor([0.0, gain_db, 0.0], dtype=torch.float64)
    torch.testing.assert_close(levels, expected, rtol=0, atol=1e-9)


def test_shelves_have_half_the_decibels_at_their_centre():
    for shelf, ends in ((design.bass, (8.0, 0.0)), (design.treble, (0.0, 8.0))):
        for width in ({}, {"slope": 1.0}, {"q": 0.4}):
            biquad = shelf(RATE, gain_db=8.0, center_hz=1000.0, **width)
            response = biquad.frequency_response(torch.tensor([0.0, 1000.0, 8000.0]), RATE)
            expected = torch.tensor([ends[0], 4.0, ends[1]], dtype=torch.float64)
            torch.testing.assert_close(20 * response.abs().log10(), expected, rtol=0, atol=1e-9)


def test_widths_say_the_same_in_q_and_in_hertz():
    x = noise(500)
    one = effects.bandreject(x, RATE, center_hz=1000.0, q=4.0)
    other = effects.bandreject(x, RATE, center_hz=1000.0, bandwidth_hz=250.0)
    torch.testing.assert_close(one, other, rtol=0, atol=1e-14)


def test_band_for_noise_keeps_the_power_of_white_noise():
    x = noise(200_000, seed=3)
    y = effects.band(x, RATE, center_hz=1500.0, bandwidth_hz=300.0, unpitched=True)
    # The standard error of the power in a band 300 Hz wide, over 12.5 s, is 2 %.
    assert float(y.square().mean()) == pytest.approx(float(x.square().mean()), rel=0.08)


def test_the_frequency_response_is_scipys():
    biquad = design.treble(RATE, gain_db=-5.0)
    frequency = torch.linspace(0.0, 7999.0, 50, dtype=torch.float64)
    _, expected = scipy.signal.freqz(biquad.b, biquad.a, frequency.numpy(), fs=RATE)
    found = biquad.frequency_response(frequency, RATE)
    torch.testing.assert_close(found, torch.from_numpy(expected), rtol=0, atol=1e-12)
    scalar = biquad.frequency_response(1000.0, RATE)
    assert scalar.shape == ()


def test_riaa_follows_its_time_constants():
    t1, t2, t3 = 3180e-6, 318e-6, 75e-6
    frequency = torch.tensor([20.0, 50.0, 200.0, 1000.0, 5000.0, 10_000.0], dtype=torch.float64)
    s = 2j * math.pi * frequency
    ideal = ((1 + s * t2) / ((1 + s * t1) * (1 + s * t3))).abs()
    ideal = 20 * (ideal / ideal[3]).log10()
    for rate in (44_100, 48_000, 88_200, 96_000):
        found = 20 * design.riaa(rate).frequency_response(frequency, rate).abs().log10()
        # Two zeros and two poles come as near as this.
        torch.testing.assert_close(found, ideal, rtol=0, atol=0.5)


def test_deemph_follows_its_time_constants():
    frequency = torch.tensor([100.0, 1000.0, 5000.0, 10_000.0, 15_000.0], dtype=torch.float64)
    s = 2j * math.pi * frequency
    ideal = 20 * ((1 + s * 15e-6) / (1 + s * 50e-6)).abs().log10()
    for rate in (44_100, 48_000):
        found = 20 * design.deemph(rate).frequency_response(frequency, rate).abs().log10()
        torch.testing.assert_close(found, ideal, rtol=0, atol=0.065)  # 0.06, says sox(1)


def test_a_single_pole_is_the_recursion_of_the_book():
    x = noise(300)
    p = math.exp(-2 * math.pi * 300 / RATE)
    expected = scipy.signal.lfilter([1 - p], [1, -p], x)
    y = effects.lowpass(x, RATE, cutoff_hz=300.0, poles=1)
    torch.testing.assert_close(y, torch.from_numpy(expected), rtol=0, atol=1e-14)


# ----------------------------------------------------------------------------------------- batches
def function(name: str) -> Callable[..., torch.Tensor]:
    return getattr(effects, name.split()[0])


@pytest.mark.parametrize("name", CONTINUOUS)
def test_a_tensor_gives_each_item_its_own_parameters(name):
    numbers, fixed = CONTINUOUS[name]
    x = noise(3, 2, 200)
    factors = torch.tensor([0.9, 1.0, 1.1], dtype=torch.float64)
    batched = function(name)(x, RATE, **{k: v * factors for k, v in numbers.items()}, **fixed)
    for item, factor in enumerate(factors.tolist()):
        alone = function(name)(
            x[item], RATE, **{k: v * factor for k, v in numbers.items()}, **fixed
        )
        torch.testing.assert_close(batched[item], alone, rtol=0, atol=1e-13)


@pytest.mark.parametrize("name", CONTINUOUS)
def test_gradients_reach_samples_and_parameters(name):
    numbers, fixed = CONTINUOUS[name]
    x = noise(2, 12, seed=1).requires_grad_()
    values = [
        torch.tensor([value, 1.1 * value], dtype=torch.float64, requires_grad=True)
        for value in numbers.values()
    ]

    def run(x: torch.Tensor, *values: torch.Tensor) -> torch.Tensor:
        return function(name)(x, RATE, **dict(zip(numbers, values, strict=True)), **fixed)

    assert torch.autograd.gradcheck(run, (x, *values), eps=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", CONTINUOUS)
def test_a_scan_gives_the_same(name, monkeypatch):
    numbers, fixed = CONTINUOUS[name]
    x = noise(2, 700, seed=2)
    looped = function(name)(x, RATE, **numbers, **fixed)
    monkeypatch.setattr(dispatch, "runs_compiled", lambda samples: False)
    scanned = function(name)(x, RATE, **numbers, **fixed)
    torch.testing.assert_close(scanned, looped, rtol=0, atol=1e-11)


def test_a_parameter_a_channel():
    x = noise(2, 3, 100)
    cutoff = torch.tensor([[100.0, 200.0, 300.0], [400.0, 500.0, 600.0]])
    y = effects.lowpass(x, RATE, cutoff_hz=cutoff)
    alone = effects.lowpass(x[1, 2], RATE, cutoff_hz=600.0)
    torch.testing.assert_close(y[1, 2], alone, rtol=0, atol=1e-14)


def test_shape_and_dtype_are_kept():
    for shape in ((), (0,), (3, 0), (7,)):
        x = torch.zeros(*shape, 5)
        assert effects.bass(x, RATE, gain_db=3.0).shape == x.shape
    assert effects.bass(torch.zeros(2, 0), RATE, gain_db=3.0).shape == (2, 0)
    assert effects.bass(torch.zeros(4, dtype=torch.float16), RATE, gain_db=3.0).dtype == torch.half


def test_low_cutoffs_keep_their_precision_in_float32():
    x = noise(1, 48_000)
    for effect, cutoff in ((effects.highpass, 20.0), (effects.lowpass, 30.0)):
        double = effect(x, 48_000, cutoff_hz=cutoff)
        single = effect(x.float(), 48_000, cutoff_hz=cutoff)
        error = (single - double).abs().max() / double.abs().max()
        # Input and output are rounded to 24 bits: -138 dB; torchaudio's float32 has -54 and -69 dB.
        assert 20 * math.log10(float(error)) < -130


def test_given_coefficients_for_all_and_for_each():
    x = noise(2, 3, 50)
    b, a = noise(2, 3, seed=4), torch.tensor([[2.0, 0.3, 0.1], [1.0, -0.5, 0.2]])
    y = effects.biquad(x, b=b, a=a)
    for item in range(2):
        expected = scipy.signal.lfilter(b[item], a[item], x[item].numpy())
        torch.testing.assert_close(y[item], torch.from_numpy(expected), rtol=0, atol=1e-12)
    plain = effects.biquad(x, b=[1.0, 0.0, 0.0], a=[2.0, 0.0, 0.0])
    torch.testing.assert_close(plain, x / 2)


def test_gradients_reach_given_coefficients():
    x, b = noise(2, 9).requires_grad_(), noise(3, seed=5).requires_grad_()
    a = torch.tensor([1.3, -0.4, 0.2], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x, b, a: effects.biquad(x, b=b, a=a), (x, b, a))


# ------------------------------------------------------------------------------------------- errors
@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("lowpass", {"cutoff_hz": 8001.0}, r"cutoff_hz must be between 0 and 8000 Hz, got 8001"),
        ("lowpass", {"cutoff_hz": 0.0}, r"cutoff_hz must be above 0 Hz, got 0"),
        ("lowpass", {"cutoff_hz": torch.tensor([5.0, -1.0])}, r"above 0 Hz .* 8000 Hz, got -1"),
        ("lowpass", {"cutoff_hz": math.nan}, r"cutoff_hz must be"),
        ("lowpass", {"cutoff_hz": 99.0, "q": 0.0}, r"q must be above 0, got 0"),
        ("lowpass", {"cutoff_hz": 99.0, "q": 1, "bandwidth_hz": 3}, r"exactly one .* q and band"),
        ("lowpass", {"cutoff_hz": 99.0, "poles": 3}, r"poles must be 1 or 2, got 3"),
        (
            "lowpass",
            {"cutoff_hz": 99.0, "poles": 1, "q": 1.0},
            r"one pole has no width: leave q out",
        ),
        ("allpass", {"center_hz": 99.0}, r"exactly one of q, bandwidth_octaves, bandwidth_hz"),
        ("bass", {"gain_db": 3.0, "slope": 1.1}, r"slope must be between 0 and 1, got 1.1"),
        ("bass", {"gain_db": 3.0, "slope": 1.0, "q": 1.0}, r"got q and slope"),
        ("bass", {"gain_db": math.inf}, r"gain_db must be finite"),
        ("treble", {"gain_db": torch.tensor(math.nan)}, r"gain_db must be finite"),
        ("bandpass", {"center_hz": 8000.0, "bandwidth_octaves": 1.0}, r"bandwidth_octaves"),
    ],
)
def test_errors_name_the_parameter(name, arguments, message):
    x = torch.zeros(2, 100)
    with pytest.raises(ValueError, match=message):
        function(name)(x, RATE, **arguments)


def test_errors_of_shapes_and_rates():
    x = torch.zeros(2, 100)
    with pytest.raises(ValueError, match="cutoff_hz must be a number or a tensor whose shape"):
        effects.lowpass(x, RATE, cutoff_hz=torch.tensor([1.0, 2.0, 3.0]))
    with pytest.raises(ValueError, match="sample_rate must be above 0"):
        effects.lowpass(x, 0, cutoff_hz=1.0)
    with pytest.raises(TypeError, match=r"waveform must be a torch\.Tensor"):
        effects.lowpass([1.0], RATE, cutoff_hz=1.0)
    with pytest.raises(ValueError, match=r"44100 .* or 48000"):
        effects.deemph(x, RATE)
    with pytest.raises(ValueError, match="one of 44100, 48000, 88200, 96000"):
        effects.riaa(x, 192_000)
    with pytest.raises(ValueError, match="a0 must not be 0"):
        effects.biquad(x, b=[1, 0, 0], a=[0, 0, 0])
    with pytest.raises(ValueError, match="b must be three coefficients"):
        effects.biquad(x, b=[1, 0], a=[1, 0, 0])
    with pytest.raises(ValueError, match="a must be three coefficients"):
        effects.biquad(x, b=[1, 0, 0], a=torch.ones(3, 3))


def test_compiles_into_one_graph():
    x = noise(2, 100).float()
    cutoff = torch.tensor([300.0, 500.0])

    def run(x: torch.Tensor, cutoff: torch.Tensor) -> torch.Tensor:
        return effects.lowpass(x, RATE, cutoff_hz=cutoff).tanh()

    compiled = torch.compile(run, fullgraph=True, backend="eager")
    torch.testing.assert_close(compiled(x, cutoff), run(x, cutoff))
