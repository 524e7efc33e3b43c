"""Files appear whole or not at all, are replaced only when asked, and may be written in blocks."""

import io as streams
import re
import struct

import pytest
import soundfile
import torch

from audiolab import io
from audiolab.io import _wav_sink


def test_an_existing_file_stays(name, encoded, sound, tmp_path):
    path = tmp_path / f"sound.{name}"
    path.write_text("mine")
    with pytest.raises(FileExistsError, match=re.escape(f"{path} exists already")):
        io.save(path, sound(2), 48_000)
    with pytest.raises(FileExistsError, match=re.escape(f"{path} exists already")):
        io.BlockWriter(path, 48_000, 2)
    assert path.read_text() == "mine"
    io.save(path, sound(2), 48_000, overwrite=True)
    assert io.info(path).num_samples == 20_001
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_a_failed_save_leaves_what_was_there(name, sound, tmp_path, monkeypatch):
    path = tmp_path / f"sound.{name}"
    path.write_text("mine")

    def fail(*args, **kwargs):
        raise OSError("the disk is full")

    monkeypatch.setattr("audiolab.io._save.open_sink", fail)
    with pytest.raises(OSError, match="the disk is full"):
        io.save(path, sound(2), 48_000, overwrite=True)
    assert path.read_text() == "mine"
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_blocks_make_the_same_file(name, sound, tmp_path):
    path = tmp_path / f"sound.{name}"
    with io.BlockWriter(path, 48_000, 2) as writer:
        for block in torch.split(sound(2), [1, 0, 700, 9_300, 10_000], dim=1):
            writer.write(block)
        assert not path.exists()
        assert writer.num_samples == 20_001
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
    whole = io.encode(sound(2), 48_000, format=name)
    assert torch.equal(io.load(path)[0], io.decode(whole)[0])
    if name in ("flac", "mp3", "m4a"):  # wav keeps room for RF64, ogg draws a serial number
        assert path.read_bytes() == whole


def test_a_block_that_raises_throws_the_file_away(name, sound, tmp_path):
    path = tmp_path / f"sound.{name}"
    failure = pytest.raises(RuntimeError, match="the caller's own")
    with failure, io.BlockWriter(path, 48_000, 2) as writer:
        writer.write(sound(2))
        raise RuntimeError("the caller's own")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("block", "kind", "message"),
    [
        (
            torch.zeros(1, 10),
            ValueError,
            r"2 channel\(s\) like the file, got shape \(1, 10\)",
        ),
        (torch.zeros(10), ValueError, r"block must have 2 channel\(s\)"),
        (torch.full((2, 3), float("nan")), ValueError, "block holds 6 value"),
        (torch.zeros(2, 3, dtype=torch.int16), TypeError, "block must be floating point"),
    ],
)
def test_wrong_blocks(block, kind, message, tmp_path):
    with pytest.raises(kind, match=message), io.BlockWriter(tmp_path / "a.wav", 8_000, 2) as writer:
        writer.write(block)
    assert list(tmp_path.iterdir()) == []


def test_a_writer_is_used_in_its_with_block(tmp_path):
    writer = io.BlockWriter(tmp_path / "a.wav", 8_000, 1)
    with pytest.raises(RuntimeError, match="inside its with block"):
        writer.write(torch.zeros(1, 8))
    with writer, pytest.raises(RuntimeError, match="is being written already"), writer:
        pass
    with pytest.raises(TypeError, match="num_channels must be a whole number, got float"):
        io.BlockWriter(tmp_path / "b.wav", 8_000, 1.5)


def test_beyond_4_gib_a_wav_file_becomes_rf64(monkeypatch):
    # The limit is lowered: what counts is the header that is written beyond it.
    monkeypatch.setattr(_wav_sink, "_LIMIT", 2_000)
    file = streams.BytesIO()
    sink = _wav_sink.WavSink(file, 8_000, 1, "pcm_s16", growing=True)
    samples = torch.linspace(-1, 1, 1_001)[None]
    sink.write(samples[:, :500])
    sink.write(samples[:, 500:])
    sink.close()
    data = bytearray(file.getvalue())
    assert data[:4] == b"RF64"
    assert struct.unpack("<Q", data[28:36])[0] == 2_002
    data[4:8] = data[data.find(b"data") + 4 : data.find(b"data") + 8] = b"\xff" * 4
    described = io.info(bytes(data))
    assert described.num_samples == 1_001
    back, _ = io.decode(bytes(data))
    assert float((back - samples).abs().max()) <= 2**-15
    assert soundfile.info(streams.BytesIO(data)).frames == 1_001


def test_many_channels_are_named_none(sound):
    data = io.encode(sound(4), 48_000, format="wav", encoding="float32")
    assert data[20:22] == b"\xfe\xff"
    assert data[40:44] == bytes(4)
    theirs, _ = soundfile.read(streams.BytesIO(data), dtype="float32")
    assert torch.equal(torch.from_numpy(theirs).T, sound(4))


def test_every_name_of_a_format(tmp_path, sound):
    for each in io.formats():
        for extension in each.extensions:
            path = tmp_path / f"sound{extension.upper()}"
            io.save(path, sound(1), 48_000)
            assert io.info(path).codec == each.codec
        for alias in each.aliases:
            assert io.info(io.encode(sound(1), 48_000, format=alias)).codec == each.codec
