"""Each preset beside the library that it stands for, on speech, with the largest error stated.

A bound is what float32 arithmetic of the reference allows, measured and rounded up: torchaudio
builds its filter banks, tables and windows in float32 whatever the signal's type.
"""

from __future__ import annotations

import math

import librosa
import numpy as np
import pytest
import scipy.fft
import torch
import torchaudio.compliance.kaldi as kaldi
from torchaudio import transforms

from audiolab.features import (
    chroma,
    deltas,
    lfcc,
    log_mel_spectrogram,
    log_spectrogram,
    mel_spectrogram,
    mfcc,
    spectral_bandwidth,
    spectral_centroid,
    spectral_flatness,
    spectral_rolloff,
    spectrogram,
)

RATE = 16_000


def error(result: torch.Tensor, expected: np.ndarray | torch.Tensor) -> float:
    """Return the largest absolute error."""
    reference = torch.as_tensor(expected).double()
    assert result.shape == reference.shape
    return float((result.double() - reference).abs().max())


def relative(result: torch.Tensor, expected: np.ndarray | torch.Tensor) -> float:
    """Return the largest error relative to the largest value."""
    return error(result, expected) / float(torch.as_tensor(expected).abs().max())


# ------------------------------------------------------------------------------------------ librosa
@pytest.mark.parametrize("size", [{}, {"n_fft": 1024, "hop_length": 160, "win_length": 800}])
def test_librosa_spectra(speech, size):
    signal = speech.numpy()
    kwargs = {"n_fft": 2048, "hop_length": 512} | size
    power = np.abs(librosa.stft(signal, **kwargs)) ** 2
    # 64-bit throughout: the same mathematics.
    assert relative(spectrogram(speech, **size), power) < 1e-13
    assert error(log_spectrogram(speech, **size), librosa.power_to_db(power)) < 1e-6
    mel = librosa.feature.melspectrogram(y=signal, sr=RATE, n_mels=96, **kwargs)
    # librosa's filter bank is float32.
    assert relative(mel_spectrogram(speech, RATE, n_mels=96, **size), mel) < 1e-7
    log_mel = log_mel_spectrogram(speech, RATE, n_mels=96, **size)
    assert error(log_mel, librosa.power_to_db(mel)) < 2e-6  # dB


@pytest.mark.parametrize("settings", [{}, {"n_coefficients": 13, "lifter": 22.0}])
def test_librosa_mfcc(speech, settings):
    expected = librosa.feature.mfcc(
        y=speech.numpy(),
        sr=RATE,
        n_mfcc=settings.get("n_coefficients", 20),
        lifter=settings.get("lifter", 0),
    )
    assert relative(mfcc(speech, RATE, **settings), expected) < 1e-7


def test_librosa_unnormalised_dct(speech):
    level = librosa.power_to_db(librosa.feature.melspectrogram(y=speech.numpy(), sr=RATE))
    expected = scipy.fft.dct(level, axis=-2, type=2)[:20]
    assert relative(mfcc(speech, RATE, dct_norm=None), expected) < 1e-7


def test_librosa_float32(speech):
    """What a float32 user sees: dB of cells near the clamp carry the float32 noise of the FFT."""
    signal = speech.float()
    mel = librosa.feature.melspectrogram(y=signal.numpy(), sr=RATE)
    assert relative(mel_spectrogram(signal, RATE), mel) < 2e-6
    assert error(log_mel_spectrogram(signal, RATE), librosa.power_to_db(mel)) < 2e-3  # dB
    expected = librosa.feature.mfcc(y=signal.numpy(), sr=RATE)
    assert relative(mfcc(signal, RATE), expected) < 3e-6


def test_librosa_descriptors(speech):
    signal = speech.numpy()
    feature = librosa.feature
    assert (
        error(spectral_centroid(speech, RATE), feature.spectral_centroid(y=signal, sr=RATE)[0])
        < 1e-8
    )
    assert (
        error(spectral_bandwidth(speech, RATE), feature.spectral_bandwidth(y=signal, sr=RATE)[0])
        < 1e-8
    )
    assert (
        error(
            spectral_bandwidth(speech, RATE, exponent=3.0),
            feature.spectral_bandwidth(y=signal, sr=RATE, p=3)[0],
        )
        < 1e-8
    )
    assert error(spectral_flatness(speech), feature.spectral_flatness(y=signal)[0]) < 1e-12
    for fraction in (0.5, 0.85, 0.99):
        ours = spectral_rolloff(speech, RATE, roll_fraction=fraction)
        theirs = feature.spectral_rolloff(y=signal, sr=RATE, roll_percent=fraction)[0]
        assert error(ours, theirs) < 1e-9  # the same bin in every frame


@pytest.mark.parametrize("n_chroma", [12, 24])
@pytest.mark.parametrize("tuning", [0.0, 0.3, None])
def test_librosa_chroma(speech, n_chroma, tuning):
    expected = librosa.feature.chroma_stft(
        y=speech.numpy(), sr=RATE, n_chroma=n_chroma, tuning=tuning
    )
    # librosa's bank is float32.
    assert error(chroma(speech, RATE, n_chroma=n_chroma, tuning=tuning), expected) < 3e-7


