"""What every page of the built site keeps to: budgets, links, no third party, accessible markup."""

from __future__ import annotations

import json
import re
import zipfile
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import audiolab_docs
import pytest
import soundfile

import audiolab
import notebooks

if TYPE_CHECKING:
    from bs4 import Tag

    from tests.site.conftest import Page

pytestmark = pytest.mark.site

MAX_PAGE_BYTES = 300_000
MAX_CLIP_BYTES = 300_000
MAX_AUDIO_BYTES = 30_000_000  # of 46 pages
AUDIO = {".flac", ".mp3", ".wav", ".ogg", ".opus", ".m4a"}


def audio_files(site: Path) -> list[Path]:
    return [path for path in site.rglob("*") if path.suffix in AUDIO]


def target(page: Page, address: str) -> Path:
    """Return the file that a relative address on a page leads to."""
    path = unquote(urlsplit(address).path)
    found = (page.path.parent / path).resolve() if path else page.path
    return found / "index.html" if found.is_dir() else found


def attributes(page: Page, *wanted: tuple[str, str]) -> list[str]:
    return [
        str(tag[name])
        for element, name in wanted
        for tag in page.soup.find_all(element, attrs={name: True})
    ]


# ------------------------------------------------------------------------------------------ budgets
def test_pages_are_light(pages: list[Page]) -> None:
    heavy = {page.name: page.size for page in pages if page.size >= MAX_PAGE_BYTES}
    assert heavy == {}


def test_clips_are_light(site: Path) -> None:
    clips = {path.name: path.stat().st_size for path in audio_files(site)}
    assert clips, "a site about sound has sounds"
    assert {name: size for name, size in clips.items() if size >= MAX_CLIP_BYTES} == {}
    assert sum(clips.values()) < MAX_AUDIO_BYTES


# -------------------------------------------------------------------------------------------- links
def test_internal_links_and_anchors_resolve(pages: list[Page]) -> None:
    anchors = {page.path: {str(tag["id"]) for tag in page.soup.find_all(id=True)} for page in pages}
    broken = []
    for page in pages:
        for address in attributes(
            page,
            ("a", "href"),
            ("link", "href"),
            ("script", "src"),
            ("img", "src"),
            ("audio", "src"),
            ("source", "src"),
        ):
            parts = urlsplit(address)
            if parts.scheme or parts.netloc or address == "#":
                continue
            found = target(page, address)
            if not found.exists():
                broken.append(f"{page.name}: {address}")
            elif (
                parts.fragment
                and found in anchors
                and unquote(parts.fragment) not in anchors[found]
            ):
                broken.append(f"{page.name}: {address} has no such anchor")
    assert broken == []


def test_nothing_is_fetched_from_elsewhere(pages: list[Page], site: Path) -> None:
    remote = re.compile(r"^(https?:)?//")
    found = []
    for page in pages:
        loaded = attributes(
            page,
            ("script", "src"),
            ("img", "src"),
            ("audio", "src"),
            ("source", "src"),
            ("video", "src"),
            ("iframe", "src"),
            ("embed", "src"),
            ("object", "data"),
            ("image", "href"),
        )
        loaded += [
            part.split()[0]
            for value in attributes(page, ("img", "srcset"), ("source", "srcset"))
            for part in value.split(",")
        ]
        loaded += [
            str(tag["href"])
            for tag in page.soup.find_all("link", href=True)
            if tag.get("rel") != ["canonical"]
        ]
        found += [f"{page.name}: {address}" for address in loaded if remote.match(address)]
        for style in page.soup.find_all("style"):
            found += [f"{page.name}: {each}" for each in remote_in_css(style.get_text())]
        for script in page.soup.find_all("script", src=False):
            found += [f"{page.name}: {each}" for each in remote_in_js(script.get_text())]
    for path in site.rglob("*.css"):
        found += [f"{path.name}: {each}" for each in remote_in_css(path.read_text("utf-8"))]
    for path in site.rglob("*.js"):
        found += [f"{path.name}: {each}" for each in remote_in_js(path.read_text("utf-8"))]
    assert found == []


def remote_in_css(text: str) -> list[str]:
    return re.findall(r"""@import[^;]*//[^;]*|url\(\s*["']?(?:https?:)?//[^)]*""", text)


