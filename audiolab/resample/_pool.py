"""A job in pieces for several threads: every thread takes the next piece until none is left.

torch splits each operation between its threads and waits for all of them before the next. That
is fast while no one else wants the processor: as soon as one thread has to wait for its turn, all
of them do, thousands of times a second. Here whole pieces of a job are handed out, by Python
threads, and there is one wait at the end. A thread that gets no processor takes no piece, and when
one loses it with a piece in its hands, another thread computes that piece again: whoever is first
stores it. So two threads are hardly ever slower than one.

What the pieces are must not depend on the number of threads: then the result does not either.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import AbstractContextManager
from itertools import count
from typing import Any, TypeAlias

import torch
import torch.autograd.forward_ad

__all__ = ["run"]

#: How long to wait for the last pieces in other hands before computing them again.
_PATIENCE_S = 3e-4

_lock = threading.Lock()
_pool: tuple[int, ThreadPoolExecutor] | None = None


def run(
    compute: Callable[[int], Any],
    store: Callable[[int, Any], None],
    num_pieces: int,
    *,
    by_torch: bool,
) -> None:
    """Call ``store(i, compute(i))`` for all pieces i, on `torch.get_num_threads` threads.

    `compute` may be called twice for one piece, even after the return of this function, and must
    write to nothing that lasts; `store` is called once.

    Operations of torch (`by_torch`) leave all of the pieces to threads in which torch uses one
    thread only, as changing that setting in the caller's thread would change it for others.
    """
    threads = torch.get_num_threads()
    if threads == 1 or (num_pieces == 1 and not by_torch):
        for piece in range(num_pieces):
            store(piece, compute(piece))
        return
    job = _Job(compute, store, num_pieces)
    pool = _executor(threads)
    for _ in range(min(threads, num_pieces) - (not by_torch)):
        pool.submit(job.work)
    if not by_torch:
        job.work()
    job.join()


_Mode: TypeAlias = Callable[[bool], AbstractContextManager[Any]]
_set_forward_mode: _Mode = torch.autograd.forward_ad._set_fwd_grad_enabled


def _without_tangents() -> AbstractContextManager[Any]:
    return _set_forward_mode(False)


class _Job:
    """Pieces, and who has done which."""

    def __init__(
        self, compute: Callable[[int], Any], store: Callable[[int, Any], None], num_pieces: int
    ) -> None:
        self.compute, self.store, self.num_pieces = compute, store, num_pieces
        self.inference = torch.is_inference_mode_enabled()
        self.numbers = count()
        self.claimed = [False] * num_pieces
        self.num_left = num_pieces
        self.lock, self.rescue = threading.Lock(), threading.Lock()
        self.done = threading.Event()
        self.error: BaseException | None = None

    def work(self) -> None:
        """Do pieces until there are none; the first to run out also cares for what others hold."""
        try:
            # A thread of the pool has modes of its own: without these it would see tangents that
            # the caller, inside an autograd function, does not.
            with torch.inference_mode(self.inference), torch.no_grad(), _without_tangents():
                while (piece := next(self.numbers)) < self.num_pieces:  # next() is atomic
                    self.attempt(piece)
                if not self.rescue.acquire(blocking=False):
                    return
                for piece in range(self.num_pieces):
                    if not self.claimed[piece]:
                        if self.done.wait(_PATIENCE_S):
                            return
                        self.attempt(piece)
        except BaseException as error:  # the caller's to raise, whoever met it
            self.error = error
            self.done.set()

    def attempt(self, piece: int) -> None:
        """Compute a piece and store it, unless it is done or someone else comes first."""
        if self.claimed[piece]:
            return
        result = self.compute(piece)
        with self.lock:
            if self.claimed[piece]:
                return
            self.claimed[piece] = True
        self.store(piece, result)
        with self.lock:
            self.num_left -= 1
            if self.num_left == 0:
                self.done.set()

    def join(self) -> None:
        """Wait until all pieces are stored."""
        self.done.wait()
        if self.error is not None:
            raise self.error


def _executor(threads: int) -> ThreadPoolExecutor:
    """Return a pool of at least so many threads, each of them with torch on one thread."""
    global _pool
    with _lock:
        if _pool is None or _pool[0] < threads:
            pool = ThreadPoolExecutor(threads, "audiolab-resample", initializer=_alone)
            started = threading.Barrier(threads)
            wait([pool.submit(started.wait) for _ in range(threads)])
            # The last to set the number also sets what threads yet to come begin with.
            torch.set_num_threads(threads)
            _pool = (threads, pool)
        return _pool[1]


def _alone() -> None:
    """Have torch use one thread only, when it is called in this one."""
    torch.get_num_threads()  # else its first operation here would take over the caller's number
    torch.set_num_threads(1)


def _forget() -> None:
    """Begin without threads in a forked process, which has none of its parent's."""
    global _pool, _lock
    _pool, _lock = None, threading.Lock()


os.register_at_fork(after_in_child=_forget)
