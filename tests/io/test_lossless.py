"""wav and flac give back what went in: to the step of their integers, or to the bit."""

import io as streams

import numpy as np
import pytest
import scipy.io.wavfile
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchcodec.decoders import AudioDecoder

from audiolab import io

CASES = [
    ("wav", "pcm_s16", 16),
    ("wav", "pcm_s24", 24),
    ("wav", "pcm_s32", 32),
    ("wav", "float32", None),
    ("flac", "pcm_s16", 16),
    ("flac", "pcm_s24", 24),
]


@pytest.mark.parametrize(("name", "encoding", "bits"), CASES)
@settings(max_examples=25, deadline=None)
@given(
    length=st.one_of(st.sampled_from([0, 1, 2, 3, 4_095, 4_097]), st.integers(0, 5_000)),
    channels=st.integers(1, 8),
    rate=st.one_of(st.sampled_from([1, 8_000, 44_100, 192_000]), st.integers(1, 655_350)),
    seed=st.integers(0, 2**31),
)
def test_any_length_channels_and_rate_come_back(name, encoding, bits, length, channels, rate, seed):
    if name == "flac":
        length = max(1, length)
        rate = io.formats()[1].sample_rates.at_least(rate)
    generator = torch.Generator().manual_seed(seed)
    waveform = 2 * torch.rand(channels, length, generator=generator) - 1

    data = io.encode(waveform, rate, format=name, encoding=encoding)
    back, back_rate = io.decode(data)
    described = io.info(data)

    assert back.shape == waveform.shape
    assert back.dtype == torch.float32
    assert back_rate == rate
    assert (described.num_samples, described.exact) == (length, True)
    assert (described.sample_rate, described.num_channels) == (rate, channels)
    assert described.encoding == encoding
    assert described.bit_depth == (bits or 32)
    if bits is None or bits == 32:
        assert torch.equal(back, waveform)  # float32 has 24 bits: 32-bit integers hold all of them
    elif length:
        # Half a step, and a whole one where +1.0 has no integer.
        step = 2.0 ** (1 - bits)
        inside = waveform <= 1 - step
        assert _largest(back, waveform, inside) <= step / 2
    # A second trip finds every value on the grid and leaves it there.
    assert io.encode(back, rate, format=name, encoding=encoding) == data


def _largest(one, other, mask):
    difference = (one - other)[mask].abs()
    return float(difference.max()) if difference.numel() else 0.0


@pytest.mark.parametrize(("name", "encoding", "bits"), CASES)
def test_soundfile_and_torchcodec_read_the_same_values(name, encoding, bits, sound):
    data = io.encode(sound(2), 44_100, format=name, encoding=encoding)
    ours, _ = io.decode(data)
    theirs, rate = soundfile.read(streams.BytesIO(data), dtype="float32", always_2d=True)
    assert rate == 44_100
    assert np.array_equal(ours.numpy(), theirs.T)
    assert torch.equal(ours, AudioDecoder(data).get_all_samples().data)


@pytest.mark.parametrize("encoding", ["pcm_s16", "pcm_s32"])
def test_scipy_reads_the_integers(encoding):
    # Every step of 16 bits around zero, and both ends.
    steps = torch.cat([torch.arange(-300, 300), torch.tensor([-32768, 32767])])
    data = io.encode(steps[None] / 32768, 8_000, format="wav", encoding=encoding)
    rate, integers = scipy.io.wavfile.read(streams.BytesIO(data))
    assert rate == 8_000
    scale = 1 if encoding == "pcm_s16" else 65_536
    assert np.array_equal(integers, steps.numpy() * scale)


def test_rounding_is_to_the_nearest_step_and_full_scale_is_the_last_one():
    values = torch.tensor([[0.4, 0.6, -0.4, -0.6, 1.5, 2.5]]) / 32768
    back, _ = io.decode(io.encode(values, 8_000, format="wav"))
    assert (back * 32768).tolist() == [[0, 1, 0, -1, 2, 2]]  # ties to even
    ends, _ = io.decode(io.encode(torch.tensor([[1.0, -1.0]]), 8_000, format="wav"))
    assert (ends * 32768).tolist() == [[32767, -32768]]


def test_float64_keeps_what_32_bits_can_hold():
    value = torch.tensor([[1 / 3]], dtype=torch.float64)
    data = io.encode(value, 8_000, format="wav", encoding="pcm_s32")
    assert int.from_bytes(data[-4:], "little") == round(2**31 / 3)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_every_float_type_is_stored(dtype, sound):
    waveform = sound(1).to(dtype)
    expected = io.encode(waveform.float(), 48_000, format="wav")
    assert io.encode(waveform, 48_000, format="wav") == expected


def test_gradients_and_strides_do_not_matter(sound):
    waveform = sound(2)
    expected = io.encode(waveform, 48_000, format="flac")
    assert io.encode(waveform.clone().requires_grad_(), 48_000, format="flac") == expected
    assert io.encode(waveform.T.contiguous().T, 48_000, format="flac") == expected


@pytest.mark.parametrize(("name", "encoding", "bits"), CASES)
def test_bytes_depend_on_samples_alone(name, encoding, bits, sound, tmp_path):
    # soundfile would write the time of day into float files.
    data = io.encode(sound(2), 44_100, format=name, encoding=encoding)
    io.save(tmp_path / "one.bin", sound(2), 44_100, format=name, encoding=encoding)
    assert (tmp_path / "one.bin").read_bytes() == data
    if name == "wav":
        assert b"PEAK" not in data


def test_the_wav_header_is_the_canonical_one():
    data = io.encode(torch.zeros(1, 2), 8_000, format="wav")
    assert len(data) == 44 + 4
    assert data.hex(" ", 4) == (
        "52494646 28000000 57415645 666d7420 10000000 01000100 401f0000 803e0000 02001000 "
        "64617461 04000000 00000000"
    )


def test_one_dimension_is_mono(sound):
    mono = sound(1)
    assert io.encode(mono[0], 48_000, format="wav") == io.encode(mono, 48_000, format="wav")


def test_an_odd_number_of_bytes_is_padded():
    data = io.encode(torch.zeros(1, 1), 8_000, format="wav", encoding="pcm_s24")
    assert len(data) % 2 == 0
    assert io.decode(data)[0].shape == (1, 1)
