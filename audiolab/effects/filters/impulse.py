"""Impulse responses: taps to look at, to combine, or to convolve with.

Each function returns taps in float64 and what one needs to know of them in its docstring. They are
those of SoX: the filters of its effects ``sinc``, ``hilbert`` and ``earwax``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from audiolab._validation import check_positive, check_range
from audiolab.effects._kaiser import kaiser_beta, kaiser_length, windowed_sinc

__all__ = ["Edge", "blackman_hilbert", "earwax_taps", "sinc_taps"]

_MOST_TAPS = 32_767


@dataclass(frozen=True)
class Edge:
    """One edge of a windowed-sinc filter.

    Parameters
    ----------
    frequency_hz : float
        Where the amplitude is halved, in Hz.
    transition_hz : float, optional
        Width of the transition in Hz; 5 % of the Nyquist frequency by default.
    num_taps : int, optional
        Length instead of a transition, 11 to 32767; made odd.
    """

    frequency_hz: float
    transition_hz: float | None = None
    num_taps: int | None = None


def sinc_taps(
    sample_rate: float,
    *,
    highpass: Edge | None = None,
    lowpass: Edge | None = None,
    attenuation_db: float = 120.0,
    beta: float | None = None,
) -> torch.Tensor:
    """Return a linear-phase filter with one or two edges, its centre in the middle.

    Parameters
    ----------
    sample_rate : float
        Sample rate in Hz.
    highpass, lowpass : Edge, optional
        The edges; at least one. Below the other, the high-pass makes a band-pass; above it a
        band-reject.
    attenuation_db : float, default: 120
        Attenuation of the stop-bands, 40 to 180 dB.
    beta : float, optional
        Kaiser window's parameter, 0 to 256, instead of an attenuation.

    Returns
    -------
    Tensor
        An odd number of taps.

    Notes
    -----
    The window of the first edge (the high-pass, if there is one) serves for both.
    """
    rate = check_positive(sample_rate, "sample_rate", unit="Hz")
    check_range(attenuation_db, "attenuation_db", 40.0, 180.0, unit="dB")
    if beta is not None:
        check_range(beta, "beta", 0.0, 256.0)
    edges = {name: each for name, each in (("highpass", highpass), ("lowpass", lowpass)) if each}
    if not edges:
        raise ValueError("give a highpass edge, a lowpass edge, or both")
    lowpasses = {}
    for name, edge in edges.items():
        cutoff = check_positive(edge.frequency_hz, f"{name}_hz", unit="Hz") / (rate / 2)
        if cutoff >= 1.0:
            raise ValueError(
                f"{name}_hz must be below the Nyquist frequency of {rate / 2:g} Hz, "
                f"got {edge.frequency_hz:g}"
            )
        transition_hz = 0.05 * rate / 2 if edge.transition_hz is None else edge.transition_hz
        check_positive(transition_hz, f"{name}_transition_hz", unit="Hz")
        if beta is None:
            beta = kaiser_beta(attenuation_db, transition_hz / edge.frequency_hz / 4.0)
        if edge.num_taps is None:
            count = kaiser_length(attenuation_db, beta, transition_hz / rate)
        else:
            count = int(check_range(edge.num_taps, f"{name}_num_taps", 11, _MOST_TAPS))
        count = min(max(count, 11), _MOST_TAPS)
        lowpasses[name] = windowed_sinc(count + 1 - count % 2, cutoff, beta)
    if highpass is None:
        return lowpasses["lowpass"]
    taps = _complement(lowpasses["highpass"])
    if lowpass is None:
        return taps
    taps = _together(taps, lowpasses["lowpass"])
    # What both pass was added twice: all of it once too often makes the band between.
    return -_complement(taps) if highpass.frequency_hz < lowpass.frequency_hz else taps


def _complement(taps: torch.Tensor) -> torch.Tensor:
    taps = -taps
    taps[len(taps) // 2] += 1.0
    return taps


def _together(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    longer, shorter = (one, other) if len(one) >= len(other) else (other, one)
    around = (len(longer) - len(shorter)) // 2
    return longer + torch.nn.functional.pad(shorter, (around, around))


def blackman_hilbert(num_taps: int) -> torch.Tensor:
    """Return ``2 / (pi n)`` for odd n under a Blackman window.

    Parameters
    ----------
    num_taps : int
        Odd number of taps, 3 to 32767.

    Returns
    -------
    Tensor
        Taps, time zero in the middle.
    """
    check_range(num_taps, "num_taps", 3, _MOST_TAPS)
    if num_taps % 2 == 0:
        raise ValueError(f"num_taps must be odd for a Hilbert transform, got {num_taps}")
    half = num_taps // 2
    n = torch.arange(-half, half + 1, dtype=torch.float64)
    ideal = torch.where(n.long() % 2 == 1, 2.0 / (math.pi * torch.where(n == 0, 1.0, n)), 0.0)
    turn = math.pi * n / half
    return ideal * (0.42 + 0.5 * torch.cos(turn) + 0.08 * torch.cos(2.0 * turn))


#: SoX's cues for headphones, measured as its response to an impulse: from a side to itself, and
#: to the other side.
_SAME_SIDE = (
    *(4, 4, -1, 3, -2, -5, 9, 6, -4, -5, -2, -7, 6, 30, 12, -11),
    *(-3, -20, 2, 1, -14, 15, 6, 15, -14, -7, -4, 6, 6, 0, 0, 4),
)
_OTHER_SIDE = (
    *(-6, -11, -5, 3, 5, 0, 1, 3, -1, -3, -5, 1, -7, -29, -3, 4),
    *(7, 23, 0, -6, -5, -18, 7, -10, 22, -2, 9, -12, -6, -11, -5, 0),
)


def earwax_taps() -> torch.Tensor:
    """Return the response of both ears to both channels, in whole numbers to be divided by 64.

    Returns
    -------
    Tensor
        ``(2 ears, 2 channels, 33 taps)``; the right channel reaches the left ear a sample late.
    """
    same = torch.tensor([*_SAME_SIDE, 0], dtype=torch.float64)
    other = torch.tensor([*_OTHER_SIDE, 0], dtype=torch.float64)
    return torch.stack([torch.stack([same, other.roll(1)]), torch.stack([other, same])])
