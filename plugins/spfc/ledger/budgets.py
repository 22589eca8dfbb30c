"""Budgets that all workers share: an account of :mod:`spfc.pacing`, kept in the ledger."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from typing import Final
from uuid import uuid4

from sqlalchemy import Connection, delete, select

from spfc.ledger.database import Database
from spfc.ledger.rows import upsert
from spfc.ledger.schema import budget_shares, budgets
from spfc.pacing.account import INTERVAL, Account, Quota, Report, Share, Standing, Terms, settle

TERMS: Final = Terms(burst=1.5, lease=5.0, batches=True)
"""A lease is used within a second, but workers under load come late: half a second more may gather meanwhile, so that
a full rate can be kept. In any minute that is at most 61.5 seconds' worth: less than the limit, of which 4 % are kept
back. Who has not come back after five seconds is taken for gone."""

_COLUMNS: Final = tuple(column.name for column in budgets.c if column.name != "key")


def digest(*parts: str) -> str:
    """Return the key of a budget: a digest of what it belongs to."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


class LedgerBank:
    """Implements :class:`spfc.pacing.Bank` over the ledger, for one process. Thread safe.

    Each exchange is one transaction, which locks the account's row. ``clock`` is in seconds since 1970. Raises
    LedgerUnavailable.
    """

    interval = INTERVAL

    def __init__(
        self, database: Database, key: str, quota: Quota, *, clock: Callable[[], float] = time.time, holder: str = ""
    ) -> None:
        self._database, self._key, self._quota, self._clock = database, key, quota, clock
        self._holder = holder or uuid4().hex

    def exchange(self, report: Report) -> Standing:
        """Book a report and answer it, in one transaction."""
        with self._database.writing() as connection:
            account = _locked_account(connection, self._key)
            before = _shares(connection, self._key)
            # The time is taken now that the row is ours: waiting for it must not make our clock look slow.
            now = self._clock()
            account, after, standing = settle(account, before, self._holder, report, self._quota, TERMS, now)
            upsert(connection, budgets, [{"key": self._key, **{name: getattr(account, name) for name in _COLUMNS}}])
            _store_shares(connection, self._key, self._holder, before, after)
        return standing


def read_account(database: Database, key: str) -> Account | None:
    """Return what is known of a budget, None when nobody has used it yet."""
    with database.reading() as connection:
        row = connection.execute(select(budgets).where(budgets.c.key == key)).mappings().one_or_none()
    return None if row is None else Account(**{name: row[name] for name in _COLUMNS})


def _locked_account(connection: Connection, key: str) -> Account:
    query = select(budgets).where(budgets.c.key == key).with_for_update()
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        # It must be there before it can be locked: else two first holders would both find none.
        empty = Account()
        fresh = {"key": key, **{name: getattr(empty, name) for name in _COLUMNS}}
        upsert(connection, budgets, [fresh], update=())
        row = connection.execute(query).mappings().one()
    return Account(**{name: row[name] for name in _COLUMNS})


def _shares(connection: Connection, key: str) -> dict[str, Share]:
    query = select(budget_shares).where(budget_shares.c.key == key)
    return {row["holder"]: Share(row["units"], row["until"]) for row in connection.execute(query).mappings()}


def _store_shares(
    connection: Connection, key: str, holder: str, before: Mapping[str, Share], after: Mapping[str, Share]
) -> None:
    gone = before.keys() - after.keys()
    if gone:
        connection.execute(delete(budget_shares).where(budget_shares.c.key == key, budget_shares.c.holder.in_(gone)))
    own = after.get(holder)
    if own is not None:
        row = {"key": key, "holder": holder, "units": own.units, "until": own.until}
        upsert(connection, budget_shares, [row])
