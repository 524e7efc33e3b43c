"""Spectrograms: tones and energy, torch and librosa beside them, and the way back."""

from __future__ import annotations

import math

import librosa
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from audiolab.features import (
    Convention,
    inverse_spectrogram,
    log_compress,
    log_expand,
    log_spectrogram,
    spectrogram,
)


def error_db(result: torch.Tensor, expected: torch.Tensor | np.ndarray) -> float:
    """Return the largest error relative to the largest value, in dB."""
    reference = torch.as_tensor(expected)
    assert result.shape == reference.shape
    wide = torch.complex128 if reference.is_complex() else torch.float64
    error = (result.to(wide) - reference.to(wide)).abs().max() / reference.abs().max()
    return 20.0 * math.log10(max(float(error), 1e-20))


# ------------------------------------------------------------------------------------- closed forms
@pytest.mark.parametrize("window", ["hann", "hamming", "blackman", "rectangular"])
def test_a_tone_on_a_bin_has_the_height_that_its_window_gives_it(window: str):
    time = torch.arange(4096, dtype=torch.float64)
    tone = 0.5 * torch.cos(2 * math.pi * 37 / 512 * time + 0.3)
    magnitude = spectrogram(tone, n_fft=512, window=window, power=1.0)[:, 8]
    mean = {"hann": 0.5, "hamming": 0.54, "blackman": 0.42, "rectangular": 1.0}[window]
    assert int(magnitude.argmax()) == 37
    # Half the amplitude lies at the positive frequency, times the sum of the window.
    assert float(magnitude[37]) == pytest.approx(0.5 / 2 * 512 * mean, rel=1e-12)


def test_parseval_each_frame_holds_the_energy_of_its_windowed_samples():
    signal = torch.rand(2000, dtype=torch.float64) - 0.5
    power = spectrogram(signal, n_fft=256, hop_length=100, center=False)
    window = torch.hann_window(256, dtype=torch.float64)
    frames = signal.unfold(0, 256, 100) * window
    both_sides = 2 * power.sum(0) - power[0] - power[-1]
    torch.testing.assert_close(both_sides / 256, frames.square().sum(-1), rtol=1e-12, atol=0)


def test_a_click_has_the_phase_of_its_place():
    click = torch.zeros(1024, dtype=torch.float64)
    click[300] = 1.0
    spectrum = spectrogram(
        click, n_fft=256, hop_length=64, power=None, center=False, window="rectangular"
    )
    # Frame 3 starts at 192: the click is its sample 108.
    expected = torch.exp(-2j * math.pi * 108 / 256 * torch.arange(129, dtype=torch.float64))
    torch.testing.assert_close(spectrum[:, 3], expected, rtol=0, atol=1e-12)


def test_a_power_of_any_exponent():
    signal = torch.rand(3000, dtype=torch.float64)
    magnitude = spectrogram(signal, n_fft=256, power=1.0)
    for power in (0.5, 1.5, 2.0, 3.0):
        result = spectrogram(signal, n_fft=256, power=power)
        torch.testing.assert_close(result, magnitude**power, rtol=1e-10, atol=1e-14)


# ------------------------------------------------------------------------------------------- parity
SIZES = [(400, 160, 400), (1024, 256, 800), (512, 128, 401), (2048, 512, 2048), (256, 300, 256)]


@pytest.mark.parametrize(("n_fft", "hop", "win"), SIZES)
@pytest.mark.parametrize("pad_mode", ["reflect", "constant", "replicate", "circular"])
def test_complex_spectra_equal_torch_stft(speech, n_fft, hop, win, pad_mode):
    window = torch.hann_window(win, dtype=torch.float64)
    expected = torch.stft(
        speech, n_fft, hop, win, window, pad_mode=pad_mode, center=True, return_complex=True
    )
    result = spectrogram(
        speech, n_fft=n_fft, hop_length=hop, win_length=win, pad_mode=pad_mode, power=None
    )
    # The same transform of the same frames; windows differ in the last place.
    assert error_db(result, expected) < -290


