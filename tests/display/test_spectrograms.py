"""Spectrograms: levels in dBFS, cells at their time and frequency, ranges as stated."""

import numpy as np
import pytest
import torch

from audiolab.display import plot_spectrogram
from audiolab.display.spectrograms import (
    hz_to_mel,
    level_spectrogram_db,
    mel_to_hz,
    power_mean_db,
    round_top_db,
    spectrum_db,
)

RATE = 16_000


@pytest.mark.parametrize("n_fft", [256, 512, 2048])
@pytest.mark.parametrize("level_db", [0.0, -6.0, -60.0])
def test_a_sine_on_a_bin_reads_its_level(n_fft: int, level_db: float) -> None:
    frequency_hz = RATE / 8
    time_s = torch.arange(RATE, dtype=torch.float64) / RATE
    sine = 10 ** (level_db / 20) * torch.sin(2 * torch.pi * frequency_hz * time_s)
    levels = level_spectrogram_db(sine, n_fft=n_fft, hop=n_fft // 4)
    middle = levels[:, levels.shape[1] // 2]
    assert int(middle.argmax()) == n_fft // 8
    assert float(middle.max()) == pytest.approx(level_db, abs=1e-6)
    assert float(spectrum_db(sine, n_fft=n_fft).max()) == pytest.approx(level_db, abs=1e-6)


def test_a_constant_reads_its_level_too() -> None:
    levels = level_spectrogram_db(torch.full((4096,), 0.1, dtype=torch.float64), n_fft=512, hop=128)
    assert float(levels[0, 16]) == pytest.approx(-20.0, abs=1e-9)


def test_the_ridge_of_a_tone_lies_at_its_frequency_and_the_axis_in_seconds(
    tone: torch.Tensor,
) -> None:
    axes = plot_spectrogram(tone, RATE, title="A tone")
    (mesh,) = axes.collections
    corners = mesh.get_coordinates()
    values = np.asarray(mesh.get_array())
    row = int(values[:, values.shape[1] // 2].argmax())
    assert corners[row, 0, 1] <= 1000 < corners[row + 1, 0, 1]
    assert (corners[0, 0, 0], corners[0, -1, 0]) == (0.0, 1.0)
    assert (corners[0, 0, 1], corners[-1, 0, 1]) == (0.0, RATE / 2)
    assert axes.get_xlim() == (0.0, 1.0)
    assert axes.get_ylim() == (0.0, 8000.0)
    assert axes.get_xlabel() == "Time (s)"
    assert axes.get_ylabel() == "Frequency (kHz)"


def test_a_click_lies_in_the_column_of_its_time() -> None:
    click = torch.zeros(RATE)
    click[12_345] = 1.0
    (mesh,) = plot_spectrogram(click, RATE, title="A click", n_fft=256, hop=64).collections
    column = int(np.asarray(mesh.get_array()).sum(axis=0).argmax())
    corners = mesh.get_coordinates()
    assert corners[0, column, 0] <= 12_345 / RATE <= corners[0, column + 1, 0]


def test_the_range_is_stated_and_kept(tone: torch.Tensor) -> None:
    axes = plot_spectrogram(tone, RATE, title="A tone", range_db=60, top_db=-3)
    (mesh,) = axes.collections
    assert mesh.get_clim() == (-63, -3)
    assert float(np.asarray(mesh.get_array()).min()) == pytest.approx(-63)
    bar = axes.figure.axes[1]
    assert bar.get_ylabel() == "dBFS (60 dB range)"


def test_levels_may_refer_to_the_peak(tone: torch.Tensor) -> None:
    axes = plot_spectrogram(0.01 * tone, RATE, title="A soft tone", reference="peak")
    assert axes.collections[0].get_clim() == (-80.0, 0.0)
    assert axes.figure.axes[1].get_ylabel() == "dB re peak (80 dB range)"


def test_silence_is_drawn_as_the_floor() -> None:
    (mesh,) = plot_spectrogram(torch.zeros(4000), 8000, title="Silence").collections
    assert mesh.get_clim() == (-80.0, 0.0)
    assert set(np.asarray(mesh.get_array()).ravel()) == {-80.0}


@pytest.mark.parametrize("scale", ["linear", "log", "mel"])
def test_frequency_scales_show_the_same_cells(tone: torch.Tensor, scale: str) -> None:
    axes = plot_spectrogram(tone, RATE, title="A tone", frequency_scale=scale)
    axes.figure.canvas.draw()
    assert axes.get_ylim()[1] == RATE / 2
    assert np.asarray(axes.collections[0].get_array()).shape == (513, 63)


def test_channels_get_panels_with_one_scale(tone: torch.Tensor) -> None:
    axes = plot_spectrogram(torch.stack([tone, 0.1 * tone]), RATE, title="Two")
    assert [panel.get_title() for panel in axes] == ["Two – left", "Two – right"]
    assert axes[0].collections[0].get_clim() == axes[1].collections[0].get_clim()


def test_one_sample_is_enough() -> None:
    plot_spectrogram(torch.ones(1), 8000, title="One sample").figure.canvas.draw()


def test_mel_and_hertz_are_inverse_and_meet_slaneys_corner() -> None:
    hertz = np.linspace(0, 20_000, 999)
    np.testing.assert_allclose(mel_to_hz(hz_to_mel(hertz)), hertz, atol=1e-8)
    assert float(hz_to_mel(np.array(1000.0))) == 15.0
    import librosa

    np.testing.assert_allclose(hz_to_mel(hertz), librosa.hz_to_mel(hertz))


def test_levels_are_averaged_by_power() -> None:
    assert float(power_mean_db(torch.tensor([[0.0], [-torch.inf]]))) == pytest.approx(-3.0103)


@pytest.mark.parametrize(("peak", "top"), [(-5.0, -5.0), (-4.9, 0.0), (0.1, 5.0), (-np.inf, 0.0)])
def test_the_top_is_a_multiple_of_five(peak: float, top: float) -> None:
    assert round_top_db(peak) == top


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"frequency_scale": "bark"}, "frequency_scale must be one of"),
        ({"reference": "mean"}, "reference must be one of"),
        ({"range_db": 0}, "range_db must be above 0 dB"),
        ({"n_fft": 1}, "n_fft must be at least 2"),
    ],
)
def test_wrong_options_are_named(tone: torch.Tensor, options: dict, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        plot_spectrogram(tone, RATE, title="No", **options)
