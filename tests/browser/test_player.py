"""The player in a browser: what sounds, what the keys do, what is seen and what is read aloud."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from playwright.sync_api import Page
from scipy.stats import binom

from audiolab import display

pytestmark = pytest.mark.browser

RATE = 16_000
LENGTH = 2 * RATE
TITLES = ["Rising", "Falling", "Noise"]


def signals() -> dict[str, torch.Tensor]:
    """Three tracks of two seconds on the grid of 16 bits, so that FLAC holds them exactly."""
    ramp = torch.linspace(-0.5, 0.5, LENGTH)
    noise = torch.rand(LENGTH, generator=torch.Generator().manual_seed(0)) - 0.5
    grid = 2.0**15
    tracks = [torch.round(track * grid) / grid for track in (ramp, -ramp, noise)]
    return dict(zip(TITLES, tracks, strict=True))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pages as they come about: a comparison page, notebook outputs, and a page with files."""
    folder = tmp_path_factory.mktemp("player")
    page = display.comparison_page(signals(), RATE, title="Three tracks", notes="Listen & compare.")
    (folder / "inline.html").write_text(page, encoding="utf-8")

    # Two outputs of one notebook: each brings script and style, as JupyterLab shows them together.
    outputs = [
        display.player(signals(), RATE)._repr_html_(),
        display.player(signals()["Noise"], RATE)._repr_html_(),
    ]
    (folder / "notebook.html").write_text(document("".join(outputs)), encoding="utf-8")

    def publish(data: bytes, suffix: str) -> str:
        name = f"{abs(hash(data))}{suffix}"
        (folder / name).write_bytes(data)
        return name

    display.set_publisher(publish)
    try:
        long, short = signals()["Noise"], signals()["Rising"][: LENGTH // 2]
        files = display.player({"Long": long, "Short": short}, RATE).to_html(assets=False)
    finally:
        display.set_publisher(None)
    for asset in display.assets_path().iterdir():
        (folder / asset.name).write_text(asset.read_text("utf-8"), "utf-8")
    head = '<link rel="stylesheet" href="player.css"><script defer src="player.js"></script>'
    (folder / "files.html").write_text(document(files, head), encoding="utf-8")
    return folder


def document(body: str, head: str = "") -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Players</title>'
        f'<link rel="icon" href="data:,">{head}</head><body><main><h1>Players</h1>{body}'
        '<p><label>Name <input id="other"></label></p></main></body></html>'
    )


@pytest.fixture(scope="module")
def address(site: Path, serve: Callable[[Path], str]) -> str:
    return serve(site)


def state(page: Page, expression: str, index: int = 0) -> object:
    """Evaluate an expression about the page's player, which it calls `p`."""
    return page.evaluate(
        f"async () => {{ const p = document.querySelectorAll('audiolab-player')[{index}];"
        f" return {expression}; }}"
    )


def wait_until_playing(page: Page, index: int = 0) -> None:
    page.wait_for_function(
        f"() => {{ const p = document.querySelectorAll('audiolab-player')[{index}];"
        " return p.playing && p.sound && p.sound.position() > 0.05; }"
    )


# ------------------------------------------------------------------------------------- sound


def test_every_track_decodes_to_its_exact_samples(page: Page, address: str) -> None:
    page.goto(f"{address}/inline.html")
    decoded = state(
        page, "(await p.load(), p.sound.buffers.map(b => [b.sampleRate, ...b.getChannelData(0)]))"
    )
    for (rate, *samples), expected in zip(decoded, signals().values(), strict=True):
        assert rate == RATE
        assert len(samples) == LENGTH
        # Chromium divides positive 16-bit samples by 32767 and negative ones by 32768.
        found = torch.tensor(samples, dtype=torch.float64)
        scale = torch.where(found > 0, 2.0**15 - 1, 2.0**15)
        integers = found * scale
        assert (integers - integers.round()).abs().max() < 1e-2
        assert torch.equal(integers.round() / 2.0**15, expected.double())


def test_files_are_fetched_and_a_short_track_is_filled_up_with_silence(
    page: Page, address: str
) -> None:
    page.goto(f"{address}/files.html")
    lengths, tail = state(
        page,
        "(await p.load(), [p.sound.buffers.map(b => b.length), "
        f"Math.max(...p.sound.buffers[1].getChannelData(0).slice({LENGTH // 2}).map(Math.abs))])",
    )
    assert state(page, "p.sound.exact")
    assert lengths == [LENGTH, LENGTH]
    assert tail == 0


