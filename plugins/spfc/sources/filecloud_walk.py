"""Walk a tree of FileCloud folders depth first, one request at a time, from a place that a line of text can hold."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace

from spfc.filecloud.client import FileCloudClient
from spfc.planning.model import SourceItem
from spfc.sources.filecloud_breakdowns import Breakdowns
from spfc.sources.filecloud_items import ROOT_ID, Items, Places, beyond, fits, name_of, parent_of
from spfc.sources.filecloud_listing import FolderListing, Mark, State

log = logging.getLogger("spfc.filecloud_folder")


@dataclass(frozen=True, slots=True)
class Ground:
    """What every walk of a source folder needs."""

    client: FileCloudClient
    places: Places
    items: Items
    breakdowns: Breakdowns


@dataclass(frozen=True, slots=True)
class Position:
    """Where a walk stands: at ``folder`` (an id), which is to be listed next, or ``done`` with everything below it, so
    that the folder around it is to be listed again. ``mark`` is where that listing stands.
    """

    folder: str = ROOT_ID
    done: bool = False
    mark: Mark = field(default_factory=Mark)


@dataclass(slots=True)
class _Level:
    """A folder above the position. ``todo`` are the names still to come, the next one last; None when this process
    has not listed it. ``reached`` is the name that was begun last.
    """

    folder: str
    reached: str = ""
    todo: list[str] | None = None


@dataclass(slots=True)
class Walk:
    """A walk from ``position`` to the end of the tree below ``top``, folders in the order of their names.

    A folder is shown with the last page of its own listing, so after its content; one that could not be listed has
    :attr:`~spfc.planning.model.Flag.UNLISTED`. A walk that is taken up by another process goes on with the same page of
    the same folder, and lists the folders above it again when it comes back to them.
    """

    ground: Ground
    top: str = ROOT_ID
    position: Position | None = field(default_factory=Position)
    """None when the walk is over."""
    deep: bool = True
    """Off: ``top`` alone."""
    keeps_files: bool = False
    """Whether :attr:`listing` is to keep the names of the files that it shows."""
    listing: FolderListing | None = None
    """The listing that the last step read."""
    _levels: list[_Level] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Climb from the position to the top: nothing of the folders on the way is known yet."""
        at = self.position.folder if self.position else self.top
        while at != self.top:
            self._levels.insert(0, _Level(parent_of(at), name_of(at)))
            at = parent_of(at)

    def step(self) -> list[SourceItem]:
        """Read one page of one folder (one request when all is well) and return what it shows."""
        position = self.position
        if position is None:
            raise ValueError("the walk is over")
        folder = parent_of(position.folder) if position.done else position.folder
        if self.listing is None or self.listing.state is not State.MORE:
            self.listing = self._begin(position, folder)
        entries = self.listing.read()
        found = [self.ground.items.file(folder, entry) for entry in entries if not entry.is_folder]
        found += [beyond(folder, entry) for entry in entries if entry.is_folder and not fits(f"{folder}{entry.name}/")]
        if self.listing.state is State.MORE:
            self.position = replace(position, mark=self.listing.mark)
            return found
        if self.listing.state is not State.GONE:
            found.append(self._shown(folder, self.listing))
        self.position = self._enter(position, folder, self.listing) or self._next()
        return found

    def _begin(self, position: Position, folder: str) -> FolderListing:
        after = name_of(position.folder) if position.done else ""
        deep = self.deep

        def wanted(name: str) -> bool:
            return deep and name > after and fits(f"{folder}{name}/")

        return FolderListing(
            self.ground.client,
            self.ground.places.path(folder) or "",
            None if folder == ROOT_ID else self.ground.breakdowns,
            mark=position.mark,
            wanted=wanted,
            files=set() if self.keeps_files else None,
        )

    def _shown(self, folder: str, listing: FolderListing) -> SourceItem:
        unlisted = listing.state is State.UNLISTED
        if unlisted:
            log.warning("%s could not be listed, nothing below it counts as gone: %s", listing.path, listing.why)
        return self.ground.items.folder(folder, unlisted=unlisted)

    def _enter(self, position: Position, folder: str, listing: FolderListing) -> Position | None:
        """Note which folders come next, now that a folder was listed. Returns the next one where only that is known."""
        if not position.done:
            self._levels.append(_Level(folder))
        level = self._levels[-1]
        if listing.knows_all or not listing.mark.first:
            level.todo = sorted(listing.folders, reverse=True)
            return None
        level.reached, level.todo = listing.mark.first, None
        return Position(f"{folder}{level.reached}/")

    def _next(self) -> Position | None:
        while self._levels:
            level = self._levels[-1]
            if level.todo is None:
                return Position(f"{level.folder}{level.reached}/", done=True)
            if level.todo:
                level.reached = level.todo.pop()
                return Position(f"{level.folder}{level.reached}/")
            self._levels.pop()
        return None
