"""The change log of the library, as its feed tells it: with folders above, and markers of what was deleted."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from simulators.sharepoint.items import Item
from simulators.sharepoint.knobs import SharePointKnobs
from simulators.sharepoint.library import Library
from simulators.sharepoint.rounds import Rounds
from simulators.sharepoint.wire import Json, matches


class LibraryLog:
    """Implements `feed.Subject` for the files and folders of a library."""

    def __init__(self, library: Library, knobs: SharePointKnobs) -> None:
        self._library = library
        self._knobs = knobs

    @property
    def list_id(self) -> uuid.UUID:
        """See the protocol."""
        return self._library.ids.list

    @property
    def change(self) -> int:
        """See the protocol."""
        return self._library.store.change

    @property
    def rounds(self) -> Rounds:
        """See the protocol."""
        return self._library.store.rounds

    def entries(self) -> Iterable[Item]:
        """See the protocol."""
        return self._library.store.items.values()

    def key(self, entry: Item) -> str:
        """See the protocol."""
        return entry.id

    def entry(self, key: str) -> Item:
        """See the protocol."""
        return self._library.store.items[key]

    def is_listed(self, entry: Item) -> bool:
        """See the protocol."""
        hidden = self._knobs.unlisted
        return not (hidden and matches(hidden, self._library.path(entry)))

    def is_told(self, entry: Item) -> bool:
        """See the protocol."""
        markers = self._knobs.delete_markers
        shown = entry.marked or markers == "all" or (markers == "folders" and entry.is_dir)
        silent = self._knobs.silent_delete
        return shown and not (silent and matches(silent, self._library.path(entry)))

    def depth(self, entry: Item) -> int:
        """See the protocol."""
        depth = 0
        above = entry.parent
        while above is not None:
            depth += 1
            above = self._library.store.items[above].parent
        return depth

    def shown(self, changed: list[Item]) -> list[Item]:
        """Add the folders above what has changed, as the service does (reference 6.1)."""
        if not self._knobs.delta_ancestors:
            return changed
        present = {item.id for item in changed}
        above: list[Item] = []
        for item in changed:
            for folder in self._library.ancestors(item):
                if folder.id in present or not self.is_listed(folder):
                    continue
                present.add(folder.id)
                above.append(folder)
        if self._knobs.delta_order == "parents-first":
            above.sort(key=self.depth)
            return above + changed
        return changed + above

    def older(self, entry: Item, value: Json) -> Json | None:
        """Return an earlier name, size and tag of a living item."""
        if "deleted" in value:
            return None
        old = dict(value)
        if "name" in old and "root" not in old:
            old["name"] = f"formerly {old['name']}"
        if "size" in old and "file" in old:
            old["size"] = int(old["size"]) + 1
        return with_older_tag(old)

    def settle(self) -> None:
        """See the protocol."""
        self._library.store.flush()


class LibraryRows(LibraryLog):
    """The same log for the library as a list: the root is no row, and whether folders are repeated is not known."""

    def is_listed(self, entry: Item) -> bool:
        """See the protocol."""
        return entry.parent is not None and super().is_listed(entry)

    def shown(self, changed: list[Item]) -> list[Item]:
        """See the protocol."""
        return changed


def with_older_tag(value: Json) -> Json:
    """Return a value with the eTag of the version before."""
    if "eTag" not in value:
        return value
    head, _, number = str(value["eTag"])[:-1].rpartition(",")
    return value | {"eTag": f'{head},{int(number) - 1}"'}
