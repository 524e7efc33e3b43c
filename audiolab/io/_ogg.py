"""The pages of an ogg file: codec, exact length and tags of Vorbis, Opus and ogg flac.

The last page carries the position of its last sample; Opus counts it from `pre-skip` samples before
the sound. Reference: RFC 3533 (pages), RFC 7845 (Opus).
"""

from __future__ import annotations

from dataclasses import dataclass

from audiolab.io._header import Header
from audiolab.io._sources import Source
from audiolab.io._tags import MAX_TAG_BYTES, vorbis_comments

__all__ = ["read_ogg"]

_MAX_PAGE = 27 + 255 + 255 * 255
_MAX_PAGES = 64


@dataclass
class Page:
    """One page: where it lies, what it ends with, and the sizes of its packets' parts."""

    offset: int
    granule: int
    serial: int
    lacing: bytes

    @property
    def body(self) -> int:
        return self.offset + 27 + len(self.lacing)

    @property
    def end(self) -> int:
        return self.body + sum(self.lacing)


def read_ogg(source: Source) -> Header:
    """Read an ogg file's kind (``"opus"`` or ``"ogg"``), number of samples and tags."""
    first = _page(source.read_at(0, _MAX_PAGE), 0)
    header = Header("ogg")
    if first is None:
        header.missing = "its first page is cut"
        return header
    packets = _packets(source, first.serial)
    skip = 0
    if packets and packets[0].startswith(b"OpusHead") and len(packets[0]) >= 12:
        header.container = "opus"
        skip = int.from_bytes(packets[0][10:12], "little")
    if len(packets) > 1:
        for magic in (b"\x03vorbis", b"OpusTags"):
            if packets[1].startswith(magic):
                header.tags = vorbis_comments(packets[1][len(magic) :])
    start = max(0, source.size - 2 * _MAX_PAGE)
    tail = source.read_at(start, source.size - start)
    last: Page | None = None
    at = tail.rfind(b"OggS")
    while at >= 0:
        page = _page(tail[at:], start + at)
        if page is None or page.end > source.size:
            header.missing = "its last page is cut"
        elif page.granule >= 0:
            last = page
            break
        at = tail.rfind(b"OggS", 0, at)
    # Another serial number at the end means several streams, whose lengths would have to be added.
    if last is not None and last.serial == first.serial:
        header.num_samples = max(0, last.granule - skip)
    return header


def _page(data: bytes, offset: int) -> Page | None:
    if len(data) < 27 or not data.startswith(b"OggS") or len(data) < 27 + data[26]:
        return None
    return Page(
        offset=offset,
        granule=int.from_bytes(data[6:14], "little", signed=True),
        serial=int.from_bytes(data[14:18], "little"),
        lacing=data[27 : 27 + data[26]],
    )


def _packets(source: Source, serial: int) -> list[bytes]:
    """Return the first two packets of a stream: its header and its comments."""
    packets: list[bytes] = []
    parts: list[bytes] = []
    collected = 0
    offset = 0
    for _ in range(_MAX_PAGES):
        page = _page(source.read_at(offset, 27 + 255), offset)
        if page is None or collected > MAX_TAG_BYTES:
            break
        offset = page.end
        if page.serial != serial:
            continue
        data = source.read_at(page.body, page.end - page.body)
        position = 0
        for size in page.lacing:
            parts.append(data[position : position + size])
            collected += size
            position += size
            if size < 255:  # a lacing value below 255 ends a packet
                packets.append(b"".join(parts))
                parts = []
                if len(packets) == 2:
                    return packets
    return packets
