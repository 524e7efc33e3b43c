"""Loading: any source, any format, any range, as ``(channels, time)`` float32 samples."""

from __future__ import annotations

import math

import torch

from audiolab._typing import AudioSource
from audiolab._validation import check_range, check_sample_rate
from audiolab.io._mixing import check_mix, mix
from audiolab.io._open import OpenAudio
from audiolab.io._pcm_stream import PcmStream
from audiolab.io._resampling import Resampler
from audiolab.units import seconds_to_samples

__all__ = ["decode", "load", "sample_range"]

# More values than this a byte of file are not expected, and not prepared for either.
_VALUES_PER_BYTE = 16
_SMALL = 1 << 20


def load(
    source: AudioSource,
    *,
    sample_rate: int | None = None,
    num_channels: int | None = None,
    start_s: float = 0.0,
    stop_s: float | None = None,
) -> tuple[torch.Tensor, int]:
    """Load an audio file, or a range of it, as float samples.

    Parameters
    ----------
    source : path, bytes, uint8 Tensor or binary file
        The audio file. An open file is read from its beginning, wherever it stands; one that cannot
        seek (a pipe) is read whole first.
    sample_rate : int, optional
        Rate in Hz to resample to. By default the file's own.
    num_channels : int, optional
        Number of channels to mix to: 1 takes the mean of all, more than 1 copies a mono file. Other
        mixes are an error. By default the file's own.
    start_s : float, default: 0.0
        Time in seconds of the first sample, rounded to the nearest sample of the file.
    stop_s : float, optional
        Time in seconds of the first sample that is left out. Past the end it means the end.

    Returns
    -------
    waveform : Tensor of shape (channels, time)
        Samples, float32, full scale at 1.0. Float files and lossy decoders may exceed 1: nothing
        is clipped.
    sample_rate : int
        Sample rate in Hz of `waveform`.

    Raises
    ------
    FileNotFoundError, IsADirectoryError
        There is no such file.
    AudioFileError
        The file is not audio, holds no sound, or is damaged or cut off within the range.
    ValueError
        `start_s` lies beyond the end, or a parameter is out of range.

    See Also
    --------
    blocks : The same in constant memory.
    info : What a file holds, without decoding it.

    Notes
    -----
    A range is exactly the slice of the whole, in every format. wav and flac are sought; the lossy
    formats are decoded from their beginning, because neither the place nor the values after a seek
    would be exact. Encoder delay and padding are taken off where the file says how long it is.
    Opus in its speech mode (about 10 kbit/s and below) is the one exception: FFmpeg's own decoder
    resamples it inside, and gives the sound 6 samples late and 24 samples short, at 48 kHz.

    Resampling happens after the range is cut, with silence on both sides of it. It is soxr's HQ
    filter: a tone 2 % above the new Nyquist frequency is rejected by 137 dB and the pass band is
    flat to 0.91 of it, where the resampler inside FFmpeg and torchcodec leaves that tone at -14 dB.
    ``n`` samples become ``ceil(n * new / old)``.

    Integers are scaled by a power of two, ``k / 2**(bits - 1)``. That is exact up to 24 bits;
    32-bit samples are rounded to the 24 that float32 has.

    Examples
    --------
    >>> from audiolab import io, signals
    >>> waveform, rate = io.load(signals.clip_path("music"), start_s=1.0, stop_s=1.5)
    >>> waveform.shape, rate
    (torch.Size([2, 22050]), 44100)
    """
    new_rate = None if sample_rate is None else check_sample_rate(sample_rate)
    check_times(start_s, stop_s)
    with OpenAudio(source) as audio:
        channels = check_mix(audio.num_channels, num_channels)
        start, stop = sample_range(audio.sample_rate, start_s, stop_s)
        samples = audio.read_whole() if start == 0 and stop is None else None
        if samples is None:
            samples = _gather(audio, start, stop)
        old_rate = audio.sample_rate
    samples = mix(samples, min(channels, samples.shape[0]))
    if new_rate is not None and new_rate != old_rate:
        resampler = Resampler(old_rate, new_rate, samples.shape[0])
        samples = torch.cat([resampler.push(samples), resampler.finish()], dim=1)
    return mix(samples, channels), new_rate or old_rate


def decode(
    data: bytes | bytearray | memoryview | torch.Tensor,
    *,
    sample_rate: int | None = None,
    num_channels: int | None = None,
    start_s: float = 0.0,
    stop_s: float | None = None,
) -> tuple[torch.Tensor, int]:
    """Decode the bytes of an audio file: `load` for what `encode` returns.

    Parameters
    ----------
    data : bytes or uint8 Tensor
        A whole file in any format.
    sample_rate, num_channels, start_s, stop_s
        As for `load`.

    Returns
    -------
    waveform : Tensor of shape (channels, time)
        Samples, float32, full scale at 1.0.
    sample_rate : int
        Sample rate in Hz of `waveform`.

    See Also
    --------
    load : The same from files, with all details.

    Examples
    --------
    >>> import torch
    >>> from audiolab import io
    >>> data = io.encode(torch.zeros(1, 800), 8_000, format="flac")
    >>> io.decode(data)[0].shape
    torch.Size([1, 800])
    """
    if not isinstance(data, (bytes, bytearray, memoryview, torch.Tensor)):
        raise TypeError(
            f"data must be bytes or a uint8 tensor, got {type(data).__name__}; load opens files"
        )
    return load(
        data, sample_rate=sample_rate, num_channels=num_channels, start_s=start_s, stop_s=stop_s
    )


def check_times(start_s: float, stop_s: float | None) -> None:
    """Raise unless ``0 <= start_s <= stop_s``."""
    check_range(start_s, "start_s", 0.0, unit="s")
    if stop_s is not None and check_range(stop_s, "stop_s", 0.0, unit="s") < start_s:
        raise ValueError(f"stop_s must not come before start_s={start_s:g} s, got {stop_s:g} s")


def sample_range(rate: int, start_s: float, stop_s: float | None) -> tuple[int, int | None]:
    """Return a range of seconds in whole samples."""
    stop = None if stop_s is None else seconds_to_samples(stop_s, rate)
    return seconds_to_samples(start_s, rate), stop


def _gather(audio: OpenAudio, start: int, stop: int | None) -> torch.Tensor:
    """Read a range into one tensor, without trusting a header about how much memory that takes."""
    declared = (
        audio.stream.num_samples if isinstance(audio.stream, PcmStream) else audio.num_samples
    )
    ends = [end for end in (stop, declared) if end is not None]
    expected = max(0, min(ends) - start) if ends else 0
    likely = (_SMALL + _VALUES_PER_BYTE * audio.source.size) // audio.num_channels
    samples = torch.empty(audio.num_channels, min(expected, likely))
    filled = 0
    for piece in audio.read(start, stop):
        end = filled + piece.shape[1]
        if end > samples.shape[1]:
            grown = torch.empty(audio.num_channels, max(end, math.ceil(1.5 * samples.shape[1])))
            grown[:, :filled] = samples[:, :filled]
            samples = grown
        samples[:, filled:end] = piece
        filled = end
    return samples if filled == samples.shape[1] else samples[:, :filled].clone()
