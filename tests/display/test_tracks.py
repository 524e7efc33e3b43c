"""Every spelling of a track, true levels, and errors that point at the track."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from audiolab import io
from audiolab.display.tracks import as_tracks, format_db

RATE = 8000
SINE = np.sin(np.arange(RATE) * 0.3)


@pytest.mark.parametrize(
    ("samples", "shape"),
    [
        (SINE, (1, RATE)),
        (SINE.astype(np.float32), (1, RATE)),
        (SINE.tolist(), (1, RATE)),
        (tuple(SINE.tolist()), (1, RATE)),
        (torch.tensor(SINE), (1, RATE)),
        (np.stack([SINE, -SINE]), (2, RATE)),
        ([SINE.tolist(), (-SINE).tolist()], (2, RATE)),
        (torch.tensor(SINE)[None].requires_grad_(), (1, RATE)),
        (torch.tensor(SINE).bfloat16(), (1, RATE)),
    ],
)
def test_what_ipython_takes_is_one_track(samples: object, shape: tuple[int, int]) -> None:
    from IPython.display import Audio

    if not isinstance(samples, torch.Tensor):
        Audio(samples, rate=RATE)  # the same arguments
    (track,) = as_tracks(samples, RATE)
    assert tuple(track.waveform.shape) == shape
    assert track.waveform.dtype in (torch.float32, torch.float64)
    assert not track.waveform.requires_grad
    assert float(track.waveform[0].abs().max()) == pytest.approx(1.0, abs=5e-3)


@pytest.mark.parametrize(
    ("dtype", "value", "expected"),
    [
        (np.int8, -128, -1.0),
        (np.uint8, 192, 0.5),
        (np.int16, 16_384, 0.5),
        (np.int16, -32_768, -1.0),
        (np.int32, 2**30, 0.5),
        (np.int64, 16_384, 0.5),
        (np.int64, 2**30, 0.5),
        (np.int64, 1, 1.0),
    ],
)
def test_integers_are_scaled_by_full_scale(dtype: type, value: int, expected: float) -> None:
    array = np.full(4, value, dtype)
    for samples in (array, torch.tensor(array)):
        assert float(as_tracks(samples, RATE)[0].waveform[0, 0]) == expected


def test_a_list_of_python_integers_is_16_bit() -> None:
    (track,) = as_tracks([0, 8192, -8192], RATE)
    assert track.waveform.tolist() == [[0.0, 0.25, -0.25]]


def test_lists_pairs_and_mappings_are_several_tracks() -> None:
    tracks = as_tracks([SINE, (torch.tensor(SINE), 16_000), torch.ones(2, 4)], RATE)
    assert [track.sample_rate for track in tracks] == [8000, 16_000, 8000]
    assert [track.title for track in tracks] == ["Track 1", "Track 2", "Track 3"]
    assert [track.num_channels for track in tracks] == [1, 1, 2]
    assert tracks[1].duration_s == 0.5
    named = as_tracks({"one": SINE, "two": SINE.tolist()}, RATE)
    assert [track.title for track in named] == ["one", "two"]
    titled = as_tracks([SINE, SINE], RATE, titles=["a", "b"])
    assert [track.title for track in titled] == ["a", "b"]
    assert as_tracks((SINE, 16_000))[0].sample_rate == 16_000


def test_files_bring_their_rate_and_their_name(tmp_path: Path) -> None:
    path = tmp_path / "sine.wav"
    io.save(path, torch.tensor(SINE)[None].float() * 0.5, RATE)
    for source in (path, str(path)):
        (track,) = as_tracks(source)
        assert (track.title, track.sample_rate) == ("sine.wav", RATE)
    (track,) = as_tracks(path.read_bytes())
    assert track.title == "Sound"
    both = as_tracks([path, io.load(path)])
    assert torch.equal(both[0].waveform, both[1].waveform)


def test_levels_are_true() -> None:
    (track,) = as_tracks(0.01 * SINE, RATE)
    assert track.peak_db == pytest.approx(-40, abs=0.01)
    assert track.rms_db == pytest.approx(-43.01, abs=0.01)
    assert not track.clips
    (loud,) = as_tracks(2.0 * SINE, RATE)
    assert loud.peak_db == pytest.approx(6.02, abs=0.01)
    assert loud.clips
    stereo = as_tracks(np.stack([SINE, 0 * SINE]), RATE)[0]
    assert stereo.peak_db == pytest.approx(0, abs=0.01)
    assert stereo.rms_db == pytest.approx(-6.02, abs=0.01)


def test_facts_are_short_phrases() -> None:
    tone = torch.sin(2 * torch.pi * 997 * torch.arange(96_000) / 48_000)
    facts = as_tracks(tone, 48_000)[0].facts()
    # BS.1770: a full-scale 997 Hz sine in one channel reads -3.01 LUFS.
    assert facts == [
        "peak 0.0 dBFS", "RMS −3.0 dBFS", "−3.0 LUFS", "2.00 s", "48 kHz", "mono",
    ]  # fmt: skip
    short = as_tracks(torch.zeros(2, 100), 44_100)[0].facts()
    assert short == ["peak −∞ dBFS", "RMS −∞ dBFS", "0.00 s", "44.1 kHz", "stereo"]


@pytest.mark.parametrize(
    ("level", "text"), [(-0.04, "0.0"), (3.21, "+3.2"), (-12.0, "−12.0"), (-np.inf, "−∞")]
)
def test_levels_are_written_with_their_sign(level: float, text: str) -> None:
    assert format_db(level) == text


@pytest.mark.parametrize(
    ("tracks", "options", "error", "text"),
    [
        (SINE, {}, ValueError, "sample_rate is missing for tracks"),
        ([], {"sample_rate": RATE}, ValueError, "at least one track"),
        ({}, {"sample_rate": RATE}, ValueError, "at least one track"),
        (torch.zeros(0), {"sample_rate": RATE}, ValueError, "tracks has no samples"),
        ([SINE, np.array([np.nan])], {"sample_rate": RATE}, ValueError, r"tracks\[1\] holds 1"),
        ({"a": "b.wav"}, {}, FileNotFoundError, "b.wav"),
        (np.zeros((100, 2)), {"sample_rate": RATE}, ValueError, r"transpose \(time, channels\)"),
        (np.zeros((2, 2, 2)), {"sample_rate": RATE}, ValueError, r"\(2, 2, 2\)"),
        (np.array([True]), {"sample_rate": RATE}, TypeError, "real numbers"),
        (np.array([1j]), {"sample_rate": RATE}, TypeError, "real numbers"),
        ([[0.0, 0.1], [0.2]], {"sample_rate": RATE}, ValueError, "rows of equal length"),
        (torch.zeros(4, dtype=torch.bool), {"sample_rate": RATE}, TypeError, "floating point"),
        (7, {"sample_rate": RATE}, TypeError, "got int"),
        (SINE, {"sample_rate": 0}, ValueError, "sample_rate must be a whole number"),
        ((SINE, 0), {}, ValueError, r"tracks\[1\] must be a whole number"),
        ([SINE], {"sample_rate": RATE, "titles": ["a", "b"]}, ValueError, "name 1 track"),
        ({"a": SINE}, {"sample_rate": RATE, "titles": ["a"]}, ValueError, "must be left out"),
    ],
)
def test_what_is_no_track_is_named(
    tracks: object, options: dict, error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        as_tracks(tracks, **options)
