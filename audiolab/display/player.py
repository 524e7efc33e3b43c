"""The listening player: one or many versions of a sound, switched at one position.

The sound reaches the page as FLAC, bit for bit what a 16-bit file would hold (24-bit where asked).
Nothing is normalised. `player` takes whatever `IPython.display.Audio` takes as samples and rate,
and pairs, lists, mappings and paths besides. Microphones, streams and live signals are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from audiolab._validation import check_choice
from audiolab.display.markup import inline_assets, player_html
from audiolab.display.pictures import draw_pictures
from audiolab.display.publishing import address_of, publisher
from audiolab.display.tracks import Track, as_tracks
from audiolab.io import encode

__all__ = ["Player", "player"]


class Player:
    """What `player` returns; a notebook or a gallery page shows it by its HTML.

    Parameters
    ----------
    tracks : sequence of Track
        What to play.
    spectrograms : bool
        Whether to show pictures.
    encoding : {"pcm_s16", "pcm_s24"}
        Sample format of the FLAC.
    caption : str or None
        A sentence below.
    max_inline_bytes : int
        Most bytes of sound that may stand in the page itself.
    """

    def __init__(
        self,
        tracks: Sequence[Track],
        *,
        spectrograms: bool,
        encoding: str,
        caption: str | None,
        max_inline_bytes: int,
    ) -> None:
        self.tracks = tuple(tracks)
        self._spectrograms = spectrograms
        self._caption = caption
        self._publish = publisher()
        self._sounds = [_flac(track, encoding) for track in self.tracks]
        total = sum(map(len, self._sounds))
        if self._publish is None and total > max_inline_bytes:
            raise ValueError(
                f"these tracks take {total / 1e6:.1f} MB as FLAC, and at most "
                f"{max_inline_bytes / 1e6:.1f} MB are put into a page: play a shorter stretch, "
                "one channel, a lower sample rate or fewer tracks, or raise max_inline_bytes"
            )

    def __repr__(self) -> str:
        listed = ", ".join(f"{track.title!r} {track.duration_s:.2f} s" for track in self.tracks)
        return f"<Player: {listed}>"

    def to_html(self, *, assets: bool = True) -> str:
        """Return the player as HTML.

        Parameters
        ----------
        assets : bool, default: True
            Whether to include script and style sheet, which a page needs once.

        Returns
        -------
        str
            An element that may stand anywhere in a page's body.
        """
        publish = self._publish
        sounds = [address_of(sound, ".flac", publish) for sound in self._sounds]
        pictures, top_db = None, 0.0
        if self._spectrograms:
            drawn, top_db = draw_pictures(self.tracks)
            pictures = [(picture, address_of(picture.png, ".png", publish)) for picture in drawn]
        element = player_html(self.tracks, sounds, pictures, top_db, caption=self._caption)
        return f"{element}\n{inline_assets()}" if assets else element

    def _repr_html_(self) -> str:
        return self.to_html(assets=self._publish is None)


def player(
    tracks: Any,
    sample_rate: int | None = None,
    *,
    titles: Sequence[str] | None = None,
    spectrograms: bool = True,
    caption: str | None = None,
    encoding: str = "pcm_s16",
    max_inline_bytes: int = 1_000_000,
) -> Player:
    """Play one sound, or several that are switched at the same position.

    Parameters
    ----------
    tracks : Tensor, array, list, tuple, mapping or path
        Samples of shape (time,) or (channels, time), as a tensor, an array or plain lists; a pair
        ``(waveform, sample_rate)``; a path to an audio file or the bytes of one; or a list of such
        tracks, or a mapping from titles to them. Full scale is 1 for floats, and the type's own for
        integers; integers of 64 bits, such as Python's, are taken as 16-bit samples if they fit.
    sample_rate : int, optional
        Sample rate in Hz of every track that does not bring its own.
    titles : sequence of str, optional
        Name of each track. Default: the mapping's keys, the files' names, or numbers.
    spectrograms : bool, default: True
        Whether to show a spectrogram of each track, on one scale.
    caption : str, optional
        A sentence below the player: what to listen for.
    encoding : {"pcm_s16", "pcm_s24"}, default: "pcm_s16"
        Sample format of the FLAC that is played.
    max_inline_bytes : int, default: 1_000_000
        Most bytes of FLAC that may be put into a notebook's output.

    Returns
    -------
    Player
        An object that notebooks and gallery pages show.

    Raises
    ------
    TypeError
        Something that is no sound.
    ValueError
        Missing rate, empty or non-finite samples, or too many bytes for a page.

    Notes
    -----
    Levels are true: nothing is normalised. Samples beyond full scale are clipped in the FLAC, as
    any integer file would clip them, and the player says so. Keys: space plays, 1-9 choose a track,
    arrows, Home and End move, L loops, B starts a blind test.

    Examples
    --------
    >>> tone = torch.sin(torch.arange(8000) * 0.5)
    >>> player({"loud": tone, "soft": 0.1 * tone}, 8000)
    <Player: 'loud' 1.00 s, 'soft' 1.00 s>
    """
    check_choice(encoding, "encoding", ("pcm_s16", "pcm_s24"))
    return Player(
        as_tracks(tracks, sample_rate, titles=titles),
        spectrograms=spectrograms,
        encoding=encoding,
        caption=caption,
        max_inline_bytes=max_inline_bytes,
    )


def _flac(track: Track, encoding: str) -> bytes:
    # Clipped here, knowingly: the page says by how much.
    waveform: torch.Tensor = track.waveform.clamp(-1.0, 1.0)
    return encode(waveform, track.sample_rate, format="flac", encoding=encoding)
