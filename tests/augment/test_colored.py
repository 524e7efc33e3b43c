"""Coloured noise: its slope, its level, its distribution, and its seeds."""

import math

import numpy as np
import pytest
import scipy.signal
import scipy.stats
import torch

from audiolab.augment import colored_noise

RATE = 16_000


@pytest.mark.parametrize("exponent", [-2.0, -1.0, 0.0, 0.7, 1.0, 2.0, 3.0])
@pytest.mark.parametrize("num_samples", [1 << 18, 200_003])
def test_slope(exponent: float, num_samples: int) -> None:
    noise = colored_noise(
        num_samples, RATE, exponent=exponent, generator=5, dtype=torch.float64
    ).numpy()
    frequencies, density = scipy.signal.welch(noise, RATE, nperseg=4096, window="blackmanharris")
    band = (frequencies > 60) & (frequencies < 7500)
    slope = np.polyfit(np.log(frequencies[band]), np.log(density[band]), 1)[0]
    # 1900 bins of 120 averages: a deviation of 0.003, and leakage of the steepest.
    assert slope == pytest.approx(-exponent, abs=0.03)


def test_flat_below_the_knee() -> None:
    noise = colored_noise(1 << 19, RATE, exponent=2.0, low_hz=1000.0, generator=0).numpy()
    frequencies, density = scipy.signal.welch(noise, RATE, nperseg=2048)
    low = density[(frequencies > 50) & (frequencies < 900)]
    assert 10 * abs(math.log10(low[:50].mean() / low[-50:].mean())) < 0.5


@pytest.mark.parametrize("exponent", [0.0, 1.0])
def test_gaussian_with_the_level_asked_for(exponent: float) -> None:
    noise = colored_noise((3, 2, 50_000), RATE, exponent=exponent, rms_db=-30.0, generator=1)
    rms = noise.double().square().mean(-1).sqrt()
    assert torch.allclose(rms, torch.tensor(10**-1.5).double().expand(3, 2), rtol=1e-6)
    if exponent == 0.0:
        scaled = noise[0, 0].double().numpy() / 10**-1.5
        assert scipy.stats.kstest(scaled, "norm").pvalue > 1e-3
    between = torch.corrcoef(noise.reshape(6, -1)) - torch.eye(6)
    # Independent: 1/sqrt(50000), ten times as much for the few low bins of pink noise.
    assert float(between.abs().max()) < (0.03 if exponent == 0.0 else 0.3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_an_item_is_a_function_of_its_seed(dtype: torch.dtype) -> None:
    exponents, seeds = [0.0, 1.0, 1.5, -1.0, 2.0], [3, 1 << 62, 7, 7, 11]
    batch = {}
    for threads in (1, 2):
        torch.set_num_threads(threads)
        try:
            batch[threads] = colored_noise(
                (5, 2, 48_000), RATE, exponent=exponents, seeds=seeds, dtype=dtype
            )
        finally:
            torch.set_num_threads(1)
    assert torch.equal(batch[1], batch[2])
    for i in range(5):
        alone = colored_noise(
            (1, 2, 48_000), RATE, exponent=exponents[i], seeds=seeds[i], dtype=dtype
        )
        assert torch.equal(batch[1][i], alone[0])
    assert batch[1].dtype == dtype


def test_first_items_do_not_depend_on_how_many_follow() -> None:
    few = colored_noise((2, 100), RATE, exponent=1.0, generator=4)
    many = colored_noise((6, 100), RATE, exponent=1.0, generator=4)
    assert torch.equal(few, many[:2])
    assert not torch.equal(many[0], many[1])


def test_global_generator_is_left_alone() -> None:
    before = torch.get_rng_state()
    colored_noise(100, RATE)
    colored_noise(100, RATE, exponent=1.0, generator=0)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("num_samples", [0, 1, 2, 3, 5])
@pytest.mark.parametrize("exponent", [0.0, 1.0])
def test_tiny(num_samples: int, exponent: float) -> None:
    noise = colored_noise((2, num_samples), RATE, exponent=exponent, generator=0)
    assert noise.shape == (2, num_samples)
    assert bool(noise.isfinite().all())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shape": -1}, "shape must be"),
        ({"shape": ()}, "shape must be"),
        ({"exponent": 5.0}, "exponent must be between -4 and 4"),
        ({"exponent": [1.0, 2.0]}, "exponent must be a number or have a value an item"),
        ({"rms_db": math.inf}, "rms_db must be finite"),
        ({"low_hz": 0.0}, "low_hz must be above 0"),
        ({"dtype": torch.float16}, "dtype must be"),
        ({"seeds": [1, 2]}, "seeds must have one value an item"),
    ],
)
def test_what_is_refused(change: dict[str, object], message: str) -> None:
    arguments = {"shape": 100, "sample_rate": RATE} | change
    with pytest.raises(ValueError, match=message):
        colored_noise(**arguments)
