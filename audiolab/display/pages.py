"""A page of its own for a player: one HTML file that holds everything and asks nobody.

The page lists the files, plays them against one another and explains the keys. Sounds, pictures,
script and style stand in it, so it can be mailed, archived and opened from a disk. It follows the
reader's light or dark preference.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import Any

from audiolab.display.markup import inline_assets
from audiolab.display.player import Player
from audiolab.display.publishing import set_publisher
from audiolab.display.tables import Table
from audiolab.display.tracks import Track, as_tracks, format_db

__all__ = ["comparison_page"]

_STYLE = """
:root { color-scheme: light dark; }
body {
  max-width: 60rem; margin: 0 auto; padding: 2rem 1.25rem 3rem;
  background: #f6f7f9; color: #1c2026; font: 1rem/1.55 system-ui, sans-serif;
}
h1 { margin: 0 0 0.25rem; font-size: 1.7rem; line-height: 1.2; overflow-wrap: anywhere; }
h2 { margin: 2rem 0 0.5rem; font-size: 1.15rem; }
p { max-width: 44rem; }
.audiolab-player { max-width: none; }
.table { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 0.4rem 0.8rem 0.4rem 0; border-bottom: 1px solid #c9ced6; text-align: right; }
th:first-child, td:first-child { text-align: left; overflow-wrap: anywhere; }
caption { font-size: 1.15rem; font-weight: bold; text-align: left; padding: 2rem 0 0.5rem; }
thead th { font-size: 0.8125rem; font-weight: 600; vertical-align: bottom; }
tbody th { font-weight: 600; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.25rem 1rem; }
dt { font-weight: 600; } dd { margin: 0; }
footer { margin-top: 2.5rem; font-size: 0.875rem; }
@media (prefers-color-scheme: dark) {
  body { background: #0f1114; color: #e8eaee; }
  th, td { border-color: #434b57; }
}
"""

_KEYS = (
    ("space", "play or pause"),
    ("1 to 9", "switch to a track, at the same position"),
    ("← →", "one second back or forth; Home and End go to either end"),
    ("L", "loop"),
    ("B", "blind test: names become letters in a secret order, and X is one of them"),
)


def comparison_page(
    tracks: Any,
    sample_rate: int | None = None,
    *,
    title: str,
    titles: Sequence[str] | None = None,
    notes: str | Sequence[str] = (),
    tables: Sequence[Table] = (),
    spectrograms: bool = True,
    encoding: str = "pcm_s16",
    max_inline_bytes: int = 100_000_000,
) -> str:
    """Write a self-contained HTML page that plays tracks against one another.

    Parameters
    ----------
    tracks : Tensor, array, list, tuple, mapping or path
        What to play, in any spelling that `player` takes.
    sample_rate : int, optional
        Sample rate in Hz of every track that does not bring its own.
    title : str
        Heading of the page.
    titles : sequence of str, optional
        Name of each track. Default: the mapping's keys, the files' names, or numbers.
    notes : str or sequence of str, optional
        Paragraphs of plain text above the player.
    tables : sequence of Table
        Tables below the player, each under its caption.
    spectrograms : bool, default: True
        Whether to show a spectrogram of each track.
    encoding : {"pcm_s16", "pcm_s24"}, default: "pcm_s16"
        Sample format of the FLAC in the page.
    max_inline_bytes : int, default: 100_000_000
        Most bytes of FLAC to put into the page; it grows by a third more.

    Returns
    -------
    str
        The whole page, to be written as UTF-8.

    Raises
    ------
    ValueError
        What `player` raises.

    Examples
    --------
    >>> import torch
    >>> tone = torch.sin(torch.arange(8000) * 0.5)
    >>> page = comparison_page({"loud": tone, "soft": 0.1 * tone}, 8000, title="Two levels")
    >>> page.splitlines()[0]
    '<!doctype html>'
    """
    listed = as_tracks(tracks, sample_rate, titles=titles)
    # The page is one file, also while a publisher is set.
    before = set_publisher(None)
    try:
        player = Player(
            listed,
            spectrograms=spectrograms,
            encoding=encoding,
            caption=None,
            max_inline_bytes=max_inline_bytes,
        )
        element = player.to_html(assets=False)
    finally:
        set_publisher(before)
    paragraphs = [notes] if isinstance(notes, str) else list(notes)
    text = "\n".join(f"<p>{escape(paragraph)}</p>" for paragraph in paragraphs)
    keys = "\n".join(f"<dt>{escape(key)}</dt><dd>{escape(does)}</dd>" for key, does in _KEYS)
    figures = "\n".join(table.to_html(style=False) for table in tables)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<link rel="icon" href="data:,">
<style>{_STYLE}</style>
{inline_assets()}
</head>
<body>
<main>
<h1>{escape(title)}</h1>
{text}
{element}
{figures}
<h2>Tracks</h2>
{_table(listed)}
<h2>Keys</h2>
<dl>
{keys}
</dl>
</main>
<footer><p>Made by audiolab. The page holds its sounds and asks no other computer.</p></footer>
</body>
</html>
"""


def _table(tracks: Sequence[Track]) -> str:
    head = ("Track", "Duration", "Rate", "Channels", "Peak", "RMS", "Loudness")
    rows = []
    for track in tracks:
        loudness = track.loudness_lufs
        cells = (
            f"{track.duration_s:.3f} s",
            f"{track.sample_rate / 1000:g} kHz",
            f"{track.num_channels}",
            f"{format_db(track.peak_db)} dBFS",
            f"{format_db(track.rms_db)} dBFS",
            "" if math.isnan(loudness) else f"{format_db(loudness)} LUFS",
        )
        rows.append(
            f'<tr><th scope="row">{escape(track.title)}</th>'
            + "".join(f"<td>{cell}</td>" for cell in cells)
            + "</tr>"
        )
    titles = "".join(f'<th scope="col">{name}</th>' for name in head)
    return (
        f'<div class="table" tabindex="0" role="region" aria-label="Tracks">'
        f"<table>\n<thead><tr>{titles}</tr></thead>\n<tbody>\n"
        + "\n".join(rows)
        + "\n</tbody>\n</table></div>"
    )
