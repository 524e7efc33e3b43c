"""A moving average of a model's weights and buffers, together.

Averaged weights beside codebooks and statistics of the moment make a worse model than either, so
everything that is a floating-point number is averaged, and the rest copied.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

__all__ = ["ModelAverage"]


class ModelAverage:
    """The average of a module's state; it begins with the first update.

    Parameters
    ----------
    decay : float
        Weight of the past at every update.
    """

    def __init__(self, decay: float) -> None:
        self.decay = decay
        self.state: dict[str, torch.Tensor] = {}
        self.updates = 0

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Take in the module's state.

        The first few updates weigh more, so that the start is forgotten: the past weighs
        ``min(decay, n / (n + 10))`` at update `n`.

        Parameters
        ----------
        module : Module
            The module.
        """
        current = module.state_dict()
        if not self.state:
            self.state = {name: tensor.detach().clone() for name, tensor in current.items()}
            return
        self.updates += 1
        weight = 1 - min(self.decay, self.updates / (self.updates + 10))
        floats = [name for name, tensor in current.items() if tensor.is_floating_point()]
        torch._foreach_lerp_(
            [self.state[name] for name in floats], [current[name] for name in floats], weight
        )
        for name in current.keys() - set(floats):
            self.state[name].copy_(current[name])

    def state_dict(self) -> dict[str, object]:
        """Return what a checkpoint needs.

        Returns
        -------
        dict
            For `load_state_dict`.
        """
        return {"updates": self.updates, "state": self.state}

    def load_state_dict(self, content: Mapping[str, object], device: torch.device) -> None:
        """Go on from a checkpoint.

        Parameters
        ----------
        content : mapping
            What `state_dict` returned.
        device : device
            Where the model lives.
        """
        updates, state = content["updates"], content["state"]
        assert isinstance(updates, int)
        assert isinstance(state, dict)
        self.updates = updates
        self.state = {name: tensor.to(device) for name, tensor in state.items()}
