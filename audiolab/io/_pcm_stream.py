"""Samples out of wav and flac through soundfile: seekable to the sample, in pieces.

Integers are read as integers and scaled here, which is faster than letting libsndfile do it; the
values are the same: ``k / 2**(bits - 1)``, exact in float32 up to 24 bits.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from types import TracebackType
from typing import Self

import numpy as np
import soundfile
import torch

from audiolab.io._errors import AudioFileError, engine_reason
from audiolab.io._sources import Source

__all__ = ["ENCODINGS", "PcmStream"]

#: libsndfile's names for what a sample is, and ours: those of fixed size, whose count is exact.
ENCODINGS = {
    "PCM_U8": "pcm_u8",
    "PCM_S8": "pcm_s8",
    "PCM_16": "pcm_s16",
    "PCM_24": "pcm_s24",
    "PCM_32": "pcm_s32",
    "FLOAT": "float32",
    "DOUBLE": "float64",
    "ULAW": "mulaw",
    "ALAW": "alaw",
}
_READ_AS: dict[str, tuple[type[np.generic], float]] = {
    "pcm_u8": (np.int16, 2.0**-15),
    "pcm_s8": (np.int16, 2.0**-15),
    "pcm_s16": (np.int16, 2.0**-15),
    "pcm_s24": (np.int32, 2.0**-31),
    "pcm_s32": (np.int32, 2.0**-31),
}
_PIECE_VALUES = 1 << 18
_CAREFUL_SAMPLES = 64


class PcmStream:
    """An open wav or flac file.

    Parameters
    ----------
    source : Source
        The file.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        try:
            self._file = soundfile.SoundFile(source.for_soundfile())
        except soundfile.LibsndfileError as error:
            source.raise_read_error()
            raise AudioFileError(
                f"{source.name} is damaged or cut off, or not audio that can be read "
                f"({engine_reason(error)})"
            ) from error
        if self._file.subtype not in ENCODINGS:
            self._file.close()
            raise AudioFileError(f"{source.name} holds {self._file.subtype_info}, not PCM")
        self.encoding = ENCODINGS[self._file.subtype]
        self.sample_rate = int(self._file.samplerate)
        self.num_channels = int(self._file.channels)
        #: What the header says, for flac possibly more than there is.
        self.num_samples = max(0, int(self._file.frames))
        #: Where reading has got to.
        self.decoded = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def pieces(self, start: int = 0) -> Iterator[torch.Tensor]:
        """Yield samples ``(channels, time)`` from `start` on, a few thousand at a time.

        A piece may share memory with the one before: use it up before asking for the next.
        """
        self.decoded = start
        size = max(1, _PIECE_VALUES // self.num_channels)
        try:
            yield from self._read(size)
        except soundfile.LibsndfileError as error:
            yield from self._up_to_damage(error)
        self._source.raise_read_error()

    def _read(self, size: int) -> Iterator[torch.Tensor]:
        dtype, scale = _READ_AS.get(self.encoding, (np.float32, 1.0))
        buffer = np.empty((size, self.num_channels), dtype)
        scaled = torch.empty(self.num_channels, size)
        if self.decoded:
            self._file.seek(self.decoded)
        while len(read := self._file.read(out=buffer)):
            piece = scaled[:, : len(read)]
            torch.mul(torch.from_numpy(read).T, scale, out=piece)
            self.decoded += len(read)
            yield piece

    def _up_to_damage(self, error: BaseException) -> Iterator[torch.Tensor]:
        """Read on in small steps, since an error swallows the whole step; then raise."""
        self._source.raise_read_error()
        with suppress(soundfile.LibsndfileError):
            self._file.close()
            self._file = soundfile.SoundFile(self._source.for_soundfile())
            yield from self._read(_CAREFUL_SAMPLES)
        raise AudioFileError(
            f"{self._source.name} is damaged or cut off near "
            f"{self.decoded / self.sample_rate:.3f} s; stop_s reads what is before "
            f"({engine_reason(error)})"
        ) from error

    def whole(self) -> torch.Tensor | None:
        """Return None: there is no quicker way than the pieces."""
        return None
