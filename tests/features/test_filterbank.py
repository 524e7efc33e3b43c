"""Filter banks: the scale's formulas, areas and heights, and bands that no bin falls into."""

from __future__ import annotations

import math
import warnings

import librosa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchaudio import functional

from audiolab.features import (
    DegenerateFilterWarning,
    LogMelSpectrogram,
    MelSpectrogram,
    filterbank_report,
    hz_to_mel,
    linear_filterbank,
    log_mel_spectrogram,
    mel_filterbank,
    mel_frequencies,
    mel_spectrogram,
    mel_to_hz,
    mfcc,
)

RATE = 16_000


# ------------------------------------------------------------------------------------- closed forms
def test_the_scales_at_the_points_that_define_them():
    hz = torch.tensor([0.0, 700.0, 1000.0, 6400.0], dtype=torch.float64)
    htk = torch.tensor([0.0, 2595 * math.log10(2), 999.9855, 2595 * math.log10(1 + 6400 / 700)])
    torch.testing.assert_close(hz_to_mel(hz, mel_scale="htk"), htk.double(), rtol=1e-6, atol=0)
    # Linear to 15 mel at 1 kHz; 27 mel more are a factor of 6.4.
    slaney = torch.tensor([0.0, 10.5, 15.0, 42.0], dtype=torch.float64)
    torch.testing.assert_close(hz_to_mel(hz), slaney)


@settings(max_examples=50, deadline=None)
@given(hz=st.floats(0.0, 96_000.0), scale=st.sampled_from(["slaney", "htk"]))
def test_the_scales_are_undone(hz, scale):
    value = torch.tensor([hz], dtype=torch.float64)
    again = mel_to_hz(hz_to_mel(value, mel_scale=scale), mel_scale=scale)
    torch.testing.assert_close(again, value, rtol=1e-12, atol=1e-9)


@pytest.mark.parametrize("scale", ["slaney", "htk"])
def test_each_band_is_highest_at_its_centre_frequency(scale):
    options = {"n_mels": 40, "mel_scale": scale}
    bank = mel_filterbank(RATE, n_fft=16_384, dtype=torch.float64, **options)
    peaks_hz = bank.argmax(1) * (RATE / 16_384)
    centres_hz = mel_frequencies(RATE, **options)
    assert float((peaks_hz - centres_hz).abs().max()) <= 0.5 * RATE / 16_384


def test_slaney_areas_are_one_and_plain_heights_are_one():
    size = {"n_mels": 40, "n_fft": 65_536, "dtype": torch.float64}
    areas = mel_filterbank(RATE, mel_norm="slaney", **size).sum(1) * (RATE / 65_536)
    torch.testing.assert_close(areas, torch.ones(40, dtype=torch.float64), rtol=1e-3, atol=0)
    heights = mel_filterbank(RATE, mel_norm=None, **size).amax(1)
    torch.testing.assert_close(heights, torch.ones(40, dtype=torch.float64), rtol=1e-2, atol=0)


def test_plain_triangles_share_out_every_bin():
    for bank in (
        mel_filterbank(RATE, n_fft=2048, n_mels=40, mel_norm=None, dtype=torch.float64),
        mel_filterbank(RATE, convention="kaldi", n_fft=2048, n_mels=40, dtype=torch.float64),
        linear_filterbank(RATE, n_fft=2048, n_mels=40, dtype=torch.float64),
    ):
        inner = slice(int(bank[0].argmax()) + 1, int(bank[-1].argmax()))
        total = bank.sum(0)[inner]
        torch.testing.assert_close(total, torch.ones_like(total), rtol=1e-10, atol=0)


def test_a_tone_lands_in_its_band():
    for frequency_hz in (150.0, 1000.0, 3333.0, 7000.0):
        time_s = torch.arange(RATE, dtype=torch.float64) / RATE
        tone = torch.sin(2 * math.pi * frequency_hz * time_s)
        mel = mel_spectrogram(tone, RATE, n_mels=40)[:, 10]
        centres_hz = mel_frequencies(RATE, n_mels=40)
        nearest = int((centres_hz - frequency_hz).abs().argmin())
        assert abs(int(mel.argmax()) - nearest) <= 1


# ------------------------------------------------------------------------------------------- parity
@pytest.mark.parametrize("rate", [8000, 16_000, 22_050, 44_100])
@pytest.mark.parametrize("scale", ["slaney", "htk"])
@pytest.mark.parametrize("norm", ["slaney", None])
def test_equal_to_librosa_and_torchaudio(rate, scale, norm):
    bank = mel_filterbank(
        rate, n_mels=64, f_min=30.0, mel_scale=scale, mel_norm=norm, dtype=torch.float64
    )
    theirs = librosa.filters.mel(
        sr=rate, n_fft=2048, n_mels=64, fmin=30.0, htk=scale == "htk", norm=norm, dtype=float
    )
    top = float(bank.max())
    assert float((bank - torch.from_numpy(theirs)).abs().max()) / top < 1e-12
    single = functional.melscale_fbanks(1025, 30.0, rate / 2, 64, rate, norm=norm, mel_scale=scale)
    # Built in float32: edges of some thousand Hz are rounded to a fraction of a millihertz.
    assert float((bank - single.T).abs().max()) / top < 1e-4


def test_linear_bank_equals_torchaudio():
    bank = linear_filterbank(RATE, n_fft=400, n_mels=128, dtype=torch.float64)
    expected = functional.linear_fbanks(201, 0.0, RATE / 2, 128, RATE).T
    assert float((bank - expected).abs().max()) < 1e-4