@pytest.mark.parametrize(("n_fft", "hop", "win"), SIZES)
@pytest.mark.parametrize(("dtype", "bound_db"), [(torch.float32, -125), (torch.float64, -290)])
def test_complex_spectra_equal_librosa(speech, n_fft, hop, win, dtype, bound_db):
    signal = speech.to(dtype)
    expected = librosa.stft(
        signal.numpy(),
        n_fft=n_fft,
        hop_length=hop,
        win_length=win,
        dtype=np.complex64 if dtype == torch.float32 else np.complex128,
    )
    result = spectrogram(signal, n_fft=n_fft, hop_length=hop, win_length=win, power=None)
    assert error_db(result, expected) < bound_db


def test_blocks_and_one_piece_give_the_same(speech):
    """With a gradient all frames are taken at once, without one block after the other."""
    grad = speech.clone().requires_grad_()
    for settings_ in ({"n_fft": 2048}, {"n_fft": 512, "hop_length": 7}):
        plain = spectrogram(speech, **settings_)
        at_once = spectrogram(grad, **settings_)
        assert at_once.requires_grad
        torch.testing.assert_close(plain, at_once.detach(), rtol=0, atol=1e-11)


# ---------------------------------------------------------------------------------- there and back
@pytest.mark.parametrize(
    "settings_",
    [
        {},
        {"n_fft": 512, "hop_length": 128},
        {"n_fft": 512, "hop_length": 200, "win_length": 401, "window": "hamming"},
        {"n_fft": 300, "hop_length": 77, "pad_mode": "reflect"},
        {"n_fft": 256, "hop_length": 256, "window": "rectangular"},
        {"n_fft": 512, "win_length": 400, "window_at_start": True, "hop_length": 100},
    ],
)
def test_the_inverse_returns_the_signal(speech, settings_):
    spectrum = spectrogram(speech, power=None, **settings_)
    again = inverse_spectrogram(spectrum, length=len(speech), **settings_)
    # As far as frames reach: half a window beyond the centre of the last one.
    hop = settings_.get("hop_length", 512)
    reach = (spectrum.shape[-1] - 1) * hop
    torch.testing.assert_close(again[:reach], speech[:reach], rtol=0, atol=1e-12)


def test_the_inverse_without_centre_leaves_only_what_no_window_reached(speech):
    settings_ = {"n_fft": 512, "hop_length": 128, "center": False}
    spectrum = spectrogram(speech, power=None, **settings_)
    again = inverse_spectrogram(spectrum, **settings_)
    assert len(again) == (spectrum.shape[-1] - 1) * 128 + 512
    # The Hann window's first sample is zero, and its neighbours' squares are tiny.
    torch.testing.assert_close(again[32:-32], speech[32 : len(again) - 32], rtol=0, atol=1e-9)
    assert again[0] == 0.0


def test_the_inverse_equals_torch_istft_on_spectra_of_no_signal():
    generator = torch.Generator().manual_seed(0)
    spectrum = torch.randn(2, 129, 20, dtype=torch.complex128, generator=generator)
    window = torch.hann_window(256, dtype=torch.float64)
    expected = torch.istft(
        torch.cat((spectrum[:, :1].real + 0j, spectrum[:, 1:]), 1), 256, 64, window=window
    )
    result = inverse_spectrogram(spectrum, n_fft=256)
    torch.testing.assert_close(result, expected, rtol=0, atol=1e-12)


def test_a_longer_length_is_padded_with_zeros():
    spectrum = spectrogram(torch.ones(1024), power=None, n_fft=256)
    again = inverse_spectrogram(spectrum, n_fft=256, length=5000)
    assert again.shape == (5000,)
    assert not again[1024 + 256 :].any()


