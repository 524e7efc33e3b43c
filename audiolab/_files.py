"""Files are written whole or not at all, and never replaced unasked."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from audiolab._typing import FilePath

__all__ = ["atomic_path", "check_writable"]


def check_writable(path: FilePath, *, overwrite: bool) -> Path:
    """Return `path` as a Path if a file may be written there, else raise before any work is done.

    Raises
    ------
    FileExistsError
        Something is there already and `overwrite` is false.
    FileNotFoundError
        The folder is missing.
    IsADirectoryError
        The path is a folder.
    OSError
        The path is a device or a pipe, which replacing would take away.
    """
    target = Path(path)
    if target.is_dir():
        raise IsADirectoryError(f"{target} is a folder: name a file in it")
    if target.exists() and not target.is_file():
        raise OSError(f"{target} is a device or a pipe, not a file that could be replaced")
    if not target.parent.is_dir():
        raise FileNotFoundError(
            f"the folder {target.parent} does not exist: create it to write {target}"
        )
    if not overwrite and os.path.lexists(target):
        raise FileExistsError(f"{target} exists already: pass overwrite=True (-f) to replace it")
    return target


@contextmanager
def atomic_path(path: FilePath, *, overwrite: bool = False) -> Iterator[Path]:
    """Yield a temporary path beside `path` that takes its place when the block ends well.

    The temporary name keeps the suffix, since encoders choose their container by it. When the block
    raises, nothing is left behind and what stood at `path` before stands there still.
    """
    target = check_writable(path, overwrite=overwrite)
    # A link is followed: its target is replaced, not the link.
    final = target.resolve() if overwrite else target
    handle, name = tempfile.mkstemp(prefix=f".{final.stem}-", suffix=final.suffix, dir=final.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        mode = final.stat().st_mode & 0o777 if final.exists() else 0o666 & ~_umask()
        temporary.chmod(mode)
        if overwrite:
            temporary.replace(final)
        else:
            _publish_new(temporary, final)
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


def _publish_new(temporary: Path, final: Path) -> None:
    """Give `temporary` its final name, losing to whoever created that name in the meantime."""
    try:
        os.link(temporary, final)  # fails where the name exists; rename would replace it
    except FileExistsError:
        raise FileExistsError(f"{final} appeared while it was being written") from None
    except OSError:  # a file system without hard links
        if os.path.lexists(final):
            raise FileExistsError(f"{final} appeared while it was being written") from None
        temporary.replace(final)


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
