"""When an item that failed may be tried again, so that a poisoned one never burdens every run."""

from __future__ import annotations

WAITS = (0.0, 600.0, 3_600.0, 21_600.0, 86_400.0)
"""Seconds to wait after the first, second, ... failure in a row; the last one repeats. The first retry is free:
most failures are gone in the next run."""


def wait_after(attempts: int) -> float:
    """Return the seconds to wait after ``attempts`` failures in a row (at least one)."""
    return WAITS[min(attempts, len(WAITS)) - 1]