def remote_in_js(text: str) -> list[str]:
    return re.findall(
        r"""(?:fetch|import|importScripts|open|Worker|getScript)\(\s*["'`](?:https?:)?//[^)]*|\.(?:src|href)\s*=\s*["'`](?:https?:)?//[^;]*""",
        text,
    )


@pytest.mark.parametrize(
    "text",
    [
        '@import "https://x.org/a.css";',
        "a{background:url(//x.org/a.png)}",
        "@font-face{src:url('https://x.org/f')}",
    ],
)
def test_the_css_check_sees(text: str) -> None:
    assert remote_in_css(text)


@pytest.mark.parametrize(
    "text", ['fetch("https://x.org")', "s.src = '//x.org/a.js'", "import(`https://x.org/m.js`)"]
)
def test_the_js_check_sees(text: str) -> None:
    assert remote_in_js(text)


# -------------------------------------------------------------------------------------------- sound
def players(page: Page) -> list[list[Tag]]:
    """Return the audio elements of each player; those outside of one are a player each."""
    groups: dict[int, list[Tag]] = {}
    for audio in page.soup.find_all("audio"):
        figure = audio.find_parent("figure") or audio
        groups.setdefault(id(figure), []).append(audio)
    return list(groups.values())


def test_every_player_has_sounds_that_decode_to_equal_lengths(pages: list[Page]) -> None:
    """Rates may differ; the player pads the sample or two that alignment has cut off."""
    count = 0
    for page in pages:
        for group in players(page):
            durations = []
            for audio in group:
                samples, rate = soundfile.read(target(page, str(audio["src"])))
                assert len(samples) > 0, page.name
                durations.append(len(samples) / rate)
            assert max(durations) - min(durations) <= 0.01, f"{page.name}: {durations}"
            count += 1
    assert count >= len(notebooks.scripts()), "each page has a player at least"


def test_players_wait_for_the_reader(pages: list[Page]) -> None:
    for page in pages:
        for audio in page.soup.find_all("audio"):
            assert audio.get("preload") == "none", page.name
            assert audio.has_attr("controls"), page.name
            assert not audio.has_attr("autoplay"), page.name


def test_every_sound_is_used(pages: list[Page], site: Path) -> None:
    used = {
        target(page, address)
        for page in pages
        for address in attributes(page, ("audio", "src"), ("source", "src"))
    }
    assert {path.name for path in audio_files(site) if path.resolve() not in used} == set()


# ------------------------------------------------------------------------------------ accessibility
def test_images_have_alternatives(pages: list[Page]) -> None:
    missing = [
        f"{page.name}: {tag.get('src')}"
        for page in pages
        for tag in page.soup.find_all("img")
        if not tag.has_attr("alt")
    ]
    assert missing == []


def test_figures_say_what_they_show(pages: list[Page]) -> None:
    for page in pages:
        for tag in page.soup.select("img.sphx-glr-single-img, img.sphx-glr-multi-img"):
            assert len(str(tag["alt"]).split()) >= 2, (
                f"{page.name}: title the figure of {tag['src']}"
            )


def test_language_and_one_title_each(pages: list[Page]) -> None:
    titles = [
        page.soup.title.get_text(" ", strip=True) if page.soup.title else "" for page in pages
    ]
    assert all(titles)
    assert len(set(titles)) == len(titles), sorted(titles)
    assert all(page.soup.html["lang"] == "en" for page in pages)


def test_headings_are_in_order(pages: list[Page]) -> None:
    for page in pages:
        article = page.soup.find("article") or page.soup
        levels = [int(tag.name[1]) for tag in article.find_all(re.compile(r"^h[1-6]$"))]
        assert levels.count(1) == 1, f"{page.name}: {levels}"
        assert levels[0] == 1, page.name
        assert all(after - before <= 1 for before, after in pairwise(levels)), (
            f"{page.name}: {levels}"
        )


def test_identifiers_are_unique(pages: list[Page]) -> None:
    for page in pages:
        found = [str(tag["id"]) for tag in page.soup.find_all(id=True)]
        assert len(set(found)) == len(found), (
            f"{page.name}: {sorted(x for x in found if found.count(x) > 1)}"
        )


