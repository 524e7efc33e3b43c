"""Tones: frequency, level, phase, and no aliases."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from audiolab import signals


def zero_crossing_frequency(samples: torch.Tensor, rate: int) -> float:
    """Measure a frequency from the first and last upward zero crossing, interpolated linearly."""
    upward = ((samples[:-1] < 0) & (samples[1:] >= 0)).nonzero()[:, 0]
    first, last = (int(upward[i]) for i in (0, -1))
    times = [i + float(samples[i] / (samples[i] - samples[i + 1])) for i in (first, last)]
    return (len(upward) - 1) * rate / (times[1] - times[0])


def amplitudes_at(samples: torch.Tensor, rate: int) -> torch.Tensor:
    """Amplitude spectrum of a signal that holds whole periods: one bin a hertz for one second."""
    return torch.fft.rfft(samples).abs() * 2 / samples.numel()


@pytest.mark.parametrize("frequency_hz", [0.5, 100.0, 439.7, 997.0, 3999.3])
@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000])
def test_tone_has_the_frequency_asked_for(frequency_hz: float, rate: int) -> None:
    samples = signals.tone(frequency_hz, 10.0, rate, dtype=torch.float64)
    if frequency_hz < rate / 8:
        # Linear interpolation between samples errs by the curvature, which averages out over 10 s.
        measured = zero_crossing_frequency(samples, rate)
        assert measured == pytest.approx(frequency_hz, rel=1e-6)
    # x[n+1] + x[n-1] = 2 cos(omega) x[n] holds for one frequency only.
    omega = 2 * math.pi * frequency_hz / rate
    left = samples[2:] + samples[:-2]
    torch.testing.assert_close(left, 2 * math.cos(omega) * samples[1:-1], atol=1e-10, rtol=0)


def test_tone_keeps_its_phase_for_ten_minutes() -> None:
    rate = 8_000
    samples = signals.tone(1234.5, 600.0, rate, dtype=torch.float64)
    # 1234.5 Hz repeats every two seconds.
    torch.testing.assert_close(samples[-2 * rate :], samples[: 2 * rate], atol=1e-8, rtol=0)


def test_tone_level_and_phase() -> None:
    rate = 8_000
    samples = signals.tone(1000.0, 1.0, rate, amplitude=0.25, dtype=torch.float64)
    assert float(samples.abs().max()) == pytest.approx(0.25, abs=1e-12)
    assert float(samples.square().mean()) == pytest.approx(0.25**2 / 2, rel=1e-12)
    cosine = signals.tone(1000.0, 1.0, rate, amplitude=0.25, phase_rad=math.pi / 2)
    assert float(cosine[0]) == 0.25
    torch.testing.assert_close(cosine[:-2].double(), samples[2:], atol=1e-7, rtol=0)


def test_harmonic_tone_has_the_slope_asked_for() -> None:
    rate = 24_000
    samples = signals.harmonic_tone(
        100.0, 1.0, rate, num_harmonics=16, slope_db_per_octave=-9.0, dtype=torch.float64
    )
    levels = 20 * torch.log10(amplitudes_at(samples, rate)[100:1700:100])
    for low in range(1, 9):
        step = float(levels[2 * low - 1] - levels[low - 1])
        assert step == pytest.approx(-9.0, abs=1e-6)


def test_harmonic_tone_amplitudes_sum_to_the_amplitude() -> None:
    samples = signals.harmonic_tone(100.0, 1.0, 24_000, amplitude=0.7, dtype=torch.float64)
    spectrum = amplitudes_at(samples, 24_000)
    assert float(spectrum.sum()) == pytest.approx(0.7, rel=1e-9)
    assert float(samples.abs().max()) <= 0.7


@pytest.mark.parametrize("frequency_hz", [700.0, 3_500.0, 7_000.0])
def test_harmonic_tone_does_not_alias(frequency_hz: float) -> None:
    rate = 24_000
    samples = signals.harmonic_tone(frequency_hz, 1.0, rate, num_harmonics=64, dtype=torch.float64)
    spectrum = amplitudes_at(samples, rate)
    partials = torch.arange(int(frequency_hz), rate // 2, int(frequency_hz))
    rest = spectrum.clone()
    rest[partials] = 0
    # What an alias would leave at another hertz; rounding leaves 1e-13.
    assert float(rest.max()) < 1e-12
    assert bool((spectrum[partials] > 1e-3).all())


def test_partials_have_the_same_level_at_every_rate() -> None:
    low, high = (
        amplitudes_at(signals.harmonic_tone(1000.0, 1.0, rate, dtype=torch.float64), rate)
        for rate in (16_000, 48_000)
    )
    torch.testing.assert_close(low[1000:8000:1000], high[1000:8000:1000], atol=1e-12, rtol=0)


@settings(max_examples=40, deadline=None)
@given(
    frequency_hz=st.floats(1.0, 3_999.0),
    duration_s=st.floats(0.0, 0.2),
    amplitude=st.floats(0.0, 1.0),
)
def test_default_tones_stay_within_their_amplitude(
    frequency_hz: float, duration_s: float, amplitude: float
) -> None:
    for make in (signals.tone, signals.harmonic_tone):
        samples = make(frequency_hz, duration_s, 8_000, amplitude=amplitude)
        assert samples.dtype == torch.float32
        assert samples.shape == (math.floor(duration_s * 8_000 + 0.5),)
        if samples.numel():
            assert float(samples.abs().max()) <= amplitude * (1 + 1e-6)


@pytest.mark.parametrize("make", [signals.tone, signals.harmonic_tone])
def test_bad_arguments_are_named(make) -> None:
    with pytest.raises(ValueError, match=r"frequency_hz must be below half the sample rate.*alias"):
        make(4000.0, 1.0, 8_000)
    with pytest.raises(ValueError, match="frequency_hz must be above 0 Hz"):
        make(0.0, 1.0, 8_000)
    with pytest.raises(ValueError, match="duration_s"):
        make(100.0, -1.0, 8_000)
    with pytest.raises(ValueError, match="amplitude"):
        make(100.0, 1.0, 8_000, amplitude=-0.1)
    with pytest.raises(ValueError, match="sample_rate"):
        make(100.0, 1.0, 0)
    with pytest.raises(TypeError, match="dtype"):
        make(100.0, 1.0, 8_000, dtype=torch.int16)


def test_number_of_harmonics_is_checked() -> None:
    with pytest.raises(ValueError, match="num_harmonics must be at least 1, got 0"):
        signals.harmonic_tone(100.0, 1.0, 8_000, num_harmonics=0)
    with pytest.raises(TypeError, match="num_harmonics must be an int"):
        signals.harmonic_tone(100.0, 1.0, 8_000, num_harmonics=2.5)
