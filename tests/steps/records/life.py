"""The life of one list route in memory: turns of changes and a run, with trouble, crashes and repeated tasks."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, event, text
from tests.steps.house import Clock
from tests.steps.life import Crashed, MortalDatabase, Perils
from tests.steps.records.book import AMOUNT, TITLE, Book
from tests.steps.records.office import Office

from spfc.errors import PermissionMissing, ServiceBusy, SpfcError
from spfc.ledger.leases import LEASE_SECONDS
from spfc.records.model import Column, ColumnType
from spfc.steps.records import ClosedList
from spfc.targets.records import RowChange
from spfc.targets.sql_table import SqlTable
from spfc.targets.sql_table.database import Session

T = TypeVar("T")
Step = tuple[str, int, int]

COLUMNS = (
    TITLE,
    AMOUNT,
    replace(AMOUNT, type=ColumnType.TEXT),
    Column("State", "State", ColumnType.TEXT),
    Column("state", "state", ColumnType.INTEGER),
    Column("Due_x0020_Date", "Due", ColumnType.TIMESTAMP),
)
VALUES: tuple[object, ...] = ("", "one", 1, 2.5, True, None, "2024-03-01T08:00:00Z", ["a"], "12", 2**70)

TROUBLE: dict[str, Callable[[], SpfcError]] = {
    "busy": lambda: ServiceBusy("busy"),
    "stop": lambda: PermissionMissing("withdrawn"),
}
NAMES = itertools.count(1)


class MortalSession(Session):
    """Transactions whose beginnings and ends may be a process's last moment. Nothing here outlives the machine."""

    perils: Perils

    def write(self, work: Callable[[Connection], T]) -> T:
        with self.perils.effect():
            return super().write(work)

    def close(self) -> None:
        """Stay open: a thousand short lives would open and close the same file all day."""

    def end(self) -> None:
        """Give connections back in the end."""
        super().close()

    def _engine(self) -> Engine:
        fresh = self._opened is None
        engine = super()._engine()
        if fresh:
            event.listen(engine, "connect", lambda raw, _: raw.execute("PRAGMA synchronous=OFF"))
        return engine


