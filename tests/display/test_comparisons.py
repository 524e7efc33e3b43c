"""Comparisons: one scale for all, nothing normalised."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from audiolab.display import plot_comparison

RATE = 16_000


def test_waveforms_share_amplitude_and_time(tone: torch.Tensor) -> None:
    axes = plot_comparison([tone, 0.1 * tone[:8000]], RATE, ["loud", "soft"], title="Two tones")
    assert axes[0].get_ylim() == axes[1].get_ylim() == pytest.approx((-0.525, 0.525))
    assert {panel.get_xlim() for panel in axes} == {(0.0, 1.0)}
    assert [panel.get_title() for panel in axes] == ["loud", "soft"]
    assert [panel.get_xlabel() for panel in axes] == ["", "Time (s)"]
    assert axes[0].figure._suptitle.get_text() == "Two tones"


def test_spectrograms_share_range_and_frequency_at_any_rate(tone: torch.Tensor) -> None:
    low = tone[::2]  # the same second at half the rate
    axes = plot_comparison([tone, low], [RATE, RATE // 2], ["16 kHz", "8 kHz"], kind="spectrogram")
    meshes = [panel.collections[0] for panel in axes]
    assert {mesh.get_clim() for mesh in meshes} == {(-85.0, -5.0)}
    assert {panel.get_ylim() for panel in axes} == {(0.0, 8000.0)}
    # A window that is as long in seconds shows the tone in the same row, at the same level.
    rows = [int(np.asarray(mesh.get_array())[:, 30].argmax()) for mesh in meshes]
    peaks = [float(np.asarray(mesh.get_array()).max()) for mesh in meshes]
    assert rows == [64, 64]
    assert peaks == pytest.approx([-6.02, -6.02], abs=0.05)
    assert len(axes[0].figure.axes) == 3  # two panels, one colour bar


def test_spectra_are_lines_that_differ_in_more_than_colour(tone: torch.Tensor) -> None:
    axes = plot_comparison([tone, 0.1 * tone], RATE, ["loud", "soft"], kind="spectrum")
    loud, soft = axes.get_lines()
    assert loud.get_linestyle() != soft.get_linestyle()
    for line, level_db in ((loud, -6.02), (soft, -26.02)):
        peak = int(np.argmax(line.get_ydata()))
        assert line.get_xdata()[peak] == pytest.approx(1000, abs=RATE / 4096)
        assert line.get_ydata()[peak] == pytest.approx(level_db, abs=0.05)
    assert axes.get_ylim() == (-85.0, -5.0)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["loud", "soft"]


@pytest.mark.parametrize("kind", ["waveform", "spectrogram", "spectrum"])
@pytest.mark.parametrize("scale", ["linear", "log", "mel"])
def test_every_kind_draws_stereo_and_single_signals(
    tone: torch.Tensor, kind: str, scale: str
) -> None:
    stereo = torch.stack([tone, tone])
    chosen = plot_comparison([stereo], RATE, ["one"], kind=kind, frequency_scale=scale)
    chosen.figure.canvas.draw()


def test_a_comparison_fits_into_given_axes(tone: torch.Tensor) -> None:
    figure, axes = plt.subplots(2)
    plot_comparison([tone, tone], RATE, ["a", "b"], kind="spectrogram", ax=axes)
    plot_comparison([tone, tone], RATE, ["a", "b"], kind="spectrum", ax=axes[0])
    assert plt.get_fignums() == [figure.number]


def test_wrong_input_is_named(tone: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="got 1, 2 and 1"):
        plot_comparison([tone], RATE, ["a", "b"])
    with pytest.raises(ValueError, match="at least one signal"):
        plot_comparison([], RATE, [])
    with pytest.raises(ValueError, match=r"waveforms\[1\] has no samples"):
        plot_comparison([tone, torch.zeros(0)], RATE, ["a", "b"])
    with pytest.raises(ValueError, match="kind must be one of"):
        plot_comparison([tone], RATE, ["a"], kind="cepstrum")
    assert plt.get_fignums() == []
