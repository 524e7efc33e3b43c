"""The metadata blocks of a flac file: its length and its Vorbis comments.

Reference: RFC 9639, section 8.
"""

from __future__ import annotations

from audiolab.io._header import Header, id3v2_size
from audiolab.io._sources import Source
from audiolab.io._tags import MAX_TAG_BYTES, vorbis_comments

__all__ = ["read_flac"]

_STREAMINFO, _COMMENT = 0, 4
_MAX_BLOCKS = 128


def read_flac(source: Source) -> Header:
    """Read a flac file's number of samples (0 means that it does not say) and tags."""
    header = Header("flac")
    offset = id3v2_size(source) + 4
    for _ in range(_MAX_BLOCKS):
        head = source.read_at(offset, 4)
        if len(head) < 4:
            header.missing = "it ends within its header"
            break
        kind, size = head[0] & 0x7F, int.from_bytes(head[1:], "big")
        if kind == _STREAMINFO:
            info = source.read_at(offset + 4, 34)
            # 36 bits, after 20 bits of rate, 3 of channels and 5 of depth.
            header.num_samples = (int.from_bytes(info[10:18], "big") & (1 << 36) - 1) or None
        elif kind == _COMMENT:
            body = source.read_at(offset + 4, min(size, MAX_TAG_BYTES))
            header.tags = header.tags or vorbis_comments(body)
        offset += 4 + size
        if head[0] & 0x80:
            break
    return header
