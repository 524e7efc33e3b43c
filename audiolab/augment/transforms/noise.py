"""Noise and other sounds that are added, at levels relative to the item's own.

An item that is silent has no level to be above: it stays as it is, and so does one for which the
drawn stretch of noise is silent. A training run doesn't stop at one empty file.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import torch

from audiolab.augment._fields import Amount, amount, option, source
from audiolab.augment._shared_fields import shared_last
from audiolab.augment._sources import Source
from audiolab.augment.colored import colored_noise
from audiolab.augment.distributions import Distribution, Uniform
from audiolab.augment.noise import add_noise
from audiolab.augment.seeds import derived_seed, uniform
from audiolab.augment.single import WaveformTransform
from audiolab.augment.transform import Params
from audiolab.augment.transforms.levels import amplitude, as_factors

__all__ = ["AddBackgroundNoise", "AddColoredNoise", "AddGaussianNoise", "AddShortNoises", "MixUp"]

Measure = Literal["power", "active", "a-weighted", "lufs"]
MEASURES = ("power", "active", "a-weighted", "lufs")


def exact(waveform: torch.Tensor) -> torch.dtype:
    """Return the type that noise is made in for a waveform."""
    return torch.float64 if waveform.dtype == torch.float64 else torch.float32


def generated(
    waveform: torch.Tensor, sample_rate: int, params: Sequence[Params], exponent: bool
) -> torch.Tensor:
    """Return noise of the waveform's shape, an item by its seed."""
    noise = colored_noise(
        tuple(waveform.shape),
        sample_rate,
        exponent=[float(each["exponent"]) for each in params] if exponent else 0.0,
        rms_db=0.0,
        seeds=[each["noise_seed"] for each in params],
        dtype=exact(waveform),
        device=waveform.device,
    )
    return noise.to(waveform.dtype)


@shared_last
@dataclass(frozen=True, kw_only=True)
class AddGaussianNoise(WaveformTransform):
    """Add white noise at a level of its own.

    Parameters
    ----------
    level_db : float or Distribution, default: Uniform(-60, -36.5)
        RMS level of the noise in dB of full scale; -60 to -36.5 are amplitudes of 0.001 to 0.015.
    """

    level_db: Amount = amount(Uniform(-60.0, -36.5), low=-200.0, high=60.0)

    name: ClassVar[str] = "add_gaussian_noise"
    noises: ClassVar[tuple[str, ...]] = ("noise_seed",)

    def _change(
        self,
        waveform: torch.Tensor,
        sample_rate: int,
        params: Sequence[Params],
        lengths: Sequence[int],
    ) -> torch.Tensor:
        levels = as_factors([amplitude(each["level_db"]) for each in params], waveform)
        return waveform + levels * generated(waveform, sample_rate, params, exponent=False)


@shared_last
@dataclass(frozen=True, kw_only=True)
class AddColoredNoise(WaveformTransform):
    """Add noise of any colour at a signal-to-noise ratio.

    Parameters
    ----------
    snr_db : float or Distribution, default: Uniform(5, 40)
        Level of the item over that of the noise in dB.
    exponent : float or Distribution, default: Uniform(-2, 2)
        Power density falls with frequency to this power: 0 is white, 1 pink, 2 brown, -1 blue, -2
        violet; -4 to 4.
    measure : {"power", "active", "a-weighted", "lufs"}, default: "power"
        How levels are measured, see `add_noise`.
    """

    snr_db: Amount = amount(Uniform(5.0, 40.0), low=-200.0, high=200.0)
    exponent: Amount = amount(Uniform(-2.0, 2.0), low=-4.0, high=4.0)
    measure: Measure = option("power", choices=MEASURES)

    name: ClassVar[str] = "add_colored_noise"
    noises: ClassVar[tuple[str, ...]] = ("noise_seed",)

    def _change(
        self,
        waveform: torch.Tensor,
        sample_rate: int,
        params: Sequence[Params],
        lengths: Sequence[int],
    ) -> torch.Tensor:
        noise = generated(waveform, sample_rate, params, exponent=True)
        return at_snr(waveform, noise, params, sample_rate, self.measure)


