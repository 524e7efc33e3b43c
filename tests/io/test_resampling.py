"""Resampling at load: alias rejection, pass band, delay and length, measured on tones."""

import math

import pytest
import torch

from audiolab import io
from audiolab.io._resampling import Resampler, resampled_length

PAIRS = [(48_000, 32_000), (44_100, 16_000), (48_000, 44_100)]


def tone(frequency_hz, rate, num_samples):
    phase = 2 * math.pi * frequency_hz / rate * torch.arange(num_samples, dtype=torch.float64)
    return (0.5 * torch.sin(phase)).float()[None]


def resampled(waveform, old, new):
    data = io.encode(waveform, old, format="wav", encoding="float32")
    return io.decode(data, sample_rate=new)


def level_db(samples, reference=0.5):
    middle = samples[:, samples.shape[1] // 10 : -samples.shape[1] // 10].double()
    return 20 * math.log10(float(middle.square().mean().sqrt()) * math.sqrt(2) / reference)


@pytest.mark.parametrize(("old", "new"), PAIRS)
def test_tones_above_the_new_nyquist_are_gone(old, new):
    for factor in (1.02, 1.05, 1.2):
        frequency_hz = factor * new / 2
        if frequency_hz >= old / 2:
            continue
        output, rate = resampled(tone(frequency_hz, old, old), old, new)
        assert rate == new
        # Measured: -131 to -144 dB; the limit leaves room for another machine's rounding.
        assert level_db(output) < -125


@pytest.mark.parametrize(("old", "new"), PAIRS)
def test_the_pass_band_is_flat(old, new):
    for factor in (0.1, 0.5, 0.8, 0.9):
        output, _ = resampled(tone(factor * new / 2, old, old), old, new)
        assert abs(level_db(output)) < 0.05  # soxr's own ripple at 0.9 is 0.01 dB


@pytest.mark.parametrize(("old", "new"), [*PAIRS, (16_000, 48_000), (8_000, 44_100)])
def test_there_is_no_delay(old, new):
    frequency_hz = 0.1 * min(old, new)
    output, _ = resampled(tone(frequency_hz, old, old), old, new)
    expected = tone(frequency_hz, new, new)
    middle = slice(new // 10, new - new // 10)
    # -120 dB of a half-scale tone: a hundredth of a sample of delay would give -50 dB.
    assert float((output - expected)[:, middle].abs().max()) < 1e-5


@pytest.mark.parametrize("num_samples", [0, 1, 2, 5, 441, 1_000, 10_001])
@pytest.mark.parametrize(
    ("old", "new"), [*PAIRS, (16_000, 44_100), (48_000, 47_999), (8_000, 1), (192_000, 7), (1, 400)]
)
def test_the_length_is_rounded_up(old, new, num_samples):
    output, _ = resampled(torch.zeros(2, num_samples), old, new)
    assert output.shape == (2, math.ceil(num_samples * new / old))
    assert resampled_length(num_samples, old, new) == output.shape[1]


@pytest.mark.parametrize(("old", "new"), [(48_000, 44_100), (8_000, 48_000), (192_000, 8_000)])
def test_however_the_input_is_cut_the_output_is_the_same(old, new):
    generator = torch.Generator().manual_seed(3)
    waveform = torch.randn(2, 30_011, generator=generator)
    outputs = []
    for sizes in ([30_011], [1] * 11 + [30_000], [7_000, 1, 3, 23_007]):
        resampler = Resampler(old, new, 2)
        parts = [resampler.push(piece) for piece in waveform.split(sizes, dim=1)]
        outputs.append(torch.cat([*parts, resampler.finish()], dim=1))
    assert torch.equal(outputs[0], outputs[1])
    assert torch.equal(outputs[0], outputs[2])


def test_the_same_rate_is_left_alone(encoded):
    plain, rate = io.decode(encoded("wav"))
    assert torch.equal(io.decode(encoded("wav"), sample_rate=rate)[0], plain)
