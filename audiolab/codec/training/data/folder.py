"""Any folder of audio files as tracks to train on.

Files of all formats, rates and channels may be mixed, in subfolders too; each first-level subfolder
is a group of its own, so that a recipe can give it a share. What can't be used is skipped and
listed with its reason, and the rest is used.

wav and flac are read in place, a stretch at a time. Compressed formats can only be decoded from
their beginning, so they are decoded once into a cache of 16-bit samples, under a name made of the
file's path, size and time. Which files are held out depends on their names alone: adding files
moves none across, and no second of a held-out file is ever trained on.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from audiolab import io
from audiolab._files import atomic_path
from audiolab._typing import FilePath
from audiolab.codec.training.data.tracks import ShardTrack, Track

__all__ = ["SUFFIXES", "FileTrack", "FolderAudio", "read_folder"]

Samples = npt.NDArray[np.float32]
#: File names that are looked at.
SUFFIXES = frozenset(
    f".{name}"
    for name in (
        *("aac", "aif", "aifc", "aiff", "flac", "m4a", "mka", "mp3", "mp4"),
        *("oga", "ogg", "opus", "w64", "wav", "webm", "wma"),
    )
)
_IN_PLACE = ("wav", "flac")
#: One file in so many is held out.
_HELD_OUT_EVERY = 16


@dataclass(frozen=True)
class FolderAudio:
    """What a folder holds.

    Parameters
    ----------
    groups : dict of str to list of Track
        Usable files by first-level subfolder; those in the folder itself are ``"files"``.
    skipped : dict of str to str
        The other files, and why.
    """

    groups: dict[str, list[Track]]
    skipped: dict[str, str]


class FileTrack:
    """A wav or flac file, read in place.

    Parameters
    ----------
    path : Path
        The file.
    name : str
        What to call it.
    sample_rate : int
        The rate to resample to, in Hz.
    num_channels : int or None
        Channels to mix to, or None for those of the file.
    held_out : bool, default: False
        Whether it is for validation only.
    """

    def __init__(
        self,
        path: Path,
        name: str,
        sample_rate: int,
        *,
        num_channels: int | None,
        held_out: bool = False,
    ) -> None:
        facts = io.info(path)
        self.name = name
        self.held_out = held_out
        self.num_samples = facts.num_samples * sample_rate // facts.sample_rate
        self._path = path
        self._rate = sample_rate
        self._num_channels = num_channels

    def read(self, start: int, stop: int) -> Samples:
        """Return samples `start` to `stop`.

        Parameters
        ----------
        start : int
            First sample, at the rate that was asked for.
        stop : int
            Sample after the last.

        Returns
        -------
        ndarray
            float32, shape ``(channels, time)``.
        """
        # A little more than asked for: rounding to the file's own samples must leave none short.
        waveform, _ = io.load(
            self._path,
            sample_rate=self._rate,
            num_channels=self._num_channels,
            start_s=start / self._rate,
            stop_s=(stop + 2) / self._rate,
        )
        found = waveform[:, : stop - start].numpy()
        if not np.isfinite(found).all():
            raise io.AudioFileError(f"{self._path} holds NaN or infinity")
        return np.pad(found, ((0, 0), (0, stop - start - found.shape[1])))


def read_folder(
    folder: FilePath,
    sample_rate: int,
    *,
    num_channels: int = 1,
    min_samples: int = 1,
    cache: FilePath | None = None,
) -> FolderAudio:
    """Find the files of a folder that can be trained on.

    Parameters
    ----------
    folder : path-like
        Where to look, subfolders included.
    sample_rate : int
        Sample rate in Hz that is wanted.
    num_channels : int, default: 1
        Channels that are wanted; other files are mixed to one.
    min_samples : int, default: 1
        Shorter files are skipped.
    cache : path-like, optional
        Where compressed files are decoded to; by default ``audiolab/training`` in the user's cache
        folder.

    Returns
    -------
    FolderAudio
        Tracks, and what was skipped.

    Raises
    ------
    ValueError
        If no file can be used; says why the first ones can't.
    """
    root, store = Path(folder), Path(cache) if cache is not None else _default_cache()
    groups: dict[str, list[Track]] = {}
    skipped: dict[str, str] = {}
    for path in _audio_files(root):
        name = path.relative_to(root).as_posix()
        try:
            track = _open(path, name, sample_rate, num_channels, store)
        except (io.AudioFileError, OSError) as error:
            skipped[name] = str(error)
            continue
        if track.num_samples < min_samples:
            skipped[name] = (
                f"{name} is too short: {track.num_samples / sample_rate:.2f} s, "
                f"{min_samples / sample_rate:.2f} s are needed"
            )
            continue
        group = name.split("/")[0] if "/" in name else "files"
        groups.setdefault(group, []).append(track)
    if not groups:
        reasons = "; ".join(list(skipped.values())[:3]) or "it holds no audio files"
        raise ValueError(f"nothing in {root} can be trained on: {reasons}")
    return FolderAudio(groups, skipped)


def _audio_files(root: Path) -> list[Path]:
    return sorted(
        path
        for path in root.rglob("*")
        if path.suffix.lower() in SUFFIXES
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(root).parts)
    )


def _open(path: Path, name: str, rate: int, num_channels: int, store: Path) -> Track:
    facts = io.info(path)
    mixed = None if facts.num_channels == num_channels else 1
    held_out = zlib.crc32(name.encode()) % _HELD_OUT_EVERY == 0
    if facts.format in _IN_PLACE:
        return FileTrack(path, name, rate, num_channels=mixed, held_out=held_out)
    state = path.stat()
    key = f"{path.resolve()}:{state.st_size}:{state.st_mtime_ns}:{rate}:{mixed}"
    target = store / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.npy"
    if not target.is_file():
        waveform, _ = io.load(path, sample_rate=rate, num_channels=mixed)
        # Decoders overshoot full scale a little; 16 bits can't hold that.
        whole = (waveform.clamp(-1.0, 1.0) * 32767.0).round().short().numpy()
        store.mkdir(parents=True, exist_ok=True)
        with atomic_path(target, overwrite=True) as temporary, temporary.open("wb") as file:
            np.save(file, whole)
    num_samples = np.load(target, mmap_mode="r").shape[-1]
    return ShardTrack(target, int(num_samples), name=name, held_out=held_out)


def _default_cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "audiolab" / "training"
