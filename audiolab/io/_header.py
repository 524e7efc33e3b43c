"""What a file says about itself: container, exact length, tags, and whether it is whole.

The engines answer some of this, each in its own way and some only by decoding. The readers here
(one file a container) look at the first and last few kilobytes. They never trust a size that they
read: every access is bounded by the size of the file.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from audiolab.io._sources import Source

__all__ = ["Header", "sniff"]

_PEEK = 512
_ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_MAGIC = (
    (b"fLaC", "flac"),
    (b"OggS", "ogg"),
    (b"caff", "caf"),
    (b".snd", "au"),
    (b"\x1aE\xdf\xa3", "matroska"),
    (b"#!AMR", "amr"),
    (b"NIST_1A", "sphere"),
    (b"riff\x2e\x91", "w64"),
    (_ASF, "asf"),
)


@dataclass
class Header:
    """What was read from a file's structure, without decoding.

    Parameters
    ----------
    container : str
        ``"wav"``, ``"flac"``, ``"mp3"``, ``"ogg"``, ``"opus"``, ``"m4a"``, ``"aac"``, another
        container's name, ``"text"`` or ``"unknown"``.
    num_samples : int or None
        Exact number of samples a channel that the file means to hold, encoder padding taken off;
        ``None`` where the structure does not say.
    clock : int or None
        Ticks a second that `num_samples` counts, where that may differ from the sample rate.
    missing : str or None
        What the structure promises and the file lacks, for a message; ``None`` for a whole file.
    tags : dict
        Title, artist and so on, with lower-case keys.
    """

    container: str
    num_samples: int | None = None
    clock: int | None = None
    missing: str | None = None
    tags: dict[str, str] = field(default_factory=dict)


def sniff(source: Source) -> str:
    """Name the container by its first bytes."""
    head = source.read_at(0, _PEEK)
    if head[:4] in (b"RIFF", b"RIFX", b"RF64") and head[8:12] == b"WAVE":
        return "wav"
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return "aiff"
    if head[4:8] == b"ftyp":
        return "m4a"
    for magic, container in _MAGIC:
        if head.startswith(magic):
            return container
    start = id3v2_size(source)
    if start:
        head = source.read_at(start, 4)
        if head == b"fLaC":
            return "flac"
    if len(head) >= 2 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0:
        # The two layer bits are zero in ADTS and never in MPEG audio.
        return "aac" if head[1] & 0x06 == 0 else "mp3"
    if start:
        return "mp3"
    return "text" if _is_text(head) else "unknown"


def id3v2_size(source: Source) -> int:
    """Return how many bytes of ID3v2 tags stand before the file proper."""
    offset = 0
    for _ in range(8):  # some files carry two tags, none carries nine
        head = source.read_at(offset, 10)
        if len(head) < 10 or not head.startswith(b"ID3"):
            break
        offset += 10 + syncsafe(head[6:10]) + (10 if head[5] & 0x10 else 0)
    return offset


def syncsafe(data: bytes) -> int:
    """Read an ID3v2 number: seven bits a byte."""
    value = 0
    for byte in data:
        value = value << 7 | byte & 0x7F
    return value


def _is_text(head: bytes) -> bool:
    # FFmpeg follows play lists and manifests, which are text, to other files and to the network.
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3:  # more than a character cut in two by the end of the peek
            return False
        text = head[: error.start].decode("utf-8")
    return bool(text) and all(letter.isprintable() or letter.isspace() for letter in text)
