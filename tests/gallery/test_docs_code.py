"""Python code in the hand-written pages of docs/ runs as it stands."""

import re
import textwrap
from pathlib import Path

import audiolab_docs
import pytest

DOCS = Path(audiolab_docs.ROOT, "docs")
BLOCK = re.compile(r"(?m)^( *)\.\. code-block:: python\n\n((?:\1   .*\n|\s*\n)+)")
FOUND = [
    pytest.param(textwrap.dedent(match[2]), id=f"{page.relative_to(DOCS)}-{number}")
    for page in sorted(DOCS.rglob("*.rst"))
    if not {"auto_examples", "gen", "_build"} & set(page.relative_to(DOCS).parts)
    for number, match in enumerate(BLOCK.finditer(page.read_text(encoding="utf-8")))
]


def test_blocks_are_found() -> None:
    assert len(FOUND) >= 3


@pytest.mark.parametrize("code", FOUND)
def test_runs(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "docs", "exec"), {})
