"""The promises of a target of records: a table that takes a page of changes and the cursor behind it at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from spfc.records.model import Column, Record


class Stage(StrEnum):
    """How far a list has come."""

    READING = "reading"
    """A full reading is under way: rows that it has not shown yet prove nothing."""
    FOLLOWING = "following"
    """Everything was read once; the feed tells what has changed since."""


@dataclass(frozen=True, slots=True)
class ListState:
    """Where a list stands, kept beside its table and moved on only together with the rows.

    ``cursor`` starts the round after the last complete one, None before there was one. ``page`` is where the round
    that is under way goes on, None between rounds; it is never empty in between, so a crash never costs a full
    reading. ``generation`` counts full readings. ``binding`` is where the source was found. ``full_at`` and
    ``synced_at`` are seconds since 1970 UTC of the end of the last full reading and of the last round, None before.
    ``columns`` are those that the table was made for.
    """

    stage: Stage = Stage.READING
    cursor: str | None = None
    page: str | None = None
    generation: int = 1
    binding: Mapping[str, str] = field(default_factory=dict)
    columns: tuple[Column, ...] = ()
    full_at: float | None = None
    synced_at: float | None = None


class RowAction(StrEnum):
    """What became of a row. A closed set."""

    ADDED = "added"
    UPDATED = "updated"
    RESTORED = "restored"
    """It was marked as deleted and lives again."""
    UNCHANGED = "unchanged"
    DELETED = "deleted"
    MARKED = "marked"
    """Deleted at the source; the row stays and says since when, because the route wants that or the guard held it."""
    ABSENT = "absent"
    """Deleted at the source and never in the table."""


class Doomed(StrEnum):
    """What a page does with the rows of deleted records."""

    DELETE = "delete"
    MARK = "mark"


@dataclass(frozen=True, slots=True)
class RowChange:
    """One row that was touched. ``evidence`` says why in one phrase (``deleted at the source``, ``not in the full
    reading``, ``new version``).
    """

    id: int
    action: RowAction
    evidence: str


@dataclass(frozen=True, slots=True)
class Applied:
    """What one page did: every row that it changed (unchanged ones are only counted), and values that did not fit.

    ``unconverted`` counts, by column name, values that are not of the column's type: they are kept as raw JSON in the
    row's own column for them, and the typed column is NULL.
    """

    changes: tuple[RowChange, ...]
    unchanged: int = 0
    unconverted: Mapping[str, int] = field(default_factory=dict)


class ColumnFate(StrEnum):
    """What a look at the source's columns meant for the table."""

    ADDED = "added"
    """New at the source: a column was added; older rows have no value until the next full reading."""
    KEPT = "kept"
    """Gone from the source: the column stays with what it holds."""
    RETYPED = "retyped"
    """Of another type now: a second column takes the new values, the old one stays."""


@dataclass(frozen=True, slots=True)
class ColumnChange:
    """One difference between the source's columns and the table. ``sql_name`` is the name in the table."""

    name: str
    sql_name: str
    fate: ColumnFate


class RecordTable(Protocol):
    """A table of one route. Everything it does to rows moves the state in the same transaction, or neither happens.

    Each writing call carries the fencing number of the run's lease; a number older than the newest that the table has
    seen is refused with LeaseLost, so a task that lost its lease cannot write.
    """

    @property
    def calls(self) -> int:
        """Transactions so far by this object."""

    @property
    def refusals(self) -> int:
        """How often the database turned this object away for now."""

    def load(self) -> ListState | None:
        """Return where the list stands, None when there is no table yet. Changes nothing."""

    def prepare(self, columns: Sequence[Column], state: ListState, fence: int) -> tuple[ColumnChange, ...]:
        """Make table and state, or bring an existing table's columns up to ``columns``; return what has changed.

        Stores ``state`` with the columns. May be repeated. Raises TargetExists when a table of this name is there that
        no route of spfc has made, or that another route has.
        """

    def apply(
        self, records: Sequence[Record], before: ListState, after: ListState, fence: int, *, now: float, run_id: str,
        doomed: Doomed,
    ) -> Applied:  # fmt: skip
        """Apply one page: upsert living records, delete or mark deleted ones, go from state ``before`` to ``after``.

        One transaction. Raises LeaseLost when the state in the database is not ``before`` any more: then nothing was
        done. A page that comes again after a crash therefore finds itself done or not begun, never half done.
        """

    def unseen(self, generation: int) -> int:
        """Return how many living rows the full reading ``generation`` has not shown."""

    def sweep(
        self, before: ListState, after: ListState, fence: int, *, now: float, run_id: str, doomed: Doomed
    ) -> Applied:
        """Delete or mark every living row that the full reading of ``before.generation`` has not shown. One transaction
        with the move to ``after``.
        """

    def purge(self, before: ListState, fence: int) -> Applied:
        """Delete all rows that are marked as deleted. One transaction; the state stays."""

    def rows(self) -> int:
        """Return how many living rows there are."""

    def scan(self) -> Iterator[Mapping[str, object]]:
        """Yield every living row as values by SQL column name, in the order of ids, in constant memory."""

    def close(self) -> None:
        """Give connections back. The object is not used afterwards."""
