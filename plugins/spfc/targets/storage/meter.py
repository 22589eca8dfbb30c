"""Counts what a storage is asked and how often it turns us away."""

from __future__ import annotations

import threading

_TURNED_AWAY = frozenset({0, 408, 429, 503})
"""Status of answers that ask for patience; 0 is a connection that failed."""


class Meter:
    """Counts of one storage, which all targets in it and all their threads share.

    ``calls``: requests sent so far, repetitions included; of a local folder, operations. ``refusals``: answers 408, 429
    and 503, and connections that failed.
    """

    def __init__(self) -> None:
        self.calls = 0
        self.refusals = 0
        self._lock = threading.Lock()

    def sent(self) -> None:
        """Count a request."""
        with self._lock:
            self.calls += 1

    def answered(self, status: int) -> None:
        """Count the answer, 0 for none, if it is a refusal."""
        if status in _TURNED_AWAY:
            with self._lock:
                self.refusals += 1