@pytest.mark.parametrize("norm", [None, 1.0, 2.0, math.inf])
def test_librosa_chroma_norms(speech, norm):
    expected = librosa.feature.chroma_stft(y=speech.numpy(), sr=RATE, tuning=0.0, norm=norm)
    assert relative(chroma(speech, RATE, norm=norm), expected) < 1e-6


@pytest.mark.parametrize(("order", "width"), [(1, 9), (2, 9), (1, 3), (2, 5), (3, 11)])
def test_librosa_deltas(speech, order, width):
    features = mfcc(speech, RATE)
    expected = librosa.feature.delta(features.numpy(), order=order, width=width)
    assert relative(deltas(features, order=order, width=width), expected) < 1e-12


# --------------------------------------------------------------------------------------- torchaudio
@pytest.mark.parametrize(
    "size", [{}, {"n_fft": 1024, "hop_length": 256}, {"n_fft": 512, "win_length": 400}]
)
def test_torchaudio_spectra(speech, size):
    double = {"dtype": torch.float64}
    options = {"convention": "torchaudio", **size}
    expected = transforms.Spectrogram(**size, wkwargs=double)(speech)
    assert relative(spectrogram(speech, **options), expected) < 1e-13
    # torchaudio's filter bank is float32.
    transform = transforms.MelSpectrogram(RATE, n_mels=64, **size, wkwargs=double)
    transform.mel_scale.fb = transform.mel_scale.fb.double()
    mel = transform(speech)
    assert relative(mel_spectrogram(speech, RATE, n_mels=64, **options), mel) < 6e-6
    level = transforms.AmplitudeToDB("power")(mel)
    # A band of one bin takes its height from edges that torchaudio rounds to float32.
    assert error(log_mel_spectrogram(speech, RATE, n_mels=64, **options), level) < 1e-3  # dB


def test_torchaudio_float32(speech):
    signal = speech.float()
    expected = transforms.MelSpectrogram(RATE, n_mels=64)(signal)
    result = mel_spectrogram(signal, RATE, convention="torchaudio", n_mels=64)
    assert relative(result, expected) < 6e-6


@pytest.mark.parametrize("n_mels", [40, 64])
def test_torchaudio_mfcc(speech, n_mels):
    transform = transforms.MFCC(
        RATE, melkwargs={"n_mels": n_mels, "wkwargs": {"dtype": torch.float64}}
    )
    expected = transform.double()(speech)
    result = mfcc(speech, RATE, convention="torchaudio", n_mels=n_mels)
    assert relative(result, expected) < 3e-6


def test_torchaudio_lfcc(speech):
    transform = transforms.LFCC(RATE, speckwargs={"wkwargs": {"dtype": torch.float64}})
    assert relative(lfcc(speech, RATE), transform.double()(speech)) < 3e-6


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("width", [3, 5, 9])
def test_torchaudio_deltas(speech, order, width):
    features = mfcc(speech, RATE)
    expected = features
    for _ in range(order):
        expected = transforms.ComputeDeltas(win_length=width)(expected)
    result = deltas(features, order=order, width=width, convention="torchaudio")
    assert relative(result, expected) < 1e-12


def test_torchaudio_centroid(speech):
    transform = transforms.SpectralCentroid(RATE, wkwargs={"dtype": torch.float64})
    result = spectral_centroid(speech, RATE, convention="torchaudio")
    assert error(result, transform(speech)) < 1e-8


# -------------------------------------------------------------------------------------------- kaldi
KALDI = [
    ({}, {}),
    ({"use_energy": True}, {"use_energy": True}),
    ({"use_energy": True, "raw_energy": False}, {"use_energy": True, "raw_energy": False}),
    ({"use_energy": True, "energy_floor": 0.0}, {"use_energy": True, "energy_floor": 0.0}),
    ({"snip_edges": False}, {"snip_edges": False}),
    ({"window": "hann"}, {"window_type": "hanning"}),
    ({"window": "hamming"}, {"window_type": "hamming"}),
    ({"window": "blackman"}, {"window_type": "blackman"}),
    ({"window": "rectangular"}, {"window_type": "rectangular"}),
    ({"preemphasis": 0.0}, {"preemphasis_coefficient": 0.0}),
    ({"remove_dc": False}, {"remove_dc_offset": False}),
    ({"n_fft": 400}, {"round_to_power_of_two": False}),
    ({"win_length": 480, "hop_length": 200}, {"frame_length": 30.0, "frame_shift": 12.5}),
]
KALDI_BANDS = [
    ({"n_mels": 80}, {"num_mel_bins": 80}),
    ({"f_min": 60.0, "f_max": 7600.0}, {"low_freq": 60.0, "high_freq": 7600.0}),
]


@pytest.mark.parametrize(("ours", "theirs"), KALDI)
def test_kaldi_spectrogram(speech, ours, theirs):
    if "use_energy" in ours:  # bin 0 always holds the energy
        ours, theirs = ({k: v for k, v in o.items() if k != "use_energy"} for o in (ours, theirs))
    expected = kaldi.spectrogram(speech[None], sample_frequency=RATE, **theirs).T
    assert (
        error(log_spectrogram(speech, RATE, convention="kaldi", **ours), expected) < 1e-9
    )  # neper


