"""What changes along a run, as functions of its progress from 0 to 1."""

from __future__ import annotations

import math

from audiolab.codec.training.sections import (
    AverageConfig,
    LossConfig,
    OptimizerConfig,
    QuantizerConfig,
)

__all__ = ["averages", "bypass_probability", "learning_rate_scale", "spectral_weight"]

_FIRST_SCALE = 0.02  # the very first step of a warm-up moves something
_HELD_BACK = 0.05


def learning_rate_scale(config: OptimizerConfig, progress: float) -> float:
    """Return the learning rate against its highest: linear warm-up times half a cosine.

    Parameters
    ----------
    config : OptimizerConfig
        Warm-up and final rate.
    progress : float
        Share of the run that is done.

    Returns
    -------
    float
        From 0 to 1.
    """
    p = min(max(progress, 0.0), 1.0)
    rise = 1.0 if config.warmup == 0 else min(1.0, p / config.warmup + _FIRST_SCALE)
    last = config.final_learning_rate / config.learning_rate
    return rise * (last + (1 - last) * 0.5 * (1 + math.cos(math.pi * p)))


def spectral_weight(config: LossConfig, progress: float) -> float:
    """Return by how much the spectral losses count.

    Parameters
    ----------
    config : LossConfig
        Length of the stretch in which the waveform comes first.
    progress : float
        Share of the run that is done.

    Returns
    -------
    float
        0.05 over that stretch, then rising to 1 over as long a one.
    """
    if config.waveform_first == 0:
        return 1.0
    ramp = (progress - config.waveform_first) / config.waveform_first
    return min(1.0, _HELD_BACK + (1 - _HELD_BACK) * max(0.0, ramp))


def bypass_probability(config: QuantizerConfig, progress: float) -> float:
    """Return how probably an item goes around the quantiser.

    Parameters
    ----------
    config : QuantizerConfig
        Where it starts and when it ends.
    progress : float
        Share of the run that is done.

    Returns
    -------
    float
        Falls linearly to 0.
    """
    if progress >= config.bypass_until:
        return 0.0
    return config.bypass * (1 - progress / config.bypass_until)


def averages(config: AverageConfig, progress: float) -> bool:
    """Tell whether the moving average runs.

    Parameters
    ----------
    config : AverageConfig
        When it starts.
    progress : float
        Share of the run that is done.

    Returns
    -------
    bool
        Whether this step is averaged.
    """
    return progress >= config.start and config.start < 1
