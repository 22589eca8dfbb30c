"""Where an account is kept: the promise of a bank, and the one for the threads of a single process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final, Protocol

from spfc.pacing.account import INTERVAL, Account, Quota, Report, Share, Standing, Terms, settle


class Bank(Protocol):
    """Keeps one account for one holder; many banks may keep the same account for many holders."""

    @property
    def interval(self) -> float:
        """Seconds for which an answer is good: a purse asks again no sooner, except to announce a pause."""

    def exchange(self, report: Report) -> Standing:
        """Book a report and answer it, at once for all who share the account. May raise what the keeper raises."""


_ME: Final = "me"


class LocalBank:
    """An account of this process alone: each payment is asked for, nothing is lent in advance. Thread safe.

    Without a limit there is nothing to ask for but what was counted: once a second is enough.
    ``clock`` is any clock in seconds; only one that counts from 1970 makes the day begin at midnight UTC.
    """

    def __init__(self, quota: Quota, clock: Callable[[], float] = time.time) -> None:
        self._quota, self._clock = quota, clock
        self.interval = INTERVAL if quota.rate is None else 0.0
        self._account = Account()
        self._shares: dict[str, Share] = {}
        self._lock = threading.Lock()

    def exchange(self, report: Report) -> Standing:
        """Book a report and answer it."""
        with self._lock:
            self._account, self._shares, standing = settle(
                self._account, self._shares, _ME, report, self._quota, Terms(), self._clock()
            )
            return standing
