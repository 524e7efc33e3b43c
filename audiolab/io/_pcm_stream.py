"""Samples out of wav and flac through soundfile: seekable to the sample, in pieces.

16-bit and smaller integers are read as they are and scaled here, which is twice as fast as letting
libsndfile do it; the values are the same: ``k / 2**(bits - 1)``, exact in float32 up to 24 bits.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import Self

import numpy as np
import soundfile
import torch

from audiolab.io._errors import AudioFileError, engine_reason
from audiolab.io._sources import Source

__all__ = ["ENCODINGS", "PcmStream"]

#: libsndfile's names for what a sample is, and ours. Others come out in lower case.
ENCODINGS = {
    "PCM_U8": "pcm_u8",
    "PCM_S8": "pcm_s8",
    "PCM_16": "pcm_s16",
    "PCM_24": "pcm_s24",
    "PCM_32": "pcm_s32",
    "FLOAT": "float32",
    "DOUBLE": "float64",
}
_PIECE_VALUES = 1 << 16


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
                f"{source.name} cannot be read ({engine_reason(error)})"
            ) from error
        self.sample_rate = int(self._file.samplerate)
        self.num_channels = int(self._file.channels)
        #: What the header says, for flac possibly more than there is.
        self.num_samples = max(0, int(self._file.frames))
        #: Where reading has got to.
        self.decoded = 0
        self.encoding = ENCODINGS.get(self._file.subtype, str(self._file.subtype).lower())

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
        small = self.encoding in ("pcm_u8", "pcm_s8", "pcm_s16")
        buffer = np.empty(
            (max(1, _PIECE_VALUES // self.num_channels), self.num_channels),
            np.int16 if small else np.float32,
        )
        scaled = torch.empty(self.num_channels, len(buffer))
        self.decoded = start
        try:
            if start:
                self._file.seek(start)
            while len(read := self._file.read(out=buffer)):
                piece = scaled[:, : len(read)]
                if small:
                    torch.mul(torch.from_numpy(read).T, 1 / 32768, out=piece)
                else:
                    piece.copy_(torch.from_numpy(read).T)
                self.decoded += len(read)
                yield piece
        except soundfile.LibsndfileError as error:
            self._source.raise_read_error()
            seconds = self.decoded / self.sample_rate
            raise AudioFileError(
                f"{self._source.name} is damaged or cut off near {seconds:.3f} s; stop_s reads "
                f"what is before ({engine_reason(error)})"
            ) from error
        self._source.raise_read_error()

    def whole(self) -> torch.Tensor | None:
        """Return None: there is no quicker way than the pieces."""
        return None
