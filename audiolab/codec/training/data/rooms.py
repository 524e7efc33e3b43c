"""Banks of room impulse responses for augmentation: exponential noise, or simulated boxes.

Exponential noise is cheap and dense, and has no early reflections. Boxes have them, and the ratio
of direct to reverberant sound that goes with the distance of the microphone; simulating a bank
takes a few seconds of processor time when a run starts. Either bank is the same for every run.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from audiolab import room

__all__ = ["exponential_rooms", "simulated_rooms"]

Response = npt.NDArray[np.float32]
_SEED = 20_260
_NUM_EXPONENTIAL = 96
_NUM_SIMULATED = 64
_LONGEST_S = 0.8


def exponential_rooms(sample_rate: int) -> list[Response]:
    """Make responses of a direct sound and noise that decays by 60 dB over their length.

    Parameters
    ----------
    sample_rate : int
        Sample rate in Hz.

    Returns
    -------
    list of ndarray
        96 responses of 0.1 to 0.8 s, float32; the direct sound is 1, at time 0.
    """
    rng, responses = np.random.default_rng(_SEED), []
    for _ in range(_NUM_EXPONENTIAL):
        length = int(rng.uniform(0.1, _LONGEST_S) * sample_rate)
        tail = rng.standard_normal(length) * np.exp(-6.9 * np.arange(length) / length)
        tail *= rng.uniform(0.01, 0.08)
        tail[: int(rng.integers(1, sample_rate // 60))] *= 0.2
        tail[0] = 1.0
        responses.append(tail.astype(np.float32))
    return responses


def simulated_rooms(sample_rate: int) -> list[Response]:
    """Simulate boxes from a closet to a hall, with source and microphone 0.3 to 6 m apart.

    Parameters
    ----------
    sample_rate : int
        Sample rate in Hz.

    Returns
    -------
    list of ndarray
        64 responses of 0.8 s, float32, of unit energy; the direct sound is at time 0.
    """
    rng = np.random.default_rng(_SEED)
    size = rng.uniform((2.5, 2.0, 2.2), (12.0, 9.0, 4.5), (_NUM_SIMULATED, 3))
    source = size * rng.uniform(0.2, 0.8, size.shape)
    direction = rng.standard_normal(size.shape)
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    distance = 10.0 ** rng.uniform(np.log10(0.3), np.log10(6.0), (_NUM_SIMULATED, 1))
    # A microphone that would lie beyond a wall stays 0.2 m in front of it.
    microphone = np.clip(source + distance * direction, 0.2, size - 0.2)
    # A small room does not ring for long: its walls would have to be of marble.
    volume = size.prod(1)
    rt60_s = rng.uniform(0.12, np.minimum(0.25 + 0.12 * np.cbrt(volume), _LONGEST_S))
    responses = room.shoebox_rir(
        torch.from_numpy(size),
        torch.from_numpy(source),
        torch.from_numpy(microphone),
        sample_rate,
        rt60_s=torch.from_numpy(rt60_s),
        duration_s=_LONGEST_S,
        align=True,
    ).numpy()
    energies = np.sqrt(np.square(responses).sum(1, keepdims=True))
    return list((responses / energies).astype(np.float32))
