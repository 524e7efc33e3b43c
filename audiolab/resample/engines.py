"""The resamplers of torchaudio, soxr, scipy and FFmpeg under one vocabulary.

Every adapter takes ``(rows, time)`` and a reduced ratio, and follows the length rule of
:mod:`audiolab.resample.rates`, which two of the libraries do not follow by themselves:

- soxr rounds the length where we round up: one more zero goes in at the end, and the output is cut;
- scipy's FFT method takes the number of outputs for the new rate, so that 44,101 samples at
  44.1 kHz would come out 40 ppm out of tune: zeros extend the input to whole periods of the ratio.

Which tensors each can take, and whether it has a gradient, stands in `METHODS`. Engines outside of
torch run on the CPU, in float32 or float64, one row after the other.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from fractions import Fraction

import torch

from audiolab._environment import import_stack

__all__ = ["ENGINES", "KAISER_BEST_BETA"]

Engine = Callable[..., torch.Tensor]

#: resampy's published parameters, which torchaudio's and librosa's names refer to.
KAISER_BEST_BETA = 14.769656459379492
_KAISER_BEST = {
    "lowpass_filter_width": 64,
    "rolloff": 0.9475937167399596,
    "beta": KAISER_BEST_BETA,
}
_KAISER_FAST = {"lowpass_filter_width": 16, "rolloff": 0.85, "beta": 8.555504641634386}

#: Elements of torchaudio's kernel (1 GB in float32) beyond which we stop before the machine does.
_MAX_KERNEL = 1 << 28


def _torchaudio(window: str, **defaults: float) -> Engine:
    def engine(x: torch.Tensor, ratio: Fraction, length: int, **options: float) -> torch.Tensor:
        functional = import_stack("torchaudio.functional")
        merged = {"lowpass_filter_width": 6, "rolloff": 0.99, **defaults, **options}
        p, q = ratio.numerator, ratio.denominator
        width = merged["lowpass_filter_width"] * max(1.0, q / p) / merged["rolloff"]
        if p * (2 * width + q) > _MAX_KERNEL:
            raise ValueError(
                f"torchaudio computes a kernel of {p} x {2 * math.ceil(width) + q} for the ratio "
                f"{p}/{q}, too large for memory; method='audiolab' has no such kernel"
            )
        y: torch.Tensor = functional.resample(
            x, q, p, resampling_method=f"sinc_interp_{window}", **merged
        )
        return y[..., :length]

    return engine


def _soxr(quality: str) -> Engine:
    def engine(x: torch.Tensor, ratio: Fraction, length: int) -> torch.Tensor:
        import numpy as np
        import soxr

        missing = length - math.floor(x.shape[-1] * ratio + Fraction(1, 2))
        if missing > 0:
            x = torch.nn.functional.pad(x, (0, math.ceil(missing / ratio)))
        rows = [
            soxr.resample(row, ratio.denominator, ratio.numerator, quality)[:length]
            for row in x.numpy()
        ]
        return torch.from_numpy(np.stack(rows))

    return engine


def _scipy_polyphase(x: torch.Tensor, ratio: Fraction, length: int) -> torch.Tensor:
    signal = import_stack("scipy.signal")
    y = signal.resample_poly(x.numpy(), ratio.numerator, ratio.denominator, axis=-1)
    return torch.from_numpy(y)[..., :length]


def _scipy_fft(x: torch.Tensor, ratio: Fraction, length: int) -> torch.Tensor:
    signal = import_stack("scipy.signal")
    periods = -(-x.shape[-1] // ratio.denominator)
    extended = torch.nn.functional.pad(x, (0, periods * ratio.denominator - x.shape[-1]))
    y = signal.resample(extended.numpy(), periods * ratio.numerator, axis=-1)
    return torch.from_numpy(y)[..., :length]


def _torchcodec_swr(
    x: torch.Tensor, ratio: Fraction, length: int, *, rates: tuple[Fraction, Fraction]
) -> torch.Tensor:
    """Do what ``AudioDecoder(source, sample_rate=...)`` does: FFmpeg's swresample."""
    orig, new = rates
    if orig.denominator != 1 or new.denominator != 1:
        raise ValueError(
            f"torchcodec_swr takes whole rates only, got {float(orig):g} and {float(new):g} Hz"
        )
    decoders = import_stack("torchcodec.decoders")
    rows = []
    for row in x:
        decoder = decoders.AudioDecoder(_wav(row, int(orig)), sample_rate=int(new))
        y = decoder.get_all_samples().data[0, :length]
        # swresample keeps the very last sample back when it has nothing to follow it
        rows.append(torch.nn.functional.pad(y, (0, length - len(y))))
    return torch.stack(rows)


def _wav(row: torch.Tensor, sample_rate: int) -> bytes:
    """Return one channel as the bytes of a 32-bit float wav file."""
    data = row.numpy().astype("<f4").tobytes()
    layout = struct.pack("<HHIIHH", 3, 1, sample_rate, 4 * sample_rate, 4, 32)
    body = b"WAVEfmt " + struct.pack("<I", len(layout)) + layout
    body += b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


ENGINES: dict[str, Engine] = {
    "torchaudio_hann": _torchaudio("hann"),
    "torchaudio_kaiser": _torchaudio("kaiser", beta=KAISER_BEST_BETA),
    "torchaudio_kaiser_fast": _torchaudio("kaiser", **_KAISER_FAST),
    "torchaudio_kaiser_best": _torchaudio("kaiser", **_KAISER_BEST),
    "soxr_qq": _soxr("QQ"),
    "soxr_lq": _soxr("LQ"),
    "soxr_mq": _soxr("MQ"),
    "soxr_hq": _soxr("HQ"),
    "soxr_vhq": _soxr("VHQ"),
    "scipy_polyphase": _scipy_polyphase,
    "scipy_fft": _scipy_fft,
    "torchcodec_swr": _torchcodec_swr,
}
