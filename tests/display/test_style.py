"""The style: contrast, size of type, and nothing left behind."""

import subprocess
import sys

import matplotlib as mpl
import pytest
import torch
from matplotlib.colors import to_rgb

from audiolab.display import plot_waveform, use_style
from audiolab.display.style import LINE_COLORS, LINE_STYLES


def luminance(color: object) -> float:
    channels = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(color)]
    return 0.2126 * channels[0] + 0.7152 * channels[1] + 0.0722 * channels[2]


def contrast(first: object, second: object) -> float:
    high, low = sorted((luminance(first), luminance(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_type_is_large_enough_and_stands_out_from_an_opaque_card() -> None:
    with mpl.rc_context():
        use_style()
        for name in ("xtick", "ytick"):
            assert mpl.rcParams[f"{name}.labelsize"] >= 9
            assert contrast(mpl.rcParams[f"{name}.color"], "white") >= 4.5
        assert mpl.rcParams["axes.labelsize"] >= 9
        assert contrast(mpl.rcParams["axes.labelcolor"], "white") >= 4.5
        assert mpl.rcParams["figure.facecolor"] == mpl.rcParams["savefig.facecolor"] == "#ffffff"


def test_every_line_has_a_colour_and_a_style() -> None:
    assert len(LINE_COLORS) == len(LINE_STYLES) == len(set(LINE_COLORS))
    assert len({str(style) for style in LINE_STYLES[:-1]}) == len(LINE_STYLES) - 1
    # WCAG asks 3:1 of graphics; sky blue and orange come after the four that keep it.
    assert all(contrast(color, "white") >= 3 for color in LINE_COLORS[:4])


def test_the_plots_bring_the_style_along_and_leave_the_readers_alone() -> None:
    with mpl.rc_context({"axes.titlesize": 30}):
        axes = plot_waveform(torch.zeros(9), 8000, title="Silence")
        assert axes.title.get_fontsize() == 11
        assert mpl.rcParams["axes.titlesize"] == 30


@pytest.mark.parametrize("module", ["matplotlib.pyplot", "IPython", "torchcodec"])
def test_importing_display_stays_light(module: str) -> None:
    code = f"import sys, audiolab.display; sys.exit({module!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
