"""Several processes that train one model: each takes a part of every batch.

Start the same command under ``torchrun``; `join` finds the others by the environment that it sets.
Gradients are averaged by ``DistributedDataParallel``. Codebooks have no gradients: their sums and
counts are added up over the processes, and what k-means and the renewal of dead entries draw is
drawn alike in each (`ProcessPool`), so that every process holds the same entries. Statistics of
batch normalisation are those of the whole batch (`share_statistics`). A run with several processes
is thus the run of one with the same batch, up to the order of sums.

Left out: models that do not fit into one device's memory.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import distributed, nn

from audiolab.codec._pool import Pool

__all__ = ["ProcessPool", "join", "share_statistics"]


class ProcessPool(Pool):
    """The processes of the default group.

    Parameters
    ----------
    device : device
        Where tensors are added up: the processes' own.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.rank = distributed.get_rank()

    @property
    def size(self) -> int:
        """Number of processes."""
        return distributed.get_world_size()

    def total(self, tensor: torch.Tensor) -> torch.Tensor:
        """Return the sum over the processes.

        Parameters
        ----------
        tensor : Tensor
            This process's part.

        Returns
        -------
        Tensor
            The sum.
        """
        joined = tensor.clone()
        distributed.all_reduce(joined)
        return joined

    def place(self, count: int) -> tuple[int, int]:
        """Return where this process's rows stand among all.

        Parameters
        ----------
        count : int
            Rows of this process.

        Returns
        -------
        first : int
            Rows of the processes before.
        total : int
            Rows of all.
        """
        counts = torch.zeros(self.size, dtype=torch.int64, device=self.device)
        counts[self.rank] = count
        distributed.all_reduce(counts)
        return int(counts[: self.rank].sum()), int(counts.sum())

    def largest(self, number: int) -> int:
        """Return the largest of the processes' numbers.

        Parameters
        ----------
        number : int
            This process's.

        Returns
        -------
        int
            The largest.
        """
        numbers = torch.tensor([number], device=self.device)
        distributed.all_reduce(numbers, distributed.ReduceOp.MAX)
        return int(numbers)

    def first(self, numbers: list[float]) -> list[float]:
        """Return the first process's numbers.

        Parameters
        ----------
        numbers : list of float
            This process's.

        Returns
        -------
        list of float
            As many.
        """
        shared = torch.tensor(numbers, dtype=torch.float64, device=self.device)
        distributed.broadcast(shared, 0)
        return [float(each) for each in shared]


@contextmanager
def join(device: str) -> Iterator[tuple[torch.device, ProcessPool | None]]:
    """Join the processes that ``torchrun`` started, if it did.

    Parameters
    ----------
    device : str
        "cpu", or "cuda" for the GPU that torchrun gave this process.

    Yields
    ------
    device : device
        Where this process computes.
    pool : ProcessPool or None
        The processes; None if this one is alone.
    """
    chosen = torch.device(device)
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield chosen, None
        return
    if chosen.type == "cuda" and chosen.index is None:
        chosen = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(chosen)
    distributed.init_process_group("nccl" if chosen.type == "cuda" else "gloo")
    try:
        yield chosen, ProcessPool(chosen)
    finally:
        distributed.destroy_process_group()


class _SharedStatistics(nn.BatchNorm1d):
    """Batch normalisation whose batch is that of all processes."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalise ``(batch, channels, time)``."""
        if not self.training:
            return super().forward(x)
        count = x.shape[0] * x.shape[2] * distributed.get_world_size()
        mean = _total(x.sum(dim=(0, 2))) / count
        centred = x - mean[:, None]
        variance = _total(centred.square().sum(dim=(0, 2))) / count
        with torch.no_grad():
            assert self.running_mean is not None
            assert self.running_var is not None
            assert self.num_batches_tracked is not None
            self.num_batches_tracked.add_(1)
            weight = 1 / int(self.num_batches_tracked) if self.momentum is None else self.momentum
            self.running_mean.lerp_(mean, weight)
            self.running_var.lerp_(variance * (count / max(count - 1, 1)), weight)
        y: torch.Tensor = centred * torch.rsqrt(variance + self.eps)[:, None]
        return y * self.weight[:, None] + self.bias[:, None] if self.affine else y


def _total(tensor: torch.Tensor) -> torch.Tensor:
    """Return the sum over the processes, with a gradient."""
    total: torch.Tensor = _Total.apply(tensor)
    return total


class _Total(torch.autograd.Function):
    """A sum over the processes; so is its gradient."""

    @staticmethod
    def forward(ctx: object, tensor: torch.Tensor) -> torch.Tensor:
        joined = tensor.clone()
        distributed.all_reduce(joined)
        return joined

    @staticmethod
    def backward(ctx: object, *gradients: torch.Tensor) -> torch.Tensor:
        joined = gradients[0].clone()
        distributed.all_reduce(joined)
        return joined


def share_statistics(module: nn.Module) -> None:
    """Let every batch normalisation in `module` see the items of all processes.

    Parameters
    ----------
    module : Module
        Changed in place; parameters, buffers and their names stay.
    """
    for child in module.modules():
        if isinstance(child, nn.BatchNorm1d):
            kind = type(child)
            # Behind the layer's own class, so that what a subclass adds is still added.
            child.__class__ = type(f"Shared{kind.__name__}", (kind, _SharedStatistics), {})
