"""Tags in the three notations that audio files share: ID3v2 frames, Vorbis comments, RIFF INFO.

Names come out in lower case, the usual ones as Vorbis spells them: title, artist, album, date,
tracknumber, genre, comment, encoder. Pictures and other binary tags are left out. A damaged tag is
skipped, never an error: it says nothing about the sound.
"""

from __future__ import annotations

import struct

from audiolab.io._header import syncsafe

__all__ = ["MAX_TAG_BYTES", "clean", "id3v2_tags", "riff_info_tags", "vorbis_comments"]

#: Tags are read from at most this many bytes; what is longer holds pictures.
MAX_TAG_BYTES = 1 << 20
_MAX_TEXT = 1 << 12

_ID3_NAMES = {
    "TIT2": "title", "TT2": "title",
    "TPE1": "artist", "TP1": "artist",
    "TALB": "album", "TAL": "album",
    "TDRC": "date", "TYER": "date", "TYE": "date",
    "TRCK": "tracknumber", "TRK": "tracknumber",
    "TCON": "genre", "TCO": "genre",
    "TCOM": "composer", "TCM": "composer",
    "TPE2": "albumartist", "TP2": "albumartist",
    "TSSE": "encoder", "TSS": "encoder",
    "COMM": "comment", "COM": "comment",
}  # fmt: skip
_INFO_NAMES = {
    b"INAM": "title",
    b"IART": "artist",
    b"IPRD": "album",
    b"ICRD": "date",
    b"ITRK": "tracknumber",
    b"IGNR": "genre",
    b"ICMT": "comment",
    b"ISFT": "encoder",
    b"ICOP": "copyright",
}
_ENCODINGS = ("latin-1", "utf-16", "utf-16-be", "utf-8")


def clean(text: str) -> str:
    """Cut a tag's text at its terminator and to a sane length, and strip it."""
    return text.partition("\0")[0].strip("\ufeff \t\r\n")[:_MAX_TEXT]


def vorbis_comments(data: bytes) -> dict[str, str]:
    """Read a Vorbis comment block (flac, ogg, opus): a vendor string, then ``NAME=value`` items."""
    tags: dict[str, str] = {}
    try:
        offset = 4 + struct.unpack_from("<I", data, 0)[0]
        (count,) = struct.unpack_from("<I", data, offset)
        offset += 4
        for _ in range(count):
            (size,) = struct.unpack_from("<I", data, offset)
            offset += 4
            if offset + size > len(data):
                break
            name, _, value = data[offset : offset + size].decode("utf-8", "replace").partition("=")
            offset += size
            if value and name.lower() != "metadata_block_picture":
                tags.setdefault(name.lower(), clean(value))
    except struct.error:
        pass
    return tags


def id3v2_tags(data: bytes) -> dict[str, str]:
    """Read the text frames of an ID3v2.2, 2.3 or 2.4 tag."""
    tags: dict[str, str] = {}
    if len(data) < 10:
        return tags
    version = data[3]
    name_size, head_size = (3, 6) if version == 2 else (4, 10)
    offset = 10
    end = min(len(data), 10 + syncsafe(data[6:10]))
    if data[5] & 0x40 and version >= 3:  # an extended header stands first
        extended = data[10:14]
        offset += syncsafe(extended) if version == 4 else 4 + int.from_bytes(extended, "big")
    while offset + head_size <= end:
        name = data[offset : offset + name_size].decode("latin-1")
        raw = data[offset + name_size : offset + (6 if version == 2 else 8)]
        size = syncsafe(raw) if version == 4 else int.from_bytes(raw, "big")
        body = data[offset + head_size : min(end, offset + head_size + size)]
        offset += head_size + size
        if size <= 0 or not name.strip("\0"):
            break
        if name in _ID3_NAMES and body:
            text = _id3_text(body, skip_description=name.startswith("COM"))
            if text:
                tags.setdefault(_ID3_NAMES[name], text)
    return tags


def _id3_text(body: bytes, *, skip_description: bool) -> str:
    encoding = _ENCODINGS[body[0]] if body[0] < len(_ENCODINGS) else "latin-1"
    # A comment opens with three letters of language, then a description that ends in a zero.
    payload = body[4:] if skip_description else body[1:]
    text = payload.decode(encoding, "replace")
    return clean(text.partition("\0")[2] if skip_description else text)


def riff_info_tags(data: bytes) -> dict[str, str]:
    """Read the body of a RIFF ``LIST INFO`` chunk."""
    tags: dict[str, str] = {}
    offset = 0
    while offset + 8 <= len(data):
        name = data[offset : offset + 4]
        size = int.from_bytes(data[offset + 4 : offset + 8], "little")
        text = clean(data[offset + 8 : offset + 8 + size].decode("utf-8", "replace"))
        if text and name in _INFO_NAMES:
            tags.setdefault(_INFO_NAMES[name], text)
        offset += 8 + size + size % 2
    return tags
