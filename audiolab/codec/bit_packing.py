"""Integers of a few bits each, packed without gaps: how ``.ecdc`` files hold codes.

Each takes `bits`, the lowest bit first; the last byte is filled with zero bits. Bytes and integers,
no tensors.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from audiolab.codec._bytes import BitstreamError, Readable, read_exactly

__all__ = ["BitPacker", "BitUnpacker", "pack_bits", "unpack_bits"]


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
