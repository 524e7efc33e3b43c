"""The encoders behind one face: open on a binary file, take samples in pieces, close.

torchcodec's streaming encoder writes the lossy formats, soundfile (libFLAC) writes flac, and wav is
written by `_wav_sink`.
"""

from __future__ import annotations

from typing import BinaryIO, Protocol

import soundfile
import torch

from audiolab._environment import import_stack
from audiolab.io._errors import AudioFileError, engine_reason
from audiolab.io._formats import Format
from audiolab.io._wav_sink import PCM_BITS, WavSink, to_integers

__all__ = ["Sink", "open_sink"]

_CONTAINERS = {"mp3": "mp3", "ogg": "ogg", "opus": "opus", "m4a": "ipod"}
_CHUNK = 1 << 16


class Sink(Protocol):
    """A file that is being written."""

    def write(self, samples: torch.Tensor) -> None:
        """Append samples ``(channels, time)`` in [-1, 1]."""

    def close(self) -> None:
        """Write what is held back, and the final header."""


class FlacSink:
    """A flac file that is being written."""

    def __init__(self, file: BinaryIO, sample_rate: int, num_channels: int, encoding: str) -> None:
        self._bits = PCM_BITS[encoding]
        self._file = soundfile.SoundFile(
            file,
            "w",
            samplerate=sample_rate,
            channels=num_channels,
            format="FLAC",
            subtype=f"PCM_{self._bits}",
        )

    def write(self, samples: torch.Tensor) -> None:
        for part in torch.split(samples, _CHUNK, dim=1):
            integers = to_integers(part.T.contiguous(), self._bits)
            if self._bits == 16:
                self._file.write(integers.to(torch.int16).numpy())
            else:  # libsndfile takes the upper bits of 32
                self._file.write((integers << 32 - self._bits).numpy())

    def close(self) -> None:
        self._file.close()


class TorchcodecSink:
    """An mp3, ogg, opus or m4a file that is being written."""

    def __init__(
        self,
        file: BinaryIO,
        sample_rate: int,
        num_channels: int,
        container: str,
        bit_rate: int | None,
    ) -> None:
        self._encoder = import_stack("torchcodec.encoders").Encoder()
        self._stream = self._encoder.add_audio(
            sample_rate=sample_rate, num_channels=num_channels, bit_rate=bit_rate
        )
        self._encoder.open_file_like(file, format=container)

    def write(self, samples: torch.Tensor) -> None:
        for part in torch.split(samples.float(), _CHUNK, dim=1):
            if part.shape[1]:
                self._stream.add_samples(part.contiguous())

    def close(self) -> None:
        self._encoder.close()


def open_sink(
    file: BinaryIO,
    format: Format,
    sample_rate: int,
    num_channels: int,
    *,
    encoding: str | None,
    bit_rate: int | None,
    growing: bool,
) -> Sink:
    """Open an encoder on `file`.

    Raises
    ------
    AudioFileError
        The encoder refuses this combination of rate, channels and bit rate.
    """
    if format.name == "wav":
        assert encoding is not None
        return WavSink(file, sample_rate, num_channels, encoding, growing=growing)
    try:
        if format.name == "flac":
            assert encoding is not None
            return FlacSink(file, sample_rate, num_channels, encoding)
        container = _CONTAINERS[format.name]
        return TorchcodecSink(file, sample_rate, num_channels, container, bit_rate)
    except (RuntimeError, ValueError) as error:
        rate = "its own bit rate" if bit_rate is None else f"{bit_rate} bit/s"
        remedy = "" if bit_rate is None else "; bit_rate=None lets it choose"
        raise AudioFileError(
            f"the {format.codec} encoder refuses {num_channels} channel(s) at {sample_rate} Hz "
            f"with {rate}{remedy} ({engine_reason(error)})"
        ) from error
