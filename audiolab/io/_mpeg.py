"""The first frame of an mp3 file: the exact length where an encoder wrote it down.

An mp3 file is a row of frames with no header of its own. LAME and its heirs put a silent first
frame before them with a ``Xing`` or ``Info`` tag: how many frames follow, how many bytes, and how
many samples of the first and last frame are the encoder's delay and padding. Without it the length
is known only by decoding. Reference: ISO/IEC 11172-3, 2.4.1; LAME's tag specification, revision 1.
"""

from __future__ import annotations

from audiolab.io._header import Header, id3v2_size
from audiolab.io._sources import Source
from audiolab.io._tags import MAX_TAG_BYTES, id3v2_tags

__all__ = ["read_mpeg"]

_SEARCH = 1 << 12
_RATES = (44_100, 48_000, 32_000)
_FRAMES, _BYTES, _TOC, _QUALITY = 1, 2, 4, 8
#: No layer III frame is longer: 320 kbit/s at 32 kHz, padded.
_MAX_FRAME_BYTES = 1441


def read_mpeg(source: Source) -> Header:
    """Read an mp3 file's tags and, from its Xing/LAME tag, its exact number of samples."""
    header = Header("mp3")
    start = id3v2_size(source)
    if start:
        header.tags = id3v2_tags(source.read_at(0, min(start, MAX_TAG_BYTES)))
        if start >= source.size:
            header.missing = f"its ID3 tag promises {start} bytes, the file has {source.size}"
            return header
    data = source.read_at(start, _SEARCH)
    frame = _first_frame(data)
    if frame is None:
        return header
    offset, mpeg1, mono = frame
    tag = offset + 4 + ((17 if mono else 32) if mpeg1 else (9 if mono else 17))
    if data[tag : tag + 4] not in (b"Xing", b"Info") or len(data) < tag + 8:
        return header
    flags = int.from_bytes(data[tag + 4 : tag + 8], "big")
    position = tag + 8
    num_frames = num_bytes = 0
    if flags & _FRAMES:
        num_frames = int.from_bytes(data[position : position + 4], "big")
        position += 4
    if flags & _BYTES:
        num_bytes = int.from_bytes(data[position : position + 4], "big")
        position += 4
    position += (100 if flags & _TOC else 0) + (4 if flags & _QUALITY else 0)
    if num_bytes > source.size - start - offset + _MAX_FRAME_BYTES:
        present = source.size - start - offset
        header.missing = f"its first frame promises {num_bytes} bytes, {present} are there"
    if num_frames:
        samples = num_frames * (1152 if mpeg1 else 576)
        if data[position : position + 4] in (b"LAME", b"Lavf", b"Lavc"):
            gaps = int.from_bytes(data[position + 21 : position + 24], "big")
            samples -= (gaps >> 12) + (gaps & 0xFFF)
        header.num_samples = max(samples, 0)
    return header


def _first_frame(data: bytes) -> tuple[int, bool, bool] | None:
    """Find the first layer III frame: its offset, whether it is MPEG-1, whether it is mono."""
    for offset in range(max(0, len(data) - 3)):
        if data[offset] != 0xFF or data[offset + 1] & 0xE6 != 0xE2:
            continue
        version = data[offset + 1] >> 3 & 3
        bit_rate, rate = data[offset + 2] >> 4, data[offset + 2] >> 2 & 3
        if version != 1 and 0 < bit_rate < 15 and rate < 3:
            return offset, version == 3, data[offset + 3] >> 6 == 3
    return None
