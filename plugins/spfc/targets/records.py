"""The promises of a target of records: a table that takes a page of changes and the cursor behind it at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, TypeVar

from spfc.records.model import Column, ColumnChange, ColumnType, Record

Key = TypeVar("Key", bound=str)


class Stage(StrEnum):
    """How far a list has come."""

    READING = "reading"
    """A full reading is under way: rows that it has not shown yet prove nothing."""
    FOLLOWING = "following"
    """Everything was read once; the feed tells what has changed since."""


@dataclass(frozen=True, slots=True)
class ListState:
    """Where a list stands, kept beside its table and moved on only together with the rows.

    ``cursor`` starts the round after the last complete one, None while a full reading is under way. ``page`` is where
    the round that is under way goes on, None between rounds; it is never empty in between, so a crash never costs a
    full reading. ``generation`` counts full readings. ``binding`` is where the source was found. ``full_at`` and
    ``synced_at`` are seconds since 1970 UTC of the end of the last full reading and of the last round, None before.
    ``columns`` are those that the table was made for. ``strangers`` are keys of values that are no columns of the list:
    nobody needs to look at its columns again because of them.
    """

    stage: Stage = Stage.READING
    cursor: str | None = None
    page: str | None = None
    generation: int = 1
    binding: Mapping[str, str] = field(default_factory=dict)
    columns: tuple[Column, ...] = ()
    full_at: float | None = None
    synced_at: float | None = None
    strangers: tuple[str, ...] = ()

    @property
    def position(self) -> str | None:
        """Where the source is asked to go on; None is the beginning."""
        return self.cursor if self.page is None else self.page


class RowAction(StrEnum):
    """What became of a row. A closed set."""

    ADDED = "added"
    UPDATED = "updated"
    RESTORED = "restored"
    """It was marked as deleted and lives again."""
    UNCHANGED = "unchanged"
    DELETED = "deleted"
    MARKED = "marked"
    """Deleted at the source; the row stays and says since when, because the route wants that."""
    HELD = "held"
    """Deleted at the source; the row is only marked because the route's guard held its deletion."""
    PURGED = "purged"
    """Marked by an earlier run, and deleted now because a person said so."""
    ABSENT = "absent"
    """Deleted at the source and never in the table."""


TOUCHED = frozenset(RowAction) - {RowAction.UNCHANGED, RowAction.ABSENT}
"""The actions that change a row: each has a line in the change log, rows of the first full reading aside."""


class Doomed(StrEnum):
    """What happens to the living rows of records that are gone."""

    DELETE = "delete"
    MARK = "mark"
    HOLD = "hold"
    """Mark them, and say that the guard wanted it."""


Doom = Callable[[int, Callable[[], int]], Doomed]
"""Decides from how many living rows are doomed, and (on demand) how many living rows there are. Has no side effect: it
may be asked again when the database begins a transaction anew."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What was done: rows by action, and by column name the values that did not fit.

    A value that is not of its column's type is kept as raw JSON in the row's column ``spfc_unconverted``, and the typed
    column is NULL. ``unconverted`` counts them in rows that were written.
    """

    rows: Mapping[RowAction, int] = field(default_factory=dict)
    unconverted: Mapping[str, int] = field(default_factory=dict)

    def __getitem__(self, action: RowAction) -> int:
        return self.rows.get(action, 0)

    @property
    def touched(self) -> int:
        """How many rows changed."""
        return sum(number for action, number in self.rows.items() if action in TOUCHED)

    def __add__(self, other: Applied) -> Applied:
        return Applied(_sum(self.rows, other.rows), _sum(self.unconverted, other.unconverted))


@dataclass(frozen=True, slots=True)
class Tally:
    """What one run has done to the table as far as it is committed: exact whatever crashed.

    ``pages`` were applied and held ``seen`` records; ``rounds`` were completed, ``full`` of them full readings.
    """

    applied: Applied = field(default_factory=Applied)
    pages: int = 0
    seen: int = 0
    rounds: int = 0
    full: int = 0
    columns: tuple[ColumnChange, ...] = ()


@dataclass(frozen=True, slots=True)
class RowChange:
    """One line of the change log. ``evidence`` says why in one phrase, ``at`` is seconds since 1970 UTC."""

    id: int
    action: RowAction
    evidence: str
    at: float