def test_formulas_are_mathml(pages: list[Page]) -> None:
    assert sum(len(page.soup.find_all("math")) for page in pages) > 10
    for page in pages:
        prose = " ".join(
            part for part in page.soup.find_all(string=True) if part.parent.name == "p"
        )
        assert not re.search(r"\\(frac|sum|mathrm|left|log)\b", prose), page.name


# ------------------------------------------------------------------------------------------ content
def test_no_page_shows_an_error(pages: list[Page]) -> None:
    wrong = re.compile(
        r"Traceback \(most recent call last\)|object at 0x[0-9a-f]+|<Axes|/(?:work|home|root)/\S*"
    )
    for page in pages:
        assert not page.soup.select(".problematic, .system-message, .sphx-glr-failing"), page.name
        assert not (found := wrong.search(page.soup.get_text())), f"{page.name}: {found[0]}"


def test_the_gallery_lists_every_page(pages: list[Page]) -> None:
    (index,) = [page for page in pages if page.name == "auto_examples/index.html"]
    listed = {
        target(index, str(tag["href"])) for tag in index.soup.select(".sphx-glr-thumbcontainer a")
    }
    wanted = {
        index.path.parent / script.relative_to(notebooks.EXAMPLES).with_suffix(".html")
        for script in notebooks.scripts()
    }
    assert {path.resolve() for path in wanted} == listed


def test_public_functions_show_the_pages_that_use_them(pages: list[Page]) -> None:
    (reference,) = [page for page in pages if page.name == "api/display.html"]
    entry = reference.soup.find(id="audiolab.display.player")
    assert entry.find_next_sibling("dd").select(".sphx-glr-thumbcontainer a")


def test_downloads_are_our_notebooks(site: Path) -> None:
    for script in notebooks.scripts():
        (offered,) = site.glob(f"_downloads/*/{script.stem}.ipynb")
        assert offered.read_bytes() == notebooks.notebook_path(script).read_bytes()
        (source,) = site.glob(f"_downloads/*/{script.stem}.py")
        assert source.read_bytes() == script.read_bytes()


def test_archives_hold_the_same_and_no_date(site: Path) -> None:
    archives = list(site.glob("_downloads/*/*.zip"))
    assert len(archives) >= len(notebooks.scripts())
    for archive in archives:
        with zipfile.ZipFile(archive) as packed:
            for member in packed.infolist():
                assert member.date_time == (2020, 1, 1, 0, 0, 0), member.filename
                stem = Path(member.filename).stem
                (script,) = [each for each in notebooks.scripts() if each.stem == stem]
                original = (
                    script if member.filename.endswith(".py") else notebooks.notebook_path(script)
                )
                assert packed.read(member) == original.read_bytes(), member.filename


def test_search_index_knows_the_words(site: Path) -> None:
    text = (site / "searchindex.js").read_text("utf-8")
    index = json.loads(re.fullmatch(r"(?s)Search\.setIndex\((.*)\);?\s*", text)[1])
    for word in ("clip", "spectrogram", "codec", "delay", "bandwidth", "torchaudio"):
        assert word in index["terms"] or word in index["titleterms"], word
    assert "audiolab.io" in index["objects"]
    assert "auto_examples/quickstart/quickstart" in index["docnames"]


def test_there_is_a_page_for_what_is_missing(pages: list[Page]) -> None:
    (page,) = [page for page in pages if page.name == "404.html"]
    links = {str(tag["href"]) for tag in page.soup.select("article a[href]")}
    assert {"index.html", "search.html", "auto_examples/index.html", "api/index.html"} <= links


def test_footer_says_what_built_it(pages: list[Page]) -> None:
    footer = pages[0].soup.select_one("footer.bd-footer").get_text(" ", strip=True)
    assert audiolab.__version__ in footer
    for name, number in audiolab_docs.build_versions():
        assert f"{name} {number}" in footer


def test_no_times_and_no_sources_are_published(site: Path) -> None:
    assert not list(site.rglob("sg_execution_times*"))
    assert not list(site.glob("_sources/**/*.txt"))
    assert not list(site.rglob("*junit*"))
