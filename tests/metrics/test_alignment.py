"""Delays: whole and fractional, early and late, and the spans that align leaves."""

import math

import pytest
import scipy.signal
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from audiolab import metrics, signals

RATE = 24_000


def shifted(samples: torch.Tensor, delay: int, length: int | None = None) -> torch.Tensor:
    """Delay by padding or cutting the start; then pad or cut the end to `length`."""
    late = torch.nn.functional.pad(samples, (delay, 0))
    wanted = samples.shape[-1] if length is None else length
    return torch.nn.functional.pad(late, (0, wanted - late.shape[-1]))


@settings(max_examples=60, deadline=None)
@given(
    delay=st.integers(-300, 300),
    extra=st.integers(-200, 500),
    gain=st.floats(0.01, 10.0),
    seed=st.integers(0, 1000),
)
def test_whole_delays_are_found_exactly(delay: int, extra: int, gain: float, seed: int) -> None:
    reference = signals.pink_noise(0.1, RATE, generator=seed)
    estimate = gain * shifted(reference, delay, reference.numel() + extra)
    assert int(metrics.delay_samples(reference, estimate)) == delay
    first, second, found = metrics.align(reference, estimate, RATE)
    assert found == delay
    assert first.shape == second.shape
    torch.testing.assert_close(gain * first, second)
    assert first.numel() == min(
        reference.numel() - max(0, -delay), estimate.numel() - max(0, delay)
    )


@pytest.mark.parametrize("delay", [0.0, 0.1, 0.5, -0.5, 7.25, -12.9, 100.499])
def test_fractional_delays_are_found(delay: float) -> None:
    # Silence around it, so that the circular shift of the spectrum is a true delay.
    noise = signals.pink_noise(0.2, RATE, generator=0, dtype=torch.float64)
    window = torch.hann_window(noise.numel(), dtype=torch.float64)
    reference = torch.nn.functional.pad(noise * window, (2000, 2000))
    size = reference.numel()
    turns = torch.fft.rfftfreq(size, dtype=torch.float64)
    # Below nine tenths of the band only: at half the rate a fraction of a sample has no meaning.
    spectrum = torch.fft.rfft(reference) * (turns < 0.45)
    reference = torch.fft.irfft(spectrum, n=size)
    spectrum = spectrum * torch.exp(-2j * math.pi * turns * delay)
    estimate = torch.fft.irfft(spectrum, n=size)
    found = metrics.delay_samples(reference, estimate, subsample=True)
    assert found.dtype == torch.float64
    assert float(found) == pytest.approx(delay, abs=1e-5)
    assert int(metrics.delay_samples(reference, estimate)) in {
        math.floor(delay),
        math.ceil(delay),
    }


def test_matches_scipy() -> None:
    reference = signals.white_noise(0.1, RATE, generator=0, dtype=torch.float64)
    estimate = signals.white_noise(0.08, RATE, generator=1, dtype=torch.float64)
    correlation = scipy.signal.correlate(estimate.numpy(), reference.numpy())
    lags = scipy.signal.correlation_lags(estimate.numel(), reference.numel())
    expected = int(lags[correlation.argmax()])
    assert int(metrics.delay_samples(reference, estimate)) == expected


def test_limit_holds() -> None:
    reference = signals.white_noise(0.1, RATE, generator=0)
    estimate = shifted(reference, 50)
    for limit in (50, 60, 10_000):
        assert int(metrics.delay_samples(reference, estimate, max_delay_samples=limit)) == 50
    assert abs(int(metrics.delay_samples(reference, estimate, max_delay_samples=49))) <= 49
    assert int(metrics.delay_samples(reference, estimate, max_delay_samples=0)) == 0
    assert abs(metrics.align(reference, estimate, RATE, max_delay_s=0.001)[2]) <= 24


def test_items_have_their_own_delay() -> None:
    reference = signals.white_noise(0.1, RATE, batch_shape=(2, 3), generator=0)
    delays = torch.tensor([[0, 5, -7], [100, -1, 33]])
    estimate = torch.stack(
        [
            shifted(item, int(delay))
            for item, delay in zip(reference.reshape(6, -1), delays.flatten(), strict=True)
        ]
    ).reshape(2, 3, -1)
    assert torch.equal(metrics.delay_samples(reference, estimate), delays)
    found = metrics.delay_samples(reference, estimate, subsample=True)
    # Cutting the ends off moves the top of the curve by a few thousandths.
    torch.testing.assert_close(found, delays.double(), atol=0.02, rtol=0)


def test_align_takes_one_delay_for_all_channels() -> None:
    waveform, rate = signals.clip("music")
    late = torch.nn.functional.pad(waveform, (1105, 700))
    first, second, delay = metrics.align(waveform, late, rate)
    assert delay == 1105
    assert torch.equal(first, second)
    assert torch.equal(first, waveform)
    early = waveform[:, 529:]
    first, second, delay = metrics.align(waveform, early, rate)
    assert delay == -529
    assert torch.equal(first, second)
    # A silent channel has no delay of its own and takes the common one.
    waveform[1] = 0
    assert metrics.align(waveform, shifted(waveform, 40), rate)[2] == 40


def test_gradients_pass_through_align() -> None:
    reference = signals.white_noise(0.1, RATE, generator=0)
    estimate = shifted(reference, 3).requires_grad_()
    _, trimmed, _ = metrics.align(reference, estimate, RATE)
    trimmed.sum().backward()
    assert estimate.grad is not None
    assert estimate.grad[:3].tolist() == [0, 0, 0]
    assert bool((estimate.grad[3:] == 1).all())
    assert not metrics.delay_samples(reference, estimate, subsample=True).requires_grad


def test_bad_pairs_are_named() -> None:
    noise = signals.white_noise(0.1, RATE, generator=0)
    for measure in (metrics.delay_samples, lambda x, y: metrics.align(x, y, RATE)):
        with pytest.raises(ValueError, match="estimate is silent"):
            measure(noise, torch.zeros_like(noise))
        with pytest.raises(ValueError, match="reference is silent"):
            measure(torch.zeros_like(noise), noise)
        with pytest.raises(ValueError, match="same shape"):
            measure(noise, noise.expand(2, -1))
        with pytest.raises(ValueError, match="same dtype"):
            measure(noise, noise.double())
        with pytest.raises(ValueError, match=r"estimate holds .* NaN"):
            measure(noise, noise * math.nan)
    with pytest.raises(ValueError, match=r"reference is silent, item \(1,\)"):
        metrics.delay_samples(torch.stack([noise, 0 * noise]), torch.stack([noise, noise]))
    with pytest.raises(ValueError, match="max_delay_samples must be at least 0"):
        metrics.delay_samples(noise, noise, max_delay_samples=-1)
    with pytest.raises(TypeError, match="max_delay_samples must be an int"):
        metrics.delay_samples(noise, noise, max_delay_samples=0.5)
    with pytest.raises(ValueError, match="max_delay_s"):
        metrics.align(noise, noise, RATE, max_delay_s=0.0)
