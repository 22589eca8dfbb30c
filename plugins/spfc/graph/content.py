"""The bytes of an item: a link by its id, followed by hand on a session without token (Graph reference 8)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import quote, urljoin

import requests

from spfc.errors import AnswerUnreadable, ItemBlocked, ItemChanged, ItemGone, SpfcError
from spfc.graph.body import Problem, open_body
from spfc.graph.governor import Governor
from spfc.graph.patience import Patience
from spfc.graph.replies import Refusal, transport_error
from spfc.graph.sessions import PinnedSession
from spfc.graph.settings import origin
from spfc.graph.stream import FileStream
from spfc.graph.wire import WIRE_ERRORS, Call, Wire
from spfc.planning.model import Flag, Kind, SourceItem

Refresh = Callable[[], SourceItem | None]
"""Asks Graph what an item is now; None when it is gone."""
_HOPS: Final = 4
_OFFICE: Final = frozenset(
    {".doc", ".docm", ".docx", ".dot", ".dotm", ".dotx", ".pot", ".potx", ".pps", ".ppsx", ".ppt", ".pptm"}
    | {".pptx", ".vsd", ".vsdx", ".xls", ".xlsb", ".xlsm", ".xlsx", ".xltx"}
)
"""SharePoint rewrites these on upload, so their listed size is not to be trusted (Graph reference 8.4)."""


class _Link:
    """A pre-signed link: as good as a password, so it never shows itself."""

    __slots__ = ("_url",)

    def __init__(self, url: str) -> None:
        self._url = url

    def reveal(self) -> str:
        return self._url

    def __repr__(self) -> str:
        return "<link>"


@dataclass(frozen=True, slots=True)
class _Wanted:
    drive_id: str
    item: SourceItem
    offset: int
    refresh: Refresh


class Downloads:
    """Opens the bytes of items. Thread safe; each stream belongs to one thread."""

    def __init__(self, wire: Wire, governor: Governor) -> None:
        self._wire = wire
        self._governor = governor
        self._session = PinnedSession(wire.settings)

    def open(self, drive_id: str, item: SourceItem, *, offset: int, refresh: Refresh) -> FileStream:
        """Open ``item`` from byte ``offset`` on: 1 unit, more only when something goes wrong.

        Raises ItemGone, ItemBlocked, ItemChanged, PermissionMissing, or what is left of a transient error
        after the retries. An announced length that differs from the listed size is an error only when the
        item has changed since: labelled and Office files differ for good (Graph reference 8.4), so the caller
        must judge them.
        """
        if item.kind is not Kind.FILE:
            raise ItemBlocked(f"A {item.kind} has no content of its own.", item=item.id)
        if Flag.MALWARE in item.flags:
            raise _infected(item)
        wanted = _Wanted(drive_id, item, offset, refresh)
        stream = self._opened(wanted)
        problem = self._contradiction(wanted, stream)
        if problem is not None:
            stream.close()
            raise problem
        return stream

    def close(self) -> None:
        """Close the connections that are not in use."""
        self._session.close()

    def _opened(self, wanted: _Wanted) -> FileStream:
        patience = Patience(self._governor, self._wire.settings.retries, self._wire.meter)
        link = self._link(wanted)
        fresh = False
        while True:
            self._governor.hold()
            outcome = self._follow(link, wanted)
            if isinstance(outcome, FileStream):
                return outcome
            if not outcome.relink:
                patience.after(self._final(wanted, outcome))
            elif fresh:
                raise self._final(wanted, outcome)
            else:
                # An outdated link is the first suspicion behind a refusal (Graph reference 8.3).
                fresh = True
                link = self._link(wanted)

    def _link(self, wanted: _Wanted) -> _Link:
        item_id = wanted.item.id
        url = f"/drives/{quote(wanted.drive_id, safe='!')}/items/{quote(item_id, safe='!')}/content"
        call = Call(url, "content", 1, f"the content of item {item_id}", lambda r: self._denied(wanted, r))
        link = _joined(f"{self._wire.settings.root}/", self._wire.get_location(call))
        if isinstance(link, Problem):
            raise link.error
        return link

    def _follow(self, link: _Link, wanted: _Wanted) -> FileStream | Problem:
        for _ in range(_HOPS):
            outcome = self._request(link, wanted)
            if not isinstance(outcome, _Link):
                return outcome
            link = outcome
        return Problem(AnswerUnreadable("The download host sends us round in circles.", item=wanted.item.id))

    def _request(self, link: _Link, wanted: _Wanted) -> FileStream | Problem | _Link:
        host = origin(link.reveal())[1] or "the download host"
        about = f"the content of item {wanted.item.id}"
        if self._wire.settings.root.startswith("https:") and not link.reveal().startswith("https:"):
            return Problem(AnswerUnreadable(f"The link to {about} is not encrypted: it is not followed."))
        headers = {"Accept": "*/*", "Accept-Encoding": "identity"}
        if wanted.offset:
            headers["Range"] = f"bytes={wanted.offset}-"
        response: requests.Response | None = None
        # Nothing is raised inside of the except block: the cause would carry the link into every traceback.
        try:
            response = self._session.fetch(link.reveal(), headers)
            location = response.headers.get("Location")
            if 300 <= response.status_code < 400 and location:
                response.close()
                return _joined(link.reveal(), location)
            outcome = open_body(response, wanted.item, wanted.offset)
        except SpfcError as error:
            outcome = Problem(error)
        except WIRE_ERRORS as error:
            outcome = Problem(transport_error(error, about, host))
        if response is not None and isinstance(outcome, Problem):
            response.close()
        return outcome

    def _final(self, wanted: _Wanted, problem: Problem) -> SpfcError:
        if problem.refusal is not None:
            return self._denied(wanted, problem.refusal)
        return problem.error

    def _denied(self, wanted: _Wanted, refusal: Refusal) -> SpfcError:
        """Name a refused content: about this one item, unless Graph itself says that it is about us.

        One item that is withheld must not stop a run, and a lost permission must not be booked as many
        withheld items: so the item's own record is asked for, which raises PermissionMissing in the second
        case.
        """
        item = wanted.item
        if refusal.infected:
            return _infected(item)
        if refusal.status == 423 or refusal.has("resourceLocked", "notAllowed"):
            return ItemBlocked(
                f"The source has locked this item ({refusal}).", hint="Unlock the site or file.", item=item.id
            )
        doubtful = refusal.status in (401, 403, 404, 410) and Flag.RESTRICTED not in item.flags
        if doubtful and wanted.refresh() is None:
            return ItemGone("The item is not there any more.", item=item.id)
        return ItemBlocked(
            f"The source shows this item but does not serve its content ({refusal}).",
            hint="Look at it in SharePoint: malware, a restriction or a label can be the cause.",
            item=item.id,
        )

    @staticmethod
    def _contradiction(wanted: _Wanted, stream: FileStream) -> SpfcError | None:
        item, length = wanted.item, stream.length
        if length is None or length == item.size or item.hash is None or _is_office(item.name):
            return None
        current = wanted.refresh()
        if current is None:
            return ItemGone("The item is not there any more.", item=item.id)
        if current.version != item.version:
            return ItemChanged(
                f"The item has {length} bytes now instead of {item.size}.",
                hint="The change feed will bring its new state.",
                item=item.id,
            )
        return None


def _joined(base: str, location: str) -> _Link | Problem:
    try:
        return _Link(urljoin(base, location))
    except ValueError:
        return Problem(AnswerUnreadable("The link to the content is not a usable address."))


def _is_office(name: str) -> bool:
    return PurePosixPath(name.lower()).suffix in _OFFICE


def _infected(item: SourceItem) -> ItemBlocked:
    return ItemBlocked("The source holds this item for infected (malware).", hint="Clean or remove it.", item=item.id)
