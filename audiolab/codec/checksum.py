"""A trailer of eight bytes, ``ecrc`` and the CRC-32 of all bytes before it.

Readers that do not know it stop before it, so that a file of version 0 may have one.
"""

from __future__ import annotations

import struct
import zlib
from typing import BinaryIO

from audiolab.codec._bytes import BitstreamError, Readable

__all__ = ["ChecksumReader", "ChecksumWriter"]

_TRAILER = b"ecrc"


class ChecksumWriter:
    """Pass bytes on to a file while summing them up, and write the trailer.

    Parameters
    ----------
    file : binary file
        Open for writing.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._crc = 0

    def write(self, data: bytes) -> None:
        """Write bytes.

        Parameters
        ----------
        data : bytes
            Anything.
        """
        self._crc = zlib.crc32(data, self._crc)
        self._file.write(data)

    def write_trailer(self) -> None:
        """Write ``ecrc`` and the CRC-32 of all bytes so far, which ends the file."""
        self._file.write(_TRAILER + struct.pack(">I", self._crc))


class ChecksumReader:
    """Pass bytes on from a file while summing them up, and check the trailer.

    Parameters
    ----------
    file : binary file
        Open for reading at the first byte of the ``.ecdc`` file.
    """

    def __init__(self, file: Readable) -> None:
        self._file = file
        self._crc = 0
        self._ahead = b""
        self._tail = b""

    def peek(self, size: int) -> bytes:
        """Return the next bytes and leave them to be read.

        Parameters
        ----------
        size : int
            How many.

        Returns
        -------
        bytes
            Fewer where the file ends.
        """
        while len(self._ahead) < size:
            more = self._file.read(min(size - len(self._ahead), 1 << 20))
            if not more:
                break
            self._ahead += more
        return self._ahead[:size]

    def read(self, size: int = -1, /) -> bytes:
        """Read bytes.

        Parameters
        ----------
        size : int, default: -1
            At most so many; all that is left if negative.

        Returns
        -------
        bytes
            Empty at the end of the file.
        """
        if self._ahead and size >= 0:
            data, self._ahead = self._ahead[:size], self._ahead[size:]
        else:
            data, self._ahead = self._ahead + self._file.read(size), b""
        self._crc = zlib.crc32(data, self._crc)
        self._tail = (self._tail + data[-8:])[-8:]
        return data

    def check_trailer(self, *, required: bool) -> bool:
        """Read what follows the last segment and compare the checksum, if there is one.

        Parameters
        ----------
        required : bool
            Whether a file without a checksum is refused, as in version 1.

        Returns
        -------
        bool
            True if a checksum was there and right, False if there was none.

        Raises
        ------
        BitstreamError
            The checksum is wrong, cut short, missing though it is required, or not where the last
            segment ends: a header with wrong lengths.
        """
        expected = self._crc
        found = self.peek(8)
        if found[:4] != _TRAILER:
            if required:
                raise BitstreamError("the checksum is missing: the file is cut short or altered")
            if self._end()[:4] == _TRAILER:
                raise BitstreamError(
                    "the checksum stands elsewhere than the header says: the file was altered"
                )
            return False
        if found[4:] != struct.pack(">I", expected):
            raise BitstreamError(
                f"the checksum is wrong: the file was altered (CRC-32 {expected:08x} of its bytes, "
                f"{found[4:].hex() or 'nothing'} in its trailer)"
            )
        return True

    def _end(self) -> bytes:
        """Read on to the end and return the last eight bytes of the file."""
        while self.read(1 << 16):
            pass
        return self._tail
