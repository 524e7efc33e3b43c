"""Filters by an impulse response, and the convolution behind them."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.signal
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from audiolab import effects
from audiolab._convolution import StreamedConvolution, convolve, fast_length
from audiolab.effects._kaiser import kaiser_beta, kaiser_length
from audiolab.effects.filters.equal_loudness import loudness_taps
from audiolab.effects.filters.finite import sinc_filter
from audiolab.effects.filters.impulse import Edge, sinc_taps

RATE = 16_000


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def level_db(taps: torch.Tensor, frequency_hz: float, rate: float = RATE) -> float:
    _, response = scipy.signal.freqz(taps.numpy(), worN=[frequency_hz], fs=rate)
    return 20 * math.log10(max(float(np.abs(response[0])), 1e-20))


# -------------------------------------------------------------------------------------- convolution
def test_fast_lengths_are_the_least_even_smooth_numbers():
    smooth = sorted(2 * 2**a * 3**b * 5**c for a in range(13) for b in range(8) for c in range(6))
    for length in range(1, 2000):
        assert fast_length(length) == next(each for each in smooth if each >= length)


@settings(max_examples=40, deadline=None)
@given(
    time=st.integers(0, 3000),
    count=st.integers(1, 700),
    start=st.integers(-20, 800),
    length=st.integers(0, 3500),
)
def test_convolve_is_a_stretch_of_the_full_convolution(time, count, start, length):
    x, taps = noise(2, time), noise(count, seed=1)
    y = convolve(x, taps, start=start, length=length)
    expected = np.zeros((2, length))
    if time:
        full = scipy.signal.fftconvolve(x.numpy(), taps.numpy()[None], axes=-1)
        for n in range(max(0, -start), min(length, full.shape[-1] - start)):
            expected[:, n] = full[:, start + n]
    # Both are transforms in float64 of values around 1.
    torch.testing.assert_close(y, torch.from_numpy(expected), rtol=0, atol=1e-11)


def test_convolve_in_blocks_and_with_taps_for_each_row():
    x, taps = noise(2, 3, 50_000), noise(2, 1, 65, seed=2)
    y = convolve(x, taps)
    for item in range(2):
        expected = scipy.signal.lfilter(taps[item, 0], [1.0], x[item].numpy())
        torch.testing.assert_close(y[item], torch.from_numpy(expected), rtol=0, atol=1e-11)


def test_many_rows_are_convolved_a_few_at_a_time():
    x, taps = noise(3, 2, 90_000).float(), noise(1, 33, seed=6)
    y = convolve(x, taps, start=16)
    for one, other in zip(y.flatten(0, 1), x.flatten(0, 1), strict=True):
        # Other lengths of transform, float32.
        torch.testing.assert_close(one, convolve(other, taps[0], start=16), rtol=0, atol=1e-5)
    recorded = convolve(x.requires_grad_(), taps, start=16)
    torch.testing.assert_close(recorded.detach(), y, rtol=0, atol=1e-5)


def test_gradients_reach_samples_and_taps():
    x, taps = noise(2, 7).requires_grad_(), noise(2, 3, seed=3).requires_grad_()
    assert torch.autograd.gradcheck(lambda x, h: convolve(x, h, start=1, length=9), (x, taps))
    assert torch.autograd.gradgradcheck(lambda x, h: convolve(x, h, start=1, length=9), (x, taps))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 300), min_size=1, max_size=6), st.integers(0, 40))
def test_a_streamed_convolution_is_the_whole_one(lengths, start):
    x, taps = noise(2, sum(lengths)), noise(41, seed=4)
    stream = StreamedConvolution(taps, start)
    parts = [stream.push(block) for block in x.split(lengths, dim=-1)]
    last = stream.finish()
    assert last is not None
    y = torch.cat([*parts, last], dim=-1)
    torch.testing.assert_close(y, convolve(x, taps, start=start), rtol=0, atol=1e-12)


def test_a_stream_without_blocks_has_no_end():
    assert StreamedConvolution(torch.ones(3)).finish() is None


# --------------------------------------------------------------------------------------------- sinc
@pytest.mark.parametrize("attenuation_db", [40.0, 55.0, 60.0, 90.0, 120.0, 180.0])
def test_the_stop_band_is_as_low_as_asked_for(attenuation_db):
    taps = sinc_taps(RATE, lowpass=Edge(2000.0), attenuation_db=attenuation_db)
    frequency = torch.linspace(2200.0, 8000.0, 3000)
    _, response = scipy.signal.freqz(taps.numpy(), worN=frequency.numpy(), fs=RATE)
    worst = 20 * math.log10(np.abs(response).max())
    # Kaiser's rule is right to a decibel or so; where it is not, the filter is better, not worse.
    assert -attenuation_db - 8 < worst < -attenuation_db + 1.5


def test_edges_are_at_half_the_amplitude():
    taps = sinc_taps(RATE, highpass=Edge(500.0), lowpass=Edge(3000.0))
    for frequency, level in ((500.0, -6.02), (3000.0, -6.02), (1500.0, 0.0)):
        assert level_db(taps, frequency) == pytest.approx(level, abs=1e-2)
    assert level_db(taps, 100.0) < -115
    assert level_db(taps, 7000.0) < -115
    # The polarity is kept: unlike SoX's band-pass, this one has a positive centre.
    assert taps[len(taps) // 2] == pytest.approx((3000 - 500) / 8000)


def test_a_band_and_its_removal_make_a_whole():
    band, rest = (
        sinc_taps(RATE, highpass=Edge(high, num_taps=101), lowpass=Edge(low, num_taps=101), beta=8)
        for high, low in ((500.0, 3000.0), (3000.0, 500.0))
    )
    whole = torch.eye(101, dtype=torch.float64)[50]
    torch.testing.assert_close(band + rest, whole, rtol=0, atol=1e-15)


def test_the_word_turns_a_bandpass_over():
    x = noise(1, 800)
    kept = effects.sinc(x, RATE, highpass_hz=300.0, lowpass_hz=3400.0)
    turned, _ = effects.EffectsChain("sinc 300-3400")(x, RATE)
    torch.testing.assert_close(turned, -kept, rtol=0, atol=1e-13)


@pytest.mark.parametrize("phase", [0.0, 10.0, 25.0, 40.0, 60.0, 75.0, 100.0])
@pytest.mark.parametrize("edges", [{"lowpass_hz": 2000.0}, {"highpass_hz": 2000.0}])
def test_every_phase_has_the_same_magnitudes(phase, edges):
    linear, _ = sinc_filter(RATE, **edges, attenuation_db=80.0)
    taps, start = sinc_filter(RATE, **edges, attenuation_db=80.0, phase=phase)
    for frequency in (100.0, 1000.0, 1900.0, 2100.0, 4000.0, 7900.0):
        one, other = (10 ** (level_db(each, frequency) / 20) for each in (linear, taps))
        # What is cut from the response's ends is below the stop-band.
        assert one == pytest.approx(other, abs=5e-4)
    assert taps.abs().argmax() == pytest.approx(start, abs=3)


def test_minimum_phase_comes_first_and_maximum_phase_is_its_mirror():
    least, start = sinc_filter(RATE, lowpass_hz=2000.0, phase=0.0)
    most, end = sinc_filter(RATE, lowpass_hz=2000.0, phase=100.0)
    assert torch.equal(least.flip(0), most)
    assert start + end == len(least) - 1
    zeros = np.abs(np.roots(sinc_filter(RATE, lowpass_hz=2000.0, phase=0.0, num_taps=11)[0]))
    assert zeros.max() < 1.0 + 1e-6


def test_a_longer_window_for_a_narrower_transition():
    wide = sinc_taps(RATE, lowpass=Edge(2000.0, transition_hz=400.0))
    narrow = sinc_taps(RATE, lowpass=Edge(2000.0, transition_hz=100.0))
    assert len(narrow) == pytest.approx(4 * len(wide), rel=0.02)
    assert len(sinc_taps(RATE, lowpass=Edge(2000.0, num_taps=200))) == 201


def test_betas_beside_kaisers_rule():
    for attenuation_db in (60.0, 100.0, 150.0):
        for transition in (1e-6, 0.0005, 0.01, 0.25, 3.0):
            rule = 0.1102 * (attenuation_db - 8.7)
            assert kaiser_beta(attenuation_db, transition) == pytest.approx(rule, rel=0.04)
    assert kaiser_beta(20.0, 0.1) == 0.0
    classical = (60 - 7.95) / (2.285 * 2 * math.pi * 0.01)
    assert kaiser_length(60.0, kaiser_beta(60.0, 0.1), 0.01) == pytest.approx(classical, rel=0.01)


# ------------------------------------------------------------------------------------------- others
def test_fir_for_each_item_and_its_gradient():
    x, taps = noise(2, 3, 20), noise(2, 4, seed=5)
    y = effects.fir(x, taps)
    for item in range(2):
        alone = effects.fir(x[item], taps[item].tolist())
        torch.testing.assert_close(y[item], alone, rtol=0, atol=1e-13)
    leaves = (x[:, :, :6].clone().requires_grad_(), taps.requires_grad_())
    assert torch.autograd.gradcheck(effects.fir, leaves)


def test_hilbert_turns_a_tone_by_ninety_degrees():
    turns = 2 * math.pi * 1000 * torch.arange(8000.0).double() / RATE
    y = effects.hilbert(torch.cos(turns), RATE)
    torch.testing.assert_close(y[500:-500], torch.sin(turns)[500:-500], rtol=0, atol=1e-4)
    analytic = scipy.signal.hilbert(torch.cos(turns).numpy()).imag
    torch.testing.assert_close(y[500:-500], torch.from_numpy(analytic)[500:-500], rtol=0, atol=1e-4)


@pytest.mark.parametrize("gain_db", [-30.0, -10.0, 10.0])
def test_loudness_has_its_gain_at_one_kilohertz_and_less_at_the_ends(gain_db):
    taps = loudness_taps(44_100, gain_db)
    assert level_db(taps, 1000.0, 44_100) == pytest.approx(gain_db, abs=0.01)
    low = level_db(taps, 50.0, 44_100)
    # ISO 226: contours lie closer together in the bass.
    assert 0.4 < low / gain_db < 0.75


def test_firfit_goes_through_its_points():
    frequencies, gains = [200.0, 1000.0, 4000.0], [0.0, -10.0, 3.0]
    taps = effects.firfit(
        torch.eye(1, 4001, dtype=torch.float64).roll(2000, -1),
        RATE,
        frequencies_hz=frequencies,
        gains_db=gains,
    )[0]
    for frequency, gain in zip([50.0, *frequencies, 7000.0], [0.0, *gains, 3.0], strict=True):
        # The window rounds the corners where the curve becomes level.
        assert level_db(taps, frequency) == pytest.approx(gain, abs=0.2)


def test_earwax_is_symmetric_and_linear():
    x = noise(2, 2, 300)
    y = effects.earwax(x, 44_100)
    # The right channel reaches the left ear a sample later than the left one the right ear.
    swapped = effects.earwax(x.flip(-2), 44_100).flip(-2)
    assert not torch.allclose(y, swapped)
    torch.testing.assert_close(effects.earwax(2 * x, 44_100), 2 * y, rtol=0, atol=1e-12)
    torch.testing.assert_close(y[1], effects.earwax(x[1], 44_100), rtol=0, atol=1e-12)
    rounded = effects.earwax(0.1 * x, 44_100, whole_numbers=True)
    # Rounding to 2**-25 before 64 taps whose magnitudes add up to 508.
    assert (rounded - 0.1 * y).abs().max() < 508 * 2**-31 * 1.01
    assert torch.equal(rounded * 2**31, torch.round(rounded * 2**31))


def test_gradients_reach_the_samples():
    x = noise(2, 40).requires_grad_()
    for run in (
        lambda x: effects.sinc(x, 44_100, highpass_hz=5000.0, num_taps=11),
        lambda x: effects.sinc(x, 44_100, lowpass_hz=5000.0, num_taps=11, phase=25.0),
        lambda x: effects.hilbert(x, 44_100, num_taps=9),
        lambda x: effects.earwax(x, 44_100),
        lambda x: effects.loudness(x, 44_100),
    ):
        assert torch.autograd.gradcheck(run, (x,))
    effects.earwax(x, 44_100, whole_numbers=True).sum().backward()
    straight = x.grad.clone()
    x.grad = None
    effects.earwax(x, 44_100).sum().backward()
    torch.testing.assert_close(straight, x.grad, rtol=0, atol=1e-12)


def test_taps_that_inference_remembered_serve_training():
    x = noise(2, 400)
    for run in (
        lambda x: effects.sinc(x, RATE, lowpass_hz=1234.0),
        lambda x: effects.loudness(x, RATE, gain_db=-12.34),
        lambda x: effects.hilbert(x, RATE, num_taps=333),
    ):
        with torch.inference_mode():
            first = run(x)
        leaf = x.clone().requires_grad_()
        again = run(leaf)
        again.square().sum().backward()
        torch.testing.assert_close(again.detach(), first.clone())
        assert leaf.grad is not None


def test_float32_is_the_rounding_of_float64():
    x = noise(2, 20_000)
    for run in (
        lambda x: effects.sinc(x, RATE, lowpass_hz=2000.0),
        lambda x: effects.loudness(x, RATE),
        lambda x: effects.hilbert(x, RATE),
    ):
        double, single = run(x), run(x.float())
        assert single.dtype == torch.float32
        # A transform in float32 leaves about -130 dB of the loudest sample.
        assert (single - double).abs().max() < 1e-6 * double.abs().max()


def test_short_and_empty_signals_keep_their_length():
    for time in (0, 1, 5):
        x = torch.ones(2, time)
        assert effects.sinc(x, RATE, lowpass_hz=2000.0).shape == x.shape
        assert effects.earwax(x, 44_100, whole_numbers=True).shape == x.shape
        assert effects.fir(x, [1.0, 2.0]).shape == x.shape


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (lambda x: effects.sinc(x, RATE), "give a highpass edge"),
        (lambda x: effects.sinc(x, RATE, lowpass_hz=8000.0), "lowpass_hz must be below .* 8000"),
        (lambda x: effects.sinc(x, RATE, highpass_hz=0.0), "highpass_hz must be above 0"),
        (lambda x: effects.sinc(x, RATE, lowpass_hz=9.0, attenuation_db=30), "attenuation_db"),
        (lambda x: effects.sinc(x, RATE, lowpass_hz=9.0, beta=300.0), "beta must be between"),
        (lambda x: effects.sinc(x, RATE, lowpass_hz=9.0, phase=101.0), "phase must be between"),
        (lambda x: effects.sinc(x, RATE, lowpass_hz=9.0, num_taps=10), "num_taps must be between"),
        (
            lambda x: effects.sinc(x, RATE, lowpass_hz=9.0, num_taps=11, transition_hz=5.0),
            "transition_hz or num_taps, not both",
        ),
        (lambda x: effects.hilbert(x, RATE, num_taps=4), "num_taps must be odd"),
        (lambda x: effects.hilbert(x, RATE, num_taps=1), "num_taps must be between 3"),
        (lambda x: effects.fir(x, []), "taps must have at least one"),
        (lambda x: effects.fir(x, torch.ones(3, 5)), "prefix of"),
        (lambda x: effects.loudness(x, RATE, gain_db=16.0), "gain_db must be between -50 and 15"),
        (lambda x: effects.loudness(x, RATE, reference_phon=40), "reference_phon must be between"),
        (lambda x: effects.earwax(x, RATE), "stereo at 44100 Hz, got 2 channel"),
        (lambda x: effects.earwax(x[:1], 44_100), "got 1 channel"),
        (
            lambda x: effects.firfit(x, RATE, frequencies_hz=[5.0, 4.0], gains_db=[0.0, 0.0]),
            "frequencies_hz must rise, got 4.0 after 5.0",
        ),
        (
            lambda x: effects.firfit(x, RATE, frequencies_hz=[5.0], gains_db=[0.0]),
            "2 or more, got 1 and 1",
        ),
    ],
)
def test_errors_name_the_parameter(run, message):
    with pytest.raises(ValueError, match=message):
        run(torch.zeros(2, 50))
