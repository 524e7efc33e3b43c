"""The filter's own promises: edges, depth, phase, length."""

from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from audiolab.resample import BRICKWALL, MINIMUM_PHASE, STANDARD, FilterDesign

DESIGNS = [
    STANDARD,
    MINIMUM_PHASE,
    BRICKWALL,
    FilterDesign(pass_edge=0.7, attenuation_db=100),
    FilterDesign(pass_edge=0.7, attenuation_db=100, phase="minimum"),
]


def magnitude_db(design: FilterDesign) -> tuple[torch.Tensor, torch.Tensor]:
    """Return fractions of the lower Nyquist frequency up to 2, and the gain there."""
    size = 1 << 17
    gain = torch.fft.rfft(design.kernel(), n=size).abs()
    return torch.linspace(0, 2, len(gain), dtype=torch.float64), 20 * gain.log10()


@pytest.mark.parametrize("design", DESIGNS, ids=str)
def test_pass_and_stop_band(design: FilterDesign):
    fraction, gain_db = magnitude_db(design)
    assert gain_db[fraction <= design.pass_edge].abs().max() < 1e-3
    # Kaiser's rule holds within 11 dB at 200 dB, right at the edge; soon after it is far exceeded
    assert gain_db[fraction >= design.stop_edge].max() < -(design.attenuation_db - 11)
    assert gain_db[fraction >= design.stop_edge + 0.02].max() < -(design.attenuation_db - 1)


def test_standard_meets_the_figures_it_is_advertised_with():
    fraction, gain_db = magnitude_db(STANDARD)
    assert gain_db[fraction <= 0.91].abs().max() < 1e-8
    assert gain_db[fraction >= 1.0].max() < -190
    assert STANDARD.num_samples == 306


def test_linear_phase_is_symmetry():
    kernel = STANDARD.kernel()
    assert torch.equal(kernel, kernel.flip(0))
    assert STANDARD.response(Fraction(1000)).imag.abs().max() < 1e-15


def test_minimum_phase_has_the_same_magnitude_and_the_earliest_energy():
    linear, minimum = STANDARD.kernel(), MINIMUM_PHASE.kernel()
    assert len(linear) == len(minimum)
    linear_gain = torch.fft.rfft(linear, n=1 << 14).abs()
    minimum_gain = torch.fft.rfft(minimum, n=1 << 14).abs()
    # 1e-7 is 1e-6 dB in the pass band: the floor under the logarithm, and what the cepstrum wraps
    torch.testing.assert_close(minimum_gain, linear_gain, rtol=0, atol=1e-7)
    # of all kernels of one magnitude, that of minimum phase has had the most energy at every time
    early, late = minimum.square().cumsum(0), linear.square().cumsum(0)
    assert bool((early >= late - 1e-7).all())
    assert early[60] > 0.9 * early[-1]
    assert late[60] < 1e-6 * late[-1]


@pytest.mark.parametrize("design", DESIGNS, ids=str)
def test_response_on_and_off_the_design_grid_agree(design: FilterDesign):
    low = 2 * design.num_samples
    on_grid = design.response(Fraction(low))
    # the same block, a little longer, so that no grid point falls on its end
    off_grid = design.response(Fraction(low) + Fraction(1, 10**9))
    torch.testing.assert_close(off_grid[: len(on_grid)], on_grid, rtol=0, atol=1e-6)
    assert abs(on_grid[0] - 1) < 1e-12


@settings(max_examples=40, deadline=None)
@given(
    pass_edge=st.floats(0.2, 0.97),
    width=st.floats(0.02, 0.5),
    attenuation_db=st.floats(60, 220),
)
def test_any_design_keeps_its_promise(pass_edge: float, width: float, attenuation_db: float):
    design = FilterDesign(
        pass_edge=pass_edge,
        stop_edge=min(1.0, pass_edge + width),
        attenuation_db=attenuation_db,
    )
    fraction, gain_db = magnitude_db(design)
    # 60 dB of attenuation are 0.009 dB of ripple; wide designs have a few percent too few points
    assert gain_db[fraction <= design.pass_edge].abs().max() < 0.03
    assert gain_db[fraction >= design.stop_edge].max() < -(attenuation_db - 14)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"pass_edge": 1.0}, "pass_edge must be between 0.05 and 0.999"),
        ({"stop_edge": 1.1}, "stop_edge must be between"),
        ({"pass_edge": 0.9, "stop_edge": 0.9}, "stop_edge must exceed pass_edge"),
        ({"attenuation_db": 20}, "attenuation_db must be between 60 and 220 dB"),
        ({"attenuation_db": float("nan")}, "attenuation_db"),
        ({"phase": "zero"}, "phase must be one of 'linear', 'minimum'"),
    ],
)
def test_impossible_designs(arguments: dict[str, object], message: str):
    with pytest.raises(ValueError, match=message):
        FilterDesign(**arguments)
