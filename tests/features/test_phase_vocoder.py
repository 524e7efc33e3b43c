"""Phase vocoder: the pitch stays, the length changes; librosa and torchaudio beside it."""

from __future__ import annotations

import math

import librosa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchaudio import functional

from audiolab.features import inverse_spectrogram, phase_vocoder, spectrogram

RATE = 16_000


@pytest.mark.parametrize("rate", [0.5, 0.8, 1.3, 2.0])
def test_a_tone_keeps_its_pitch(rate):
    time_s = torch.arange(2 * RATE, dtype=torch.float64) / RATE
    tone = torch.sin(2 * math.pi * 1234.5 * time_s)
    # Without centre the first frame holds the steady tone, and sets the phases of all bins right.
    options = {"n_fft": 1024, "hop_length": 128, "center": False}
    spectrum = spectrogram(tone, power=None, **options)
    stretched = inverse_spectrogram(phase_vocoder(spectrum, rate, hop_length=128), **options)
    assert len(stretched) == pytest.approx(len(tone) / rate, abs=1024)
    middle = stretched[len(stretched) // 4 : -len(stretched) // 4]
    power = spectrogram(middle, n_fft=4096, center=False)[:, 0]
    assert abs(int(power.argmax()) * RATE / 4096 - 1234.5) < RATE / 4096
    assert float(middle.abs().max()) == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("rate", [0.5, 0.8, 1.0, 1.05, 1.7, 3.0])
def test_equal_to_librosa_and_torchaudio(speech, rate):
    spectrum = spectrogram(speech, power=None, n_fft=1024, hop_length=256)
    result = phase_vocoder(spectrum, rate, hop_length=256)
    theirs = torch.from_numpy(librosa.phase_vocoder(spectrum.numpy(), rate=rate, hop_length=256))
    assert result.shape == theirs.shape
    top = float(theirs.abs().max())
    # Sums of some hundred phases in float64, in another order.
    assert float((result - theirs).abs().max()) / top < 1e-8
    advance = torch.linspace(0, math.pi * 256, 513, dtype=torch.float64)[:, None]
    double = functional.phase_vocoder(spectrum, rate, advance)
    assert float((result - double).abs().max()) / top < 1e-8


def test_float32_input_keeps_the_phase_that_torchaudio_loses(speech):
    long = speech.repeat(8)
    exact = spectrogram(long, power=None, n_fft=1024, hop_length=256)
    expected = phase_vocoder(exact, 0.8, hop_length=256)
    single = exact.to(torch.complex64)
    advance = torch.linspace(0, math.pi * 256, 513)[:, None]

    def error_db(result: torch.Tensor) -> float:
        return 20 * math.log10(float((result - expected).abs().max() / expected.abs().max()))

    ours = error_db(phase_vocoder(single, 0.8, hop_length=256))
    theirs = error_db(functional.phase_vocoder(single, 0.8, advance))
    # What is left of the error is the rounding of the input's own phases.
    assert ours < -75
    assert theirs > ours + 20


@settings(max_examples=40, deadline=None)
@given(
    count=st.integers(1, 50),
    rate=st.floats(0.1, 10.0),
    num_bins=st.integers(2, 20),
)
def test_lengths(count, rate, num_bins):
    generator = torch.Generator().manual_seed(count)
    spectrum = torch.randn(2, num_bins, count, dtype=torch.complex128, generator=generator)
    result = phase_vocoder(spectrum, rate, hop_length=7)
    assert result.shape == (2, num_bins, math.ceil(count / rate))
    assert torch.isfinite(torch.view_as_real(result)).all()


@pytest.mark.parametrize(
    ("spectrum", "rate", "hop", "error", "message"),
    [
        (torch.zeros(9, 9) + 0j, 0.0, 4, ValueError, r"rate must be above 0, got 0.0"),
        (torch.zeros(9, 9) + 0j, -1.0, 4, ValueError, r"rate must be above 0"),
        (torch.zeros(9, 9) + 0j, math.inf, 4, ValueError, r"rate must be above 0"),
        (torch.zeros(9, 9) + 0j, 1.5, 0, ValueError, r"hop_length must be above 0"),
        (torch.zeros(9, 9) + 0j, 1.5, 4.0, TypeError, r"hop_length must be an int"),
        (torch.zeros(9, 9), 1.5, 4, TypeError, r"spectrum must be complex64 or complex128"),
        (torch.zeros(9, 0) + 0j, 1.5, 4, ValueError, r"spectrum is empty"),
        (torch.zeros(1, 9) + 0j, 1.5, 4, ValueError, r"at least 2 bins"),
    ],
)
def test_bad_input_is_refused_by_name(spectrum, rate, hop, error, message):
    with pytest.raises(error, match=message):
        phase_vocoder(spectrum, rate, hop_length=hop)
