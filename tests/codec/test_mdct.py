"""The MDCT: its formula, what it keeps, and where a tone goes."""

from __future__ import annotations

import math

import pytest
import torch

from audiolab import signals
from audiolab.codec.mdct import MDCT


def noise(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def direct(frame: torch.Tensor, window: torch.Tensor) -> torch.Tensor:
    """Return the MDCT of ``2 N`` samples by its definition."""
    size = len(frame) // 2
    n = torch.arange(2 * size, dtype=torch.float64)
    k = torch.arange(size, dtype=torch.float64)[:, None]
    kernel = torch.cos(math.pi / size * (n + 0.5 + size / 2) * (k + 0.5))
    return math.sqrt(2 / size) * (kernel * (window * frame.double())).sum(dim=1)


@pytest.mark.parametrize("size", [2, 8, 320])
def test_every_frame_follows_the_definition(size: int) -> None:
    x = noise(5 * size)
    padded = torch.nn.functional.pad(x, (size // 2, size // 2))
    sine = torch.sin(math.pi / (2 * size) * (torch.arange(2 * size, dtype=torch.float64) + 0.5))
    step = (torch.arange(size) >= size // 2).double()
    found = MDCT(size)(x)
    for t in range(5):
        window = sine.clone()
        if t == 0:
            window[:size] = step
        if t == 4:
            window[size:] = step.flip(0)
        expected = direct(padded[t * size : (t + 2) * size], window)
        # Sums of 640 float32 products of unit size.
        torch.testing.assert_close(found[t].double(), expected, atol=2e-6, rtol=0)


@pytest.mark.parametrize("size", [2, 6, 320])
@pytest.mark.parametrize("frames", [1, 2, 7])
def test_nothing_is_lost_to_the_last_sample(size: int, frames: int) -> None:
    transform, x = MDCT(size), noise(2, 3, frames * size)
    spectrum = transform(x)
    assert spectrum.shape == (2, 3, frames, size)
    torch.testing.assert_close(transform.inverse(spectrum), x, atol=2e-6, rtol=0)
    torch.testing.assert_close(spectrum.square().sum(), x.square().sum(), rtol=1e-5, atol=0)


def test_aliasing_of_a_frame_alone_is_what_its_neighbours_cancel() -> None:
    size = 16
    transform, x = MDCT(size), noise(3 * size)
    spectrum = transform(x)
    parts = [transform.inverse(spectrum * (torch.arange(3)[:, None] == t)) for t in range(3)]
    # The middle frame sounds up to half a frame beyond its own samples, and not further.
    assert parts[1][: size // 2].abs().max() == 0
    assert parts[1][size // 2 : size].abs().max() > 0.01
    assert (parts[1][size : 2 * size] - x[size : 2 * size]).abs().max() > 0.01
    torch.testing.assert_close(sum(parts), x, atol=2e-6, rtol=0)


@pytest.mark.parametrize("k", [3, 100, 318])
def test_a_tone_goes_to_its_bin(k: int) -> None:
    tone = signals.tone((k + 0.5) * 24_000 / 640, 0.2, 24_000)
    energy = MDCT(320)(tone[..., :4800].reshape(-1)[: 15 * 320]).square()[1:-1].sum(dim=0)
    # The main lobe of the sine window is three bins wide.
    assert energy[max(0, k - 2) : k + 3].sum() > 0.98 * energy.sum()


def test_gradients_and_other_precisions() -> None:
    transform = MDCT(6)
    x = noise(2, 18, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(transform, x)
    assert torch.autograd.gradcheck(lambda y: transform.inverse(transform(y)), x)
    assert transform(x).dtype == torch.float64


def test_items_do_not_influence_each_other() -> None:
    transform, x = MDCT(320), noise(4, 3200)
    # A product of matrices may sum in another order for another number of rows.
    torch.testing.assert_close(transform(x)[2], transform(x[2]), atol=1e-6, rtol=0)


@pytest.mark.parametrize("size", [0, 1, 7])
def test_odd_frames_are_refused(size: int) -> None:
    with pytest.raises(ValueError, match=f"frame_length must be even and at least 2, got {size}"):
        MDCT(size)
