"""The discriminator's side of a run: it learns from the codec, and pulls at the codec's output.

The discriminator learns first, at some of the steps; then the codec is pulled by the updated one.
Its pull and that of all other losses are mixed by `audiolab.codec.training.balancer`, which leaves
the other losses the gradient that they have without it, so that it may join a run under way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from audiolab.codec._pool import Pool
from audiolab.codec.training._draws import step_generator
from audiolab.codec.training.adversarial import discriminator_loss, feature_loss, generator_loss
from audiolab.codec.training.balancer import Balancer
from audiolab.codec.training.config import TrainingConfig
from audiolab.codec.training.discriminator import MultiScaleSTFTDiscriminator
from audiolab.codec.training.sections import AdversaryConfig

__all__ = ["Adversary"]


class Adversary:
    """A discriminator with its optimiser, and the balancer.

    Parameters
    ----------
    config : TrainingConfig
        The run, with an adversary.
    device : device
        Where to compute.
    pool : Pool
        The processes.
    """

    def __init__(self, config: TrainingConfig, device: torch.device, pool: Pool) -> None:
        assert config.adversary is not None
        self.config: AdversaryConfig = config.adversary
        self._seed = config.seed
        self._device = device
        self._pool = pool
        self._mixed = config.precision == "bfloat16"
        numbers = self.config
        self.discriminator = MultiScaleSTFTDiscriminator(
            numbers.windows, numbers.num_filters, generator=step_generator(config.seed, 0, "judge")
        ).to(device)
        self._shared: nn.Module = self.discriminator
        if pool.size > 1:
            self._shared = DistributedDataParallel(self.discriminator, broadcast_buffers=False)
        self.optimizer = torch.optim.Adam(
            self.discriminator.parameters(),
            lr=numbers.learning_rate,
            betas=(numbers.betas[0], numbers.betas[1]),
        )
        self.balancer = Balancer(
            {
                "reconstruction": numbers.reconstruction,
                "adversarial": numbers.adversarial,
                "features": numbers.features,
            },
            anchor="reconstruction",
            decay=numbers.decay,
            mean=self._mean,
        )

    def weight(self, progress: float) -> float:
        """Return how far the adversary is faded in.

        Parameters
        ----------
        progress : float
            Share of the run that is done.

        Returns
        -------
        float
            0 before it joins, 1 when it counts in full.
        """
        since = progress - self.config.start
        if since < 0:
            return 0.0
        return 1.0 if self.config.warmup == 0 else min(1.0, since / self.config.warmup)

    def learn(
        self, real: torch.Tensor, fake: torch.Tensor, step: int, rate: float
    ) -> dict[str, torch.Tensor]:
        """Teach the discriminator, if this is one of its steps.

        Parameters
        ----------
        real, fake : Tensor
            Original and reconstruction ``(batch, channels, time)``.
        step : int
            The step's number.
        rate : float
            Learning rate against its highest.

        Returns
        -------
        dict of str to Tensor
            Its loss, if it learnt.
        """
        generator = step_generator(self._seed, step, "discriminator")
        if float(torch.rand(1, generator=generator)) >= self.config.update_share:
            return {}
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.learning_rate * rate
        # One pass over both: DistributedDataParallel takes one for each backward.
        both = torch.cat([real, fake.detach()])
        with self._autocast():
            judged = self._shared(both)
        loss = discriminator_loss(*judged.split(len(real) * real.shape[1]))
        self.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        self.optimizer.step()
        return {"discriminator": loss.detach()}

    def gradient(
        self,
        real: torch.Tensor,
        fake: torch.Tensor,
        reconstruction: torch.Tensor,
        progress: float,
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Return the gradient that the codec's output is sent.

        Parameters
        ----------
        real, fake : Tensor
            Original and reconstruction ``(batch, channels, time)``.
        reconstruction : Tensor
            Weighted sum of the losses on the reconstruction.
        progress : float
            Share of the run that is done.

        Returns
        -------
        gradient : Tensor
            Of the shape of `fake`.
        losses : dict of str to Tensor
            What it was made of.
        """
        with self._autocast():
            with torch.no_grad():
                wanted = self.discriminator(real)
            found = self.discriminator(fake)
        losses = {
            "reconstruction": reconstruction,
            "adversarial": generator_loss(found),
            "features": feature_loss(wanted, found, self._mean),
        }
        faded = self.weight(progress)
        scale = {"adversarial": faded, "features": faded}
        mixed = self.balancer.gradient(losses, fake, scale)
        return mixed, {n: losses[n].detach() for n in ("adversarial", "features")}

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self._device.type, torch.bfloat16, enabled=self._mixed)

    def _mean(self, tensor: torch.Tensor) -> torch.Tensor:
        return self._pool.total(tensor) / self._pool.size

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint needs.

        Returns
        -------
        dict
            For `load_state_dict`.
        """
        return {
            "discriminator": self.discriminator.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "balancer": self.balancer.state_dict(),
        }

    def load_state_dict(self, content: Mapping[str, Any]) -> None:
        """Go on from a checkpoint.

        Parameters
        ----------
        content : mapping
            What `state_dict` returned.
        """
        self.discriminator.load_state_dict(content["discriminator"])
        self.optimizer.load_state_dict(content["optimizer"])
        self.balancer.load_state_dict(content["balancer"], self._device)
