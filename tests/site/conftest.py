"""The built site, read once: every page parsed, every file listed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import audiolab_docs
import pytest
from bs4 import BeautifulSoup

SITE = Path(audiolab_docs.ROOT, "docs", "_build", "html")


@dataclass(frozen=True)
class Page:
    """One HTML file."""

    path: Path
    size: int
    soup: BeautifulSoup

    @property
    def name(self) -> str:
        return self.path.relative_to(SITE).as_posix()


@pytest.fixture(scope="session")
def site() -> Path:
    if not (SITE / "index.html").exists():
        pytest.fail("there is no built site: run `make site` first")
    return SITE


@pytest.fixture(scope="session")
def pages(site: Path) -> list[Page]:
    """Every page that a reader can open."""
    return [
        Page(path, path.stat().st_size, BeautifulSoup(path.read_text("utf-8"), "html.parser"))
        for path in sorted(site.rglob("*.html"))
        if "_static" not in path.relative_to(site).parts
    ]
