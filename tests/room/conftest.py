"""Boxes, and the plainest form of the image method to compare with."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

RATE = 16_000
BOX = [5.0, 4.0, 3.0]
SOURCE = [1.0, 2.0, 1.5]
EAR = [3.3, 1.2, 1.1]


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def decaying(rt60_s: float, duration_s: float, rows: int = 1, seed: int = 0) -> torch.Tensor:
    """White noise under an exponential that falls by 60 dB in a time."""
    time = torch.arange(round(duration_s * RATE), dtype=torch.float64) / RATE
    return noise(rows, len(time), seed=seed) * 10 ** (-3 * time / rt60_s)


def plain_images(
    box: Sequence[float],
    source: Sequence[float],
    ear: Sequence[float],
    absorption: Sequence[float],
    max_order: int,
    length: int,
    *,
    rate: int = RATE,
    taps: int = 81,
    gain: Callable[[NDArray[np.float64], NDArray[np.float64]], float] = lambda a, b: 1.0,
) -> NDArray[np.float64]:
    """Image by image, mirror by mirror: positions by reflecting, not by a formula for them.

    `gain` gets the way from the ear to the image, and the way that the true source sent it.
    """
    out = np.zeros(length)
    half = taps // 2
    for orders in product(range(-max_order, max_order + 1), repeat=3):
        if sum(map(abs, orders)) > max_order:
            continue
        image, factor, mirrored = np.array(source), 1.0, np.ones(3)
        for axis, order in enumerate(orders):
            # Positive orders meet the far wall first, negative ones the wall at zero.
            at_far = order > 0
            for _ in range(abs(order)):
                image[axis] = 2 * (box[axis] if at_far else 0.0) - image[axis]
                factor *= math.sqrt(1 - absorption[2 * axis + at_far])
                mirrored[axis] = -mirrored[axis]
                at_far = not at_far
        way = image - np.array(ear)
        distance = float(np.linalg.norm(way))
        factor *= gain(way / distance, -way / distance * mirrored)
        time = distance * rate / 343.0
        n = np.arange(math.floor(time + 0.5) - half, math.floor(time + 0.5) + half + 1)
        n = n[(n >= 0) & (n < length)]
        window = 0.5 + 0.5 * np.cos(2 * np.pi * (n - time) / taps)
        out[n] += factor / distance * np.sinc(n - time) * window
    return out


@pytest.fixture(scope="session")
def pyroom():
    """Return their responses, with or without their high-pass, from our kind of arguments."""
    import pyroomacoustics as pra

    def simulate(box, source, ear, absorption, max_order, *, highpass=False, rate=RATE):
        before = pra.constants.get("rir_hpf_enable")
        pra.constants.set("rir_hpf_enable", highpass)
        try:
            room = pra.ShoeBox(
                box, fs=rate, materials=pra.Material(absorption), max_order=max_order
            )
            room.add_source(source)
            room.add_microphone(ear)
            room.compute_rir()
        finally:
            pra.constants.set("rir_hpf_enable", before)
        return torch.from_numpy(np.asarray(room.rir[0][0], dtype=np.float64))[40:]

    return simulate
