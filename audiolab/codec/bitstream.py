"""The ``.ecdc`` container: header, packed codes, checksum. Bytes and integers, no tensors.

A file is the four bytes ``ECDC``, a version byte, the length of a JSON object (32 bits, big
endian), the object, then segments back to back: a 32-bit float scale where the model normalises,
and the codes. Nothing in the file tells a segment's length; it follows from the number of samples
and the model.

Version 0 is what the EnCodec reference writes and reads, byte for byte. A trailer of eight bytes,
``ecrc`` and the CRC-32 of all bytes before it, may follow; readers that do not know it stop before
it. Version 1 holds codes that were coded by the exact language model, and always has the trailer.

Packed codes take `bits` each, the lowest bit first, frame by frame and codebook by codebook; the
last byte of a segment is filled with zero bits.
"""

from __future__ import annotations

import json
import struct
import zlib
from dataclasses import dataclass
from typing import BinaryIO, Protocol, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "MAGIC",
    "BitPacker",
    "BitUnpacker",
    "BitstreamError",
    "ChecksumReader",
    "ChecksumWriter",
    "Header",
    "pack_bits",
    "read_header",
    "unpack_bits",
]

MAGIC = b"ECDC"
_TRAILER = b"ecrc"
_VERSIONS = (0, 1)
# The reference's headers take 60 bytes. A header can't make a reader allocate more than this.
_MAX_HEADER_BYTES = 4096
_MAX_SAMPLES = 2**48
_MAX_CODEBOOKS = 1024

Value = TypeVar("Value", str, int, bool)


class Readable(Protocol):
    """What a reader needs of a file; pipes and sockets have it too."""

    def read(self, size: int = ..., /) -> bytes:
        """Return at most `size` bytes, none at the end."""
        ...


class BitstreamError(ValueError):
    """The bytes are not an ``.ecdc`` file, or not a whole one."""


@dataclass(frozen=True)
class Header:
    """What an ``.ecdc`` file says about itself.

    Attributes
    ----------
    model : str
        Name of the model, such as ``"encodec_24khz"``.
    num_samples : int
        Samples per channel at the model's rate.
    num_codebooks : int
        Codebooks used, which sets the bandwidth.
    use_lm : bool
        Whether a language model and the arithmetic coder packed the codes.
    version : int
        0 for files that the reference reads, 1 for the exact language model.
    lm_digest : str or None
        Hash of the exact language model, in version 1.
    """

    model: str
    num_samples: int
    num_codebooks: int
    use_lm: bool = False
    version: int = 0
    lm_digest: str | None = None

    def to_bytes(self) -> bytes:
        r"""Write the header.

        Returns
        -------
        bytes
            Magic, version, length and JSON object.

        Examples
        --------
        >>> Header("encodec_24khz", num_samples=640, num_codebooks=2).to_bytes()[:13]
        b'ECDC\x00\x00\x00\x007{"m"'
        """
        fields: dict[str, object] = {
            "m": self.model,
            "al": self.num_samples,
            "nc": self.num_codebooks,
            "lm": self.use_lm,
        }
        if self.lm_digest is not None:
            fields["lh"] = self.lm_digest
        text = json.dumps(fields).encode()
        return MAGIC + struct.pack(">BI", self.version, len(text)) + text


def read_header(file: Readable) -> Header:
    """Read the header and leave `file` at the first segment.

    Parameters
    ----------
    file : binary file
        Open at the first byte.

    Returns
    -------
    Header
        Checked: every field is there, of its type and within sane bounds.

    Raises
    ------
    BitstreamError
        Not an ``.ecdc`` file, an unknown version, or a damaged header.
    """
    start = read_exactly(file, 9, "the header")
    if start[:4] != MAGIC:
        raise BitstreamError(f"not an .ecdc file: it starts with {start[:4]!r}, not {MAGIC!r}")
    version, length = struct.unpack(">BI", start[4:])
    if version not in _VERSIONS:
        raise BitstreamError(
            f"version {version} of .ecdc is not known here (known: 0, 1): a newer audiolab reads it"
        )
    if length > _MAX_HEADER_BYTES:
        raise BitstreamError(f"damaged header: it claims {length} bytes of JSON")
    try:
        fields = json.loads(read_exactly(file, length, "the header"))
    except (ValueError, RecursionError) as error:
        if isinstance(error, BitstreamError):
            raise
        raise BitstreamError(f"damaged header: its JSON can't be read ({error})") from None
    if not isinstance(fields, dict):
        raise BitstreamError(f"damaged header: a JSON object was expected, got {fields!r:.40}")
    return Header(
        model=_field(fields, "m", str),
        num_samples=_field(fields, "al", int, 0, _MAX_SAMPLES),
        num_codebooks=_field(fields, "nc", int, 1, _MAX_CODEBOOKS),
        use_lm=_field(fields, "lm", bool),
        version=version,
        lm_digest=_field(fields, "lh", str) if "lh" in fields else None,
    )


def _field(
    fields: dict[str, object], key: str, kind: type[Value], low: int = 0, high: int = 0
) -> Value:
    value = fields.get(key)
    # bool is an int to Python, but not in a header.
    if type(value) is not kind:
        raise BitstreamError(
            f"damaged header: {key!r} must be of type {kind.__name__}, got {value!r:.40}"
        )
    if isinstance(value, int) and kind is int and not low <= value <= high:
        raise BitstreamError(f"damaged header: {key!r} must be {low} to {high}, got {value}")
    return value


