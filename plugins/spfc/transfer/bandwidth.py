"""A cap on the bytes that a route reads per second: each slice is paid for before the next one is read."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Final

from spfc.pacing import Purse
from spfc.planning.model import SourceItem
from spfc.sources.base import Binding, ChangePage, ContentStream, Source, Usage

KIB: Final = 1024
MIB: Final = 1024 * KIB
LARGEST: Final = 256 * KIB
SLICES_PER_SECOND: Final = 16
"""A second's worth is cut into so many slices, so that several files and tasks get their turns within it."""
SMALLEST: Final = 4 * KIB


class Bandwidth:
    """Lets so many bytes pass as its purse (in KiB) allows. Thread safe. ``cap`` is MiB per second, of all tasks."""

    def __init__(self, purse: Purse, cap: float, sleep: Callable[[float], None] = time.sleep) -> None:
        self._purse, self._sleep = purse, sleep
        self.slice = int(min(LARGEST, max(SMALLEST, cap * MIB / SLICES_PER_SECOND)))
        """Most bytes that may be asked for at once."""

    def spend(self, size: int) -> None:
        """Wait until the next bytes may be read after ``size`` bytes were."""
        while (wait := self._purse.take(math.ceil(size / KIB))) > 0:
            self._sleep(wait)


class PacedSource:
    """Implements :class:`spfc.sources.base.Source` over another one whose bytes it paces."""

    def __init__(self, source: Source, bandwidth: Bandwidth) -> None:
        self._source, self._bandwidth = source, bandwidth

    @property
    def usage(self) -> Usage:
        """What was spent so far."""
        return self._source.usage

    @property
    def has_feed(self) -> bool:
        """Whether the source has a change feed."""
        return self._source.has_feed

    def bind(self, known: Binding | None) -> Binding:
        """Find the place."""
        return self._source.bind(known)

    def changes(self, cursor: str | None) -> ChangePage:
        """Return one page of changes."""
        return self._source.changes(cursor)

    def refresh(self, item_id: str) -> SourceItem | None:
        """Return what the source says of one item now."""
        return self._source.refresh(item_id)

    def open(self, item: SourceItem, *, offset: int = 0) -> ContentStream:
        """Open the bytes of an item, paced."""
        return _PacedStream(self._source.open(item, offset=offset), self._bandwidth)

    def close(self) -> None:
        """Give back what the source holds."""
        self._source.close()


class _PacedStream:
    """Implements :class:`spfc.sources.base.ContentStream`."""

    def __init__(self, stream: ContentStream, bandwidth: Bandwidth) -> None:
        self._stream, self._bandwidth = stream, bandwidth
        self.length, self.offset, self.version = stream.length, stream.offset, stream.version

    def read(self, size: int) -> bytes:
        """Return exactly ``size`` bytes, fewer only at the end of the file."""
        parts: list[bytes] = []
        while size > 0:
            wanted = min(size, self._bandwidth.slice)
            part = self._stream.read(wanted)
            # Paid for afterwards: what is asked for is often far more than what a small file holds.
            self._bandwidth.spend(len(part))
            parts.append(part)
            size -= len(part)
            if len(part) < wanted:
                break
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def close(self) -> None:
        """Give the connection back."""
        self._stream.close()
