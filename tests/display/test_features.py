"""Feature plots: cells at their time and frequency, differences as they are, filters as given."""

import numpy as np
import pytest
import torch

from audiolab.display import plot_feature, plot_feature_comparison, plot_filterbank
from audiolab.features import (
    log_mel_spectrogram,
    mel_filterbank,
    mel_frequencies,
    spectrogram,
)

RATE = 16_000
MEL = {"n_fft": 512, "hop_length": 128, "n_mels": 40}


def cells(axes) -> np.ndarray:
    return np.asarray(axes.collections[0].get_array())


def tick_rows(axes) -> dict[str, float]:
    labels = [tick.get_text() for tick in axes.get_yticklabels()]
    return dict(zip(labels, axes.get_yticks(), strict=True))


def test_a_tone_lies_in_the_row_that_the_axis_calls_by_its_frequency(tone: torch.Tensor) -> None:
    level = log_mel_spectrogram(tone, RATE, **MEL)
    centres = mel_frequencies(RATE, n_mels=40)
    axes = plot_feature(level, RATE, title="Tone", hop_length=128, frequencies_hz=centres)
    row = int(cells(axes)[:, 60].argmax())
    assert abs(tick_rows(axes)["1"] - row) <= 0.5
    assert axes.get_ylabel() == "Frequency (kHz)"
    assert axes.get_xlabel() == "Time (s)"
    np.testing.assert_allclose(cells(axes), level.numpy(), rtol=1e-6)


def test_even_rows_get_even_ticks(tone: torch.Tensor) -> None:
    power = spectrogram(tone, n_fft=512, hop_length=128)
    centres = torch.linspace(0, RATE / 2, 257)
    axes = plot_feature(power, RATE, title="Tone", hop_length=128, frequencies_hz=centres)
    rows = tick_rows(axes)
    assert rows["0"] == 0
    assert rows["8"] == 256
    assert rows["2"] == pytest.approx(64)
    assert int(cells(axes)[:, 60].argmax()) == 32  # 1 kHz, half-way to the mark of 2 kHz


def test_a_click_lies_in_the_column_of_its_time() -> None:
    click = torch.zeros(RATE)
    click[9_000] = 1.0
    power = spectrogram(click, n_fft=256, hop_length=64)
    axes = plot_feature(power, RATE, title="Click", hop_length=64)
    corners_s = axes.collections[0].get_coordinates()[0, :, 0]
    column = int(cells(axes).sum(0).argmax())
    assert corners_s[column] <= 9_000 / RATE <= corners_s[column + 1]
    assert axes.get_ylabel() == "Row"


def test_frames_that_start_later_are_drawn_later() -> None:
    axes = plot_feature(torch.rand(3, 11), 100, title="x", hop_length=10, start_s=0.5)
    assert axes.get_xlim() == pytest.approx((0.45, 1.55))


def test_signed_colours_are_white_at_zero() -> None:
    axes = plot_feature(
        torch.tensor([[-1.0, 3.0]]), RATE, title="x", hop_length=1, signed=True, unit="none"
    )
    assert axes.collections[0].get_clim() == (-3.0, 3.0)
    assert axes.figure.axes[1].get_ylabel() == "none"


def test_limits_are_kept_and_the_bar_can_be_left_out() -> None:
    axes = plot_feature(
        torch.rand(3, 4), RATE, title="x", hop_length=1, limits=(-80, 0), colorbar=False
    )
    assert axes.collections[0].get_clim() == (-80.0, 0.0)
    assert len(axes.figure.axes) == 1


def test_a_constant_can_be_drawn() -> None:
    axes = plot_feature(torch.zeros(1, 1), RATE, title="x", hop_length=1)
    axes.figure.canvas.draw()
    assert axes.collections[0].get_clim() == (-1.0, 1.0)


def test_a_comparison_shares_its_scale_and_writes_the_difference() -> None:
    first = torch.zeros(4, 10)
    second = first.clone()
    second[2, 5] = -2.0
    axes = plot_feature_comparison(
        [first, second], RATE, ["a", "b"], hop_length=100, title="Both", unit="dB"
    )
    assert [panel.get_title() for panel in axes[:2]] == ["a", "b"]
    assert axes[2].get_title() == "b minus a: at most 2 dB, RMS 0.316 dB"
    assert axes[0].collections[0].get_clim() == axes[1].collections[0].get_clim() == (-2.0, 0.0)
    assert axes[2].collections[0].get_clim() == (-2.0, 2.0)
    assert cells(axes[2])[2, 5] == -2.0
    assert axes[0].figure.get_suptitle() == "Both"


