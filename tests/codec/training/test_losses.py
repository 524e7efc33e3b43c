"""The losses against their formulas, written out with torch.stft and autograd's own gradients."""

from __future__ import annotations

import math

import pytest
import torch

from audiolab.codec.training._spectra import spectra
from audiolab.codec.training.losses import SPECTRAL, MultiScaleMelLoss, SpectralLosses, time_l1
from audiolab.features import mel_filterbank

RATE = 24_000


def noise(*shape: int, seed: int = 0, level: float = 0.1) -> torch.Tensor:
    return level * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def stft(x: torch.Tensor, window: int) -> torch.Tensor:
    shape = torch.hann_window(window, dtype=x.dtype)
    bins = torch.stft(
        x, window, window // 4, window=shape, pad_mode="constant", return_complex=True
    )
    return bins / math.sqrt(window)


def bands(window: int, count: int) -> torch.Tensor:
    return mel_filterbank(
        RATE, n_fft=window, n_mels=count, mel_scale="htk", mel_norm=None, on_empty="ignore"
    )


def test_the_spectra_s_gradient_is_that_of_finite_differences() -> None:
    x = noise(2, 70).double().requires_grad_()
    window = torch.hann_window(16, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: spectra(x, window, compressed=True), (x,))
    assert torch.autograd.gradcheck(lambda x: spectra(x, window, compressed=False)[0], (x,))


@pytest.mark.parametrize("length", [64, 100, 257])
def test_the_spectra_are_those_of_the_stft(length: int) -> None:
    x = noise(2, length).double()
    window = torch.hann_window(32, dtype=torch.float64)
    magnitude, real, imaginary = spectra(x, window, compressed=True)
    expected = math.sqrt(32) * stft(x, 32).transpose(1, 2)
    factor = (expected.abs() + 1e-3) ** -0.6
    # The floor under the root of a magnitude adds 1e-10 at most.
    torch.testing.assert_close(magnitude, expected.abs(), rtol=0, atol=2e-10)
    assert real is not None
    assert imaginary is not None
    torch.testing.assert_close(real, expected.real * factor, rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(imaginary, expected.imag * factor, rtol=1e-6, atol=1e-9)


def test_each_spectral_loss_is_its_formula() -> None:
    x, y = noise(3, 1, 6000), noise(3, 1, 6000, seed=1)
    windows, counts = (64, 256, 512), (5, 20, 40)
    found = SpectralLosses(RATE, windows, counts, (512,))(x, y)
    expected: dict[str, list[torch.Tensor]] = {name: [] for name in SPECTRAL}
    for window, count in zip(windows, counts, strict=True):
        bx, by = stft(x[:, 0], window), stft(y[:, 0], window)
        mx, my = bx.abs(), by.abs()
        bank = bands(window, count)
        lx, ly = ((bank @ m).clamp(min=1e-4).log10() for m in (mx, my))
        expected["mel"].append((bank @ mx - bank @ my).abs().mean())
        per_frame = (lx - ly).square().mean(dim=1).sqrt()
        expected["log_mel"].append((lx - ly).abs().mean() + 0.5 * per_frame.mean())
        if window >= 256:
            expected["log_stft"].append(((mx + 1e-4).log() - (my + 1e-4).log()).abs().mean())
            ratio = torch.linalg.vector_norm(mx - my, dim=(1, 2)) / torch.linalg.vector_norm(
                mx, dim=(1, 2)
            )
            expected["convergence"].append(ratio.mean())
        if window == 512:
            gap = bx * (mx + 1e-3) ** -0.6 - by * (my + 1e-3) ** -0.6
            expected["complex_stft"].append(gap.abs().mean())
    for name in SPECTRAL:
        # float32 sums in another order
        torch.testing.assert_close(
            found[name], torch.stack(expected[name]).mean(), rtol=1e-4, atol=1e-6
        )


def test_the_paper_s_mel_loss_is_its_formula() -> None:
    x, y = noise(2, 1, 5000), noise(2, 1, 5000, seed=1)
    parts = []
    for scale in (6, 9):
        gap = bands(2**scale, 64) @ (stft(x[:, 0], 2**scale).abs() - stft(y[:, 0], 2**scale).abs())
        parts.append(gap.abs().mean() + 0.5 * gap.square().mean())
    found = MultiScaleMelLoss(RATE, (6, 9), alpha=0.5)(x, y)
    torch.testing.assert_close(found, torch.stack(parts).mean(), rtol=1e-4, atol=0)


def test_equal_waveforms_have_no_loss_and_silence_a_finite_gradient() -> None:
    losses = SpectralLosses(RATE)
    x = noise(2, 1, 4800)
    assert time_l1(x, x) == 0
    for value in losses(x, x).values():
        assert float(value) < 1e-5  # the floors under the roots
    y = torch.zeros(2, 1, 4800, requires_grad=True)
    torch.stack(list(losses(torch.zeros_like(y), y).values())).sum().backward()
    assert y.grad is not None
    assert bool(torch.isfinite(y.grad).all())


def test_loudness_phase_and_noise_are_heard_by_the_loss_that_should() -> None:
    losses = SpectralLosses(RATE)
    time = torch.arange(12_000) / RATE
    tone = (0.3 * torch.sin(2 * math.pi * 440 * time))[None, None]
    shifted = (0.3 * torch.sin(2 * math.pi * 440 * time + 1.5))[None, None]
    by_phase = losses(tone, shifted)
    by_level = losses(tone, 0.5 * tone)
    assert by_phase["complex_stft"] > 2 * by_level["complex_stft"]
    assert by_phase["mel"] < 0.1 * by_level["mel"]


def test_what_has_no_weight_is_not_computed() -> None:
    x = noise(1, 1, 4800)
    assert set(SpectralLosses(RATE, terms=("mel",))(x, x)) == {"mel"}


def test_stereo_is_its_channels() -> None:
    losses = SpectralLosses(RATE)
    x, y = noise(2, 2, 4800), noise(2, 2, 4800, seed=1)
    mono = losses(x.reshape(4, 1, -1), y.reshape(4, 1, -1))
    for name, value in losses(x, y).items():
        torch.testing.assert_close(value, mono[name], rtol=1e-6, atol=0)
