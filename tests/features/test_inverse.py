"""Inverse mel: spectrograms with the mel spectrogram given, beside librosa and torchaudio."""

from __future__ import annotations

import math

import librosa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchaudio import transforms

from audiolab.features import (
    InverseMel,
    griffin_lim,
    inverse_mel,
    log_expand,
    log_mel_spectrogram,
    mel_filterbank,
    mel_spectrogram,
    spectrogram,
)

RATE = 16_000
SIZE = {"n_fft": 1024, "hop_length": 256, "n_mels": 80}


def relative_db(result: torch.Tensor, expected: torch.Tensor) -> float:
    return 20 * math.log10(float((result - expected).norm() / expected.norm()))


def test_the_mel_spectrogram_comes_back(speech):
    mel = mel_spectrogram(speech, RATE, **SIZE)
    power = inverse_mel(mel, RATE, **SIZE)
    assert power.shape == (513, mel.shape[-1])
    assert float(power.min()) >= 0
    again = mel_filterbank(RATE, n_fft=1024, n_mels=80, dtype=torch.float64) @ power
    assert relative_db(again, mel) < -40
    # Every cell, the quiet ones too.
    apart_db = 10 * (again.log10() - mel.log10()).abs()
    assert float(apart_db.mean()) < 0.03
    assert float(apart_db.flatten().quantile(0.99)) < 0.5


def test_a_flat_spectrum_comes_back_where_bands_reach():
    mel = mel_filterbank(RATE, n_fft=1024, n_mels=80, dtype=torch.float64).sum(1)[:, None]
    power = inverse_mel(mel, RATE, n_fft=1024, n_mels=80)
    # The bins at 0 Hz and at half the rate are at the foot of the outer triangles.
    torch.testing.assert_close(power[1:-1], torch.ones(511, 1, dtype=torch.float64))
    assert float(power[0]) == 0.0


def test_nearer_to_the_truth_than_librosa_and_torchaudio(speech):
    truth = spectrogram(speech, n_fft=1024, hop_length=256)
    mel = mel_spectrogram(speech, RATE, **SIZE)
    bank = mel_filterbank(RATE, n_fft=1024, n_mels=80, dtype=torch.float64)
    ours = inverse_mel(mel, RATE, **SIZE)
    theirs = {
        "librosa": torch.from_numpy(librosa.util.nnls(bank.numpy(), mel.numpy())),
        "torchaudio": transforms.InverseMelScale(
            513, 80, RATE, norm="slaney", mel_scale="slaney"
        ).double()(mel),
    }
    for other in theirs.values():
        assert relative_db(bank @ ours, mel) < relative_db(bank @ other, mel)
        assert relative_db(ours.sqrt(), truth.sqrt()) < relative_db(other.sqrt(), truth.sqrt()) - 1


def test_more_iterations_come_nearer(speech):
    mel = mel_spectrogram(speech, RATE, **SIZE)
    bank = mel_filterbank(RATE, n_fft=1024, n_mels=80, dtype=torch.float64)
    errors = [
        relative_db(bank @ inverse_mel(mel, RATE, n_iter=n, **SIZE), mel) for n in (0, 3, 10, 30)
    ]
    assert errors == sorted(errors, reverse=True)


def test_from_whispers_input_back_to_a_waveform(speech):
    whisper = {"convention": "whisper", "drop_last_frame": False}
    level = log_mel_spectrogram(speech, RATE, **whisper)
    power = inverse_mel(log_expand(level, convention="whisper"), RATE, **whisper)
    waveform = griffin_lim(power, RATE, length=len(speech), **whisper)
    again = log_mel_spectrogram(waveform, RATE, **whisper)
    # 0.1 on Whisper's scale is 4 dB.
    assert float((again - level).abs().mean()) < 0.1


@settings(max_examples=25, deadline=None)
@given(
    n_mels=st.integers(1, 40),
    count=st.integers(1, 5),
    gain_db=st.floats(-120.0, 60.0),
)
def test_silence_and_any_level(n_mels, count, gain_db):
    generator = torch.Generator().manual_seed(n_mels)
    mel = torch.rand(n_mels, count, dtype=torch.float64, generator=generator)
    mel[0] = 0.0
    options = {"n_fft": 512, "n_mels": n_mels}
    power = inverse_mel(mel, RATE, **options)
    assert torch.isfinite(power).all()
    gain = 10 ** (gain_db / 10)
    torch.testing.assert_close(
        inverse_mel(gain * mel, RATE, **options), gain * power, atol=0, rtol=1e-9
    )
    assert not inverse_mel(0.0 * mel, RATE, **options).any()


def test_items_are_apart_and_float32_stays_float32(three):
    mel = mel_spectrogram(three, RATE, **SIZE)
    together = inverse_mel(mel, RATE, **SIZE)
    for item, alone in zip(together, mel, strict=True):
        torch.testing.assert_close(item, inverse_mel(alone, RATE, **SIZE), rtol=1e-9, atol=1e-18)
    single = InverseMel(RATE, **SIZE)(mel.float())
    assert single.dtype == torch.float32
    torch.testing.assert_close(single.double(), together, rtol=1e-2, atol=1e-6)


@pytest.mark.parametrize(
    ("mel", "options", "error", "message"),
    [
        (torch.zeros(64, 9), {}, ValueError, r"shape \(\.\.\., 80, frame\), got \(64, 9\)"),
        (torch.full((80, 9), -3.0), {}, ValueError, r"not decibels \(see log_expand\)"),
        (torch.full((80, 9), math.inf), {}, ValueError, r"NaN or infinite"),
        (torch.zeros(80, 9).long(), {}, TypeError, r"mel must be float32 or float64"),
        (torch.zeros(80, 9), {"n_iter": -1}, ValueError, r"n_iter must be at least 0"),
        (torch.zeros(80, 9), {"n_iter": 2.0}, TypeError, r"n_iter must be an int"),
        (torch.zeros(80, 9), {"f_max": 9000.0}, ValueError, r"above half the sample rate"),
    ],
)
def test_bad_input_is_refused_by_name(mel, options, error, message):
    with pytest.raises(error, match=message):
        inverse_mel(mel, RATE, n_fft=1024, n_mels=80, **options)
