"""A round trip through a lossy coder, in place and of the same length.

`audiolab.io` encodes and decodes; this takes care of rates that a format does not know, of delay
and of length, so that labels and clean references still fit.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from audiolab._validation import check_choice, check_sample_rate
from audiolab.augment._items import Items, PerItemCount
from audiolab.io import decode, encode, formats
from audiolab.resample import resample

__all__ = ["codec_round_trip"]

#: Everyday names of coders, and the format of `audiolab.io` that carries each.
_FORMATS = {"mp3": "mp3", "opus": "opus", "vorbis": "ogg", "aac": "m4a"}
#: FFmpeg's decoder gives Opus in its speech mode late and short, at 48 kHz: see io.load.
_OPUS_RATE, _OPUS_LATE, _OPUS_SHORT = 48_000, 6, 24


def codec_round_trip(
    waveform: torch.Tensor,
    sample_rate: int,
    codec: str | Sequence[str] = "mp3",
    *,
    bit_rate: PerItemCount | None = None,
    lengths: PerItemCount | None = None,
) -> torch.Tensor:
    """Encode and decode each item.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(..., channels, time)``, ``(items, time)`` or ``(time,)``; one or two channels
        for mp3.
    sample_rate : int
        Sample rate in Hz. A rate that the coder does not know is converted to the next higher one
        that it does, and back.
    codec : {"mp3", "opus", "vorbis", "aac"} or list of them, default: "mp3"
        Coder, one an item if it is a list.
    bit_rate : int, Tensor or list of int, optional
        Bits a second, a value an item if it is a tensor; by default what `audiolab.io.encode`
        takes.
    lengths : int, Tensor or list of int, optional
        Valid samples of each item; the rest stays as it is.

    Returns
    -------
    Tensor
        Shape, dtype and device of the input, aligned with it. No gradient: the result is detached.

    Raises
    ------
    ValueError
        The coder is unknown, or the bit rate is not one it takes at this rate.

    See Also
    --------
    audiolab.io.measure_round_trip : What a format does to delay, length and size.

    Notes
    -----
    An item with samples beyond ±1 is coded at a peak of 1 and brought back to its level. Work is
    done on the CPU, an item after the other.

    Examples
    --------
    >>> from audiolab import metrics, signals
    >>> from audiolab.augment import codec_round_trip
    >>> speech, rate = signals.clip("speech_female")
    >>> coded = codec_round_trip(speech, rate, "opus", bit_rate=24_000)
    >>> coded.shape == speech.shape, metrics.delay_samples(speech, coded).item()
    (True, 0)
    """
    rate = check_sample_rate(sample_rate)
    items = Items.of(waveform)
    names = [codec] * items.count if isinstance(codec, str) else list(codec)
    if len(names) != items.count:
        raise ValueError(f"codec must have one name an item, {items.count}, got {len(names)}")
    for name in set(names):
        check_choice(name, "codec", tuple(_FORMATS))
    rates: list[int] | list[None] = (
        [None] * items.count
        if bit_rate is None
        else items.counts(bit_rate, "bit_rate", 1, unit="bit/s")
    )
    with torch.no_grad():
        return items.mapped(
            lambda samples, i: _trip(samples, rate, names[i], rates[i]), items.ends(lengths)
        )


def _trip(samples: torch.Tensor, rate: int, codec: str, bit_rate: int | None) -> torch.Tensor:
    plain = samples.detach().float().cpu()
    peak = max(1.0, float(plain.abs().max()))
    known = next(each for each in formats() if each.name == _FORMATS[codec]).sample_rates
    coded_rate = known.at_least(rate)
    sent = resample(plain.contiguous() / peak, rate, coded_rate).clamp(-1.0, 1.0)
    data = encode(sent, coded_rate, format=_FORMATS[codec], bit_rate=bit_rate)
    received, received_rate = decode(data)
    if codec == "opus":
        missing = -(-sent.shape[-1] * _OPUS_RATE // coded_rate) - received.shape[-1]
        if missing == _OPUS_SHORT:
            received = received[:, _OPUS_LATE:]
    back = resample(received, received_rate, rate)[:, : samples.shape[-1]]
    back = torch.nn.functional.pad(back, (0, samples.shape[-1] - back.shape[-1]))
    return (peak * back).to(samples.device, samples.dtype)
