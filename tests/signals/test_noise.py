"""Noises: slope, exact mean and RMS, independence and reproducibility."""

import math

import pytest
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from audiolab import signals

RATE = 24_000
NOISES = [(signals.white_noise, 0.0), (signals.pink_noise, -3.0103), (signals.brown_noise, -6.0206)]
MAKERS = [make for make, _ in NOISES]


@pytest.mark.parametrize(("make", "slope_db"), NOISES)
def test_density_falls_by_the_slope(make, slope_db: float) -> None:
    samples = make(60.0, RATE, generator=1, dtype=torch.float64)
    power = torch.fft.rfft(samples).abs().square()
    # Mean density in bands a tenth of an octave wide around 50 Hz ... 6.4 kHz, 60 bins a hertz.
    centers = 50.0 * 2.0 ** torch.arange(8, dtype=torch.float64)
    density = torch.stack(
        [power[int(60 * c / 2**0.05) : int(60 * c * 2**0.05)].mean() for c in centers.tolist()]
    )
    steps = (10 * torch.log10(density)).diff()
    # 200 bins at 50 Hz: a standard deviation of 0.3 dB there, less above.
    torch.testing.assert_close(steps, torch.full((7,), slope_db).double(), atol=1.2, rtol=0)
    overall = float(10 * torch.log10(density[-1] / density[0])) / 7
    assert overall == pytest.approx(slope_db, abs=0.15)


@pytest.mark.parametrize("make", [signals.pink_noise, signals.brown_noise])
def test_density_is_flat_below_the_knee(make) -> None:
    samples = make(60.0, RATE, low_hz=500.0, generator=1, dtype=torch.float64)
    power = torch.fft.rfft(samples).abs().square()
    ratio = power[60 * 100 : 60 * 200].mean() / power[60 * 300 : 60 * 500].mean()
    # 6,000 and 12,000 bins: a hundredth each; four standard deviations are 0.25 dB.
    assert float(10 * torch.log10(ratio)) == pytest.approx(0.0, abs=0.25)


@pytest.mark.parametrize("make", MAKERS)
@settings(max_examples=25, deadline=None)
@given(
    num_samples=st.integers(2, 3001),
    rms_db=st.floats(-60.0, -14.0),
    seed=st.integers(0, 2**32),
)
def test_mean_and_rms_are_exact(make, num_samples: int, rms_db: float, seed: int) -> None:
    samples = make(
        num_samples / RATE,
        RATE,
        rms_db=rms_db,
        generator=seed,
        batch_shape=(2,),
        dtype=torch.float64,
    )
    rms = 10 ** (rms_db / 20)
    assert samples.shape == (2, num_samples)
    torch.testing.assert_close(
        samples.square().mean(-1).sqrt(),
        torch.full((2,), rms, dtype=torch.float64),
        rtol=1e-10,
        atol=0,
    )
    assert float(samples.mean(-1).abs().max()) < 1e-10 * rms


@pytest.mark.parametrize("make", MAKERS)
def test_same_seed_same_noise_and_only_then(make) -> None:
    first = make(0.5, RATE, generator=3)
    torch.testing.assert_close(make(0.5, RATE, generator=3), first, rtol=0, atol=0)
    generator = torch.Generator().manual_seed(3)
    torch.testing.assert_close(make(0.5, RATE, generator=generator), first, rtol=0, atol=0)
    for other in (make(0.5, RATE, generator=4), make(0.5, RATE, generator=generator)):
        correlation = torch.corrcoef(torch.stack([first, other]))[0, 1]
        # White: 1 / sqrt(12000); brown noise has few degrees of freedom, some 20 Hz times 0.5 s.
        assert abs(float(correlation)) < (0.8 if make is signals.brown_noise else 0.3)
    assert not torch.equal(make(0.5, RATE), make(0.5, RATE))


@pytest.mark.parametrize("make", MAKERS)
def test_global_generator_is_left_alone(make) -> None:
    before = torch.random.get_rng_state()
    make(0.1, RATE)
    make(0.1, RATE, generator=0)
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("num_samples", [5, 16, 1001])
def test_items_do_not_depend_on_how_many_follow(make, num_samples: int) -> None:
    alone = make(num_samples / RATE, RATE, generator=5)
    batch = make(num_samples / RATE, RATE, generator=5, batch_shape=(3, 2))
    assert batch.shape == (3, 2, num_samples)
    # The transform of a batch rounds differently from that of one item.
    torch.testing.assert_close(batch[0, 0], alone, rtol=0, atol=1e-7)
    rows = batch.reshape(6, -1)
    assert len({tuple(row.tolist()) for row in rows}) == 6


def test_white_noise_is_gaussian_and_uncorrelated() -> None:
    samples = signals.white_noise(4.0, RATE, generator=0, dtype=torch.float64)
    result = scipy.stats.kstest((samples * 10).numpy(), "norm")
    assert result.pvalue > 0.01
    lagged = [float((samples[k:] * samples[:-k]).mean() / 0.01) for k in (1, 2, 10)]
    # One over the root of 96,000, times four.
    assert max(map(abs, lagged)) < 4 / math.sqrt(96_000)


@pytest.mark.parametrize("make", MAKERS)
def test_default_level_stays_within_full_scale(make) -> None:
    assert float(make(10.0, RATE, generator=0, batch_shape=(4,)).abs().max()) < 1.0


@pytest.mark.parametrize("make", [signals.pink_noise, signals.brown_noise])
def test_noise_loops_without_a_click(make) -> None:
    samples = make(2.0, RATE, generator=0, dtype=torch.float64)
    steps = samples.diff().abs()
    assert float((samples[0] - samples[-1]).abs()) < float(steps.max())


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("num_samples", [0, 1])
def test_too_short_for_a_level_is_silence(make, num_samples: int) -> None:
    samples = make(num_samples / RATE, RATE, generator=0)
    assert samples.shape == (num_samples,)
    assert not bool(samples.any())


@pytest.mark.parametrize("make", MAKERS)
def test_bad_arguments_are_named(make) -> None:
    with pytest.raises(ValueError, match="rms_db"):
        make(1.0, RATE, rms_db=math.nan)
    with pytest.raises(ValueError, match="batch_shape"):
        make(1.0, RATE, batch_shape=(-1,))
    with pytest.raises(TypeError, match="generator"):
        make(1.0, RATE, generator="seed")
    assert make(0.01, RATE, batch_shape=(0, 2)).shape == (0, 2, 240)
