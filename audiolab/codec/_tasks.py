"""Work that waits for other work, on a few threads.

The compiled loops hold no lock while they run, so plain threads use as many cores. Whatever the
threads, each task does the same, so results don't depend on their number.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from threading import Condition, Thread

__all__ = ["Task", "run_tasks"]


class Task:
    """A call and what must be done before it.

    Parameters
    ----------
    call : callable
        Takes the number of the thread it runs on.
    after : sequence of Task
        What it waits for; all of it is listed before it.
    """

    def __init__(self, call: Callable[[int], None], after: Sequence[Task] = ()) -> None:
        self.call = call
        self.waits = len(after)
        self.then: list[Task] = []
        self.place = 0
        for task in after:
            task.then.append(self)

    def __lt__(self, other: Task) -> bool:
        return self.place < other.place


def run_tasks(tasks: Sequence[Task], threads: int) -> None:
    """Run all tasks, the earlier in the list the sooner.

    Parameters
    ----------
    tasks : sequence of Task
        In an order in which they could run one by one.
    threads : int
        How many run at a time, the calling thread's among them.

    Raises
    ------
    BaseException
        What the first task that failed has raised; those not yet begun are left.
    """
    if threads == 1:
        for task in tasks:
            task.call(0)
        return
    for place, task in enumerate(tasks):
        task.place = place
    ready = [task for task in tasks if task.waits == 0]
    left, failures = len(tasks), list[BaseException]()
    changed = Condition()

    def work(number: int) -> None:
        nonlocal left
        while True:
            with changed:
                while not ready and left and not failures:
                    changed.wait()
                if not left or failures:
                    return
                task = heapq.heappop(ready)
            try:
                task.call(number)
            except BaseException as error:  # raised again by the caller's thread
                with changed:
                    failures.append(error)
                    changed.notify_all()
                return
            with changed:
                left -= 1
                for following in task.then:
                    following.waits -= 1
                    if following.waits == 0:
                        heapq.heappush(ready, following)
                changed.notify_all()

    others = [Thread(target=work, args=(n,), daemon=True) for n in range(1, threads)]
    for thread in others:
        thread.start()
    work(0)
    for thread in others:
        thread.join()
    if failures:
        raise failures[0]
