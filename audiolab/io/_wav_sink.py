"""Writing wav: the header is ours, so that the bytes depend on the samples and on nothing else.

libsndfile stamps the time into float files (its ``PEAK`` chunk), scales 16-bit samples by 32767 on
the way out and by 32768 on the way in, and stops at 4 GiB. Here samples are scaled by
``2**(bits - 1)`` both ways and rounded to the nearest step, so that what was loaded is stored
unchanged; and a file beyond 4 GiB becomes RF64. Reference: EBU Tech 3306; Microsoft's
WAVEFORMATEXTENSIBLE for more than two channels.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

import numpy as np
import torch

__all__ = ["PCM_BITS", "WavSink", "to_integers"]

#: Bits a sample of the integer encodings.
PCM_BITS = {"pcm_s16": 16, "pcm_s24": 24, "pcm_s32": 32}
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
# The tail of every WAVEFORMATEXTENSIBLE sub-format identifier.
_GUID = bytes.fromhex("000000001000800000aa00389b71")
_JUNK = b"JUNK" + struct.pack("<I", 28) + bytes(28)
_LIMIT = 2**32 - 1
_CHUNK = 1 << 16


def to_integers(samples: torch.Tensor, bits: int) -> torch.Tensor:
    """Round samples in [-1, 1] to `bits`-bit integers: nearest step, ties to even, no dither.

    Full scale is ``2**(bits - 1)``; +1.0 itself has no integer and becomes the one below.
    """
    full = 2.0 ** (bits - 1)
    # float32 has 24 bits: for 32-bit integers the scaled value and its limit need more.
    scaled = (samples.double() if bits == 32 else samples) * full
    return scaled.round_().clamp_(-full, full - 1).to(torch.int32)


class WavSink:
    """A wav file that is being written.

    Parameters
    ----------
    file : binary file
        Where to write; it must be able to seek.
    sample_rate, num_channels : int
        Rate in Hz, channels.
    encoding : str
        A key of `PCM_BITS`, or ``"float32"``.
    growing : bool
        Whether the length isn't known yet: room is left for the header to become RF64's.
    """

    def __init__(
        self, file: BinaryIO, sample_rate: int, num_channels: int, encoding: str, *, growing: bool
    ) -> None:
        self._file = file
        self._rate, self._channels, self._encoding = sample_rate, num_channels, encoding
        self._width = PCM_BITS.get(encoding, 32) // 8
        self._growing = growing
        self._count = 0
        self._file.write(self._head())

    def write(self, samples: torch.Tensor) -> None:
        """Append samples ``(channels, time)``."""
        for part in torch.split(samples, _CHUNK, dim=1):
            self._file.write(self._packed(part))
        self._count += samples.shape[1]

    def close(self) -> None:
        """Write the padding byte and the final header."""
        if self._count * self._channels * self._width % 2:
            self._file.write(b"\0")
        self._file.seek(0)
        self._file.write(self._head())

    def _packed(self, part: torch.Tensor) -> bytes:
        if self._encoding == "float32":
            return part.T.float().numpy().astype("<f4").tobytes()
        integers = to_integers(part.T.contiguous(), 8 * self._width).numpy()
        if self._width == 2:
            return integers.astype("<i2").tobytes()
        data = integers.astype("<i4").tobytes()
        if self._width == 4:
            return data
        return np.frombuffer(data, np.uint8).reshape(-1, 4)[:, :3].tobytes()

    def _head(self) -> bytes:
        frame = self._channels * self._width
        size = self._count * frame
        tag = _FLOAT if self._encoding == "float32" else _PCM
        extensible = self._channels > 2
        fmt = struct.pack(
            "<HHIIHH",
            _EXTENSIBLE if extensible else tag,
            self._channels,
            self._rate,
            min(self._rate * frame, _LIMIT),
            frame,
            8 * self._width,
        )
        if extensible:  # no speaker is named: a tensor doesn't say which channel is which
            fmt += struct.pack("<HHIH", 22, 8 * self._width, 0, tag) + _GUID
        body = _chunk(b"fmt ", fmt)
        if tag == _FLOAT:
            body += _chunk(b"fact", struct.pack("<I", min(self._count, _LIMIT)))
        room = len(_JUNK) if self._growing else 0
        riff = 4 + room + len(body) + 8 + size + size % 2
        if riff <= _LIMIT:
            start = b"RIFF" + struct.pack("<I", riff) + b"WAVE" + (_JUNK if room else b"")
            return start + body + b"data" + struct.pack("<I", size)
        sizes = struct.pack("<QQQI", riff, size, self._count, 0)
        start = b"RF64" + struct.pack("<I", _LIMIT) + b"WAVE" + _chunk(b"ds64", sizes)
        return start + body + b"data" + struct.pack("<I", _LIMIT)


def _chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<I", len(data)) + data
