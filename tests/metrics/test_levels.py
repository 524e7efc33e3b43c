"""Levels: closed forms for sines and squares, true peaks between samples, one item at a time."""

import math

import pytest
import scipy.signal
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from audiolab import metrics, signals

RATE = 48_000
LEVELS = [metrics.peak_db, metrics.true_peak_db, metrics.rms_db]


@pytest.mark.parametrize("amplitude", [1.0, 0.5, 1e-3, 3.0])
def test_sine_and_square(amplitude: float) -> None:
    sine = signals.tone(1000.0, 1.0, RATE, amplitude=amplitude, dtype=torch.float64)
    full = 20 * math.log10(amplitude)
    assert float(metrics.peak_db(sine)) == pytest.approx(full, abs=1e-9)
    assert float(metrics.rms_db(sine)) == pytest.approx(full - 10 * math.log10(2), abs=1e-9)
    assert float(metrics.crest_db(sine)) == pytest.approx(10 * math.log10(2), abs=1e-9)
    square = torch.sign(sine + 1e-15) * amplitude
    assert float(metrics.crest_db(square)) == pytest.approx(0.0, abs=1e-9)


def test_silence_is_minus_infinity() -> None:
    for level in LEVELS:
        assert float(level(torch.zeros(100))) == -math.inf


@pytest.mark.parametrize("frequency_hz", [100.0, 6_000.0, 11_999.0, 12_000.0, 16_000.0, 20_000.0])
def test_true_peak_finds_the_crest_of_a_tone(frequency_hz: float) -> None:
    rate = RATE
    tone = signals.tone(
        frequency_hz, 1.0, rate, amplitude=1.0, phase_rad=math.pi / 4, dtype=torch.float64
    )
    tone = tone * torch.from_numpy(scipy.signal.windows.tukey(rate, 0.5))
    # With four points a sample, a crest is missed by at most cos(pi f / (4 rate)) for tones that
    # keep one phase; the filter adds 0.01 dB.
    missed = 20 * math.log10(math.cos(math.pi * frequency_hz / (4 * rate)))
    assert missed - 0.02 <= float(metrics.true_peak_db(tone)) <= 0.02


def test_true_peak_of_the_classic_quarter_rate_tone() -> None:
    tone = signals.tone(12_000.0, 1.0, RATE, amplitude=1.0, phase_rad=math.pi / 4)
    tone = tone * torch.hann_window(RATE)
    assert float(metrics.peak_db(tone)) == pytest.approx(-3.01, abs=0.01)
    assert float(metrics.true_peak_db(tone)) == pytest.approx(0.0, abs=0.01)


@pytest.mark.parametrize("name", ["speech_female", "speech_male", "music"])
def test_true_peak_matches_scipy(name: str) -> None:
    waveform, _ = signals.clip(name)
    finer = scipy.signal.resample_poly(
        waveform.double().numpy(), 4, 1, axis=-1, window=("kaiser", 8.0)
    )
    theirs = 20 * torch.log10(torch.from_numpy(finer).abs().amax(-1))
    # Two interpolators that differ above 0.45 of the rate.
    torch.testing.assert_close(metrics.true_peak_db(waveform).double(), theirs, atol=0.05, rtol=0)


@settings(max_examples=50, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    num_samples=st.integers(1, 200),
    gain_db=st.floats(-40.0, 40.0),
)
def test_levels_move_with_the_gain_and_keep_their_order(
    seed: int, num_samples: int, gain_db: float
) -> None:
    generator = torch.Generator().manual_seed(seed)
    samples = torch.randn(num_samples, generator=generator, dtype=torch.float64)
    for level in LEVELS:
        moved = level(samples * 10 ** (gain_db / 20)) - level(samples)
        assert float(moved) == pytest.approx(gain_db, abs=1e-9)
    rms, peak, true_peak = (
        float(level(samples)) for level in (metrics.rms_db, metrics.peak_db, metrics.true_peak_db)
    )
    assert rms <= peak + 1e-9
    assert peak <= true_peak


@pytest.mark.parametrize("level", [*LEVELS, metrics.crest_db])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16])
def test_items_are_measured_alone(level, dtype: torch.dtype) -> None:
    batch = signals.white_noise(0.1, RATE, batch_shape=(2, 3), generator=0, dtype=dtype)
    together = level(batch)
    assert together.shape == (2, 3)
    assert together.dtype == dtype
    alone = torch.stack([level(item) for item in batch.reshape(6, -1)]).reshape(2, 3)
    # Half precision has three digits.
    torch.testing.assert_close(
        together, alone, atol=0.02 if dtype == torch.float16 else 1e-5, rtol=0
    )


@pytest.mark.parametrize("level", [*LEVELS, metrics.crest_db])
def test_gradients(level) -> None:
    samples = torch.randn(2, 12, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert torch.autograd.gradcheck(level, (samples.requires_grad_(),))


@pytest.mark.parametrize("level", [*LEVELS, metrics.crest_db])
def test_bad_waveforms_are_named(level) -> None:
    with pytest.raises(ValueError, match="waveform has no samples"):
        level(torch.zeros(2, 0))
    with pytest.raises(ValueError, match=r"1 value\(s\) that are NaN"):
        level(torch.tensor([0.0, math.nan]))
    with pytest.raises(TypeError, match="floating point"):
        level(torch.zeros(4, dtype=torch.int16))
