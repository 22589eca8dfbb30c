"""Threads that take jobs from one queue: started when there is work for them, never more at it than is wanted now."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Ended(Generic[Result]):
    """How one job ended: with results (one, or none when it was not begun), or with an error."""

    results: tuple[Result, ...] = ()
    error: BaseException | None = None


class Crew(Generic[Job, Result]):
    """Does ``work`` on jobs in the order in which they are put. Driven by one thread; close it.

    ``limit`` is asked before each job: so many may be under way then. Nothing is begun any more when ``stop`` says so,
    or after an error: jobs that are still queued end without a result.
    """

    def __init__(self, work: Callable[[Job], Result], limit: Callable[[], int], stop: Callable[[], bool]) -> None:
        self._work, self._limit, self._stop = work, limit, stop
        self._room = threading.Condition()
        self._jobs: deque[Job] = deque()
        self._ended: SimpleQueue[Ended[Result]] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._active = 0
        self._failed = self._closed = False

    def put(self, job: Job) -> None:
        """Queue a job."""
        with self._room:
            self._jobs.append(job)
            self._staff()
            self._room.notify()

    def widen(self) -> None:
        """Let more threads work: the limit has grown."""
        with self._room:
            self._staff()
            self._room.notify_all()

    def drop(self) -> int:
        """Forget the jobs that were not begun; return how many."""
        with self._room:
            dropped = len(self._jobs)
            self._jobs.clear()
        return dropped

    def gather(self, under_way: int, seconds: float) -> list[Ended[Result]]:
        """Wait for a job to end and ``seconds`` longer for more, but not for more than are ``under_way``."""
        ended = [self._ended.get()]
        deadline = time.monotonic() + seconds
        while len(ended) < under_way:
            try:
                ended.append(self._ended.get(timeout=max(0.0, deadline - time.monotonic())))
            except Empty:
                break
        return ended

    def close(self) -> None:
        """Forget what was not begun and wait for the rest."""
        with self._room:
            self._closed = True
            self._jobs.clear()
            self._room.notify_all()
        for thread in self._threads:
            thread.join()

    def _staff(self) -> None:
        while len(self._threads) < min(self._limit(), self._active + len(self._jobs)):
            thread = threading.Thread(target=self._run, name=f"copy_{len(self._threads)}")
            self._threads.append(thread)
            thread.start()

    def _run(self) -> None:
        while True:
            with self._room:
                while not self._closed and (not self._jobs or self._active >= self._limit()):
                    self._room.wait()
                if self._closed:
                    return
                job = self._jobs.popleft()
                self._active += 1
            ended = self._do(job)
            with self._room:
                self._active -= 1
            self._ended.put(ended)

    def _do(self, job: Job) -> Ended[Result]:
        try:
            return Ended() if self._failed or self._stop() else Ended((self._work(job),))
        except BaseException as error:  # noqa: BLE001  # raised again in the thread that drives the crew
            self._failed = True
            return Ended(error=error)
