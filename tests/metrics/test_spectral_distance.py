"""Multi-resolution STFT and mel distances: closed forms, formulas of others, consistency."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import librosa
import numpy as np
import pytest
import torch

from audiolab import metrics, signals

RATE = 24_000
Distance = Callable[..., torch.Tensor]


def stft(x: torch.Tensor, y: torch.Tensor, **options: object) -> torch.Tensor:
    return metrics.multi_resolution_stft_distance(x, y, **options)  # type: ignore[arg-type]


def mel(x: torch.Tensor, y: torch.Tensor, **options: object) -> torch.Tensor:
    return metrics.mel_distance_db(x, y, RATE, **options)  # type: ignore[arg-type]


def lsd(x: torch.Tensor, y: torch.Tensor, **options: object) -> torch.Tensor:
    return metrics.log_spectral_distance_db(x, y, **options)  # type: ignore[arg-type]


DISTANCES = [stft, mel, lsd]


def noise(
    duration_s: float = 0.5, seed: int = 0, dtype: torch.dtype = torch.float64
) -> torch.Tensor:
    return signals.white_noise(duration_s, RATE, generator=seed).to(dtype)


# ------------------------------------------------------------------------------------- closed forms
def test_a_gain_gives_the_same_distance_at_every_bin() -> None:
    x = 1000 * noise()  # far above the floors
    # Spectral convergence |1 - 1/2| and a log magnitude of ln 2, at every resolution.
    assert float(stft(x, 0.5 * x)) == pytest.approx(0.5 + math.log(2), rel=1e-9)
    assert float(mel(x, 0.1 * x)) == pytest.approx(20.0, rel=1e-9)
    assert float(mel(x, 0.1 * x, band_hz=(0, 4000))) == pytest.approx(20.0, rel=1e-9)
    assert float(lsd(x, 0.1 * x, sample_rate=RATE, band_hz=(0, 4000))) == pytest.approx(20.0)


@pytest.mark.parametrize("distance", DISTANCES)
def test_equal_signals_have_no_distance_and_a_finite_gradient(distance: Distance) -> None:
    x = noise()
    y = x.clone().requires_grad_()
    value = distance(x, y)
    assert float(value.detach()) == 0.0
    (gradient,) = torch.autograd.grad(value, y)
    assert bool(torch.isfinite(gradient).all())


def test_phase_does_not_count() -> None:
    x = signals.tone(1000.0, 1.0, RATE).double()
    turned = signals.tone(1000.0, 1.0, RATE, phase_rad=1.0).double()
    # Only the reflected edges differ; unrelated noises lie above 1.
    assert float(stft(x, turned)) < 0.2
    assert float(metrics.si_sdr_db(x, turned)) < 10.0


def test_a_low_pass_shows_above_its_edge_and_not_below() -> None:
    x = noise(1.0)
    spectrum = torch.fft.rfft(x)
    spectrum[5000:] = 0  # hertz, of one second
    low = torch.fft.irfft(spectrum, n=RATE)
    # Noise of a short frame's leakage reaches below the edge; a few decibels at most.
    assert float(mel(x, low, band_hz=(0, 4000))) < 1.5
    assert float(mel(x, low)) > 5.0
    assert float(lsd(x, low, sample_rate=RATE, band_hz=(0, 4900))) < 0.5
    assert float(lsd(x, low, sample_rate=RATE, band_hz=(5100, 12_000))) > 30.0


# ---------------------------------------------------------------------------- formulas of others
def test_multi_resolution_distance_is_the_formula_on_librosa_spectra() -> None:
    x, y = noise(seed=1).numpy(), noise(seed=2).numpy()
    expected = []
    for frame, hop in ((2048, 512), (1024, 256), (512, 128), (256, 64)):
        X, Y = (
            np.maximum(
                np.abs(librosa.stft(v, n_fft=frame, hop_length=hop, pad_mode="reflect")), 1e-4
            )
            for v in (x, y)
        )
        expected.append(
            np.linalg.norm(X - Y) / np.linalg.norm(X) + np.mean(np.abs(np.log(X) - np.log(Y)))
        )
    found = stft(torch.from_numpy(x), torch.from_numpy(y))
    assert float(found) == pytest.approx(np.mean(expected), rel=1e-6)


def test_mel_distance_is_the_formula_on_librosa_mel_spectra() -> None:
    x, y = noise(seed=1).numpy(), noise(seed=2).numpy() * 0.3
    frames = ((32, 5), (64, 10), (128, 20), (256, 40), (512, 80), (1024, 160), (2048, 320))
    terms = []
    for frame, bands in frames:
        bank = librosa.filters.mel(sr=RATE, n_fft=frame, n_mels=bands, dtype=np.float64)
        stft_of = partial(librosa.stft, n_fft=frame, hop_length=frame // 4, pad_mode="reflect")
        levels = [np.log10(np.maximum(bank @ np.abs(stft_of(v)), 1e-5) ** 2) for v in (x, y)]
        terms.append(np.mean(np.abs(levels[0] - levels[1])))
    # The Descript Audio Codec's loss is the sum of these terms.
    found = mel(torch.from_numpy(x), torch.from_numpy(y))
    assert float(found) == pytest.approx(10 / 7 * sum(terms), rel=1e-5)


# ------------------------------------------------------------------------------------ consistency
@pytest.mark.parametrize("distance", DISTANCES)
def test_items_are_measured_alone_with_their_lengths(distance: Distance) -> None:
    x, y = (torch.stack([noise(seed=s) for s in seeds]) for seeds in ((1, 2), (3, 4)))
    lengths = [x.shape[-1], 7000]
    found = distance(x[:, None], y[:, None], lengths=torch.tensor(lengths)[:, None])
    assert found.shape == (2, 1)
    for row, (a, b, n) in enumerate(zip(x, y, lengths, strict=True)):
        torch.testing.assert_close(found[row, 0], distance(a[:n], b[:n]))
    torch.testing.assert_close(distance(x, y)[0], found[0, 0])


@pytest.mark.parametrize("measure", [metrics.snr_db, metrics.si_sdr_db])
def test_ratios_take_lengths_too(measure: Distance) -> None:
    x, y = noise(seed=1), noise(seed=2)
    padded = [torch.nn.functional.pad(v, (0, 500))[None] for v in (x, y + x)]
    padded[1][:, -500:] = 7.0
    found = measure(*padded, lengths=[len(x)])
    torch.testing.assert_close(found, measure(x, y + x)[None])


@pytest.mark.parametrize("distance", DISTANCES)
def test_float32_and_float64_agree(distance: Distance) -> None:
    x, y = noise(seed=1), noise(seed=2)
    single = distance(x.float(), y.float())
    assert single.dtype == torch.float32
    # Seven digits of float32, lost where magnitudes nearly cancel.
    torch.testing.assert_close(single.double(), distance(x, y), rtol=1e-4, atol=0)


@pytest.mark.parametrize("distance", [stft, mel])
def test_gradient_is_that_of_finite_differences(distance: Distance) -> None:
    x, y = noise(0.02, 1), noise(0.02, 2).requires_grad_()
    (gradient,) = torch.autograd.grad(distance(x, y), y)
    direction = noise(0.02, 3)
    step = 1e-6
    with torch.no_grad():
        slope = (distance(x, y + step * direction) - distance(x, y - step * direction)) / (2 * step)
    assert float(gradient @ direction) == pytest.approx(float(slope), rel=1e-3)


@pytest.mark.parametrize("distance", DISTANCES)
def test_short_signals_are_measured(distance: Distance) -> None:
    x, y = noise(0.01, 1), noise(0.01, 2)
    assert 0 < float(distance(x, y)) < math.inf


@pytest.mark.parametrize("distance", DISTANCES)
def test_bad_input_is_refused(distance: Distance) -> None:
    x = noise(0.1)
    with pytest.raises(ValueError, match="same shape"):
        distance(x, x[1:])
    with pytest.raises(ValueError, match="silent"):
        distance(torch.zeros_like(x), x)
    with pytest.raises(ValueError, match="lengths must have shape"):
        distance(x[None], x[None], lengths=[1, 2])
    with pytest.raises(ValueError, match="lengths must lie"):
        distance(x[None], x[None], lengths=[0])
    with pytest.raises(TypeError, match="lengths must be whole"):
        distance(x[None], x[None], lengths=[0.5])
    with pytest.raises(ValueError, match="NaN"):
        distance(x, x * math.nan)


def test_bad_values_are_refused() -> None:
    x = noise(0.1)
    with pytest.raises(ValueError, match="resolutions"):
        stft(x, x, resolutions=[(1, 1)])
    with pytest.raises(ValueError, match="at least one"):
        stft(x, x, resolutions=[])
    with pytest.raises(ValueError, match="band_hz must hold a mel band"):
        mel(x, x, band_hz=(11_990, 11_991))
    with pytest.raises(ValueError, match=r"band_hz\[1\]"):
        mel(x, x, band_hz=(500, 400))
    with pytest.raises(ValueError, match="needs sample_rate"):
        lsd(x, x, band_hz=(0, 4000))
    with pytest.raises(ValueError, match="must hold a bin"):
        lsd(x, x, band_hz=(1, 2), sample_rate=RATE)
