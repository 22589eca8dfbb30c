"""A SQL table that keeps one list: every page of changes and the state behind it in one transaction."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace

from sqlalchemy import (
    URL,
    Connection,
    Table,
    and_,
    case,
    delete,
    func,
    insert,
    inspect,
    select,
    text,
    update,
)
from sqlalchemy.sql.elements import ColumnElement

from spfc.errors import LeaseLost, RouteInvalid
from spfc.records.convert import instant
from spfc.records.model import ColumnChange, Record
from spfc.records.schema import Comparison, Schema, compare
from spfc.targets.records import (
    Applied,
    Doom,
    Doomed,
    ListState,
    RowAction,
    RowChange,
    Shown,
    Stage,
    Standing,
    TableColumn,
    Tally,
)
from spfc.targets.sql_table.database import PATIENCE, Session
from spfc.targets.sql_table.definition import add_columns, check_free, make_tables
from spfc.targets.sql_table.layout import rows_table, scanned, state_tables
from spfc.targets.sql_table.log import ChangeLog
from spfc.targets.sql_table.rows import FATE, Stamp, sort_page, write_page
from spfc.targets.sql_table.state import StateRow, from_row, to_row

log = logging.getLogger("spfc.sql_table")

NOT_SHOWN = "not in the full reading"
NOT_SHOWN_HELD = "not in the full reading; held by the guard"
PURGED = "marked by an earlier run, purged"

_LOCK = text("SELECT pg_advisory_xact_lock(7370664)")


class SqlTable:
    """Implements :class:`spfc.targets.records.RecordTable` for PostgreSQL and SQLite.

    ``route`` owns the table; ``schema`` is the database's schema, None for the connection's own. Nothing is connected
    before the first call. ``patience``: seconds that a statement waits for a lock.
    """

    def __init__(
        self, url: str | URL, *, route: str, table: str, schema: str | None = None, patience: float = PATIENCE
    ) -> None:
        self._route, self._name, self._db_schema = route, table, schema
        self._session = Session(url, table, patience)

    @property
    def calls(self) -> int:
        """See the protocol."""
        return self._session.calls

    @property
    def refusals(self) -> int:
        """See the protocol."""
        return self._session.refusals

    def load(self) -> ListState | None:
        """See the protocol. Raises RouteInvalid when the route has kept another table so far."""
        row = None if self._session.is_missing_file else self._session.read(self._standing_row)
        return None if row is None else row.state

    def prepare(
        self, before: ListState | None, after: ListState, fence: int, *, run_id: str
    ) -> tuple[ColumnChange, ...]:
        """See the protocol."""

        def work(connection: Connection) -> tuple[ColumnChange, ...]:
            if connection.dialect.name == "postgresql":
                connection.execute(_LOCK)  # two first runs would both find no table, and one fail without reason
            make_tables(connection, self._tables)
            row = self._row(connection, lock=True)
            table_there = self._present(connection, ours=row is not None)
            self._check(row if table_there is not None else None, before, fence)
            compared = self._brought_up(connection, row, after, table_there)
            going = row if row is not None and table_there is not None else StateRow(after, compared.schema, fence)
            tally = going.tally_of(run_id)
            tally = replace(tally, columns=tally.columns + compared.changes)
            moved = going.moved(after, fence, run_id, tally, Applied())
            self._store(connection, replace(moved, schema=compared.schema))
            return compared.changes

        return self._session.write(work)

    def apply(
        self, records: Sequence[Record], before: ListState, after: ListState, fence: int, *, now: float, run_id: str,
        doom: Doom,
    ) -> Applied:  # fmt: skip
        """See the protocol."""
        stamp = Stamp(now, run_id, before.generation)

        def work(connection: Connection) -> Applied:
            row = self._held(connection, before, fence)
            table = self._table(row.schema)
            page = sort_page(connection, table, row.schema, records, stamp)
            fate = doom(len(page.doomed), lambda: row.living) if page.doomed else Doomed.DELETE
            write_page(connection, table, page, fate, stamp)
            page.doom(fate)
            self._log.write(connection, page, stamp, first=before.full_at is None)
            done = page.applied()
            tally = _more(row.tally_of(run_id), done, before, after, seen=len(records), pages=1)
            self._store(connection, row.moved(after, fence, run_id, tally, done))
            return done

        return self._session.write(work)

    def shown(self, generation: int) -> Shown:
        """See the protocol."""

        def work(connection: Connection) -> Shown:
            table = self._table(self._known(connection).schema)
            seen = func.coalesce(func.sum(case((table.c.spfc_generation >= generation, 1), else_=0)), 0)
            living = select(func.count(), seen).where(table.c.spfc_deleted_at.is_(None))
            number, shown = connection.execute(living).one()
            return Shown(int(shown), int(number) - int(shown))

        return self._session.read(work)

    def sweep(self, before: ListState, after: ListState, fence: int, *, now: float, run_id: str, doom: Doom) -> Applied:
        """See the protocol."""
        stamp = Stamp(now, run_id, before.generation)

        def work(connection: Connection) -> Applied:
            row = self._held(connection, before, fence)
            table = self._table(row.schema)
            living = _count(connection, table, table.c.spfc_deleted_at.is_(None))
            unseen = and_(table.c.spfc_deleted_at.is_(None), table.c.spfc_generation < before.generation)
            number = _count(connection, table, unseen)
            fate = doom(number, lambda: living) if number else Doomed.DELETE
            done = Applied({FATE[fate]: number} if number else {})
            if number:
                evidence = NOT_SHOWN_HELD if fate is Doomed.HOLD else NOT_SHOWN
                self._log.write_all(connection, table, unseen, FATE[fate], evidence, stamp)
                self._end(connection, table, unseen, fate, stamp)
            tally = _more(row.tally_of(run_id), done, before, after)
            moved = row.moved(after, fence, run_id, tally, done)
            marked = _count(connection, table, table.c.spfc_deleted_at.is_not(None))
            self._store(connection, replace(moved, living=living - number, marked=marked))
            return done

        return self._session.write(work)

    def purge(self, before: ListState, fence: int, *, now: float, run_id: str) -> Applied:
        """See the protocol."""
        stamp = Stamp(now, run_id, before.generation)

        def work(connection: Connection) -> Applied:
            row = self._held(connection, before, fence)
            table = self._table(row.schema)
            marked = and_(table.c.spfc_deleted_at.is_not(None), table.c.spfc_run_id != run_id)
            number = _count(connection, table, marked)
            done = Applied({RowAction.PURGED: number} if number else {})
            if number:
                self._log.write_all(connection, table, marked, RowAction.PURGED, PURGED, stamp)
                self._end(connection, table, marked, Doomed.DELETE, stamp)
            tally = row.tally_of(run_id)
            tally = replace(tally, applied=tally.applied + done)
            self._store(connection, row.moved(before, fence, run_id, tally, done))
            return done

        return self._session.write(work)

    def standing(self) -> Standing:
        """See the protocol."""
        row = self._session.read(self._known)
        return Standing(row.living, row.marked)

    def tally(self, run_id: str) -> Tally:
        """See the protocol."""
        row = None if self._session.is_missing_file else self._session.read(self._standing_row)
        return Tally() if row is None else row.tally_of(run_id)

    def changes(self, run_id: str) -> Iterator[RowChange]:
        """See the protocol."""
        if self._session.is_missing_file:
            return
        with self._session.streaming() as connection:
            yield from self._log.read(connection, run_id)

    def forget_changes(self, before: float) -> int:
        """See the protocol."""
        return self._session.write(lambda connection: self._log.forget(connection, before))

    def layout(self) -> tuple[TableColumn, ...]:
        """See the protocol."""
        return scanned(self._session.read(self._known).schema)

    def scan(self) -> Iterator[tuple[object, ...]]:
        """See the protocol."""
        columns = self.layout()
        with self._session.streaming() as connection:
            table = self._table(self._known(connection).schema)
            query = select(*(table.c[column.sql_name] for column in columns))
            living = query.where(table.c.spfc_deleted_at.is_(None)).order_by(table.c.spfc_id)
            for row in connection.execute(living):
                yield tuple(row)

    def revision(self) -> int | None:
        """See the protocol."""
        row = self._session.read(self._known)
        return row.revision if row.revision > row.snapshot_revision else None

    def snapshot_taken(self, revision: int, fence: int) -> None:
        """See the protocol."""

        def work(connection: Connection) -> None:
            row = self._known(connection, lock=True)
            _check_fence(row.fence, fence, self._route)
            self._store(connection, replace(row, fence=fence, snapshot_revision=revision))

        self._session.write(work)

    def close(self) -> None:
        """See the protocol."""
        self._session.close()

    # The state

    @property
    def _tables(self) -> tuple[Table, Table]:
        return state_tables(self._db_schema)

    @property
    def _log(self) -> ChangeLog:
        return ChangeLog(self._tables[1], self._route)

    def _table(self, schema: Schema) -> Table:
        return rows_table(self._name, self._db_schema, schema)

    def _row(self, connection: Connection, *, lock: bool = False) -> StateRow | None:
        lists = self._tables[0]
        query = select(lists).where(lists.c.route == self._route)
        found = connection.execute(query.with_for_update() if lock else query).mappings().one_or_none()
        if found is None:
            return None
        if found["table_name"] != self._name:
            raise RouteInvalid(
                f"Route {self._route!r} names the table {self._name}, but it has kept {found['table_name']} so far.",
                hint="Set it back, or give the new table a new route name.",
            )
        return from_row(dict(found))

    def _standing_row(self, connection: Connection) -> StateRow | None:
        """Return the state, None when there is none or the table that it speaks of is gone."""
        inspector = inspect(connection)
        if not inspector.has_table(self._tables[0].name, schema=self._db_schema):
            return None
        row = self._row(connection)
        if row is not None and not inspector.has_table(self._name, schema=self._db_schema):
            log.warning("The table %s is gone: the list is read anew from the beginning.", self._name)
            return None
        return row

    def _known(self, connection: Connection, *, lock: bool = False) -> StateRow:
        row = self._row(connection, lock=lock)
        if row is None:
            raise LeaseLost(f"The state of table {self._name} is gone.", hint="Somebody removed it; start a new run.")
        return row

    def _held(self, connection: Connection, before: ListState, fence: int) -> StateRow:
        row = self._known(connection, lock=True)
        self._check(row, before, fence)
        return row

    def _check(self, row: StateRow | None, before: ListState | None, fence: int) -> None:
        _check_fence(row.fence if row is not None else fence, fence, self._route)
        if (None if row is None else row.state) != before:
            raise LeaseLost(
                f"Another task has moved the list of route {self._route!r} on.",
                hint="Nothing was written. Look at the newer run; this one may be marked as failed.",
            )

    def _store(self, connection: Connection, row: StateRow) -> None:
        lists = self._tables[0]
        values = to_row(self._route, self._name, row)
        stored = connection.execute(update(lists).where(lists.c.route == self._route).values(values))
        if stored.rowcount == 0:
            connection.execute(insert(lists).values(values))

    def _present(self, connection: Connection, *, ours: bool) -> tuple[str, ...] | None:
        return check_free(connection, self._tables[0], self._name, self._db_schema, self._route, ours=ours)

    def _brought_up(
        self, connection: Connection, row: StateRow | None, after: ListState, present: tuple[str, ...] | None
    ) -> Comparison:
        """Make the table or its new columns; return what has changed."""
        compared = compare(row.schema if row is not None else Schema(), after.columns, present)
        table = rows_table(self._name, self._db_schema, compared.schema)
        if present is None:
            table.create(connection)
        else:
            add_columns(connection, table, [placed.sql_name for placed in compared.to_make])
        return compared if row is not None else replace(compared, changes=())

    # Rows

    def _end(
        self, connection: Connection, table: Table, which: ColumnElement[bool], fate: Doomed, stamp: Stamp
    ) -> None:
        if fate is Doomed.DELETE:
            connection.execute(delete(table).where(which))
        else:
            marks = {**stamp.values(), "spfc_deleted_at": instant(stamp.now)}
            connection.execute(update(table).where(which).values(marks))


def _more(tally: Tally, done: Applied, before: ListState, after: ListState, *, seen: int = 0, pages: int = 0) -> Tally:
    """Return the sum of a run after one more page or sweep."""
    ended = after.page is None and after.cursor is not None
    full = before.stage is Stage.READING and after.stage is Stage.FOLLOWING
    return replace(
        tally, applied=tally.applied + done, pages=tally.pages + pages, seen=tally.seen + seen,
        rounds=tally.rounds + ended, full=tally.full + full,
    )  # fmt: skip


def _count(connection: Connection, table: Table, which: ColumnElement[bool]) -> int:
    return int(connection.execute(select(func.count()).select_from(table).where(which)).scalar_one())


def _check_fence(seen: int, fence: int, route: str) -> None:
    if seen > fence:
        raise LeaseLost(
            f"Another run of route {route!r} has taken over (the table has seen lease {seen}, ours is {fence}).",
            hint="Nothing was written. Look at the newer run. If the ledger was set up anew, docs/lists.md says how to "
            "tell the table so.",
        )
