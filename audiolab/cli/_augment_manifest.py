"""The manifest of ``audiolab augment``: what was drawn, for which file, with which checksums.

It is a file of JSON lines. The first has the recipe and the settings of the run, each further one
an output. Lines are appended when their output stands in its place; a last line that was cut short
by a crash is dropped when the file is opened again.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from audiolab._documents import read_document
from audiolab._files import atomic_path
from audiolab.augment import Transform, recipe_from_data
from audiolab.cli._errors import CommandError

__all__ = ["Entry", "Header", "Manifest", "read_manifest", "read_recipe"]

VERSION = 1


@dataclass(frozen=True)
class Header:
    """A recipe and the settings of a run.

    Parameters
    ----------
    recipe : dict
        The recipe, as it was read.
    folder : str
        Where it lies: recordings are named relative to it.
    seed : int
        Seed of the run.
    sample_rate, num_channels
        What inputs are converted to, or None.
    bit_rate, encoding, format, on_clip
        How outputs are written, as for `audiolab.io.save`.
    """

    recipe: dict[str, Any]
    folder: str
    seed: int
    sample_rate: int | None
    num_channels: int | None
    bit_rate: int | None
    encoding: str | None
    format: str | None
    on_clip: str

    def transform(self) -> Transform:
        """Return the recipe's transform."""
        return recipe_from_data(self.recipe, folder=self.folder)


@dataclass(frozen=True)
class Entry:
    """An output.

    Parameters
    ----------
    output : str
        Its path within the folder of outputs, with ``/``.
    source : str
        The file that was read.
    item : str
        What names the file for its seed.
    copy : int
        Number of the copy, from 1.
    sample_rate : int
        Rate in Hz of the output.
    params : dict
        What was drawn.
    source_sha256, output_sha256 : str
        Checksums of both files.
    """

    output: str
    source: str
    item: str
    copy: int
    sample_rate: int
    params: dict[str, Any]
    source_sha256: str
    output_sha256: str


def read_recipe(path: Path) -> tuple[dict[str, Any], str]:
    """Return a recipe that is valid, and the folder that it lies in."""
    data = read_document(path)
    try:
        recipe_from_data(data, folder=path.parent)
    except ValueError as error:
        raise CommandError(f"{path}: {error}") from None
    return data, str(path.parent.resolve())


def read_manifest(path: Path) -> tuple[Header, dict[str, Entry]]:
    """Return a manifest's header, and its entries by output; the last of each counts."""
    header, entries, _ = _read(path)
    return header, entries


def _read(path: Path) -> tuple[Header, dict[str, Entry], int]:
    """Return header, entries, and how many bytes of the file are whole lines."""
    data = path.read_bytes()
    whole = data.rfind(b"\n") + 1
    lines = data[:whole].splitlines()
    try:
        first = json.loads(lines[0]) if lines else {}
        if not isinstance(first, dict) or first.pop("manifest", None) != VERSION:
            raise CommandError(f"{path} is not a manifest of audiolab augment")
        header = Header(**first)
        entries = {}
        for line in lines[1:]:
            entry = Entry(**json.loads(line))
            entries[entry.output] = entry
    except (TypeError, ValueError) as error:
        raise CommandError(f"{path} is not a manifest of audiolab augment: {error}") from None
    return header, entries, whole


class Manifest:
    """A manifest to append to.

    Parameters
    ----------
    path : Path
        Its file; made if there is none.
    header : Header
        The run. A file that is there must have the same one.

    Raises
    ------
    CommandError
        If the file is of another run.
    """

    def __init__(self, path: Path, header: Header) -> None:
        self.entries: dict[str, Entry] = {}
        if path.exists():
            found, self.entries, whole = _read(path)
            if found != header:
                raise CommandError(
                    f"{path} is the manifest of another run ({_difference(found, header)}): "
                    "name another --out or --manifest"
                )
            if whole < path.stat().st_size:
                with path.open("r+b") as file:
                    file.truncate(whole)
        else:
            with atomic_path(path) as temporary:
                temporary.write_text(_line({"manifest": VERSION, **asdict(header)}))
        self._file = path.open("a", encoding="utf-8")

    def add(self, entry: Entry) -> None:
        """Append an output, in one write."""
        self._file.write(_line(asdict(entry)))
        self._file.flush()
        self.entries[entry.output] = entry

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _line(content: dict[str, Any]) -> str:
    return json.dumps(content, allow_nan=False) + "\n"


def _difference(found: Header, wanted: Header) -> str:
    one, other = asdict(found), asdict(wanted)
    return ", ".join(f"{name} differs" for name in one if one[name] != other[name])
