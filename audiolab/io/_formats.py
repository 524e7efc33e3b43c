"""One registry of the formats that can be written: names, extensions, encodings, rates, limits.

`load` and `info` read more than this table (whatever FFmpeg knows: aiff, webm, the sound of a
video ...); `save`, `encode` and `BlockWriter` write exactly this. The limits are those of the
encoders, measured: libmp3lame, libvorbis, libopus and FFmpeg's own AAC, reached through torchcodec;
libFLAC through soundfile; wav is written by audiolab itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import overload

from audiolab._typing import FilePath

__all__ = ["Format", "SampleRates", "bit_rate_limits", "find_format", "formats"]


class SampleRates(Sequence[int]):
    """Sample rates in Hz, in ascending order: single ones, or whole ranges of them.

    Parameters
    ----------
    *parts : int or range
        Rates and ranges of rates, ascending.
    """

    def __init__(self, *parts: int | range) -> None:
        self._parts = [range(each, each + 1) if isinstance(each, int) else each for each in parts]

    def __contains__(self, rate: object) -> bool:
        return any(rate in part for part in self._parts)

    def __iter__(self) -> Iterator[int]:
        for part in self._parts:
            yield from part

    def __len__(self) -> int:
        return sum(map(len, self._parts))

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[int]: ...
    def __getitem__(self, index: int | slice) -> int | Sequence[int]:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        rest = index if index >= 0 else index + len(self)
        for part in self._parts:
            if 0 <= rest < len(part):
                return part[rest]
            rest -= len(part)
        raise IndexError(f"there are {len(self)} rates, not {index + 1}")

    def at_least(self, rate: int) -> int:
        """Return the lowest rate that is no lower than `rate`, or the highest of all."""
        for part in self._parts:
            if rate <= part[-1]:
                return part[max(0, -(-(rate - part.start) // part.step))]
        return self[-1]

    def __repr__(self) -> str:
        return f"SampleRates({self})"

    def __str__(self) -> str:
        texts = []
        for part in self._parts:
            step = "" if part.step == 1 else f" in steps of {part.step}"
            texts.append(str(part[0]) if len(part) == 1 else f"{part[0]} to {part[-1]}{step}")
        return ", ".join(texts)


MPEG = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)


@dataclass(frozen=True)
class Format:
    """What one file format can hold.

    Parameters
    ----------
    name : str
        Everyday name, as `save` and `encode` take it.
    aliases : tuple of str
        Other names that `format` accepts.
    extensions : tuple of str
        File name extensions that choose this format, the usual one first.
    codec : str
        How the samples are coded: ``"pcm"``, ``"flac"``, ``"mp3"``, ``"vorbis"``, ``"opus"`` or
        ``"aac"``.
    lossless : bool
        Whether the samples come back as they were stored.
    encodings : tuple of str
        Sample encodings, the default first; empty for lossy formats.
    sample_rates : SampleRates
        Sample rates in Hz that can be written: a sequence, and a text that lists them.
    num_channels : tuple of int
        Numbers of channels that can be written.
    bit_rates : tuple of int or None
        Smallest and largest bit rate in bit/s over all rates and channels; ``None`` for lossless
        formats.
    engine : str
        Who writes it.
    """

    name: str
    aliases: tuple[str, ...]
    extensions: tuple[str, ...]
    codec: str
    lossless: bool
    encodings: tuple[str, ...]
    sample_rates: SampleRates
    num_channels: tuple[int, ...]
    bit_rates: tuple[int, int] | None
    engine: str


_FORMATS = (
    # 16 bits first: it plays everywhere, and its noise lies 98 dB below a full-scale tone.
    Format(
        "wav",
        (),
        (".wav", ".wave"),
        "pcm",
        True,
        ("pcm_s16", "pcm_s24", "pcm_s32", "float32"),
        SampleRates(range(1, 2**31)),
        tuple(range(1, 1025)),
        None,
        "audiolab",
    ),
    Format(
        "flac",
        (),
        (".flac",),
        "flac",
        True,
        ("pcm_s16", "pcm_s24"),
        # Beyond 16 bits a flac frame counts in tens of hertz.
        SampleRates(range(1, 65_536), range(65_540, 655_351, 10)),
        tuple(range(1, 9)),
        None,
        "soundfile",
    ),
    Format(
        "mp3",
        (),
        (".mp3",),
        "mp3",
        False,
        (),
        SampleRates(*MPEG),
        (1, 2),
        (8_000, 320_000),
        "torchcodec",
    ),
    Format(
        "ogg",
        ("vorbis",),
        (".ogg", ".oga"),
        "vorbis",
        False,
        (),
        SampleRates(range(1_000, 200_001)),
        tuple(range(1, 9)),
        (8_000, 2_000_000),
        "torchcodec",
    ),
    Format(
        "opus",
        (),
        (".opus",),
        "opus",
        False,
        (),
        SampleRates(8_000, 12_000, 16_000, 24_000, 48_000),
        # FFmpeg's libopus refuses 3 and 4, and mixes up the speakers of 5 and 7.
        (1, 2, 6, 8),
        (4_000, 2_048_000),
        "torchcodec",
    ),
    Format(
        "m4a",
        ("aac",),
        (".m4a", ".m4b"),
        "aac",
        False,
        (),
        SampleRates(7_350, *MPEG, 64_000, 88_200, 96_000),
        tuple(range(1, 9)),
        (8_000, 1_024_000),
        "torchcodec",
    ),
)


def formats() -> list[Format]:
    """List the formats that can be written, with what each can hold.

    Returns
    -------
    list of Format
        One entry a format, lossless ones first.

    See Also
    --------
    measure_round_trip : What a format does to length, delay and size.

    Examples
    --------
    >>> [format.name for format in formats()]
    ['wav', 'flac', 'mp3', 'ogg', 'opus', 'm4a']
    """
    return list(_FORMATS)


def find_format(format: str | None, path: FilePath | None = None) -> Format:
    """Return the format named, or else the one that the extension of `path` stands for."""
    if format is not None:
        wanted = str(format).lower().lstrip(".")
        for candidate in _FORMATS:
            if wanted == candidate.name or wanted in candidate.aliases:
                return candidate
        raise ValueError(f"format must be one of {_names()}, got {format!r}")
    suffix = Path(path).suffix.lower() if path is not None else ""
    for candidate in _FORMATS:
        if suffix in candidate.extensions:
            return candidate
    known = ", ".join(extension for each in _FORMATS for extension in each.extensions)
    what = f"the extension {suffix!r}" if suffix else "a name without an extension"
    raise ValueError(
        f"{path}: {what} does not say which format to write; use one of {known}, "
        f"or pass format= one of {_names()}"
    )


def _names() -> str:
    return ", ".join(repr(each.name) for each in _FORMATS)


def bit_rate_limits(format: Format, sample_rate: int, num_channels: int) -> tuple[int, int]:
    """Return the smallest and largest bit rate of a lossy format at this rate and channel count.

    MPEG-1 layer III (32 kHz and up) allows 32 to 320 kbit/s, MPEG-2 (16 to 24 kHz) 8 to 160, and
    MPEG-2.5 (below) 8 to 64 as LAME has it. Opus takes 256 kbit/s a channel; an AAC frame of 1024
    samples holds 6144 bits a channel. Vorbis takes up to 250 kbit/s a channel, and less at most
    rates: libvorbis has a table for each, and refuses what lies outside.
    """
    assert format.bit_rates is not None
    low, high = format.bit_rates
    if format.name == "mp3":
        if sample_rate >= 32_000:
            return 32_000, 320_000
        return (8_000, 160_000) if sample_rate >= 16_000 else (8_000, 64_000)
    if format.name in ("ogg", "opus"):
        return low, high // 8 * num_channels
    if format.name == "m4a":
        return low, min(high, 6 * sample_rate * num_channels)
    return low, high
