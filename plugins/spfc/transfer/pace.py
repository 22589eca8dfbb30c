"""Keep the number of jobs at once where it is worth most, from what the threads that work report."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from spfc.transfer.width import Done, Phase, Width

log = logging.getLogger("spfc.transfer")


class Pace:
    """How many jobs may be under way now, never more than ``ceiling``. Thread safe.

    ``refusals`` returns how often a service has turned us away so far (429, 503, no connection); it is asked whenever
    something ends. ``clock`` is any clock in seconds that never goes back.
    """

    def __init__(
        self, ceiling: int, refusals: Callable[[], int] = int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._width, self._refusals, self._clock = Width(ceiling, clock()), refusals, clock
        self._lock = threading.Lock()
        self._files = self._size = 0
        self._wider: Callable[[], None] = lambda: None

    @property
    def limit(self) -> int:
        """How many jobs may be under way."""
        return self._width.limit

    def when_wider(self, call: Callable[[], None]) -> None:
        """Call this whenever the limit has grown, in the thread that made it grow."""
        self._wider = call

    def moved(self, size: int) -> None:
        """Note bytes that have arrived."""
        self._note(0, size)

    def ended(self) -> None:
        """Note a job that has ended, in whatever way."""
        self._note(1, 0)

    def _note(self, files: int, size: int) -> None:
        refusals = self._refusals()
        with self._lock:
            self._files += files
            self._size += size
            before = self._width.limit
            self._width.look(self._clock(), Done(self._files, self._size, refusals))
            limit, phase = self._width.limit, self._width.phase
        if limit < before and phase is Phase.RECOVER:
            log.warning("A service turns us away: %d files at once instead of %d.", limit, before)
        elif limit != before:
            log.debug("%d files at once instead of %d (%s).", limit, before, phase)
        if limit > before:
            self._wider()
