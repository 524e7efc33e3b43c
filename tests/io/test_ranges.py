"""A range is the slice of the whole, and blocks are its parts: in every format, to the bit."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from audiolab import io
from audiolab.units import seconds_to_samples


@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_ranges_are_slices(name, encoded, data):
    whole, rate = io.decode(encoded(name))
    duration = whole.shape[1] / rate
    start_s = data.draw(st.floats(0, duration))
    stop_s = data.draw(st.one_of(st.none(), st.floats(start_s, 2 * duration)))
    part, part_rate = io.decode(encoded(name), start_s=start_s, stop_s=stop_s)
    start = seconds_to_samples(start_s, rate)
    stop = None if stop_s is None else seconds_to_samples(stop_s, rate)
    assert part_rate == rate
    assert torch.equal(part, whole[:, start:stop])


@pytest.mark.parametrize("block_s", [1 / 48_000, 0.01, 0.1234, 10.0])
def test_blocks_join_to_the_whole(name, encoded, block_s):
    data = encoded(name)
    stop_s = 0.02 if block_s < 0.001 else None
    whole, rate = io.decode(data, stop_s=stop_s)
    stream = io.blocks(data, block_s, stop_s=stop_s)
    parts = list(stream)
    assert (stream.sample_rate, stream.num_channels) == (rate, 2)
    assert stream.num_samples == whole.shape[1]
    assert {part.shape[1] for part in parts[:-1]} <= {stream.block_size}
    assert 0 < parts[-1].shape[1] <= stream.block_size
    assert torch.equal(torch.cat(parts, dim=1), whole)
    assert torch.equal(torch.cat(list(stream), dim=1), whole)  # and again


@pytest.mark.parametrize("rate", [16_000, 44_100, 96_000])
@pytest.mark.parametrize("channels", [None, 1])
def test_resampled_blocks_have_no_seams(name, encoded, rate, channels):
    options = {"sample_rate": rate, "num_channels": channels, "start_s": 0.05, "stop_s": 0.3}
    whole, _ = io.decode(encoded(name), **options)
    stream = io.blocks(encoded(name), 0.017, **options)
    joined = torch.cat(list(stream), dim=1)
    assert stream.num_samples == joined.shape[1]
    # One resampler runs through all blocks: not close, equal.
    assert torch.equal(joined, whole)


def test_block_tensors_do_not_share_memory(encoded):
    blocks = list(io.blocks(encoded("wav"), 0.01))
    before = blocks[0].clone()
    blocks[1].zero_()
    assert torch.equal(blocks[0], before)


@pytest.mark.parametrize(
    "read", [lambda d, **k: io.decode(d, **k), lambda d, **k: list(io.blocks(d, 1, **k))]
)
def test_a_start_beyond_the_end_is_an_error(name, encoded, read):
    with pytest.raises(
        ValueError, match=r"start_s=2 lies beyond the end of <\d+ bytes>, which lasts 0\.41"
    ):
        read(encoded(name), start_s=2)


def test_a_start_at_the_end_is_empty(name, encoded):
    length = io.info(encoded(name)).duration_s
    assert io.decode(encoded(name), start_s=length)[0].shape == (2, 0)
    assert list(io.blocks(encoded(name), 1, start_s=length)) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"start_s": -1}, "start_s must be at least 0 s, got -1"),
        ({"start_s": float("nan")}, "start_s must be at least 0 s, got nan"),
        ({"start_s": 0.3, "stop_s": 0.2}, "stop_s must not come before start_s=0.3 s, got 0.2 s"),
        ({"sample_rate": 0}, "sample_rate must be a whole number of Hz above 0, got 0"),
        ({"num_channels": 0}, "num_channels must be 1 or more, got 0"),
        ({"num_channels": 3}, "num_channels=3 cannot be made of 2 channels"),
    ],
)
def test_wrong_options_are_named(encoded, options, message):
    with pytest.raises(ValueError, match=message):
        io.decode(encoded("wav"), **options)
    with pytest.raises(ValueError, match=message):
        io.blocks(encoded("wav"), 1.0, **options)


def test_blocks_need_a_duration(encoded):
    with pytest.raises(ValueError, match="block_s must be above 0 s, got 0"):
        io.blocks(encoded("wav"), 0)
    with pytest.raises(ValueError, match="block_s must last at least one sample"):
        io.blocks(encoded("wav"), 1e-6)


def test_mixing_is_the_mean_or_copies(encoded):
    stereo, _ = io.decode(encoded("wav"))
    assert torch.equal(io.decode(encoded("wav"), num_channels=1)[0], stereo.mean(0, keepdim=True))
    mono, _ = io.decode(encoded("wav", 1))
    assert torch.equal(io.decode(encoded("wav", 1), num_channels=3)[0], mono.expand(3, -1))


def test_save_mixes_alike(sound):
    stereo = sound(2)
    expected = io.encode(stereo.mean(0, keepdim=True), 48_000, format="wav")
    assert io.encode(stereo, 48_000, format="wav", num_channels=1) == expected
    copies, _ = io.decode(io.encode(stereo[:1], 48_000, format="wav", num_channels=2))
    assert torch.equal(copies[0], copies[1])
    with pytest.raises(ValueError, match="num_channels=3 cannot be made of 2 channels"):
        io.encode(stereo, 48_000, format="wav", num_channels=3)
