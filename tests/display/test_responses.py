"""Frequency responses: closed forms and scipy's."""

import numpy as np
import pytest
import torch
from scipy import signal

from audiolab.display import plot_frequency_response
from audiolab.display.responses import frequency_response

RATE = 48_000


def test_a_unit_impulse_is_flat_and_a_delay_is_linear_phase() -> None:
    impulse = torch.zeros(64)
    impulse[10] = 1.0
    frequency_hz, response = frequency_response(impulse, RATE)
    np.testing.assert_allclose(np.abs(response), 1.0, atol=1e-12)
    np.testing.assert_allclose(response, np.exp(-2j * np.pi * frequency_hz * 10 / RATE), atol=1e-12)
    assert (frequency_hz[0], frequency_hz[-1]) == (0.0, RATE / 2)


def test_a_mean_has_its_zeros_at_multiples_of_rate_over_length() -> None:
    frequency_hz, response = frequency_response(torch.full((8,), 1 / 8), RATE)
    zeros = frequency_hz[np.abs(response) < 1e-9]
    np.testing.assert_allclose(zeros, [6000, 12_000, 18_000, 24_000])


def test_coefficients_agree_with_scipy() -> None:
    b, a = signal.butter(4, 1000, fs=RATE)
    frequency_hz, response = frequency_response((torch.tensor(b), torch.tensor(a)), RATE)
    _, expected = signal.freqz(b, a, worN=frequency_hz, fs=RATE)
    np.testing.assert_allclose(response, expected, rtol=1e-6, atol=1e-12)


def test_lines_and_points_are_where_they_belong() -> None:
    b, a = map(torch.tensor, signal.butter(2, 1000, fs=RATE))
    points = {"measured": (torch.tensor([1000.0]), torch.tensor([-3.0]))}
    axes = plot_frequency_response({"theory": (b, a)}, RATE, title="Low-pass", measured=points)
    line, marks = axes.get_lines()
    at = int(np.argmin(np.abs(line.get_xdata() - 1000)))
    assert line.get_ydata()[at] == pytest.approx(-3.01, abs=0.02)
    assert marks.get_linestyle() == "None"
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["theory", "measured"]
    assert axes.get_xlim() == (20.0, RATE / 2)
    assert axes.get_ylabel() == "Gain (dB)"
    assert axes.get_xlabel() == "Frequency (kHz)"
    assert axes.get_title() == "Low-pass"


def test_phase_gets_a_panel_of_its_own() -> None:
    delay = torch.tensor([0.0, 1.0])
    magnitude, phase = plot_frequency_response(
        delay, RATE, title="One sample", phase=True, frequency_scale="linear"
    )
    (line,) = phase.get_lines()
    assert line.get_ydata()[-1] == pytest.approx(-180.0)
    assert phase.get_ylabel() == "Phase (degrees)"
    assert magnitude.get_xlim() == phase.get_xlim() == (0.0, RATE / 2)


def test_a_range_is_kept_and_a_flat_response_visible() -> None:
    axes = plot_frequency_response(torch.full((8,), 1 / 8), RATE, title="Mean", range_db=40)
    low, high = axes.get_ylim()
    assert high - low == pytest.approx(40)
    low, high = plot_frequency_response(torch.ones(1), RATE, title="Wire").get_ylim()
    assert low < 0 < high


def test_wrong_filters_are_named() -> None:
    with pytest.raises(ValueError, match="at least one filter"):
        plot_frequency_response({}, RATE, title="No")
    with pytest.raises(ValueError, match="one dimension"):
        plot_frequency_response(torch.ones(2, 2), RATE, title="No")
    with pytest.raises(ValueError, match="a must hold a value other than zero"):
        plot_frequency_response((torch.ones(1), torch.zeros(2)), RATE, title="No")
    with pytest.raises(ValueError, match="got 3 parts"):
        plot_frequency_response((torch.ones(1),) * 3, RATE, title="No")
    with pytest.raises(ValueError, match="NaN"):
        plot_frequency_response(torch.tensor([torch.nan]), RATE, title="No")
