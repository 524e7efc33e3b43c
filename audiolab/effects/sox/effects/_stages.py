"""Stages that several families share."""

from __future__ import annotations

from collections.abc import Callable

import torch

from audiolab.effects.sox.effect import Form, Stage

__all__ = ["MemorylessStage"]


class MemorylessStage(Stage):
    """An effect whose output at a moment depends on the input at that moment alone.

    Parameters
    ----------
    form : Form
        Form of the output.
    function : callable
        What a block ``(batch, channels, time)`` becomes.
    """

    def __init__(self, form: Form, function: Callable[[torch.Tensor], torch.Tensor]) -> None:
        self.form, self._function = form, function

    def push(self, block: torch.Tensor) -> torch.Tensor:
        """Run the function on the block."""
        return self._function(block)
