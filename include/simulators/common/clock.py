"""Time as something that can be handed in, so that tests never wait for it."""

from __future__ import annotations

import threading
import time
from typing import Protocol


class Clock(Protocol):
    """Anything that tells the time in seconds since the epoch (UTC)."""

    def now(self) -> float:
        """Return the current time, seconds since the epoch."""
        ...


class SystemClock:
    """The clock of the machine."""

    def now(self) -> float:
        """Return the machine's time, seconds since the epoch."""
        return time.time()


class FixedClock:
    """A clock that moves only when told; safe to use from several threads."""

    def __init__(self, start: float) -> None:
        self._now = float(start)
        self._lock = threading.Lock()

    def now(self) -> float:
        """Return the time it was last set to, seconds since the epoch."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Move forward by `seconds` (may be negative, to model a clock that was set back)."""
        with self._lock:
            self._now += seconds
