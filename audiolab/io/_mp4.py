"""The boxes of an mp4 or m4a file: its exact length, its tags, and whether a box is cut.

AAC starts with a frame of the encoder's own (its priming) and ends with a part-filled one. The
track's duration counts samples from the first frame on, and the edit list says where the sound
begins, so that their difference is the length that went in. Reference: ISO/IEC 14496-12, 8.4 and
8.6; the ``ilst`` tags are Apple's.
"""

from __future__ import annotations

from collections.abc import Iterator

from audiolab.io._header import Header
from audiolab.io._sources import Source
from audiolab.io._tags import MAX_TAG_BYTES, clean

__all__ = ["read_mp4"]

_MAX_BOXES = 4096
_MAX_MOOV = 1 << 26
_NAMES = {
    b"\xa9nam": "title",
    b"\xa9ART": "artist",
    b"\xa9alb": "album",
    b"\xa9day": "date",
    b"\xa9gen": "genre",
    b"\xa9cmt": "comment",
    b"\xa9wrt": "composer",
    b"\xa9too": "encoder",
    b"aART": "albumartist",
}


def read_mp4(source: Source) -> Header:
    """Read an mp4 file's audio length, tags and completeness."""
    header = Header("m4a")
    offset = 0
    moov = b""
    for _ in range(_MAX_BOXES):
        head = source.read_at(offset, 16)
        if len(head) < 8:
            break
        size, name = int.from_bytes(head[:4], "big"), head[4:8]
        start = 8
        if size == 1:
            size, start = int.from_bytes(head[8:16], "big"), 16
        elif size == 0:
            size = source.size - offset
        if size < start:
            break
        if offset + size > source.size:
            box = name.decode("latin-1")
            lacking = offset + size - source.size
            header.missing = f"its {box!r} part is {lacking} bytes longer than the file"
        if name == b"moov" and size <= _MAX_MOOV:
            moov = source.read_at(offset + start, size - start)
        offset += size
    if not moov:
        header.missing = header.missing or "its index ('moov') is not there"
        return header
    header.num_samples, header.clock = _audio_length(moov)
    for items in _find(moov, (b"udta", b"meta", b"ilst")):
        header.tags.update(_tags(items[:MAX_TAG_BYTES]))
    return header


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the name and the body of each box in `data`."""
    offset = 0
    for _ in range(_MAX_BOXES):
        if offset + 8 > len(data):
            return
        size, name = int.from_bytes(data[offset : offset + 4], "big"), data[offset + 4 : offset + 8]
        if size < 8:
            return
        body = data[offset + 8 : offset + size]
        # 'meta' opens with a version and flags, except where QuickTime wrote it.
        yield name, body[4:] if name == b"meta" and body[4:8] != b"hdlr" else body
        offset += size


def _find(data: bytes, path: tuple[bytes, ...]) -> Iterator[bytes]:
    """Yield the bodies of all boxes at `path`."""
    for name, body in _boxes(data):
        if name == path[0]:
            if len(path) == 1:
                yield body
            else:
                yield from _find(body, path[1:])


def _audio_length(moov: bytes) -> tuple[int | None, int | None]:
    """Return length and clock of the only sound track; no length if there are several or edits."""
    tracks = [
        track
        for track in _find(moov, (b"trak",))
        if any(body[8:12] == b"soun" for body in _find(track, (b"mdia", b"hdlr")))
    ]
    if len(tracks) != 1:
        return None, None
    media = next(_find(tracks[0], (b"mdia", b"mdhd")), b"")
    if len(media) < (32 if media[:1] == b"\1" else 20):
        return None, None
    wide = media[0] == 1
    clock = int.from_bytes(media[20:24] if wide else media[12:16], "big")
    duration = int.from_bytes(media[24:32] if wide else media[16:20], "big")
    skip = 0
    edits = next(_find(tracks[0], (b"edts", b"elst")), b"")
    if len(edits) >= 16:
        if int.from_bytes(edits[4:8], "big") != 1:
            return None, clock
        wide = edits[0] == 1
        skip = int.from_bytes(edits[16:24] if wide else edits[12:16], "big", signed=True)
    return (duration - skip if 0 <= skip <= duration else None), clock


def _tags(items: bytes) -> dict[str, str]:
    tags: dict[str, str] = {}
    for name, body in _boxes(items):
        for kind, value in _boxes(body):
            if kind != b"data" or len(value) < 8:
                continue
            if name in _NAMES:
                tags.setdefault(_NAMES[name], clean(value[8:].decode("utf-8", "replace")))
            elif name == b"trkn" and len(value) >= 12:
                tags.setdefault("tracknumber", str(int.from_bytes(value[10:12], "big")))
    return tags
