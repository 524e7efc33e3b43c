"""Batches for training: each item a pure function of (seed, step, position in the batch).

Nothing else is remembered between batches, so a run that is taken up again sees the batches that it
would have seen, and processes that share a batch each make their own items of it. Steps from
``2**31`` on are for validation: they draw from held-out tracks only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from audiolab._typing import FilePath
from audiolab._validation import check_sample_rate
from audiolab.codec.training.data.augmentation import Augmentation, Augmenter
from audiolab.codec.training.data.tracks import Library, read_shards

__all__ = ["HELD_OUT_STEP", "TrainingAudio"]

#: First step of those that draw held-out tracks.
HELD_OUT_STEP = 2**31
#: How often each kind of a rendered set is drawn.
_SHARES = {"speech": 0.62, "music": 0.28, "texture": 0.1}


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
    seed : int, default: 0
        Of all draws.
    augmentation : Augmentation, optional
        What is done to them; the defaults of that class.
    """

    def __init__(
        self,
        library: Library,
        num_samples: int,
        sample_rate: int,
        *,
        seed: int = 0,
        augmentation: Augmentation | None = None,
    ) -> None:
        self.library = library
        self.num_samples = num_samples
        self.sample_rate = check_sample_rate(sample_rate)
        self.seed = seed
        self.augmentation = augmentation or Augmentation()
        self._augmenter = Augmenter(self.augmentation, self.sample_rate, num_samples)

    @classmethod
    def from_shards(
        cls,
        folder: FilePath,
        num_samples: int,
        sample_rate: int,
        *,
        seed: int = 0,
        shares: Mapping[str, float] | None = None,
        augmentation: Mapping[str, Any] | None = None,
    ) -> TrainingAudio:
        """Open a rendered folder.

        Parameters
        ----------
        folder : path-like
            What ``python -m audiolab.codec.training.data`` wrote.
        num_samples : int
            Length of a stretch.
        sample_rate : int
            Sample rate in Hz, that of the folder.
        seed : int, default: 0
            Of all draws.
        shares : mapping of str to float, optional
            How often each kind is drawn.
        augmentation : mapping, optional
            Fields of `Augmentation`.

        Returns
        -------
        TrainingAudio
            Batches.
        """
        groups = read_shards(folder, sample_rate)
        if shares is None and set(groups) == set(_SHARES):
            shares = _SHARES
        settings = Augmentation.from_dict(augmentation or {})
        library = Library(groups, shares)
        return cls(library, num_samples, sample_rate, seed=seed, augmentation=settings)

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
            ``(len(items), 1, time)``, float32, within full scale.
        """
        batch = np.stack([self._item(step, item) for item in items])
        return torch.from_numpy(batch)[:, None]

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
            ``(batch_size, 1, time)``, float32.
        """
        return self(step, range(batch_size))

    def _item(self, step: int, item: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
        rng = np.random.default_rng([self.seed, step, item])
        held_out = step >= HELD_OUT_STEP and bool(self.library.names[True])
        group = self.library.pick_group(rng, held_out=held_out)
        first = self._stretch(rng, group, held_out)
        second = None
        if rng.random() < self.augmentation.mix:
            other = self.library.pick_group(rng, held_out=held_out)
            second = self._stretch(rng, other, held_out)
        return self._augmenter(first, second, rng)

    def _stretch(
        self, rng: np.random.Generator, group: str, held_out: bool
    ) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
        speed, needed = self._augmenter.draw_speed(rng)
        read = self.library.pick(rng, group, needed, held_out=held_out)
        return self._augmenter.play(read, speed)