def read_exactly(file: Readable, num_bytes: int, what: str) -> bytes:
    """Return `num_bytes` of `file`, however many reads that takes, or say what is cut short."""
    parts = []
    missing = num_bytes
    while missing:
        # Pipes and sockets hand over what they have; a claimed size is not allocated in advance.
        part = file.read(min(missing, 1 << 20))
        if not part:
            raise BitstreamError(
                f"the file ends within {what}: {num_bytes} bytes were expected, "
                f"{num_bytes - missing} are there"
            )
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


def pack_bits(values: ArrayLike, bits: int = 10) -> bytes:
    """Pack integers, the lowest bit first.

    Parameters
    ----------
    values : array_like
        Integers ``0 <= value < 2^bits``, in any shape; read in C order.
    bits : int, default: 10
        Bits for each, 1 to 32.

    Returns
    -------
    bytes
        ``ceil(n * bits / 8)`` bytes, zero bits filling the last.

    Raises
    ------
    ValueError
        A value does not fit.

    Examples
    --------
    >>> pack_bits([1, 2, 1023, 512]).hex(" ")
    '01 08 f0 3f 80'
    """
    packer = BitPacker(bits)
    return packer.push(values) + packer.finish()


def unpack_bits(data: bytes, count: int, bits: int = 10) -> NDArray[np.int64]:
    """Read back what `pack_bits` wrote.

    Parameters
    ----------
    data : bytes
        Packed integers; bytes after them are not looked at.
    count : int
        How many there are.
    bits : int, default: 10
        Bits for each, 1 to 32.

    Returns
    -------
    ndarray
        Integers ``(count,)``, int64.

    Raises
    ------
    BitstreamError
        `data` is too short.

    Examples
    --------
    >>> unpack_bits(bytes.fromhex("0108f03f80"), 4)
    array([   1,    2, 1023,  512])
    """
    needed = (count * bits + 7) // 8
    if len(data) < needed:
        raise BitstreamError(f"{count} codes of {bits} bits take {needed} bytes, got {len(data)}")
    flat = np.unpackbits(np.frombuffer(data[:needed], dtype=np.uint8), bitorder="little")
    rows = flat[: count * bits].reshape(count, bits).astype(np.int64)
    values: NDArray[np.int64] = rows @ (1 << np.arange(bits, dtype=np.int64))
    return values


class BitPacker:
    """Pack integers that arrive in pieces: the pieces' bytes joined are the whole's bytes.

    Parameters
    ----------
    bits : int, default: 10
        Bits for each integer, 1 to 32.
    """

    def __init__(self, bits: int = 10) -> None:
        if not 1 <= bits <= 32:
            raise ValueError(f"bits must be 1 to 32, got {bits}")
        self._bits = bits
        self._rest = np.zeros(0, dtype=np.uint8)

    def push(self, values: ArrayLike) -> bytes:
        """Append integers and return the bytes that are full.

        Parameters
        ----------
        values : array_like
            Integers ``0 <= value < 2^bits``.

        Returns
        -------
        bytes
            Full bytes; up to seven bits are kept for the next call.

        Raises
        ------
        ValueError
            A value does not fit.
        """
        flat = np.asarray(values, dtype=np.int64).reshape(-1)
        if flat.size and (int(flat.min()) < 0 or int(flat.max()) >= 1 << self._bits):
            raise ValueError(
                f"values must lie in 0..{(1 << self._bits) - 1} to take {self._bits} bits, "
                f"got {int(flat.min())}..{int(flat.max())}"
            )
        bits = (flat[:, None] >> np.arange(self._bits)) & 1
        all_bits = np.concatenate([self._rest, bits.astype(np.uint8).reshape(-1)])
        full = len(all_bits) // 8 * 8
        self._rest = all_bits[full:]
        return np.packbits(all_bits[:full], bitorder="little").tobytes()

    def finish(self) -> bytes:
        """Return the last byte, filled with zero bits, if bits are left.

        Returns
        -------
        bytes
            No byte or one.
        """
        last = np.packbits(self._rest, bitorder="little").tobytes()
        self._rest = self._rest[:0]
        return last


class BitUnpacker:
    """Read packed integers piece by piece from a file, no byte further than needed.

    Parameters
    ----------
    file : binary file
        Open at the first packed byte.
    bits : int, default: 10
        Bits for each integer, 1 to 32.
    """

    def __init__(self, file: Readable, bits: int = 10) -> None:
        self._file = file
        self._bits = bits
        self._rest = np.zeros(0, dtype=np.uint8)

    def pull(self, count: int) -> NDArray[np.int64]:
        """Read the next integers.

        Parameters
        ----------
        count : int
            How many.

        Returns
        -------
        ndarray
            Integers ``(count,)``, int64.

        Raises
        ------
        BitstreamError
            The file ends before.
        """
        wanted = count * self._bits
        missing = (max(wanted - len(self._rest), 0) + 7) // 8
        data = np.frombuffer(read_exactly(self._file, missing, "the codes"), dtype=np.uint8)
        all_bits = np.concatenate([self._rest, np.unpackbits(data, bitorder="little")])
        self._rest = all_bits[wanted:]
        rows = all_bits[:wanted].reshape(count, self._bits).astype(np.int64)
        values: NDArray[np.int64] = rows @ (1 << np.arange(self._bits, dtype=np.int64))
        return values


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
            The checksum is wrong, cut short, or missing though it is required.
        """
        expected = self._crc
        found = self.peek(8)
        if found[:4] != _TRAILER:
            if required:
                raise BitstreamError("the checksum is missing: the file is cut short or altered")
            return False
        if found[4:] != struct.pack(">I", expected):
            raise BitstreamError(
                f"the checksum is wrong: the file was altered (CRC-32 {expected:08x} of its bytes, "
                f"{found[4:].hex() or 'nothing'} in its trailer)"
            )
        return True
