"""A source that makes its pages up as they are asked for: nothing of the library is in this process's memory."""

from __future__ import annotations

from spfc.planning.model import Kind, SourceItem
from spfc.sources.base import Binding, ChangePage, ContentStream, Usage

PAGE = 500
FOLDERS = 20
_END = "end"


class PagedSource:
    """``items`` files in :data:`FOLDERS` folders below the root. Only the change feed works."""

    def __init__(self, items: int) -> None:
        self._items = items

    @property
    def has_feed(self) -> bool:
        """There is a change feed."""
        return True

    @property
    def usage(self) -> Usage:
        return Usage()

    def bind(self, known: Binding | None) -> Binding:
        return known or {"place": "nowhere"}

    def changes(self, cursor: str | None) -> ChangePage:
        if cursor == _END:
            return ChangePage((), _END, complete=True)
        start = int(cursor or 0)
        found = _folders() if start == 0 else []
        found += [_file(number) for number in range(start, min(start + PAGE, self._items))]
        complete = start + PAGE >= self._items
        return ChangePage(tuple(found), _END if complete else str(start + PAGE), complete)

    def close(self) -> None:
        """Nothing is held."""

    def refresh(self, item_id: str) -> SourceItem | None:
        raise NotImplementedError

    def open(self, item: SourceItem, *, offset: int = 0) -> ContentStream:
        raise NotImplementedError


def _folders() -> list[SourceItem]:
    root = SourceItem("root", None, "root", Kind.FOLDER, is_root=True)
    return [root, *(SourceItem(f"folder{n}", "root", f"Folder {n}", Kind.FOLDER, version="1") for n in range(FOLDERS))]


def _file(number: int) -> SourceItem:
    return SourceItem(
        f"01{number * 2_654_435_761 % 2**32:032}", f"folder{number % FOLDERS}", f"Document {number}.docx", Kind.FILE,
        1000 + number % 777, 1_600_000_000 + number, f"{number},1", None, "aCgDG9jwBhDc4Q1yawMZAAAAAAA=",
    )  # fmt: skip
