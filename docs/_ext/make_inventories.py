"""Write the stub inventories of docs/_inventories from its names.txt.

``python docs/_ext/make_inventories.py``. A full inventory comes from the network and changes under
our feet. These hold the few names of other projects that our pages link to, so that intersphinx and
the links inside code blocks work offline, and the diff of names.txt shows what changed.
"""

from __future__ import annotations

import zlib
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "_inventories"


def read_names(text: str) -> dict[str, list[str]]:
    """Read names.txt.

    Parameters
    ----------
    text : str
        ``[project]`` headings, then lines of a page, a kind of object, and names; ``$`` in a page
        stands for the name.

    Returns
    -------
    dict
        For each project the sorted lines of its inventory.
    """
    projects: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line.startswith("["):
            rows = projects.setdefault(line.strip("[]"), [])
        elif line.strip() and not line.startswith("#"):
            page, kind, *names = line.split()
            rows += [f"{name} py:{kind} 1 {page.replace('$', name)}#{name} -\n" for name in names]
    return {project: sorted(rows) for project, rows in projects.items()}


def inventory(project: str, rows: list[str]) -> bytes:
    """Return a Sphinx inventory, version 2.

    Parameters
    ----------
    project : str
        Its name.
    rows : list of str
        Its lines.

    Returns
    -------
    bytes
        The file.
    """
    head = (
        "# Sphinx inventory version 2\n"
        f"# Project: {project}\n"
        "# Version: \n"
        "# The remainder of this file is compressed using zlib.\n"
    )
    return head.encode() + zlib.compress("".join(rows).encode(), 9)


def main() -> None:
    """Write every inventory."""
    for project, rows in read_names((FOLDER / "names.txt").read_text(encoding="utf-8")).items():
        (FOLDER / f"{project}.inv").write_bytes(inventory(project, rows))


if __name__ == "__main__":
    main()
