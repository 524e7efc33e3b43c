"""Files that end too early are refused, and what is there can still be read by asking for it."""

from functools import cache

import pytest
import torch

from audiolab import io


@cache
def sound_of(name):
    generator = torch.Generator().manual_seed(1)
    waveform = 0.3 * torch.randn(2, 96_000, generator=generator).clamp(-3, 3)
    # Faint enough that nothing clips, long enough for many pages and frames.
    return io.encode(waveform, 48_000, format=name)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_cut_file_is_refused(name, share, tmp_path):
    data = sound_of(name)
    path = tmp_path / f"cut.{name}"
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(io.AudioFileError, match=r"cut off|damaged") as caught:
        io.load(path)
    assert str(path) in str(caught.value)
    with pytest.raises(io.AudioFileError, match=r"cut off|damaged"):
        list(io.blocks(path, 0.1))


@pytest.mark.parametrize("name", ["wav", "flac", "mp3", "ogg", "opus"])
def test_what_is_there_can_be_read(name, tmp_path):
    data = sound_of(name)
    whole, _ = io.decode(data)
    cut = data[: int(0.7 * len(data))]
    with pytest.raises(io.AudioFileError, match="stop_s"):
        io.decode(cut)
    part, _ = io.decode(cut, stop_s=0.9)
    assert torch.equal(part, whole[:, :43_200])
    with pytest.raises(io.AudioFileError, match=r"cut off|damaged"):
        io.decode(cut, stop_s=1.9)


@pytest.mark.parametrize("name", ["wav", "flac"])
def test_one_missing_byte_is_noticed(name):
    with pytest.raises(io.AudioFileError, match="cut off"):
        io.decode(sound_of(name)[:-1])


def test_blocks_come_until_the_damage():
    data = sound_of("flac")
    stream = iter(io.blocks(data[: int(0.6 * len(data))], 0.05))
    for _ in range(20):
        assert next(stream).shape == (2, 2_400)
    with pytest.raises(io.AudioFileError, match=r"near 1\.\d\d\d s; stop_s reads what is before"):
        list(stream)


def test_a_flipped_bit_in_flac_is_an_error():
    # Every flac frame has a checksum; torchcodec (FFmpeg) would return noise without a word.
    data = bytearray(sound_of("flac"))
    data[len(data) // 2] ^= 4
    with pytest.raises(io.AudioFileError, match="damaged"):
        io.decode(bytes(data))


def test_a_wav_header_that_claims_gigabytes_costs_nothing():
    data = bytearray(io.encode(torch.zeros(1, 500), 8_000, format="wav"))
    data[40:44] = (0xFFFFFF00).to_bytes(4, "little")
    with pytest.raises(
        io.AudioFileError, match="its header promises 4294967040 bytes of samples, 1000 follow"
    ):
        io.decode(bytes(data))
    assert io.decode(bytes(data), stop_s=0.05)[0].shape == (1, 400)


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0x7FFFF000])
def test_a_wav_from_a_pipe_is_read_to_its_end(size, sound):
    # FFmpeg, sox and espeak write such sizes when they cannot come back to the header.
    data = bytearray(io.encode(sound(1), 48_000, format="wav"))
    whole, _ = io.decode(bytes(data))
    data[4:8] = (size + 36 & 0xFFFFFFFF if size < 2**31 else size).to_bytes(4, "little")
    data[40:44] = size.to_bytes(4, "little")
    assert torch.equal(io.decode(bytes(data))[0], whole)


def test_a_flac_from_a_pipe_has_no_length(encoded):
    data = bytearray(encoded("flac"))
    whole, _ = io.decode(bytes(data))
    data[21] &= 0xF0  # the 36 bits of the length stand in bytes 21 to 25
    data[22:26] = bytes(4)
    stream = io.blocks(bytes(data), 0.1)
    assert stream.num_samples is None
    assert not io.info(bytes(data)).exact
    assert torch.equal(io.decode(bytes(data))[0], whole)
    assert torch.equal(torch.cat(list(stream), dim=1), whole)


def test_a_flac_header_that_claims_hours_costs_nothing(encoded):
    data = bytearray(encoded("flac"))
    data[21] |= 0x0F
    data[22:26] = b"\xff" * 4
    with pytest.raises(io.AudioFileError, match=r"damaged or cut off|promises 68719476735 samples"):
        io.decode(bytes(data))


def test_an_mp3_without_notes_keeps_its_padding(encoded):
    data = encoded("mp3")
    at = data.find(b"Info")
    plain = data[:at] + b"\0\0\0\0" + data[at + 4 :]
    assert io.info(plain).exact is False
    assert io.decode(plain)[0].shape[1] > io.decode(data)[0].shape[1]
