"""Tracks: long stretches of audio that can be read anywhere, in groups with shares.

Rendered shards and folders of files look alike from here on. A `Library` holds groups of tracks;
a draw picks a group by its share, a track by its length and a start, so that each second of a group
is as likely as any other. A stretch that can't be read is noted and drawn anew from the same
generator, so that one bad file neither ends a run nor makes it unrepeatable.

Some tracks are held out: they are never drawn for training, and are all that is drawn for
validation.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from audiolab._typing import FilePath
from audiolab.io import AudioFileError

__all__ = ["Library", "ShardTrack", "Track", "read_shards"]

Samples = npt.NDArray[np.float32]
#: One shard in so many is held out.
_HELD_OUT_EVERY = 16
#: A damaged stretch is drawn anew, so many times.
_ATTEMPTS = 20


class Track(Protocol):
    """A stretch of audio that can be read anywhere."""

    @property
    def name(self) -> str:
        """What to call it in messages."""
        ...

    @property
    def num_samples(self) -> int:
        """Its length."""
        ...

    @property
    def held_out(self) -> bool:
        """Whether it is for validation only."""
        ...

    def read(self, start: int, stop: int) -> Samples:
        """Return samples ``start`` to ``stop``, float32, shape ``(channels, time)``."""
        ...


class ShardTrack:
    """A rendered shard, mapped into memory when it is first read.

    Parameters
    ----------
    path : Path
        A ``.npy`` file of int16 samples, ``(time,)`` or ``(channels, time)``.
    num_samples : int
        Its length.
    name : str, optional
        What to call it; by default the file's name.
    held_out : bool, default: False
        Whether it is for validation only.
    """

    def __init__(
        self, path: Path, num_samples: int, *, name: str | None = None, held_out: bool = False
    ) -> None:
        self.name = name or path.name
        self.num_samples = num_samples
        self.held_out = held_out
        self._path = path
        self._samples: npt.NDArray[np.int16] | None = None

    def read(self, start: int, stop: int) -> Samples:
        """Return samples `start` to `stop`.

        Parameters
        ----------
        start : int
            First sample.
        stop : int
            Sample after the last.

        Returns
        -------
        ndarray
            float32, shape ``(channels, time)``.
        """
        if self._samples is None:
            self._samples = np.load(self._path, mmap_mode="r")
        found = np.atleast_2d(self._samples[..., start:stop])
        return found.astype(np.float32) / np.float32(32768.0)


class Library:
    """Groups of tracks and how often each is drawn.

    Parameters
    ----------
    groups : mapping of str to sequence of Track
        The tracks of each group.
    shares : mapping of str to float, optional
        How often each group is drawn; by default as often as it is long.

    Raises
    ------
    ValueError
        If no track is left for training, or a share names no group.
    """

    def __init__(
        self, groups: Mapping[str, Sequence[Track]], shares: Mapping[str, float] | None = None
    ) -> None:
        unknown = sorted(set(shares or {}) - set(groups))
        if unknown:
            raise ValueError(f"shares name {', '.join(unknown)}; there are {', '.join(groups)}")
        #: Tracks that turned out to be damaged when they were read, and why.
        self.failed: dict[str, str] = {}
        self.names: dict[bool, list[str]] = {}
        self._tracks: dict[tuple[str, bool], list[Track]] = {}
        self._ends: dict[tuple[str, bool], npt.NDArray[np.int64]] = {}
        self._shares: dict[bool, npt.NDArray[np.float64]] = {}
        for held_out in (False, True):
            weights = {}
            for name, tracks in groups.items():
                chosen = [track for track in tracks if track.held_out == held_out]
                length = sum(track.num_samples for track in chosen)
                weight = float(length if shares is None else shares.get(name, 0.0))
                if chosen and weight > 0.0:
                    weights[name] = weight
                    self._tracks[name, held_out] = chosen
                    lengths = [track.num_samples for track in chosen]
                    self._ends[name, held_out] = np.cumsum(lengths, dtype=np.int64)
            self.names[held_out] = list(weights)
            total = sum(weights.values())
            self._shares[held_out] = np.array([weight / total for weight in weights.values()])
        if not self.names[False]:
            raise ValueError("there is no track to train on")

    def pick_group(self, rng: np.random.Generator, *, held_out: bool = False) -> str:
        """Draw a group by its share.

        Parameters
        ----------
        rng : numpy.random.Generator
            Source of randomness.
        held_out : bool, default: False
            Among those for validation.

        Returns
        -------
        str
            Its name.
        """
        edges = np.cumsum(self._shares[held_out])
        place = int(np.searchsorted(edges, rng.random() * edges[-1], side="right"))
        return self.names[held_out][place]

    def pick(
        self, rng: np.random.Generator, group: str, num_samples: int, *, held_out: bool = False
    ) -> Samples:
        """Draw a stretch of a group.

        Parameters
        ----------
        rng : numpy.random.Generator
            Source of randomness.
        group : str
            A name that `pick_group` gives.
        num_samples : int
            How long; a shorter track is followed by silence.
        held_out : bool, default: False
            Among those for validation.

        Returns
        -------
        ndarray
            float32, shape ``(channels, num_samples)``.

        Raises
        ------
        AudioFileError
            If file after file is damaged.
        """
        ends = self._ends[group, held_out]
        for _ in range(_ATTEMPTS):
            place = int(np.searchsorted(ends, int(rng.integers(ends[-1])), side="right"))
            track = self._tracks[group, held_out][place]
            start = int(rng.integers(max(track.num_samples - num_samples, 0) + 1))
            try:
                found = track.read(start, min(start + num_samples, track.num_samples))
            except AudioFileError as error:
                self.failed[track.name] = str(error)
                continue
            return np.pad(found, ((0, 0), (0, num_samples - found.shape[1])))
        raise AudioFileError(
            f"{_ATTEMPTS} draws from group {group!r} met damaged files; "
            + "; ".join(self.failed.values())
        )


def read_shards(folder: FilePath, sample_rate: int) -> dict[str, list[Track]]:
    """Return the tracks of a rendered folder.

    Parameters
    ----------
    folder : path-like
        What `rendering.render` wrote.
    sample_rate : int
        The rate that is wanted, in Hz.

    Returns
    -------
    dict of str to list of Track
        Tracks by kind; one shard in sixteen is held out.

    Raises
    ------
    ValueError
        If there are no shards, or they have another rate.
    """
    groups: dict[str, list[Track]] = {}
    for path in sorted(Path(folder).glob("*-[0-9]*.json")):
        record = json.loads(path.read_text(encoding="utf-8"))
        if record["sample_rate"] != sample_rate:
            raise ValueError(f"{path} is at {record['sample_rate']} Hz, not {sample_rate} Hz")
        tracks = groups.setdefault(record["kind"], [])
        held_out = len(tracks) % _HELD_OUT_EVERY == _HELD_OUT_EVERY - 1
        samples = path.with_suffix(".npy")
        tracks.append(ShardTrack(samples, record["num_samples"], held_out=held_out))
    if not groups:
        raise ValueError(
            f"{folder} holds no rendered shards: python -m audiolab.codec.training.data makes them"
        )
    return groups
