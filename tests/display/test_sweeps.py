"""The sweep plot: what came out lies over the frequency that went in."""

import numpy as np
import pytest
import torch

from audiolab.display import plot_sweep
from audiolab.signals import log_sweep

RATE = 16_000
START_HZ, STOP_HZ = 100.0, 7900.0


@pytest.fixture
def sweep() -> torch.Tensor:
    return log_sweep(START_HZ, STOP_HZ, 2.0, RATE)


def ridge(axes) -> tuple[np.ndarray, np.ndarray]:
    """Return the edges of the columns in Hz and, for each column, the loudest bin's frequency."""
    (mesh,) = axes.collections
    corners = mesh.get_coordinates()
    loudest = np.asarray(mesh.get_array()).argmax(axis=0)
    centres_hz = (corners[:-1, 0, 1] + corners[1:, 0, 1]) / 2
    return corners[0, :, 0], centres_hz[loudest]


def test_what_goes_in_comes_out(sweep: torch.Tensor) -> None:
    axes = plot_sweep(sweep, RATE, start_hz=START_HZ, stop_hz=STOP_HZ, title="A sweep")
    edges_hz, out_hz = ridge(axes)
    assert (edges_hz[0], edges_hz[-1]) == pytest.approx((START_HZ, STOP_HZ))
    in_hz = np.sqrt(edges_hz[:-1] * edges_hz[1:])
    # Half a bin, and half of what the sweep moves in a frame: 2 s for 6.3 octaves.
    tolerance_hz = 0.5 * RATE / 512 + 0.5 * np.diff(edges_hz)
    assert np.all(np.abs(out_hz - in_hz)[2:-3] <= tolerance_hz[2:-3])


def test_an_alias_is_drawn_where_it_comes_out(sweep: torch.Tensor) -> None:
    # Every other sample, without a filter: above 4 kHz the ridge folds back.
    axes = plot_sweep(sweep[::2], RATE // 2, start_hz=START_HZ, stop_hz=STOP_HZ, title="Folded")
    edges_hz, out_hz = ridge(axes)
    at = int(np.searchsorted(edges_hz, 6000.0)) - 1
    assert out_hz[at] == pytest.approx(2000.0, abs=0.5 * 8000 / 512 + np.diff(edges_hz)[at])
    assert axes.get_ylim() == (0.0, 4000.0)
    assert axes.get_xlim() == (START_HZ, STOP_HZ)


def test_axes_are_named_and_the_range_is_stated(sweep: torch.Tensor) -> None:
    axes = plot_sweep(
        sweep, RATE, start_hz=START_HZ, stop_hz=STOP_HZ, title="A sweep", range_db=60, top_db=-3
    )
    assert axes.get_xscale() == "log"
    assert axes.get_xlabel() == "Went in: frequency of the sweep (kHz)"
    assert axes.get_ylabel() == "Came out (kHz)"
    assert axes.get_title() == "A sweep"
    (mesh,) = axes.collections
    assert mesh.get_clim() == (-63, -3)
    assert axes.figure.axes[1].get_ylabel() == "dBFS (60 dB range)"


def test_the_level_is_that_of_the_sweep(sweep: torch.Tensor) -> None:
    axes = plot_sweep(sweep, RATE, start_hz=START_HZ, stop_hz=STOP_HZ, title="Half of full scale")
    (mesh,) = axes.collections
    # A moving tone spreads over bins: at most the tone's level, and near it where it moves slowly.
    slow = np.asarray(mesh.get_array())[:, 10:100].max(axis=0)
    assert np.all(slow < -5.9)
    assert np.all(slow > -8.0)


@pytest.mark.parametrize("scale", ["linear", "log", "mel"])
def test_channels_and_scales(sweep: torch.Tensor, scale: str) -> None:
    axes = plot_sweep(
        torch.stack([sweep, sweep]),
        RATE,
        start_hz=START_HZ,
        stop_hz=STOP_HZ,
        title="Two",
        frequency_scale=scale,
        colorbar=False,
    )
    assert [panel.get_title() for panel in axes] == ["Two – left", "Two – right"]
    axes[0].figure.canvas.draw()


@pytest.mark.parametrize(
    ("start_hz", "stop_hz", "words"),
    [(2000.0, 100.0, "stop_hz must be above start_hz"), (0.0, 100.0, "start_hz")],
)
def test_a_sweep_that_does_not_rise(sweep, start_hz: float, stop_hz: float, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        plot_sweep(sweep, RATE, start_hz=start_hz, stop_hz=stop_hz, title="No")
