"""What a player plays: any usual spelling of samples made one track with its levels.

Levels stay as they are: nothing here normalises. Integers are scaled by their type's full scale, as
files store them. Values beyond full scale are kept, measured and reported; they are clipped only
where a file is written, which is what any converter would do to them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from os import PathLike, fspath
from pathlib import PurePath
from typing import Any

import numpy as np
import torch

from audiolab._validation import check_sample_rate, check_waveform
from audiolab.io import load
from audiolab.metrics import loudness_lufs, peak_db, rms_db

__all__ = ["Track", "as_tracks"]

#: More channels than this are a waveform lying on its side.
MAX_CHANNELS = 8


@dataclass(frozen=True, eq=False)
class Track:
    """One version of a sound, with its name.

    Attributes
    ----------
    title : str
        Name to show.
    waveform : Tensor
        Samples of shape (channels, time), float32 or float64 on the CPU.
    sample_rate : int
        Sample rate in Hz.
    """

    title: str
    waveform: torch.Tensor
    sample_rate: int

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.waveform.shape[-1] / self.sample_rate

    @property
    def num_channels(self) -> int:
        """Number of channels."""
        return self.waveform.shape[0]

    @property
    def peak_db(self) -> float:
        """Largest sample of any channel, in dBFS; -inf for silence."""
        return float(peak_db(self.waveform).max())

    @property
    def rms_db(self) -> float:
        """Root mean square over all channels, in dBFS; -inf for silence."""
        return float(rms_db(self.waveform.reshape(-1)))

    @property
    def loudness_lufs(self) -> float:
        """Gated loudness by ITU-R BS.1770; NaN where the standard defines none."""
        measurable = self.duration_s >= 0.4 and self.sample_rate >= 8000 and self.num_channels <= 5
        return float(loudness_lufs(self.waveform, self.sample_rate)) if measurable else math.nan

    @property
    def clips(self) -> bool:
        """Whether a sample lies beyond full scale."""
        return bool(self.waveform.abs().max() > 1.0)

    def facts(self) -> list[str]:
        """Return what is worth knowing beside the sound, one short phrase each."""
        loudness = self.loudness_lufs
        channels = {1: "mono", 2: "stereo"}.get(self.num_channels, f"{self.num_channels} channels")
        return [
            f"peak {format_db(self.peak_db)} dBFS",
            f"RMS {format_db(self.rms_db)} dBFS",
            *([] if math.isnan(loudness) else [f"{format_db(loudness)} LUFS"]),
            f"{self.duration_s:.2f} s",
            f"{self.sample_rate / 1000:g} kHz",
            channels,
        ]


def format_db(level_db: float) -> str:
    """Write a level with one decimal, its sign and a true minus."""
    if math.isinf(level_db):
        return "−∞" if level_db < 0 else "∞"
    rounded = round(level_db, 1) + 0.0
    return f"{rounded:+.1f}".replace("-", "−") if rounded else "0.0"


def as_tracks(
    tracks: Any, sample_rate: int | None = None, *, titles: Sequence[str] | None = None
) -> list[Track]:
    """Return the tracks that `tracks` stands for; `player` lists its spellings.

    Raises
    ------
    TypeError
        Something that is no sound.
    ValueError
        No track, no sample rate, empty or non-finite samples, or as many titles as tracks are not.
    """
    if sample_rate is not None:
        sample_rate = check_sample_rate(sample_rate)
    named: list[tuple[str | None, Any]]
    if isinstance(tracks, Mapping):
        if titles is not None:
            raise ValueError("titles must be left out when tracks is a mapping from titles")
        named = [(str(name), item) for name, item in tracks.items()]
    elif _is_one_track(tracks):
        named = [(None, tracks)]
    elif isinstance(tracks, Sequence):
        named = [(None, item) for item in tracks]
    else:
        raise TypeError(f"tracks must be samples, a path, a list or a dict, got {_name(tracks)}")
    if not named:
        raise ValueError("tracks must hold at least one track")
    if titles is not None:
        names = [titles] if isinstance(titles, str) else list(titles)
        if len(names) != len(named):
            raise ValueError(f"titles must name {len(named)} track(s), got {len(names)}")
        named = [(str(name), item) for name, (_, item) in zip(names, named, strict=True)]
    return [
        _as_track(item, sample_rate, name, index, len(named))
        for index, (name, item) in enumerate(named)
    ]


def _is_one_track(item: Any) -> bool:
    if isinstance(item, (str, PathLike, bytes, bytearray, np.ndarray, torch.Tensor)):
        return True
    if isinstance(item, Sequence) and len(item) > 0:
        if isinstance(item[0], Real):  # [0.1, 0.2, ...]
            return True
        # (waveform, rate), as `audiolab.io.load` returns it
        if isinstance(item, tuple) and len(item) == 2 and isinstance(item[1], Integral):
            return True
        # [[left...], [right...]]: plain numbers all through
        return all(
            isinstance(row, Sequence)
            and not isinstance(row, (str, bytes))
            and len(row) > 0
            and isinstance(row[0], Real)
            and not _is_pair(row)
            for row in item
        )
    return False


def _is_pair(item: Any) -> bool:
    return isinstance(item, tuple) and len(item) == 2 and not isinstance(item[0], Real)


def _as_track(
    item: Any, sample_rate: int | None, title: str | None, index: int, count: int
) -> Track:
    where = "tracks" if count == 1 else f"tracks[{title!r}]" if title else f"tracks[{index}]"
    if isinstance(item, tuple) and len(item) == 2 and isinstance(item[1], Integral):
        item, sample_rate = item[0], check_sample_rate(int(item[1]), f"{where}[1]")
    if isinstance(item, (str, PathLike, bytes, bytearray)):
        waveform, sample_rate = load(item)
        if title is None and isinstance(item, (str, PathLike)):
            title = PurePath(fspath(item)).name
    else:
        waveform = _as_waveform(item, where)
    if sample_rate is None:
        raise ValueError(
            f"sample_rate is missing for {where}: pass sample_rate=, or a pair (waveform, rate)"
        )
    fallback = "Sound" if count == 1 else f"Track {index + 1}"
    return Track(title or fallback, waveform, sample_rate)


def _as_waveform(item: Any, where: str) -> torch.Tensor:
    """Return samples as (channels, time) floats with full scale at 1."""
    if not isinstance(item, torch.Tensor):
        try:
            array = np.asarray(item)
        except ValueError:
            raise ValueError(
                f"{where} must hold rows of equal length, one for each channel; "
                "several tracks of plain lists go into a dict"
            ) from None
        if array.dtype.kind not in "iuf":
            raise TypeError(f"{where} must hold real numbers, got {_name(item)} of {array.dtype}")
        if array.dtype.kind in "iu":
            array = _scale_integers(array)
        item = torch.tensor(array)
    elif not item.is_floating_point() and not item.is_complex() and item.dtype != torch.bool:
        item = torch.tensor(_scale_integers(item.detach().cpu().numpy()))
    check_waveform(item, where, allow_empty=False, finite=True)
    if item.dim() > 2:
        raise ValueError(
            f"{where} must have shape (time,) or (channels, time), got {tuple(item.shape)}"
        )
    waveform: torch.Tensor = item.detach().cpu().reshape(-1, item.shape[-1])
    if len(waveform) > MAX_CHANNELS:
        raise ValueError(
            f"{where} has {len(waveform)} channels, and at most {MAX_CHANNELS} can be played; "
            f"shape {tuple(item.shape)} must be (channels, time), transpose (time, channels)"
        )
    return waveform if waveform.dtype == torch.float64 else waveform.float()


def _scale_integers(array: np.ndarray) -> np.ndarray:
    """Scale integer PCM to ±1. Lists of ints come as 64 bits: their size tells what they hold."""
    if array.dtype == np.uint8:  # 8-bit PCM is the one kind with its zero in the middle
        return (array.astype(np.float32) - 128.0) / 128.0
    if array.dtype.itemsize < 8 and array.dtype.kind == "i":
        return (array / 2.0 ** (8 * array.dtype.itemsize - 1)).astype(np.float64)
    largest = int(np.abs(array).max(initial=0))
    full_scale = 1.0 if largest <= 1 else 2.0**15 if largest <= 2**15 else 2.0**31
    return array / full_scale


def _name(item: Any) -> str:
    return type(item).__name__
