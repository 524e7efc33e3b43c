"""Samples out of everything that FFmpeg decodes, through torchcodec, in pieces.

A lossy decoder carries state from frame to frame, and containers seek to about the right place:
samples after a seek are neither exactly placed nor exactly the same. So a range is always decoded
from the start of the file and what lies before it is dropped; that costs time (about a second for
ten minutes of sound) and no memory.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

import torch

from audiolab._environment import import_stack
from audiolab.io._errors import AudioFileError, engine_reason
from audiolab.io._sources import Source

__all__ = ["CompressedStream"]

_PIECE_SAMPLES = 1 << 14
#: Codecs for which decoding at once and in pieces was found to give the same samples.
_ALIKE = ("mp3", "mp3float", "vorbis", "opus", "aac")
#: What an integer sample at full scale is; unsigned 8 bits are centred on 128 first.
_FULL_SCALE = {
    torch.uint8: 2.0**7,
    torch.int16: 2.0**15,
    torch.int32: 2.0**31,
    torch.int64: 2.0**63,
}


class CompressedStream:
    """An open file of any format that FFmpeg knows.

    Parameters
    ----------
    source : Source
        The file.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._decoders = import_stack("torchcodec.decoders")
        try:
            self._decoder = self._decoders.AudioDecoder(source.for_torchcodec())
        except (RuntimeError, ValueError) as error:
            source.raise_read_error()
            raise AudioFileError(_why_not(source, error)) from error
        metadata = self._decoder.metadata
        self.sample_rate = int(metadata.sample_rate or 0)
        self.num_channels = int(metadata.num_channels or 0)
        self.codec = str(metadata.codec)
        self.bit_rate = int(metadata.bit_rate or 0)
        self.duration_s = float(metadata.duration_seconds or 0.0)
        #: How many samples have been decoded: all there are, once the pieces have come to an end.
        self.decoded = 0
        if self.sample_rate <= 0 or self.num_channels <= 0:
            raise AudioFileError(
                f"{source.name} is damaged: its header gives {self.num_channels} channels "
                f"at {self.sample_rate} Hz"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._decoder = None

    def pieces(self, start: int = 0) -> Iterator[torch.Tensor]:
        """Yield samples ``(channels, time)`` from `start` on, some thousands at a time."""
        gathered: list[torch.Tensor] = []
        held = 0
        for frame in self._frames():
            before = self.decoded - frame.shape[1]
            if self.decoded > start:
                kept = frame[:, max(0, start - before) :]
                gathered.append(kept)
                held += kept.shape[1]
            if held >= _PIECE_SAMPLES:
                yield _as_float(torch.cat(gathered, dim=1))
                gathered, held = [], 0
        if gathered:
            yield _as_float(torch.cat(gathered, dim=1))

    def _frames(self) -> Iterator[torch.Tensor]:
        self.decoded = 0
        lead: int | None = None
        for frame in self._decoded_frames():
            self._check(frame)
            if lead is None:
                # Time 0 is where the sound begins: Speex starts before it, with its look-ahead.
                lead = max(0, math.floor(-frame.pts_seconds * self.sample_rate + 0.5))
            data = frame.data[:, lead:]
            lead = max(0, lead - frame.num_samples)
            self.decoded += data.shape[1]
            yield data

    def _decoded_frames(self) -> Iterator[Any]:
        try:
            demuxer = self._decoders.Demuxer(
                self._source.for_torchcodec(), streams=self._decoder.stream_index
            )
            try:
                decoder = demuxer.streams[0].make_decoder()
                for packet in demuxer:
                    yield from decoder.decode(packet)
                yield from decoder.drain()
            finally:
                # Demuxer and stream hold each other, and with them the open file.
                demuxer.streams = ()
        except RuntimeError as error:
            raise self._damaged(error) from error
        self._source.raise_read_error()

    def _check(self, frame: Any) -> None:
        if frame.sample_rate != self.sample_rate or frame.num_channels != self.num_channels:
            raise AudioFileError(
                f"{self._source.name} changes from {self.num_channels} channels at "
                f"{self.sample_rate} Hz to {frame.num_channels} at {frame.sample_rate} Hz "
                f"after {self.decoded / self.sample_rate:.3f} s; stop_s reads what is before"
            )

    def _damaged(self, error: BaseException) -> AudioFileError:
        self._source.raise_read_error()
        return AudioFileError(
            f"{self._source.name} is damaged near {self.decoded / self.sample_rate:.3f} s; stop_s "
            f"reads what is before ({engine_reason(error)})"
        )

    def whole(self) -> torch.Tensor | None:
        """Decode the file at once, which is twice as fast; None if it has to be done in pieces.

        Pieces tell where a file is damaged, and keep what comes before. For rarer codecs the two
        ways differ by some samples at the ends, and pieces are the one that `blocks` has.
        """
        if self.codec not in _ALIKE:
            return None
        try:
            samples = self._decoder.get_all_samples()
        except (RuntimeError, ValueError):
            self._source.raise_read_error()
            return None
        data: torch.Tensor = samples.data
        if samples.sample_rate != self.sample_rate or data.shape[0] != self.num_channels:
            return None
        return data


def _as_float(samples: torch.Tensor) -> torch.Tensor:
    if samples.dtype == torch.float32:
        return samples
    if samples.dtype == torch.float64:
        return samples.float()
    scaled = samples.double() if samples.dtype in (torch.int32, torch.int64) else samples.float()
    if samples.dtype == torch.uint8:
        scaled -= 128.0
    return (scaled / _FULL_SCALE[samples.dtype]).float()


def _why_not(source: Source, error: BaseException) -> str:
    reason = engine_reason(error, source.holder)
    if "No valid stream" in reason or ("stream" in reason.lower() and "audio" in reason.lower()):
        return f"{source.name} holds no sound: none of its streams is audio ({reason})"
    return f"{source.name} is not audio that can be read, or it is damaged ({reason})"
