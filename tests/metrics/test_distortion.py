"""Distortion: what was mixed is what is measured; scale, floors, batches, gradients."""

import itertools
import math

import librosa
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from audiolab import metrics, signals

RATE = 24_000
MEASURES = [metrics.snr_db, metrics.si_sdr_db, metrics.log_spectral_distance_db]


def orthogonal_pair(seed: int, num_samples: int = 2400) -> tuple[torch.Tensor, torch.Tensor]:
    """A signal and a noise of equal energy that don't correlate at all."""
    signal, noise = signals.white_noise(
        num_samples / RATE, RATE, batch_shape=(2,), generator=seed, dtype=torch.float64
    )
    noise = noise - (noise @ signal) / (signal @ signal) * signal
    return signal, noise * (signal.norm() / noise.norm())


@settings(max_examples=60, deadline=None)
@given(wanted_db=st.floats(-60.0, 100.0), seed=st.integers(0, 10_000), gain=st.floats(0.01, 100.0))
def test_what_was_mixed_is_what_is_measured(wanted_db: float, seed: int, gain: float) -> None:
    signal, noise = orthogonal_pair(seed)
    mixed = signal + 10 ** (-wanted_db / 20) * noise
    # Subtracting nearly equal numbers leaves 1e-16 of the signal, 1e-11 of the noise.
    assert float(metrics.snr_db(signal, mixed)) == pytest.approx(wanted_db, abs=1e-6)
    assert float(metrics.si_sdr_db(signal, mixed)) == pytest.approx(wanted_db, abs=1e-6)
    for scale in (gain, -gain):
        scaled = metrics.si_sdr_db(signal, scale * mixed)
        assert float(scaled) == pytest.approx(wanted_db, abs=1e-6)
    both = metrics.snr_db(gain * signal, gain * mixed)
    assert float(both) == pytest.approx(wanted_db, abs=1e-6)


def test_snr_counts_the_level_and_si_sdr_does_not() -> None:
    signal, _ = orthogonal_pair(0)
    assert float(metrics.snr_db(signal, 0.5 * signal)) == pytest.approx(20 * math.log10(2))
    assert float(metrics.snr_db(signal, -signal)) == pytest.approx(-20 * math.log10(2))
    assert float(metrics.si_sdr_db(signal, 0.3 * signal)) > 250.0
    assert float(metrics.snr_db(signal, signal)) == math.inf


def test_zero_mean_forgives_an_offset() -> None:
    signal, _ = orthogonal_pair(0)
    offset = signal + 0.1
    assert float(metrics.si_sdr_db(signal, offset)) == pytest.approx(0.0, abs=1e-9)
    assert float(metrics.si_sdr_db(signal, offset, zero_mean=True)) > 250.0


def test_distance_of_a_gain_is_the_gain() -> None:
    noise = signals.white_noise(1.0, RATE, generator=0, dtype=torch.float64)
    for gain_db in (-6.0, 0.5, 12.0):
        distance = metrics.log_spectral_distance_db(noise, 10 ** (gain_db / 20) * noise)
        # A handful of the bins lies below the floor.
        assert float(distance) == pytest.approx(abs(gain_db), rel=1e-3)
    assert float(metrics.log_spectral_distance_db(noise, noise)) == 0.0
    assert float(metrics.log_spectral_distance_db(noise, -noise)) == 0.0