# ------------------------------------------------------------------------------------- empty bands
#: A tutorial's 256 bands at 6 kHz, over torchaudio's default of 201 bins 15 Hz apart.
TOO_MANY = {"n_fft": 400, "n_mels": 256, "mel_scale": "htk"}


def test_the_report_on_the_tutorials_own_bins():
    """With 513 bins no band is empty, but nine hear one bin each and four say nothing new."""
    options = {"n_fft": 1024, "n_mels": 256, "mel_scale": "htk"}
    report = filterbank_report(6000, **options)
    bank = mel_filterbank(6000, dtype=torch.float64, **options)
    bins = (bank > 0).sum(1)
    assert report.empty == ()
    assert report.single_bin == tuple((bins == 1).nonzero()[:, 0].tolist())
    assert (len(report.single_bin), report.num_redundant) == (9, 4)
    for better in ({"n_mels": report.most_bands}, {"n_fft": report.least_n_fft}):
        again = filterbank_report(6000, **(options | better))
        assert again[:3] == ((), (), 0)


def test_the_report_on_empty_bands():
    report = filterbank_report(6000, **TOO_MANY)
    bins = (mel_filterbank(6000, on_empty="ignore", **TOO_MANY) > 0).sum(1)
    assert report.empty == tuple((bins == 0).nonzero()[:, 0].tolist())
    assert len(report.empty) == 17


def test_empty_bands_are_reported_with_settings_that_have_none():
    with pytest.warns(DegenerateFilterWarning) as caught:
        bank = mel_filterbank(6000, **TOO_MANY)
    message = str(caught[0].message)
    assert caught[0].filename == __file__
    num_empty = int((bank.sum(1) == 0).sum())
    assert num_empty > 10
    assert message.startswith(f"{num_empty} of 256 mel bands are narrower than the 15 Hz")
    fewer = int(message.split("at most ")[1].split()[0])
    larger = int(message.split("n_fft=")[2].split()[0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert (mel_filterbank(6000, **(TOO_MANY | {"n_mels": fewer})).sum(1) > 0).all()
        assert (mel_filterbank(6000, **(TOO_MANY | {"n_fft": larger})).sum(1) > 0).all()
    with pytest.warns(DegenerateFilterWarning):
        mel_filterbank(6000, **(TOO_MANY | {"n_mels": fewer + 1}))
    with pytest.warns(DegenerateFilterWarning):
        mel_filterbank(6000, **(TOO_MANY | {"n_fft": larger // 2}))


@settings(max_examples=60, deadline=None)
@given(
    n_mels=st.integers(1, 200),
    n_fft=st.integers(64, 1024),
    rate=st.integers(2000, 48_000),
    scale=st.sampled_from(["slaney", "htk"]),
)
def test_the_report_counts_the_rows_that_are_zero(n_mels, n_fft, rate, scale):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        bank = mel_filterbank(
            rate, n_fft=n_fft, n_mels=n_mels, mel_scale=scale, dtype=torch.float64
        )
    num_empty = int((bank.sum(1) == 0).sum())
    reported = int(str(caught[0].message).split(" of ")[0]) if caught else 0
    assert reported == num_empty


@pytest.mark.parametrize("feature", [mel_spectrogram, log_mel_spectrogram, mfcc])
def test_every_mel_feature_reports_them(feature):
    noise = torch.rand(6000)
    with pytest.warns(DegenerateFilterWarning) as caught:
        feature(noise, 6000, **TOO_MANY)
    assert caught[0].filename == __file__
    with pytest.raises(ValueError, match=r"mel bands are narrower than"):
        feature(noise, 6000, on_empty="raise", **TOO_MANY)
    feature(noise, 6000, on_empty="ignore", **TOO_MANY)


@pytest.mark.parametrize("twin", [MelSpectrogram, LogMelSpectrogram])
def test_modules_report_them_once(twin):
    with pytest.warns(DegenerateFilterWarning) as caught:
        module = twin(6000, **TOO_MANY)
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        module(torch.rand(6000))


# ---------------------------------------------------------------------------------------- bad input
@pytest.mark.parametrize(
    ("rate", "settings_", "message"),
    [
        (8000, {"f_max": 7600.0}, r"above half the sample rate, 4000 Hz: is sample_rate=8000"),
        (RATE, {"f_min": 4000.0, "f_max": 4000.0}, r"f_max=4000 Hz must lie above f_min=4000"),
        (0, {}, r"sample_rate must be a whole number of Hz above 0, got 0"),
        (-RATE, {}, r"sample_rate must be a whole number"),
        (math.nan, {}, r"sample_rate must be a whole number"),
        (RATE, {"n_mels": 0}, r"n_mels must be at least 1"),
        (RATE, {"mel_scale": "bark"}, r"mel_scale must be one of 'slaney', 'htk'"),
        (RATE, {"mel_norm": "area"}, r"mel_norm must be one of 'slaney'"),
        (RATE, {"on_empty": "skip"}, r"on_empty must be one of"),
        (22_050, {"convention": "whisper"}, r"whisper convention is defined at 16000 Hz"),
    ],
)
def test_bad_input_is_refused_by_name(rate, settings_, message):
    with pytest.raises(ValueError, match=message):
        mel_filterbank(rate, **settings_)


def test_a_module_refuses_a_waveform_at_another_rate():
    mel = MelSpectrogram(RATE, n_fft=512, n_mels=40)
    mel(torch.zeros(RATE), RATE)
    with pytest.raises(ValueError, match=r"made for 16000 Hz and the waveform is at 44100 Hz"):
        mel(torch.zeros(RATE), 44_100)
