"""What cannot be resampled is refused: by name, with what came and what was expected."""

import math

import pytest
import torch

from audiolab.resample import METHODS, FilterDesign, resample

X = torch.zeros(100)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("rates", [(3000, 2000), (2000, 3000), (2000, 2000)])
def test_non_finite_samples(method: str, bad: float, rates: tuple[int, int]):
    x = torch.zeros(2, 3000)
    x[1, 1234] = bad
    with pytest.raises(ValueError, match=r"waveform holds 1 value\(s\).*\(1, 1234\)"):
        resample(x, *rates, method=method)


def test_large_finite_samples_are_fine():
    # their sum overflows, which must not be taken for infinity in the input
    x = torch.full((40, 3000), 1e35)
    assert bool(resample(x, 3, 2).isfinite().all())


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("shape", [(0,), (2, 0), (0, 100)])
def test_empty(method: str, shape: tuple[int, ...]):
    with pytest.raises(ValueError, match="waveform has no samples"):
        resample(torch.zeros(shape), 3, 2, method=method)


@pytest.mark.parametrize("bad", [0, -16_000, math.nan, math.inf])
@pytest.mark.parametrize("method", METHODS)
def test_impossible_rates(method: str, bad: float):
    with pytest.raises(ValueError, match="orig_rate must be above 0 Hz"):
        resample(X, bad, 16_000, method=method)
    with pytest.raises(ValueError, match="new_rate must be above 0 Hz"):
        resample(X, 16_000, bad, method=method)


@pytest.mark.parametrize(
    ("waveform", "message"),
    [
        ([0.0, 1.0], "waveform must be a torch.Tensor"),
        (torch.zeros(10, dtype=torch.int16), "waveform must be floating point.*32768"),
        (torch.zeros(10, dtype=torch.complex64), "waveform must be floating point"),
    ],
)
def test_what_is_no_waveform(waveform: object, message: str):
    with pytest.raises(TypeError, match=message):
        resample(waveform, 3, 2)


def test_scalar():
    with pytest.raises(ValueError, match="at least 1 dimension"):
        resample(torch.tensor(1.0), 3, 2)


def test_unknown_method_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"method must be one of 'audiolab', .*'linear'.*'sinc'"):
        resample(X, 3, 2, method="sinc")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"beta": 8.0}, "beta does not apply to method='audiolab', only to torchaudio_kaiser"),
        ({"method": "soxr_hq", "rolloff": 0.9}, "rolloff does not apply to method='soxr_hq'"),
        ({"method": "torchaudio_hann", "beta": 8.0}, "beta does not apply"),
        ({"method": "torchaudio_hann", "rolloff": 1.5}, "rolloff must be at most 1"),
        ({"method": "torchaudio_hann", "rolloff": 0.0}, "rolloff must be above 0"),
        (
            {"method": "torchaudio_hann", "lowpass_filter_width": 2.5},
            "lowpass_filter_width must be a whole number",
        ),
        ({"method": "torchaudio_kaiser", "beta": -1.0}, "beta must be above 0"),
        ({"method": "linear", "design": FilterDesign()}, "design does not apply"),
    ],
)
def test_options_that_do_not_apply(arguments: dict[str, object], message: str):
    with pytest.raises(ValueError, match=message):
        resample(X, 3, 2, **arguments)


def test_design_of_a_wrong_type():
    with pytest.raises(TypeError, match="design must be a FilterDesign, got float"):
        resample(X, 3, 2, design=0.9)


def test_kernels_that_would_not_fit_in_memory():
    with pytest.raises(ValueError, match=r"16001 x 44134 .*method='audiolab'"):
        resample(X, 44_100, 16_001, method="torchaudio_hann")


def test_decoders_take_whole_rates():
    with pytest.raises(ValueError, match=r"whole rates only, got 16000 and 8000\.5 Hz"):
        resample(X, 16_000, 8000.5, method="torchcodec_swr")


@pytest.mark.parametrize("rates", [(1, 10**7), (10**7, 1), (1.0001e7, 1)])
def test_ratios_beyond_any_filter(rates: tuple[float, float]):
    with pytest.raises(ValueError, match=r"differ by a factor of 1.*e\+07.*in steps"):
        resample(torch.zeros(10), *rates)