@pytest.mark.parametrize("scale", [1.0, 32768.0])
@pytest.mark.parametrize(("ours", "theirs"), KALDI + KALDI_BANDS)
def test_kaldi_fbank(speech, ours, theirs, scale):
    """With ±1 samples and with the 16-bit ones that Kaldi reads; natural logarithm of power."""
    expected = kaldi.fbank(scale * speech[None], sample_frequency=RATE, **theirs).T
    result = log_mel_spectrogram(
        scale * speech, RATE, convention="kaldi", on_empty="ignore", **ours
    )
    # torchaudio computes its mel edges in float32.
    assert error(result, expected) < 3e-4


@pytest.mark.parametrize(("ours", "theirs"), [*KALDI, ({"lifter": 0.0}, {"cepstral_lifter": 0.0})])
def test_kaldi_mfcc(speech, ours, theirs):
    expected = kaldi.mfcc(speech[None], sample_frequency=RATE, **theirs).T
    assert relative(mfcc(speech, RATE, convention="kaldi", **ours), expected) < 1e-5


@pytest.mark.parametrize("rate", [8000, 11_025, 22_050, 44_100, 48_000])
def test_kaldi_frames_at_other_rates(speech, rate):
    expected = kaldi.fbank(speech[None], sample_frequency=rate).T
    assert error(log_mel_spectrogram(speech, rate, convention="kaldi"), expected) < 3e-5


def test_kaldi_float32(speech):
    signal = speech.float()
    expected = kaldi.fbank(signal[None], sample_frequency=RATE, num_mel_bins=80).T
    result = log_mel_spectrogram(signal, RATE, convention="kaldi", n_mels=80)
    assert error(result, expected) < 2e-3


def test_kaldi_deltas_are_one_filter_over_the_repeated_ends(speech):
    """The reference: Kaldi's window (-2 .. 2) / 10, convolved with itself for the second order."""
    features = mfcc(speech, RATE, convention="kaldi").numpy()
    once = np.array([-2.0, -1.0, 0.0, 1.0, 2.0]) / 10.0
    for order, filter_ in ((1, once), (2, np.convolve(once, once))):
        half = len(filter_) // 2
        padded = np.pad(features, ((0, 0), (half, half)), mode="edge")
        expected = np.stack([np.correlate(row, filter_, "valid") for row in padded])
        result = deltas(torch.from_numpy(features), order=order, convention="kaldi")
        assert relative(result, expected) < 1e-12


# ------------------------------------------------------------------------------------------ whisper
def whisper_reference(signal: np.ndarray, n_mels: int) -> np.ndarray:
    """Compute Whisper's input from its description, with librosa's filters and NumPy's FFT."""
    padded = np.pad(signal, 200, mode="reflect")
    count = 1 + len(signal) // 160
    frames = np.stack([padded[160 * t : 160 * t + 400] for t in range(count)])
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    power = np.abs(np.fft.rfft(frames * window)) ** 2
    filters = librosa.filters.mel(sr=RATE, n_fft=400, n_mels=n_mels, dtype=np.float64)
    log_mel = np.log10(np.maximum(filters @ power[:-1].T, 1e-10))
    log_mel = np.maximum(log_mel, log_mel.max() - 8.0)
    return (log_mel + 4.0) / 4.0


@pytest.mark.parametrize("n_mels", [80, 128])
@pytest.mark.parametrize("padded", [False, True])
def test_whisper(speech, n_mels, padded):
    signal = torch.nn.functional.pad(speech, (0, 480_000 - len(speech))) if padded else speech
    result = log_mel_spectrogram(signal, RATE, convention="whisper", n_mels=n_mels)
    assert result.shape == (n_mels, len(signal) // 160)
    assert error(result, whisper_reference(signal.numpy(), n_mels)) < 1e-12
    single = log_mel_spectrogram(signal.float(), RATE, convention="whisper", n_mels=n_mels)
    assert error(single, whisper_reference(signal.numpy(), n_mels)) < 1e-4


def test_whisper_is_refused_at_other_rates(speech):
    with pytest.raises(ValueError, match=r"defined at 16000 Hz, got sample_rate=44100: resample"):
        log_mel_spectrogram(speech, 44_100, convention="whisper")
    with pytest.raises(ValueError, match=r"the whisper convention has no cepstrum"):
        mfcc(speech, RATE, convention="whisper")


# --------------------------------------------------------------------------- what presets spare
def test_the_defaults_of_the_libraries_are_far_apart(speech):
    """The reason for the argument: the same words and frames, two libraries, 18 dB."""
    frames = {"n_fft": 2048, "hop_length": 512, "top_db": None}
    torchaudios = log_mel_spectrogram(speech, RATE, convention="torchaudio", **frames)
    librosas = log_mel_spectrogram(speech, RATE, convention="librosa", **frames)
    assert float((torchaudios - librosas).median()) == pytest.approx(18.4, abs=0.5)
