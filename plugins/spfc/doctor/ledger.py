"""The ledger, looked at without making or changing it; where it is ready, the budget of all workers is shared."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from spfc.doctor.graph import default_governor
from spfc.doctor.shape import Finding, fail, ok
from spfc.graph.governor import Governor
from spfc.graph.settings import GraphSettings
from spfc.ledger.budgets import LedgerBank, digest
from spfc.ledger.database import HEAD, Database


class LedgerCheck:
    """Looks at the ledger that ``connect`` returns (nothing is asked before), and makes gates that share its budget."""

    def __init__(self, connect: Callable[[], Database]) -> None:
        self._connect = connect
        self._database: Database | None = None
        self._ready = False
        self._governors: list[Governor] = []

    def look(self) -> Finding:
        """Say what is there. Raises LedgerUnavailable and ConnectionInvalid."""
        database = self._database = self._connect()
        version = database.version()
        if version is None:
            return self._absent(database)
        if version > HEAD:
            return fail(f"{database.label} was written by a newer spfc.", "Upgrade spfc, or use another database.")
        self._ready = version == HEAD
        return ok(f"{database.label} is {'ready' if self._ready else 'there; the next run upgrades its tables'}.")

    def governor(self, settings: GraphSettings) -> Governor:
        """Return the gate that all workers of this tenant and app share, or one of our own without a ready ledger."""
        if self._database is None or not self._ready:
            return default_governor(settings)
        bank = LedgerBank(self._database, digest("graph", *settings.shared_key), settings.quota)
        governor = Governor(bank=bank, longest_wait=settings.longest_wait)
        self._governors.append(governor)
        return governor

    def close(self) -> None:
        """Give back units that were not spent, and close the database."""
        for governor in self._governors:
            governor.close()
        if self._database is not None:
            self._database.close()

    @staticmethod
    def _absent(database: Database) -> Finding:
        path = database.file
        if path is not None:
            there = next((above for above in path.absolute().parents if above.exists()), Path("/"))
            if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
                return fail(
                    f"{database.label} is not there, and {there} cannot be written to.",
                    "Correct the Airflow connection spfc_ledger or AIRFLOW_HOME, or who may write there.",
                )
        return ok(f"{database.label} holds no ledger yet; the first run makes it.")
