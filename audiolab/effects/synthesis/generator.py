"""SoX's noise generator: a 32-bit linear congruential sequence, one state an item.

``x <- 1664525 x + 1013904223 (mod 2**32)``, read as a signed fraction ``x / 2**31`` (the "quick
and dirty" generator of Numerical Recipes). It is not a good source of randomness, but a
reproducible one: with the state 0 it gives the samples of ``sox -R`` to the last bit on any
machine, and since every item of a batch has a state of its own, no item's noise depends on the
others.

The sequence is drawn on the CPU and copied to where the signal lives.

Pink noise: P. Kellet's refined filter of seven poles; brown noise: a walk whose steps are a
sixteenth of the white noise, and which never leaves [-1, 1].
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray

__all__ = ["NOISES", "NoiseMemory", "draw_noise", "draw_uniform"]

#: Kinds of noise, in the kernel's numbering.
NOISES = ("white", "tpdf", "pink", "brown")


@njit(cache=True, nogil=True)
def _fill(
    state: int, kinds: NDArray[np.int64], memory: NDArray[np.float64], out: NDArray[np.float64]
) -> int:
    """Fill ``out (channels, time)``, channel by channel at each moment; return the last state."""
    x = np.uint32(state)
    a, c, scale = np.uint32(1664525), np.uint32(1013904223), 2.0**-31
    for n in range(out.shape[1]):
        for k in range(out.shape[0]):
            kind = kinds[k]
            x = np.uint32(a * x + c)
            white = np.int32(x) * scale
            m = memory[k]
            if kind == 0:
                value = white
            elif kind == 1:
                x = np.uint32(a * x + c)
                value = 0.5 * (white + np.int32(x) * scale)
            elif kind == 2:
                m[0] = 0.99886 * m[0] + white * 0.0555179
                m[1] = 0.99332 * m[1] + white * 0.0750759
                m[2] = 0.96900 * m[2] + white * 0.1538520
                m[3] = 0.86650 * m[3] + white * 0.3104856
                m[4] = 0.55000 * m[4] + white * 0.5329522
                m[5] = -0.7616 * m[5] - white * 0.0168980
                value = m[0] + m[1] + m[2] + m[3] + m[4] + m[5] + m[6] + white * 0.5362
                m[6] = white * 0.115926
                value *= 0.125
            else:
                value = m[0] + white / 16
                while abs(value) > 1.0:
                    x = np.uint32(a * x + c)
                    value = m[0] + np.int32(x) * scale / 16
                m[0] = value
            out[k, n] = value
    return int(x)


class NoiseMemory:
    """What pink and brown noise remember between the blocks of a stream.

    Parameters
    ----------
    kinds : sequence of str
        Kind of noise of each channel that has one, of `NOISES`.
    num_items : int
        Items in the batch.
    """

    def __init__(self, kinds: Sequence[str], num_items: int) -> None:
        self.kinds = np.array([NOISES.index(each) for each in kinds], dtype=np.int64)
        self.filters = np.zeros((num_items, len(kinds), 7))


def draw_noise(states: torch.Tensor, memory: NoiseMemory, num_samples: int) -> torch.Tensor:
    """Draw noise for all items and advance their states in place.

    Parameters
    ----------
    states : Tensor
        State of each item, ``(batch,)`` int64 on the CPU, 0 to ``2**32 - 1``.
    memory : NoiseMemory
        Kinds, and what they remember.
    num_samples : int
        Samples of each channel.

    Returns
    -------
    Tensor
        Noise, ``(batch, channels, num_samples)`` float64, within [-1, 1] except for pink peaks.
    """
    drawn = np.empty((len(states), len(memory.kinds), num_samples))
    for item, state in enumerate(states.tolist()):
        states[item] = _fill(state, memory.kinds, memory.filters[item], drawn[item])
    return torch.from_numpy(drawn)


def draw_uniform(states: torch.Tensor, num_channels: int, num_samples: int) -> torch.Tensor:
    """Draw numbers in [-1, 1), channel by channel at each moment, and advance the states."""
    memory = NoiseMemory(["white"] * num_channels, len(states))
    return draw_noise(states, memory, num_samples)
