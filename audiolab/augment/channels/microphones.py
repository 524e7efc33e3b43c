"""Microphones by the shape of their response: minimum phase, of named kinds or measured curves.

The curves are typical of their kind, drawn by hand: no product is modelled. They are joined by a
monotone cubic in decibels over the logarithm of frequency, level beyond the last point, and made
minimum phase, as diaphragms and their housings nearly are. Tilt and one resonance on top make every
specimen a little different. Noise, directivity and distortion are left out: `add_noise`,
`reduce_bit_depth` and `clip_amplitude` have some of that.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import numpy as np
import scipy.fft
import scipy.interpolate
import torch
from numpy.typing import NDArray

from audiolab._validation import check_choice, check_sample_rate
from audiolab.augment._items import Items, PerItem, PerItemCount
from audiolab.augment._responses import filtered, minimum_phase

__all__ = ["MICROPHONES", "apply_microphone", "microphone_response"]

Curve = tuple[tuple[float, float], ...]

#: Points of each response: Hz and dB.
MICROPHONES: Mapping[str, Curve] = MappingProxyType(
    {
        "flat": ((20.0, 0.0), (20_000.0, 0.0)),
        # A stage microphone: thin far from the mouth, presence for the last row.
        "dynamic_vocal": (
            (20, -24), (50, -9), (100, -3), (200, 0), (1000, 0), (2500, 2), (5000, 5.5),
            (7000, 3), (9500, 4.5), (12_000, -2), (15_000, -8), (20_000, -20),
        ),
        # On the chest, under the chin: treble is put back by the maker.
        "lavalier": (
            (20, -8), (60, -1), (150, 0), (700, 1.5), (2000, -1), (4000, 1), (8000, 5),
            (12_000, 5.5), (16_000, 2), (20_000, -4),
        ),
        # A headset: close, so that bass is cut against breath.
        "headset": (
            (20, -30), (80, -14), (150, -5), (300, 0), (1500, 0), (3500, 4), (6000, 3),
            (8000, 0), (12_000, -10), (20_000, -26),
        ),
        # A capsule of silicon behind a hole in a telephone: bass cut, a Helmholtz resonance.
        "smartphone": (
            (20, -36), (70, -12), (130, -3), (250, 0), (2000, 0.5), (6000, 2), (10_000, 5),
            (14_000, 9), (17_000, 4), (20_000, -4),
        ),
        # In the lid of a laptop: reflections of keys and screen, noise suppression below.
        "laptop": (
            (20, -40), (100, -18), (200, -5), (400, 0), (900, -2), (1600, 2), (3000, 4),
            (4200, -1), (6500, 3), (9000, -4), (14_000, -10), (20_000, -22),
        ),
        # A ribbon: figure of eight, warm, dull above.
        "ribbon": (
            (20, -2), (40, 2), (100, 2.5), (300, 1), (1000, 0), (3000, 0.5), (6000, -2),
            (10_000, -6), (15_000, -13), (20_000, -20),
        ),
        # Grains of carbon in an old handset: one hump, nothing else.
        "carbon": (
            (20, -50), (150, -28), (300, -10), (600, -3), (1000, 0), (1800, 6), (2500, 8),
            (3200, 2), (4000, -14), (6000, -34), (20_000, -60),
        ),
    }
)  # fmt: skip

#: Taps of a response: 5 Hz apart at 16 kHz.
_RESOLUTION_HZ = 5.0


def apply_microphone(
    waveform: torch.Tensor,
    sample_rate: int,
    microphone: str | Sequence[str] | Curve = "smartphone",
    *,
    tilt_db_per_octave: PerItem = 0.0,
    resonance_hz: PerItem = 3000.0,
    resonance_db: PerItem = 0.0,
    resonance_q: PerItem = 2.0,
    lengths: PerItemCount | None = None,
) -> torch.Tensor:
    """Record a waveform with a microphone of a kind.

    Parameters
    ----------
    waveform : Tensor
        Samples, ``(..., channels, time)``, ``(items, time)`` or ``(time,)``.
    sample_rate : int
        Sample rate in Hz.
    microphone : str, list of str or tuple of (Hz, dB) pairs, default: "smartphone"
        A name from `MICROPHONES`, one an item, or a measured curve.
    tilt_db_per_octave : float, Tensor or list of float, default: 0.0
        Slope on top of it in dB an octave around 1 kHz, within ±6.
    resonance_hz : float, Tensor or list of float, default: 3000.0
        Centre of a peak or dip on top of it, in Hz, > 0.
    resonance_db : float, Tensor or list of float, default: 0.0
        Its height in dB, within ±24.
    resonance_q : float, Tensor or list of float, default: 2.0
        Its centre over its width, 0.1 to 20.
    lengths : int, Tensor or list of int, optional
        Valid samples of each item; the rest stays as it is.

    Returns
    -------
    Tensor
        Shape and dtype of the input; causal, nothing comes early. Gradients reach the samples.

    Raises
    ------
    ValueError
        There is no such microphone, a curve is no curve, or a value is out of range.

    See Also
    --------
    microphone_response : The response in dB.

    Examples
    --------
    >>> import torch
    >>> from audiolab.augment import apply_microphone
    >>> apply_microphone(torch.randn(3, 8000), 16_000, ["flat", "laptop", "headset"]).shape
    torch.Size([3, 8000])
    """
    rate = check_sample_rate(sample_rate)
    items = Items.of(waveform)
    curves = _curves(items, microphone)
    extras = list(
        zip(
            items.values(tilt_db_per_octave, "tilt_db_per_octave", -6.0, 6.0, unit="dB"),
            items.values(resonance_hz, "resonance_hz", 1.0, unit="Hz"),
            items.values(resonance_db, "resonance_db", -24.0, 24.0, unit="dB"),
            items.values(resonance_q, "resonance_q", 0.1, 20.0),
            strict=True,
        )
    )

    def record(samples: torch.Tensor, i: int) -> torch.Tensor:
        taps = _impulse(rate, curves[i], *extras[i])
        return filtered(samples, lambda size: _spectrum(taps, size), len(taps))

    return items.mapped(record, items.ends(lengths))


def microphone_response(
    frequency_hz: torch.Tensor, microphone: str | Curve = "smartphone"
) -> torch.Tensor:
    """Return the response of a microphone.

    Parameters
    ----------
    frequency_hz : Tensor
        Frequencies in Hz, >= 0.
    microphone : str or tuple of (Hz, dB) pairs, default: "smartphone"
        A name from `MICROPHONES`, or a measured curve.

    Returns
    -------
    Tensor
        Response in dB, float64, of the shape of `frequency_hz`.

    Raises
    ------
    ValueError
        There is no such microphone, or a curve is no curve.

    Examples
    --------
    >>> import torch
    >>> from audiolab.augment import microphone_response
    >>> microphone_response(torch.tensor([1000.0, 5000.0]), "dynamic_vocal").round(decimals=1)
    tensor([0.0000, 5.5000], dtype=torch.float64)
    """
    curve = _known(microphone) if isinstance(microphone, str) else _checked(microphone)
    return torch.from_numpy(_decibels(frequency_hz.detach().cpu().double().numpy(), curve))


def _curves(items: Items, microphone: str | Sequence[str] | Curve) -> list[Curve]:
    if isinstance(microphone, str):
        return [_known(microphone)] * items.count
    if any(isinstance(each, str) for each in microphone):
        names = [_known(str(each)) for each in microphone]
        if len(names) != items.count:
            raise ValueError(
                f"microphone must have one name an item, {items.count}, got {len(names)}"
            )
        return names
    return [_checked(microphone)] * items.count


def _known(name: str) -> Curve:
    check_choice(name, "microphone", tuple(MICROPHONES))
    return MICROPHONES[name]


def _checked(points: Sequence[Any]) -> Curve:
    curve = tuple((float(hertz), float(level)) for hertz, level in points)
    rising = all(a[0] < b[0] for a, b in pairwise(curve))
    finite = all(math.isfinite(value) for point in curve for value in point)
    if len(curve) < 2 or not rising or not finite or curve[0][0] <= 0.0:
        raise ValueError(
            "microphone must be a name or two or more pairs of Hz and dB with rising Hz above 0"
        )
    return curve


def _decibels(frequency: NDArray[np.float64], curve: Curve) -> NDArray[np.float64]:
    hertz, levels = np.array(curve).T
    place = np.log(np.clip(frequency, hertz[0], hertz[-1]))
    interpolate: Any = scipy.interpolate.pchip_interpolate
    joined: NDArray[np.float64] = interpolate(np.log(hertz), levels, place)
    return joined


@lru_cache(maxsize=256)
def _impulse(
    rate: int, curve: Curve, tilt: float, resonance_hz: float, height: float, q: float
) -> NDArray[np.float64]:
    """Return the taps of a microphone's minimum-phase filter."""
    size = 1 << math.ceil(math.log2(4 * rate / _RESOLUTION_HZ))
    frequency = scipy.fft.rfftfreq(size, 1.0 / rate)
    octaves = np.log2(np.clip(frequency, 20.0, 20_000.0) / 1000.0)
    ratio = np.maximum(frequency, 1.0) / resonance_hz
    detuned = np.square(q * (ratio - 1.0 / ratio))
    # The squared response of a peaking filter between its height and 1.
    peak = 10.0 * np.log10((10.0 ** (height / 10.0) + detuned) / (1.0 + detuned))
    level = _decibels(frequency, curve) + tilt * octaves + peak
    taps = minimum_phase(10.0 ** (level / 20.0))[: size // 4]
    fade = len(taps) // 4
    taps[-fade:] *= np.square(np.cos(np.linspace(0.0, math.pi / 2, fade)))
    return taps


def _spectrum(taps: NDArray[np.float64], size: int) -> NDArray[np.complex128]:
    spectrum: NDArray[np.complex128] = scipy.fft.rfft(taps, size)
    return spectrum
