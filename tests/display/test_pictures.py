"""The player's pictures: a sound's place in the picture is its time and its frequency."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image

from audiolab.display.pictures import COLORS, HEIGHT, WIDTH, Picture, draw_pictures
from audiolab.display.tracks import Track


def indices(picture: Picture) -> np.ndarray:
    image = Image.open(io.BytesIO(picture.png))
    assert image.size == (picture.width, picture.height)
    return np.asarray(image)


@pytest.mark.parametrize("rate", [8000, 24_000, 44_100])
def test_a_click_lies_at_its_share_of_the_duration(rate: int) -> None:
    waveform = torch.zeros(1, 3 * rate)
    waveform[0, 2 * rate] = 1.0
    (picture,), _ = draw_pictures([Track("click", waveform, rate)])
    column = indices(picture).sum(axis=0)
    centre = float((np.arange(WIDTH) * column).sum() / column.sum()) + 0.5
    assert centre / WIDTH == pytest.approx(2 / 3, abs=2 / WIDTH)


@pytest.mark.parametrize("frequency_hz", [500, 3000, 9000])
def test_a_tone_lies_at_its_share_of_the_highest_frequency(frequency_hz: int) -> None:
    time_s = torch.arange(24_000) / 24_000
    tone = torch.sin(2 * torch.pi * frequency_hz * time_s)[None]
    (picture,), top_db = draw_pictures([Track("tone", tone, 24_000)])
    row = int(indices(picture)[:, WIDTH // 2].argmax())
    assert row == HEIGHT - 1 - int(frequency_hz / 12_000 * HEIGHT)
    assert top_db == 0.0
    assert indices(picture).max() == COLORS - 1


def test_tracks_share_time_frequency_and_level() -> None:
    noise = torch.rand(1, 48_000, generator=torch.Generator().manual_seed(0)) - 0.5
    tracks = [
        Track("long", noise, 24_000),
        Track("short and low", 0.1 * noise[:, :8000], 8000),
    ]
    (long, short), top_db = draw_pictures(tracks)
    assert (long.width, short.width) == (WIDTH, WIDTH // 2)
    assert top_db in (-25.0, -20.0)  # white noise at -10.8 dBFS, spread over 384 bins
    # Above half of the lower rate there is nothing. Below, 20 dB less, but the same power falls
    # onto a third as many bins.
    silent = indices(short)[: HEIGHT - int(HEIGHT / 3) - 1]
    assert silent.max() == 0
    loud, soft = (indices(p)[HEIGHT - 30 :].mean() for p in (long, short))
    assert (loud - soft) * 80 / (COLORS - 1) == pytest.approx(20 - 10 * np.log10(3), abs=1)


@pytest.mark.parametrize("length", [1, 2, 100, 5000])
def test_short_and_silent_tracks_have_pictures(length: int) -> None:
    (picture,), top_db = draw_pictures([Track("short", torch.zeros(2, length), 48_000)])
    assert indices(picture).max() == 0
    assert top_db == 0.0


def test_no_column_of_a_steady_sound_is_dark() -> None:
    for length in (1500, 24_000, 333_333):
        noise = torch.rand(1, length, generator=torch.Generator().manual_seed(0)) - 0.5
        (picture,), _ = draw_pictures([Track("noise", noise, 24_000)])
        assert indices(picture).max(axis=0).min() > COLORS // 3
        assert indices(picture).max(axis=1).min() > COLORS // 3


def test_pictures_are_small_and_the_same_each_time() -> None:
    noise = torch.rand(1, 96_000, generator=torch.Generator().manual_seed(0)) - 0.5
    first, second = (draw_pictures([Track("noise", noise, 24_000)])[0][0] for _ in range(2))
    assert first.png == second.png
    assert len(first.png) < 80_000  # noise is the worst there is
