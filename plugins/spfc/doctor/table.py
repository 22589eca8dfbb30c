"""A SQL table that keeps a list: can its database be reached, and whose is the table? Nothing is made or changed."""

from __future__ import annotations

from collections.abc import Callable

from spfc.doctor.shape import Finding, Step, ok, warn
from spfc.targets.records import ListState, RecordTable, Stage
from spfc.wording import moment, plural


class TableChecks:
    """The checks of a route that keeps a list in a table. ``make`` returns the table, or raises."""

    def __init__(self, make: Callable[[], RecordTable], label: str) -> None:
        self._make, self._label = make, label
        self._table: RecordTable | None = None
        self._state: ListState | None = None

    def steps(self) -> list[Step]:
        """Return all checks of the target."""
        return [
            Step("table.connection", self._connect),
            Step("table.rows", self._look, ("table.connection",)),
        ]

    def secrets(self) -> list[str]:
        """Return what must not be shown: the table's own errors hold no secret."""
        return []

    def close(self) -> None:
        """Close all connections."""
        if self._table is not None:
            self._table.close()

    def _connect(self) -> Finding:
        self._table = self._make()
        self._state = self._table.load()
        kept = "is kept there" if self._state else "is not there yet; the first run makes it"
        return ok(f"The database answers; the table {kept} ({self._label}).")

    def _look(self) -> Finding:
        if self._table is None or self._state is None:
            return ok("There are no rows yet.")
        now, synced = self._table.standing(), self._state.synced_at
        told = (
            f"{plural(now.living, 'living row')}, last in step at {moment(synced)}"
            if synced
            else "no whole reading yet"
        )
        if now.marked:
            return warn(
                f"{told}; {plural(now.marked, 'row')} are marked as deleted.",
                "Look at them (WHERE spfc_deleted_at IS NOT NULL); a run with the parameter purge deletes them.",
            )
        reading = "; a full reading is under way" if self._state.stage is Stage.READING else ""
        return ok(f"{told}{reading}.")
