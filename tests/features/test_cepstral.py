"""Cepstra: the cosine table, a closed form, deltas of lines and parabolas, and bad input."""

from __future__ import annotations

import math

import pytest
import scipy.fft
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchaudio import functional

from audiolab.features import (
    MFCC,
    dct_matrix,
    deltas,
    lfcc,
    log_mel_spectrogram,
    mfcc,
)

RATE = 16_000


@settings(max_examples=30, deadline=None)
@given(size=st.integers(1, 200))
def test_the_cosine_table_is_orthonormal(size):
    table = dct_matrix(size, size, dtype=torch.float64)
    eye = torch.eye(size, dtype=torch.float64)
    torch.testing.assert_close(table @ table.T, eye, rtol=0, atol=1e-12)


@pytest.mark.parametrize("norm", ["ortho", None])
def test_the_cosine_table_equals_scipy_and_torchaudio(norm):
    table = dct_matrix(13, 40, norm=norm, dtype=torch.float64)
    expected = scipy.fft.dct(torch.eye(40, dtype=torch.float64).numpy(), norm=norm, axis=0)[:13]
    torch.testing.assert_close(table, torch.from_numpy(expected), rtol=0, atol=1e-13)
    # torchaudio's table is float32.
    torch.testing.assert_close(
        table.float(), functional.create_dct(13, 40, norm).T, rtol=0, atol=1e-5
    )


def test_the_first_coefficient_is_the_mean_level(speech):
    level = log_mel_spectrogram(speech, RATE, n_mels=40)
    first = mfcc(speech, RATE, n_mels=40)[0]
    torch.testing.assert_close(first, level.mean(0) * math.sqrt(40), rtol=1e-10, atol=0)


def test_gain_moves_the_first_coefficient_alone(speech):
    noise = speech + 1e-2 * torch.rand(len(speech), dtype=torch.float64)
    loud = mfcc(2 * noise, RATE, n_mels=40, cepstral_top_db=None)
    soft = mfcc(noise, RATE, n_mels=40, cepstral_top_db=None)
    step = torch.full_like(loud[0], 20 * math.log10(2) * math.sqrt(40))
    torch.testing.assert_close(loud[0] - soft[0], step, rtol=1e-9, atol=0)
    torch.testing.assert_close(loud[1:], soft[1:], rtol=0, atol=1e-8)


def test_all_coefficients_hold_the_whole_level(speech):
    level = log_mel_spectrogram(speech, RATE, n_mels=24)
    cepstrum = mfcc(speech, RATE, n_mels=24, n_coefficients=24)
    torch.testing.assert_close(dct_matrix(24, 24).double().T @ cepstrum, level, rtol=0, atol=1e-4)


# ------------------------------------------------------------------------------------------- deltas
@pytest.mark.parametrize("convention", ["librosa", "torchaudio", "kaldi"])
@pytest.mark.parametrize("width", [3, 5, 9])
def test_the_delta_of_a_line_is_its_slope(convention, width):
    line = 0.25 * torch.arange(40, dtype=torch.float64) + 3.0
    slope = deltas(line, width=width, convention=convention)[width:-width]
    torch.testing.assert_close(slope, torch.full_like(slope, 0.25), rtol=1e-12, atol=0)


@pytest.mark.parametrize("convention", ["librosa", "torchaudio", "kaldi"])
def test_the_second_delta_of_a_parabola_is_its_curvature(convention):
    parabola = torch.arange(40, dtype=torch.float64).square()
    curvature = deltas(parabola, order=2, convention=convention)[10:-10]
    torch.testing.assert_close(curvature, torch.full_like(curvature, 2.0), rtol=1e-10, atol=0)


def test_conventions_differ_at_the_ends_only():
    features = torch.rand(3, 30, dtype=torch.float64)
    rows = {
        name: deltas(features, width=5, convention=name)
        for name in ("librosa", "torchaudio", "kaldi")
    }
    torch.testing.assert_close(rows["torchaudio"], rows["kaldi"])
    torch.testing.assert_close(rows["librosa"][:, 2:-2], rows["kaldi"][:, 2:-2])
    assert not torch.allclose(rows["librosa"][:, :2], rows["kaldi"][:, :2])


@settings(max_examples=40, deadline=None)
@given(
    count=st.integers(1, 60),
    half=st.integers(1, 6),
    order=st.integers(1, 2),
    convention=st.sampled_from(["librosa", "torchaudio", "kaldi"]),
)
def test_deltas_keep_the_shape_at_any_length(count, half, order, convention):
    features = torch.rand(2, 3, count)
    options = {"width": 2 * half + 1, "order": order, "convention": convention}
    if convention == "librosa" and count < 2 * half + 1:
        with pytest.raises(ValueError, match=rf"more than the {count} frames there are"):
            deltas(features, **options)
    else:
        assert deltas(features, **options).shape == features.shape


# ---------------------------------------------------------------------------------------- bad input
@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"width": 4}, ValueError, r"width must be odd"),
        ({"width": 1}, ValueError, r"width must be at least 3"),
        ({"order": 0}, ValueError, r"order must be at least 1"),
        ({"order": 1.0}, TypeError, r"order must be an int, got float"),
        ({"order": 3, "width": 3}, ValueError, r"order=3 needs more frames"),
        ({"convention": "whisper"}, ValueError, r"convention must be one of 'librosa'"),
    ],
)
def test_deltas_refuse_by_name(options, error, message):
    with pytest.raises(error, match=message):
        deltas(torch.zeros(20), **options)


def test_deltas_refuse_what_are_no_features():
    with pytest.raises(TypeError, match=r"floating-point tensor \(\.\.\., frame\), got list"):
        deltas([1.0, 2.0])
    with pytest.raises(TypeError, match=r"got torch.int64"):
        deltas(torch.arange(20))
    with pytest.raises(ValueError, match=r"features has no frames"):
        deltas(torch.zeros(3, 0))


@pytest.mark.parametrize("feature", [mfcc, lfcc])
def test_more_coefficients_than_bands_are_refused(feature):
    with pytest.raises(ValueError, match=r"n_coefficients=41 must not exceed the n_mels=40"):
        feature(torch.zeros(RATE), RATE, n_mels=40, n_coefficients=41)


def test_bad_settings_are_refused_when_the_module_is_made():
    with pytest.raises(ValueError, match=r"n_coefficients=41 must not exceed"):
        MFCC(RATE, n_mels=40, n_coefficients=41)
    with pytest.raises(TypeError, match=r"MFCC takes no setting 'n_mfcc'"):
        MFCC(RATE, n_mfcc=13)
    with pytest.raises(ValueError, match=r"lifter must be at least 0"):
        MFCC(RATE, lifter=-1.0)
