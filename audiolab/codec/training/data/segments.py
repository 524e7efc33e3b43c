"""Batches for training: each item a pure function of (seed, step, position in the batch).

Nothing else is remembered between batches, so a run that is taken up again sees the batches that it
would have seen, and processes that share a batch each make their own items of it. Steps from
``2**31`` on are for validation: they draw from held-out tracks only.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from audiolab._validation import check_sample_rate
from audiolab.augment import Transform, item_seed
from audiolab.codec.training.data.augmentation import Augmentation, Augmenter
from audiolab.codec.training.data.tracks import Library

__all__ = ["HELD_OUT_STEP", "TrainingAudio"]

#: First step of those that draw held-out tracks.
HELD_OUT_STEP = 2**31

Samples = npt.NDArray[np.float32]


class TrainingAudio:
    """Batches of augmented stretches from a library of tracks.

    Parameters
    ----------
    library : Library
        Where stretches come from.
    num_samples : int
        Length of a stretch.
    sample_rate : int
        Sample rate in Hz.
    num_channels : int, default: 1
        Channels of what comes out.
    seed : int, default: 0
        Of all draws.
    augmentation : Augmentation, optional
        What is done to them; the defaults of that class.
    skipped : mapping of str to str, optional
        Files that could not be used, and why: to be told to whoever trains.
    recipe : Transform, optional
        What of `audiolab.augment` is applied after that, with a seed for each item of each step.
        An item that becomes longer or shorter is cut, or ends in silence.
    """

    def __init__(
        self,
        library: Library,
        num_samples: int,
        sample_rate: int,
        *,
        num_channels: int = 1,
        seed: int = 0,
        augmentation: Augmentation | None = None,
        skipped: Mapping[str, str] | None = None,
        recipe: Transform | None = None,
    ) -> None:
        self.recipe = recipe
        self.library = library
        self.skipped = dict(skipped or {})
        self.num_samples = num_samples
        self.sample_rate = check_sample_rate(sample_rate)
        self.num_channels = num_channels
        self.seed = seed
        self.augmentation = augmentation or Augmentation()
        self._augmenter = Augmenter(
            self.augmentation, self.sample_rate, num_samples, num_channels=num_channels
        )

    def __call__(self, step: int, items: range) -> torch.Tensor:
        """Return some items of a step's batch.

        Parameters
        ----------
        step : int
            The step; from ``2**31`` on for validation.
        items : range
            Which items of the whole batch.

        Returns
        -------
        Tensor
            ``(len(items), channels, time)``, float32, within full scale.
        """
        shape = (len(items), self.num_channels, self.num_samples)
        batch = np.empty(shape, np.float32)
        for row, item in enumerate(items):
            batch[row] = self._item(step, item)
        waveform = torch.from_numpy(batch)
        return waveform if self.recipe is None else self._by_recipe(waveform, step, items)

    def _by_recipe(self, waveform: torch.Tensor, step: int, items: range) -> torch.Tensor:
        assert self.recipe is not None
        seeds = [item_seed(self.seed, item, epoch=step) for item in items]
        changed = self.recipe(waveform, self.sample_rate, seeds=seeds).waveform
        time = changed.shape[-1]
        if time != self.num_samples:
            kept = changed[..., : self.num_samples]
            changed = functional.pad(kept, (0, self.num_samples - kept.shape[-1]))
        # A recipe may overshoot; what a codec learns from stays within full scale.
        peak = changed.abs().amax(dim=(1, 2), keepdim=True)
        return (changed / peak.clamp(min=1.0)).float()

    def batch(self, step: int, batch_size: int) -> torch.Tensor:
        """Return a whole batch.

        Parameters
        ----------
        step : int
            The step.
        batch_size : int
            How many items.

        Returns
        -------
        Tensor
            ``(batch_size, channels, time)``, float32.
        """
        return self(step, range(batch_size))

    def _item(self, step: int, item: int) -> Samples:
        rng = np.random.default_rng([self.seed, step, item])
        held_out = step >= HELD_OUT_STEP and bool(self.library.names[True])
        group = self.library.pick_group(rng, held_out=held_out)
        first = self._stretch(rng, group, held_out)
        second = None
        if rng.random() < self.augmentation.mix:
            other = self.library.pick_group(rng, held_out=held_out)
            second = self._stretch(rng, other, held_out)
        return self._augmenter(first, second, rng)

    def _stretch(self, rng: np.random.Generator, group: str, held_out: bool) -> Samples:
        speed, needed = self._augmenter.draw_speed(rng)
        read = self.library.pick(rng, group, needed, held_out=held_out)
        return self._augmenter.play(read, speed, rng)
