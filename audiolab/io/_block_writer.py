"""Writing a file block by block: constant memory, and the file appears when it is complete."""

from __future__ import annotations

import warnings
from contextlib import ExitStack
from types import TracebackType
from typing import BinaryIO, Self, cast

import torch

from audiolab._files import atomic_path, check_writable
from audiolab._typing import FilePath
from audiolab.io._clipping import Overs
from audiolab.io._errors import AudioFileError, ClippingWarning, engine_reason
from audiolab.io._save import as_channels_time
from audiolab.io._settings import settle
from audiolab.io._sinks import Sink, open_sink

__all__ = ["BlockWriter"]


class BlockWriter:
    """Write an audio file block by block, in constant memory.

    A context manager: the file appears under its name when the block ends well, and not at all when
    it raises. A wav file beyond 4 GiB is written as RF64.

    Parameters
    ----------
    path : path
        File to write; its extension chooses the format.
    sample_rate : int
        Sample rate in Hz.
    num_channels : int
        Number of channels of every block.
    format : str, optional
        Format, by default what the extension says.
    bit_rate : int, optional
        Bit rate in bit/s for the lossy formats, by default the encoder's choice.
    encoding : str, optional
        Sample encoding of wav and flac, by default ``"pcm_s16"``.
    on_clip : {"warn", "error"}
        What to do about values beyond [-1, 1]: clip them, with one `ClippingWarning` at the end, or
        refuse the block. ``"rescale"`` needs the peak of the whole file before the first block is
        written, and is an error here.
    overwrite : bool, default: False
        Whether to replace a file that is there already.

    Raises
    ------
    FileExistsError
        The file exists and `overwrite` is false.
    ValueError
        As for `save`.

    See Also
    --------
    blocks : Read a file block by block.
    save : Write a whole waveform.

    Examples
    --------
    >>> import tempfile
    >>> from audiolab import io, signals
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     music = io.blocks(signals.clip_path("music"), 0.5, sample_rate=16_000)
    ...     with io.BlockWriter(f"{folder}/music.wav", 16_000, music.num_channels) as writer:
    ...         for block in music:
    ...             writer.write(0.5 * block)
    ...     io.info(f"{folder}/music.wav").num_samples == music.num_samples
    True
    """

    def __init__(
        self,
        path: FilePath,
        sample_rate: int,
        num_channels: int,
        *,
        format: str | None = None,
        bit_rate: int | None = None,
        encoding: str | None = None,
        on_clip: str = "warn",
        overwrite: bool = False,
    ) -> None:
        if isinstance(num_channels, bool) or not isinstance(num_channels, int):
            raise TypeError(
                f"num_channels must be a whole number, got {type(num_channels).__name__}"
            )
        self._target = check_writable(path, overwrite=overwrite)
        self._settings = settle(
            path=path,
            format=format,
            sample_rate=sample_rate,
            num_channels=num_channels,
            encoding=encoding,
            bit_rate=bit_rate,
            on_clip=on_clip,
        )
        if on_clip == "rescale":
            raise ValueError(
                "on_clip='rescale' needs the peak of the whole file before the first block is "
                "written: find it in a first pass over the blocks and divide by it, or use save"
            )
        self._overwrite = overwrite
        self._overs = Overs(str(self._target))
        self._count = 0
        self._sink: Sink | None = None
        self._stack = ExitStack()

    @property
    def num_samples(self) -> int:
        """Number of samples a channel written so far."""
        return self._count

    def __enter__(self) -> Self:
        if self._sink is not None:
            raise RuntimeError(f"{self._target} is being written already")
        settings = self._settings
        with ExitStack() as stack:
            temporary = stack.enter_context(atomic_path(self._target, overwrite=self._overwrite))
            file = stack.enter_context(temporary.open("w+b"))
            self._sink = open_sink(
                cast("BinaryIO", file),
                settings.format,
                settings.sample_rate,
                settings.num_channels,
                encoding=settings.encoding,
                bit_rate=settings.bit_rate,
                growing=True,
            )
            self._stack = stack.pop_all()
        self._count = 0
        return self

    def write(self, block: torch.Tensor) -> None:
        """Append a block.

        Parameters
        ----------
        block : Tensor of shape (channels, time) or (time,)
            Samples, floating point, full scale at 1.0; any length, also none.

        Raises
        ------
        ValueError
            The block has another number of channels, values that are not finite, or values beyond
            full scale while `on_clip` is ``"error"``.
        """
        if self._sink is None:
            raise RuntimeError(
                "BlockWriter writes inside its with block: with BlockWriter(...) as w"
            )
        samples = as_channels_time(block, "block")
        if samples.shape[0] != self._settings.num_channels:
            raise ValueError(
                f"block must have {self._settings.num_channels} channel(s) like the file, "
                f"got shape {tuple(block.shape)}"
            )
        if self._settings.clips:
            samples = self._overs.clip(samples)
            if self._overs.found and self._settings.on_clip == "error":
                raise ValueError(self._overs.message("scale the blocks down, or write float32 wav"))
        try:
            self._sink.write(samples)
        except RuntimeError as error:
            raise self._failure(error) from error
        self._count += samples.shape[1]

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        sink, self._sink = self._sink, None
        assert sink is not None
        if error is not None:
            _close_quietly(sink)  # the encoder has to let go of the file before it is thrown away
            self._stack.__exit__(kind, error, trace)
            return
        with self._stack:  # what is raised in here reaches atomic_path, which drops the file
            try:
                self._settings.check_length(self._count)
                sink.close()
            except RuntimeError as failure:
                raise self._failure(failure) from failure
            except ValueError:
                _close_quietly(sink)
                raise
        if self._overs.found:
            warnings.warn(self._overs.message("they were clipped"), ClippingWarning, stacklevel=2)

    def _failure(self, error: BaseException) -> AudioFileError:
        return AudioFileError(f"{self._target} cannot be written ({engine_reason(error)})")


def _close_quietly(sink: Sink) -> None:
    try:
        sink.close()
    except (RuntimeError, OSError):
        return
