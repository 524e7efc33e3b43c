"""What the trainer asks of its data: each item of each batch as a pure function of its number."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch

from audiolab.codec.training._draws import step_generator

__all__ = ["HELD_OUT", "BatchSource", "WaveformSource"]

#: Steps from here on are for held-out batches.
HELD_OUT = 2**31


#: Batches by number: ``source(step, items)`` returns those items of a step's batch, ``(len(items),
#: channels, time)`` in float32. Several processes share a batch, each asking for its own items; the
#: same numbers give the same items in any process and any order.
BatchSource: TypeAlias = Callable[[int, range], torch.Tensor]


class WaveformSource:
    """Random stretches of waveforms that are in memory.

    Parameters
    ----------
    waveforms : list of Tensor
        Each ``(channels, time)``, at least `num_samples` long.
    num_samples : int
        Length of a stretch.
    seed : int
        Of the draws.

    Examples
    --------
    >>> source = WaveformSource([torch.arange(9.0)[None]], num_samples=4)
    >>> source(0, range(2)).shape
    torch.Size([2, 1, 4])
    >>> torch.equal(source(0, range(2))[1:], source(0, range(1, 2)))
    True
    """

    def __init__(self, waveforms: list[torch.Tensor], num_samples: int, seed: int = 0) -> None:
        for index, each in enumerate(waveforms):
            if each.dim() != 2 or each.shape[1] < num_samples:
                raise ValueError(
                    f"waveforms[{index}] must be (channels, time) of at least {num_samples} "
                    f"samples, got {tuple(each.shape)}"
                )
        if not waveforms:
            raise ValueError("waveforms must hold at least one")
        self.waveforms = waveforms
        self.num_samples = num_samples
        self.seed = seed

    def __call__(self, step: int, items: range) -> torch.Tensor:
        """Return some items of a step's batch.

        Parameters
        ----------
        step : int
            The step.
        items : range
            Which items.

        Returns
        -------
        Tensor
            ``(len(items), channels, time)``.
        """
        parts = []
        for item in items:
            generator = step_generator(self.seed, step, f"stretch {item}")
            chosen = int(torch.randint(len(self.waveforms), (1,), generator=generator))
            waveform = self.waveforms[chosen]
            last = waveform.shape[1] - self.num_samples
            start = int(torch.randint(last + 1, (1,), generator=generator))
            parts.append(waveform[:, start : start + self.num_samples])
        return torch.stack(parts)
