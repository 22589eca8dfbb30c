"""One round of FileCloud's change feed: it says which folders to list again, and never what is true of them."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from spfc.errors import AnswerUnreadable, CursorExpired, PermissionMissing
from spfc.filecloud.records import SyncChange
from spfc.filecloud.refusals import CallRefused
from spfc.planning.model import Kind, SourceItem
from spfc.sources.filecloud_items import ROOT_ID, name_of, parent_of
from spfc.sources.filecloud_listing import FolderListing, State
from spfc.sources.filecloud_walk import Ground, Position, Walk


@dataclass(slots=True)
class DeltaRound:
    """What happened since version ``since``: two requests for the feed, then one for each page that is listed again.

    Folders with a changed file are listed, new folders are walked. A file is told as deleted when the feed says so and
    the clean listing of its folder does not show it, or when a new folder has its path: a feed that tells the latest of
    each path would say nothing more of that file. Everything else that is not as expected, and every folder that is
    gone, takes a full enumeration: FileCloud reference 10 knows neither how long deletions are remembered nor whether
    those below a folder are told.
    """

    ground: Ground
    folder: str
    since: int
    over: bool = False
    version: int = 0
    """Where the next round begins; valid when the round is over."""
    _checked: bool = False
    _walks: deque[Walk] | None = None
    _gone: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Names of the files that the feed calls deleted, by the id of their folder."""
    _new: set[str] = field(default_factory=set)
    """Ids of the folders that the feed speaks of."""

    def step(self) -> list[SourceItem]:
        """Ask the feed, or list one page (one request when all is well), and return what that shows.

        The feed is asked where it stands before it is asked what changed: one that begins anew, such as that of a
        server that was restored, would answer that nothing did.

        Raises CursorExpired when only a full enumeration can tell.
        """
        if self._walks is None:
            try:
                self._ask()
            except (AnswerUnreadable, CallRefused, PermissionMissing) as error:
                raise CursorExpired(f"The change feed of FileCloud cannot be followed. {error.message}") from error
            return []
        walk = self._walks[0]
        position = walk.position
        found = walk.step()
        listing = walk.listing
        if listing is not None and position is not None and listing.state is not State.MORE:
            found += self._confirmed(position.folder, listing)
        if walk.position is None:
            self._walks.popleft()
        self.over = not self._walks
        return found

    def _ask(self) -> None:
        if not self._checked:
            if self.ground.client.sync_version(self.folder) < self.since:
                raise CursorExpired("The change feed of FileCloud went backwards.")
            self._checked = True
            return
        changes = self.ground.client.sync_changes(self.folder, self.since)
        touched = set[str]()
        for change in changes:
            item_id = self._judged(change)
            if item_id == ROOT_ID:
                continue
            if change.is_folder:
                self._new.add(item_id)
                continue
            touched.add(parent_of(item_id))
            if change.deleted:
                self._gone[parent_of(item_id)].add(name_of(item_id))
        deep = _topmost(self._new)
        shallow = [folder for folder in sorted(touched) if not _is_below(folder, deep)]
        jobs = [(folder, False) for folder in shallow] + [(folder, True) for folder in deep]
        self._walks = deque(
            Walk(self.ground, folder, Position(folder), deep=below, keeps_files=True) for folder, below in jobs
        )
        self.version = max((change.version for change in changes), default=self.since)
        self.over = not self._walks

    def _judged(self, change: SyncChange) -> str:
        """Return the id of what a record speaks of, if it can be believed."""
        item_id = self.ground.places.id_of(f"{change.path}/" if change.is_folder else change.path)
        if item_id is None:
            raise CursorExpired("The change feed of FileCloud spoke of something outside the folder.")
        if change.version < self.since:
            raise CursorExpired("The change feed of FileCloud went backwards.")
        if change.is_folder and change.deleted:
            raise CursorExpired("A folder was removed or renamed at FileCloud: everything is listed again.")
        return item_id

    def _confirmed(self, folder: str, listing: FolderListing) -> Iterable[SourceItem]:
        """Return the deletions in a folder that its clean listing confirms. Raises CursorExpired when it is not."""
        if listing.state is not State.CLEAN:
            raise CursorExpired(f"A folder with changes could not be listed: {listing.why or 'it is gone'}.")
        if not listing.can_sync:
            raise CursorExpired("The change feed of FileCloud does not cover all that is in the folder.")
        for name in sorted(self._gone.pop(folder, set()) - (listing.files or set())):
            yield SourceItem(folder + name, folder, name, Kind.FILE, deleted=True)
        if folder in self._new:
            yield SourceItem(folder.rstrip("/"), parent_of(folder), name_of(folder), Kind.FILE, deleted=True)


def _topmost(folders: Iterable[str]) -> list[str]:
    """Return those of ``folders`` that lie below no other one."""
    top: list[str] = []
    for folder in sorted(folders):
        if not _is_below(folder, top[-1:]):
            top.append(folder)
    return top


def _is_below(folder: str, tops: Iterable[str]) -> bool:
    return any(folder.startswith(top) for top in tops)
