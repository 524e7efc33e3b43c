"""notebooks/ is what examples/ gives, byte for byte, and reads like Markdown."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

import notebooks

SCRIPTS = notebooks.scripts()
NAMES = [script.stem for script in SCRIPTS]


def read(script: Path) -> dict[str, Any]:
    return json.loads(notebooks.notebook_path(script).read_text(encoding="utf-8"))


def text(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


@pytest.mark.parametrize("script", SCRIPTS, ids=NAMES)
def test_in_sync(script: Path) -> None:
    committed = notebooks.notebook_path(script).read_text(encoding="utf-8")
    assert committed == notebooks.notebook_text(script), "run `make notebooks`"


def test_generation_is_deterministic_and_mirrors_the_examples(tmp_path: Path) -> None:
    assert notebooks.main(["-o", str(tmp_path)]) == 0
    made = {path.relative_to(tmp_path) for path in tmp_path.rglob("*.ipynb")}
    assert made == {
        p.relative_to(notebooks.NOTEBOOKS) for p in notebooks.NOTEBOOKS.rglob("*.ipynb")
    }
    assert notebooks.main(["--check", "-o", str(tmp_path)]) == 0


def test_check_names_what_differs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    notebooks.main(["-o", str(tmp_path)])
    changed = notebooks.notebook_path(SCRIPTS[0], tmp_path)
    changed.write_text(changed.read_text(encoding="utf-8") + " ", encoding="utf-8")
    orphan = tmp_path / "nobody.ipynb"
    orphan.write_text("{}", encoding="utf-8")
    assert notebooks.main(["--check", "-o", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert f"{changed}: out of date" in said
    assert f"{orphan}: no such example" in said


@pytest.mark.parametrize("script", SCRIPTS, ids=NAMES)
def test_no_rest_is_left(script: Path) -> None:
    for cell in read(script)["cells"]:
        if cell["cell_type"] == "markdown":
            prose = re.sub(r"(?s)```.*?```|`[^`]*`|\$\$.*?\$\$|\$[^$]*\$", "", text(cell))
            assert not re.search(r":[a-z:]+:`|`_|^\.\. |^(=|-|~){4,}$", prose, re.MULTILINE), prose
            assert not re.search(r":(func|class|mod|ref|doc|term|math|kbd|meth):", text(cell))


@pytest.mark.parametrize("script", SCRIPTS, ids=NAMES)
def test_stripped_small_and_identified(script: Path) -> None:
    notebook = read(script)
    cells = notebook["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert len(code) > 3
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    assert len({cell["id"] for cell in cells}) == len(cells)
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert set(notebook["metadata"]) == {"kernelspec", "language_info"}
    assert not any("sphinx_gallery_" in text(cell) for cell in cells)


@pytest.mark.parametrize("script", SCRIPTS, ids=NAMES)
def test_first_cell_says_where_it_comes_from_and_what_it_needs(script: Path) -> None:
    first = read(script)["cells"][0]
    assert first["cell_type"] == "markdown"
    assert f"examples/{script.relative_to(notebooks.EXAMPLES).as_posix()}" in text(first)
    assert "pip install" in text(first)


@pytest.mark.parametrize("script", SCRIPTS, ids=NAMES)
def test_hidden_asserts_come_along(script: Path) -> None:
    source = script.read_text(encoding="utf-8")
    hidden = [
        cell for cell in read(script)["cells"] if "hide-input" in cell["metadata"].get("tags", [])
    ]
    assert len(hidden) == source.count("sphinx_gallery_start_ignore")
    asserts = re.findall(r"(?s)start_ignore\n(.*?)# sphinx_gallery_end_ignore", source)
    assert [text(cell).strip() for cell in hidden] == [each.strip() for each in asserts]


PAGE = '''# %% [markdown]
"""
Title
=====

Promise.
"""

# %%

import math

# %% [markdown]
# More
# ----

# %%

x = 1
# sphinx_gallery_start_ignore
assert x == 1
# sphinx_gallery_end_ignore
# sphinx_gallery_thumbnail_number = 2
print(x)
'''


def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str) -> list[dict[str, Any]]:
    monkeypatch.setattr(notebooks, "EXAMPLES", tmp_path)
    monkeypatch.setattr(notebooks, "NOTEBOOKS", tmp_path)
    script = tmp_path / "subject" / "page.py"
    script.parent.mkdir(exist_ok=True)
    script.write_text(source, encoding="utf-8")
    cells: list[dict[str, Any]] = json.loads(notebooks._build(source, "subject/page.py"))["cells"]
    return cells


def test_cells_of_a_small_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cells = build(tmp_path, monkeypatch, PAGE)
    assert [text(cell) for cell in cells[1:]] == [
        "# Title\n\nPromise.", "import math", "## More", "x = 1", "assert x == 1", "print(x)",
    ]  # fmt: skip
    assert cells[5]["metadata"] == {"tags": ["hide-input"], "jupyter": {"source_hidden": True}}


def test_an_identifier_changes_with_its_cell_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = [cell["id"] for cell in build(tmp_path, monkeypatch, PAGE)]
    after = [
        cell["id"] for cell in build(tmp_path, monkeypatch, PAGE.replace("x = 1\n", "x = 1.0\n"))
    ]
    assert [a == b for a, b in zip(before, after, strict=True)] == [True] * 4 + [False] + [True] * 2


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("# %% [markdown]\n\"\"\"", '"""', "line 1"),
        ('"""\nTitle', '"""\n\\\\Title', 'r"""'),
        ("# %%\n\nimport", "# %%\nimport", "blank line"),
        ("# %%\n\nx", "####################\n\nx", "first column"),
        ("# sphinx_gallery_end_ignore\n", "", "has an end"),
    ],
)  # fmt: skip
def test_spellings_that_two_tools_read_differently_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str, message: str
) -> None:
    assert old in PAGE
    with pytest.raises(notebooks.ConversionError, match=message):
        build(tmp_path, monkeypatch, PAGE.replace(old, new))
