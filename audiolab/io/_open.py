"""Opening a file for reading: which engine reads it, how long it is, and one way to its samples."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import TracebackType
from typing import Self

import torch

from audiolab._typing import AudioSource
from audiolab.io._compressed_stream import CompressedStream
from audiolab.io._errors import AudioFileError
from audiolab.io._flac import read_flac
from audiolab.io._header import Header, sniff
from audiolab.io._mp4 import read_mp4
from audiolab.io._mpeg import read_mpeg
from audiolab.io._ogg import read_ogg
from audiolab.io._pcm_stream import PcmStream
from audiolab.io._riff import read_riff
from audiolab.io._sources import Source, open_source

__all__ = ["OpenAudio"]

_READERS = {
    "wav": read_riff,
    "flac": read_flac,
    "mp3": read_mpeg,
    "ogg": read_ogg,
    "m4a": read_mp4,
}
# The longest frame of any codec here: 8192 samples of Vorbis, 5760 of Opus, 2048 of AAC.
_MAX_PADDING = 1 << 13


class OpenAudio:
    """An open audio file: what its header says, and its samples from any point on.

    Parameters
    ----------
    source : AudioSource
        Path, bytes, uint8 tensor or binary file.
    """

    def __init__(self, source: AudioSource) -> None:
        self.source: Source = open_source(source)
        try:
            self.header: Header = self._read_header()
            self.stream: PcmStream | CompressedStream = self._open_stream()
        finally:
            self.source.close()
        self.sample_rate = self.stream.sample_rate
        self.num_channels = self.stream.num_channels

    def _read_header(self) -> Header:
        container = sniff(self.source)
        if container == "text":
            raise AudioFileError(f"{self.source.name} is text, not audio")
        reader = _READERS.get(container)
        return reader(self.source) if reader else Header(container)

    def _open_stream(self) -> PcmStream | CompressedStream:
        # A flac file from a pipe doesn't know its length, and libsndfile needs it.
        piped = self.header.container == "flac" and self.header.num_samples is None
        if self.header.container in ("wav", "flac") and not piped:
            try:
                return PcmStream(self.source)
            except AudioFileError as refused:
                try:  # a rarer codec inside, or a header that one engine forgives
                    return CompressedStream(self.source)
                except AudioFileError:
                    raise refused from refused.__cause__
        try:
            return CompressedStream(self.source)
        except AudioFileError as refused:
            if self.header.missing:
                raise self._cut_off("nothing can be read") from refused
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stream.__exit__(kind, error, trace)

    @property
    def num_samples(self) -> int | None:
        """Number of samples by the file's own structure; None if only decoding would tell."""
        if isinstance(self.stream, PcmStream) and self.header.container == "wav":
            return self.stream.num_samples
        if self.header.clock in (None, self.sample_rate):
            return self.header.num_samples
        return None

    def read(self, start: int, stop: int | None) -> Iterator[torch.Tensor]:
        """Yield the samples ``start <= n < stop`` in pieces, checking that the file has them.

        Raises
        ------
        AudioFileError
            The file is damaged, or ends before it says it does and before `stop`.
        """
        self.check_range(start, stop)
        length = self.num_samples
        pieces = self.stream.pieces(start)
        if length is not None:
            pieces = _without_padding(pieces, start, length)
        position = start
        for piece in pieces:
            if stop is not None and position + piece.shape[1] >= stop:
                yield piece[:, : stop - position]
                return
            position += piece.shape[1]
            yield piece
        if position == start and not isinstance(self.stream, PcmStream):
            end = self.stream.decoded
            if length is not None and 0 < end - length <= _MAX_PADDING:
                end = length
            self._refuse_start(start, end)
        self._check_end(position, length)

    def check_range(self, start: int, stop: int | None) -> None:
        """Raise where the header alone tells that the range is not there."""
        self._refuse_cut_file(stop)
        # Two mp3 files in a row play as one and the header knows the first: there, decoding tells.
        if isinstance(self.stream, PcmStream):
            self._refuse_start(start, self.stream.num_samples)

    def read_whole(self) -> torch.Tensor | None:
        """Return all samples at once where the engine has a quick way, else None."""
        self._refuse_cut_file(None)
        samples = self.stream.whole()
        if samples is None:
            return None
        decoded, length = samples.shape[1], self.num_samples
        self._check_end(decoded, length)
        if length is None or decoded <= length:
            return samples
        # Much more than the header says: several streams in a row, which only pieces do alike.
        return samples[:, :length] if decoded - length <= _MAX_PADDING else None

    def _refuse_cut_file(self, stop: int | None) -> None:
        if self.header.missing and stop is None:
            raise self._cut_off("stop_s reads what is before")

    def _refuse_start(self, start: int, end: int) -> None:
        if start > end:
            rate = self.sample_rate
            raise ValueError(
                f"start_s={start / rate:g} lies beyond the end of {self.source.name}, "
                f"which lasts {end / rate:g} s"
            )

    def _check_end(self, position: int, length: int | None) -> None:
        if self.header.missing:
            raise self._cut_off(f"stop_s={position / self.sample_rate:.6g} reads what is there")
        # flac says its length; nothing else does so reliably enough to call a file cut by it.
        if self.header.container == "flac" and length is not None and position < length:
            raise AudioFileError(
                f"{self.source.name} is cut off: its header promises {length} samples, "
                f"{position} are there; stop_s={position / self.sample_rate:.6g} reads them"
            )

    def _cut_off(self, remedy: str) -> AudioFileError:
        return AudioFileError(f"{self.source.name} is cut off: {self.header.missing}; {remedy}")


def _without_padding(
    pieces: Iterator[torch.Tensor], start: int, length: int
) -> Iterator[torch.Tensor]:
    """Drop what comes after `length`, where that is no more than a codec's padding.

    Where it is more, the header is wrong about the length and all of it is sound.
    """
    position = start
    beyond: list[torch.Tensor] = []
    for piece in pieces:
        room = max(0, length - position)
        position += piece.shape[1]
        if room >= piece.shape[1]:
            yield piece
            continue
        if room:
            yield piece[:, :room]
        beyond.append(piece[:, room:].clone())
        if position - length > _MAX_PADDING:
            yield torch.cat(beyond, dim=1)
            beyond, length = [], sys.maxsize
