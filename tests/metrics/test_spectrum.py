"""Bandwidth: brick walls, resampled clips, thresholds, batches."""

import math

import pytest
import soxr
import torch

from audiolab import metrics, signals

RATE = 48_000


def low_passed(samples: torch.Tensor, cutoff_hz: float, rate: int) -> torch.Tensor:
    spectrum = torch.fft.rfft(samples)
    frequencies = torch.fft.rfftfreq(samples.shape[-1], 1 / rate)
    return torch.fft.irfft(spectrum * (frequencies <= cutoff_hz), n=samples.shape[-1])


@pytest.mark.parametrize("cutoff_hz", [500.0, 3_400.0, 7_000.0, 16_000.0, 20_000.0])
@pytest.mark.parametrize("make", [signals.white_noise, signals.pink_noise])
def test_brick_wall_is_found(make, cutoff_hz: float) -> None:
    noise = low_passed(make(3.0, RATE, generator=0), cutoff_hz, RATE)
    # Five bins of 12 Hz: half the window's main lobe and one of smoothing.
    assert float(metrics.bandwidth_hz(noise, RATE)) == pytest.approx(cutoff_hz, abs=60.0)


def test_white_noise_fills_the_band() -> None:
    assert float(metrics.bandwidth_hz(signals.white_noise(1.0, RATE, generator=0), RATE)) == 24_000


@pytest.mark.parametrize("threshold_db", [-80.0, -40.0])
def test_tone_has_no_more_than_its_line(threshold_db: float) -> None:
    tone = signals.tone(1000.0, 1.0, RATE)
    measured = float(metrics.bandwidth_hz(tone, RATE, threshold_db=threshold_db))
    assert 1000.0 <= measured < 1000.0 + 300.0


def test_threshold_decides() -> None:
    both = signals.tone(1000.0, 1.0, RATE) + 10 ** (-50 / 20) * signals.tone(9000.0, 1.0, RATE)
    above = float(metrics.bandwidth_hz(both, RATE, threshold_db=-45.0))
    below = float(metrics.bandwidth_hz(both, RATE, threshold_db=-60.0))
    assert above < 1300.0
    assert below == pytest.approx(9000.0, abs=100.0)


@pytest.mark.parametrize("rate", [8_000, 16_000, 32_000])
def test_low_rates_are_found_after_resampling(rate: int) -> None:
    waveform, original = signals.clip("music")
    there = soxr.resample(waveform.T.numpy(), original, rate, "HQ")
    back = torch.from_numpy(soxr.resample(there, rate, original, "HQ").T.copy())
    # soxr's HQ passes 0.91 of the band and stops the rest.
    assert float(metrics.bandwidth_hz(back, original).max()) == pytest.approx(
        0.95 * rate / 2, rel=0.06
    )


def test_gain_does_not_matter_and_dither_does_not_count() -> None:
    music, rate = signals.clip("music")
    low = low_passed(music, 5_000.0, rate)
    expected = metrics.bandwidth_hz(low, rate)
    torch.testing.assert_close(metrics.bandwidth_hz(0.001 * low, rate), expected)
    generator = torch.Generator().manual_seed(0)
    dither = torch.rand(2, *low.shape, generator=generator)
    coarse = torch.floor(low * 32768 + dither[0] - dither[1] + 0.5) / 32768
    torch.testing.assert_close(metrics.bandwidth_hz(coarse, rate), expected, atol=100.0, rtol=0)


def test_items_are_measured_alone() -> None:
    noise = signals.white_noise(1.0, RATE, batch_shape=(2, 2), generator=0)
    cutoffs = [2_000.0, 4_000.0, 8_000.0, 12_000.0]
    batch = torch.stack(
        [low_passed(x, c, RATE) for x, c in zip(noise.reshape(4, -1), cutoffs, strict=True)]
    )
    together = metrics.bandwidth_hz(batch.reshape(2, 2, -1), RATE)
    alone = torch.stack([metrics.bandwidth_hz(item, RATE) for item in batch]).reshape(2, 2)
    assert torch.equal(together, alone)
    assert together.flatten().tolist() == pytest.approx(cutoffs, abs=60.0)


@pytest.mark.parametrize("num_samples", [1, 5, 100])
def test_short_signals_have_a_bandwidth(num_samples: int) -> None:
    samples = torch.ones(num_samples)
    assert 0.0 <= float(metrics.bandwidth_hz(samples, RATE)) <= 24_000.0


def test_bad_waveforms_are_named() -> None:
    with pytest.raises(ValueError, match=r"waveform is silent, item \(1,\)"):
        metrics.bandwidth_hz(torch.eye(2, 100) * torch.tensor([[1.0], [0.0]]), RATE)
    with pytest.raises(ValueError, match="NaN"):
        metrics.bandwidth_hz(torch.full((100,), math.nan), RATE)
    with pytest.raises(ValueError, match="threshold_db"):
        metrics.bandwidth_hz(torch.ones(100), RATE, threshold_db=10.0)
