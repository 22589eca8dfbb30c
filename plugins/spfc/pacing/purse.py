"""What one process may spend without asking: a lease of units, good for a moment, shared by its threads."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

from spfc.pacing.account import Report, Standing
from spfc.pacing.bank import Bank


class Purse:
    """Pays units out of leases from a bank. Thread safe; never sleeps. ``now`` is a monotonic clock in seconds.

    The bank is asked at most once per ``bank.interval`` while units are wanted, not at all while none are, and at once
    to announce a pause. So what others announce is known here within one interval.
    """

    def __init__(self, bank: Bank, now: Callable[[], float] = time.monotonic) -> None:
        self._bank, self._now = bank, now
        self._lock = threading.Lock()
        self._standing = Standing()
        self._asked_at = -math.inf
        self._left = 0.0
        self._leased = 0
        self._spent = 0
        self._paused_until = -math.inf
        self._limit: int | None = None
        self._warned = False

    @property
    def standing(self) -> Standing:
        """The bank's last answer."""
        with self._lock:
            return self._standing

    def take(self, units: int) -> float:
        """Pay ``units`` and return 0; or return the seconds until asking again makes sense."""
        with self._lock:
            self._ask_if_due(units)
            pause = self._paused_until - self._now()
            if pause > 0:
                return pause
            if units <= self._left:
                self._left -= units
                self._spent += units
                return 0.0
            if self._standing.tomorrow:
                return self._standing.tomorrow
            return max(self._standing.wait, self._asked_at + self._bank.interval - self._now(), 1e-6)

    def pause_left(self) -> float:
        """Return the seconds that nobody may ask the service, 0 or less when everybody may."""
        with self._lock:
            # Without an interval each payment asks anyhow.
            if self._bank.interval:
                self._ask_if_due(0)
            return self._paused_until - self._now()

    def pause(self, seconds: float) -> None:
        """Keep everybody away for ``seconds``: known to all who ask the bank from the return of this call on."""
        with self._lock:
            self._paused_until = max(self._paused_until, self._now() + seconds)
            self._ask(Report(want=0, pause=seconds))

    def warn(self, limit: int | None) -> None:
        """Note that the service says its limit is near, and which one; told to the bank with the next question."""
        with self._lock:
            self._limit = limit or self._limit
            self._warned = self._warned or limit is None

    def close(self) -> None:
        """Give back what was not spent. The purse may be used again."""
        with self._lock:
            if self._spent or self._leased:
                self._ask(Report(leave=True))
                self._asked_at = -math.inf

    def _ask_if_due(self, want: int) -> None:
        now = self._now()
        if now - self._asked_at >= self._bank.interval and now >= self._paused_until:
            self._ask(Report(want=want))

    def _ask(self, report: Report) -> None:
        full = Report(
            leased=self._leased, spent=self._spent, want=report.want, leave=report.leave, pause=report.pause,
            limit=self._limit, warned=self._warned,
        )  # fmt: skip
        standing = self._bank.exchange(full)
        self._standing, self._asked_at = standing, self._now()
        self._left = standing.granted
        self._leased = 0 if math.isinf(standing.granted) else int(standing.granted)
        self._spent, self._limit, self._warned = 0, None, False
        self._paused_until = max(self._paused_until, self._asked_at + standing.pause)
