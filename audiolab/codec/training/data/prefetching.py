"""Batches made ahead of time by threads, for a device that is faster than one core makes them.

Since a batch is a pure function of its step, making it early changes nothing: a run with this is
the same run. What takes time (transforms, resampling, reading) leaves Python's lock, so threads
suffice.
"""

from __future__ import annotations

import concurrent.futures
from typing import Self

import torch

from audiolab._validation import check_positive
from audiolab.codec.training.sources import BatchSource

__all__ = ["Prefetched"]


class Prefetched:
    """A source whose next steps are being made while this one is used.

    Parameters
    ----------
    source : BatchSource
        Where batches come from; it must bear being called from several threads.
    threads : int, default: 4
        How many items are made at a time.
    ahead : int, default: 2
        How many steps are made in advance.

    Examples
    --------
    >>> from audiolab.codec.training.sources import WaveformSource
    >>> source = WaveformSource([torch.arange(9.0)[None]], num_samples=4)
    >>> with Prefetched(source, threads=2) as quick:
    ...     torch.equal(quick(0, range(2)), source(0, range(2)))
    True
    """

    def __init__(self, source: BatchSource, *, threads: int = 4, ahead: int = 2) -> None:
        check_positive(threads, "threads")
        check_positive(ahead, "ahead")
        self.source = source
        self.ahead = ahead
        self._pool = concurrent.futures.ThreadPoolExecutor(threads, "training-data")
        self._made: dict[tuple[int, range], list[concurrent.futures.Future[torch.Tensor]]] = {}

    def __call__(self, step: int, items: range) -> torch.Tensor:
        """Return some items of a step's batch, and begin those of the next steps.

        Parameters
        ----------
        step : int
            The step.
        items : range
            Which items.

        Returns
        -------
        Tensor
            What the source gives.
        """
        wanted = [(number, items) for number in range(step, step + self.ahead + 1)]
        for key in [key for key in self._made if key not in wanted]:
            for future in self._made.pop(key):
                future.cancel()
        for key in wanted:
            if key not in self._made:
                self._made[key] = [
                    self._pool.submit(self.source, key[0], range(item, item + 1)) for item in items
                ]
        return torch.cat([future.result() for future in self._made.pop(wanted[0])])

    def close(self) -> None:
        """Stop the threads."""
        self._pool.shutdown(cancel_futures=True)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *details: object) -> None:
        """Stop the threads."""
        self.close()
