"""Many copies at once: worker threads, a clean stop, and results handed back in groups."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")


def run_jobs(
    jobs: Iterable[Job], work: Callable[[Job], Result], *, workers: int, stop: Callable[[], bool]
) -> Iterator[list[Result]]:
    """Yield the results of ``work`` over all jobs, in groups as they end, never more than ``workers`` under way.

    When ``stop`` says so, no further job is begun; those under way are finished. An exception of ``work`` ends
    everything: jobs under way are awaited, their results yielded, then the exception is raised.
    """
    queue = iter(jobs)
    failure: BaseException | None = None
    with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="copy") as pool:
        running: set[Future[Result]] = set()
        while True:
            while len(running) < 2 * workers and failure is None and not stop():
                job = next(queue, None)
                if job is None:
                    break
                running.add(pool.submit(work, job))
            if not running:
                break
            ended, running = wait(running, return_when=FIRST_COMPLETED)
            results: list[Result] = []
            for future in ended:
                error = future.exception()
                if error is None:
                    results.append(future.result())
                else:
                    failure = failure or error
            if results:
                yield results
    if failure is not None:
        raise failure


class StopSignal:
    """Says when to begin nothing new: after a deadline, or when somebody asked."""

    def __init__(self, clock: Callable[[], float], deadline: float) -> None:
        self._clock, self._deadline = clock, deadline
        self._asked = threading.Event()

    def ask(self) -> None:
        """Ask for a clean stop."""
        self._asked.set()

    def __call__(self) -> bool:
        """Say whether it is time to stop."""
        return self._asked.is_set() or self._clock() >= self._deadline
