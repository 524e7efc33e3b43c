"""Sounds that are neither speech nor music: noises, rain, wind, engines, chirps, knocks.

They stand for the surroundings of recordings, which a codec must pass on without turning them into
voices. Each generator is a few lines that give one kind of statistics: stationary noise of some
colour, noise with a moving envelope, dense or sparse transients, gliding tones, and hums.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from audiolab import signals
from audiolab.codec.training.data._dsp import Samples, band_pass, convolve

__all__ = ["KINDS", "texture"]


def texture(
    rng: np.random.Generator, duration_s: float, sample_rate: int, kind: str | None = None
) -> tuple[Samples, str]:
    """Make a few seconds of a sound texture.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    duration_s : float
        Duration in seconds.
    sample_rate : int
        Sample rate in Hz.
    kind : str, optional
        One of `KINDS`; drawn if left out.

    Returns
    -------
    samples : ndarray
        The texture, shape ``(time,)``, with no level in particular.
    kind : str
        What it is.

    Raises
    ------
    ValueError
        If there is no such kind.

    Examples
    --------
    >>> import numpy as np
    >>> samples, kind = texture(np.random.default_rng(0), 1.0, 24_000, "rain")
    >>> samples.shape, kind
    ((24000,), 'rain')
    """
    if kind is None:
        kind = KINDS[int(rng.integers(len(KINDS)))]
    if kind not in _MAKERS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
    return _MAKERS[kind](rng, round(duration_s * sample_rate), sample_rate), kind


def coloured(rng: np.random.Generator, num_samples: int, slope: float) -> Samples:
    """Return Gaussian noise of RMS 1 with a power density that falls as frequency^-`slope`."""
    spectrum = np.fft.rfft(rng.standard_normal(num_samples))
    spectrum *= (np.arange(spectrum.size) + 20.0) ** (-0.5 * slope)
    spectrum[0] = 0.0
    noise: Samples = np.fft.irfft(spectrum, num_samples)
    scaled: Samples = noise / noise.std()
    return scaled


def _steady(rng: np.random.Generator, num_samples: int, rate: int) -> Samples:
    return coloured(rng, num_samples, rng.uniform(0.0, 2.4))


def _wind(rng: np.random.Generator, num_samples: int, rate: int) -> Samples:
    low = 10.0 ** rng.uniform(1.8, 3.5)
    high = min(0.47 * rate, low * rng.uniform(1.5, 6.0))
    gusts = rng.uniform(-18.0, 0.0, max(4, int(3 * num_samples / rate)))
    smooth = np.interp(np.arange(num_samples), np.linspace(0, num_samples, gusts.size), gusts)
    blown = band_pass(rng.standard_normal(num_samples), low, high, rate, 2) * 10 ** (smooth / 20)
    return blown + 0.01 * coloured(rng, num_samples, 1.0)


def _rain(rng: np.random.Generator, num_samples: int, rate: int) -> Samples:
    mix: Samples = 10.0 ** rng.uniform(-3.0, -1.0) * coloured(
        rng, num_samples, rng.uniform(0.0, 1.5)
    )
    for _ in range(int(num_samples / rate * rng.uniform(10, 150))):
        length = int(rng.uniform(0.003, 0.06) * rate)
        time = np.arange(length)
        tone = np.sin(2.0 * np.pi * (rng.uniform(200, 8000) / rate * time + rng.random()))
        drop = rng.uniform(0.1, 1.0) * np.exp(-6.0 * time / length) * tone
        _add(mix, int(rng.integers(num_samples)), drop * np.minimum(time / 12.0, 1.0))
    return mix


def _birds(rng: np.random.Generator, num_samples: int, rate: int) -> Samples:
    mix: Samples = 10.0 ** rng.uniform(-3.5, -1.5) * coloured(
        rng, num_samples, rng.uniform(0.0, 2.0)
    )
    for _ in range(max(1, int(num_samples / rate * rng.uniform(0.5, 4.0)))):
        length = int(rng.uniform(0.05, 0.8) * rate)
        if rng.random() < 0.4:
            low, high = rng.uniform(300, 0.45 * rate, 2)
            call = signals.chirp(low, high, length / rate, rate, amplitude=1.0).double().numpy()
        else:
            # A song: the pitch moves smoothly among a few targets, within two octaves.
            targets = rng.uniform(-0.7, 0.7, int(rng.integers(2, 8)))
            place = np.linspace(0.0, 1.0, length)
            bend = np.interp(place, np.linspace(0.0, 1.0, targets.size), targets)
            smooth = np.hanning(max(length // 8, 3))
            bend = convolve(bend - bend[0], smooth / smooth.sum(), centred=True) + bend[0]
            pitch = rng.uniform(500, 6000) * np.exp(bend)
            turns = np.cumsum(np.clip(pitch, 40.0, 0.46 * rate)) / rate
            call = np.sin(2.0 * np.pi * turns) * np.hanning(length)
        _add(mix, int(rng.integers(num_samples)), rng.uniform(0.2, 1.0) * call)
    return mix


def _engine(rng: np.random.Generator, num_samples: int, rate: int) -> Samples:
    time = np.arange(num_samples) / rate
    speed = rng.uniform(15.0, 130.0) * (
        1.0 + 0.15 * np.sin(2 * np.pi * rng.uniform(0.05, 0.6) * time)
    )
    phase = np.cumsum(speed) / rate
    beat = np.exp(-rng.uniform(4.0, 30.0) * (phase % 1.0))
    noise = coloured(rng, num_samples, rng.uniform(0.3, 1.5))
    hum = sum(
        rng.uniform(0, 1) / order * np.sin(2 * np.pi * (order * phase + rng.random()))
        for order in range(1, 12)
    )
    running: Samples = noise * beat + rng.uniform(0.0, 0.6) * hum
    return running


def _knocks(rng: np.random.Generator, num_samples: int, rate: int) -> Samples:
    mix: Samples = 10.0 ** rng.uniform(-4.0, -2.0) * coloured(rng, num_samples, 1.0)
    for _ in range(max(2, int(num_samples / rate * rng.uniform(0.5, 8.0)))):
        length = int(rng.uniform(0.05, 0.5) * rate)
        time = np.arange(length) / rate
        hit = np.zeros(length)
        for _ in range(int(rng.integers(3, 10))):  # modes of a plate or a box
            pitch, fall = 10 ** rng.uniform(1.9, 3.9), 10 ** rng.uniform(-2.3, -0.8)
            hit += rng.uniform(0.1, 1.0) * np.exp(-time / fall) * np.sin(2 * np.pi * pitch * time)
        hit += rng.uniform(0.0, 2.0) * rng.standard_normal(length) * np.exp(-time / 0.003)
        tail = min(length, rate // 100)
        hit[length - tail :] *= np.linspace(1.0, 0.0, tail)
        _add(mix, int(rng.integers(num_samples)), rng.uniform(0.1, 1.0) * hit)
    return mix


def _hum(rng: np.random.Generator, num_samples: int, rate: int) -> Samples:
    time = np.arange(num_samples) / rate
    base = float(rng.choice([50.0, 60.0, rng.uniform(80.0, 400.0)]))
    mix: Samples = 10.0 ** rng.uniform(-2.0, 0.0) * coloured(
        rng, num_samples, rng.uniform(0.5, 2.0)
    )
    for order in range(1, int(rng.integers(3, 30))):
        if order * base < 0.46 * rate:
            level = rng.uniform(0.0, 1.0) / order ** rng.uniform(0.3, 1.2)
            mix += level * np.sin(2 * np.pi * (order * base * time + rng.random()))
    return mix


def _add(mix: Samples, at: int, sound: Samples) -> None:
    length = min(sound.size, mix.size - at)
    if length > 0:
        # What the end of the clip would cut off is faded instead.
        piece = sound[:length].copy()
        if length < sound.size:
            tail = min(length, 240)
            piece[length - tail :] *= np.linspace(1.0, 0.0, tail)
        mix[at : at + length] += piece


_MAKERS: dict[str, Callable[[np.random.Generator, int, int], Samples]] = {
    "steady": _steady,
    "wind": _wind,
    "rain": _rain,
    "birds": _birds,
    "engine": _engine,
    "knocks": _knocks,
    "hum": _hum,
}
#: Names of the textures.
KINDS = tuple(_MAKERS)
