"""Waveform plots: every peak at its time, axes in seconds and full scale."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.axes import Axes

from audiolab.display import plot_waveform
from audiolab.display.waveforms import MAX_POINTS, envelope


def test_short_signals_are_drawn_sample_by_sample() -> None:
    samples = torch.tensor([0.0, 0.5, -0.25])
    axes = plot_waveform(samples, 10, title="Three samples", start_s=2.0)
    (line,) = axes.get_lines()
    np.testing.assert_allclose(line.get_xdata(), [2.0, 2.1, 2.2])
    np.testing.assert_allclose(line.get_ydata(), samples)
    assert axes.get_title() == "Three samples"
    assert axes.get_xlabel() == "Time (s)"
    assert axes.get_ylabel() == "Amplitude (FS)"
    assert axes.get_xlim() == (2.0, 2.3)
    assert axes.get_ylim() == pytest.approx((-0.525, 0.525))


def test_a_single_click_in_a_minute_keeps_its_height_and_its_time() -> None:
    samples = torch.zeros(60 * 48_000)
    samples[1_234_567] = -0.9
    (line,) = plot_waveform(samples, 48_000, title="A click").get_lines()
    lowest = int(np.argmin(line.get_ydata()))
    assert line.get_ydata()[lowest] == np.float32(-0.9)
    assert line.get_xdata()[lowest] == 1_234_567 / 48_000
    assert len(line.get_xdata()) <= MAX_POINTS + 4


@given(st.integers(1, 3000), st.integers(0, 2**32 - 1))
def test_an_envelope_holds_true_samples_in_order_and_both_extremes(length: int, seed: int) -> None:
    samples = np.random.default_rng(seed).standard_normal(length)
    time_s, values = envelope(samples, 1, max_points=200)
    chosen = time_s.astype(int)
    assert (np.diff(chosen) > 0).all()
    np.testing.assert_array_equal(values, samples[chosen])
    assert values.max() == samples.max()
    assert values.min() == samples.min()
    assert chosen[0] == 0
    assert chosen[-1] == length - 1
    assert len(chosen) <= 204


def test_channels_are_stacked_or_overlaid(tone: torch.Tensor) -> None:
    stereo = torch.stack([tone, 0.1 * tone])
    stacked = plot_waveform(stereo, 16_000, title="Tone")
    assert [panel.get_title() for panel in stacked] == ["Tone – left", "Tone – right"]
    assert stacked[0].get_ylim() == stacked[1].get_ylim()
    overlaid = plot_waveform(stereo, 16_000, title="Tone", channels="overlaid")
    assert isinstance(overlaid, Axes)
    assert [line.get_label() for line in overlaid.get_lines()] == ["left", "right"]
    assert overlaid.get_legend() is not None
    styles = {(line.get_color(), line.get_linestyle()) for line in overlaid.get_lines()}
    assert len(styles) == 2


def test_full_scale_is_marked_once_it_is_reached(tone: torch.Tensor) -> None:
    assert len(plot_waveform(tone, 16_000, title="Soft").get_lines()) == 1
    loud = plot_waveform(4 * tone, 16_000, title="Loud").get_lines()
    assert [line.get_ydata()[0] for line in loud[1:]] == [-1.0, 1.0]


def test_given_axes_are_used_and_no_figure_is_opened(tone: torch.Tensor) -> None:
    figure, axes = plt.subplots(2)
    assert plot_waveform(tone, 16_000, title="One", ax=axes[1]) is axes[1]
    assert list(plot_waveform(torch.stack([tone, tone]), 16_000, title="Two", ax=axes)) == list(
        axes
    )
    assert plt.get_fignums() == [figure.number]


@pytest.mark.parametrize(
    ("waveform", "error", "text"),
    [
        (torch.zeros(0), ValueError, "waveform has no samples"),
        (torch.tensor([0.0, torch.nan]), ValueError, "1 value.* NaN or infinite"),
        (torch.zeros(2, 2, 8), ValueError, r"\(channels, time\), got \(2, 2, 8\)"),
        (torch.zeros(8, dtype=torch.int16), TypeError, "scale integers"),
        ([0.0, 0.1], TypeError, "must be a torch.Tensor"),
    ],
)
def test_what_cannot_be_drawn_is_named(waveform: object, error: type, text: str) -> None:
    with pytest.raises(error, match=text):
        plot_waveform(waveform, 8000, title="No")
    assert plt.get_fignums() == []


def test_a_wrong_number_of_axes_is_named(tone: torch.Tensor) -> None:
    _, axes = plt.subplots()
    with pytest.raises(ValueError, match="one Axes for each channel: 2, got 1"):
        plot_waveform(torch.stack([tone, tone]), 16_000, title="No", ax=axes)
    with pytest.raises(TypeError, match="must be a matplotlib Axes, got str"):
        plot_waveform(tone, 16_000, title="No", ax="axes")


def test_gradients_and_half_precision_are_no_obstacle(tone: torch.Tensor) -> None:
    plot_waveform(tone.requires_grad_(), 16_000, title="Gradient")
    plot_waveform(tone.detach().half(), 16_000, title="Half")
