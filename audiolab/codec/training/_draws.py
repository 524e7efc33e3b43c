"""Randomness as a pure function of the run's seed, the step and what is drawn.

No generator lives longer than a step, so a run that is taken up again draws what it would have
drawn, with nothing saved.
"""

from __future__ import annotations

import numpy as np
import torch

__all__ = ["step_generator"]


def step_generator(
    seed: int, step: int, purpose: str, device: torch.device | str = "cpu"
) -> torch.Generator:
    """Return the generator of one step for one purpose.

    Parameters
    ----------
    seed : int
        The run's seed.
    step : int
        The step's number.
    purpose : str
        What is drawn: different words give unrelated draws.
    device : device or str, default: "cpu"
        Where the generator lives.

    Returns
    -------
    Generator
        Freshly seeded.
    """
    entropy = [seed, step, int.from_bytes(purpose.encode(), "little")]
    (state,) = np.random.SeedSequence(entropy).generate_state(1, np.uint64)
    generator = torch.Generator(device=device)
    generator.manual_seed(int(state >> np.uint64(1)))
    return generator
