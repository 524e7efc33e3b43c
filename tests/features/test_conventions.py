"""Conventions: presets, what tells them apart, sizes in seconds, and messages that help."""

from __future__ import annotations

import dataclasses
from typing import get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audiolab.features import Convention, Settings, convention, differences

PRESETS = ("librosa", "torchaudio", "kaldi", "whisper")


def test_every_field_can_be_set_by_keyword_and_is_documented():
    fields = {field.name for field in dataclasses.fields(Convention)}
    whole = {"name", "sample_rate", "frame_s", "hop_s", "hop_divisor", "energy_bin"}
    assert set(get_type_hints(Settings)) == fields - whole
    for name in fields:
        assert (
            f"{name} :" in Convention.__doc__
            or f"{name}, " in Convention.__doc__
            or (f", {name} :" in Convention.__doc__)
        ), name


def test_the_values_that_trip_people_up():
    """The table of the page: read off the libraries' documentation."""
    settled = {name: convention(name).settle(16_000) for name in PRESETS}

    def values(field: str) -> list[object]:
        return [getattr(settled[name], field) for name in PRESETS]

    assert values("n_fft") == [2048, 400, 512, 400]
    assert values("win_length") == [2048, 400, 400, 400]
    assert values("hop_length") == [512, 200, 160, 160]
    assert values("pad_mode")[:2] == ["constant", "reflect"]
    assert values("center") == [True, True, False, True]
    assert values("mel_scale") == ["slaney", "htk", "htk", "slaney"]
    assert values("mel_norm") == ["slaney", None, None, "slaney"]
    assert values("n_mels") == [128, 128, 23, 80]
    assert values("log") == ["db", "db", "ln", "log10"]
    assert values("top_db") == [80.0, None, None, 80.0]
    assert values("cepstral_top_db")[:3] == [80.0, 80.0, None]
    assert values("n_coefficients")[:3] == [20, 40, 13]


def test_differences_name_both_values():
    apart = differences("librosa", "torchaudio", sample_rate=16_000)
    assert apart["mel_scale"] == ("slaney", "htk")
    assert apart["hop_length"] == (512, 200)
    assert "name" not in apart
    assert "window" not in apart
    for name in PRESETS:
        assert differences(name, name) == {}
    changed = convention("librosa", mel_scale="htk", mel_norm=None)
    assert differences("librosa", changed) == {
        "mel_scale": ("slaney", "htk"),
        "mel_norm": ("slaney", None),
    }


def test_sizes_follow_one_another():
    assert convention("librosa", n_fft=1024).settle().hop_length == 256
    assert convention("torchaudio", n_fft=1024).settle().hop_length == 512
    assert convention("librosa", n_fft=1024, win_length=800).settle().hop_length == 200
    kaldi = convention("kaldi", win_length=480).settle(16_000)
    assert (kaldi.n_fft, kaldi.hop_length) == (512, 160)


@settings(max_examples=100, deadline=None)
@given(rate=st.integers(1000, 192_000))
def test_kaldis_sizes_are_whole_samples_rounded_down(rate):
    settled = convention("kaldi").settle(rate)
    assert settled.win_length == rate * 25 // 1000
    assert settled.hop_length == rate * 10 // 1000
    assert settled.n_fft >= settled.win_length > settled.n_fft // 2
    assert settled.n_fft & (settled.n_fft - 1) == 0


def test_a_convention_of_ones_own():
    own = Convention(name="own", n_fft=512, hop_length=100, n_mels=40, log="ln", top_db=None)
    assert convention(own) is own
    assert convention(own, n_mels=64).n_mels == 64
    assert own.settle().num_bins == 257
    with pytest.raises(dataclasses.FrozenInstanceError):
        own.n_mels = 3


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"n_mel": 80}, TypeError, r"no setting 'n_mel'; did you mean 'n_mels'"),
        (
            {"zzz": 1},
            TypeError,
            r"Convention takes no setting 'zzz': it takes center, cepstral_top_db, ",
        ),
        ({"n_fft": True}, TypeError, r"n_fft must be an int, got bool"),
        ({"n_coefficients": 0}, ValueError, r"n_coefficients must be at least 1, got 0"),
        ({"log": "log2"}, ValueError, r"log must be one of 'db', 'log10', 'ln', got 'log2'"),
        ({"log_floor": 0.0}, ValueError, r"log_floor must be above 0"),
        ({"log_ref": -1.0}, ValueError, r"log_ref must be above 0"),
        ({"top_db": -80.0}, ValueError, r"top_db must be at least 0"),
        ({"dct_norm": "backward"}, ValueError, r"dct_norm must be one of 'ortho'"),
        ({"energy_floor": -1.0}, ValueError, r"energy_floor must be at least 0"),
        ({"f_min": float("nan")}, ValueError, r"f_min must be at least 0 Hz, got nan"),
    ],
)
def test_bad_fields_are_refused_by_name(fields, error, message):
    with pytest.raises(error, match=message):
        convention("librosa", **fields)


def test_an_unknown_preset_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match=r"convention must be one of 'librosa', 'torchaudio', 'k"):
        convention("matlab")
