"""Whatever holds an audio file, as one thing that can be measured, peeked into and opened.

A path, bytes, a uint8 tensor or an open binary file become a `Source`. Paths are handed to the
engines as absolute names of regular files, so that none of FFmpeg's protocols (``http:``,
``concat:`` ...) is ever reached through a file name. What the source holds is judged elsewhere.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any, BinaryIO, cast

import torch

from audiolab._typing import AudioSource
from audiolab.io._errors import AudioFileError

__all__ = ["Source", "open_source"]

Holder = Path | bytes | BinaryIO


class SafeReader(io.RawIOBase):
    """A seekable binary file with a position that starts at 0 and errors that are not lost.

    Engines read through callbacks in C, where a Python exception would be printed and swallowed;
    it is put into `errors` instead, for the caller to raise.
    """

    def __init__(self, file: BinaryIO, size: int, errors: list[BaseException]) -> None:
        super().__init__()
        self._file = file
        self._size = size
        self._position = 0
        self._errors = errors

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def read(self, size: int = -1) -> bytes:
        wanted = max(0, self._size - self._position)
        if 0 <= size < wanted:
            wanted = size
        try:
            self._file.seek(self._position)
            data = self._file.read(wanted)
        except BaseException as error:
            self._errors.append(error)
            return b""
        self._position += len(data)
        return data

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)


class Source:
    """An audio file somewhere: its name for messages, its size, and ways to open it.

    Parameters
    ----------
    holder : Path, bytes or binary file
        Where the bytes are.
    name : str
        What messages call it.
    size : int
        Number of bytes.
    """

    def __init__(self, holder: Holder, name: str, size: int) -> None:
        self.holder = holder
        self.name = name
        self.size = size
        self._errors: list[BaseException] = []
        self._file: BinaryIO | None = None

    def close(self) -> None:
        """Close the file that `read_at` opened, if it did."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def read_at(self, offset: int, size: int) -> bytes:
        """Return up to `size` bytes from `offset` on; fewer at the end of the file."""
        if offset >= self.size or size <= 0:
            return b""
        if isinstance(self.holder, bytes):
            return self.holder[offset : offset + size]
        if not isinstance(self.holder, Path):
            file = self.holder
        else:
            if self._file is None:
                self._file = self.holder.open("rb")
            file = self._file
        file.seek(offset)
        return file.read(size)

    def for_soundfile(self) -> str | BinaryIO:
        """Return what `soundfile.SoundFile` opens."""
        return io.BytesIO(self.holder) if isinstance(self.holder, bytes) else self._open()

    def for_torchcodec(self) -> str | bytes | BinaryIO:
        """Return what torchcodec's decoders open."""
        return self.holder if isinstance(self.holder, bytes) else self._open()

    def _open(self) -> str | BinaryIO:
        assert not isinstance(self.holder, bytes)
        if isinstance(self.holder, Path):
            return str(self.holder)
        return cast("BinaryIO", SafeReader(self.holder, self.size, self._errors))

    def raise_read_error(self) -> None:
        """Raise what an open file raised while an engine was reading from it."""
        if self._errors:
            error = self._errors[0]
            self._errors.clear()
            raise error


def open_source(source: AudioSource) -> Source:
    """Return `source` as a `Source`, or say what is wrong with it.

    Raises
    ------
    TypeError
        Not a path, bytes, a uint8 tensor or a binary file.
    FileNotFoundError, IsADirectoryError
        The path leads nowhere, or to a folder.
    AudioFileError
        The path is no regular file, or there are no bytes.
    """
    if isinstance(source, torch.Tensor):
        opened = _from_tensor(source)
    elif isinstance(source, (bytes, bytearray, memoryview)):
        data = bytes(source)
        opened = Source(data, f"<{len(data)} bytes>", len(data))
    elif isinstance(source, (str, os.PathLike)):
        opened = _from_path(os.fspath(source))
    elif hasattr(source, "read"):
        opened = _from_file(source)
    else:
        raise TypeError(
            "source must be a path, bytes, a uint8 tensor or an open binary file, "
            f"got {type(source).__name__}"
        )
    if opened.size == 0:
        raise AudioFileError(f"{opened.name} is empty: it holds 0 bytes")
    return opened


def _from_tensor(tensor: torch.Tensor) -> Source:
    if tensor.dtype != torch.uint8 or tensor.dim() != 1:
        raise TypeError(
            "source as a tensor must hold the bytes of a file: uint8 of shape (num_bytes,), "
            f"got {tensor.dtype} of shape {tuple(tensor.shape)}"
        )
    data = tensor.detach().cpu().contiguous().numpy().tobytes()
    return Source(data, f"<tensor of {len(data)} bytes>", len(data))


def _from_path(name: str) -> Source:
    path = Path(name)
    if not path.exists():
        hint = ": addresses are not opened, download the file first" if "://" in name else ""
        raise FileNotFoundError(f"there is no file {name}{hint}")
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder, not an audio file")
    if not path.is_file():
        raise AudioFileError(f"{path} is not a regular file: open it yourself and pass the file")
    return Source(path.absolute(), str(path), path.stat().st_size)


def _from_file(file: BinaryIO) -> Source:
    name = f"<{type(file).__name__} {getattr(file, 'name', '')}>".replace(" >", ">")
    if not (hasattr(file, "seek") and getattr(file, "seekable", lambda: True)()):
        # A pipe has no size and no way back, and most formats need both.
        data = _checked(file.read(), name)
        return Source(data, name, len(data))
    _checked(file.read(0), name)
    size = file.seek(0, os.SEEK_END)
    if size is None:  # some file-likes return nothing from seek
        size = file.tell()
    return Source(file, name, size)


def _checked(data: object, name: str) -> bytes:
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise TypeError(
            f"{name} must be opened in binary mode ('rb'): it gave {type(data).__name__}"
        )
    return bytes(data)
