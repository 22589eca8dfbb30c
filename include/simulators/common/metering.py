"""Resource units: what a request costs and when a caller is told to wait."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from simulators.common.clock import Clock

WINDOW_S = 60.0
"""Length of the accounting window (Graph reference 10.1: units per minute and app)."""
HEADERS_FROM = 0.8
"""Share of the limit from which RateLimit headers appear (Graph reference 10.2)."""


@dataclass(slots=True)
class OperationCount:
    """Totals of one operation."""

    calls: int = 0
    units: int = 0
    throttled: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a call may pass; `retry_after` is in whole seconds, 0 when it may."""

    allowed: bool
    retry_after: int
    headers: Mapping[str, str]


@dataclass(slots=True)
class _Window:
    start: float
    used: int = 0
    fence: float = 0.0


@dataclass(slots=True)
class UnitMeter:
    """Counts units per key (tenant and app) and minute; `units_per_minute` None = count only.

    A refused call counts too (Graph reference 10.2): what was asked for above the limit is taken from the
    next minute, at most one minute's worth. `sent_while_fenced` counts the calls made before an earlier
    Retry-After had passed; a good guest keeps it at 0.
    """

    clock: Clock
    units_per_minute: int | None = None
    counters: dict[str, OperationCount] = field(default_factory=dict)
    sent_while_fenced: int = 0
    _windows: dict[str, _Window] = field(default_factory=dict)

    def charge(self, key: str, operation: str, units: int) -> Verdict:
        """Count one call of `units` and say whether it may pass."""
        counter = self.counters.setdefault(operation, OperationCount())
        counter.calls += 1
        counter.units += units
        limit = self.units_per_minute
        if limit is None:
            return Verdict(True, 0, {})
        now = self.clock.now()
        window = self._window(key, now, limit)
        window.used += units
        if now < window.fence:
            self.sent_while_fenced += 1
        reset = max(1, math.ceil(window.start + WINDOW_S - now))
        headers: dict[str, str] = {}
        if window.used >= HEADERS_FROM * limit:
            remaining = max(0, limit - window.used)
            headers = {
                "RateLimit-Limit": str(limit),
                "RateLimit-Remaining": str(remaining),
                "RateLimit-Reset": str(reset),
            }
        if window.used <= limit and now >= window.fence:
            return Verdict(True, 0, headers)
        counter.throttled += 1
        window.fence = max(window.fence, now + reset)
        headers["Retry-After"] = str(max(reset, math.ceil(window.fence - now)))
        return Verdict(False, int(headers["Retry-After"]), headers)

    def _window(self, key: str, now: float, limit: int) -> _Window:
        window = self._windows.get(key)
        if window is None:
            window = self._windows[key] = _Window(now)
        passed = math.floor((now - window.start) / WINDOW_S)
        if passed > 0:
            # What was asked for above the limit burdens the minutes that follow.
            window.used = min(limit, max(0, window.used - passed * limit))
            window.start += passed * WINDOW_S
        return window

    def snapshot(self) -> dict[str, object]:
        """Return totals for the metrics page."""
        return {
            "limit_per_minute": self.units_per_minute,
            "units": sum(c.units for c in self.counters.values()),
            "throttled": sum(c.throttled for c in self.counters.values()),
            "sent_while_fenced": self.sent_while_fenced,
            "operations": {
                name: {"calls": c.calls, "units": c.units, "throttled": c.throttled}
                for name, c in sorted(self.counters.items())
            },
        }
