"""The change feed of a library, page by page, its links replayed as they came (Graph reference 6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from spfc.errors import AnswerUnreadable, CursorExpired, PermissionMissing, PlaceNotFound, SpfcError
from spfc.graph.items import SELECT, to_source_item
from spfc.graph.replies import Refusal
from spfc.graph.wire import Call, Wire
from spfc.planning.model import SourceItem

_ABOUT = "the change feed of the library"


@dataclass(frozen=True, slots=True)
class DeltaPage:
    """One page: its items (of several mentions of one id only the last), and the link to go on with.

    ``complete`` means that the link starts the next round; an empty page that is not complete is legal.
    """

    items: tuple[SourceItem, ...]
    link: str
    complete: bool


def read_page(wire: Wire, drive_id: str, link: str | None) -> DeltaPage:
    """Read one page: from the beginning when ``link`` is None (2 units), else where ``link`` leads (1 unit).

    Raises CursorExpired on 410, RequestRefused when the link is on another host than Graph, PlaceNotFound
    when the library is gone.
    """
    url = link or f"/drives/{quote(drive_id, safe='!')}/root/delta?$select={SELECT}&$top={wire.settings.page_size}"
    units = 2 if link is None else 1  # Graph reference 10.1: delta without and with a token
    call = Call(url, "delta", units, _ABOUT, lambda refusal: _explain(wire, refusal))
    return _page_of(wire.get_json(call))


def read_links(body: Mapping[str, Any], about: str) -> tuple[list[Mapping[str, Any]], str, bool]:
    """Return the values of a delta page, the link to go on with, and whether that starts the next round.

    Raises AnswerUnreadable when ``body`` is no page: an answer without a list of values is an error, not an empty page.
    """
    value, following, closing = body.get("value"), body.get("@odata.nextLink"), body.get("@odata.deltaLink")
    if not isinstance(value, list) or not all(isinstance(raw, dict) for raw in value) or "error" in body:
        raise AnswerUnreadable(f"A page of {about} holds no list of items.")
    # Only a missing nextLink ends the round: an empty page does not (Graph reference 6.1).
    link = following or closing
    if not isinstance(link, str):
        raise AnswerUnreadable(f"A page of {about} says neither how to go on nor that it is the last.")
    return value, link, not following


def expired(wire: Wire, refusal: Refusal, about: str, hint: str) -> CursorExpired:
    """Return what a 410 means, with the link that the service offers when that is on the same host."""
    location = refusal.location
    restart = location if location and wire.settings.is_graph(location) else None
    return CursorExpired(f"Microsoft Graph wants {about} to be read anew ({refusal}).", restart=restart, hint=hint)


def _page_of(body: Mapping[str, Any]) -> DeltaPage:
    value, link, complete = read_links(body, _ABOUT)
    last: dict[str, SourceItem] = {}
    for raw in value:
        item = to_source_item(raw)
        last.pop(item.id, None)
        last[item.id] = item
    return DeltaPage(tuple(last.values()), link, complete)


def _explain(wire: Wire, refusal: Refusal) -> SpfcError | None:
    if refusal.status == 410 or refusal.has("resyncRequired"):
        return expired(wire, refusal, _ABOUT, "Nothing is lost: the library is listed again in full.")
    if refusal.status == 404:
        return PlaceNotFound(
            f"The library is not there any more ({refusal}).",
            hint="Restore it from the recycle bin of the site. If another library has taken its place, give the new "
            "pair a new route name: files that are there already are adopted. Nothing was removed.",
        )
    if refusal.status == 403:
        return PermissionMissing(
            f"The app may not read {_ABOUT} ({refusal}).",
            hint="It needs Files.Read.All or Sites.Read.All, or with Sites.Selected a read grant for this "
            "site; retention-labelled documents were reported to need Sites.FullControl.All. Nothing was removed.",
        )
    return None
