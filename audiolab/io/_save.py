"""Saving and encoding whole waveforms."""

from __future__ import annotations

import io
from typing import BinaryIO, cast

import torch

from audiolab._files import atomic_path, check_writable
from audiolab._typing import FilePath
from audiolab._validation import check_waveform
from audiolab.io._clipping import fit_full_scale
from audiolab.io._errors import AudioFileError, engine_reason
from audiolab.io._mixing import check_mix, mix
from audiolab.io._settings import Settings, settle
from audiolab.io._sinks import open_sink

__all__ = ["as_channels_time", "encode", "save"]


def save(
    path: FilePath,
    waveform: torch.Tensor,
    sample_rate: int,
    *,
    format: str | None = None,
    bit_rate: int | None = None,
    num_channels: int | None = None,
    encoding: str | None = None,
    on_clip: str = "warn",
    overwrite: bool = False,
) -> None:
    """Save a waveform as an audio file.

    The file is written whole or not at all: under a temporary name in the same folder first.

    Parameters
    ----------
    path : path
        File to write; its extension chooses the format.
    waveform : Tensor of shape (channels, time) or (time,)
        Samples, floating point, full scale at 1.0. Any device and float type.
    sample_rate : int
        Sample rate in Hz.
    format : str, optional
        ``"wav"``, ``"flac"``, ``"mp3"``, ``"ogg"``, ``"opus"`` or ``"m4a"``; by default what the
        extension says.
    bit_rate : int, optional
        Bit rate in bit/s for the lossy formats. mp3 takes the nearest of its own. By default the
        encoder's choice.
    num_channels : int, optional
        Number of channels in the file: 1 stores the mean, more than 1 copies a mono waveform.
        By default as many as `waveform` has.
    encoding : str, optional
        How wav stores a sample: ``"pcm_s16"`` (default), ``"pcm_s24"``, ``"pcm_s32"`` or
        ``"float32"``; flac takes the first two. 16 bits play everywhere, and their noise lies 98 dB
        below a full-scale tone.
    on_clip : {"warn", "error", "rescale"}
        What to do about values beyond [-1, 1]: clip them with a `ClippingWarning`, refuse, or
        divide the whole waveform by its peak. float32 wav stores them as they are.
    overwrite : bool, default: False
        Whether to replace a file that is there already.

    Raises
    ------
    FileExistsError
        The file exists and `overwrite` is false.
    ValueError
        The format is unknown or cannot hold this rate, number of channels, length or bit rate; the
        waveform has NaN or infinite values or the wrong shape; or it clips and `on_clip` is
        ``"error"``.
    TypeError
        The waveform is not a floating-point tensor.

    See Also
    --------
    encode : The same into bytes.
    BlockWriter : The same block by block.
    formats : What each format can hold.

    Notes
    -----
    Integer encodings are rounded to the nearest step, without dither: what was loaded from such a
    file is stored unchanged, and the same samples always give the same wav and flac bytes.

    The lossy formats come back as long as they went in, and in time: encoder delay and padding are
    noted in the file and taken off by `load`. mp3 cannot note less than 529 samples of padding: up
    to 46 samples of silence may follow. m4a holds a millisecond at least, wav alone holds nothing.

    A rate that the format cannot hold is an error, not resampled behind your back. Opus stores
    every input rate (8, 12, 16, 24 or 48 kHz) as 48 kHz, and that is what loads again.

    Examples
    --------
    >>> import tempfile
    >>> import torch
    >>> from audiolab import io
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     io.save(f"{folder}/silence.flac", torch.zeros(1, 16_000), 16_000)
    ...     io.info(f"{folder}/silence.flac").duration_s
    1.0
    """
    target = check_writable(path, overwrite=overwrite)
    samples, settings = _prepared(
        waveform,
        sample_rate,
        path=path,
        format=format,
        bit_rate=bit_rate,
        num_channels=num_channels,
        encoding=encoding,
        on_clip=on_clip,
    )
    with atomic_path(target, overwrite=overwrite) as temporary, temporary.open("w+b") as file:
        _write(cast("BinaryIO", file), samples, settings, str(target))


