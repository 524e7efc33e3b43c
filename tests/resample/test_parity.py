"""Ours beside the references people trust, and the adapters beside the calls they stand for."""

import io
import math

import librosa
import numpy as np
import pytest
import scipy.signal
import soundfile
import soxr
import torch
import torchaudio
from torchcodec.decoders import AudioDecoder

from audiolab.resample import METHODS, output_length, resample

RATES = [(48_000, 32_000), (44_100, 16_000), (16_000, 44_100)]


def band_limited(rate: int, low: int, num_samples: int = 30_000) -> torch.Tensor:
    """White noise below 0.8 of the lower Nyquist frequency, faded in and out, float64."""
    noise = torch.randn(
        num_samples, dtype=torch.float64, generator=torch.Generator().manual_seed(5)
    )
    spectrum = torch.fft.rfft(noise)
    spectrum[int(0.8 * low / rate * len(spectrum)) :] = 0
    return 0.2 * torch.fft.irfft(spectrum, n=num_samples) * torch.hann_window(num_samples).double()


def error_db(estimate: torch.Tensor, reference: torch.Tensor) -> float:
    ratio = (estimate - reference).square().mean() / reference.square().mean()
    return 10 * math.log10(ratio.item())


@pytest.mark.parametrize(("orig", "new"), RATES)
def test_ours_equals_soxr_in_the_pass_band(orig: int, new: int):
    x = band_limited(orig, min(orig, new))
    ours = resample(x, orig, new)
    # soxr's very-high quality sags by 0.003 dB (-70 dB) where it interpolates between phases
    theirs = resample(x, orig, new, method="soxr_vhq")
    assert error_db(ours, theirs) < (-150 if (orig, new) == (48_000, 32_000) else -70)


@pytest.mark.parametrize(("orig", "new"), RATES)
def test_ours_equals_scipy_and_torchaudio_in_the_pass_band(orig: int, new: int):
    x = band_limited(orig, min(orig, new))
    ours = resample(x, orig, new)
    # the fades are no longer exactly band-limited, which scipy's period wraps around
    assert error_db(ours, resample(x, orig, new, method="scipy_fft")) < -110
    wide = resample(
        x, orig, new, method="torchaudio_hann", lowpass_filter_width=256, rolloff=0.9999
    )
    assert error_db(ours, wide) < -85  # torchaudio's Hann window at that width


@pytest.mark.parametrize(("orig", "new"), [*RATES, (44_100, 11_025)])
def test_adapters_equal_the_calls_they_stand_for(orig: int, new: int):
    x = torch.randn(9_001, generator=torch.Generator().manual_seed(3))
    length = output_length(9_001, orig, new)
    a = x.numpy()
    expected = {
        "torchaudio_hann": torchaudio.functional.resample(x, orig, new).numpy(),
        "torchaudio_kaiser_best": torchaudio.functional.resample(
            x,
            orig,
            new,
            lowpass_filter_width=64,
            rolloff=0.9475937167399596,
            resampling_method="sinc_interp_kaiser",
            beta=14.769656459379492,
        ).numpy(),
        "scipy_polyphase": librosa.resample(a, orig_sr=orig, target_sr=new, res_type="polyphase"),
    }
    for name, theirs in expected.items():
        np.testing.assert_array_equal(resample(x, orig, new, method=name).numpy(), theirs, name)
        assert theirs.shape == (length,)
    for name in ("soxr_qq", "soxr_lq", "soxr_mq", "soxr_hq", "soxr_vhq"):
        theirs = soxr.resample(a, orig, new, name[5:].upper())
        ours = resample(x, orig, new, method=name).numpy()
        assert ours.shape == (length,)
        shared = min(len(theirs), length) - 64  # a zero more at the end changes the last samples
        np.testing.assert_allclose(ours[:shared], theirs[:shared], rtol=0, atol=2e-6)


def test_torchaudio_options_are_passed_on():
    x = torch.randn(2_000, generator=torch.Generator().manual_seed(3))
    ours = resample(
        x,
        3,
        2,
        method="torchaudio_kaiser",
        lowpass_filter_width=16,
        rolloff=0.85,
        beta=8.555504641634386,
    )
    assert torch.equal(ours, resample(x, 3, 2, method="torchaudio_kaiser_fast"))
    assert not torch.equal(ours, resample(x, 3, 2, method="torchaudio_kaiser"))


def test_scipy_fft_keeps_the_tune_of_lengths_that_do_not_divide():
    x = band_limited(44_100, 16_000, 30_001)
    ours = resample(x, 44_100, 16_000)
    by_hand = torch.from_numpy(scipy.signal.resample(x.numpy(), len(ours)))
    adapted = resample(x, 44_100, 16_000, method="scipy_fft")
    assert error_db(adapted, ours) < -100
    assert error_db(by_hand, ours) > -60  # the naive call stretches time


def test_torchcodec_resamples_while_decoding():
    x = 0.5 * torch.sin(2 * math.pi * 440 / 44_100 * torch.arange(20_000))
    file = io.BytesIO()
    soundfile.write(file, x.numpy(), 44_100, format="WAV", subtype="FLOAT")
    decoded = AudioDecoder(file.getvalue(), sample_rate=16_000).get_all_samples().data[0]
    ours = resample(x, 44_100, 16_000, method="torchcodec_swr")
    shared = min(len(decoded), len(ours))
    assert abs(len(decoded) - len(ours)) <= 1
    assert torch.equal(decoded[:shared], ours[:shared])


def test_linear_equals_numpy():
    x = torch.randn(500, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    y = resample(x, 441, 160, method="linear")
    times = np.arange(len(y)) * 441 / 160
    expected = np.interp(times, np.arange(501), np.append(x.numpy(), 0.0))
    np.testing.assert_allclose(y.numpy(), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("num_in", [1, 2, 440, 441, 442, 5000])
@pytest.mark.parametrize(("orig", "new"), [(44_100, 16_000), (16_000, 44_100), (3, 2)])
def test_one_length_rule(method: str, num_in: int, orig: int, new: int):
    if method == "torchcodec_swr":
        orig, new = 1000 * orig, 1000 * new  # FFmpeg refuses a rate of 3 Hz
    x = torch.ones(num_in)
    y = resample(x, orig, new, method=method)
    assert y.shape == (output_length(num_in, orig, new),)
    assert y.dtype == torch.float32
    assert bool(y.isfinite().all())
