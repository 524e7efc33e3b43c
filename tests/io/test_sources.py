"""One file, however it is handed over, and what goes wrong while it is being read."""

import io as streams
import os
import threading
from contextlib import suppress
from pathlib import Path

import pytest
import torch

from audiolab import io


class Slow:
    """A file-like with read and seek only, that gives what it likes."""

    def __init__(self, data, fail_after=None):
        self._file = streams.BytesIO(data)
        self.reads = 0
        self._fail_after = fail_after

    def read(self, size=-1):
        self.reads += 1
        if self._fail_after is not None and self.reads > self._fail_after:
            raise OSError("the line went dead")
        return self._file.read(size)

    def seek(self, offset, whence=0):
        return self._file.seek(offset, whence)


def test_every_kind_of_source(name, encoded, tmp_path, monkeypatch):
    data = encoded(name)
    path = tmp_path / f"ünï cödé, 100%.{name}"
    path.write_bytes(data)
    monkeypatch.chdir(tmp_path)
    expected, rate = io.load(path)
    with path.open("rb") as file:
        file.seek(100)  # wherever it stands
        sources = [
            str(path),
            Path(path.name),
            data,
            bytearray(data),
            memoryview(data),
            torch.frombuffer(bytearray(data), dtype=torch.uint8),
            file,
            streams.BytesIO(data),
            Slow(data),
        ]
        for source in sources:
            waveform, source_rate = io.load(source)
            assert source_rate == rate
            assert torch.equal(waveform, expected)
            assert torch.equal(torch.cat(list(io.blocks(source, 0.1)), dim=1), expected)
            assert io.info(source).num_samples == expected.shape[1]
        assert not file.closed


def test_the_extension_does_not_matter(name, encoded, tmp_path):
    path = tmp_path / "sound.txt"
    path.write_bytes(encoded(name))
    assert io.info(path).format == name


def test_names_that_look_like_protocols(encoded, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for file_name in ("concat:a|b.mp3", "-", "http:x.mp3", "%d.mp3"):
        Path(file_name).write_bytes(encoded("mp3"))
        assert io.load(file_name)[0].shape == (2, 20_001)


def test_a_pipe_is_read_whole(name, encoded):
    reader, writer = os.pipe()

    def feed():
        with os.fdopen(writer, "wb") as file:
            file.write(encoded(name))

    thread = threading.Thread(target=feed)
    thread.start()
    with os.fdopen(reader, "rb") as file:
        stream = io.blocks(file, 0.1)
        thread.join()
        expected, _ = io.load(encoded(name))
        assert torch.equal(torch.cat(list(stream), dim=1), expected)


@pytest.mark.parametrize("patience", [1, 3, 6])
def test_an_error_while_reading_is_not_swallowed(name, encoded, patience):
    # The engines call back from C, where a Python exception would be lost.
    with pytest.raises(OSError, match="the line went dead"):
        io.load(Slow(encoded(name), fail_after=patience))


def test_a_file_can_be_replaced_after_reading(name, encoded, tmp_path):
    path = tmp_path / "sound.bin"
    path.write_bytes(encoded(name))
    for _ in range(5):
        io.load(path)
        io.info(path)
        list(io.blocks(path, 1.0))
    handles = Path("/proc/self/fd")  # Linux's list of open files
    names = []
    for each in handles.iterdir() if handles.is_dir() else ():
        with suppress(FileNotFoundError):  # the handle that lists the folder is gone by now
            names.append(each.readlink())
    assert path not in names
