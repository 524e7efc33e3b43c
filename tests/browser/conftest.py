"""Debian's Chromium driven by Playwright, a loopback server, and axe-core.

`page` fails its test at the end when the page wrote an error to the console or asked any computer
but this one. Playwright's own browsers are not used: nothing is downloaded.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

LOCAL = ("http://127.0.0.1:", "file:", "data:", "blob:", "about:")


@pytest.fixture(scope="session")
def browser(program: Callable[[str], str]) -> Iterator[Browser]:
    """Chromium without a window."""
    path = program("chromium")
    with sync_playwright() as playwright:
        # Containers run tests as root, where Chromium has no sandbox to offer.
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Return a function from options of a browser context to a page, watched as `page` is."""
    contexts: list[BrowserContext] = []
    problems: list[str] = []

    def open_page(**options: Any) -> Page:
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: problems.append(f"error: {error}"))
        page.on(
            "console",
            lambda message: (
                problems.append(f"console: {message.text}")
                if message.type in ("error", "warning")
                else None
            ),
        )
        page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith(LOCAL)
                else problems.append(f"third party: {request.url}")
            ),
        )
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not problems


@pytest.fixture
def page(open_page: Callable[..., Page]) -> Page:
    """One page in a fresh context."""
    return open_page(viewport={"width": 900, "height": 900})


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="session")
def serve() -> Iterator[Callable[[Path], str]]:
    """Return a function that serves a folder on loopback and answers with its address."""
    servers: list[tuple[ThreadingHTTPServer, threading.Thread]] = []

    def start(folder: Path) -> str:
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server, thread in servers:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(scope="session")
def axe() -> Callable[[Page], list[str]]:
    """Return a function from a page to what axe-core finds serious or critical on it."""
    spec = find_spec("axe_playwright_python")
    assert spec is not None, "axe-playwright-python, which carries axe-core, is not installed"
    assert spec.submodule_search_locations
    source = Path(spec.submodule_search_locations[0], "axe.min.js").read_text(encoding="utf-8")

    def run(page: Page) -> list[str]:
        page.evaluate(source)
        found = page.evaluate("axe.run(document, {resultTypes: ['violations'], preload: false})")
        return [
            f"{violation['impact']}: {violation['id']}: {node['html'][:160]}"
            for violation in found["violations"]
            if violation["impact"] in ("serious", "critical")
            for node in violation["nodes"]
        ]

    return run
