"""Many copies at once: a clean stop, and results handed back in groups."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from spfc.transfer.crew import Crew
from spfc.transfer.pace import Pace

GATHER_SECONDS = 0.05
"""How long an ended job waits for others to be handed back with it: a group costs its listener as much as one."""

Job = TypeVar("Job")
Result = TypeVar("Result")

MOST_PER_WORKER = 4
"""Jobs taken up per worker: the one it is at, and what it may get done while results are gathered."""


def run_jobs(
    jobs: Iterable[Job],
    work: Callable[[Job], Result],
    *,
    workers: int,
    stop: Callable[[], bool],
    pace: Pace | None = None,
) -> Iterator[list[Result]]:
    """Yield the results of ``work`` over all jobs, in groups as they end, never more than ``workers`` under way.

    With a ``pace`` never more than it says. When ``stop`` (called from several threads) says so, no further job is
    begun; those under way are finished. An exception of ``work`` ends everything: jobs under way are awaited, their
    results yielded, then the exception is raised. An exception of ``jobs`` does the same. A caller that stops listening
    (its own error) ends everything but the jobs under way.
    """

    def limit() -> int:
        return workers if pace is None else min(workers, pace.limit)

    def paced(job: Job) -> Result:
        try:
            return work(job)
        finally:
            if pace is not None:
                pace.ended()

    crew = Crew(paced, limit, stop)
    if pace is not None:
        pace.when_wider(crew.widen)
    try:
        yield from _results(iter(jobs), crew, limit, stop)
    finally:
        crew.close()


def _results(
    queue: Iterator[Job], crew: Crew[Job, Result], limit: Callable[[], int], stop: Callable[[], bool]
) -> Iterator[list[Result]]:
    taken = 0
    failure: BaseException | None = None
    while True:
        try:
            while taken < MOST_PER_WORKER * limit() and failure is None and not stop():
                crew.put(next(queue))
                taken += 1
        except StopIteration:
            pass
        except Exception as error:  # noqa: BLE001  # raised again below, when what is under way has ended
            failure = error
        if failure is not None or stop():
            taken -= crew.drop()
        if not taken:
            break
        group = crew.gather(taken, GATHER_SECONDS)
        taken -= len(group)
        failure = failure or next((ended.error for ended in group if ended.error is not None), None)
        results = [result for ended in group for result in ended.results]
        if results:
            yield results
    if failure is not None:
        raise failure


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