def test_equal_features_differ_by_nothing() -> None:
    axes = plot_feature_comparison([torch.ones(2, 3)] * 2, RATE, ["a", "b"], hop_length=1)
    assert axes[2].get_title() == "b minus a: at most 0 dB, RMS 0 dB"
    axes[0].figure.canvas.draw()


def test_a_bank_is_drawn_weight_by_weight() -> None:
    bank = mel_filterbank(RATE, n_fft=512, n_mels=10)
    axes = plot_filterbank(bank, RATE, title="Ten")
    assert len(axes.get_lines()) == 10
    line = axes.get_lines()[9]
    assert float(np.max(line.get_ydata())) == pytest.approx(float(bank[9].max()))
    peak_hz = float(line.get_xdata()[np.argmax(line.get_ydata())])
    assert abs(peak_hz - float(mel_frequencies(RATE, n_mels=10)[9])) < RATE / 512
    assert axes.get_xlabel() == "Frequency (kHz)"
    assert axes.get_title() == "Ten"


def test_empty_bands_are_counted_in_the_title() -> None:
    bank = mel_filterbank(RATE, n_fft=400, n_mels=128, mel_scale="htk", on_empty="ignore")
    empty = int((bank == 0).all(1).sum())
    axes = plot_filterbank(bank, RATE, title="Many", max_frequency_hz=500.0)
    assert empty > 0
    assert axes.get_title() == f"Many ({empty} of 128 empty)"
    assert axes.get_xlim() == (0.0, 500.0)
    assert axes.get_lines()[0].get_marker() == "o"  # few bins are seen: each one is


@pytest.mark.parametrize("scale", ["linear", "log", "mel"])
def test_scales_of_the_bank(scale: str) -> None:
    bank = mel_filterbank(RATE, n_fft=512, n_mels=10)
    axes = plot_filterbank(bank, RATE, title="Ten", frequency_scale=scale)
    axes.figure.canvas.draw()
    assert axes.get_xlim()[1] == RATE / 2


@pytest.mark.parametrize(
    ("feature", "options", "text"),
    [
        (torch.rand(3), {}, "shape"),
        (torch.rand(3, 0), {}, "not empty"),
        (torch.rand(3, 2, dtype=torch.complex64), {}, "complex64"),
        (torch.full((3, 2), torch.nan), {}, "NaN"),
        (torch.rand(3, 2), {"frequencies_hz": torch.arange(2)}, "3 rows"),
        (torch.rand(3, 2), {"frequencies_hz": torch.ones(3)}, "must rise"),
        (torch.rand(3, 2), {"hop_length": 0}, "hop_length"),
        (torch.rand(3, 2), {"limits": (1.0, 0.0)}, "limits"),
    ],
)
def test_wrong_features_are_named(feature: torch.Tensor, options: dict, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        plot_feature(feature, RATE, title="No", **({"hop_length": 1} | options))


def test_wrong_comparisons_are_named() -> None:
    with pytest.raises(ValueError, match="two each, got 1 and 2"):
        plot_feature_comparison([torch.rand(2, 2)], RATE, ["a", "b"], hop_length=1)
    with pytest.raises(ValueError, match="same frames"):
        plot_feature_comparison(
            [torch.rand(2, 2), torch.rand(2, 3)], RATE, ["a", "b"], hop_length=1
        )


def test_wrong_banks_are_named() -> None:
    with pytest.raises(ValueError, match="2 bins"):
        plot_filterbank(torch.ones(3, 1), RATE, title="No")
    with pytest.raises(ValueError, match="must rise within 0 to 8000 Hz"):
        plot_filterbank(torch.ones(3, 9), RATE, title="No", max_frequency_hz=9_000)
    with pytest.raises(TypeError, match="must be a torch"):
        plot_filterbank([[1.0]], RATE, title="No")
