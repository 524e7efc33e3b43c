"""Sweeps and impulses: the frequency at each moment, parity with scipy, and where energy lies."""

import itertools
import math

import pytest
import scipy.signal
import torch

from audiolab import signals

RATE = 48_000


def instantaneous_hz(samples: torch.Tensor, rate: int) -> torch.Tensor:
    """Frequency between samples, from the phase of the analytic signal."""
    phase = torch.angle(torch.from_numpy(scipy.signal.hilbert(samples.numpy())))
    step = torch.remainder(phase.diff(), 2 * math.pi)
    return step * rate / (2 * math.pi)


@pytest.mark.parametrize(("start_hz", "stop_hz"), [(500.0, 15_000.0), (15_000.0, 500.0)])
@pytest.mark.parametrize("make", [signals.linear_sweep, signals.log_sweep])
def test_frequency_follows_the_formula(make, start_hz: float, stop_hz: float) -> None:
    samples = make(start_hz, stop_hz, 2.0, RATE, dtype=torch.float64)
    measured = instantaneous_hz(samples, RATE)
    position = (torch.arange(2 * RATE - 1, dtype=torch.float64) + 0.5) / (2 * RATE)
    if make is signals.linear_sweep:
        expected = start_hz + (stop_hz - start_hz) * position
    else:
        expected = start_hz * (stop_hz / start_hz) ** position
    # The Hilbert transform rings at the ends, a ripple that reaches the middle; parity with
    # scipy, below, is what pins the digits.
    middle = slice(RATE // 10, -RATE // 10)
    error = (measured / expected - 1.0)[middle].abs()
    assert float(error.max()) < 1e-2
    assert float(error.median()) < 2e-4


def test_log_sweep_spends_the_same_time_in_each_octave() -> None:
    samples = signals.log_sweep(100.0, 12_800.0, 7.0, RATE, dtype=torch.float64)
    upward = ((samples[:-1] < 0) & (samples[1:] >= 0)).sum()
    # Integral of f over T: T (f1 - f0) / ln(f1 / f0) periods, so many upward crossings; the first
    # sample is none, and the last may lie before one.
    assert float(upward) == pytest.approx(7.0 * 12_700.0 / math.log(128.0), abs=2.0)
    # Seven octaves in seven seconds: each second has twice the crossings of the one before.
    crossings = ((samples[:-1] < 0) & (samples[1:] >= 0)).double()
    each = torch.stack([part.sum() for part in crossings[: 7 * RATE].split(RATE)])
    torch.testing.assert_close(each[1:], 2 * each[:-1], atol=2.0, rtol=0)


@pytest.mark.parametrize(
    ("make", "method"), [(signals.linear_sweep, "linear"), (signals.log_sweep, "logarithmic")]
)
def test_sweeps_match_scipy(make, method: str) -> None:
    samples = make(50.0, 10_000.0, 3.0, RATE, amplitude=1.0, dtype=torch.float64)
    time = torch.arange(3 * RATE, dtype=torch.float64).numpy() / RATE
    theirs = scipy.signal.chirp(time, 50.0, 3.0, 10_000.0, method=method, phi=-90)
    # Their phase is not wrapped before the sine; at 1e5 rad that costs a few 1e-11.
    torch.testing.assert_close(samples, torch.from_numpy(theirs), atol=1e-9, rtol=0)


@pytest.mark.parametrize("make", [signals.linear_sweep, signals.log_sweep])
def test_a_sweep_that_stands_still_is_a_tone(make) -> None:
    tone = signals.tone(440.0, 1.0, RATE, dtype=torch.float64)
    still = make(440.0, 440.0, 1.0, RATE, dtype=torch.float64)
    torch.testing.assert_close(still, tone, atol=1e-10, rtol=0)
    nearly = make(440.0, 440.0 * (1 + 1e-13), 1.0, RATE, dtype=torch.float64)
    torch.testing.assert_close(nearly, tone, atol=1e-9, rtol=0)


def test_log_sweep_is_pink_and_linear_sweep_white() -> None:
    bands = [(500 * 2**k, 1000 * 2**k) for k in range(4)]
    for make, slope_db in ((signals.linear_sweep, 3.0), (signals.log_sweep, 0.0)):
        power = torch.fft.rfft(make(100.0, 20_000.0, 5.0, RATE, dtype=torch.float64)).abs().square()
        levels = [10 * math.log10(float(power[5 * low : 5 * high].sum())) for low, high in bands]
        for lower, upper in itertools.pairwise(levels):
            # Power per octave: doubles for a flat density, stays for 1/f.
            assert upper - lower == pytest.approx(slope_db, abs=0.1)


def test_click_is_one_sample() -> None:
    samples = signals.click(0.01, RATE, at_s=0.005, amplitude=-0.25)
    assert samples.nonzero().tolist() == [[240]]
    assert float(samples[240]) == -0.25
    torch.testing.assert_close(
        torch.fft.rfft(samples.double()).abs(), torch.full((241,), 0.25, dtype=torch.float64)
    )


def test_click_must_lie_inside() -> None:
    with pytest.raises(ValueError, match="at_s must lie within the signal of 480 samples"):
        signals.click(0.01, RATE, at_s=0.01)
    with pytest.raises(ValueError, match="at_s"):
        signals.click(0.01, RATE, at_s=-0.001)


def test_chirp_is_a_windowed_sweep_with_one_correlation_peak() -> None:
    pulse = signals.chirp(500.0, 12_000.0, 0.05, RATE, amplitude=1.0, dtype=torch.float64)
    sweep = signals.linear_sweep(500.0, 12_000.0, 0.05, RATE, amplitude=1.0, dtype=torch.float64)
    window = torch.from_numpy(scipy.signal.get_window("hann", 2400))
    torch.testing.assert_close(pulse, window * sweep, atol=1e-12, rtol=0)
    spectrum = torch.fft.rfft(pulse, n=8192).abs().square()
    correlation = torch.fft.irfft(spectrum)
    assert int(correlation.argmax()) == 0
    # Beyond a quarter of a millisecond no side lobe reaches a twentieth of the peak.
    assert float(correlation[12:-11].abs().max() / correlation[0]) < 0.05


@pytest.mark.parametrize("make", [signals.linear_sweep, signals.log_sweep, signals.chirp])
def test_bad_frequencies_are_named(make) -> None:
    with pytest.raises(ValueError, match="stop_hz must be below half the sample rate"):
        make(100.0, 24_000.0, 1.0, RATE)
    with pytest.raises(ValueError, match="start_hz must be above 0"):
        make(0.0, 1000.0, 1.0, RATE)


@pytest.mark.parametrize("make", [signals.linear_sweep, signals.log_sweep, signals.chirp])
def test_no_duration_gives_no_samples(make) -> None:
    assert make(100.0, 1000.0, 0.0, RATE).shape == (0,)