def at_snr(
    waveform: torch.Tensor,
    noise: torch.Tensor,
    params: Sequence[Params],
    sample_rate: int,
    measure: Measure,
) -> torch.Tensor:
    """Add noise at each item's ratio; silent items stay."""
    wide = waveform if waveform.dtype in (torch.float32, torch.float64) else waveform.float()
    snr_db = torch.tensor([float(each["snr_db"]) for each in params], dtype=torch.float64)
    noisy = add_noise(
        wide, noise.to(wide), snr_db, measure=measure, sample_rate=sample_rate, on_silence="keep"
    )
    return noisy.to(waveform.dtype)


@shared_last
@dataclass(frozen=True, kw_only=True)
class AddBackgroundNoise(WaveformTransform):
    """Add a recording at a signal-to-noise ratio, all along the item.

    Parameters
    ----------
    source : path or NoiseBank
        Folder of recordings, one file, or a bank. A recording that is shorter than the item loops.
    snr_db : float or Distribution, default: Uniform(3, 30)
        Level of the item over that of the noise in dB.
    measure : {"power", "active", "a-weighted", "lufs"}, default: "power"
        How levels are measured, see `add_noise`.
    """

    source: Any = source()
    snr_db: Amount = amount(Uniform(3.0, 30.0), low=-200.0, high=200.0)
    measure: Measure = option("power", choices=MEASURES)

    name: ClassVar[str] = "add_background_noise"

    def _values(self, seed: int) -> dict[str, Any]:
        return {**super()._values(seed), "noise": self.source.pick(seed, "noise")}

    def _change(
        self,
        waveform: torch.Tensor,
        sample_rate: int,
        params: Sequence[Params],
        lengths: Sequence[int],
    ) -> torch.Tensor:
        noise = segments(self.source, [each["noise"] for each in params], waveform, sample_rate)
        return at_snr(waveform, noise, params, sample_rate, self.measure)


def segments(
    recordings: Source, picks: Sequence[Params], waveform: torch.Tensor, sample_rate: int
) -> torch.Tensor:
    """Return a stretch of a recording for each item, with one channel or the waveform's."""
    bank = recordings.bank(sample_rate)
    rows = [
        fitting(bank.segment((each["name"], each["position"]), waveform.shape[-1]), waveform)
        for each in picks
    ]
    widest = max(row.shape[0] for row in rows)
    return torch.stack([row.expand(widest, -1) for row in rows]).to(waveform.device)


def fitting(recording: torch.Tensor, waveform: torch.Tensor) -> torch.Tensor:
    """Return a recording mixed to one channel where its channels are not the waveform's."""
    if recording.shape[0] in (1, waveform.shape[-2]):
        return recording
    return recording.mean(dim=0, keepdim=True)


