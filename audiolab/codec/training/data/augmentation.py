"""What happens to a stretch of audio before a codec learns from it.

Everything that a codec will meet and clean renderings lack: other speeds, a second sound, rooms,
colours, telephones, quiet recordings, hiss, pauses. All draws come from one generator per item and
all work is a handful of FFTs of the item: about a millisecond for a second of audio.

The order is that of the world: source, second source, room, channel, pause, level, noise of the
recording, polarity. In stereo each channel has its own room and hiss, and a mono source is
panned. The result stays within full scale by scaling, never by clipping.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import soxr
from scipy import fft

from audiolab._documents import check_fields
from audiolab._validation import check_choice
from audiolab.codec.training.data.rooms import exponential_rooms, simulated_rooms

__all__ = ["Augmentation", "Augmenter"]

Samples = npt.NDArray[np.float32]
_EQ_HZ = np.array([30.0, 120.0, 400.0, 1000.0, 2500.0, 5000.0, 8000.0, 12_000.0])
_CUTOFFS_HZ = (3400.0, 4000.0, 7000.0, 8000.0, 10_000.0)
_ROOMS = {"exponential": exponential_rooms, "simulated": simulated_rooms}
_PEAK = 0.98


@dataclass(frozen=True)
class Augmentation:
    """How often each change happens, and how far it goes.

    Parameters
    ----------
    speed : float, default: 0.35
        Share of items played at another speed.
    speed_range : (float, float), default: (0.82, 1.22)
        Factors of that speed, which move pitch and formants with it.
    mix : float, default: 0.25
        Share of items with a second sound.
    mix_snr_db : (float, float), default: (0, 25)
        Level of the first over the second.
    room : float, default: 0.35
        Share of items in a room.
    rooms : {"exponential", "simulated"}, default: "exponential"
        Which bank of impulse responses, see `rooms`.
    equaliser : float, default: 0.6
        Share of items with a coloured channel.
    equaliser_db : float, default: 9
        Largest gain and loss of the channel.
    low_pass : float, default: 0.09
        Share of items that end at 3.4 to 10 kHz.
    pause : float, default: 0.07
        Share of items with a stretch of digital silence before the recording's noise.
    silent : float, default: 0.01
        Share of items that hold nothing but the recording's noise, if any.
    level_db : (float, float), default: (-34, -14)
        RMS of most items in dB of full scale.
    quiet : float, default: 0.1
        Share of items that are quieter.
    quiet_db : (float, float), default: (-50, -34)
        Their RMS.
    noise : float, default: 0.45
        Share of items with noise of the recording.
    noise_snr_db : (float, float), default: (12, 55)
        Level of the item over that noise.
    """

    speed: float = 0.35
    speed_range: tuple[float, float] = (0.82, 1.22)
    mix: float = 0.25
    mix_snr_db: tuple[float, float] = (0.0, 25.0)
    room: float = 0.35
    rooms: str = "exponential"
    equaliser: float = 0.6
    equaliser_db: float = 9.0
    low_pass: float = 0.09
    pause: float = 0.07
    silent: float = 0.01
    level_db: tuple[float, float] = (-34.0, -14.0)
    quiet: float = 0.1
    quiet_db: tuple[float, float] = (-50.0, -34.0)
    noise: float = 0.45
    noise_snr_db: tuple[float, float] = (12.0, 55.0)

    def __post_init__(self) -> None:
        check_choice(self.rooms, "rooms", tuple(_ROOMS))
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, (tuple, list)):
                if len(value) != 2 or not value[0] <= value[1]:
                    raise ValueError(f"{field.name} must be a range (low, high), got {value}")
                object.__setattr__(self, field.name, (float(value[0]), float(value[1])))
            elif field.name not in ("rooms", "equaliser_db") and not 0.0 <= value <= 1.0:
                raise ValueError(f"{field.name} must be a share from 0 to 1, got {value}")

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Augmentation:
        """Build from plain data.

        Parameters
        ----------
        content : mapping
            Fields by name; those left out keep their defaults.

        Returns
        -------
        Augmentation
            The settings.
        """
        known = [field.name for field in dataclasses.fields(cls)]
        return cls(**check_fields(dict(content), "augmentation", known=known))


class Augmenter:
    """Changes stretches of audio as an `Augmentation` says.

    Parameters
    ----------
    settings : Augmentation
        How often and how far.
    sample_rate : int
        Sample rate in Hz.
    num_samples : int
        Length of what comes out.
    num_channels : int, default: 1
        Channels of what comes out.
    """

    def __init__(
        self,
        settings: Augmentation,
        sample_rate: int,
        num_samples: int,
        *,
        num_channels: int = 1,
    ) -> None:
        self.settings = settings
        self.num_channels = num_channels
        self.sample_rate = sample_rate
        self.num_samples = num_samples
        self._rooms = _ROOMS[settings.rooms](sample_rate)
        longest = max(room.size for room in self._rooms)
        self._fft_size = _fft_length(num_samples + longest)
        frequencies = np.linspace(0.0, 0.5 * sample_rate, self._fft_size // 2 + 1)
        self._log_hz = np.log(frequencies + 20.0)
        self._hz = frequencies

    def draw_speed(self, rng: np.random.Generator) -> tuple[float, int]:
        """Return a speed and how many samples `play` needs at it.

        Parameters
        ----------
        rng : numpy.random.Generator
            Source of randomness.

        Returns
        -------
        speed : float
            1 for most.
        num_samples : int
            What to read.
        """
        happens, place = rng.random() < self.settings.speed, rng.random()
        low, high = self.settings.speed_range
        speed = low + (high - low) * place if happens else 1.0
        return speed, int(np.ceil(self.num_samples * speed)) + (0 if speed == 1.0 else 8)

    def play(self, samples: Samples, speed: float, rng: np.random.Generator) -> Samples:
        """Play at another speed, over the channels that come out.

        Parameters
        ----------
        samples : ndarray
            Shape ``(channels, time)``, as many samples as `draw_speed` asked for.
        speed : float
            The factor.
        rng : numpy.random.Generator
            Places a mono source between the channels, where there are several.

        Returns
        -------
        ndarray
            Of the channels and the length that come out.
        """
        if speed != 1.0:
            played = [soxr.resample(channel, float(speed), 1.0, "LQ") for channel in samples]
            samples = np.stack(played)
        samples = samples[:, : self.num_samples]
        if samples.shape[0] == self.num_channels:
            return samples
        if self.num_channels == 1:
            mixed: Samples = samples.mean(0, keepdims=True, dtype=np.float32)
            return mixed
        gains_db = rng.uniform(-9.0, 0.0, (self.num_channels, 1))
        panned: Samples = samples.mean(0) * (10.0 ** (gains_db / 20.0)).astype(np.float32)
        return panned

    def __call__(
        self, samples: Samples, second: Samples | None, rng: np.random.Generator
    ) -> Samples:
        """Change one stretch.

        Parameters
        ----------
        samples : ndarray
            Shape ``(channels, num_samples)``.
        second : ndarray or None
            What is mixed in.
        rng : numpy.random.Generator
            Source of randomness.

        Returns
        -------
        ndarray
            float32, shape ``(channels, num_samples)``, within full scale.
        """
        chosen = self.settings
        if second is not None:
            gain = 10.0 ** (-rng.uniform(*chosen.mix_snr_db) / 20.0)
            samples = samples + second * np.float32(gain * _rms(samples) / _rms(second))
        samples = self._filter(samples, rng)
        samples = self._pause(samples, rng)
        quiet = rng.random() < chosen.quiet
        level = 10.0 ** (rng.uniform(*(chosen.quiet_db if quiet else chosen.level_db)) / 20.0)
        samples = samples * np.float32(level / max(_rms(samples), 1e-4))
        if rng.random() < chosen.silent:
            samples = np.zeros_like(samples)
        if rng.random() < chosen.noise:
            noise_level = level * 10.0 ** (-rng.uniform(*chosen.noise_snr_db) / 20.0)
            samples = samples + np.float32(noise_level) * self._noise(rng)
        peak = float(np.abs(samples).max())
        gain = (_PEAK / peak if peak > _PEAK else 1.0) * (1.0 if rng.random() < 0.5 else -1.0)
        return (samples * np.float32(gain)).astype(np.float32, copy=False)

    def _filter(self, samples: Samples, rng: np.random.Generator) -> Samples:
        """Room, equaliser and low-pass in one product of spectra."""
        chosen, response = self.settings, None
        room, equaliser, low_pass = rng.random(3) < (
            chosen.room,
            chosen.equaliser,
            chosen.low_pass,
        )
        gain_db = np.zeros(self._hz.size) if equaliser or low_pass else None
        if equaliser and gain_db is not None:
            knots = rng.uniform(-chosen.equaliser_db, chosen.equaliser_db, _EQ_HZ.size)
            gain_db += np.interp(self._log_hz, np.log(_EQ_HZ), knots)
        if low_pass and gain_db is not None:
            cutoff = _CUTOFFS_HZ[int(rng.integers(len(_CUTOFFS_HZ)))]
            gain_db -= 60.0 * np.clip((self._hz - cutoff) / 300.0, 0.0, 1.0)
        if gain_db is not None:
            response = (10.0 ** (gain_db / 20.0)).astype(np.float32)
        if not room and response is None:
            return samples
        spectrum = fft.rfft(samples, self._fft_size)
        if response is not None:
            spectrum *= response
        if room:
            for channel, number in zip(
                spectrum, rng.integers(len(self._rooms), size=self.num_channels), strict=True
            ):
                channel *= fft.rfft(self._rooms[number], self._fft_size)
        filtered: Samples = fft.irfft(spectrum, self._fft_size)[:, : self.num_samples]
        return filtered

    def _pause(self, samples: Samples, rng: np.random.Generator) -> Samples:
        happens = rng.random() < self.settings.pause
        low, high = np.sort(rng.uniform(-0.2, 1.2, 2))
        if not happens:
            return samples
        ramp = int(rng.uniform(0.002, 0.02) * self.sample_rate)
        place = np.arange(self.num_samples)
        start, stop = low * self.num_samples, high * self.num_samples
        distance = np.maximum(start - place, place - stop)
        gate: Samples = np.clip(distance / ramp, 0.0, 1.0).astype(np.float32)
        return samples * gate

    def _noise(self, rng: np.random.Generator) -> Samples:
        """Return noise of RMS 1 whose density falls with frequency by up to 6 dB an octave."""
        slope = rng.uniform(0.0, 2.0)
        shape = (self.num_channels, self.num_samples)
        spectrum = fft.rfft(rng.standard_normal(shape, dtype=np.float32))
        steps = np.arange(spectrum.shape[1], dtype=np.float32) + np.float32(30.0)
        spectrum *= steps ** np.float32(-0.5 * slope)
        noise: Samples = fft.irfft(spectrum, self.num_samples)
        noise /= np.float32(_rms(noise))
        return noise


def _fft_length(at_least: int) -> int:
    """Return the next product of 2, 3 and 5, for which FFTs are quick."""
    length = at_least
    while True:
        rest = length
        for prime in (2, 3, 5):
            while rest % prime == 0:
                rest //= prime
        if rest == 1:
            return length
        length += 1


def _rms(samples: Samples) -> float:
    return float(np.sqrt(np.square(samples).mean() + 1e-10))