# -------------------------------------------------------------------------------------- logarithms
@pytest.mark.parametrize("reference", [1.0, 2.5])
@pytest.mark.parametrize("top_db", [None, 30.0, 80.0])
def test_decibels_equal_librosa(speech, reference, top_db):
    power = spectrogram(speech, n_fft=512)
    expected = librosa.power_to_db(power.numpy(), ref=reference, top_db=top_db)
    result = log_compress(power, log_ref=reference, top_db=top_db)
    torch.testing.assert_close(result, torch.from_numpy(expected), rtol=0, atol=1e-9)


def test_the_clamp_is_each_items_own(three):
    together = log_spectrogram(three, n_fft=512, log_ref="max")
    assert torch.equal(together.amax((-2, -1)), torch.zeros(3, dtype=torch.float64))
    for item, alone in zip(together, three, strict=True):
        torch.testing.assert_close(
            item, log_spectrogram(alone, n_fft=512, log_ref="max"), rtol=0, atol=1e-9
        )


@pytest.mark.parametrize("name", ["librosa", "torchaudio", "kaldi", "whisper"])
def test_expansion_undoes_compression_above_the_floor(name):
    power = torch.logspace(-4, 2, 60, dtype=torch.float64).reshape(6, 10)
    again = log_expand(log_compress(power, convention=name), convention=name)
    torch.testing.assert_close(again, power, rtol=1e-12, atol=0)


def test_torchaudios_log_mels_is_a_bias_and_a_natural_logarithm():
    power = torch.rand(5, 6, dtype=torch.float64)
    settings_ = {"log": "ln", "log_bias": 1e-6, "top_db": None}
    level = log_compress(power, **settings_)
    torch.testing.assert_close(level, torch.log(power + 1e-6))
    torch.testing.assert_close(log_expand(level, **settings_), power)


