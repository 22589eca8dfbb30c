"""A source of records in memory with every promise of a real one: for tests, demonstrations and dry studies."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from spfc.errors import CursorExpired, SpfcError
from spfc.records.model import Column, Record
from spfc.sources.base import IDENTITY, Binding, Usage
from spfc.sources.records import RecordPage

_FRESH = "fresh"


class MemoryRecordSource:
    """Implements :class:`spfc.sources.records.RecordSource`: a script of pages over the rows of a list. Thread safe.

    :meth:`publish` queues one round of the feed, cut into pages; without one a round is a single empty page. Cursors
    are numbers of pages, so any earlier cursor may be asked again. Once the script was read to its end, a start from
    the beginning (no cursor, or ``"fresh"``) shows what lives in ``rows`` in pages of ``page_size``. Within a page the
    last mention of an id counts, as in the real feed. ``table`` holds the columns and may be changed. ``unlisted`` are
    ids that no start from the beginning shows although they live. Values of columns that are ``apart`` are told by
    :meth:`whole` only. ``counts`` counts calls by operation. ``fail_next`` queues errors by operation (``bind``,
    ``columns``, ``changes``, ``whole``): each call raises the next one instead of doing anything. ``identity`` tells
    one list from another.
    """

    def __init__(self, columns: Iterable[Column] = (), *, page_size: int = 1000) -> None:
        self.table: list[Column] = list(columns)
        self.rows: dict[int, Record] = {}
        self.unlisted: set[int] = set()
        self.page_size = page_size
        self.counts: Counter[str] = Counter()
        self.fail_next: dict[str, list[SpfcError]] = {}
        self.identity = "memory"
        self.refusals = 0
        self.closed = 0
        self._read_to_end = False
        self._pages: list[tuple[tuple[Record, ...], bool]] = []
        self._readings: list[tuple[Record, ...]] = []
        self._lock = threading.RLock()

    def publish(self, *pages: Iterable[Record]) -> None:
        """Queue one round of the feed; afterwards the list is what its last mentions say."""
        with self._lock:
            for number, page in enumerate(pages, 1):
                records = tuple(page)
                for record in records:
                    self._apply(record)
                self._pages.append((_last_mentions(records), number == len(pages)))

    @property
    def usage(self) -> Usage:
        """What was spent so far: each call but ``bind`` is one request of one unit."""
        calls = self.counts.total() - self.counts["bind"]
        return Usage(calls, calls, self.refusals)

    def bind(self, known: Binding | None) -> Binding:
        """See the protocol."""
        with self._lock:
            self._call("bind")
            return {**(known or {}), IDENTITY: self.identity}

    def columns(self) -> tuple[Column, ...]:
        """See the protocol."""
        with self._lock:
            self._call("columns")
            return tuple(self.table)

    def changes(self, cursor: str | None) -> RecordPage:
        """See the protocol and the class."""
        with self._lock:
            self._call("changes")
            page = self._page(cursor)
            return replace(page, records=tuple(without_apart(record, self.table) for record in page.records))

    def whole(self, records: Sequence[Record]) -> tuple[Record, ...]:
        """See the protocol."""
        with self._lock:
            return tuple(record if record.deleted else self._row(record) for record in records)

    def close(self) -> None:
        """See the protocol."""
        self.closed += 1

    def _page(self, cursor: str | None) -> RecordPage:
        if cursor in (None, _FRESH) and self._read_to_end:
            return self._begin()
        if cursor is not None and cursor.startswith("reading "):
            return self._reading(*(int(number) for number in cursor.split()[1:]))
        return self._scripted(0 if cursor in (None, _FRESH) else int(cursor or 0))

    def _row(self, record: Record) -> Record:
        self._call("whole")
        return self.rows.get(record.id, record)

    def _scripted(self, number: int) -> RecordPage:
        end = len(self._pages)
        if number > end:
            raise CursorExpired("There is no such cursor.", restart=_FRESH)
        self._read_to_end = self._read_to_end or number >= end - 1
        if number == end:
            return RecordPage((), str(number), True)
        records, complete = self._pages[number]
        return RecordPage(records, str(number + 1), complete)

    def _begin(self) -> RecordPage:
        living = [record for record in self.rows.values() if record.id not in self.unlisted]
        self._readings.append(tuple(sorted(living, key=lambda record: record.id)))
        return self._reading(len(self._readings) - 1, 0, len(self._pages))

    def _reading(self, number: int, start: int, after: int) -> RecordPage:
        """Return a page of what lived when the reading began; what changed since comes with the next round."""
        rows, end = self._readings[number], start + self.page_size
        complete = end >= len(rows)
        cursor = str(after) if complete else f"reading {number} {end} {after}"
        return RecordPage(rows[start:end], cursor, complete)

    def _apply(self, record: Record) -> None:
        if record.deleted:
            self.rows.pop(record.id, None)
        else:
            self.rows[record.id] = record

    def _call(self, operation: str) -> None:
        self.counts[operation] += 1
        queued = self.fail_next.get(operation)
        if queued:
            raise queued.pop(0)


def without_apart(record: Record, columns: Iterable[Column]) -> Record:
    """Return a row as pages tell it: without the values of columns that are ``apart``."""
    apart = {column.name for column in columns if column.apart}
    if apart.isdisjoint(record.values):
        return record
    return replace(record, values={name: value for name, value in record.values.items() if name not in apart})


def _last_mentions(records: Iterable[Record]) -> tuple[Record, ...]:
    last: dict[int, Record] = {}
    for record in records:
        last.pop(record.id, None)
        last[record.id] = record
    return tuple(last.values())
