"""Checkpoints of a run: written whole or not at all, counted, and read without running code.

A run's folder holds ``checkpoints/step_00001000.pt`` and so on, of which the last few and the best
are kept. The newest is the one whose name counts highest; a process that dies while it writes
leaves the one before. Files are read with ``weights_only=True``.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from audiolab._files import atomic_path
from audiolab.codec.checkpoint import CheckpointError

__all__ = ["CheckpointError", "Checkpoints", "read_checkpoint"]

_NAME = re.compile(r"step_(\d{8,})\.pt")


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint's tensors and plain values.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    dict
        What `Checkpoints.save` was given.

    Raises
    ------
    CheckpointError
        The file is damaged, or holds more than tensors and plain values.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise CheckpointError(
            f"{path} holds more than tensors and plain values: not opened, it may run code"
        ) from None
    except OSError:
        raise
    except Exception as error:
        # What a damaged file makes the reader raise is not its to promise.
        raise CheckpointError(f"{path} can't be read: cut short or damaged ({error})") from None
    if not isinstance(content, dict) or not isinstance(content.get("step"), int):
        raise CheckpointError(f"{path} is not a checkpoint of a training run")
    return content


class Checkpoints:
    """The checkpoints in a run's folder.

    Parameters
    ----------
    folder : Path
        Where they lie; made if it is missing.
    keep : int
        How many of the last to keep.
    """

    def __init__(self, folder: Path, keep: int) -> None:
        self.folder = folder
        self.keep = keep
        folder.mkdir(parents=True, exist_ok=True)

    def paths(self) -> list[Path]:
        """Return the files, oldest first.

        Returns
        -------
        list of Path
            In the order of their steps.
        """
        found = [path for path in self.folder.iterdir() if _NAME.fullmatch(path.name)]
        return sorted(found, key=_step)

    def save(self, content: Mapping[str, Any], *, best: int | None = None) -> Path:
        """Write a checkpoint and remove those that are too many.

        Parameters
        ----------
        content : mapping
            Tensors and plain values, with ``"step"``.
        best : int, optional
            Step of a checkpoint to keep however old.

        Returns
        -------
        Path
            The file.
        """
        path = self.folder / f"step_{content['step']:08d}.pt"
        with atomic_path(path, overwrite=True) as temporary:
            torch.save(dict(content), temporary)
        for old in self.paths()[: -self.keep]:
            if _step(old) != best:
                old.unlink()
        return path

    def newest(self) -> Path | None:
        """Return the checkpoint to go on from.

        Returns
        -------
        Path or None
            None if there is none.
        """
        found = self.paths()
        return found[-1] if found else None


def _step(path: Path) -> int:
    match = _NAME.fullmatch(path.name)
    assert match is not None
    return int(match[1])
