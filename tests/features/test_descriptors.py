"""Descriptors and chroma: tones, flat and empty spectra with known answers."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from audiolab.features import (
    chroma,
    chroma_filterbank,
    spectral_bandwidth,
    spectral_centroid,
    spectral_descriptors,
    spectral_flatness,
    spectral_rolloff,
)
from audiolab.units import midi_to_hz

RATE = 16_000


def tone(frequency_hz: float, num_samples: int = RATE) -> torch.Tensor:
    time_s = torch.arange(num_samples, dtype=torch.float64) / RATE
    return torch.sin(2 * math.pi * frequency_hz * time_s)


def test_a_tone_is_its_own_centroid_and_rolloff():
    shape = spectral_descriptors(tone(1000.0), RATE, center=False)
    # 1000 Hz is bin 128 of 2048 at 16 kHz; the Hann window spreads it to its two neighbours,
    # with weights 1/4, 1/2, 1/4.
    bin_hz = RATE / 2048
    torch.testing.assert_close(shape.centroid_hz, torch.full_like(shape.centroid_hz, 1000.0))
    # The rounding of a thousand empty bins, far from the centroid, adds up.
    torch.testing.assert_close(
        shape.bandwidth_hz,
        torch.full_like(shape.bandwidth_hz, bin_hz * math.sqrt(0.5)),
        rtol=1e-5,
        atol=0,
    )
    torch.testing.assert_close(shape.rolloff_hz, torch.full_like(shape.rolloff_hz, 1000.0 + bin_hz))
    assert float(shape.flatness.max()) < 1e-6


def test_a_click_has_a_flat_spectrum():
    click = torch.zeros(2048, dtype=torch.float64)
    click[1024] = 1.0
    shape = spectral_descriptors(click, RATE, center=False, window="rectangular")
    assert float(shape.centroid_hz) == pytest.approx(RATE / 4)
    # A uniform distribution over an interval has its width over sqrt(12) as standard deviation;
    # over n discrete points sqrt((n^2 - 1) / 12).
    assert float(shape.bandwidth_hz) == pytest.approx(
        RATE / 2048 * math.sqrt((1025**2 - 1) / 12), rel=1e-9
    )
    assert float(shape.rolloff_hz) == pytest.approx(0.85 * RATE / 2, abs=RATE / 2048)
    assert float(shape.flatness) == pytest.approx(1.0)


def test_silence_has_finite_descriptors_and_gradients():
    silence = torch.zeros(4096, dtype=torch.float64, requires_grad=True)
    shape = spectral_descriptors(silence, RATE)
    for name in ("centroid_hz", "bandwidth_hz", "rolloff_hz"):
        assert not getattr(shape, name).any()
    torch.testing.assert_close(shape.flatness, torch.ones_like(shape.flatness))
    (shape.centroid_hz + shape.bandwidth_hz + shape.flatness).sum().backward()
    assert torch.isfinite(silence.grad).all()


@settings(max_examples=25, deadline=None)
@given(gain_db=st.floats(-60.0, 60.0), seed=st.integers(0, 1000))
def test_level_does_not_matter(gain_db, seed):
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(4096, dtype=torch.float64, generator=generator)
    louder = noise * 10 ** (gain_db / 20)
    for a, b in zip(
        spectral_descriptors(noise, RATE, floor=1e-30),
        spectral_descriptors(louder, RATE, floor=1e-30),
        strict=True,
    ):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)


def test_each_descriptor_is_the_same_alone(three):
    shape = spectral_descriptors(three, RATE)
    assert torch.equal(spectral_centroid(three, RATE), shape.centroid_hz)
    assert torch.equal(spectral_bandwidth(three, RATE), shape.bandwidth_hz)
    assert torch.equal(spectral_rolloff(three, RATE), shape.rolloff_hz)
    assert torch.equal(spectral_flatness(three), shape.flatness)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"roll_fraction": 0.0}, r"roll_fraction must lie between 0 and 1"),
        ({"roll_fraction": 1.5}, r"roll_fraction must be between 0 and 1"),
        ({"exponent": 0.0}, r"exponent must be above 0"),
        ({"floor": -1.0}, r"floor must be above 0"),
        ({"hop_length": 0}, r"hop_length must be at least 1"),
    ],
)
def test_descriptors_refuse_by_name(options, message):
    with pytest.raises(ValueError, match=message):
        spectral_descriptors(torch.zeros(4096), RATE, **options)


# ------------------------------------------------------------------------------------------- chroma
@pytest.mark.parametrize("octave", [3, 4, 5, 6])
@pytest.mark.parametrize("pitch_class", range(12))
def test_a_note_is_loudest_in_its_class(octave, pitch_class):
    note = 12 * (octave + 1) + pitch_class
    classes = chroma(tone(midi_to_hz(note)), RATE, n_fft=4096)[:, 4]
    assert int(classes.argmax()) == pitch_class
    assert float(classes.max()) == 1.0


def test_tuning_moves_the_classes():
    """A quarter tone above A is halfway to A sharp, until it is said to be the tuning."""
    sharp = tone(440.0 * 2 ** (0.5 / 12))
    plain = chroma(sharp, RATE, n_fft=8192)[:, 4]
    assert float(plain[9] / plain[10]) == pytest.approx(1.0, abs=0.1)
    tuned = chroma(sharp, RATE, n_fft=8192, tuning=0.5)[:, 4]
    assert int(tuned.argmax()) == 9
    assert float(tuned[10]) < 0.3


def test_silence_stays_silent():
    assert not chroma(torch.zeros(8192), RATE).any()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"n_chroma": 0}, ValueError, r"n_chroma must be at least 1"),
        ({"n_chroma": 12.0}, TypeError, r"n_chroma must be an int, got float"),
        ({"tuning": math.nan}, ValueError, r"tuning must be finite"),
        ({"norm": 0.0}, ValueError, r"norm must be above 0"),
        ({"power": None}, ValueError, r"chroma needs a power"),
    ],
)
def test_chroma_refuses_by_name(options, error, message):
    with pytest.raises(error, match=message):
        chroma(torch.zeros(8192), RATE, **options)


def test_the_chroma_bank_refuses_a_rate_of_zero():
    with pytest.raises(ValueError, match=r"sample_rate must be a whole number"):
        chroma_filterbank(0, 2048)
