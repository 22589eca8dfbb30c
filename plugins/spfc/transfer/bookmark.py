"""How far a big upload has come, kept so that another process may go on there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

WORTH_KEEPING = 4
"""Files of more chunks than this leave bookmarks: sending a smaller one again costs less than remembering it."""


@dataclass(frozen=True, slots=True)
class Bookmark:
    """One upload that has not ended: the first ``offset`` bytes have reached the target, and ``state`` measures them.

    ``version`` is the item's, ``stream_version`` the tag that came with its bytes. ``suspect`` says that a file found
    at ``target_path`` may have been put together by several processes, or was not what had been sent: it must be read
    back before it is believed.
    """

    item_id: str
    target_path: str
    version: str
    stream_version: str | None
    size: int
    chunk_size: int
    offset: int
    state: Mapping[str, object]
    suspect: bool = False


class Bookmarks(Protocol):
    """Where bookmarks are kept, at most one for each item. Threads may share it."""

    def find(self, item_id: str) -> Bookmark | None:
        """Return the bookmark of an item."""

    def keep(self, bookmark: Bookmark) -> None:
        """Put a bookmark in the place of the item's last one; it is safe when this returns."""

    def drop(self, item_id: str) -> None:
        """Forget the bookmark of an item, if there is one."""


@dataclass(frozen=True, slots=True)
class Care:
    """What is done for a copy besides making it.

    ``read_back``: what the target holds is downloaded and compared with what was sent (or, for a file that stands
    there already, with the listed hash). ``bookmarks``: None keeps no progress. ``hurried``: asked after each chunk
    but the last whether the copy is to be broken off.
    """

    read_back: bool = False
    bookmarks: Bookmarks | None = None
    hurried: Callable[[], bool] = bool

    def find(self, item_id: str) -> Bookmark | None:
        """Return the bookmark of an item, None also when none are kept."""
        return None if self.bookmarks is None else self.bookmarks.find(item_id)

    def keep(self, bookmark: Bookmark) -> None:
        """Keep a bookmark, if any are kept."""
        if self.bookmarks is not None:
            self.bookmarks.keep(bookmark)

    def drop(self, item_id: str) -> None:
        """Forget a bookmark, if any are kept."""
        if self.bookmarks is not None:
            self.bookmarks.drop(item_id)


PLAIN = Care()
"""Neither progress nor reading back."""
