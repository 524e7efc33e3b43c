"""The bundled clips: two sentences and eight bars' worth of music that the project made itself.

They are small FLAC files beside this module, so that every page, test and example works without a
network. `audiolab.signals.render` made them; what it wrote down about each is in ``clips.json``.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path

import torch

from audiolab._validation import check_choice
from audiolab.io import load

__all__ = ["ClipInfo", "clip", "clip_path", "clips"]

DATA = Path(__file__).parent / "data"
_ALIASES = {"speech": "speech_female"}


@dataclass(frozen=True)
class ClipInfo:
    """What is known about a bundled clip.

    Parameters
    ----------
    name : str
        Name for `clip`.
    title : str
        What one hears, in a few words.
    sample_rate : int
        Sample rate in Hz.
    num_channels : int
        Number of channels.
    duration_s : float
        Duration in seconds.
    loudness_lufs : float
        Gated loudness after ITU-R BS.1770-4.
    transcript : str
        What is said; empty for music.
    source : str
        How the sound was made, with voice and processing.
    license : str
        Under which terms it may be passed on.
    sha256 : str
        Hash of the FLAC file.
    """

    name: str
    title: str
    sample_rate: int
    num_channels: int
    duration_s: float
    loudness_lufs: float
    transcript: str
    source: str
    license: str
    sha256: str


@functools.cache
def clips() -> tuple[ClipInfo, ...]:
    """List the bundled clips.

    Returns
    -------
    tuple of ClipInfo
        One entry a clip, speech first.

    Examples
    --------
    >>> from audiolab import signals
    >>> [info.name for info in signals.clips()]
    ['speech_female', 'speech_male', 'music']
    """
    entries = json.loads((DATA / "clips.json").read_text(encoding="utf-8"))
    return tuple(ClipInfo(**entry) for entry in entries)


def clip_path(name: str) -> Path:
    """Return the file of a bundled clip, for what takes a path.

    Parameters
    ----------
    name : {"speech", "speech_female", "speech_male", "music"}
        Which clip; "speech" is short for "speech_female".

    Returns
    -------
    Path
        A FLAC file. It belongs to the installed package: read it only.

    Raises
    ------
    ValueError
        If there is no clip of that name.

    See Also
    --------
    clip : The samples themselves.

    Examples
    --------
    >>> from audiolab import signals
    >>> signals.clip_path("music").name
    'music.flac'
    """
    names = (*_ALIASES, *(info.name for info in clips()))
    chosen = check_choice(name, "name", names)
    return DATA / f"{_ALIASES.get(chosen, chosen)}.flac"


def clip(name: str) -> tuple[torch.Tensor, int]:
    """Load a bundled clip.

    Parameters
    ----------
    name : {"speech", "speech_female", "speech_male", "music"}
        Which clip; "speech" is short for "speech_female". Speech is 24 kHz mono, music 44.1 kHz
        stereo.

    Returns
    -------
    waveform : Tensor
        Samples, float32, shape ``(channels, time)``.
    sample_rate : int
        Sample rate in Hz.

    Raises
    ------
    ValueError
        If there is no clip of that name.

    See Also
    --------
    clips : What there is, with transcripts and licences.

    Examples
    --------
    >>> from audiolab import signals
    >>> waveform, sample_rate = signals.clip("speech")
    >>> waveform.shape[0], sample_rate
    (1, 24000)
    """
    return load(clip_path(name))
