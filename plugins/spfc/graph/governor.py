"""One good guest per tenant and app: a pause that all threads honour, a unit budget, and the bill."""

from __future__ import annotations

import math
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from spfc.errors import Throttled
from spfc.pacing import Bank, LocalBank, Purse, Quota, Standing

RESET_CEILING: Final = 60.0
"""RateLimit-Reset speaks of a one-minute window (Graph reference 10.2): more is not believed."""
LONGEST_WAIT: Final = 1500.0
"""Seconds that are slept through: a run that is silent for longer than 1,800 s would lose its route to another one."""
RAMP_SECONDS: Final = 1.0
"""After a pause the callers start again spread over this time, not all at once (Graph reference 10.3)."""


@dataclass(frozen=True, slots=True)
class Bill:
    """What was sent so far: requests, and the resource units they are worth, by operation."""

    requests: int = 0
    units: int = 0
    refusals: int = 0
    """How often Graph turned us away for now: 429, 503, no connection."""
    requests_by: Mapping[str, int] = field(default_factory=dict)
    units_by: Mapping[str, int] = field(default_factory=dict)


class Meter:
    """Counts requests, units and refusals. Thread safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[str] = Counter()
        self._units: Counter[str] = Counter()
        self._refusals = 0

    def refuse(self) -> None:
        """Count one request that was turned away for now."""
        with self._lock:
            self._refusals += 1

    def add(self, operation: str, units: int) -> None:
        """Count one request of ``units``."""
        with self._lock:
            self._requests[operation] += 1
            self._units[operation] += units

    def bill(self) -> Bill:
        """Return the totals so far."""
        with self._lock:
            requests, units = dict(self._requests), dict(self._units)
        return Bill(sum(requests.values()), sum(units.values()), self._refusals, requests, units)


@dataclass(slots=True)
class _Window:
    """What the service said of its current minute: units left, and when it starts anew."""

    left: int
    until: float


class Governor:
    """The gate every request of one tenant and app goes through. Thread safe.

    A request enters with :meth:`enter` (which waits) and reports what it learned with :meth:`leave`. Clock,
    sleep and randomness are injected. Units come from ``bank``, which may be shared with other processes; without
    one this process has ``units_per_minute`` to itself (None: no limit but the service's own).
    """

    def __init__(
        self,
        *,
        units_per_minute: int | None = None,
        bank: Bank | None = None,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        rng: random.Random | None = None,
        longest_wait: float = LONGEST_WAIT,
    ) -> None:
        self.meter = Meter()
        self.sleep = sleep
        self.rng = rng or random.Random()  # noqa: S311 - spreads callers, guards nothing
        own = Quota(rate=units_per_minute / 60 if units_per_minute else None)
        self._purse = Purse(bank or LocalBank(own, now), now)
        self._now = now
        self._longest_wait = longest_wait
        self._lock = threading.Lock()
        self._window: _Window | None = None
        self._in_flight = 0

    @property
    def standing(self) -> Standing:
        """What the bank last said of the budget: its rate, and what everybody has spent this minute and day."""
        return self._purse.standing

    def enter(self, operation: str, units: int) -> None:
        """Wait until ``units`` may be spent, then count them. Raises Throttled when that is too far away."""
        while True:
            self.hold()
            wait = self._reserve(units) or self._take(units)
            if wait <= 0:
                self.meter.add(operation, units)
                return
            self._wait(wait)

    def hold(self) -> None:
        """Wait while a pause is on; count nothing. Raises Throttled when it is too long to sleep through."""
        paused = False
        while (pause := self._purse.pause_left()) > 0:
            self._wait(pause)
            paused = True
        if paused:
            self.sleep(self.rng.uniform(0, RAMP_SECONDS))

    def leave(
        self, units: int, *, remaining: int | None = None, reset: float | None = None, limit: int | None = None
    ) -> None:
        """Report that a request of ``units`` is over, with the RateLimit headers of its answer if any."""
        if remaining is not None or limit is not None:
            self._purse.warn(limit)
        others = self._purse.standing.others
        with self._lock:
            self._in_flight = max(0, self._in_flight - units)
            if remaining is None or reset is None:
                return
            # Units in flight, and those that other processes hold, may not be in the service's count yet: taking
            # them off twice only errs to the safe side.
            left, until = remaining - self._in_flight - others, self._now() + min(reset, RESET_CEILING)
            window = self._window
            if window is None or window.until <= self._now():
                self._window = _Window(left, until)
            else:
                window.left, window.until = min(window.left, left), max(window.until, until)

    def pause(self, seconds: float) -> None:
        """Stop everybody for ``seconds`` (Graph reference 10.3: after 429 and 503 all requests stop)."""
        self._purse.pause(seconds)

    def close(self) -> None:
        """Give units that were not spent back to those who share the budget. The governor may be used again."""
        self._purse.close()

    def _wait(self, seconds: float) -> None:
        if seconds <= self._longest_wait:
            self.sleep(seconds)
            return
        if self._purse.standing.tomorrow:
            raise Throttled(
                f"The budget of this app for today is spent: {self._purse.standing.day_units:,} units. "
                f"The next day begins in {seconds:.0f} s (midnight UTC).",
                hint="Nothing is lost: what is owed is copied then. Or raise units_per_day of the connection.",
                retry_after=seconds,
            )
        raise Throttled(
            f"Microsoft Graph asks all requests of this app to wait {seconds:.0f} s.",
            hint="Nothing is lost: what is owed is copied by a later run.",
            retry_after=seconds,
        )

    def _take(self, units: int) -> float:
        """Pay for what was reserved and return 0, or undo that and return how long to wait."""
        wait = math.inf
        try:
            wait = self._purse.take(units)
        finally:
            if wait > 0:
                self._cancel(units)
        return wait

    def _reserve(self, units: int) -> float:
        """Put ``units`` in flight and return 0, or return how long the service's own minute still lasts."""
        with self._lock:
            window = self._window
            if window is not None and window.until <= self._now():
                window = self._window = None
            if window is not None and window.left < units:
                return window.until - self._now()
            self._in_flight += units
            if window is not None:
                window.left -= units
        return 0.0

    def _cancel(self, units: int) -> None:
        with self._lock:
            self._in_flight = max(0, self._in_flight - units)
            if self._window is not None:
                self._window.left += units