@shared_last
@dataclass(frozen=True, kw_only=True)
class AddShortNoises(WaveformTransform):
    """Add recordings here and there, with pauses between them.

    Parameters
    ----------
    source : path or NoiseBank
        Folder of recordings, one file, or a bank.
    snr_db : float or Distribution, default: Uniform(0, 24)
        Level of the whole item over that of the sound while it lasts, in dB; drawn for each sound.
    duration_s : float or Distribution, default: Uniform(0.2, 1.5)
        Longest duration of a sound in seconds; drawn for each.
    pause_s : float or Distribution, default: Uniform(0.3, 3)
        Time before each sound; drawn for each.
    fade_s : float, default: 0.01
        Raised-cosine fade at both ends of each sound.
    limit_s : float, default: 60.0
        Seconds from the item's start for which sounds are drawn.
    """

    source: Any = source()
    snr_db: Amount = amount(Uniform(0.0, 24.0), low=-200.0, high=200.0)
    duration_s: Amount = amount(Uniform(0.2, 1.5), low=0.001)
    pause_s: Amount = amount(Uniform(0.3, 3.0), low=0.001)
    fade_s: float = option(0.01, low=0.0)
    limit_s: float = option(60.0, low=0.0, high=3600.0)

    name: ClassVar[str] = "add_short_noises"

    def _values(self, seed: int) -> dict[str, Any]:
        sounds: list[dict[str, Any]] = []
        time_s = 0.0
        while True:
            own = derived_seed(seed, len(sounds))
            drawn: dict[str, float] = {}
            for field in ("snr_db", "duration_s", "pause_s"):
                distribution = getattr(self, field)
                assert isinstance(distribution, Distribution)
                drawn[field] = float(distribution.quantile(uniform(own, field)))
            time_s += drawn.pop("pause_s")
            if time_s >= self.limit_s:
                return {"sounds": sounds}
            sounds.append({"start_s": time_s, **drawn, **self.source.pick(own, "noise")})
            time_s += drawn["duration_s"]

    def _change(
        self,
        waveform: torch.Tensor,
        sample_rate: int,
        params: Sequence[Params],
        lengths: Sequence[int],
    ) -> torch.Tensor:
        bank, time = self.source.bank(sample_rate), waveform.shape[-1]
        added = torch.zeros_like(waveform)
        for item, track, each in zip(waveform, added, params, strict=True):
            level = rms(item)
            for sound in each["sounds"]:
                start = round(sound["start_s"] * sample_rate)
                if start >= time or level == 0.0:
                    break
                whole = bank[sound["name"]]
                size = max(1, min(round(sound["duration_s"] * sample_rate), whole.shape[-1]))
                begin = min(int(sound["position"] * (whole.shape[-1] - size + 1)), whole.shape[-1])
                part = fitting(whole[:, begin : begin + size], waveform)
                loud = rms(part)
                if loud == 0.0:
                    continue
                part = self._faded(part, sample_rate) * (level / loud * amplitude(-sound["snr_db"]))
                part = part[:, : time - start].to(track)
                track[:, start : start + part.shape[-1]] += part
        return waveform + added

    def _faded(self, sound: torch.Tensor, sample_rate: int) -> torch.Tensor:
        size = min(round(self.fade_s * sample_rate), sound.shape[-1] // 2)
        if size == 0:
            return sound
        ramp = torch.tensor(
            [0.5 - 0.5 * math.cos(math.pi * (i + 0.5) / size) for i in range(size)],
            dtype=sound.dtype,
        )
        shape = torch.ones(sound.shape[-1], dtype=sound.dtype)
        shape[:size] = ramp
        shape[-size:] = ramp.flip(0)
        return sound * shape


def rms(item: torch.Tensor) -> float:
    """Return the root mean square over all samples: numpy's sum, whatever the threads."""
    samples = item.detach().cpu().double().numpy()
    return math.sqrt(float(np.square(samples).mean())) if samples.size else 0.0


@shared_last
@dataclass(frozen=True, kw_only=True)
class MixUp(WaveformTransform):
    r"""Blend with a recording: :math:`\sqrt{\lambda}\, x + \sqrt{1 - \lambda}\, r`.

    The recording is scaled to the item's RMS level first. Powers then add up to the item's, and
    lambda, kept in the parameters beside the recording's name, is the item's share in the label.

    Parameters
    ----------
    source : path or NoiseBank
        Folder of recordings, one file, or a bank.
    share : float or Distribution, default: Uniform(0.5, 1)
        The item's share lambda of the power.

    References
    ----------
    H. Zhang et al., "mixup: Beyond Empirical Risk Minimization", ICLR 2018, arXiv:1710.09412.
    """

    source: Any = source()
    share: Amount = amount(Uniform(0.5, 1.0), low=0.0, high=1.0)

    name: ClassVar[str] = "mix_up"

    def _values(self, seed: int) -> dict[str, Any]:
        return {**super()._values(seed), "other": self.source.pick(seed, "other")}

    def _change(
        self,
        waveform: torch.Tensor,
        sample_rate: int,
        params: Sequence[Params],
        lengths: Sequence[int],
    ) -> torch.Tensor:
        other = segments(self.source, [each["other"] for each in params], waveform, sample_rate)
        other = other.to(waveform.dtype)
        pairs = [(rms(item), rms(row)) for item, row in zip(waveform, other, strict=True)]
        shares = [float(each["share"]) for each in params]
        ours = as_factors([math.sqrt(share) for share in shares], waveform)
        theirs = [
            math.sqrt(1.0 - share) * item / row if row else 0.0
            for share, (item, row) in zip(shares, pairs, strict=True)
        ]
        return ours * waveform + as_factors(theirs, waveform) * other
