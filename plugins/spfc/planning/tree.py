"""Where an item belongs: paths and scope, derived from parents by id, never read from stored text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from spfc.planning.model import Kind, SourceItem


class Standing(StrEnum):
    """How an item stands to the route."""

    WANTED = "wanted"
    DELETED = "deleted"
    """It, or a folder above it, is deleted at the source."""
    OUTSIDE = "outside"
    """It lies in the library, but not below the route's folder."""
    EXCLUDED = "excluded"
    """A filter of the route excludes it or a folder above it."""
    OPAQUE = "opaque"
    """It is a package or link, or lies in one: there is no file to copy."""
    UNKNOWN = "unknown"
    """A folder above it has not been reported by the source."""


@dataclass(frozen=True, slots=True)
class Place:
    """An item's standing, and its path from the route's source root (best known where not wanted)."""

    standing: Standing
    path: str


ROOT_PLACE = Place(Standing.WANTED, "")


class SourceTree:
    """The folders of the source that a plan needs, by id. ``excluded`` judges a path from the source root."""

    def __init__(self, folders: Mapping[str, SourceItem], base_id: str, excluded: Callable[[str], bool]) -> None:
        self._folders = folders
        self._base_id = base_id
        self._excluded = excluded
        self._places: dict[str, Place] = {base_id: ROOT_PLACE}
        self._last: tuple[SourceItem, Place] | None = None

    def place(self, item: SourceItem) -> Place:
        """Return where ``item`` stands. Folders are remembered, so a million files cost their parents once."""
        if self._last is None or self._last[0] is not item:
            self._last = item, self._find(item)
        return self._last[1]

    def _find(self, item: SourceItem) -> Place:
        if item.id == self._base_id:
            return ROOT_PLACE
        if item.parent_id is None:
            return Place(Standing.OUTSIDE if item.is_root else Standing.UNKNOWN, f"/{item.name}")
        return self._below(self._folder_place(item.parent_id), item)

    def _folder_place(self, folder_id: str) -> Place:
        """Walk up to a known place, then down again, remembering each folder on the way."""
        chain: list[SourceItem] = []
        on_the_way: set[str] = set()
        at: str | None = folder_id
        while at is not None and at not in self._places:
            folder = self._folders.get(at)
            if folder is None or at in on_the_way:
                self._places[at] = Place(Standing.UNKNOWN, "/?")
                break
            chain.append(folder)
            on_the_way.add(at)
            at = folder.parent_id
        place = self._places[at] if at is not None else None
        for folder in reversed(chain):
            place = self._top(folder) if place is None else self._below(place, folder)
            self._places[folder.id] = place
        return self._places[folder_id]

    @staticmethod
    def _top(folder: SourceItem) -> Place:
        """Return the place of a folder without a parent: only the library's root may lack one."""
        return Place(Standing.OUTSIDE if folder.is_root else Standing.UNKNOWN, "" if folder.is_root else "/?")

    def _below(self, parent: Place, item: SourceItem) -> Place:
        path = f"{parent.path}/{item.name}"
        if item.deleted:
            return Place(Standing.DELETED, path)
        if parent.standing is not Standing.WANTED:
            return Place(parent.standing, path)
        if self._excluded(path):
            return Place(Standing.EXCLUDED, path)
        if item.kind in (Kind.PACKAGE, Kind.LINK):
            return Place(Standing.OPAQUE, path)
        return Place(Standing.WANTED, path)
