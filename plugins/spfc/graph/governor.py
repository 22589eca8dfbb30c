"""One good guest per tenant and app: a pause that all threads honour, a unit budget, and the bill."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from spfc.errors import Throttled

RESET_CEILING: Final = 60.0
"""RateLimit-Reset speaks of a one-minute window (Graph reference 10.2): more is not believed."""
RAMP_SECONDS: Final = 1.0
"""After a pause the callers start again spread over this time, not all at once (Graph reference 10.3)."""


@dataclass(frozen=True, slots=True)
class Bill:
    """What was sent so far: requests, and the resource units they are worth, by operation."""

    requests: int = 0
    units: int = 0
    requests_by: Mapping[str, int] = field(default_factory=dict)
    units_by: Mapping[str, int] = field(default_factory=dict)


class Meter:
    """Counts requests and units. Thread safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[str] = Counter()
        self._units: Counter[str] = Counter()

    def add(self, operation: str, units: int) -> None:
        """Count one request of ``units``."""
        with self._lock:
            self._requests[operation] += 1
            self._units[operation] += units

    def bill(self) -> Bill:
        """Return the totals so far."""
        with self._lock:
            return Bill(self._requests.total(), self._units.total(), dict(self._requests), dict(self._units))


class Fence(Protocol):
    """The seam for a pause that is shared further than this process (the ledger's budget rows)."""

    def remaining(self) -> float:
        """Return the seconds until anybody may ask again, 0 or less when they may now."""

    def extend(self, seconds: float) -> None:
        """Keep everybody away for at least ``seconds`` from now; never shortens a pause."""


class LocalFence:
    """A fence for the threads of this process. ``now`` is a monotonic clock in seconds."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._until = float("-inf")
        self._lock = threading.Lock()

    def remaining(self) -> float:
        """Return the seconds until anybody may ask again."""
        with self._lock:
            return self._until - self._now()

    def extend(self, seconds: float) -> None:
        """Keep everybody away for at least ``seconds`` from now."""
        with self._lock:
            self._until = max(self._until, self._now() + seconds)


@dataclass(slots=True)
class _Window:
    """What the service said of its current minute: units left, and when it starts anew."""

    left: int
    until: float


class Governor:
    """The gate every request of one tenant and app goes through. Thread safe.

    A request enters with :meth:`enter` (which waits) and reports what it learned with :meth:`leave`. Clock,
    sleep and randomness are injected. ``units_per_minute`` None means: no limit but the service's own.
    """

    def __init__(
        self,
        *,
        units_per_minute: int | None = None,
        fence: Fence | None = None,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        rng: random.Random | None = None,
        longest_wait: float = 3600.0,
    ) -> None:
        self.meter = Meter()
        self.fence: Fence = fence or LocalFence(now)
        self.sleep = sleep
        self.rng = rng or random.Random()  # noqa: S311 - spreads callers, guards nothing
        self._now = now
        self._longest_wait = longest_wait
        self._lock = threading.Lock()
        self._rate = units_per_minute / 60 if units_per_minute else None
        # One second's worth at once: 20 units for 20 units/s, as Graph reference 10.3 proposes.
        self._burst = max(1.0, self._rate) if self._rate else 0.0
        self._level = self._burst
        self._level_at = now()
        self._window: _Window | None = None
        self._in_flight = 0

    def enter(self, operation: str, units: int) -> None:
        """Wait until ``units`` may be spent, then count them. Raises Throttled when that is too far away."""
        while True:
            self.hold()
            wait = self._take(units)
            if wait <= 0:
                self.meter.add(operation, units)
                return
            self.sleep(wait)

    def hold(self) -> None:
        """Wait while a pause is on; count nothing. Raises Throttled when it is too long to sleep through."""
        paused = False
        while (pause := self.fence.remaining()) > 0:
            self._wait(pause)
            paused = True
        if paused:
            self.sleep(self.rng.uniform(0, RAMP_SECONDS))

    def leave(self, units: int, *, remaining: int | None = None, reset: float | None = None) -> None:
        """Report that a request of ``units`` is over, with the RateLimit headers of its answer if any."""
        with self._lock:
            self._in_flight = max(0, self._in_flight - units)
            if remaining is None or reset is None:
                return
            # Units in flight may not be in the service's count yet: taking them off twice only errs to the
            # safe side.
            left, until = remaining - self._in_flight, self._now() + min(reset, RESET_CEILING)
            window = self._window
            if window is None or window.until <= self._now():
                self._window = _Window(left, until)
            else:
                window.left, window.until = min(window.left, left), max(window.until, until)

    def pause(self, seconds: float) -> None:
        """Stop everybody for ``seconds`` (Graph reference 10.3: after 429 and 503 all requests stop)."""
        self.fence.extend(seconds)

    def _wait(self, seconds: float) -> None:
        if seconds > self._longest_wait:
            raise Throttled(
                f"Microsoft Graph asks all requests of this app to wait {seconds:.0f} s.",
                hint="Let the next run come later, or raise the longest wait.",
                retry_after=seconds,
            )
        self.sleep(seconds)

    def _take(self, units: int) -> float:
        """Take ``units`` off the budgets and return 0, or return how long to wait before asking again."""
        with self._lock:
            now = self._now()
            wait = max(self._window_wait(units, now), self._bucket_wait(units, now))
            if wait <= 0:
                self._in_flight += units
                if self._window is not None:
                    self._window.left -= units
                if self._rate:
                    self._level -= units
            return wait

    def _window_wait(self, units: int, now: float) -> float:
        window = self._window
        if window is None:
            return 0.0
        if window.until <= now:
            self._window = None
            return 0.0
        return window.until - now if window.left < units else 0.0

    def _bucket_wait(self, units: int, now: float) -> float:
        if not self._rate:
            return 0.0
        self._level = min(self._burst, self._level + (now - self._level_at) * self._rate)
        self._level_at = now
        short = min(float(units), self._burst) - self._level
        # A hair more than needed, so that rounding cannot make the next look come a nanosecond early, for
        # ever.
        return short / self._rate + 1e-6 if short > 1e-9 else 0.0
