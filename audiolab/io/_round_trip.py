"""What a format does to a sound, measured: delay, length, size, and the rate that comes back."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from audiolab._validation import check_positive
from audiolab.io._info import info
from audiolab.io._load import decode
from audiolab.io._save import encode
from audiolab.units import seconds_to_samples

__all__ = ["RoundTrip", "measure_round_trip"]


@dataclass(frozen=True)
class RoundTrip:
    """A format's effect on a test signal.

    Parameters
    ----------
    format : str
        Format name.
    sample_rate : int
        Sample rate in Hz of the signal.
    decoded_rate : int
        Sample rate in Hz that came back; opus always gives 48 kHz.
    num_channels : int
        Number of channels.
    num_samples : int
        Number of samples that went in.
    decoded_samples : int
        Number of samples that came back, at `decoded_rate`.
    extra_samples : int
        Samples at `decoded_rate` beyond the length that went in.
    delay_samples : int
        How many samples at `decoded_rate` later the sound comes back; negative for earlier.
    bit_rate : int
        Bits of file a second, headers and all.
    size_bytes : int
        Size of the file.
    max_error : float
        Largest difference between the signal and what came back, aligned; ``nan`` where the rates
        differ.
    """

    format: str
    sample_rate: int
    decoded_rate: int
    num_channels: int
    num_samples: int
    decoded_samples: int
    extra_samples: int
    delay_samples: int
    bit_rate: int
    size_bytes: int
    max_error: float


def measure_round_trip(
    format: str,
    *,
    sample_rate: int = 48_000,
    num_channels: int = 1,
    bit_rate: int | None = None,
    encoding: str | None = None,
    duration_s: float = 1.0,
) -> RoundTrip:
    """Encode and decode a test signal, and measure what the format did to it.

    The signal is noise between 200 Hz and a sixth of the sample rate, from a fixed seed, the same
    in all channels: it has one sharp correlation peak, and every codec keeps its band.

    Parameters
    ----------
    format : str
        Format name, as for `encode`.
    sample_rate : int, default: 48000
        Sample rate in Hz of the signal.
    num_channels : int, default: 1
        Number of channels.
    bit_rate : int, optional
        Bit rate in bit/s, as for `encode`.
    encoding : str, optional
        Sample encoding, as for `encode`.
    duration_s : float, default: 1.0
        Duration of the signal in seconds.

    Returns
    -------
    RoundTrip
        The figures.

    Raises
    ------
    ValueError
        The format cannot hold such a file.

    See Also
    --------
    formats : What each format can hold.

    Examples
    --------
    >>> from audiolab import io
    >>> trip = io.measure_round_trip("mp3", bit_rate=128_000)
    >>> trip.delay_samples, trip.extra_samples
    (0, 0)
    """
    num_samples = seconds_to_samples(check_positive(duration_s, "duration_s"), sample_rate)
    signal = _band_noise(num_samples, sample_rate)
    waveform = signal.expand(num_channels, -1)
    data = encode(waveform, sample_rate, format=format, bit_rate=bit_rate, encoding=encoding)
    decoded, rate = decode(data)
    # Where the codec changed the rate, the comparison takes the samples that both have.
    ratio = rate // sample_rate
    delay = _lag(_stretched(signal, ratio), decoded[0])
    error = float("nan")
    if rate == sample_rate:
        aligned = decoded[:, max(0, delay) :]
        reference = waveform[:, max(0, -delay) :]
        common = min(aligned.shape[1], reference.shape[1])
        error = float((aligned[:, :common] - reference[:, :common]).abs().max())
    described = info(data)
    return RoundTrip(
        format=described.format,
        sample_rate=sample_rate,
        decoded_rate=rate,
        num_channels=decoded.shape[0],
        num_samples=num_samples,
        decoded_samples=decoded.shape[1],
        extra_samples=decoded.shape[1] - num_samples * ratio,
        delay_samples=delay,
        bit_rate=round(8 * len(data) / (num_samples / sample_rate)),
        size_bytes=len(data),
        max_error=error,
    )


def _band_noise(num_samples: int, sample_rate: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(20)
    noise = torch.randn(num_samples, generator=generator, dtype=torch.float64)
    spectrum = torch.fft.rfft(noise)
    frequency_hz = torch.fft.rfftfreq(num_samples, 1 / sample_rate)
    spectrum[(frequency_hz < min(200, sample_rate / 20)) | (frequency_hz > sample_rate / 6)] = 0
    band: torch.Tensor = torch.fft.irfft(spectrum, n=num_samples)
    band *= 0.5 / max(float(band.abs().max()), 1e-12)
    return band.float()


def _stretched(signal: torch.Tensor, ratio: int) -> torch.Tensor:
    """Resample by a whole factor, exactly: the spectrum gets more room."""
    if ratio == 1:
        return signal
    spectrum = torch.fft.rfft(signal.double())
    stretched: torch.Tensor = torch.fft.irfft(ratio * spectrum, n=ratio * signal.shape[0])
    return stretched.float()


def _lag(reference: torch.Tensor, delayed: torch.Tensor) -> int:
    """Return by how many samples `delayed` lags, where their correlation is highest."""
    size = 1 << (reference.shape[0] + delayed.shape[0] - 1).bit_length()
    product = torch.fft.rfft(reference.double(), n=size).conj() * torch.fft.rfft(
        delayed.double(), n=size
    )
    lag = int(torch.fft.irfft(product, n=size).argmax())
    return lag if lag < size // 2 else lag - size
