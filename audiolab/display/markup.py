"""The player's HTML: complete without a script, and ready to be taken over by one.

Every track is a plain ``<audio>`` with its name, levels and picture. ``player.js`` defines the
element ``<audiolab-player>`` that turns them into one player. Text is escaped; nothing here has an
``id``, so that any number of players fit into a page.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from html import escape
from pathlib import Path

from audiolab.display.pictures import RANGE_DB, Picture
from audiolab.display.tracks import Track, format_db

__all__ = ["assets_path", "inline_assets", "player_html"]


def assets_path() -> Path:
    """Return the folder with ``player.js`` and ``player.css``, for pages that link them.

    Returns
    -------
    Path
        A folder of the installed package.

    Examples
    --------
    >>> sorted(path.name for path in assets_path().iterdir())
    ['player.css', 'player.js']
    """
    return Path(__file__).parent / "_assets"


@cache
def inline_assets() -> str:
    """Return style sheet and script as elements that may stand in a page any number of times."""
    style = (assets_path() / "player.css").read_text(encoding="utf-8")
    script = (assets_path() / "player.js").read_text(encoding="utf-8")
    return f"<style>\n{style}</style>\n<script>\n{script}</script>"


def player_html(
    tracks: Sequence[Track],
    sounds: Sequence[str],
    pictures: Sequence[tuple[Picture, str]] | None,
    top_db: float,
    *,
    caption: str | None = None,
) -> str:
    """Return the element for `tracks`, whose files have the addresses given."""
    longest_s = max(track.duration_s for track in tracks)
    top_rate = max(track.sample_rate for track in tracks)
    names = ", ".join(track.title for track in tracks)
    rows = []
    for index, track in enumerate(tracks):
        picture = pictures[index] if pictures else None
        rows.append(_row(track, sounds[index], picture, longest_s, top_rate / 2))
    notes = [caption] if caption else []
    if pictures:
        kind = "Spectrogram" if len(tracks) == 1 else "Spectrograms"
        notes.append(
            f"{kind}: 0 to {top_rate / 2000:g} kHz, {_round_db(top_db - RANGE_DB)} to "
            f"{_round_db(top_db)} dBFS, brighter is louder."
        )
    notes.append("Levels are true, nothing is normalised.")
    return (
        f'<audiolab-player class="audiolab-player" data-rate="{top_rate}">\n'
        f'<figure role="group" aria-label="Player: {escape(names)}">\n'
        '<div class="al-tracks">\n' + "\n".join(rows) + "\n</div>\n"
        f'<figcaption><p class="al-caption">{escape(" ".join(notes))}</p></figcaption>\n'
        "</figure>\n</audiolab-player>"
    )


def _row(
    track: Track,
    sound: str,
    picture: tuple[Picture, str] | None,
    longest_s: float,
    top_hz: float,
) -> str:
    name = escape(track.title)
    facts = " ".join(f"<span>{fact}</span>" for fact in track.facts())
    clips = ""
    if track.clips:
        clips = f' <strong class="al-clips">clips: peak {format_db(track.peak_db)} dB</strong>'
    image = ""
    if picture is not None:
        drawing, address = picture
        share = min(100.0, 100.0 * track.duration_s / longest_s)
        image = (
            '<div class="al-picture">'
            f'<img class="dark-light" src="{escape(address)}" style="width:{share:.4f}%" '
            f'width="{drawing.width}" height="{drawing.height}" '
            f'alt="Spectrogram of {name}: {track.duration_s:.2f} s, 0 to {top_hz / 1000:g} kHz">'
            f'<span class="al-hertz" aria-hidden="true">{top_hz / 1000:g} kHz</span>'
            '<span class="al-hertz" aria-hidden="true">0</span></div>'
        )
    kind = "al-track" if picture is not None else "al-track al-nopicture"
    return (
        f'<div class="{kind}" data-duration="{track.duration_s:.6f}">\n'
        f'<div class="al-label"><span class="al-name">{name}</span></div>\n'
        f"{image}\n"
        f'<p class="al-facts">{facts}{clips}</p>\n'
        f'<audio controls preload="none" src="{escape(sound)}" aria-label="{name}"></audio>\n'
        "</div>"
    )


def _round_db(level_db: float) -> str:
    return format_db(level_db).removesuffix(".0")