def test_distance_of_a_low_pass_is_its_share_of_the_floor() -> None:
    noise = signals.white_noise(2.0, RATE, generator=0, dtype=torch.float64)
    spectrum = torch.fft.rfft(noise)
    spectrum[spectrum.numel() // 4 :] = 0
    low = torch.fft.irfft(spectrum, n=noise.numel())
    distances = [
        float(metrics.log_spectral_distance_db(noise, low, floor_db=floor))
        for floor in (-40.0, -60.0, -80.0)
    ]
    # Three quarters of the bins fall to the floor: each 20 dB of floor adds 20 sqrt(3/4), a little
    # less while the bins' own spread of 5.6 dB counts beside the fall.
    for nearer, farther in itertools.pairwise(distances):
        assert farther - nearer == pytest.approx(20 * math.sqrt(0.75), abs=0.6)


@pytest.mark.parametrize(("frame_length", "hop_length"), [(2048, 512), (512, 128), (600, 600)])
def test_distance_matches_librosa(frame_length: int, hop_length: int) -> None:
    reference, rate = signals.clip("speech")
    estimate = reference + signals.white_noise(
        reference.shape[1] / rate, rate, rms_db=-50.0, batch_shape=(1,), generator=0
    )
    reference, estimate = reference[0].double(), estimate[0].double()
    powers = [
        np.abs(librosa.stft(x.numpy(), n_fft=frame_length, hop_length=hop_length, center=False))
        ** 2
        for x in (reference, estimate)
    ]
    floor = powers[0].max() * 1e-8
    levels = [10 * np.log10(np.maximum(power, floor)) for power in powers]
    expected = np.sqrt(((levels[0] - levels[1]) ** 2).mean(0)).mean()
    measured = metrics.log_spectral_distance_db(
        reference, estimate, frame_length=frame_length, hop_length=hop_length
    )
    assert float(measured) == pytest.approx(float(expected), rel=1e-6)


def test_short_signals_have_a_distance() -> None:
    assert float(
        metrics.log_spectral_distance_db(torch.tensor([0.5]), torch.tensor([0.25]))
    ) == pytest.approx(20 * math.log10(2), abs=1e-3)


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16])
def test_items_are_measured_alone(measure, dtype: torch.dtype) -> None:
    reference = signals.pink_noise(0.2, RATE, batch_shape=(2, 3), generator=0)
    levels = torch.tensor([[1.0, 0.1, 0.01], [10.0, 0.3, 0.5]])[..., None]
    noise = 0.2 * signals.white_noise(0.2, RATE, batch_shape=(2, 3), generator=1)
    estimate = (reference * levels + noise * levels.flip(0)).to(dtype)
    reference = (reference * levels).to(dtype)
    together = measure(reference, estimate)
    assert together.shape == (2, 3)
    assert together.dtype == dtype
    alone = torch.stack(
        [
            measure(x, y)
            for x, y in zip(reference.reshape(6, -1), estimate.reshape(6, -1), strict=True)
        ]
    ).reshape(2, 3)
    torch.testing.assert_close(
        together, alone, atol=0.05 if dtype == torch.float16 else 1e-4, rtol=0
    )


@pytest.mark.parametrize("measure", [metrics.snr_db, metrics.si_sdr_db])
def test_gradients(measure) -> None:
    generator = torch.Generator().manual_seed(0)
    reference, estimate = torch.randn(2, 2, 9, generator=generator, dtype=torch.float64)
    assert torch.autograd.gradcheck(
        measure, (reference.requires_grad_(), estimate.requires_grad_())
    )


def test_gradients_of_the_distance() -> None:
    generator = torch.Generator().manual_seed(0)
    reference, estimate = torch.randn(2, 2, 40, generator=generator, dtype=torch.float64)

    def measure(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return metrics.log_spectral_distance_db(x, y, frame_length=16, hop_length=8)

    assert torch.autograd.gradcheck(
        measure, (reference.requires_grad_(), estimate.requires_grad_())
    )
    # Equal frames have distance 0 and gradient 0, not NaN.
    same = reference.detach().clone().requires_grad_()
    measure(reference.detach(), same).sum().backward()
    assert same.grad is not None
    assert bool((same.grad == 0).all())


@pytest.mark.parametrize("measure", MEASURES)
def test_bad_pairs_are_named(measure) -> None:
    noise = signals.white_noise(0.1, RATE, generator=0)
    with pytest.raises(ValueError, match="reference is silent: the measure is not defined"):
        measure(torch.zeros_like(noise), noise)
    with pytest.raises(ValueError, match=r"same shape.*metrics\.align"):
        measure(noise, noise[:-1])
    with pytest.raises(ValueError, match=r"same shape, got \(2400,\) and \(2, 2400\)"):
        measure(noise, noise.expand(2, -1))
    with pytest.raises(ValueError, match=r"reference holds .* NaN"):
        measure(noise * math.nan, noise)
    with pytest.raises(ValueError, match="reference has no samples"):
        measure(noise[:0], noise[:0])


def test_silent_estimates() -> None:
    noise = signals.white_noise(0.1, RATE, generator=0)
    silence = torch.zeros_like(noise)
    assert float(metrics.snr_db(noise, silence)) == 0.0
    with pytest.raises(ValueError, match="estimate is silent"):
        metrics.si_sdr_db(noise, silence)
    assert math.isfinite(float(metrics.log_spectral_distance_db(noise, silence)))


def test_bad_settings_of_the_distance_are_named() -> None:
    noise = signals.white_noise(0.1, RATE, generator=0)
    with pytest.raises(ValueError, match="frame_length must be at least 2"):
        metrics.log_spectral_distance_db(noise, noise, frame_length=1)
    with pytest.raises(ValueError, match="hop_length"):
        metrics.log_spectral_distance_db(noise, noise, hop_length=0)
    with pytest.raises(ValueError, match="floor_db must be at most 0 dB"):
        metrics.log_spectral_distance_db(noise, noise, floor_db=3.0)


def test_a_click_outside_every_window_has_a_finite_distance() -> None:
    click = signals.click(0.5, RATE)  # the window is zero on the first sample
    assert float(metrics.log_spectral_distance_db(click, click)) == 0.0
    assert math.isfinite(float(metrics.log_spectral_distance_db(click, click + 1e-3)))
