"""The chunks of a wav file: RIFF, its big-endian twin RIFX, and RF64 beyond 4 GiB.

Reference: EBU Tech 3306 (RF64). What the samples are is soundfile's business; read here are the
size that the ``data`` chunk promises and the ``LIST INFO`` tags.
"""

from __future__ import annotations

from typing import Literal

from audiolab.io._header import Header
from audiolab.io._sources import Source
from audiolab.io._tags import MAX_TAG_BYTES, riff_info_tags

__all__ = ["read_riff"]

# Sizes that programs write when they stream into a pipe and can't come back: FFmpeg, sox, espeak.
_STREAMED = {0, 0x7FFFF000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF}
_MAX_CHUNKS = 1024


def read_riff(source: Source) -> Header:
    """Read a wav file's header: what it promises, what it lacks, and its tags."""
    header = Header("wav", missing="it ends before its samples")
    order: Literal["big", "little"] = "big" if source.read_at(0, 4) == b"RIFX" else "little"
    offset = 12
    long_size: int | None = None
    for _ in range(_MAX_CHUNKS):
        head = source.read_at(offset, 8)
        if len(head) < 8:
            break
        name, size = head[:4], int.from_bytes(head[4:], order)
        if name == b"ds64":
            long_size = int.from_bytes(source.read_at(offset + 16, 8), "little")
        elif name == b"data":
            header.missing = None
            if size == 0xFFFFFFFF and long_size is not None:
                size = long_size
            present = source.size - offset - 8
            if size > present:
                if size not in _STREAMED:
                    header.missing = (
                        f"its header promises {size} bytes of samples, {present} follow"
                    )
                break
            if size == 0:
                break
        elif name == b"LIST" and source.read_at(offset + 8, 4) == b"INFO":
            body = source.read_at(offset + 12, min(size - 4, MAX_TAG_BYTES))
            header.tags.update(riff_info_tags(body))
        offset += 8 + size + size % 2
    return header
