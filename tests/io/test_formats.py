"""The table of formats holds: each rate, number of channels and bit rate in it can be written."""

import pytest
import torch

from audiolab import io
from audiolab.io._formats import SampleRates, bit_rate_limits
from audiolab.io._settings import settle

FORMATS = {each.name: each for each in io.formats()}


def few(values):
    """Both ends, the middle, and all of a short list."""
    return list(values) if len(values) < 20 else [values[0], values[len(values) // 2], values[-1]]


def test_every_rate_listed_can_be_written(name):
    target = FORMATS[name]
    for rate in few(target.sample_rates):
        waveform = 0.1 * torch.randn(1, 4_000, generator=torch.Generator().manual_seed(rate % 999))
        back, back_rate = io.decode(io.encode(waveform, rate, format=name))
        assert back_rate == (48_000 if name == "opus" else rate)
        assert back.shape[1] == 4_000 * back_rate // rate


def test_rates_that_are_not_listed_are_refused(name):
    rates = FORMATS[name].sample_rates
    for rate in (rates[0] - 1, rates[-1] + 1, 8_001, 65_537):
        if rate not in rates:
            with pytest.raises(ValueError, match="sample_rate"):
                io.encode(torch.zeros(1, 4_000), rate, format=name)


def test_every_number_of_channels_listed_can_be_written(name):
    target = FORMATS[name]
    generator = torch.Generator().manual_seed(2)
    for channels in few(target.num_channels):
        waveform = 0.1 * torch.randn(channels, 4_000, generator=generator)
        back, _ = io.decode(io.encode(waveform, 48_000, format=name))
        assert back.shape == waveform.shape
        if target.lossless:
            assert float((back - waveform).abs().max()) <= 2**-16
    with pytest.raises(ValueError, match="num_channels for"):
        io.encode(torch.zeros(target.num_channels[-1] + 1, 4_000), 48_000, format=name)


@pytest.mark.parametrize(
    ("name", "channels"),
    [(each.name, n) for each in io.formats() for n in range(3, 9) if n in each.num_channels],
)
def test_channels_keep_their_order(name, channels):
    # One tone a channel: each comes back in its own place, whatever order the codec stores.
    time_s = torch.arange(24_000) / 48_000
    tones = torch.stack(
        [0.3 * torch.sin(2 * torch.pi * 40 * (1 + k) * time_s) for k in range(channels)]
    )  # within 40 to 320 Hz: a low-frequency effects channel holds no more
    back, _ = io.decode(io.encode(tones, 48_000, format=name))
    middle = slice(4_800, 19_200)
    likeness = back[:, middle] @ tones[:, middle].T
    assert likeness.argmax(dim=1).tolist() == list(range(channels))


@pytest.mark.parametrize("name", ["mp3", "opus", "m4a"])
@pytest.mark.parametrize("rate", [8_000, 16_000, 48_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_bit_rates_within_the_limits_can_be_written(name, rate, channels):
    low, high = bit_rate_limits(FORMATS[name], rate, channels)
    assert FORMATS[name].bit_rates[0] <= low < high <= FORMATS[name].bit_rates[1]
    generator = torch.Generator().manual_seed(0)
    waveform = (0.2 * torch.randn(channels, 2 * rate, generator=generator)).clamp(-1, 1)
    small = io.encode(waveform, rate, format=name, bit_rate=low)
    large = io.encode(waveform, rate, format=name, bit_rate=high)
    assert len(large) > 1.5 * len(small)
    for wrong in (low - 1, high + 1):
        with pytest.raises(ValueError, match=f"must be between {low} and {high} bit/s"):
            io.encode(waveform, rate, format=name, bit_rate=wrong)


def test_vorbis_says_which_bit_rates_it_refuses():
    generator = torch.Generator().manual_seed(0)
    waveform = (0.2 * torch.randn(2, 48_000, generator=generator)).clamp(-1, 1)
    for bit_rate in (48_000, 500_000):
        assert io.info(io.encode(waveform, 48_000, format="ogg", bit_rate=bit_rate)).exact
    with pytest.raises(io.AudioFileError, match="bit_rate=None lets it choose"):
        io.encode(waveform, 48_000, format="ogg", bit_rate=8_000)


def test_rates_are_a_sequence():
    rates = SampleRates(8_000, range(10, 13), range(20, 41, 10))
    assert list(SampleRates(range(10, 13), range(20, 41, 10))) == [10, 11, 12, 20, 30, 40]
    assert str(rates) == "8000, 10 to 12, 20 to 40 in steps of 10"
    steps = SampleRates(range(10, 13), range(20, 41, 10))
    assert [steps.at_least(rate) for rate in (1, 11, 13, 21, 40, 99)] == [10, 11, 20, 30, 40, 40]
    assert (steps[-1], steps[3], steps[1:3], len(steps)) == (40, 20, [11, 12], 6)
    assert 30 in steps
    assert 31 not in steps
    with pytest.raises(IndexError):
        steps[6]


def test_defaults_are_listed_first():
    chosen = settle(
        path="a.wav",
        format=None,
        sample_rate=8_000,
        num_channels=1,
        encoding=None,
        bit_rate=None,
        on_clip="warn",
    )
    assert chosen.encoding == FORMATS["wav"].encodings[0] == "pcm_s16"


@pytest.mark.parametrize("encoding", ["pcm_s16", "pcm_s24"])
def test_a_lossless_round_trip_measures_half_a_step(encoding):
    trip = io.measure_round_trip("flac", encoding=encoding, num_channels=2)
    bits = int(encoding[5:])
    assert 0.4 * 2.0 ** (1 - bits) < trip.max_error <= 0.5 * 2.0 ** (1 - bits)
    assert trip.num_channels == 2
    assert trip.bit_rate == round(8 * trip.size_bytes / 1.0)
