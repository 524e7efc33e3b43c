"""Reading a file block by block: constant memory, whatever its length."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from audiolab._typing import AudioSource
from audiolab._validation import check_positive, check_sample_rate
from audiolab.io._load import check_times, sample_range
from audiolab.io._mixing import check_mix, mix
from audiolab.io._open import OpenAudio
from audiolab.io._resampling import Resampler, resampled_length
from audiolab.units import seconds_to_samples

__all__ = ["Blocks", "blocks"]


class Blocks:
    """The blocks of a file, to be iterated over: what `blocks` returns.

    Iterating again reads the file again.

    Parameters
    ----------
    source : path, bytes, uint8 Tensor or binary file
        The audio file.
    block_s : float
        Duration of a block in seconds.
    sample_rate, num_channels, start_s, stop_s
        As for `load`.

    Attributes
    ----------
    sample_rate : int
        Sample rate in Hz of the blocks.
    num_channels : int
        Number of channels of the blocks.
    block_size : int
        Number of samples in every block but the last.
    num_samples : int or None
        Number of samples in all blocks together by the file's header; ``None`` for the formats that
        only decoding can measure (an mp3 file without a Xing header).
    """

    def __init__(
        self,
        source: AudioSource,
        block_s: float,
        *,
        sample_rate: int | None = None,
        num_channels: int | None = None,
        start_s: float = 0.0,
        stop_s: float | None = None,
    ) -> None:
        check_positive(block_s, "block_s", unit="s")
        new_rate = None if sample_rate is None else check_sample_rate(sample_rate)
        check_times(start_s, stop_s)
        self._source = source
        with OpenAudio(source) as audio:
            # A pipe can be read once: keep what was read of it.
            if isinstance(audio.source.holder, bytes):
                self._source = audio.source.holder
            self.sample_rate = new_rate or audio.sample_rate
            self.num_channels = check_mix(audio.num_channels, num_channels)
            self._start, self._stop = sample_range(audio.sample_rate, start_s, stop_s)
            ends = [end for end in (audio.num_samples, self._stop) if end is not None]
            self.num_samples: int | None = None
            if audio.num_samples is not None:
                length = max(0, min(ends) - self._start)
                self.num_samples = resampled_length(length, audio.sample_rate, self.sample_rate)
            audio.check_range(self._start, self._stop)
        self.block_size = seconds_to_samples(block_s, self.sample_rate)
        if self.block_size < 1:
            raise ValueError(
                f"block_s must last at least one sample ({1 / self.sample_rate:g} s), got {block_s}"
            )

    def __iter__(self) -> Iterator[torch.Tensor]:
        size = self.block_size
        held: list[torch.Tensor] = []
        count = 0
        for piece in self._samples():
            # Pieces share memory with the ones that follow them.
            held.append(piece.clone())
            count += piece.shape[1]
            if count < size:
                continue
            joined = torch.cat(held, dim=1)
            whole = count - count % size
            for block in torch.split(joined[:, :whole], size, dim=1):
                yield block.contiguous()
            held = [joined[:, whole:].clone()]
            count -= whole
        if count:
            yield torch.cat(held, dim=1)

    def _samples(self) -> Iterator[torch.Tensor]:
        with OpenAudio(self._source) as audio:
            narrow = min(self.num_channels, audio.num_channels)
            resampler = Resampler(audio.sample_rate, self.sample_rate, narrow)
            for piece in audio.read(self._start, self._stop):
                yield mix(resampler.push(mix(piece, narrow)), self.num_channels)
            yield mix(resampler.finish(), self.num_channels)


def blocks(
    source: AudioSource,
    block_s: float,
    *,
    sample_rate: int | None = None,
    num_channels: int | None = None,
    start_s: float = 0.0,
    stop_s: float | None = None,
) -> Blocks:
    """Read an audio file block by block, in constant memory.

    Joined, the blocks are what `load` returns with the same arguments, sample for sample: there is
    no seam between blocks, resampled or not.

    Parameters
    ----------
    source : path, bytes, uint8 Tensor or binary file
        The audio file.
    block_s : float
        Duration of a block in seconds; the last one may be shorter.
    sample_rate : int, optional
        Rate in Hz to resample to. By default the file's own.
    num_channels : int, optional
        Number of channels to mix to, as for `load`. By default the file's own.
    start_s : float, default: 0.0
        Time in seconds of the first sample.
    stop_s : float, optional
        Time in seconds of the first sample that is left out. Past the end it means the end.

    Returns
    -------
    Blocks
        An iterable of tensors ``(channels, time)`` with the attributes `sample_rate`,
        `num_channels`, `block_size` and `num_samples`.

    Raises
    ------
    AudioFileError
        The file is not audio, or (while iterating) damaged within the range.
    ValueError
        A parameter is out of range.

    See Also
    --------
    BlockWriter : Write a file block by block.

    Examples
    --------
    >>> from audiolab import io, signals
    >>> music = io.blocks(signals.clip_path("music"), 1.0, num_channels=1)
    >>> max(float(block.abs().max()) for block in music) <= 1.0
    True
    """
    return Blocks(
        source,
        block_s,
        sample_rate=sample_rate,
        num_channels=num_channels,
        start_s=start_s,
        stop_s=stop_s,
    )
