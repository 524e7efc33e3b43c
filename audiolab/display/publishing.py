"""Where a player's files go: into the page itself, or to a publisher that the page's builder set.

A notebook has nowhere to put files: sounds and pictures become ``data:`` addresses in its output. A
documentation build keeps pages small instead: it sets a publisher, a callable that stores bytes and
answers with the address that the page shall use. `docs/_ext/audiolab_player.py` is one.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from typing import TypeAlias

__all__ = ["Publisher", "address_of", "publisher", "set_publisher"]

#: Takes a file's bytes and its suffix (``".flac"``, ``".png"``) and returns its address.
Publisher: TypeAlias = Callable[[bytes, str], str]

_MEDIA_TYPES = {".flac": "audio/flac", ".png": "image/png"}
_publisher: Publisher | None = None


def set_publisher(publisher: Publisher | None) -> Publisher | None:
    """Choose where the files of players go from now on.

    With a publisher, a player's HTML refers to files and holds neither script nor style sheet: the
    builder of the pages links ``player.js`` and ``player.css`` of `assets_path` itself.

    Parameters
    ----------
    publisher : callable or None
        Takes a file's bytes and its suffix, stores them, and returns the address for the page.
        ``None`` puts everything inline again.

    Returns
    -------
    callable or None
        The publisher before.

    Examples
    --------
    >>> set_publisher(lambda data, suffix: f"sounds/{len(data)}{suffix}")
    >>> previous = set_publisher(None)
    >>> previous(b"abc", ".flac")
    'sounds/3.flac'
    """
    global _publisher
    previous, _publisher = _publisher, publisher
    return previous


def publisher() -> Publisher | None:
    """Return the publisher that is set, if there is one."""
    return _publisher


def address_of(data: bytes, suffix: str, publish: Publisher | None) -> str:
    """Return the address of a file: what `publish` answers, or the file itself as ``data:``."""
    if publish is not None:
        return publish(data, suffix)
    return f"data:{_MEDIA_TYPES[suffix]};base64,{b64encode(data).decode('ascii')}"
