"""What the lossy formats do to length, delay and sound, against closed forms and other decoders."""

import io as streams
import math

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from audiolab import io

LOSSY = ("mp3", "ogg", "opus", "m4a")
# FFmpeg's mp3 muxer cannot note less than 529 samples of padding, so that a length of 1 to 46
# samples over a whole number of frames comes back as 47.
MP3_EXCESS = 46


@pytest.mark.parametrize("name", LOSSY)
@settings(max_examples=15, deadline=None)
@given(length=st.integers(48, 9_000), channels=st.sampled_from([1, 2]))
def test_any_length_comes_back(name, length, channels):
    waveform = 0.1 * torch.randn(channels, length, generator=torch.Generator().manual_seed(length))
    data = io.encode(waveform.clamp(-1, 1), 48_000, format=name)
    back, rate = io.decode(data)
    assert rate == 48_000
    assert back.shape[0] == channels
    allowed = MP3_EXCESS if name == "mp3" else 0
    assert 0 <= back.shape[1] - length <= allowed
    assert io.info(data).num_samples == back.shape[1]
    assert io.info(data).exact


@pytest.mark.parametrize("name", LOSSY)
@pytest.mark.parametrize("rate", [8_000, 16_000, 24_000, 48_000])
def test_no_format_delays_the_sound(name, rate):
    trip = io.measure_round_trip(name, sample_rate=rate)
    assert trip.delay_samples == 0
    assert trip.extra_samples == 0
    assert trip.decoded_rate == (48_000 if name == "opus" else rate)
    assert trip.decoded_samples == trip.num_samples * trip.decoded_rate // rate


@pytest.mark.parametrize("name", ["mp3", "ogg", "m4a"])
@pytest.mark.parametrize("rate", [11_025, 22_050, 44_100])
def test_the_cd_rates_have_no_delay_either(name, rate):
    trip = io.measure_round_trip(name, sample_rate=rate)
    assert (trip.delay_samples, trip.extra_samples) == (0, 0)


@pytest.mark.parametrize("name", LOSSY)
def test_a_tone_survives(name):
    time_s = torch.arange(48_000) / 48_000
    tone = 0.5 * torch.sin(2 * math.pi * 1_000 * time_s)[None]
    back, _ = io.decode(io.encode(tone, 48_000, format=name))
    middle = slice(4_800, 43_200)
    error = (back[:, middle] - tone[:, middle]).square().mean()
    snr_db = 10 * math.log10(float(tone[:, middle].square().mean() / error))
    assert snr_db > 25  # 29 dB (Opus, which shapes noise most) to 60 dB, at default bit rates


@pytest.mark.parametrize("name", ["mp3", "ogg", "opus"])
def test_libsndfile_decodes_the_same_sound(name, encoded):
    # Another decoder of the same bit stream: equal but for rounding inside the decoders, which are
    # float or 16-bit fixed point in places.
    data = encoded(name)
    ours, rate = io.decode(data)
    theirs, their_rate = soundfile.read(streams.BytesIO(data), dtype="float32", always_2d=True)
    assert their_rate == rate
    common = min(ours.shape[1], len(theirs))
    assert abs(ours.shape[1] - len(theirs)) <= 1_152
    assert np.abs(ours.numpy()[:, :common] - theirs.T[:, :common]).max() < 2e-3


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("mp3", 64_000, 256_000),
        ("m4a", 64_000, 256_000),
        ("ogg", 80_000, 240_000),
        ("opus", 48_000, 192_000),
    ],
)
def test_a_higher_bit_rate_makes_a_larger_and_better_file(name, low, high, sound):
    waveform = sound(2, 96_000)
    sizes, errors = [], []
    for bit_rate in (low, high):
        data = io.encode(waveform, 48_000, format=name, bit_rate=bit_rate)
        sizes.append(len(data))
        errors.append(float((io.decode(data)[0] - waveform).square().mean()))
    assert sizes[1] > 1.5 * sizes[0]
    assert errors[1] < errors[0]


def test_decoding_does_not_clip():
    # A full-scale square wave overshoots in every lossy codec (Gibbs).
    square = torch.sign(torch.sin(2 * math.pi * 441 * torch.arange(44_100) / 44_100))[None]
    back, _ = io.decode(io.encode(square, 44_100, format="mp3"))
    assert float(back.abs().max()) > 1.05


def test_opus_stores_every_rate_at_48_khz(sound):
    data = io.encode(sound(1)[:, :16_000], 16_000, format="opus")
    back, rate = io.decode(data)
    assert (rate, back.shape[1]) == (48_000, 48_000)
    assert io.decode(data, sample_rate=16_000)[0].shape == (1, 16_000)
