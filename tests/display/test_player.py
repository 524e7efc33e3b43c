"""The player's HTML: exact sounds, honest labels, nothing from elsewhere."""

from __future__ import annotations

import base64
import re
from html.parser import HTMLParser

import numpy as np
import pytest
import torch

from audiolab import display, io
from audiolab.display.markup import inline_assets

RATE = 16_000


@pytest.fixture
def noise() -> torch.Tensor:
    return torch.rand(RATE, generator=torch.Generator().manual_seed(0)) - 0.5


def sounds(html: str) -> list[bytes]:
    return [base64.b64decode(data) for data in re.findall(r"data:audio/flac;base64,([^\"]+)", html)]


class Balance(HTMLParser):
    """Checks that elements close in the order in which they open."""

    VOID = ("img", "input", "meta", "link", "br")

    def __init__(self) -> None:
        super().__init__()
        self.stack: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in self.VOID:
            self.stack.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag


def check_balance(html: str) -> None:
    parser = Balance()
    parser.feed(html)
    assert parser.stack == []


@pytest.mark.parametrize(("encoding", "step"), [("pcm_s16", 2.0**-15), ("pcm_s24", 2.0**-23)])
def test_the_sound_is_what_came_in(noise: torch.Tensor, encoding: str, step: float) -> None:
    html = display.player(0.01 * noise, RATE, encoding=encoding)._repr_html_()
    (data,) = sounds(html)
    waveform, rate = io.decode(data)
    assert rate == RATE
    # Half a step of rounding; never louder, never softer.
    assert (waveform[0] - 0.01 * noise).abs().max() <= 0.5 * step + 1e-9


def test_levels_and_clipping_are_told(noise: torch.Tensor) -> None:
    html = display.player({"fine": noise, "hot": 4 * noise}, RATE)._repr_html_()
    assert html.count('class="al-clips"') == 1
    assert '<strong class="al-clips">clips: peak +6.0 dB</strong>' in html
    assert "<span>peak −6.0 dBFS</span>" in html
    assert re.search(r"<span>−\d+\.\d LUFS</span>", html)
    (_, hot) = sounds(html)
    waveform, _ = io.decode(hot)
    assert waveform.max() == pytest.approx(1.0, abs=1e-4)
    assert waveform.min() == -1.0


def test_full_scale_itself_is_not_clipping() -> None:
    html = display.player(np.array([32767, -32768], np.int16), RATE)._repr_html_()
    assert 'class="al-clips"' not in html
    (data,) = sounds(html)
    assert (io.decode(data)[0] * 32768).tolist() == [[32767, -32768]]


def test_titles_are_text_and_not_markup(noise: torch.Tensor) -> None:
    element = display.player({'<b>"R&B"</b>': noise}, RATE, caption="a < b").to_html(assets=False)
    assert "<b>" not in element
    assert "&lt;b&gt;&quot;R&amp;B&quot;&lt;/b&gt;" in element
    assert "a &lt; b" in element
    check_balance(element)


def test_every_track_is_a_labelled_audio_element_and_a_labelled_picture(
    noise: torch.Tensor,
) -> None:
    element = display.player([noise, noise], RATE, titles=["a", "b"]).to_html(assets=False)
    assert element.count('<audio controls preload="none" src="data:audio/flac;base64,') == 2
    assert re.findall(r'aria-label="(\w)"', element) == ["a", "b"]
    assert re.findall(r'alt="([^"]+)"', element) == [
        "Spectrogram of a: 1.00 s, 0 to 8 kHz",
        "Spectrogram of b: 1.00 s, 0 to 8 kHz",
    ]
    assert '<figure role="group" aria-label="Player: a, b">' in element
    bare = display.player(noise, RATE, spectrograms=False).to_html(assets=False)
    assert "<img" not in bare
    assert "pectrogram" not in bare


def test_the_output_asks_nobody_and_is_the_same_each_time(noise: torch.Tensor) -> None:
    html = display.player(noise, RATE)._repr_html_()
    assert not re.search(r"""(src|href)=["'](?!data:)""", html)
    assert "http" not in re.sub(r"on http\b", "", html.replace('on http"', ""))
    assert html == display.player(noise, RATE)._repr_html_()
    assert " id=" not in html


def test_a_page_too_large_is_refused_at_once(noise: torch.Tensor) -> None:
    with pytest.raises(ValueError, match=r"take 0\.\d MB as FLAC, .* raise max_inline_bytes"):
        display.player([noise] * 4, RATE, max_inline_bytes=100_000)
    display.player([noise] * 4, RATE, max_inline_bytes=200_000)


def test_a_publisher_takes_files_and_the_limit_off(noise: torch.Tensor) -> None:
    stored: dict[str, bytes] = {}

    def publish(data: bytes, suffix: str) -> str:
        stored[f"{len(stored)}{suffix}"] = data
        return f"files/{len(stored) - 1}{suffix}"

    assert display.set_publisher(publish) is None
    try:
        html = display.player([noise, noise], RATE, max_inline_bytes=10)._repr_html_()
    finally:
        assert display.set_publisher(None) is publish
    assert sorted(stored) == ["0.flac", "1.flac", "2.png", "3.png"]
    assert 'src="files/1.flac"' in html
    assert 'src="files/3.png"' in html
    assert "data:" not in html
    assert "<script" not in html
    assert io.info(stored["0.flac"]).num_samples == RATE


def test_a_repr_tells_what_is_in_it(noise: torch.Tensor) -> None:
    assert repr(display.player({"a": noise}, RATE)) == "<Player: 'a' 1.00 s>"


def test_an_unknown_encoding_is_named(noise: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="encoding must be one of 'pcm_s16', 'pcm_s24'"):
        display.player(noise, RATE, encoding="mp3")


def test_the_assets_may_stand_inside_a_page() -> None:
    """Neither file may hold what would end the element around it."""
    assert inline_assets().count("</script>") == 1
    assert inline_assets().count("</style>") == 1


def test_a_comparison_page_is_whole(noise: torch.Tensor) -> None:
    page = display.comparison_page(
        {"a": noise, "b": (noise, 8000)}, RATE, title="A & B", notes=["One.", "<two>"]
    )
    check_balance(page.removeprefix("<!doctype html>"))
    assert page.startswith('<!doctype html>\n<html lang="en">')
    assert "<title>A &amp; B</title>" in page
    assert "<h1>A &amp; B</h1>" in page
    assert "<p>&lt;two&gt;</p>" in page
    assert page.count('<th scope="row">') == 2
    assert page.count("<script>") == page.count("customElements.define") == 1
    assert len(sounds(page)) == 2
    assert not re.search(r"""(src|href)=["'](?!data:)""", page)


def test_a_comparison_page_is_one_file_while_docs_are_built(noise: torch.Tensor) -> None:
    def refuse(data: bytes, suffix: str) -> str:
        raise AssertionError("a page of its own must not publish files")

    display.set_publisher(refuse)
    try:
        display.comparison_page(noise, RATE, title="One")
        assert display.set_publisher(refuse) is refuse
    finally:
        display.set_publisher(None)
