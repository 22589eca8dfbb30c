"""Many copies at once: worker threads, a clean stop, and results handed back in groups."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

GATHER_SECONDS = 0.05
"""How long an ended job waits for others to be handed back with it: a group costs its listener as much as one."""

Job = TypeVar("Job")
Result = TypeVar("Result")

MOST_PER_WORKER = 2
"""Jobs taken up per worker: the one it is at, and the next."""


def run_jobs(
    jobs: Iterable[Job], work: Callable[[Job], Result], *, workers: int, stop: Callable[[], bool]
) -> Iterator[list[Result]]:
    """Yield the results of ``work`` over all jobs, in groups as they end, never more than ``workers`` under way.

    When ``stop`` says so, no further job is begun; those under way are finished. An exception of ``work`` ends
    everything: jobs under way are awaited, their results yielded, then the exception is raised. An exception of
    ``jobs`` does the same. A caller that stops listening (its own error) ends everything but the jobs under way.
    """
    pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="copy")
    try:
        yield from _results(iter(jobs), lambda job: pool.submit(work, job), most=MOST_PER_WORKER * workers, stop=stop)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _results(
    queue: Iterator[Job], submit: Callable[[Job], Future[Result]], *, most: int, stop: Callable[[], bool]
) -> Iterator[list[Result]]:
    running: set[Future[Result]] = set()
    failure: BaseException | None = None
    while True:
        try:
            while len(running) < most and failure is None and not stop():
                running.add(submit(next(queue)))
        except StopIteration:
            pass
        except Exception as error:  # noqa: BLE001  # raised again below, when what is under way has ended
            failure = error
        if failure is not None or stop():
            running = {future for future in running if not future.cancel()}
        if not running:
            break
        ended, running = _gather(running)
        results, errors = _split(ended)
        failure = failure or next(iter(errors), None)
        if results:
            yield results
    if failure is not None:
        raise failure


def _gather(running: set[Future[Result]]) -> tuple[set[Future[Result]], set[Future[Result]]]:
    """Wait for the first to end and a moment for more; return those that have ended, and the others."""
    ended, left = wait(running, return_when=FIRST_COMPLETED)
    if left:
        more, left = wait(left, timeout=GATHER_SECONDS)
        ended |= more
    return ended, left


def _split(ended: Iterable[Future[Result]]) -> tuple[list[Result], list[BaseException]]:
    results: list[Result] = []
    errors: list[BaseException] = []
    for future in ended:
        error = future.exception()
        if error is None:
            results.append(future.result())
        else:
            errors.append(error)
    return results, errors


class StopSignal:
    """Says when to begin nothing new: after a deadline, or when somebody asked."""

    def __init__(self, clock: Callable[[], float], deadline: float) -> None:
        self._clock, self._deadline = clock, deadline
        self._asked = threading.Event()
        self.hurried = False

    def ask(self) -> None:
        """Ask for a clean stop: nothing new is begun."""
        self._asked.set()

    def hurry(self) -> None:
        """Ask for a stop that does not wait for big files: they go on in another try, where they stopped."""
        self.hurried = True
        self._asked.set()

    def __call__(self) -> bool:
        """Say whether it is time to stop."""
        return self._asked.is_set() or self._clock() >= self._deadline
