"""The instrument itself, on resamplers whose figures can be written down."""

import functools
import math
from typing import Any

import numpy as np
import pytest
import torch

from audiolab.resample import FilterDesign, quality, resample


def thirds(x: torch.Tensor, orig: Any, new: Any) -> torch.Tensor:
    """Keep every third sample: no filter at all."""
    return x[::3]


def zeros_between(x: torch.Tensor, orig: Any, new: Any) -> torch.Tensor:
    """Put two zeros after every sample: no filter at all."""
    y = x.new_zeros(3 * len(x))
    y[::3] = 3 * x
    return y


def test_dropping_samples_aliases_completely():
    measured = quality(thirds, 48_000, 16_000, dtype=torch.float64, turns=1)
    assert measured.name == "thirds"
    assert abs(measured.ripple_db) < 1e-9
    assert abs(measured.alias_db) < 0.01
    assert measured.image_db is None
    assert measured.noise_db < -200
    assert (measured.edge_01db, measured.edge_3db) == (1.0, 1.0)
    assert measured.delay_s == pytest.approx(0, abs=1e-9)
    assert (measured.pre_ringing_s, measured.post_ringing_s) == (0.0, 0.0)
    assert measured.realtime_factor > 100


def test_zeros_between_leave_full_images():
    measured = quality(zeros_between, 16_000, 48_000, dtype=torch.float64, turns=0)
    assert measured.image_db == pytest.approx(20 * math.log10(1), abs=0.01)
    assert measured.alias_db is None
    assert measured.noise_db > 0  # two images beside each tone
    assert measured.realtime_factor is None


@pytest.mark.parametrize("samples", [0, 1, 7, 400])
@pytest.mark.parametrize("rates", [(48_000, 32_000), (16_000, 44_100)])
def test_delay_is_found(samples: int, rates: tuple[int, int]):
    def late(x: torch.Tensor, orig: Any, new: Any) -> torch.Tensor:
        return resample(torch.nn.functional.pad(x, (samples, 0))[: len(x)], orig, new)

    measured = quality(late, *rates, dtype=torch.float64, turns=0)
    assert measured.delay_s == pytest.approx(samples / rates[0], abs=1e-10)


def test_noise_and_gain_are_found():
    generator = torch.Generator().manual_seed(0)

    def worse(x: torch.Tensor, orig: Any, new: Any) -> np.ndarray:
        y = 0.5 * resample(x, orig, new)
        # 60 dB below a tone of amplitude 0.25
        noise = torch.randn(len(y), generator=generator, dtype=y.dtype)
        return (y + 0.25 / math.sqrt(2) * 1e-3 * noise).numpy()

    measured = quality(worse, 48_000, 32_000, dtype=torch.float64, turns=0)
    assert measured.noise_db == pytest.approx(-60, abs=0.3)
    assert measured.gain_090_db == pytest.approx(-6.02, abs=0.01)
    # the noise itself is all that comes through: -60 dB of the tone at half of its level
    assert measured.alias_db == pytest.approx(-66, abs=0.3)


def test_clipping_is_distortion():
    def clipped(x: torch.Tensor, orig: Any, new: Any) -> torch.Tensor:
        return resample(x, orig, new).clamp(-0.45, 0.45)

    assert quality(clipped, 48_000, 32_000, turns=0).noise_db > -40


@pytest.mark.parametrize(
    ("method", "edge", "alias"),
    [("torchaudio_hann", -2.4, -7.8), ("soxr_hq", 0.0, -131), ("torchcodec_swr", -1.0, -14.3)],
)
def test_known_figures_at_48_to_32_khz(method: str, edge: float, alias: float):
    measured = quality(method, 48_000, 32_000, turns=0)
    assert measured.gain_090_db == pytest.approx(edge, abs=0.1)
    assert measured.alias_db == pytest.approx(alias, abs=3)


def test_options_reach_the_method():
    rates = (48_000, 32_000)
    wide = quality("torchaudio_hann", *rates, turns=0, lowpass_filter_width=64, rolloff=0.9)
    assert wide.name == "torchaudio_hann, lowpass_filter_width=64, rolloff=0.9"
    by_hand = quality(
        functools.partial(resample, method="torchaudio_hann", lowpass_filter_width=64, rolloff=0.9),
        *rates,
        name=wide.name,
        turns=0,
    )
    assert wide == by_hand
    short = quality("audiolab", *rates, name="80 dB", turns=0, design=FilterDesign(0.8, 1.0, 80.0))
    assert short.name == "80 dB"
    assert -95 < short.alias_db < -75
    assert short.edge_01db < 0.87
    with pytest.raises(ValueError, match="beta does not apply to method='torchaudio_hann'"):
        quality("torchaudio_hann", *rates, turns=0, beta=3.0)
    with pytest.raises(TypeError, match="rolloff apply to methods by name"):
        quality(lambda x, orig, new: x[::3], 48_000, 16_000, turns=0, rolloff=0.9)


def test_rates_may_be_anything():
    measured = quality("audiolab", 1, 0.75, turns=0)
    assert measured.ripple_db < 1e-3
    assert (measured.orig_rate, measured.new_rate) == (1.0, 0.75)


def test_what_cannot_be_measured():
    with pytest.raises(ValueError, match="new_rate must differ from orig_rate"):
        quality("audiolab", 16_000, 16_000)
    with pytest.raises(ValueError, match=r"must return about 16384 samples.*\(49152,\)"):
        quality(lambda x, orig, new: x, 48_000, 16_000)
    with pytest.raises(ValueError, match="method must be one of"):
        quality("best", 48_000, 16_000)
    with pytest.raises(ValueError, match="dtype must be"):
        quality("audiolab", 48_000, 16_000, dtype=torch.float16)
    with pytest.raises(ValueError, match="band_edge must be between"):
        quality("audiolab", 48_000, 16_000, band_edge=1.5)
    with pytest.raises(ValueError, match="orig_rate must be above 0"):
        quality("audiolab", 0, 16_000)