def encode(
    waveform: torch.Tensor,
    sample_rate: int,
    *,
    format: str,
    bit_rate: int | None = None,
    num_channels: int | None = None,
    encoding: str | None = None,
    on_clip: str = "warn",
) -> bytes:
    """Encode a waveform as the bytes of an audio file.

    Parameters
    ----------
    waveform : Tensor of shape (channels, time) or (time,)
        Samples, floating point, full scale at 1.0.
    sample_rate : int
        Sample rate in Hz.
    format : str
        ``"wav"``, ``"flac"``, ``"mp3"``, ``"ogg"``, ``"opus"`` or ``"m4a"``.
    bit_rate, num_channels, encoding, on_clip
        As for `save`.

    Returns
    -------
    bytes
        The file.

    See Also
    --------
    decode : The way back.
    save : The same into a file, with all details.

    Examples
    --------
    >>> import torch
    >>> from audiolab import io
    >>> data = io.encode(torch.zeros(2, 48_000), 48_000, format="mp3", bit_rate=64_000)
    >>> io.info(data).bit_rate
    64000
    """
    samples, settings = _prepared(
        waveform,
        sample_rate,
        path=None,
        format=format,
        bit_rate=bit_rate,
        num_channels=num_channels,
        encoding=encoding,
        on_clip=on_clip,
    )
    file = io.BytesIO()
    _write(file, samples, settings, settings.format.name)
    return file.getvalue()


def as_channels_time(waveform: torch.Tensor, name: str = "waveform") -> torch.Tensor:
    """Return a checked waveform as ``(channels, time)`` on the CPU, detached."""
    check_waveform(waveform, name)
    if waveform.dim() not in (1, 2) or (waveform.dim() == 2 and not waveform.shape[0]):
        raise ValueError(
            f"{name} must have shape (channels, time) or (time,), got {tuple(waveform.shape)}"
        )
    check_waveform(waveform, name, finite=True)
    samples = waveform.detach().cpu()
    samples = samples if samples.dtype == torch.float64 else samples.float()
    return samples.reshape(1, -1) if samples.dim() == 1 else samples


def _prepared(
    waveform: torch.Tensor,
    sample_rate: int,
    *,
    path: FilePath | None,
    format: str | None,
    bit_rate: int | None,
    num_channels: int | None,
    encoding: str | None,
    on_clip: str,
) -> tuple[torch.Tensor, Settings]:
    if path is None and not isinstance(format, str):
        raise TypeError(f"format must be a string, got {type(format).__name__}")
    samples = as_channels_time(waveform)
    have, length = samples.shape
    if have > 8 and have > length:
        raise ValueError(
            f"waveform has shape {tuple(waveform.shape)}, which is {have} channels of {length} "
            "samples; files are (channels, time), so pass waveform.T if it is the other way round"
        )
    channels = check_mix(have, num_channels)
    settings = settle(
        path=path,
        format=format,
        sample_rate=sample_rate,
        num_channels=channels,
        encoding=encoding,
        bit_rate=bit_rate,
        on_clip=on_clip,
    )
    target = settings.format.name if path is None else str(path)
    settings.check_length(length)
    samples = mix(samples, channels)
    if settings.clips:
        samples = fit_full_scale(samples, on_clip, target, stacklevel=3)
    return samples, settings


def _write(file: BinaryIO, samples: torch.Tensor, settings: Settings, target: str) -> None:
    sink = open_sink(
        file,
        settings.format,
        settings.sample_rate,
        settings.num_channels,
        encoding=settings.encoding,
        bit_rate=settings.bit_rate,
        growing=False,
    )
    try:
        sink.write(samples)
        sink.close()
    except RuntimeError as error:
        raise AudioFileError(f"{target} cannot be written ({engine_reason(error)})") from error
