"""A stage that hears its stream to the end before it plays any of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch

from audiolab.effects._spool import Spool
from audiolab.effects.sox.effect import Form, Stage

__all__ = ["SpooledStage"]


class SpooledStage(Stage):
    """Set the stream aside, then play it as it turned out to need.

    Parameters
    ----------
    form : Form
        Form of the input and the output.
    play : callable
        Takes the whole stream and yields the blocks of the result.
    measure : callable, optional
        Takes every block as it comes.
    """

    def __init__(
        self,
        form: Form,
        play: Callable[[Spool], Iterator[torch.Tensor]],
        measure: Callable[[torch.Tensor], None] | None = None,
    ) -> None:
        self.form, self._play, self._measure = form, play, measure
        self._spool = Spool()

    def push(self, block: torch.Tensor) -> torch.Tensor:
        """Measure the block and set it aside."""
        if self._measure is not None:
            self._measure(block)
        self._spool.append(block)
        return block.new_zeros(*block.shape[:-1], 0)

    def tail(self) -> Iterator[torch.Tensor]:
        """Play."""
        if self._spool.num_samples:
            yield from self._play(self._spool)
