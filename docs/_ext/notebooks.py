"""Write ``notebooks/`` from ``examples/``: same cells, reST as Markdown, the same bytes every time.

``python docs/_ext/notebooks.py`` writes, ``--check`` only compares and fails where a notebook is
out of date. jupytext finds the cells; `rest_to_markdown` converts a whole page at once,
so that headings nest and footnotes resolve over cell borders; this module adds the first cell, sets
hidden asserts apart, and names cells by position and content. Outputs are left out: a reader makes
them by running the notebook, and nbmake does so in tests.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from rest_to_markdown import ConversionError, convert_cells

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
NOTEBOOKS = ROOT / "notebooks"

_CONFIG = re.compile(r"^[ \t]*#\s*sphinx_gallery_(?!start_ignore|end_ignore)\w+.*\n?", re.MULTILINE)
_HIDDEN = re.compile(
    r"^# sphinx_gallery_start_ignore\n(?P<code>.*?)^# sphinx_gallery_end_ignore\n?",
    re.MULTILINE | re.DOTALL,
)
#: Tools read the tag (Jupyter Book, nbmake reports), JupyterLab folds the cell by the flag.
_HIDDEN_METADATA = {"tags": ["hide-input"], "jupyter": {"source_hidden": True}}


def scripts() -> list[Path]:
    """List the gallery's scripts.

    Returns
    -------
    list of Path
        Every ``examples/<subject>/<page>.py``, sorted.
    """
    return sorted(EXAMPLES.glob("*/*.py"))


def notebook_path(script: Path, folder: Path = NOTEBOOKS) -> Path:
    """Say where a script's notebook lies.

    Parameters
    ----------
    script : Path
        A file under ``examples/``.
    folder : Path
        The root of the notebooks.

    Returns
    -------
    Path
        The same place under `folder`.
    """
    return folder / script.relative_to(EXAMPLES).with_suffix(".ipynb")


def notebook_text(script: Path) -> str:
    """Build a page's notebook.

    Parameters
    ----------
    script : Path
        A file under ``examples/`` with ``# %% [markdown]`` and bare ``# %%`` cells.

    Returns
    -------
    str
        nbformat 4.5 JSON, the same bytes for the same script.

    Raises
    ------
    ConversionError
        If the script uses something that a notebook can't show.
    """
    source = script.read_text(encoding="utf-8")
    try:
        return _build(source, script.relative_to(EXAMPLES).as_posix())
    except ConversionError as error:
        raise ConversionError(f"{script.relative_to(ROOT)}: {error}") from error


def _build(source: str, name: str) -> str:
    _check_spelling(source)
    parsed = jupytext.reads(source, fmt="py:percent").cells
    prose = iter(convert_cells([cell.source for cell in parsed if cell.cell_type == "markdown"]))
    cells = [nbformat.v4.new_markdown_cell(_first_cell(name))]
    for cell in parsed:
        if cell.cell_type == "markdown":
            cells.append(nbformat.v4.new_markdown_cell(next(prose)))
        else:
            cells += _code_cells(cell)
    for index, cell in enumerate(cells):
        digest = hashlib.sha256(cell.source.encode()).hexdigest()[:10]
        cell["id"] = f"{index:03d}-{digest}"
    notebook = nbformat.v4.new_notebook(
        cells=cells,
        metadata={
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
    )
    notebook["nbformat_minor"] = 5
    nbformat.validate(notebook)
    text: str = nbformat.writes(notebook)
    return text.rstrip("\n") + "\n"


def _check_spelling(source: str) -> None:
    """Refuse what sphinx-gallery and jupytext would read differently."""
    lines = source.splitlines()
    if not lines or lines[0] != "# %% [markdown]":
        raise ConversionError("line 1: start with `# %% [markdown]` and the docstring")
    docstring = ast.get_docstring(ast.parse(source), clean=False)
    if docstring is None:
        raise ConversionError("line 2: the page opens with a docstring")
    if "\\" in docstring and not lines[1].startswith('r"""'):
        raise ConversionError('line 2: backslashes need r"""')
    for number, line in enumerate(lines, start=1):
        if not line.startswith("# %%") and re.match(r"#{20,}|\s*#\s?%%", line):
            raise ConversionError(f"line {number}: cells start with `# %%` in the first column")
        if line.startswith("# %%") and line != "# %% [markdown]":
            after = lines[number] if number < len(lines) else ""
            if after.strip():
                raise ConversionError(f"line {number}: a blank line follows a code cell's `# %%`")


def _code_cells(cell: Any) -> list[Any]:
    """Split a code cell at its hidden asserts, which become folded cells of their own."""
    source = _CONFIG.sub("", cell.source + "\n")
    metadata = {key: cell.metadata[key] for key in ("tags", "nbmake") if key in cell.metadata}
    cells = []
    position = 0
    for hidden in _HIDDEN.finditer(source):
        cells.append((source[position : hidden.start()], metadata))
        cells.append((hidden["code"], metadata | _HIDDEN_METADATA))
        position = hidden.end()
    cells.append((source[position:], metadata))
    made = [
        nbformat.v4.new_code_cell(code.strip("\n"), metadata=dict(extra))
        for code, extra in cells
        if code.strip()
    ]
    if any("sphinx_gallery_" in each.source for each in made):
        raise ConversionError("a hidden block starts in the first column and has an end")
    return made


def _first_cell(name: str) -> str:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = ", ".join(
        f"{package.replace('>=', ' ≥ ').replace(',<', ', < ')}"
        for package in project["dependencies"]
        if package.startswith(("torch", "soundfile"))
    )
    python = project["requires-python"].replace(">=", "≥ ")
    return (
        f"*Generated from `examples/{name}`: edit that file, then run `make notebooks`.*\n\n"
        f"Needs Python {python}, FFmpeg's shared libraries and audiolab ({wanted}). In a "
        "checkout of audiolab, `pip install .` installs it and `audiolab doctor` says what is "
        "missing. No cell needs the network."
    )


def main(argv: list[str] | None = None) -> int:
    """Write the notebooks or compare them.

    Parameters
    ----------
    argv : list of str, optional
        Arguments of the command; ``sys.argv`` by default.

    Returns
    -------
    int
        0, or 1 if ``--check`` found a difference or a script can't be converted.
    """
    parser = argparse.ArgumentParser(description="Write notebooks/ from examples/.")
    parser.add_argument("--check", action="store_true", help="only compare; exit 1 on a difference")
    parser.add_argument("-o", "--output", type=Path, default=NOTEBOOKS, help="another folder")
    arguments = parser.parse_args(argv)
    wanted: dict[Path, str] = {}
    broken = 0
    for script in scripts():
        try:
            wanted[notebook_path(script, arguments.output)] = notebook_text(script)
        except ConversionError as error:
            broken += 1
            print(error, file=sys.stderr)
    if broken:
        return 1
    stale = [
        path
        for path, text in wanted.items()
        if not path.exists() or path.read_text("utf-8") != text
    ]
    orphans = [path for path in sorted(arguments.output.rglob("*.ipynb")) if path not in wanted]
    if arguments.check:
        for path in stale + orphans:
            print(
                f"{path}: {'no such example' if path in orphans else 'out of date'}",
                file=sys.stderr,
            )
        return 1 if stale or orphans else 0
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[path], encoding="utf-8")
    for path in orphans:
        path.unlink()
    print(f"{len(wanted)} notebooks, {len(stale)} written, {len(orphans)} removed")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
