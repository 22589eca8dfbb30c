"""Time that passes only when everybody sleeps: ten minutes of many threads in as long as their work takes."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable


class VirtualTime:
    """A clock and a sleep for worker threads, of which exactly one runs at a time. Same work, same order, same times.

    Everybody who calls :meth:`sleep` must have been started by :meth:`run`; others may read :meth:`now`.
    """

    def __init__(self, start: float) -> None:
        self._now = start
        self._lock = threading.Lock()
        self._sleepers: list[tuple[float, int, threading.Event]] = []
        self._count = 0
        self._failures: list[BaseException] = []

    def now(self) -> float:
        """Return the seconds since the epoch."""
        return self._now

    def sleep(self, seconds: float) -> None:
        """Let ``seconds`` pass, and others run meanwhile."""
        mine = self._lie_down(seconds)
        self._wake_next()
        mine.wait()

    def run(self, workers: list[Callable[[], None]]) -> None:
        """Run all workers to their end. Raises the first exception of any of them."""
        threads = [threading.Thread(target=self._work, args=(work, self._lie_down(0.0))) for work in workers]
        for thread in threads:
            thread.start()
        self._wake_next()
        for thread in threads:
            thread.join()
        if self._failures:
            raise self._failures[0]

    def _work(self, work: Callable[[], None], begin: threading.Event) -> None:
        begin.wait()
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - raised again by run, in the caller's thread
            self._failures.append(error)
        finally:
            self._wake_next()

    def _lie_down(self, seconds: float) -> threading.Event:
        bed = threading.Event()
        with self._lock:
            self._count += 1
            heapq.heappush(self._sleepers, (self._now + max(0.0, seconds), self._count, bed))
        return bed

    def _wake_next(self) -> None:
        with self._lock:
            if not self._sleepers:
                return
            moment, _, bed = heapq.heappop(self._sleepers)
            self._now = max(self._now, moment)
        bed.set()
