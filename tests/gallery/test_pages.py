"""The rules for gallery pages that CONTRIBUTING states, checked on their source."""

import ast
import re
from pathlib import Path

import audiolab_docs
import pytest
from sphinx_gallery.py_source_parser import split_code_and_text_blocks

import notebooks

SCRIPTS = notebooks.scripts()
NAMES = [script.stem for script in SCRIPTS]
HIDDEN = re.compile(r"(?ms)^# sphinx_gallery_start_ignore\n.*?^# sphinx_gallery_end_ignore\n?")
CONFIG = re.compile(r"(?m)^# sphinx_gallery_\w+ = .*\n?")
MAX_CODE_LINES = 15
MAX_HELPER_LINES = 5


def blocks(script: Path) -> list[tuple[str, str]]:
    _, parts = split_code_and_text_blocks(str(script))
    return [(part.type, part.content) for part in parts]


def code(script: Path) -> list[str]:
    """Return the code cells as the page shows them."""
    shown = [
        CONFIG.sub("", HIDDEN.sub("", text)) for kind, text in blocks(script) if kind == "code"
    ]
    return [text.strip("\n") for text in shown if text.strip()]


def prose(script: Path) -> str:
    return "\n".join(text for kind, text in blocks(script) if kind == "text")


def headings(script: Path) -> list[str]:
    return re.findall(r"(?m)^(\S.*)\n(?:=|-|~){3,}$", prose(script))


every_page = pytest.mark.parametrize("script", SCRIPTS, ids=NAMES)


def test_the_listing_is_the_folder() -> None:
    listed = {
        f"{subject}/{page}.py" for subject, pages in audiolab_docs.GALLERY.items() for page in pages
    }
    assert {script.relative_to(notebooks.EXAMPLES).as_posix() for script in SCRIPTS} == listed
    for subject in audiolab_docs.GALLERY:
        assert (notebooks.EXAMPLES / subject / "GALLERY_HEADER.rst").exists()


def test_an_unlisted_page_stops_the_build() -> None:
    assert audiolab_docs.page_order("examples/quickstart/quickstart.py") == "000"
    with pytest.raises(ValueError, match=r"nobody\.py has no place"):
        audiolab_docs.page_order("nobody.py")


def test_narrowing_skips_the_other_subjects(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audiolab_docs, "ONLY", "encoding")
    ignored = re.compile(audiolab_docs.ignore_pattern())
    # sphinx-gallery asks for the bare name.
    assert ignored.search("quickstart.py")
    assert not any(ignored.search(f"{page}.py") for page in audiolab_docs.GALLERY["encoding"])
    monkeypatch.setattr(audiolab_docs, "ONLY", "nothing")
    with pytest.raises(ValueError, match="choose one of quickstart, encoding"):
        audiolab_docs.subjects()


@every_page
def test_title_and_promise(script: Path) -> None:
    docstring = ast.get_docstring(ast.parse(script.read_text(encoding="utf-8")))
    assert docstring
    title, rule, _, *rest = docstring.split("\n")
    assert set(rule) == {"="}
    assert len(rule) == len(title)
    assert len(title) <= 60
    promise = "\n".join(rest).split("\n\n")[0]
    assert 1 <= len(re.findall(r"[.!?:](?=\s|$)", promise)) <= 4, "a promise of about two sentences"
    assert "**What you will hear.**" in docstring


@every_page
def test_ends_with_pitfalls_try_this_references(script: Path) -> None:
    last = [title for title in headings(script) if title in {"Pitfalls", "Try this", "References"}]
    assert last == ["Pitfalls", "Try this", "References"]
    assert headings(script)[-3:] == last
    tries = prose(script).split("\nTry this\n")[1].split("\nReferences\n")[0]
    assert len(re.findall(r"(?m)^(?:-|\d\.|#\.) ", tries)) >= 2
    assert re.search(
        r"doi\.org|RFC|ISO|ITU|AES|19\d\d|20\d\d", prose(script).split("\nReferences\n")[1]
    )


@every_page
def test_cells_are_short(script: Path) -> None:
    for text in code(script)[1:]:
        lines = [line for line in text.split("\n") if line.strip()]
        assert len(lines) <= MAX_CODE_LINES, text


@every_page
def test_helpers_belong_in_the_package(script: Path) -> None:
    """A page may define what takes up to five lines below its first one."""
    source = script.read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            body = source.split("\n")[node.body[0].lineno - 1 : node.end_lineno]
            assert len([line for line in body if line.strip()]) <= MAX_HELPER_LINES, node.name


@every_page
def test_imports_stand_in_the_first_cell(script: Path) -> None:
    first, *others = code(script)
    assert re.search(r"(?m)^(import|from) ", first)
    for text in others:
        assert not re.search(r"(?m)^\s*(import|from \S+ import) ", text), text


@every_page
def test_a_cell_shows_its_last_expression(script: Path) -> None:
    """sphinx-gallery shows a cell's last statement: an assert after a player mutes it."""
    for kind, text in blocks(script):
        if kind != "code" or "start_ignore" not in text:
            continue
        shown = ast.parse(HIDDEN.sub("", text)).body
        if shown and isinstance(shown[-1], ast.Expr) and "player(" in ast.unparse(shown[-1]):
            assert not text.rstrip().endswith("sphinx_gallery_end_ignore"), text


@every_page
def test_players_are_ours_and_shown(script: Path) -> None:
    """IPython's Audio normalises levels; a page that is about it says so where it is imported."""
    source = script.read_text(encoding="utf-8")
    if "IPython.display" in source:
        assert "``IPython.display.Audio``" in prose(script)
    assert "display.player(" in source, "a page about sound lets it be heard"
    for text in code(script):
        for number, statement in enumerate(ast.parse(text).body):
            if isinstance(statement, ast.Expr) and "display.player(" in ast.unparse(statement):
                assert number == len(ast.parse(text).body) - 1, (
                    f"only the last one is shown: {text}"
                )


@every_page
def test_uses_the_public_package_and_no_network(script: Path) -> None:
    source = script.read_text(encoding="utf-8")
    assert not re.search(r"audiolab(\.\w+)*\._|from audiolab\S* import _", source)
    assert not re.search(r"pypi\.org|pythonhosted|anaconda|npmjs|huggingface\.co|urllib", source)
    for kind, text in blocks(script):
        if kind == "code":
            assert not re.search(r"https?://", re.sub(r"(?m)#.*$", "", text)), text
    assert not re.search(r"/(work|tmp|home|root)/", source)
    assert "\u200b" not in source


@every_page
def test_numbers_are_pinned(script: Path) -> None:
    assert "sphinx_gallery_start_ignore" in script.read_text(encoding="utf-8"), (
        "prose without an assert"
    )
