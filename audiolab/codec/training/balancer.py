"""The gradient balancer: each loss gets the share of the gradient that its weight says.

With ``g_i`` the gradient of loss `i` towards the output, ``n_i`` a moving average of its norm (L2
within an item, mean over the batch) and weights ``w_i``, the output's gradient is

    G = R sum_i (w_i / sum_j w_j) g_i / n_i .

So a weight says what a loss contributes, whatever its own scale, and the sum has a norm of about
`R`. Défossez et al., 2022, arXiv 2210.13438, section 3.4; the average has their decay 0.999 and is
corrected for its start from zero.

With `anchor`, `R` is what leaves that loss its own gradient, ``R = n_a sum_j w_j / w_a``: losses
join a run under way without a jump in the size of its gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch

__all__ = ["Balancer"]

_EPSILON = 1e-12


class Balancer:
    """Mix gradients of losses on one output.

    Parameters
    ----------
    weights : mapping of str to float
        Shares by name.
    total_norm : float, default: 1.0
        `R`.
    anchor : str, optional
        Name of the loss that keeps its own gradient; `total_norm` then does not count.
    decay : float, default: 0.999
        Of the norms' moving average.
    mean : callable, optional
        Averages a scalar tensor over processes.

    Examples
    --------
    >>> output = torch.zeros(1, 1, requires_grad=True)
    >>> balancer = Balancer({"up": 1.0, "down": 1.0})
    >>> balancer.gradient({"up": output.sum(), "down": -100 * output.sum()}, output)
    tensor([[0.]])
    """

    def __init__(
        self,
        weights: Mapping[str, float],
        *,
        total_norm: float = 1.0,
        anchor: str | None = None,
        decay: float = 0.999,
        mean: Callable[[torch.Tensor], torch.Tensor] | None = None,
    ) -> None:
        if anchor is not None and weights.get(anchor, 0.0) <= 0:
            raise ValueError(f"anchor must name a weight above 0, got {anchor!r}")
        if any(weight < 0 for weight in weights.values()) or not any(weights.values()):
            raise ValueError(f"weights must be at least 0, and one above it, got {dict(weights)}")
        self.weights = dict(weights)
        self.total_norm = total_norm
        self.anchor = anchor
        self.decay = decay
        self._mean = mean or (lambda tensor: tensor)
        self._sums: dict[str, torch.Tensor] = {}
        self._counts: dict[str, float] = {}

    def gradient(
        self,
        losses: Mapping[str, torch.Tensor],
        output: torch.Tensor,
        scale: Mapping[str, float] | None = None,
    ) -> torch.Tensor:
        """Return the gradient to send back from the output.

        Parameters
        ----------
        losses : mapping of str to Tensor
            Scalars that depend on `output`; those of weight 0 are left out.
        output : Tensor
            ``(batch, ...)``, with a gradient.
        scale : mapping of str to float, optional
            Factors on the weights, for losses that are being faded in.

        Returns
        -------
        Tensor
            Of the shape of `output`; pass it to ``output.backward``.
        """
        unknown = sorted(set(losses) - set(self.weights))
        if unknown:
            raise ValueError(f"losses must have weights: {', '.join(unknown)} has none")
        factors = scale or {}
        weights = {n: self.weights[n] * factors.get(n, 1.0) for n in losses}
        weights = {name: weight for name, weight in weights.items() if weight > 0}
        if not weights:
            raise ValueError("losses must hold one of a weight above 0")
        gradients = {
            name: torch.autograd.grad(losses[name], output, retain_graph=True)[0]
            for name in weights
        }
        norms = {name: self._average(name, gradient) for name, gradient in gradients.items()}
        if self.anchor is None:
            total: torch.Tensor | float = self.total_norm / sum(weights.values())
        elif self.anchor in weights:
            total = norms[self.anchor] / weights[self.anchor]
        else:
            raise ValueError(f"losses must hold the anchor {self.anchor!r}")
        mixed = torch.zeros_like(output)
        for name, gradient in gradients.items():
            mixed += total * weights[name] / (norms[name] + _EPSILON) * gradient
        return mixed

    def _average(self, name: str, gradient: torch.Tensor) -> torch.Tensor:
        norm = torch.linalg.vector_norm(gradient.flatten(1), dim=1).mean()
        norm = self._mean(norm)
        before = self._sums.get(name, torch.zeros_like(norm))
        self._sums[name] = self.decay * before + norm
        self._counts[name] = self.decay * self._counts.get(name, 0.0) + 1
        return self._sums[name] / self._counts[name]

    def state_dict(self) -> dict[str, dict[str, torch.Tensor] | dict[str, float]]:
        """Return what a checkpoint needs.

        Returns
        -------
        dict
            For `load_state_dict`.
        """
        return {"sums": dict(self._sums), "counts": dict(self._counts)}

    def load_state_dict(
        self, content: Mapping[str, Mapping[str, object]], device: torch.device
    ) -> None:
        """Go on from a checkpoint.

        Parameters
        ----------
        content : mapping
            What `state_dict` returned.
        device : device
            Where the losses live.
        """
        sums = content["sums"].items()
        self._sums = {n: t.to(device) for n, t in sums if isinstance(t, torch.Tensor)}
        self._counts = {n: c for n, c in content["counts"].items() if isinstance(c, float)}
