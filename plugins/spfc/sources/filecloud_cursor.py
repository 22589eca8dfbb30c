"""The place of a FileCloud source between two calls, as the small text that the ledger keeps."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from dataclasses import fields as parts
from typing import Any

from spfc.errors import CursorExpired
from spfc.filecloud.paging import Place
from spfc.sources.filecloud_items import ROOT_ID
from spfc.sources.filecloud_listing import Mark
from spfc.sources.filecloud_walk import Position


@dataclass(frozen=True, slots=True)
class WalkCursor:
    """Within a full enumeration. ``feed`` is the version of the change feed from before it, None without a feed that
    can be trusted.
    """

    position: Position
    feed: int | None

    def text(self) -> str:
        """Return the cursor as text."""
        at = self.position
        listing = {} if at.mark == Mark() else {**asdict(at.mark.place), "first": at.mark.first}
        return _spell({"after" if at.done else "at": at.folder, "feed": self.feed, **listing})


@dataclass(frozen=True, slots=True)
class DeltaCursor:
    """At ``version`` of the change feed; ``page`` counts the calls of the round that began there, 0 before it."""

    version: int
    page: int = 0

    def text(self) -> str:
        """Return the cursor as text."""
        return _spell({"delta": self.version, "page": self.page})


Cursor = WalkCursor | DeltaCursor

END = '{"end": true}'
"""The cursor behind a full enumeration that no change feed can follow."""


def read_cursor(text: str) -> Cursor:
    """Return the cursor in a text. Raises CursorExpired for one that only a full enumeration can follow."""
    if text == END:
        raise CursorExpired("There is no change feed to go on with: everything is listed again.")
    try:
        return _read(json.loads(text))
    except (ValueError, LookupError, TypeError) as error:
        raise CursorExpired("The place in the folder cannot be read: everything is listed again.") from error


def _read(fields: dict[str, Any]) -> Cursor:
    if "delta" in fields:
        return DeltaCursor(int(fields["delta"]), int(fields["page"]))
    done = "after" in fields
    folder = str(fields["after" if done else "at"])
    if not (folder.startswith(ROOT_ID) and folder.endswith("/")) or (done and folder == ROOT_ID):
        raise ValueError("no folder")
    mark = _mark(fields) if "received" in fields else Mark()
    feed = fields["feed"]
    return WalkCursor(Position(folder, done, mark), None if feed is None else int(feed))


def _mark(fields: dict[str, Any]) -> Mark:
    place = Place(**{part.name: fields[part.name] for part in parts(Place)})
    if not isinstance(place.received, int) or not isinstance(place.tries, int):
        raise TypeError("no numbers")
    return Mark(place, fields["first"])


def _spell(fields: dict[str, object]) -> str:
    return json.dumps(fields, ensure_ascii=False)
