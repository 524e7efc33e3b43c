"""What a file holds, from its headers: nothing is decoded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from audiolab._typing import AudioSource
from audiolab.io._compressed_stream import CompressedStream
from audiolab.io._open import OpenAudio
from audiolab.io._pcm_stream import PcmStream

__all__ = ["AudioInfo", "info"]

_CODECS = {"mp3float": "mp3", "libopus": "opus", "libvorbis": "vorbis"}
_DEPTHS = {
    "pcm_u8": 8,
    "pcm_s8": 8,
    "pcm_s16": 16,
    "pcm_s24": 24,
    "pcm_s32": 32,
    "float32": 32,
    "float64": 64,
}


@dataclass(frozen=True)
class AudioInfo:
    """What the headers of an audio file say.

    Parameters
    ----------
    format : str
        Everyday name of the file format: ``"wav"``, ``"flac"``, ``"mp3"``, ``"ogg"``, ``"opus"``,
        ``"m4a"``, or another container's name; ``"unknown"`` where only FFmpeg recognised it.
    codec : str
        How the samples are coded: ``"pcm"``, ``"flac"``, ``"mp3"``, ``"vorbis"``, ``"opus"``,
        ``"aac"`` ...
    encoding : str or None
        What a stored sample is (``"pcm_s16"``, ``"float32"`` ...); ``None`` for lossy codecs.
    sample_rate : int
        Sample rate in Hz.
    num_channels : int
        Number of channels.
    num_samples : int
        Number of samples a channel. Exact, and what `load` returns, where `exact` is true (`load`
        names the exception, Opus in its speech mode).
    duration_s : float
        `num_samples` in seconds.
    bit_depth : int or None
        Bits a stored sample; ``None`` for lossy codecs.
    bit_rate : int
        Bits of file a second of sound: the codec's nominal rate where the header has it, else the
        size of the file over its duration.
    size_bytes : int
        Size of the file.
    tags : Mapping
        Title, artist, album and so on: lower-case names, read-only.
    exact : bool
        Whether `num_samples` is known from the file's structure: the data size of wav, the stream
        information of flac, the Xing and LAME tags of mp3, the last page of ogg and opus, the
        track's duration and edit list of m4a. Where these are missing (an mp3 of variable bit rate
        without a Xing tag, a raw aac stream, other containers) it is the demuxer's estimate, which
        can be minutes off, and 0 for a flac file from a pipe; only decoding tells.
    """

    format: str
    codec: str
    encoding: str | None
    sample_rate: int
    num_channels: int
    num_samples: int
    duration_s: float
    bit_depth: int | None
    bit_rate: int
    size_bytes: int
    tags: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    exact: bool = True


def info(source: AudioSource) -> AudioInfo:
    """Describe an audio file without decoding it.

    Parameters
    ----------
    source : path, bytes, uint8 Tensor or binary file
        The audio file.

    Returns
    -------
    AudioInfo
        Format, length, rate, channels, bit depth and rate, size, tags.

    Raises
    ------
    FileNotFoundError, IsADirectoryError
        There is no such file.
    AudioFileError
        The file is not audio, or its header is damaged. A file that is cut off is described by what
        is there of wav, and by what its header says of the others.

    See Also
    --------
    load : Decode it.

    Examples
    --------
    >>> from audiolab import io, signals
    >>> music = io.info(signals.clip_path("music"))
    >>> music.format, music.encoding, music.sample_rate, music.num_channels
    ('flac', 'pcm_s16', 44100, 2)
    """
    with OpenAudio(source) as audio:
        stream = audio.stream
        exact = audio.num_samples is not None
        if isinstance(stream, PcmStream):
            num_samples = audio.num_samples if audio.num_samples is not None else 0
            codec, encoding = _pcm_codec(audio.header.container, stream.encoding)
            bit_rate = 0
        else:
            codec, encoding, bit_rate = _compressed_codec(stream)
            estimate = round(stream.duration_s * stream.sample_rate)
            num_samples = audio.num_samples if audio.num_samples is not None else estimate
        duration_s = num_samples / audio.sample_rate
        depth = _DEPTHS.get(encoding or "")
        if codec == "pcm" and depth:
            bit_rate = depth * audio.sample_rate * audio.num_channels
        elif not bit_rate and duration_s:
            bit_rate = round(8 * audio.source.size / duration_s)
        return AudioInfo(
            format=audio.header.container,
            codec=codec,
            encoding=encoding,
            sample_rate=audio.sample_rate,
            num_channels=audio.num_channels,
            num_samples=num_samples,
            duration_s=duration_s,
            bit_depth=depth,
            bit_rate=bit_rate,
            size_bytes=audio.source.size,
            tags=MappingProxyType(dict(audio.header.tags)),
            exact=exact,
        )


def _pcm_codec(container: str, encoding: str) -> tuple[str, str | None]:
    if container == "flac":
        return "flac", encoding
    if encoding in _DEPTHS:
        return "pcm", encoding
    return encoding, None  # mulaw, alaw


def _compressed_codec(stream: CompressedStream) -> tuple[str, str | None, int]:
    codec = _CODECS.get(stream.codec, stream.codec)
    if codec.startswith("pcm_"):  # FFmpeg adds the byte order: pcm_s16be
        encoding = codec.removesuffix("le").removesuffix("be")
        encoding = {"pcm_f32": "float32", "pcm_f64": "float64"}.get(encoding, encoding)
        return ("pcm", encoding, 0) if encoding in _DEPTHS else (codec, None, stream.bit_rate)
    return codec, None, stream.bit_rate
