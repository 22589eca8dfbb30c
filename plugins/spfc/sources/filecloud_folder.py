"""A folder of a FileCloud server as a source of items."""

from __future__ import annotations

import logging
import threading

from spfc.errors import AnswerUnreadable, CursorExpired, ItemBlocked, PermissionMissing, PlaceNotFound
from spfc.filecloud.client import FileCloudClient
from spfc.filecloud.refusals import CallRefused
from spfc.planning.model import SourceItem
from spfc.sources.base import IDENTITY, Binding, ChangePage, Usage
from spfc.sources.filecloud_breakdowns import Breakdowns
from spfc.sources.filecloud_cursor import END, Cursor, DeltaCursor, WalkCursor, read_cursor
from spfc.sources.filecloud_delta import DeltaRound
from spfc.sources.filecloud_items import ROOT_ID, Items, Places, parent_of
from spfc.sources.filecloud_listing import State
from spfc.sources.filecloud_stream import FileCloudStream, open_stream
from spfc.sources.filecloud_walk import Ground, Position, Walk

log = logging.getLogger("spfc.filecloud_folder")


class FileCloudFolder:
    """Implements :class:`spfc.sources.base.Source`. Threads may share one.

    ``folder`` is FileCloud's own path (``/account/folder``, ``/SHARED/team``). FileCloud tells no ids of items, so the
    id is the path below the folder (``/`` is the folder itself; ids of folders end with ``/``), and a rename or a move
    is a removal and a new item. Without ``change_feed``, :meth:`changes` walks the whole tree, one listing page a call,
    and a cursor is a place in that walk. With it, a walk is followed by rounds of the server's change feed (FileCloud
    reference 10), which only says what to list again.

    Modification times are the true ones that the server lists; from a server that lists none they are read from its
    wall clock by the connection's ``server_tz``. Without either, ``modified`` is 0 and what the server shows as the
    time only tells versions apart.
    """

    def __init__(self, client: FileCloudClient, folder: str, *, change_feed: bool = False) -> None:
        self._client = client
        self._folder = folder.rstrip("/")
        if not self._folder.startswith("/") or "//" in folder or set(self._folder.split("/")) & {".", ".."}:
            raise ValueError(f"not an absolute, plain path of a folder below an account: {folder!r}")
        places = Places(self._folder)
        breakdowns = Breakdowns(client, self._folder)
        self._ground = Ground(client, places, Items(client.settings, places), breakdowns)
        self._change_feed = change_feed
        self._feed_lost = False
        self._lock = threading.Lock()
        self._ahead: tuple[str, Walk | DeltaRound] | None = None
        """What goes on at the cursor that was given out last."""

    @property
    def usage(self) -> Usage:
        """What the client has spent so far: its calls, the login included. FileCloud has no resource units."""
        return Usage(requests=self._client.calls, units=0, refusals=self._client.refusals)

    @property
    def has_feed(self) -> bool:
        """Whether the change feed is to be used, and did not fail this process."""
        return self._change_feed and not self._feed_lost

    def bind(self, known: Binding | None) -> Binding:
        """Make sure that the folder is there: one request, none when it was found before under the same address."""
        found = {IDENTITY: f"{self._client.settings.base_url} {self._folder}"}
        if known is None or known.get(IDENTITY) != found[IDENTITY]:
            self._check_top()
        return {**(known or {}), **found}

    def changes(self, cursor: str | None) -> ChangePage:
        """Return one page: what one page of one folder's listing shows (see the class and the protocol).

        A first call with ``change_feed`` only asks how far the feed has come, as does the first call of each round of
        it ask for the changes. Raises PlaceNotFound or PermissionMissing for the folder itself.
        """
        with self._lock:
            if cursor is None and self._change_feed:
                return self._page([], WalkCursor(Position(), self._feed_version()))
            try:
                return self._go_on(cursor)
            except CursorExpired:
                self._feed_lost = True  # one full enumeration in a run is enough
                raise
            except CallRefused as refusal:
                raise self._no_access(refusal) from refusal

    def refresh(self, item_id: str) -> SourceItem | None:
        """See the protocol. One request."""
        path = self._path(item_id)
        if item_id == ROOT_ID:
            return self._ground.items.folder(ROOT_ID) if self._is_folder() else None
        entry = self._client.info(path)
        if entry is None or entry.is_folder != item_id.endswith("/"):
            return None
        return (
            self._ground.items.folder(item_id)
            if entry.is_folder
            else self._ground.items.file(parent_of(item_id), entry)
        )

    def open(self, item: SourceItem, *, offset: int = 0) -> FileCloudStream:
        """See the protocol. One request; with an ``offset`` one more, to see that the file is still the same."""
        try:
            return open_stream(self._ground, item, self._path(item.id), offset)
        except ItemBlocked:
            self._check_access()  # lost access to everything must not be booked as many withheld files
            raise

    def close(self) -> None:
        """Log out."""
        self._client.close()

    # -- the two ways to go on -----------------------------------------------------------------------

    def _go_on(self, cursor: str | None) -> ChangePage:
        at = WalkCursor(Position(), None) if cursor is None else read_cursor(cursor)
        going = self._ahead[1] if self._ahead is not None and self._ahead[0] == cursor else None
        if isinstance(at, WalkCursor):
            return self._walk_on(at, going if isinstance(going, Walk) else Walk(self._ground, position=at.position))
        if not self._change_feed:
            raise CursorExpired("The change feed was switched off: everything is listed again.")
        fresh = DeltaRound(self._ground, self._folder, at.version)
        return self._follow(at, going if isinstance(going, DeltaRound) else fresh)

    def _walk_on(self, at: WalkCursor, walk: Walk) -> ChangePage:
        found = walk.step()
        listing = walk.listing
        trusted = listing is not None and listing.can_sync and listing.state in (State.MORE, State.CLEAN, State.GONE)
        feed = at.feed if trusted else None
        if walk.position is None:
            self._feed_lost = self._feed_lost or feed is None
            return self._end(found, END if feed is None else DeltaCursor(feed).text())
        return self._page(found, WalkCursor(walk.position, feed), walk)

    def _follow(self, at: DeltaCursor, delta: DeltaRound) -> ChangePage:
        found = delta.step()
        if delta.over:
            return self._end(found, DeltaCursor(delta.version).text())
        return self._page(found, DeltaCursor(at.version, at.page + 1), delta)

    def _page(self, found: list[SourceItem], at: Cursor, going: Walk | DeltaRound | None = None) -> ChangePage:
        text = at.text()
        self._ahead = None if going is None else (text, going)
        return ChangePage(tuple(found), text, False)

    def _end(self, found: list[SourceItem], text: str) -> ChangePage:
        self._ahead = None
        return ChangePage(tuple(found), text, True)

    def _feed_version(self) -> int | None:
        """Return how far the feed has come, before anything is listed; None when it cannot be used now.

        Version 0 is no place to begin at: asked from there, the feed tells what there is and no deletions.
        """
        try:
            return self._client.sync_version(self._folder) or None
        except (AnswerUnreadable, CallRefused, PermissionMissing) as error:
            log.warning("The change feed of FileCloud cannot be used, so each run lists everything. %s", error)
            return None

    # -- the folder itself ---------------------------------------------------------------------------

    def _path(self, item_id: str) -> str:
        path = self._ground.places.path(item_id)
        if path is None:
            raise ItemBlocked("The path of this item is too long to be followed.", item=item_id)
        return path

    def _check_top(self) -> None:
        if not self._is_folder():
            raise PlaceNotFound(
                f"There is no folder {self._folder} at FileCloud, or the account may not see it.",
                hint="Correct the folder of the route's source, or share it with the account; nothing was removed.",
            )

    def _is_folder(self) -> bool:
        """Say whether the source folder is there. Areas such as team folders may be listed and yet not stat'ed."""
        found = self._client.info(self._folder)
        if found is not None:
            return found.is_folder
        try:
            self._client.list_page(self._folder, 0, 1)
        except CallRefused:
            return False
        return True

    def _check_access(self) -> None:
        """Raise PlaceNotFound or PermissionMissing when the source folder itself cannot be listed any more."""
        try:
            self._client.list_page(self._folder, 0, 1)
        except CallRefused as refusal:
            raise self._no_access(refusal) from refusal

    def _no_access(self, refusal: CallRefused) -> PlaceNotFound | PermissionMissing:
        """Return what is wrong with the source folder when its listing is refused."""
        self._check_top()
        return PermissionMissing(
            f"FileCloud does not list the source folder. {refusal.message}",
            item=self._folder,
            hint="Let the account of the route read it; nothing was removed.",
        )
