"""A bank of noises: recordings from a folder or tensors, read when needed, picked reproducibly.

What a pick is, is plain data: a name and a position between 0 and 1. It can be logged and used
again, and means the same on every machine that has the files: they are sorted by their path within
the folder, whatever order the file system lists them in.

Files are described when the bank is made and decoded when they are first used; the last ones used
stay in memory, up to a limit. A copy in another process starts with nothing in memory.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import torch

from audiolab._typing import FilePath, Seed
from audiolab._validation import as_generator, check_choice, check_positive, check_sample_rate
from audiolab.augment._looping import fit_noise
from audiolab.io import AudioFileError, formats, info, load

__all__ = ["NoiseBank", "NoisePick"]

#: What FFmpeg reads beside the formats that can be written.
_MORE_EXTENSIONS = (".aif", ".aiff", ".au", ".caf", ".w64", ".wma", ".webm", ".mka")
#: A file that would fill more than this share of the cache is read in parts.
_SHARE = 0.25
#: Seconds that are read around a part, for the resampler to settle on.
_MARGIN_S = 0.1


class NoisePick(NamedTuple):
    """Which noise, and where in it.

    Parameters
    ----------
    name : str
        Name in the bank.
    position : float
        0 to 1: a share of the places where a segment can start.
    """

    name: str
    position: float


class NoiseBank:
    """Noises of one sample rate, by name.

    Parameters
    ----------
    waveforms : sequence of Tensor or mapping of str to Tensor
        Noises, each ``(channels, time)`` or ``(time,)``; a sequence is named "0", "1" and so on.
    sample_rate : int
        Their rate in Hz.

    Raises
    ------
    ValueError
        There is none, or one of them has no samples, NaN or infinite ones.

    See Also
    --------
    from_folder : A bank of files.
    add_noise : What to do with a noise.

    Examples
    --------
    >>> from audiolab import signals
    >>> from audiolab.augment import NoiseBank
    >>> bank = NoiseBank({"hum": signals.tone(50.0, 2.0, 8000)}, 8000)
    >>> pick = bank.pick(generator=0)
    >>> pick.name, bank.segment(pick, 4000).shape
    ('hum', torch.Size([1, 4000]))
    """

    def __init__(
        self,
        waveforms: Sequence[torch.Tensor] | Mapping[str, torch.Tensor],
        sample_rate: int,
    ) -> None:
        named = (
            waveforms
            if isinstance(waveforms, Mapping)
            else {str(i): each for i, each in enumerate(waveforms)}
        )
        if not named:
            raise ValueError("a bank needs at least one noise, got none")
        self._kept: dict[str, torch.Tensor] = {}
        for name, waveform in named.items():
            self._kept[name] = _checked(waveform, name)
        self._sample_rate = check_sample_rate(sample_rate)
        self._folder: Path | None = None
        self._num_channels: int | None = None
        self._files: dict[str, float] = {}
        self._unreadable: dict[str, str] = {}
        self._budget = 0
        self._cache: OrderedDict[str, torch.Tensor] = OrderedDict()

    @classmethod
    def from_folder(
        cls,
        folder: FilePath,
        sample_rate: int,
        *,
        num_channels: int | None = 1,
        recursive: bool = True,
        on_unreadable: Literal["raise", "skip"] = "raise",
        cache_mb: float = 512.0,
    ) -> NoiseBank:
        """Make a bank of the audio files in a folder.

        Parameters
        ----------
        folder : path
            Where the files are; whatever has no audio extension, or a name that starts with a dot,
            is left alone.
        sample_rate : int
            Rate in Hz that files are converted to.
        num_channels : int, optional
            Channels that files are mixed to; None keeps what they have. Default: 1.
        recursive : bool, default: True
            Whether to look into folders inside.
        on_unreadable : {"raise", "skip"}, default: "raise"
            What to do with files that are not audio or hold no sound: raise one error that lists
            them all, or list them in `unreadable`.
        cache_mb : float, default: 512.0
            Memory for decoded files in MB. Files longer than a quarter of it are read in parts.

        Returns
        -------
        NoiseBank
            Names are paths within the folder, with ``/``.

        Raises
        ------
        FileNotFoundError, NotADirectoryError
            There is no such folder.
        ValueError
            It holds no audio files.
        AudioFileError
            Some cannot be read, or all.
        """
        check_choice(on_unreadable, "on_unreadable", ("raise", "skip"))
        rate = check_sample_rate(sample_rate)
        root = Path(folder)
        if not root.exists():
            raise FileNotFoundError(f"{root}: there is no such folder")
        if not root.is_dir():
            raise NotADirectoryError(f"{root} is not a folder; pass tensors to NoiseBank instead")
        paths = _audio_files(root, recursive)
        if not paths:
            raise ValueError(
                f"{root} holds no audio files" + ("" if recursive else " (recursive=False)")
            )
        durations: dict[str, float] = {}
        unreadable: dict[str, str] = {}
        for name, path in paths.items():
            try:
                duration_s = info(path).duration_s
            except (AudioFileError, OSError) as error:
                unreadable[name] = str(error)
            else:
                if duration_s > 0:
                    durations[name] = duration_s
                else:
                    unreadable[name] = f"{path}: holds no samples"
        if unreadable and (on_unreadable == "raise" or not durations):
            listed = "\n".join(f"  {reason}" for reason in unreadable.values())
            hint = '; on_unreadable="skip" leaves them out' if durations else ""
            raise AudioFileError(
                f"{root}: {len(unreadable)} of {len(paths)} audio files cannot be read{hint}\n"
                + listed
            )
        bank = cls.__new__(cls)
        bank._kept = {}
        bank._sample_rate = rate
        bank._folder = root
        bank._num_channels = num_channels
        bank._files = durations
        bank._unreadable = unreadable
        bank._budget = int(check_positive(cache_mb, "cache_mb", unit="MB") * 1e6)
        bank._cache = OrderedDict()
        return bank

    @property
    def sample_rate(self) -> int:
        """Rate in Hz of every noise."""
        return self._sample_rate

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the noises, in the order of their indices."""
        return tuple(self._files if self._folder else self._kept)

    @property
    def unreadable(self) -> Mapping[str, str]:
        """Files that were left out, and why."""
        return MappingProxyType(self._unreadable)

    def __len__(self) -> int:
        return len(self._files if self._folder else self._kept)

    def __repr__(self) -> str:
        where = f" in {str(self._folder)!r}" if self._folder else ""
        return f"<NoiseBank: {len(self)} noises{where}, {self._sample_rate} Hz>"

    def __getitem__(self, key: int | str) -> torch.Tensor:
        """Return a noise ``(channels, time)`` by its index or name."""
        name = self._named(key)
        if self._folder is None:
            return self._kept[name]
        if name in self._cache:
            self._cache.move_to_end(name)
            return self._cache[name]
        waveform = self._read(name)
        self._cache[name] = waveform
        held = sum(each.nbytes for each in self._cache.values())
        while held > self._budget and len(self._cache) > 1:
            held -= self._cache.popitem(last=False)[1].nbytes
        return waveform

    def pick(self, generator: Seed = None) -> NoisePick:
        """Pick a noise and a place in it, all noises equally likely.

        Parameters
        ----------
        generator : torch.Generator, int or None, default: None
            Source of randomness, or a seed for a new one.

        Returns
        -------
        NoisePick
            Plain data for `segment`.
        """
        source = as_generator(generator)
        index = int(torch.randint(len(self), (), generator=source, device=source.device))
        position = torch.rand((), dtype=torch.float64, generator=source, device=source.device)
        return NoisePick(self.names[index], float(position))

    def segment(
        self, pick: NoisePick | tuple[str, float], num_samples: int, *, crossfade_samples: int = 256
    ) -> torch.Tensor:
        """Return a stretch of a noise, looped where the noise is shorter.

        Parameters
        ----------
        pick : NoisePick
            Name and position, as `pick` returns them.
        num_samples : int
            Length that is wanted.
        crossfade_samples : int, default: 256
            Length of the join of a loop, see `fit_noise`.

        Returns
        -------
        Tensor
            ``(channels, num_samples)``. The same pick gives the same samples, whatever was read
            before.

        Raises
        ------
        KeyError
            There is no noise of that name.
        ValueError
            The position is not between 0 and 1.
        AudioFileError
            The file is damaged.
        """
        name, position = self._named(pick[0]), pick[1]
        if not 0.0 <= position <= 1.0:
            raise ValueError(f"position must be between 0 and 1, got {position}")
        if self._folder is not None and self._is_long(name):
            part = self._part(name, position, num_samples)
            if part is not None:
                return part
        noise = self[name]
        room = noise.shape[-1] - num_samples
        places = room + 1 if room >= 0 else noise.shape[-1]
        start = min(int(position * places), places - 1)
        return fit_noise(noise, num_samples, offset=start, crossfade_samples=crossfade_samples)

    def segments(
        self, picks: Iterable[NoisePick | tuple[str, float]], num_samples: int
    ) -> torch.Tensor:
        """Return a batch of stretches.

        Parameters
        ----------
        picks : iterable of NoisePick
            One an item.
        num_samples : int
            Length that is wanted.

        Returns
        -------
        Tensor
            ``(items, channels, num_samples)``.

        Raises
        ------
        ValueError
            The noises have different numbers of channels, or there are no picks.
        """
        rows = [self.segment(pick, num_samples) for pick in picks]
        channels = sorted({row.shape[0] for row in rows})
        if len(channels) != 1:
            raise ValueError(
                "segments needs picks of noises with equally many channels, got "
                f"{', '.join(map(str, channels)) or 'no picks'}; from_folder(num_channels=1) mixes"
            )
        return torch.stack(rows)

    def _named(self, key: int | str) -> str:
        if isinstance(key, str):
            if key not in (self._files if self._folder else self._kept):
                raise KeyError(f"there is no noise {key!r} in {self!r}")
            return key
        return self.names[key]

    def _is_long(self, name: str) -> bool:
        channels = self._num_channels or 2
        return self._files[name] * self._sample_rate * channels * 4 > _SHARE * self._budget

    def _read(self, name: str, start_s: float = 0.0, stop_s: float | None = None) -> torch.Tensor:
        assert self._folder is not None
        waveform, _ = load(
            self._folder / name,
            sample_rate=self._sample_rate,
            num_channels=self._num_channels,
            start_s=start_s,
            stop_s=stop_s,
        )
        return _checked(waveform, name)

    def _part(self, name: str, position: float, num_samples: int) -> torch.Tensor | None:
        """Read only what is asked for; None where the file is too short for that."""
        needed_s = num_samples / self._sample_rate
        free_s = self._files[name] - needed_s - 2 * _MARGIN_S
        if free_s < 0.0:
            return None
        start_s = position * free_s
        waveform = self._read(name, start_s, start_s + needed_s + 2 * _MARGIN_S)
        first = int(_MARGIN_S * self._sample_rate)
        part = waveform[:, first : first + num_samples]
        return part if part.shape[-1] == num_samples else None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_cache": OrderedDict()}


def _checked(waveform: torch.Tensor, name: str) -> torch.Tensor:
    """Return ``(channels, time)``, or say what is wrong with a noise."""
    if not isinstance(waveform, torch.Tensor) or not waveform.is_floating_point():
        raise TypeError(f"noise {name!r} must be a floating-point tensor")
    if waveform.dim() not in (1, 2) or waveform.numel() == 0:
        raise ValueError(
            f"noise {name!r} must be (channels, time) with samples, got {tuple(waveform.shape)}"
        )
    if not bool(torch.isfinite(waveform).all()):
        raise ValueError(f"noise {name!r} holds values that are NaN or infinite")
    return waveform if waveform.dim() == 2 else waveform[None]


def _audio_files(root: Path, recursive: bool) -> dict[str, Path]:
    """Return audio files by their names within a folder, sorted."""
    known = {extension for each in formats() for extension in each.extensions}
    known.update(_MORE_EXTENSIONS)
    found = {}
    for path in root.rglob("*") if recursive else root.iterdir():
        inside = path.relative_to(root)
        hidden = any(part.startswith(".") for part in inside.parts)
        if not hidden and path.suffix.lower() in known and path.is_file():
            found[inside.as_posix()] = path
    return dict(sorted(found.items()))
