"""A source in memory with every promise of a real one: for tests, demonstrations and dry studies."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from spfc.errors import CursorExpired, ItemGone, ServiceBusy, SpfcError
from spfc.planning.model import SourceItem
from spfc.quickxor import QuickXor
from spfc.sources.base import IDENTITY, Binding, ChangePage, Usage


class MemoryStream:
    """Implements :class:`spfc.sources.base.ContentStream` over bytes; breaks after ``breaks_at``, if given."""

    def __init__(
        self, content: bytes, *, offset: int, length: int | None, version: str | None, breaks_at: int | None
    ) -> None:
        self.length = length
        self.offset = offset
        self.version = version
        self._content = memoryview(content)
        self._position = offset
        self._breaks_at = breaks_at
        self.closed = False

    def read(self, size: int) -> bytes:
        """See the protocol. What was read of a chunk before the break is lost with it."""
        end = min(self._position + size, len(self._content))
        if self._breaks_at is not None and end > self._breaks_at:
            raise ServiceBusy("The stream broke.")
        chunk = bytes(self._content[self._position : end])
        self._position = end
        return chunk

    def close(self) -> None:
        """See the protocol."""
        self.closed = True


class MemorySource:
    """Implements :class:`spfc.sources.base.Source`: a script of changes, and the bytes of each item. Thread safe.

    :meth:`publish` queues one round of the feed, cut into pages; without one a round is a single empty page. Cursors
    are numbers of pages, so any earlier cursor may be asked again. Once the script was read to its end, a fresh start
    (no cursor, or ``"fresh"``) shows in one page what lives in ``items``. ``contents`` holds what is served by item id,
    ``announced`` what is claimed as length (default: the truth), ``versions`` the tag of the bytes (default: the
    item's version). ``counts`` counts calls by operation; ``opened`` tells item and offset of every stream.
    ``fail_next`` queues errors by operation (``bind``, ``changes``, ``refresh``, ``open``): each call raises the next
    one instead of doing anything. ``break_next`` queues positions at which the next streams break. ``unlisted`` are ids
    that a fresh start leaves out although the source has them. ``identity`` tells one place from another. With
    ``has_feed`` off it plays a source without a change feed: only a fresh start can be asked for. ``closed`` counts
    how often it was closed.
    """

    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}
        self.announced: dict[str, int | None] = {}
        self.versions: dict[str, str | None] = {}
        self.items: dict[str, SourceItem] = {}
        self.counts: Counter[str] = Counter()
        self.opened: list[tuple[str, int]] = []
        self.streams: list[MemoryStream] = []
        self.fail_next: dict[str, list[SpfcError]] = {}
        self.break_next: list[int | None] = []
        self.identity = "memory"
        self.has_feed = True
        self.closed = 0
        self.unlisted: set[str] = set()
        self.refusals = 0
        self._read_to_end = False
        self._pages: list[tuple[tuple[SourceItem, ...], bool]] = []
        self._lock = threading.RLock()

    def put(self, item: SourceItem, content: bytes) -> SourceItem:
        """Hold ``content`` for a file and return the item as it is listed: with its size and quickXorHash."""
        hashed = QuickXor()
        hashed.update(content)
        listed = replace(item, size=len(content), hash=hashed.base64())
        with self._lock:
            self.contents[item.id] = content
            self.items[item.id] = listed
        return listed

    def publish(self, *pages: Iterable[SourceItem]) -> None:
        """Queue one round of the feed."""
        with self._lock:
            for number, page in enumerate(pages, 1):
                items = tuple(page)
                self.items.update({item.id: item for item in items})
                self._pages.append((items, number == len(pages)))

    @property
    def usage(self) -> Usage:
        """What was spent so far: each call is one request of one unit."""
        calls = self.counts.total() - self.counts["bind"]
        return Usage(calls, calls, self.refusals)

    def bind(self, known: Binding | None) -> Binding:
        """See the protocol."""
        with self._lock:
            self._call("bind")
            return {**(known or {}), IDENTITY: self.identity}

    def changes(self, cursor: str | None) -> ChangePage:
        """See the protocol and the class."""
        with self._lock:
            self._call("changes")
            end = len(self._pages)
            fresh = cursor is None or cursor == "fresh"
            if fresh and self._read_to_end:
                return ChangePage(self._living(), str(end), True)
            number = 0 if fresh else int(cursor or 0)
            if number > end:
                raise CursorExpired("There is no such cursor.")
            if number == end and number and not self.has_feed:
                raise CursorExpired("There is no change feed: everything must be listed again.")
            self._read_to_end = self._read_to_end or number >= end - 1
            if number == end:
                return ChangePage((), str(number), True)
            items, complete = self._pages[number]
            return ChangePage(items, str(number + 1), complete)

    def _living(self) -> tuple[SourceItem, ...]:
        return tuple(item for item in self.items.values() if not item.deleted and item.id not in self.unlisted)

    def refresh(self, item_id: str) -> SourceItem | None:
        """See the protocol."""
        with self._lock:
            self._call("refresh")
            item = self.items.get(item_id)
            return None if item is None or item.deleted else item

    def open(self, item: SourceItem, *, offset: int = 0) -> MemoryStream:
        """See the protocol."""
        with self._lock:
            self._call("open")
            self.opened.append((item.id, offset))
            content = self.contents.get(item.id)
            if content is None:
                raise ItemGone("The source has no such item any more.", item=item.name)
            stream = MemoryStream(
                content,
                offset=offset,
                length=self.announced.get(item.id, len(content)),
                version=self.versions.get(item.id, item.version),
                breaks_at=self.break_next.pop(0) if self.break_next else None,
            )
            self.streams.append(stream)
            return stream

    def close(self) -> None:
        """See the protocol."""
        self.closed += 1

    def _call(self, operation: str) -> None:
        self.counts[operation] += 1
        queued = self.fail_next.get(operation)
        if queued:
            raise queued.pop(0)
