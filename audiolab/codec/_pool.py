"""Who learns a codebook: one process, or several that share a batch.

A codebook's learning needs three things of the others: sums over all processes, where a process's
vectors stand among all of them, and the largest of some number. `Pool` is the answer of a process
that is alone; `audiolab.codec.training.distributed` asks the others.
"""

from __future__ import annotations

import torch

__all__ = ["Pool"]


class Pool:
    """A process that is alone."""

    @property
    def size(self) -> int:
        """Number of processes."""
        return 1

    def total(self, tensor: torch.Tensor) -> torch.Tensor:
        """Return the sum over the processes, the same bits in each.

        Parameters
        ----------
        tensor : Tensor
            This process's part, of the same shape in each.

        Returns
        -------
        Tensor
            The sum; may be `tensor` itself.
        """
        return tensor

    def place(self, count: int) -> tuple[int, int]:
        """Return where this process's rows stand if those of all are laid one after the other.

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
        return 0, count

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
        return number
