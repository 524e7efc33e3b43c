"""The built site in a browser: players on their pages, search without a server, axe-core."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import audiolab_docs
import pytest
from playwright.sync_api import Page, expect

import notebooks

pytestmark = pytest.mark.browser

SITE = Path(audiolab_docs.ROOT, "docs", "_build", "html")
SCRIPTS = notebooks.scripts()
PAGES = [
    f"auto_examples/{script.relative_to(notebooks.EXAMPLES).with_suffix('.html').as_posix()}"
    for script in SCRIPTS
]
gallery_page = pytest.mark.parametrize("path", PAGES, ids=[script.stem for script in SCRIPTS])


@pytest.fixture(scope="module")
def address(serve: Callable[[Path], str]) -> str:
    if not (SITE / "index.html").exists():
        pytest.fail("there is no built site: run `make site` first")
    return serve(SITE)


@gallery_page
def test_tracks_of_every_player_decode_to_one_length(page: Page, address: str, path: str) -> None:
    page.goto(f"{address}/{path}")
    lengths = page.evaluate(
        """async () => {
          const lengths = [];
          for (const player of document.querySelectorAll("audiolab-player")) {
            await player.load();
            lengths.push([player.sound.exact, ...player.sound.buffers.map(b => b.length)]);
          }
          return lengths;
        }"""
    )
    assert lengths, "a page about sound has a player"
    for exact, *samples in lengths:
        assert exact, "sounds were fetched and decoded, not left to <audio>"
        assert min(samples) > 0
        assert len(set(samples)) == 1


@gallery_page
def test_a_page_loads_without_errors_or_third_parties(page: Page, address: str, path: str) -> None:
    """The fixture fails the test on console errors and on requests that leave the machine."""
    page.goto(f"{address}/{path}")
    page.wait_for_load_state("networkidle")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_keys_switch_tracks_at_one_position(page: Page, address: str) -> None:
    page.goto(f"{address}/auto_examples/quickstart/quickstart.html")
    player = "document.querySelectorAll('audiolab-player')[1]"
    page.evaluate(f"{player}.seek(1.5)")
    page.locator("audiolab-player").nth(1).locator(".al-pick").first.focus()
    page.keyboard.press("2")  # chooses, and plays
    page.wait_for_function(f"() => {player}.playing && {player}.position > 1.6")
    assert player_state(page)["track"] == 1
    page.keyboard.press("1")
    state = player_state(page)
    assert state["track"] == 0
    assert 1.6 < state["position"] < 5.7
    assert page.evaluate(f"{player}.playing")
    page.keyboard.press(" ")
    assert page.evaluate(f"!{player}.playing")
    assert player_state(page)["position"] >= state["position"]


def player_state(page: Page) -> dict[str, float]:
    state: dict[str, float] = page.evaluate(
        """() => {
          const player = document.querySelectorAll("audiolab-player")[1];
          return {track: player.choice, position: player.position};
        }"""
    )
    return state


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "path",
    ["index.html", "auto_examples/index.html", *PAGES[:2], "api/io.html", "guide/formats.html"],
)
def test_axe_finds_nothing_serious(
    open_page: Callable[..., Page],
    axe: Callable[[Page], list[str]],
    address: str,
    path: str,
    scheme: str,
) -> None:
    page = open_page(viewport={"width": 1300, "height": 900}, color_scheme=scheme)
    page.goto(f"{address}/{path}")
    page.wait_for_load_state("networkidle")
    assert axe(page) == []


def test_search_finds_a_page_and_a_function(page: Page, address: str) -> None:
    page.goto(f"{address}/search.html?q=clip")
    results = page.locator("#search-results ul.search li a")
    expect(results.first).to_be_visible()
    found = " ".join(results.all_text_contents())
    assert "audiolab.signals.clip" in found
    assert re.search(r"(?i)clips|encoding", found)


def test_the_search_dialog_opens_with_the_keyboard(page: Page, address: str) -> None:
    page.goto(f"{address}/index.html")
    page.keyboard.press("Control+k")
    box = page.locator("#pst-search-dialog input[type=search]")
    expect(box).to_be_focused()
    box.fill("spectrogram")
    box.press("Enter")
    expect(page.locator("#search-results ul.search li a").first).to_be_visible()


@pytest.mark.parametrize("width", [360, 1300])
def test_pages_fit_narrow_and_wide_windows(
    open_page: Callable[..., Page], address: str, width: int
) -> None:
    page = open_page(viewport={"width": width, "height": 800})
    for path in (
        "index.html",
        "auto_examples/index.html",
        PAGES[0],
        "guide/formats.html",
        "cli.html",
    ):
        page.goto(f"{address}/{path}")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path


def test_a_page_opens_from_the_disk(page: Page) -> None:
    """Nothing can be fetched there: the player uses its <audio> elements."""
    page.goto((SITE / PAGES[0]).as_uri())
    expect(page.locator("audiolab-player").first).to_be_visible()
    assert page.locator("audiolab-player audio").count() > 0
