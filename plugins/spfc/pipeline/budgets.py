"""The shared budgets of one task: units of the tenant and app, bandwidth of the route, kept in the ledger."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from spfc.graph.governor import Governor
from spfc.graph.settings import GraphSettings
from spfc.ledger.budgets import LedgerBank, digest
from spfc.ledger.database import Database
from spfc.pacing import Purse, Quota
from spfc.routes import Route
from spfc.transfer.bandwidth import KIB, MIB, Bandwidth, PacedSource

if TYPE_CHECKING:
    from spfc.sources.base import Source

log = logging.getLogger("spfc.budget")

PIECE = 60.0
"""Seconds of one sleep."""


class Budgets:
    """Makes what a task needs of shared budgets, and gives back at its end what was not used.

    ``beat`` is called at least every :data:`PIECE` seconds of waiting: who waits has not died.
    """

    def __init__(self, database: Database, beat: Callable[[], None]) -> None:
        self._database, self._beat = database, beat
        self._governors: list[Governor] = []
        self._purses: list[Purse] = []

    def governor(self, settings: GraphSettings) -> Governor:
        """Return the gate of this tenant and app, which all workers share through the ledger."""
        bank = LedgerBank(self._database, digest("graph", *settings.shared_key), settings.quota)
        governor = Governor(bank=bank, longest_wait=settings.longest_wait, sleep=self._sleep)
        self._governors.append(governor)
        return governor

    def bandwidth(self, route: Route) -> Bandwidth | None:
        """Return the cap of a route, which all its transfer tasks share; None when it has none."""
        cap = route.limits.mib_per_second
        if cap is None:
            return None
        rate = cap * MIB / KIB
        purse = Purse(LedgerBank(self._database, digest("bandwidth", route.name), Quota(rate)))
        self._purses.append(purse)
        return Bandwidth(purse, cap, self._sleep)

    def paced(self, source: Source, route: Route) -> Source:
        """Return the source with its bytes paced, if the route caps them."""
        bandwidth = self.bandwidth(route)
        return source if bandwidth is None else PacedSource(source, bandwidth)

    def _sleep(self, seconds: float) -> None:
        while seconds > 0:
            self._beat()
            time.sleep(min(seconds, PIECE))
            seconds -= PIECE

    def settle(self) -> None:
        """Give back what was not used, and say what all workers of the app have spent today."""
        for purse in self._purses:
            purse.close()
        for governor in self._governors:
            asked = governor.meter.bill().requests
            governor.close()
            if asked:
                log.info("All workers of this app: %d units today, %d in this minute", governor.standing.day_units,
                         governor.standing.minute_units)  # fmt: skip
