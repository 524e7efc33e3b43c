"""The losses between codec and discriminator, as the EnCodec paper has them.

With `K` scales, logits ``D_k`` and `L` layers ``D_k^l``, for a waveform `x` and its reconstruction
``y``:

- the discriminator learns from ``mean_k [mean max(0, 1 - D_k(x)) + mean max(0, 1 + D_k(y))]``;
- the codec from ``mean_k mean max(0, 1 - D_k(y))``, and from feature matching,
  ``1/(KL) sum_kl mean |D_k^l(x) - D_k^l(y)| / mean |D_k^l(x)|``.

Défossez et al., 2022, arXiv 2210.13438, section 3.4. What counts as real has no gradient.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.nn import functional

from audiolab.codec.training.discriminator import Judgement

__all__ = ["discriminator_loss", "feature_loss", "generator_loss"]

_SILENCE = 1e-8  # under a mean of activations that are all zero


def discriminator_loss(real: Judgement, fake: Judgement) -> torch.Tensor:
    """Return the hinge loss of the discriminator.

    Parameters
    ----------
    real : Judgement
        Of the original.
    fake : Judgement
        Of the reconstruction, which should have been detached.

    Returns
    -------
    Tensor
        A scalar; 2 for one that can't tell, 0 for one that is sure and right.
    """
    parts = [
        functional.relu(1 - x.float()).mean() + functional.relu(1 + y.float()).mean()
        for x, y in zip(real.logits, fake.logits, strict=True)
    ]
    return torch.stack(parts).mean()


def generator_loss(fake: Judgement) -> torch.Tensor:
    """Return the hinge loss of the codec.

    Parameters
    ----------
    fake : Judgement
        Of the reconstruction.

    Returns
    -------
    Tensor
        A scalar; 0 if the discriminator is sure that it is real.
    """
    return torch.stack([functional.relu(1 - y.float()).mean() for y in fake.logits]).mean()


def feature_loss(
    real: Judgement,
    fake: Judgement,
    mean: Callable[[torch.Tensor], torch.Tensor] | None = None,
) -> torch.Tensor:
    """Return the relative distance of the discriminator's features.

    Parameters
    ----------
    real : Judgement
        Of the original.
    fake : Judgement
        Of the reconstruction.
    mean : callable, optional
        Averages a scalar tensor over the processes that share a batch.

    Returns
    -------
    Tensor
        A scalar.
    """
    parts = []
    for wanted, found in zip(real.features, fake.features, strict=True):
        for x, y in zip(wanted, found, strict=True):
            target = x.detach().float()
            size = target.abs().mean()
            size = (size if mean is None else mean(size)).clamp(min=_SILENCE)
            parts.append((target - y.float()).abs().mean() / size)
    return torch.stack(parts).mean()