# --------------------------------------------------------------------------------------- properties
@settings(max_examples=60, deadline=None)
@given(
    num_samples=st.integers(1, 3000),
    n_fft=st.integers(1, 700),
    hop=st.integers(1, 400),
    center=st.booleans(),
)
def test_frames_are_counted_and_come_back_at_any_size(num_samples, n_fft, hop, center):
    signal = torch.rand(num_samples, dtype=torch.float64) - 0.5
    settings_ = {"n_fft": n_fft, "hop_length": hop, "center": center, "window": "hamming"}
    if n_fft > num_samples:
        with pytest.raises(ValueError, match=r"longer than the signal"):
            spectrogram(signal, **settings_)
        return
    spectrum = spectrogram(signal, power=None, **settings_)
    span = num_samples + 2 * (n_fft // 2) - n_fft if center else num_samples - n_fft
    assert spectrum.shape == (n_fft // 2 + 1, 1 + span // hop)
    if hop > n_fft:
        with pytest.raises(ValueError, match=r"leaves samples that no hamming window"):
            inverse_spectrogram(spectrum, **settings_)
        return
    again = inverse_spectrogram(spectrum, **settings_)
    shared = min(len(again), num_samples)
    torch.testing.assert_close(again[:shared], signal[:shared], rtol=0, atol=1e-10)


# ---------------------------------------------------------------------------------------- bad input
GOOD = torch.zeros(4000)


@pytest.mark.parametrize(
    ("signal", "settings_", "message"),
    [
        (torch.zeros(0), {}, r"waveform has no samples"),
        (torch.zeros(2, 0), {}, r"waveform has no samples"),
        (torch.zeros(100), {}, r"n_fft=2048 is longer than the signal of 100 samples"),
        (torch.tensor([0.0, math.nan] * 2000), {}, r"2000 value\(s\) that are NaN"),
        (torch.full((4000,), math.inf), {}, r"NaN or infinite"),
        (GOOD, {"hop_length": 0}, r"hop_length must be at least 1, got 0"),
        (GOOD, {"hop_length": -5}, r"hop_length must be at least 1"),
        (GOOD, {"n_fft": 0}, r"n_fft must be at least 1"),
        (GOOD, {"n_fft": 512, "win_length": 600}, r"raise n_fft to 1024"),
        (GOOD, {"window": "hanning"}, r"window must be one of 'hann'"),
        (GOOD, {"pad_mode": "mirror"}, r"pad_mode must be one of"),
        (GOOD, {"power": 0.0}, r"power must be above 0"),
        (GOOD, {"preemphasis": 2.0}, r"preemphasis must be between 0 and 1"),
        (
            torch.zeros(700),
            {"n_fft": 2048, "win_length": 512, "pad_mode": "reflect"},
            r"asks for 1024 samples of reflect padding",
        ),
    ],
)
def test_bad_input_is_refused_by_name(signal, settings_, message):
    with pytest.raises(ValueError, match=message):
        spectrogram(signal, **settings_)


@pytest.mark.parametrize(
    ("signal", "settings_", "message"),
    [
        ([0.0] * 4000, {}, r"waveform must be a torch.Tensor"),
        (torch.zeros(4000, dtype=torch.int16), {}, r"waveform must be floating point"),
        (torch.zeros(4000, dtype=torch.float16), {}, r"convert it with .float\(\)"),
        (GOOD, {"hop_size": 128}, r"spectrogram takes no setting 'hop_size'"),
        (GOOD, {"hop_lenght": 128}, r"did you mean 'hop_length'"),
        (GOOD, {"n_mels": 80}, r"spectrogram takes no setting 'n_mels'"),
        (GOOD, {"n_fft": 512.0}, r"n_fft must be an int, got float"),
    ],
)
def test_wrong_types_are_refused_by_name(signal, settings_, message):
    with pytest.raises(TypeError, match=message):
        spectrogram(signal, **settings_)


@pytest.mark.parametrize(
    ("spectrum", "settings_", "error", "message"),
    [
        (torch.zeros(257, 9), {}, TypeError, r"must be complex64 or complex128"),
        (torch.zeros(256, 9) + 0j, {}, ValueError, r"shape \(\.\.\., 257, frame\)"),
        (torch.zeros(257, 0) + 0j, {}, ValueError, r"spectrum is empty"),
        (torch.full((257, 9), math.nan) + 0j, {}, ValueError, r"NaN or infinite"),
        (torch.zeros(257, 9) + 0j, {"hop_length": 512}, ValueError, r"leaves samples that no hann"),
        (torch.zeros(257, 9) + 0j, {"length": 0}, ValueError, r"length must be at least 1"),
        (torch.zeros(257, 9) + 0j, {"preemphasis": 0.97}, ValueError, r"has no inverse"),
        (torch.zeros(257, 9) + 0j, {"drop_last_frame": True}, ValueError, r"drops or mirrors"),
    ],
)
def test_the_inverse_refuses_what_it_cannot_undo(spectrum, settings_, error, message):
    with pytest.raises(error, match=message):
        inverse_spectrogram(spectrum, n_fft=512, **settings_)


def test_conventions_in_seconds_ask_for_the_rate():
    with pytest.raises(ValueError, match=r"counts in seconds: give sample_rate"):
        spectrogram(GOOD, convention="kaldi")
    with pytest.raises(ValueError, match=r"sample_rate must be a whole number of Hz above 0"):
        spectrogram(GOOD, 0, convention="kaldi")
    with pytest.raises(ValueError, match=r"one of n_fft, win_length and frame_s"):
        spectrogram(GOOD, convention=Convention(n_fft=None))


def test_logarithms_refuse_what_is_not_power():
    with pytest.raises(ValueError, match=r"must not be negative: pass \|X\|\^2, not decibels"):
        log_compress(torch.full((3, 4), -20.0))
    with pytest.raises(ValueError, match=r"which is not known"):
        log_expand(torch.zeros(3, 4), log_ref="max")
    with pytest.raises(ValueError, match=r"power=None: pass 1.0 or 2.0"):
        log_spectrogram(GOOD, power=None)
