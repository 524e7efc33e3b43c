"""What the level of speech and noise is: powers under each measure, an item at a time."""

from __future__ import annotations

import math

import numpy as np
import torch

from audiolab.metrics.loudness import gated_loudness, loudness_blocks
from audiolab.metrics.speech_level import a_weighted_db, active_level_db

__all__ = ["MEASURES", "item_gain"]

MEASURES = ("power", "active", "a-weighted", "lufs")

#: Far above the absolute gate: what a loudness is when nothing is too quiet.
_LIFT = 1e12


def item_gain(
    speech: torch.Tensor, noise: torch.Tensor, ratio: float, measure: str, rate: int | None
) -> tuple[float, float, float]:
    """Return powers of speech and noise, and the ratio in dB that they should have.

    For loudness, which is not proportional to power near its absolute gate, the "power" of the
    noise is what makes the scaled noise as loud as it should be.
    """
    assert rate is not None
    if not speech.shape[-1]:
        return 0.0, 0.0, ratio
    plain = [float(np.square(each.cpu().double().numpy()).sum()) for each in (speech, noise)]
    if not all(math.isfinite(each) for each in plain) or 0.0 in plain or ratio == math.inf:
        return plain[0], plain[1], ratio
    if measure == "lufs":
        return _loudness(speech, noise, ratio, rate)
    if measure == "a-weighted":
        return _powers(a_weighted_db(speech, rate)), _powers(a_weighted_db(noise, rate)), ratio
    active = active_level_db(speech.double(), rate).level_db
    return _powers(active), plain[1] / noise.numel(), ratio


def _powers(levels_db: torch.Tensor) -> float:
    """Return the mean power of channels whose levels are given."""
    levels: list[float] = levels_db.double().reshape(-1).tolist()
    return sum(math.pow(10.0, level / 10.0) for level in levels) / len(levels)


def _loudness(
    speech: torch.Tensor, noise: torch.Tensor, ratio: float, rate: int
) -> tuple[float, float, float]:
    wanted = float(gated_loudness(loudness_blocks(speech.double(), rate)))
    if wanted == -math.inf:
        return 0.0, 1.0, ratio
    blocks = loudness_blocks(noise.double(), rate)
    level = float(gated_loudness(blocks * _LIFT)) - 10.0 * math.log10(_LIFT)
    for _ in range(30):
        power = 10.0 ** ((wanted - ratio - level) / 10.0)
        reached = float(gated_loudness(blocks * power))
        if reached == -math.inf:
            raise ValueError(
                f"noise at {wanted - ratio:.1f} LUFS would lie below -70 LUFS, where loudness is "
                "not defined: use another measure or a lower snr_db"
            )
        missed = wanted - ratio - reached
        level -= missed
        if abs(missed) < 1e-9:
            break
    # Rounded: the last bits of a transform depend on the number of threads.
    return (
        float(np.float32(10.0 ** (wanted / 10.0))),
        float(np.float32(10.0 ** (level / 10.0))),
        ratio,
    )
