"""Published checkpoints: where they lie, how they are fetched, and that they are the right ones.

A file's name holds the first eight digits of its SHA-256. They are compared after a download, and
again at every load, since a file may be altered where it lies. A download that breaks off goes on
where it stopped.
"""

from __future__ import annotations

import hashlib
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import torch

__all__ = ["CHECKPOINTS", "CheckpointError", "Progress", "cached_path", "check_hash", "download"]

#: Called with the bytes that are there and the bytes in all.
Progress: TypeAlias = Callable[[int, int], None]

BASE_URL = "https://dl.fbaipublicfiles.com/encodec/v0/"
#: The published checkpoints.
CHECKPOINTS = {
    "encodec_24khz": "encodec_24khz-d7cc33bc.th",
    "encodec_48khz": "encodec_48khz-7e698e3e.th",
}
_CHUNK = 1 << 20


class CheckpointError(ValueError):
    """A checkpoint is missing, damaged, or another model's."""


def cached_path(name: str) -> Path:
    """Return where a published model's checkpoint lies, or would.

    Parameters
    ----------
    name : str
        A published model's name.

    Returns
    -------
    Path
        In torch's cache, as the original package has it.
    """
    return Path(torch.hub.get_dir()) / "checkpoints" / CHECKPOINTS[name]


def download(name: str, *, progress: Progress | None = None) -> Path:
    """Download a published checkpoint, unless it is there.

    Parameters
    ----------
    name : str
        A published model's name.
    progress : callable, optional
        Called with the bytes that are there and the bytes in all.

    Returns
    -------
    Path
        The file, its hash checked.

    Raises
    ------
    CheckpointError
        It can't be had.
    """
    if name not in CHECKPOINTS:
        raise CheckpointError(f"no checkpoint {name!r}: known are {', '.join(CHECKPOINTS)}")
    target = cached_path(name)
    if not target.is_file():
        _download(BASE_URL + target.name, target, progress)
    check_hash(target)
    return target


def published(file_name: str, *, may_download: bool = True) -> Path:
    """Return a file of the original publisher in torch's cache, its hash checked.

    Parameters
    ----------
    file_name : str
        Its published name, which ends in the first digits of its SHA-256.
    may_download : bool, default: True
        Whether a missing file may be downloaded.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    CheckpointError
        It can't be had, or is another file.
    """
    target = Path(torch.hub.get_dir()) / "checkpoints" / file_name
    if not target.is_file():
        if not may_download:
            raise CheckpointError(where_to_put(target))
        _download(BASE_URL + file_name, target, None)
    check_hash(target)
    return target


def _download(url: str, target: Path, progress: Progress | None) -> None:
    """Fetch `url`, going on where an earlier attempt stopped; the hash decides before it counts."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    try:
        _fetch(url, part, progress)
    except OSError as error:  # URLError and HTTPError are ones
        reason = getattr(error, "reason", error)
        raise CheckpointError(f"can't download {url} ({reason}). {where_to_put(target)}") from None
    found, wanted = _sha256(part), _hash_in_name(target)
    if not found.startswith(wanted):
        part.unlink()
        raise CheckpointError(
            f"{url} came damaged: its SHA-256 starts with {found[:8]}, not {wanted}. Try again"
        )
    part.replace(target)


def _fetch(url: str, part: Path, progress: Progress | None) -> None:
    have = part.stat().st_size if part.exists() else 0
    # The address is this module's own, so its scheme needs no checking.
    request = urllib.request.Request(  # noqa: S310
        url, headers={"Range": f"bytes={have}-"} if have else {}
    )
    try:
        response = urllib.request.urlopen(request, timeout=30)  # noqa: S310
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416 and have:  # all of it is there already
            return
        raise
    with response:
        if response.status != 206:
            have = 0  # the server does not resume
        total = have + int(response.headers.get("Content-Length") or 0)
        with part.open("ab" if have else "wb") as file:
            while chunk := response.read(_CHUNK):
                file.write(chunk)
                have += len(chunk)
                if progress is not None:
                    progress(have, total)
    if have < total:
        raise OSError(f"the connection ended after {have} of {total} bytes; try again to go on")


def check_hash(path: Path) -> None:
    found, wanted = _sha256(path), _hash_in_name(path)
    if not found.startswith(wanted):
        raise CheckpointError(
            f"{path} is not the published checkpoint: its SHA-256 starts with {found[:8]}, not "
            f"{wanted}. Delete it to have it downloaded; load your own weights by their path"
        )


def _hash_in_name(path: Path) -> str:
    return path.stem.rsplit("-", 1)[1]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def where_to_put(path: Path) -> str:
    return f"Without a network, put the file {BASE_URL}{path.name} at {path}"
