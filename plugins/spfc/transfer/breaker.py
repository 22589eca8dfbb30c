"""Notice that trouble is not about single files: the target is full, or a service is down."""

from __future__ import annotations

import threading
from collections.abc import Callable

from spfc.errors import Disposition, QuotaFull, ServiceError, SpfcError

QUOTA_STRIKES = 3
"""Files in a row for which the target has no room, before no further one is begun."""
SERVICE_STRIKES = 5
"""Files in a row that fail because of a service, each after its own patience, before the transfer stops."""


class Breaker:
    """Counts what ends copies, in the order in which they end. Thread safe.

    ``stop`` is called once, when a service is down. A copy that succeeds breaks both rows; trouble with an item shows
    that the services answer, so it breaks the row of services, and so does a service that asks for a rest.
    """

    def __init__(self, stop: Callable[[], None], *, quota_strikes: int = 0) -> None:
        """``quota_strikes`` is how many files were refused for want of room by those who worked before us."""
        self._stop = stop
        self._lock = threading.Lock()
        self._quota, self._service = quota_strikes, 0
        self._full = quota_strikes >= QUOTA_STRIKES
        self._down: ServiceError | None = None

    @property
    def full(self) -> bool:
        """Whether the target has no room: nothing further is to be uploaded."""
        return self._full

    @property
    def down(self) -> ServiceError | None:
        """The trouble that stopped the transfer, None while it may go on."""
        return self._down

    def note(self, error: SpfcError | None) -> None:
        """Note how a copy ended; None: well."""
        with self._lock:
            self._quota = self._quota + 1 if isinstance(error, QuotaFull) else (self._quota if error else 0)
            self._full = self._full or self._quota >= QUOTA_STRIKES
            if not isinstance(error, ServiceError) or error.disposition is not Disposition.RETRY:
                self._service = 0
                return
            self._service += 1
            if self._service < SERVICE_STRIKES or self._down is not None:
                return
            self._down = error
        self._stop()