@dataclass(frozen=True, slots=True)
class Shown:
    """How many living rows the last full reading has shown and not shown."""

    seen: int
    unseen: int


@dataclass(frozen=True, slots=True)
class Standing:
    """How many rows there are: living ones, and ones that are only marked as deleted."""

    living: int
    marked: int


@dataclass(frozen=True, slots=True)
class TableColumn:
    """One column as :meth:`RecordTable.scan` yields it."""

    sql_name: str
    type: ColumnType


class RecordTable(Protocol):
    """A table of one route. Everything it does to rows moves the state in the same transaction, or neither happens.

    Each writing call carries the fencing number of the run's lease; a number older than the newest that the table has
    seen is refused with LeaseLost, so a task that lost its lease cannot write. A writing call that names the state
    ``before`` raises LeaseLost when the state in the database is another one, and has done nothing then: so a page that
    comes again after a crash finds itself done or not begun, never half done, and of two tasks that apply the same page
    one is refused.

    Contention is retried inside. Errors: Unreachable, AuthenticationRefused, PermissionMissing, PlaceNotFound,
    ServiceBusy, QuotaFull, RequestRefused. No text holds a password.
    """

    @property
    def calls(self) -> int:
        """Transactions so far by this object."""

    @property
    def refusals(self) -> int:
        """How often the database turned this object away for now."""

    def load(self) -> ListState | None:
        """Return where the list stands, None when there is no table yet (or no more). Changes nothing."""

    def prepare(
        self, before: ListState | None, after: ListState, fence: int, *, run_id: str
    ) -> tuple[ColumnChange, ...]:
        """Make table and state, or bring the table up to ``after.columns``; return what has changed in its columns.

        One transaction with the move from ``before`` (what :meth:`load` returned) to ``after``. Raises TargetExists
        when a table of this name is there that no route of spfc has made, or that another route has.
        """

    def apply(
        self, records: Sequence[Record], before: ListState, after: ListState, fence: int, *, now: float, run_id: str,
        doom: Doom,
    ) -> Applied:  # fmt: skip
        """Apply one page: upsert living records, delete or mark deleted ones, go from state ``before`` to ``after``.

        One transaction. Of several records with one id the last counts. A row whose values are the same already is not
        written, except that a full reading notes that it has shown it.
        """

    def shown(self, generation: int) -> Shown:
        """Return how many living rows the full reading ``generation`` has shown."""

    def sweep(self, before: ListState, after: ListState, fence: int, *, now: float, run_id: str, doom: Doom) -> Applied:
        """Delete or mark every living row that the full reading of ``before.generation`` has not shown. One transaction
        with the move to ``after``.
        """

    def purge(self, before: ListState, fence: int, *, now: float, run_id: str) -> Applied:
        """Delete all rows that earlier runs have marked as deleted. One transaction; the state stays."""

    def standing(self) -> Standing:
        """Return how many rows there are, as counted along; a sweep counts them anew. One small query."""

    def tally(self, run_id: str) -> Tally:
        """Return what a run has done, empty when a later run has begun to write. One small query."""

    def changes(self, run_id: str) -> Iterator[RowChange]:
        """Yield every row that a run has changed, in order, in constant memory. Rows that the very first full reading
        added have no line: they are only counted.
        """

    def forget_changes(self, before: float) -> int:
        """Forget lines of the change log of this route from before a moment; return how many there were."""

    def layout(self) -> tuple[TableColumn, ...]:
        """Return the columns that :meth:`scan` yields, in order."""

    def scan(self) -> Iterator[tuple[object, ...]]:
        """Yield every living row as values in the order of :meth:`layout`, by ascending id, in constant memory.

        All rows are of one moment. Values are of the types of :mod:`spfc.records.convert`.
        """

    def revision(self) -> int | None:
        """Return the number of the last change of any row if no snapshot holds it, None when there is nothing new."""

    def snapshot_taken(self, revision: int, fence: int) -> None:
        """Note that a snapshot holds everything up to ``revision``."""

    def close(self) -> None:
        """Give connections back. The object is not used afterwards."""


def _sum(one: Mapping[Key, int], other: Mapping[Key, int]) -> dict[Key, int]:
    return {key: one.get(key, 0) + other.get(key, 0) for key in {**one, **other}}