@dataclass(frozen=True, slots=True)
class Turn:
    """What happens before and in one run. Numbers of calls and side effects count from the run's beginning.

    ``disturbances``: (number of the source call, kind). ``interludes``: (number of the source call, change). ``crash``:
    (number of the side effect, after it, what follows: ``retry`` the task, ``close`` the run, or ``vanish``); 0: none.
    """

    steps: tuple[Step, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    removals: str = "delete"
    tight: bool = False
    disturbances: tuple[tuple[int, str], ...] = ()
    interludes: tuple[tuple[int, Step], ...] = ()
    crash: tuple[int, bool, str] = (0, False, "vanish")
    again: bool = False
    slow: bool = False
    repeats: bool = False
    page_size: int = 3


class ListLife(Office):
    """One list route from its first run on."""

    def __init__(self, database: MortalDatabase, folder: Path) -> None:
        self.name = f"life{next(NAMES)}"
        self.folder, self.fields, self.book, self.clock = folder, {}, Book(), Clock()
        self.url = f"sqlite:///{folder / f'{self.name}.db'}"
        self.numbers, self.result, self.run_id = itertools.count(1), {}, ""
        self.database = database
        self.perils = database.perils = Perils()
        self.runs: list[str] = []
        self.told_versions: set[tuple[int, str, object]] = set()
        self.closed: ClosedList | None = None
        self.error = ""
        self.session = MortalSession(self.url, "items")
        self.session.perils = self.perils

    def table(self) -> SqlTable:
        table = SqlTable(self.url, route=self.name, table="items")
        table._session = self.session
        return table

    # What people do

    def step(self, kind: str, one: int, two: int) -> None:
        book = self.book
        if kind in ("edit", "alter_quietly", "touch", "delete", "lose"):
            number = _chosen(sorted(book.items), one)
            if number is not None:
                self._change(kind, number, two)
        elif kind == "restore":
            number = _chosen(sorted(book.trash), one)
            if number is not None:
                book.restore(number)
        elif kind == "add":
            book.add(**self._values(two))
        elif kind == "forget":
            book.forget("fresh" if two % 2 else None)
        elif kind == "column":
            column = COLUMNS[one % len(COLUMNS)]
            others = tuple(known for known in book.columns_now if known.name != column.name)
            gone = column in book.columns_now and two % 2
            book.columns_now = others or (TITLE,) if gone else (*others, column)
        elif kind == "noise" and book.items:
            book.edit(sorted(book.items)[one % len(book.items)], Noise="x")
        self.told_versions |= {(r.id, r.version, repr(r.values.get("Title"))) for r in book.items.values()}

    def _change(self, kind: str, number: int, two: int) -> None:
        if kind == "touch":
            self.book.touch(number)
        elif kind == "delete":
            self.book.delete(number)
        elif kind == "lose":
            self.book.silent.add(number)
            self.book.delete(number)
        elif kind == "edit":
            self.book.edit(number, **self._values(two))
        else:
            self.book.alter_quietly(number, **self._values(two))

    def _values(self, choice: int) -> dict[str, object]:
        names = [column.name for column in self.book.columns_now]
        values: dict[str, object] = {name: VALUES[(choice + place) % len(VALUES)] for place, name in enumerate(names)}
        return {**values, "Title": f"title {choice}"}

    # One turn

    def live(self, turn: Turn) -> None:
        for step in turn.steps:
            self.step(*step)
        self.turn(turn)

    def turn(self, turn: Turn) -> None:
        book = self.book
        book.page_size, book.repeats = turn.page_size, turn.repeats
        self.clock.step = 12.0 if turn.slow else 0.01
        guard = (
            {"max_items": 3, "max_share": 0.5, "min_items": 1} if turn.tight else {"max_items": 10**6, "max_share": 1}
        )
        self.fields = {
            "policies": {"removals": turn.removals, "removal_guard": guard},
            "limits": {"time_box_minutes": 1},
        }
        book.trouble = {book.calls + number: TROUBLE[kind]() for number, kind in turn.disturbances}
        book.interludes = {book.calls + number: self._later(step) for number, step in turn.interludes}
        self.error, self.closed = "", None
        self.run_id = f"run{next(self.numbers)}"
        self.runs.append(self.run_id)
        at, after, then = turn.crash
        self.perils.arm(at, after=after)
        try:
            self._try(turn)
            if turn.again and not self.error:
                self._try(turn)
            self.closed = self.close()
        except Crashed:
            self.perils.arm(0, after=False)
            self._after_crash(turn, then)
        book.trouble, book.interludes = {}, {}
        self.perils.arm(0, after=False)

    def _later(self, step: Step) -> Callable[[], object]:
        return lambda: self.step(*step)

    def _try(self, turn: Turn) -> None:
        try:
            self.sync(self.run_id, **turn.options)
        except SpfcError as error:
            self.error = str(error)

    def _after_crash(self, turn: Turn, then: str) -> None:
        self.error = "crashed"
        if then == "vanish":
            self.clock.now += LEASE_SECONDS + 1
            return
        if then == "retry":
            self.error = ""
            self._try(turn)
        self.closed = self.close()

    # What there is to see

    def every_line(self) -> list[RowChange]:
        """Return the change log of all runs."""
        return [line for run_id in self.runs for line in self.log(run_id)]

    def raw(self) -> dict[int, dict[str, Any]]:
        """Return every row, marked ones too."""
        table = self.table()
        if table.load() is None:
            return {}
        rows = table._session.read(lambda c: list(c.execute(text("SELECT * FROM items")).mappings()))
        table.close()
        return {row["spfc_id"]: dict(row) for row in rows}


def _chosen(numbers: list[int], choice: int) -> int | None:
    return numbers[choice % len(numbers)] if numbers else None
