"""What a long copy has done so far: files, bytes, rate and time left, as one line now and then."""

from __future__ import annotations

import threading
from collections.abc import Callable

from spfc.wording import duration, plural, size

REPORT_SECONDS = 10.0
"""How often a progress line is written."""


class Progress:
    """Counts files and bytes from many threads and speaks up every :data:`REPORT_SECONDS`.

    ``at_once`` returns how many files are copied at the same time, None where nobody asks.
    """

    def __init__(
        self,
        files: int,
        octets: int,
        clock: Callable[[], float],
        say: Callable[[str], None],
        at_once: Callable[[], int] | None = None,
    ) -> None:
        self._files, self._size = files, octets
        self._clock, self._say, self._at_once = clock, say, at_once
        self._started = self._spoke = clock()
        self._lock = threading.Lock()
        self.files_done = 0
        self.bytes_done = 0

    def add_bytes(self, count: int) -> None:
        """Note bytes that have reached the target."""
        with self._lock:
            self.bytes_done += count
            due = self._clock() - self._spoke >= REPORT_SECONDS
            if due:
                self._spoke = self._clock()
        if due:
            self._say(self.line())

    def add_file(self) -> None:
        """Note a file that has ended, in whatever way."""
        with self._lock:
            self.files_done += 1

    @property
    def seconds(self) -> float:
        """Time since the start."""
        return max(self._clock() - self._started, 1e-6)

    def line(self) -> str:
        """Return the progress in one line."""
        rate = self.bytes_done / self.seconds
        left = (self._size - self.bytes_done) / rate if rate else 0.0
        at_once = f", {self._at_once()} at once" if self._at_once else ""
        return (
            f"{self.files_done:,} of {plural(self._files, 'file')}, {size(self.bytes_done)} of {size(self._size)}, "
            f"{size(rate)}/s, about {duration(max(left, 0))} left{at_once}"
        )
