"""A list in memory that people edit, and the change feed that tells of it: with trouble when a test asks for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from spfc.errors import CursorExpired, SpfcError
from spfc.records.model import Column, ColumnType, Record
from spfc.sources.base import IDENTITY, Binding, Usage
from spfc.sources.memory_records import without_apart
from spfc.sources.records import RecordPage

TITLE = Column("Title", "Title", ColumnType.TEXT)
AMOUNT = Column("Amount", "Amount", ColumnType.NUMBER)


@dataclass
class Book:
    """Implements :class:`spfc.sources.records.RecordSource` over items that a test edits.

    Cursors say where they stand: ``<epoch>d<change>`` begins a round, ``<epoch>r<change>:<id>`` goes on with a reading
    from the beginning, ``<epoch>p<from>:<to>:<place>`` with a round. ``forget()`` makes all of them unknown.
    ``trouble`` holds errors by the number of the call, ``interludes`` what people do just before a call. With
    ``repeats`` each page tells again the last record of the one before. ``silent`` ids are never told as deleted. Pages
    leave out the values of columns that are ``apart``; ``before_whole`` is what people do before rows are asked for.
    """

    page_size: int = 3
    columns_now: tuple[Column, ...] = (TITLE, AMOUNT)
    items: dict[int, Record] = field(default_factory=dict)
    changes_made: list[int] = field(default_factory=list)
    trouble: dict[int, SpfcError] = field(default_factory=dict)
    interludes: dict[int, Callable[[], object]] = field(default_factory=dict)
    identity: str = "list-1"
    offers: str | None = None
    repeats: bool = False
    silent: set[int] = field(default_factory=set)
    asked: list[str | None] = field(default_factory=list)
    columns_asked: int = 0
    epoch: int = 1
    calls: int = 0
    binds: list[bool] = field(default_factory=list)
    trash: dict[int, Record] = field(default_factory=dict)
    next_id: int = 1
    before_whole: Callable[[], object] = lambda: None

    # What people do

    def add(self, **values: object) -> int:
        number = self.next_id
        self.next_id += 1
        self._put(Record(number, "1", values or {"Title": f"row {number}"}, 1_600_000_000 + number, 1_600_000_000))
        return number

    def edit(self, number: int, **values: object) -> None:
        old = self.items[number]
        version = str(int(old.version) + 1)
        self._put(replace(old, version=version, values={**old.values, **values}, modified=(old.modified or 0) + 1))

    def alter_quietly(self, number: int, **values: object) -> None:
        """Change what a lookup shows: no new version, and the feed says nothing."""
        old = self.items[number]
        self.items[number] = replace(old, values={**old.values, **values})

    def delete(self, number: int) -> None:
        self.trash[number] = self.items.pop(number)
        if number not in self.silent:
            self.changes_made.append(number)

    def restore(self, number: int) -> None:
        old = self.trash.pop(number)
        self._put(replace(old, version=str(int(old.version) + 1)))

    def touch(self, number: int) -> None:
        """Let the feed tell an item once more."""
        self.changes_made.append(number)

    def forget(self, offers: str | None = None) -> None:
        self.epoch += 1
        self.offers = offers

    def _put(self, record: Record) -> None:
        self.items[record.id] = record
        self.changes_made.append(record.id)

    # The source

    @property
    def usage(self) -> Usage:
        return Usage(self.calls, self.calls)

    def bind(self, known: Binding | None) -> Binding:
        self.binds.append(known is None)
        return dict(known) if known else {IDENTITY: self.identity}

    def columns(self) -> tuple[Column, ...]:
        self._called()
        self.columns_asked += 1
        return self.columns_now

    def changes(self, cursor: str | None) -> RecordPage:
        self._called()
        self.asked.append(cursor)
        if cursor is None or cursor == "fresh":
            return self._read(len(self.changes_made), 0)
        epoch, kind, rest = self._parsed(cursor)
        if epoch != self.epoch:
            raise CursorExpired("The list does not know this position.", restart=self.offers)
        if kind == "r":
            return self._read(rest[0], rest[1])
        if kind == "d":
            return self._follow(rest[0], len(self.changes_made), 0)
        return self._follow(*rest)

    def whole(self, records: Sequence[Record]) -> tuple[Record, ...]:
        self.before_whole()
        return tuple(self._row(record) for record in records)

    def _row(self, record: Record) -> Record:
        if record.deleted:
            return record
        self._called()
        return self.items.get(record.id, record)

    def close(self) -> None:
        """See the protocol."""

    def _parsed(self, cursor: str) -> tuple[int, str, list[int]]:
        kind = next(letter for letter in "rdp" if letter in cursor)
        epoch, rest = cursor.split(kind)
        return int(epoch), kind, [int(part) for part in rest.split(":")]

    def _read(self, began: int, above: int) -> RecordPage:
        ids = sorted(number for number in self.items if number > above)
        told = [self._short(self.items[number]) for number in ids[: self.page_size]]
        if self.repeats and above in self.items:
            told.insert(0, self._short(self.items[above]))
        if len(ids) <= self.page_size:
            return RecordPage(tuple(told), f"{self.epoch}d{began}", complete=True)
        return RecordPage(tuple(told), f"{self.epoch}r{began}:{ids[self.page_size - 1]}", complete=False)

    def _follow(self, start: int, end: int, place: int) -> RecordPage:
        ids = list(dict.fromkeys(self.changes_made[start:end]))
        told = ids[max(0, place - 1 if self.repeats else place) : place + self.page_size]
        records = tuple(self._short(self.items.get(number, Record(number, deleted=True))) for number in told)
        if place + self.page_size >= len(ids):
            return RecordPage(records, f"{self.epoch}d{end}", complete=True)
        return RecordPage(records, f"{self.epoch}p{start}:{end}:{place + self.page_size}", complete=False)

    def _short(self, record: Record) -> Record:
        return without_apart(record, self.columns_now)

    def _called(self) -> None:
        self.calls += 1
        if self.calls in self.interludes:
            self.interludes.pop(self.calls)()
        if self.calls in self.trouble:
            raise self.trouble.pop(self.calls)
