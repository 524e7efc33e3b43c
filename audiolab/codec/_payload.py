"""The codes of a segment as bytes, piece by piece: packed, or coded by a language model.

Writers take frames and return the bytes that are final. Readers take no byte beyond their segment,
since nothing in the file tells where it ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import torch

from audiolab.codec.bitstream import BitPacker, BitUnpacker, ChecksumReader
from audiolab.codec.config import EncodecConfig
from audiolab.codec.entropy import ArithmeticDecoder
from audiolab.codec.exact_lm import ExactLanguageModel
from audiolab.codec.language_model import LanguageModel
from audiolab.codec.legacy_lm import LegacyDecoder, LegacyEncoder

__all__ = ["AnyLanguageModel", "Reader", "Writer", "reader", "segment_frames", "writer"]

AnyLanguageModel = LanguageModel | ExactLanguageModel

# Frames decoded between two looks at the file.
_FRAMES = 256
# A symbol pulls 24 bits at most, the first one and the end of a segment a few more.
_BITS_PER_SYMBOL = 24
_SPARE_BYTES = 16


class Writer(Protocol):
    """What turns the frames of one segment into bytes."""

    def push(self, codes: torch.Tensor, /) -> bytes:
        """Append ``(codebook, frame)`` and return the bytes that are final."""
        ...

    def finish(self) -> bytes:
        """Return the last bytes."""
        ...


class Reader(Protocol):
    """What reads the frames of one segment from a file."""

    def pull(self, num_frames: int, /) -> torch.Tensor:
        """Return the next ``(codebook, frame)``."""
        ...


class _Frames(Protocol):
    coder: ArithmeticDecoder

    def pull(self, num_frames: int, /) -> torch.Tensor: ...


def writer(num_codebooks: int, bits: int, lm: AnyLanguageModel | None) -> Writer:
    """Start a segment.

    Parameters
    ----------
    num_codebooks : int
        Codebooks in use.
    bits : int
        Bits of a packed code.
    lm : LanguageModel or ExactLanguageModel, optional
        What codes them, if they are not packed.

    Returns
    -------
    Writer
        It takes the frames.
    """
    if lm is None:
        return _PackedWriter(bits)
    if isinstance(lm, ExactLanguageModel):
        return lm.encoder(num_codebooks)
    return LegacyEncoder(lm, num_codebooks)


def reader(
    file: ChecksumReader, num_codebooks: int, bits: int, lm: AnyLanguageModel | None
) -> Reader:
    """Start reading a segment.

    Parameters
    ----------
    file : ChecksumReader
        At the segment's first code.
    num_codebooks : int
        Codebooks in use.
    bits : int
        Bits of a packed code.
    lm : LanguageModel or ExactLanguageModel, optional
        What coded them, if they are not packed.

    Returns
    -------
    Reader
        It hands out the frames.
    """
    if lm is None:
        return _PackedReader(file, num_codebooks, bits)
    if isinstance(lm, ExactLanguageModel):
        return _CodedReader(file, num_codebooks, lm.decoder(num_codebooks))
    return _CodedReader(file, num_codebooks, LegacyDecoder(lm, num_codebooks))


def segment_frames(config: EncodecConfig, num_samples: int) -> Iterator[tuple[int, int]]:
    """Yield samples and frames of every segment; nothing is listed, so any claim may be made."""
    length, stride = config.segment_length, config.segment_stride
    if length is None or stride is None:
        if num_samples:
            yield num_samples, config.num_frames(num_samples)
        return
    for start in range(0, num_samples, stride):
        size = min(length, num_samples - start)
        yield size, config.num_frames(size)


class _PackedWriter:
    def __init__(self, bits: int) -> None:
        self._packer = BitPacker(bits)

    def push(self, codes: torch.Tensor, /) -> bytes:
        return self._packer.push(codes.T.numpy(force=True))

    def finish(self) -> bytes:
        return self._packer.finish()


class _PackedReader:
    def __init__(self, file: ChecksumReader, num_codebooks: int, bits: int) -> None:
        self._num_codebooks = num_codebooks
        self._unpacker = BitUnpacker(file, bits)

    def pull(self, num_frames: int, /) -> torch.Tensor:
        values = self._unpacker.pull(num_frames * self._num_codebooks)
        return torch.from_numpy(values.reshape(num_frames, self._num_codebooks)).T.contiguous()


class _CodedReader:
    def __init__(self, file: ChecksumReader, num_codebooks: int, frames: _Frames) -> None:
        self._file = file
        self._frames = frames
        self._bytes_per_frame = num_codebooks * _BITS_PER_SYMBOL // 8 + 1

    def pull(self, num_frames: int, /) -> torch.Tensor:
        coder, parts = self._frames.coder, []
        for start in range(0, max(num_frames, 1), _FRAMES):
            count = min(_FRAMES, num_frames - start)
            before, ahead = coder.bytes_read, coder.bytes_ahead
            # What the coder has at hand still counts as unread by the file.
            wanted = count * self._bytes_per_frame + _SPARE_BYTES
            coder.feed(self._file.peek(max(wanted, ahead))[ahead:])
            parts.append(self._frames.pull(count))
            self._file.read(coder.bytes_read - before)
        return torch.cat(parts, dim=-1)
