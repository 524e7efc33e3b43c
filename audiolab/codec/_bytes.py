"""Reading bytes from whatever has them, and what is said when they run out."""

from __future__ import annotations

from typing import Protocol

__all__ = ["BitstreamError", "Readable", "read_exactly"]


class Readable(Protocol):
    """What a reader needs of a file; pipes and sockets have it too."""

    def read(self, size: int = ..., /) -> bytes:
        """Return at most `size` bytes, none at the end."""
        ...


class BitstreamError(ValueError):
    """The bytes are not an ``.ecdc`` file, or not a whole one."""


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
