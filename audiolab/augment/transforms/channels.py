"""What lies between a mouth and a model: lines, codecs, converters, air, microphones, speakers.

Each is a function of `audiolab.augment` with parameters drawn an item. The clean twin stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch

from audiolab.augment._fields import Amount, amount, option
from audiolab.augment._shared_fields import shared_last
from audiolab.augment.channels.air import air_absorption
from audiolab.augment.channels.clipping import alias, clip_amplitude, tanh_distortion
from audiolab.augment.channels.codecs import codec_round_trip
from audiolab.augment.channels.microphones import MICROPHONES, apply_microphone
from audiolab.augment.channels.packets import draw_packet_loss, num_packets, packet_loss
from audiolab.augment.channels.quantization import reduce_bit_depth
from audiolab.augment.channels.speakers import small_speaker
from audiolab.augment.channels.telephone import telephone
from audiolab.augment.distributions import Choice, LogUniform, Uniform
from audiolab.augment.levels import dc_offset
from audiolab.augment.single import WaveformTransform
from audiolab.augment.transform import Params
from audiolab.resample import resample

__all__ = [
    "AirAbsorption",
    "Aliasing",
    "BitCrush",
    "Clipping",
    "DcOffset",
    "LossyCodec",
    "LowSampleRate",
    "Microphone",
    "PacketLoss",
    "SmallSpeaker",
    "TanhDistortion",
    "Telephone",
]


def numbers(params: Sequence[Params], name: str) -> list[float]:
    """Return one parameter of all items."""
    return [float(each[name]) for each in params]


@shared_last
@dataclass(frozen=True, kw_only=True)
class AirAbsorption(WaveformTransform):
    """Filter as a stretch of air does: the farther, the duller.

    Parameters
    ----------
    distance_m : float or Distribution, default: Uniform(10, 100)
        Distance in metres.
    temperature_c : float or Distribution, default: 20.0
        Temperature in degrees Celsius, -40 to 60.
    humidity_percent : float or Distribution, default: Uniform(30, 90)
        Relative humidity in percent.
    """

    distance_m: Amount = amount(Uniform(10.0, 100.0), low=0.0)
    temperature_c: Amount = amount(20.0, low=-40.0, high=60.0)
    humidity_percent: Amount = amount(Uniform(30.0, 90.0), low=0.0, high=100.0)

    name: ClassVar[str] = "air_absorption"

    def _change(
        self,
        waveform: torch.Tensor,
        sample_rate: int,
        params: Sequence[Params],
        lengths: Sequence[int],
    ) -> torch.Tensor:
        return air_absorption(
            waveform,
            sample_rate,
            numbers(params, "distance_m"),
            temperature_c=numbers(params, "temperature_c"),
            humidity_percent=numbers(params, "humidity_percent"),
        )


@shared_last
@dataclass(frozen=True, kw_only=True)
class Aliasing(WaveformTransform):
    """Fold high frequencies down, as a conversion without a filter does.

    Parameters
    ----------
    new_rate_hz : float or Distribution, default: LogUniform(4000, 12000)
        The lower rate in Hz; items stay as they are where it is not below their own.
    """

    new_rate_hz: Amount = amount(LogUniform(4000.0, 12_000.0), low=100.0)

    name: ClassVar[str] = "aliasing"

    def _change(
        self,
        waveform: torch.Tensor,
        sample_rate: int,
        params: Sequence[Params],
        lengths: Sequence[int],
    ) -> torch.Tensor:
        rates = [min(each, float(sample_rate)) for each in numbers(params, "new_rate_hz")]
        return alias(waveform, sample_rate, rates)


@shared_last
@dataclass(frozen=True, kw_only=True)
class LowSampleRate(WaveformTransform):
    """Convert to a lower sample rate and back: nothing is left above half of it.

    Parameters
    ----------
    new_rate_hz : int or Distribution, default: Choice([8000, 11025, 12000])
        The lower rate in Hz; items stay as they are where it is not below their own.
    """

    new_rate_hz: Amount = amount(Choice([8000, 11_025, 12_000]), low=100, whole=True)

    name: ClassVar[str] = "low_sample_rate"

    def _change(
        self,
        waveform: torch.Tensor,
        sample_rate: int,
        params: Sequence[Params],
        lengths: Sequence[int],
    ) -> torch.Tensor:
        result = waveform.clone()
        for item, into, each in zip(waveform, result, params, strict=True):
            new_rate = int(each["new_rate_hz"])
            if new_rate < sample_rate and item.numel():
                back = resample(resample(item, sample_rate, new_rate), new_rate, sample_rate)
                into.copy_(back[:, : item.shape[-1]])
        return result


@shared_last
@dataclass(frozen=True, kw_only=True)
class BitCrush(WaveformTransform):
    """Round samples to the values of a few bits; those beyond full scale are clipped.

    Parameters
    ----------
    bits : float or Distribution, default: Uniform(4, 12)
        Bits a sample, 1 to 24; fractions make steps in between.
    dither : {"none", "rectangular", "triangular"}, default: "none"
        Noise that is added before rounding.
    """

    bits: Amount = amount(Uniform(4.0, 12.0), low=1.0, high=24.0)
    dither: Literal["none", "rectangular", "triangular"] = option(
        "none", choices=("none", "rectangular", "triangular")
    )

    name: ClassVar[str] = "bit_crush"
    noises: ClassVar[tuple[str, ...]] = ("dither_seed",)

    def _change(
        self,
        waveform: torch.Tensor,
        sample_rate: int,
        params: Sequence[Params],
        lengths: Sequence[int],
    ) -> torch.Tensor:
        seeds = [each["dither_seed"] for each in params]
        return reduce_bit_depth(waveform, numbers(params, "bits"), dither=self.dither, seeds=seeds)


@shared_last
@dataclass(frozen=True, kw_only=True)
class Clipping(WaveformTransform):
    """Hold samples at a threshold, chosen so that a share of them reaches it.

    Parameters
    ----------
    clipped_share : float or Distribution, default: Uniform(0, 0.2)
        Share of the item's samples that reach the threshold.
    softness : {"hard", "soft"}, default: "hard"
        Whether samples are cut off, or bent with a hyperbolic tangent.
    """

    clipped_share: Amount = amount(Uniform(0.0, 0.2), low=0.0, high=1.0)
    softness: Literal["hard", "soft"] = option("hard", choices=("hard", "soft"))

    name: ClassVar[str] = "clipping"

    def _change(
        self,
        waveform: torch.Tensor,
        sample_rate: int,
        params: Sequence[Params],
        lengths: Sequence[int],
    ) -> torch.Tensor:
        return clip_amplitude(
            waveform, clipped_share=numbers(params, "clipped_share"), mode=self.softness
        )


@shared_last
@dataclass(frozen=True, kw_only=True)
class TanhDistortion(WaveformTransform):
    """Saturate like a valve or a tape, at the level that came in.

    Parameters
    ----------
    drive_db : float or Distribution, default: Uniform(-15, 15)
        How far the item's RMS lies above the knee, in dB.
    """

    drive_db: Amount = amount(Uniform(-15.0, 15.0), low=-80.0, high=80.0)

    name: ClassVar[str] = "tanh_distortion"

    def _change(
        self,
        waveform: torch.Tensor,
        sample_rate: int,
        params: Sequence[Params],
        lengths: Sequence[int],
    ) -> torch.Tensor:
        return tanh_distortion(waveform, numbers(params, "drive_db"))


@shared_last
@dataclass(frozen=True, kw_only=True)
class DcOffset(WaveformTransform):
    """Add a constant, as a converter with a bias does.

    Parameters
    ----------
    offset : float or Distribution, default: Uniform(-0.05, 0.05)
        What is added; 1 is full scale.
    """

    offset: Amount = amount(Uniform(-0.05, 0.05), low=-1.0, high=1.0)

    name: ClassVar[str] = "dc_offset"
    ragged: ClassVar[bool] = True

    def _change(
        self,
        waveform: torch.Tensor,
        sample_rate: int,
        params: Sequence[Params],
        lengths: Sequence[int],
    ) -> torch.Tensor:
        return dc_offset(waveform, numbers(params, "offset"))


@shared_last
@dataclass(frozen=True, kw_only=True)
class LossyCodec(WaveformTransform):
    """Encode and decode with a lossy coder: MP3, Opus, Vorbis or AAC.

    Parameters
    ----------
    codec : {"mp3", "opus", "vorbis", "aac"} or Distribution, default: Choice(["mp3", "opus"])
        The coder.
    bit_rate : int or Distribution, optional
        Bits a second a file; by default what `audiolab.io.encode` takes. MP3 and AAC know certain
        rates, of which the nearest is taken.

    Notes
    -----
    The result has no gradient. The bits are those of the coder libraries that are installed.
    """

    codec: Amount = amount(Choice(["mp3", "opus"]), choices=("mp3", "opus", "vorbis", "aac"))
    bit_rate: Amount | None = amount(None, low=4000, high=512_000, whole=True, optional=True)

    name: ClassVar[str] = "lossy_codec"

    def _change(
        self,
        waveform: torch.Tensor,
        sample_rate: int,
        params: Sequence[Params],
        lengths: Sequence[int],
    ) -> torch.Tensor:
        codecs = [each["codec"] for each in params]
        if self.bit_rate is None:
            return codec_round_trip(waveform, sample_rate, codecs)
        rates = [int(each["bit_rate"]) for each in params]
        return codec_round_trip(waveform, sample_rate, codecs, bit_rate=rates)


@shared_last
@dataclass(frozen=True, kw_only=True)
class Microphone(WaveformTransform):
    """Record with a microphone of a kind.

    Parameters
    ----------
    microphone : str or Distribution, default: any of `MICROPHONES`
        The kind.
    tilt_db_per_octave : float or Distribution, default: Uniform(-1, 1)
        Slope on top of it in dB an octave around 1 kHz, within 6.
    """

    microphone: Amount = amount(Choice(list(MICROPHONES)), choices=tuple(MICROPHONES))
    tilt_db_per_octave: Amount = amount(Uniform(-1.0, 1.0), low=-6.0, high=6.0)

    name: ClassVar[str] = "microphone"

    def _change(
        self,
        waveform: torch.Tensor,
        sample_rate: int,
        params: Sequence[Params],
        lengths: Sequence[int],
    ) -> torch.Tensor:
        return apply_microphone(
            waveform,
            sample_rate,
            [each["microphone"] for each in params],
            tilt_db_per_octave=numbers(params, "tilt_db_per_octave"),
        )


@shared_last
@dataclass(frozen=True, kw_only=True)
class PacketLoss(WaveformTransform):
    """Lose packets on the way, and conceal the gaps.

    Parameters
    ----------
    loss_share : float or Distribution, default: Uniform(0, 0.2)
        Share of packets that are lost in the long run.
    mean_burst : float or Distribution, default: Uniform(1, 3)
        How many are lost in a row on average.
    packet_s : float, default: 0.02
        Duration of a packet in seconds.
    concealment : {"silence", "repeat", "pitch"}, default: "pitch"
        What is played in a gap.
    """

    loss_share: Amount = amount(Uniform(0.0, 0.2), low=0.0, high=1.0)
    mean_burst: Amount = amount(Uniform(1.0, 3.0), low=1.0, high=1000.0)
    packet_s: float = option(0.02, low=0.001, high=1.0)
    concealment: Literal["silence", "repeat", "pitch"] = option(
        "pitch", choices=("silence", "repeat", "pitch")
    )

    name: ClassVar[str] = "packet_loss"
    noises: ClassVar[tuple[str, ...]] = ("pattern_seed",)

    def _change(
        self,
        waveform: torch.Tensor,
        sample_rate: int,
        params: Sequence[Params],
        lengths: Sequence[int],
    ) -> torch.Tensor:
        count = num_packets(waveform.shape[-1], sample_rate, self.packet_s)
        lost = [
            draw_packet_loss(
                count,
                loss_share=each["loss_share"],
                mean_burst=max(each["mean_burst"], _least_burst(each["loss_share"])),
                seeds=each["pattern_seed"],
            )
            for each in params
        ]
        return packet_loss(
            waveform,
            sample_rate,
            torch.stack(lost),
            packet_s=self.packet_s,
            concealment=self.concealment,
        )


def _least_burst(loss_share: float) -> float:
    """Return the shortest bursts that leave a packet between two of them."""
    return loss_share / (1.0 - loss_share) if loss_share < 1.0 else 1.0


@shared_last
@dataclass(frozen=True, kw_only=True)
class SmallSpeaker(WaveformTransform):
    """Play through the speaker of a telephone, a toy or a laptop.

    Parameters
    ----------
    resonance_hz : float or Distribution, default: LogUniform(200, 800)
        Resonance of the cone in Hz.
    q : float or Distribution, default: Uniform(0.7, 2)
        Quality factor of the resonance.
    drive_db : float or Distribution, default: Uniform(-30, 0)
        RMS of the filtered item over the cone's stop, in dB.
    """

    resonance_hz: Amount = amount(LogUniform(200.0, 800.0), low=1.0)
    q: Amount = amount(Uniform(0.7, 2.0), low=0.01, high=100.0)
    drive_db: Amount = amount(Uniform(-30.0, 0.0), low=-100.0, high=60.0)

    name: ClassVar[str] = "small_speaker"

    def _change(
        self,
        waveform: torch.Tensor,
        sample_rate: int,
        params: Sequence[Params],
        lengths: Sequence[int],
    ) -> torch.Tensor:
        return small_speaker(
            waveform,
            sample_rate,
            resonance_hz=numbers(params, "resonance_hz"),
            q=numbers(params, "q"),
            drive_db=numbers(params, "drive_db"),
        )


@shared_last
@dataclass(frozen=True, kw_only=True)
class Telephone(WaveformTransform):
    """Send over a telephone line: a narrow band, and eight bits on a logarithmic scale.

    Parameters
    ----------
    low_hz : float or Distribution, default: Uniform(200, 400)
        Lower edge of the band in Hz.
    high_hz : float or Distribution, default: Uniform(3000, 3600)
        Upper edge in Hz.
    companding : {"a-law", "mu-law"}, optional
        Law of the eight bits; none for a line without.
    """

    low_hz: Amount = amount(Uniform(200.0, 400.0), low=0.0)
    high_hz: Amount = amount(Uniform(3000.0, 3600.0), low=100.0, high=4000.0)
    companding: Literal["a-law", "mu-law"] | None = option(
        "a-law", choices=("a-law", "mu-law"), optional=True
    )

    name: ClassVar[str] = "telephone"

    def _change(
        self,
        waveform: torch.Tensor,
        sample_rate: int,
        params: Sequence[Params],
        lengths: Sequence[int],
    ) -> torch.Tensor:
        return telephone(
            waveform,
            sample_rate,
            low_hz=numbers(params, "low_hz"),
            high_hz=numbers(params, "high_hz"),
            companding=self.companding,
        )