def test_a_switch_is_accurate_to_the_sample(page: Page, address: str) -> None:
    """Rendered offline: the first track before the switch, the second after it, a line between."""
    page.goto(f"{address}/inline.html")
    switch_at = 8_192  # a multiple of the 128 samples at which a rendering may be suspended
    rendered = state(
        page,
        f"""(await (async () => {{
          await p.load();
          const parts = p.constructor.parts;
          const context = new OfflineAudioContext(1, {LENGTH}, {RATE});
          const voices = parts.startAll(context, p.sound.buffers,
              {{when: 0, offset: 0, active: 0, loop: false}});
          context.suspend({switch_at / RATE}).then(() => {{
            parts.crossFade(voices, 1, context.currentTime);
            context.resume();
          }});
          const out = await context.startRendering();
          return [out, ...p.sound.buffers.slice(0, 2)].map(b => [...b.getChannelData(0)]);
        }})())""",
    )
    out, first, second = map(torch.tensor, rendered)
    fade = RATE // 100
    assert torch.equal(out[:switch_at], first[:switch_at])
    after = slice(switch_at + fade + 1, None)
    assert torch.equal(out[after], second[after])
    share = torch.arange(fade) / fade
    middle = slice(switch_at, switch_at + fade)
    mixed = (1 - share) * first[middle] + share * second[middle]
    # Gains are computed per sample in float32.
    torch.testing.assert_close(out[middle], mixed, rtol=0, atol=2e-6)


