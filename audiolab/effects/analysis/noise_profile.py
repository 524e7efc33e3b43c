"""Noise reduction by spectral gating: learn a noise's spectrum, then keep what rises above it.

The profile is the mean logarithm of the power in each band of rectangular windows of 2048 samples.
The gate opens a band while the power of its Hann-windowed spectrum exceeds the profile by
``exp(8 amount)``; it opens and closes by half its distance from window to window, and a lone open
band among closed ones, which would ring like a bell, is shut. This is the method of Audacity's
first noise reduction and of SoX, as their output shows it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch

from audiolab._validation import check_range, check_waveform

__all__ = [
    "WINDOW",
    "NoiseProfile",
    "NoiseProfiler",
    "NoiseReducer",
    "noise_profile",
    "reduce_noise",
]

WINDOW = 2048
_HOP = WINDOW // 2
_BANDS = WINDOW // 2 + 1


@dataclass(frozen=True)
class NoiseProfile:
    """Mean log power of a noise, per channel and band.

    Parameters
    ----------
    log_power : tuple of tuple of float
        Natural logarithms of power, 1025 for each channel.
    """

    log_power: tuple[tuple[float, ...], ...]

    def tensor(self, like: torch.Tensor) -> torch.Tensor:
        """Return the profile as a tensor.

        Parameters
        ----------
        like : Tensor
            Whose device is wanted.

        Returns
        -------
        Tensor
            Log power, ``(channels, 1025)`` float64.
        """
        return torch.tensor(self.log_power, dtype=torch.float64, device=like.device)

    def to_text(self) -> str:
        """Return the profile as SoX writes it to a file.

        Returns
        -------
        str
            A line for each channel.
        """
        return "".join(
            f"Channel {channel}: {', '.join(f'{value:f}' for value in row)}\n"
            for channel, row in enumerate(self.log_power)
        )

    @classmethod
    def from_text(cls, text: str, name: str = "profile") -> NoiseProfile:
        """Read what SoX, or `to_text`, wrote.

        Parameters
        ----------
        text : str
            Lines ``Channel 0: v, v, ...`` with 1025 values.
        name : str
            What to call it in errors, for instance the file.

        Returns
        -------
        NoiseProfile
            The profile.

        Raises
        ------
        ValueError
            If the text is not a profile.
        """
        rows = []
        for number, line in enumerate(text.splitlines()):
            head, _, values = line.partition(":")
            if head.strip() != f"Channel {number}":
                raise ValueError(f"{name} is no noise profile: line {number + 1} is {line[:40]!r}")
            try:
                row = tuple(float(value) for value in values.split(","))
            except ValueError:
                raise ValueError(f"{name}: line {number + 1} holds more than numbers") from None
            if len(row) != _BANDS:
                raise ValueError(f"{name}: line {number + 1} holds {len(row)} values, not {_BANDS}")
            rows.append(row)
        if not rows:
            raise ValueError(f"{name} is no noise profile: it is empty")
        return cls(tuple(rows))


class NoiseProfiler:
    """Learn a profile block by block.

    Parameters
    ----------
    num_channels : int
        Channels.
    """

    def __init__(self, num_channels: int) -> None:
        self._sum = torch.zeros(num_channels, _BANDS, dtype=torch.float64)
        self._count = 0
        self._rest = torch.zeros(num_channels, 0, dtype=torch.float64)
        self._window = torch.zeros(num_channels, WINDOW, dtype=torch.float64)

    def add(self, block: torch.Tensor) -> None:
        """Learn a block ``(channels, time)``."""
        samples = torch.cat([self._rest, block.detach().double().cpu()], dim=-1)
        whole = samples.shape[-1] // WINDOW
        if whole:
            windows = samples[:, : whole * WINDOW].reshape(len(samples), whole, WINDOW)
            self._sum += _log_power(windows).sum(dim=1)
            self._count += whole
            self._window = windows[:, -1]
        self._rest = samples[:, whole * WINDOW :]

    def result(self) -> NoiseProfile:
        """Return the profile; a last window that is not full is filled with zeros.

        One sample of the window before is left behind its end, as SoX leaves it.
        """
        total, count = self._sum, self._count
        have = self._rest.shape[-1]
        if have:
            window = torch.zeros_like(self._window)
            window[:, :have] = self._rest
            window[:, have] = self._window[:, have]
            total, count = total + _log_power(window), count + 1
        mean = total / count if count else total
        return NoiseProfile(tuple(tuple(row) for row in mean.tolist()))


def _log_power(windows: torch.Tensor) -> torch.Tensor:
    power = torch.fft.rfft(windows).abs().square()
    # Silence counts as a power of one, as in SoX: its logarithm is not added.
    return torch.where(power > 0, power, torch.ones_like(power)).log()


class NoiseReducer:
    """Reduce noise block by block.

    Parameters
    ----------
    profile : NoiseProfile
        What noise is, with as many channels as the signal.
    amount : float
        How far above the profile a sound must rise, 0 to 1.
    like : Tensor
        A block ``(..., channels, time)`` of the signal, for its shape and device.
    """

    def __init__(self, profile: NoiseProfile, amount: float, like: torch.Tensor) -> None:
        self._threshold = (profile.tensor(like) + 8 * amount).unsqueeze(-2)
        self._fade = torch.hann_window(WINDOW, periodic=False, dtype=torch.float64).to(like.device)
        self._gain = like.new_zeros(*like.shape[:-1], _BANDS, dtype=torch.float64)
        self._rest = like.new_zeros(*like.shape[:-1], 0)
        self._tail = like.new_zeros(*like.shape[:-1], _HOP, dtype=torch.float64)

    def push(self, block: torch.Tensor) -> torch.Tensor:
        """Return the samples that are determined by the next block."""
        samples = torch.cat([self._rest, block], dim=-1)
        count = max((samples.shape[-1] - WINDOW) // _HOP + 1, 0)
        self._rest = samples[..., count * _HOP :]
        return self._frames(samples, count) if count else samples[..., :0]

    def finish(self) -> torch.Tensor | None:
        """Return the rest, filled up with zeros to a last window; SoX drops 1024 samples there."""
        have = self._rest.shape[-1]
        if have <= _HOP:
            return None
        padded = torch.nn.functional.pad(self._rest, (0, WINDOW - have))
        return self._frames(padded, 1)[..., : have - _HOP]

    def _frames(self, samples: torch.Tensor, count: int) -> torch.Tensor:
        windows = samples[..., : (count + 1) * _HOP].double().unfold(-1, WINDOW, _HOP)
        with torch.no_grad():
            power = torch.fft.rfft(windows * self._fade).abs().square()
            gains = self._gains((power.log() >= self._threshold).double())
        cleaned = torch.fft.irfft(torch.fft.rfft(windows) * gains, n=WINDOW) * self._fade
        first, second = cleaned[..., :_HOP], cleaned[..., _HOP:]
        before = torch.cat([self._tail.unsqueeze(-2), second[..., :-1, :]], dim=-2)
        self._tail = second[..., -1, :]
        joined: torch.Tensor = (first + before).flatten(-2)
        return joined.to(samples.dtype)

    def _gains(self, wanted: torch.Tensor) -> torch.Tensor:
        gains = []
        for frame in wanted.unbind(-2):
            gain = 0.5 * self._gain + 0.5 * frame
            low = gain < 0.1
            middle = gain[..., 2:-2]
            alone = (middle >= 0.5) & (middle <= 0.55)
            for neighbour in (low[..., :-4], low[..., 1:-3], low[..., 3:-1], low[..., 4:]):
                alone = alone & neighbour
            middle[alone] = 0.0
            gains.append(gain)
            self._gain = gain
        return torch.stack(gains, dim=-2)


def noise_profile(noise: torch.Tensor) -> NoiseProfile:
    """Learn the spectrum of a noise, for `reduce_noise`.

    Parameters
    ----------
    noise : Tensor
        The noise alone, ``(channels, time)`` or ``(time,)``; a second or more is good.

    Returns
    -------
    NoiseProfile
        Mean log power in each of 1025 bands, per channel.

    Raises
    ------
    ValueError
        If there are no samples, or more than two dimensions.

    Examples
    --------
    >>> import torch
    >>> profile = noise_profile(torch.randn(1, 16_000) * 0.01)
    >>> len(profile.log_power), len(profile.log_power[0])
    (1, 1025)
    """
    check_waveform(noise, "noise", allow_empty=False)
    if noise.ndim > 2:
        raise ValueError(f"noise must be (channels, time) or (time,), got {tuple(noise.shape)}")
    rows = noise if noise.ndim == 2 else noise[None]
    profiler = NoiseProfiler(rows.shape[0])
    profiler.add(rows)
    return profiler.result()


def reduce_noise(
    waveform: torch.Tensor, profile: NoiseProfile, *, amount: float = 0.5
) -> torch.Tensor:
    """Reduce a noise whose profile is known, by spectral gating.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(..., channels, time)``, or ``(time,)`` for one channel.
    profile : NoiseProfile
        What `noise_profile` learned, or `NoiseProfile.from_text` read.
    amount : float, default: 0.5
        How far above the profile a sound must rise to be kept, 0 to 1: 8.7 dB for each eighth.

    Returns
    -------
    Tensor
        Samples of the same shape. The first windows fade in, as the gate opens by halves.

    Raises
    ------
    ValueError
        If the profile has another number of channels, or `amount` is out of range.

    Notes
    -----
    Gradients reach the samples; the gate's decisions are taken as given.

    Examples
    --------
    >>> import torch
    >>> noise = torch.randn(1, 32_000, generator=torch.Generator().manual_seed(0)) * 0.01
    >>> cleaned = reduce_noise(noise, noise_profile(noise))
    >>> bool(cleaned.square().mean() < 1e-2 * noise.square().mean())
    True
    """
    check_waveform(waveform)
    check_range(amount, "amount", 0.0, 1.0)
    batch = waveform if waveform.ndim > 1 else waveform[None]
    check_channels(profile, batch.shape[-2])
    time = batch.shape[-1]
    reducer = NoiseReducer(profile, amount, batch)
    padded = torch.nn.functional.pad(batch, (0, -time % _HOP + WINDOW))
    cleaned = reducer.push(padded)[..., :time]
    return cleaned if waveform.ndim > 1 else cleaned[0]


def check_channels(profile: NoiseProfile, num_channels: int) -> None:
    """Raise unless the profile has as many channels as the signal."""
    if len(profile.log_power) != num_channels:
        raise ValueError(
            f"the noise profile has {len(profile.log_power)} channel(s), the signal {num_channels}"
        )


def merged(profiles: Iterable[NoiseProfile]) -> NoiseProfile:
    """Return the only profile there is, or raise."""
    found = list(profiles)
    if len(found) != 1:
        raise ValueError(f"noiseprof measures one item at a time, got {len(found)}")
    return found[0]
