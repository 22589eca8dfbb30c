"""What a long copy has done so far: files, bytes, rate and time left, as one line now and then."""

from __future__ import annotations

import threading
from collections.abc import Callable

REPORT_SECONDS = 10.0
"""How often a progress line is written."""


class Progress:
    """Counts files and bytes from many threads and speaks up every :data:`REPORT_SECONDS`.

    ``at_once`` returns how many files are copied at the same time, None where nobody asks.
    """

    def __init__(
        self,
        files: int,
        size: int,
        clock: Callable[[], float],
        say: Callable[[str], None],
        at_once: Callable[[], int] | None = None,
    ) -> None:
        self._files, self._size = files, size
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
            f"{self.files_done} of {self._files} files, {human_bytes(self.bytes_done)} of {human_bytes(self._size)}, "
            f"{human_bytes(rate)}/s, about {human_seconds(max(left, 0))} left{at_once}"
        )


def human_bytes(count: float) -> str:
    """Return a size for people, in powers of 1024."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(count) < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def human_seconds(seconds: float) -> str:
    """Return a duration for people."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
