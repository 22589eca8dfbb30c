"""After a failure: wait and try again, or give up. One object per request."""

from __future__ import annotations

from typing import Final

from spfc.errors import Disposition, SpfcError, Unreachable
from spfc.graph.governor import Governor, Meter

BACKOFF_FIRST: Final = 1.0
BACKOFF_CEILING: Final = 60.0
THROTTLE_LIMIT: Final = 10
"""How often one request may be told to wait before its caller hears of it."""


class Patience:
    """Counts the failures of one request and waits between tries: exponential backoff with full jitter.

    ``meter`` hears of each time that the service turned the request away.
    """

    def __init__(self, governor: Governor, retries: int, meter: Meter) -> None:
        self._governor = governor
        self._meter = meter
        self._retries = retries
        self._failures = 0
        self._throttles = 0

    def after(self, error: SpfcError) -> None:
        """Return when the request may be sent again; raise ``error`` when that is pointless or was often."""
        if error.disposition is Disposition.WAIT or isinstance(error, Unreachable):
            self._meter.refuse()
        if error.disposition is Disposition.WAIT:
            self._after_throttle(error)
        elif error.disposition is Disposition.RETRY:
            self._failures += 1
            if self._failures > self._retries:
                raise error
            self._governor.sleep(max(error.retry_after or 0.0, self._jitter(self._failures)))
        else:
            raise error

    def _after_throttle(self, error: SpfcError) -> None:
        self._throttles += 1
        # The pause is set even when this caller gives up: the others must not run into the same wall.
        wait = error.retry_after
        self._governor.pause(self._step(self._throttles) if wait is None else wait)
        if self._throttles > THROTTLE_LIMIT:
            raise error

    def _jitter(self, failures: int) -> float:
        return self._governor.rng.uniform(0, self._step(failures))

    @staticmethod
    def _step(count: int) -> float:
        return min(BACKOFF_CEILING, BACKOFF_FIRST * 2.0 ** (count - 1))