def test_a_loop_repeats_every_track_without_a_gap(page: Page, address: str) -> None:
    page.goto(f"{address}/files.html")
    rendered = state(
        page,
        f"""(await (async () => {{
          await p.load();
          const context = new OfflineAudioContext(1, {LENGTH + 4096}, {RATE});
          p.constructor.parts.startAll(context, p.sound.buffers,
              {{when: 0, offset: 0, active: 1, loop: true}});
          const out = await context.startRendering();
          return [out, p.sound.buffers[1]].map(b => [...b.getChannelData(0)]);
        }})())""",
    )
    out, once = map(torch.tensor, rendered)
    assert once[: LENGTH // 2].abs().max() > 0.4
    assert torch.equal(out, torch.cat([once, once[:4096]]))


def test_switching_keeps_the_position_and_the_sources(page: Page, address: str) -> None:
    page.goto(f"{address}/inline.html")
    page.get_by_role("button", name="Play").click()
    wait_until_playing(page)
    page.evaluate("window.before = document.querySelector('audiolab-player').sound.voices")
    jumps = state(
        page,
        """(await (async () => {
          const jumps = [];
          for (const track of [1, 2, 0, 2]) {
            const [position, clock] = [p.position, p.sound.context.currentTime];
            p.choose(track);
            jumps.push(p.position - position - (p.sound.context.currentTime - clock));
            await new Promise(done => setTimeout(done, 60));
          }
          return jumps;
        })())""",
    )
    assert max(map(abs, jumps)) < 1e-9
    assert page.evaluate("window.before === document.querySelector('audiolab-player').sound.voices")
    assert state(page, "p.sound.voices.map(v => v.gain.value)") == [0, 0, 1]
    assert state(page, "p.sound.context.sampleRate") == RATE


def test_only_one_player_plays(page: Page, address: str) -> None:
    page.goto(f"{address}/notebook.html")
    page.get_by_role("button", name="Play").nth(0).click()
    wait_until_playing(page, 0)
    page.get_by_role("button", name="Play").click()  # the one that does not read Pause by now
    wait_until_playing(page, 1)
    assert state(page, "p.playing", 0) is False
    assert state(page, "p.sound.voices", 0) is None


def test_playing_ends_and_starts_again(page: Page, address: str) -> None:
    page.goto(f"{address}/inline.html")
    page.get_by_role("button", name="Play").click()
    wait_until_playing(page)
    page.keyboard.press("End")
    page.wait_for_function("!document.querySelector('audiolab-player').playing")
    assert state(page, "p.at") == pytest.approx(2.0)
    assert page.get_by_role("status").text_content() == "Ended"
    page.get_by_role("button", name="Play").click()
    wait_until_playing(page)
    assert state(page, "p.position") < 1.0


def test_a_player_taken_off_the_page_falls_silent(page: Page, address: str) -> None:
    page.goto(f"{address}/inline.html")
    page.get_by_role("button", name="Play").click()
    wait_until_playing(page)
    page.evaluate("window.gone = document.querySelector('audiolab-player'); gone.remove()")
    assert page.evaluate("gone.playing") is False


# -------------------------------------------------------------------------------------- keys


def test_keys_play_choose_seek_and_loop(page: Page, address: str) -> None:
    page.goto(f"{address}/inline.html")
    page.locator(".al-pick").first.focus()
    page.keyboard.press("ArrowRight")
    assert state(page, "p.at") == pytest.approx(1.0)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert state(page, "p.at") == pytest.approx(2.0)  # held at the end
    page.keyboard.press("ArrowLeft")
    assert state(page, "p.at") == pytest.approx(1.0)
    page.keyboard.press("Home")
    page.keyboard.press("ArrowLeft")
    assert state(page, "p.at") == 0
    page.keyboard.press("l")
    assert page.get_by_role("button", name="Loop").get_attribute("aria-pressed") == "true"
    page.keyboard.press("3")
    wait_until_playing(page)
    assert state(page, "p.choice") == 2
    assert page.get_by_role("status").text_content() == "Playing: Noise"
    page.keyboard.press("9")  # no such track
    assert state(page, "p.choice") == 2
    page.keyboard.press(" ")
    assert state(page, "p.playing") is False
    assert page.get_by_role("status").text_content() == "Paused: Noise"


def test_a_loop_goes_on_past_the_end(page: Page, address: str) -> None:
    page.goto(f"{address}/inline.html")
    page.get_by_role("button", name="Loop").click()
    page.get_by_role("slider").fill("1.8")
    page.get_by_role("button", name="Play").click()
    page.wait_for_function(
        "() => { const p = document.querySelector('audiolab-player');"
        " return p.playing && p.sound && p.position < 1; }"
    )
    at, loop = state(page, "[p.position, p.sound.voices.every(v => v.source.loop)]")
    assert loop
    assert 0 <= at < 1
    page.get_by_role("button", name="Loop").click()
    after = state(page, "p.position")
    assert at <= after < at + 1  # no jump when the rule changes
    assert not state(page, "p.sound.voices.some(v => v.source.loop)")


def test_keys_go_to_the_player_used_last_and_never_into_a_field(page: Page, address: str) -> None:
    page.goto(f"{address}/notebook.html")
    page.keyboard.press("ArrowRight")  # nobody was used yet
    assert state(page, "p.at", 0) == state(page, "p.at", 1) == 0
    page.get_by_role("button", name="Loop").nth(1).click()
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("ArrowRight")
    assert state(page, "p.at", 1) == pytest.approx(1.0)
    assert state(page, "p.at", 0) == 0
    page.locator("#other").fill("")
    page.locator("#other").press_sequentially("12 b")
    assert page.locator("#other").input_value() == "12 b"
    assert state(page, "p.playing", 1) is False
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowRight")
    assert state(page, "p.at", 1) == pytest.approx(1.0)


def test_space_on_a_button_presses_that_button(page: Page, address: str) -> None:
    page.goto(f"{address}/inline.html")
    page.get_by_role("button", name="Loop").focus()
    page.keyboard.press(" ")
    assert state(page, "[p.loop, p.playing]") == [True, False]


def test_a_click_on_a_picture_seeks_and_chooses(page: Page, address: str) -> None:
    page.goto(f"{address}/inline.html")
    picture = page.locator(".al-picture").nth(1)
    box = picture.bounding_box()
    picture.click(position={"x": box["width"] / 4, "y": 20})
    assert state(page, "p.at") == pytest.approx(0.5, abs=0.01)
    assert state(page, "p.choice") == 1
    cursors = page.evaluate("[...document.querySelectorAll('.al-cursor')].map(c => c.style.left)")
    assert [float(left.rstrip("%")) for left in cursors] == pytest.approx([25, 25, 25], abs=0.5)
    assert page.get_by_role("slider").get_attribute("aria-valuetext") == "0.5 of 2.0 seconds"


# -------------------------------------------------------------------------------- blind test


def test_the_blind_test_hides_everything_that_tells_tracks_apart(page: Page, address: str) -> None:
    page.goto(f"{address}/inline.html")
    page.get_by_role("button", name="Blind").click()
    page.wait_for_selector(".al-blind:not([hidden])")
    names = page.locator(".al-pick .al-name").all_text_contents()
    assert names == ["A", "B", "C"]
    assert sorted(state(page, "p.order")) == [0, 1, 2]
    for hidden in (".al-picture", ".al-facts", ".audiolab-player figcaption"):
        assert not page.locator(hidden).first.is_visible()
    page.keyboard.press("2")
    wait_until_playing(page)
    status = page.get_by_role("status").text_content()
    assert status == "Playing: B"
    gains = state(page, "p.sound.voices.map(v => v.gain.value)")
    assert gains.index(1) == state(page, "p.order[1]")


def test_the_blind_test_keeps_score_and_tells_it_at_the_end(page: Page, address: str) -> None:
    page.goto(f"{address}/inline.html")
    page.get_by_role("button", name="Blind").click()
    page.wait_for_selector(".al-blind:not([hidden])")
    for trial in range(6):
        page.keyboard.press("x")
        assert state(page, "p.track === p.x")
        right = state(page, "p.order.indexOf(p.x)")
        answer = right if trial < 5 else (right + 1) % 3
        page.get_by_role("button", name=f"X is {'ABC'[answer]}").click()
        assert "right" not in page.locator(".al-tally").text_content()
    order = state(page, "p.order")
    page.get_by_role("button", name="Reveal").click()
    told = page.get_by_role("status").text_content()
    for index, track in enumerate(order):
        assert f"{'ABC'[index]} is {TITLES[track]}" in told
    assert f"5 of 6 right; guessing does as well with p = {binom.sf(4, 6, 1 / 3):.3f}." in told
    assert page.locator(".al-pick .al-name").all_text_contents() == TITLES
    assert page.locator(".al-picture").first.is_visible()


def test_chances_are_those_of_the_binomial_distribution(page: Page, address: str) -> None:
    page.goto(f"{address}/inline.html")
    cases = [(0, 0, 2), (0, 5, 2), (5, 5, 2), (12, 16, 2), (7, 20, 4), (60, 100, 2), (9, 10, 3)]
    found = state(page, f"{json.dumps(cases)}.map(c => p.constructor.parts.chanceOf(...c))")
    expected = [binom.sf(right - 1, total, 1 / choices) for right, total, choices in cases]
    assert found == pytest.approx(expected, rel=1e-9)


def test_secret_orders_and_x_are_fair(page: Page, address: str) -> None:
    page.goto(f"{address}/inline.html")
    counts, xs = state(
        page,
        """(await (async () => {
          const counts = {}, xs = [0, 0, 0];
          for (let i = 0; i < 1200; i++) {
            await p.setBlind(true);
            counts[p.order] = (counts[p.order] || 0) + 1;
            xs[p.x] += 1;
            await p.setBlind(false);
          }
          return [Object.values(counts), xs];
        })())""",
    )
    # Six standard deviations of a fair draw: one failure in 10^8 runs or fewer.
    assert len(counts) == 6
    assert all(abs(count - 200) < 6 * (1200 * 5 / 36) ** 0.5 for count in counts)
    assert all(abs(count - 400) < 6 * (1200 * 2 / 9) ** 0.5 for count in xs)


# ---------------------------------------------------------------------- without script or server


@pytest.mark.parametrize("name", ["inline.html", "files.html"])
def test_without_a_script_every_track_is_a_plain_audio_element(
    open_page: Callable[..., Page], address: str, name: str
) -> None:
    page = open_page(java_script_enabled=False)
    page.goto(f"{address}/{name}")
    elements = page.locator("audio")
    assert elements.count() == page.locator(".al-track").count() > 1
    for index in range(elements.count()):
        element = elements.nth(index)
        assert element.is_visible()
        assert element.get_attribute("controls") is not None
        assert element.get_attribute("preload") == "none"
        assert element.get_attribute("aria-label")
    assert page.locator("button").count() == 0


def test_from_a_disk_inline_sounds_are_exact(page: Page, site: Path) -> None:
    page.goto((site / "inline.html").as_uri())
    page.get_by_role("button", name="Play").click()
    wait_until_playing(page)
    assert state(page, "p.sound.exact")


def test_from_a_disk_files_play_through_their_elements(page: Page, site: Path) -> None:
    page.goto((site / "files.html").as_uri())
    page.get_by_role("button", name="Play").click()
    wait_until_playing(page)
    assert state(page, "p.sound.exact") is False
    before = state(page, "p.position")
    page.keyboard.press("2")
    page.wait_for_function("document.querySelectorAll('audio')[1].currentTime > 0.1")
    assert state(page, "p.elements.map(e => e.paused)") == [True, False]
    assert state(page, "p.position") >= before - 0.05
    page.keyboard.press("b")
    page.wait_for_function("document.querySelector('.al-status').textContent.includes('http')")
    assert state(page, "p.blind") is False
    page.keyboard.press(" ")
    assert state(page, "p.elements.every(e => e.paused)")


def test_a_missing_file_leaves_the_elements(open_page: Callable[..., Page], site: Path) -> None:
    page = open_page()
    page.route("**/*.flac", lambda route: route.fulfill(status=200, body="no sound"))
    page.set_content(
        document(
            '<audiolab-player class="audiolab-player" data-rate="16000"><figure>'
            '<div class="al-tracks"><div class="al-track" data-duration="1">'
            '<span class="al-name">A</span><audio src="data:audio/flac;base64,AAAA"></audio>'
            "</div></div><figcaption></figcaption></figure></audiolab-player>"
        )
    )
    page.add_script_tag(path=display.assets_path() / "player.js")
    assert state(page, "(await p.load(), p.sound.exact)") is False


# ------------------------------------------------------------------------------ seen and read aloud


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(
    open_page: Callable[..., Page], axe: Callable[[Page], list[str]], address: str, scheme: str
) -> None:
    page = open_page(color_scheme=scheme)
    page.goto(f"{address}/inline.html")
    assert axe(page) == []
    page.get_by_role("button", name="Blind").click()
    page.wait_for_selector(".al-blind:not([hidden])")
    assert axe(page) == []


def test_axe_finds_nothing_serious_without_a_script_and_in_a_notebook(
    page: Page, axe: Callable[[Page], list[str]], address: str
) -> None:
    page.goto(f"{address}/notebook.html")
    assert axe(page) == []
    page.evaluate("document.querySelectorAll('audiolab-player').forEach(p => p.className = '')")
    assert axe(page) == []


def test_everything_has_a_name(page: Page, address: str) -> None:
    page.goto(f"{address}/inline.html")
    assert page.get_by_role("group", name="Player: Rising, Falling, Noise").count() == 1
    for index, title in enumerate(TITLES):
        button = page.get_by_role("button", name=f"{index + 1} {title}")
        assert button.get_attribute("aria-pressed") == str(index == 0).lower()
    assert page.get_by_role("slider", name="Position").count() == 1
    assert page.get_by_role("img", name="Spectrogram of Noise: 2.00 s, 0 to 8 kHz").count() == 1
    assert page.locator("html").get_attribute("lang") == "en"


def test_focus_is_seen_and_the_chosen_track_is_told_by_more_than_colour(
    page: Page, address: str
) -> None:
    page.goto(f"{address}/inline.html")
    page.keyboard.press("Tab")
    ring = page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
    assert ring == "3px"
    names = page.locator(".al-pick .al-name")
    weights = names.evaluate_all("names => names.map(name => getComputedStyle(name).fontWeight)")
    assert weights == ["700", "500", "500"]


@pytest.mark.parametrize("width", [320, 480, 900])
def test_nothing_sticks_out_of_a_narrow_page(
    open_page: Callable[..., Page], address: str, width: int
) -> None:
    page = open_page(viewport={"width": width, "height": 800})
    page.goto(f"{address}/inline.html")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_less_motion_means_a_cursor_that_steps(
    open_page: Callable[..., Page], address: str
) -> None:
    page = open_page(reduced_motion="reduce")
    page.goto(f"{address}/inline.html")
    page.evaluate(
        """() => {
          window.moves = 0;
          const player = document.querySelector('audiolab-player');
          const original = player.move.bind(player);
          player.move = () => { window.moves += 1; original(); };
        }"""
    )
    page.get_by_role("button", name="Play").click()
    wait_until_playing(page)
    page.wait_for_function("document.querySelector('audiolab-player').position > 1.2")
    assert 2 <= page.evaluate("window.moves") <= 5


def test_the_script_is_small() -> None:
    assert (display.assets_path() / "player.js").stat().st_size < 20_000
