"""Lists on the wire: found by the name that people know, their columns, and their change feed (Graph reference 7)."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from spfc.errors import PermissionMissing, PlaceNotFound, SpfcError
from spfc.graph.feed import expired, read_links
from spfc.graph.list_items import MOST_LOOKUPS, all_columns, to_record
from spfc.graph.paging import read_collection
from spfc.graph.places import id_of, may_not
from spfc.graph.replies import Refusal
from spfc.graph.wire import Call, Wire
from spfc.records.model import Column, Record

_LOG = logging.getLogger(__name__)

_FEED = "the change feed of the list"


class _RowGone(SpfcError):
    """The row asked for is not there: an answer, not an error, and never seen outside of this module."""


@dataclass(frozen=True, slots=True)
class ListPlace:
    """A list. ``system`` marks those that SharePoint keeps for itself, ``hidden`` those that people do not see."""

    id: str
    title: str
    url_name: str
    web_url: str
    system: bool
    hidden: bool


@dataclass(frozen=True, slots=True)
class ListPage:
    """One page of the change feed: its records (of several mentions of one id only the last), and the link to go on.

    ``complete`` means that the link starts the next round; an empty page that is not complete is legal.
    """

    records: tuple[Record, ...]
    link: str
    complete: bool


def find_list(wire: Wire, site_id: str, wanted: str) -> ListPlace:
    """Find a list by id, title, the name in its address, or its full address; case does not matter (2 units per page).

    Of several with one title, the one that people see is meant. Raises PlaceNotFound naming the others.
    """
    # Without `system` in the select the service leaves system lists out (Graph reference 4.1).
    url = f"{_lists(site_id)}?$select=id,name,displayName,webUrl,list,system"
    raw = read_collection(wire, url, "lists", "the lists of the site", lambda refusal: may_not(refusal, "site's lists"))
    places = sorted((_place(value) for value in raw), key=lambda place: (place.system, place.hidden))
    name = _without_view(wanted) if "://" in wanted else wanted.strip("/").casefold()
    for key in (_id_key, _title, _url_name, _address):
        for place in places:
            if key(place) == name:
                return place
    raise PlaceNotFound(f"The site has no list '{wanted}'.", hint=_choices(places))


def read_columns(wire: Wire, site_id: str, list_id: str) -> tuple[Column, ...]:
    """Return the columns of a list in its order, without SharePoint's own noise (2 units per page).

    Raises PlaceNotFound or PermissionMissing.
    """
    # No select: it would have to name every facet, and one that Microsoft adds would make its columns look untyped.
    url = f"{_lists(site_id)}/{quote(list_id, safe='')}/columns"
    raw = read_collection(wire, url, "list_columns", "the columns of the list", _explain_list)
    columns = tuple(all_columns(raw))
    apart = sum(column.apart for column in columns)
    if apart:
        _LOG.info(
            "The list has %d more columns of lookups and people than the %d that Microsoft Graph tells of many rows: "
            "each row is asked for by itself, one request more for every new or changed one.",
            apart,
            MOST_LOOKUPS,
        )
    return columns


def read_row(wire: Wire, site_id: str, list_id: str, row_id: int) -> Record | None:
    """Return one row with all its columns, None when it is gone (1 unit)."""
    url = f"{_lists(site_id)}/{quote(list_id, safe='')}/items/{row_id}?$expand=fields"
    try:
        return to_record(wire.get_json(Call(url, "list_item", 1, f"row {row_id} of the list", _explain_row)))
    except _RowGone:
        return None


def read_list_page(wire: Wire, site_id: str, list_id: str, link: str | None) -> ListPage:
    """Read one page: from the beginning when ``link`` is None (2 units), else where ``link`` leads (1 unit).

    Raises CursorExpired on 410, RequestRefused when the link is on another host than Graph, PlaceNotFound when the list
    is gone. An answer that is no page is an error, never an empty page.
    """
    # All columns, without naming any: a column that is new shows itself as an unknown key of its rows, and a link
    # that is months old brings it too. No select on the items: one without `deleted` makes deleted rows look alive.
    first = f"{_lists(site_id)}/{quote(list_id, safe='')}/items/delta?$expand=fields&$top={wire.settings.page_size}"
    units = 2 if link is None else 1  # Graph reference 10.1: delta without and with a token
    call = Call(link or first, "list_delta", units, _FEED, lambda refusal: _explain_feed(wire, refusal))
    items, following, complete = read_links(wire.get_json(call), _FEED)
    last: dict[int, Record] = {}
    for raw in items:
        record = to_record(raw)
        last.pop(record.id, None)
        last[record.id] = record
    return ListPage(tuple(last.values()), following, complete)


def _lists(site_id: str) -> str:
    return f"/sites/{quote(site_id, safe=',')}/lists"


def _place(raw: Mapping[str, Any]) -> ListPlace:
    facet = raw.get("list")
    web_url = str(raw.get("webUrl") or "")
    url_name = unquote(urlsplit(web_url).path.rstrip("/").rpartition("/")[2]) or str(raw.get("name") or "")
    return ListPlace(
        id_of(raw, "list"),
        str(raw.get("displayName") or raw.get("name") or ""),
        url_name,
        web_url,
        raw.get("system") is not None,
        isinstance(facet, dict) and facet.get("hidden") is True,
    )


def _without_view(address: str) -> str:
    """Return an address as the list has it, when it was copied from the browser with the view that was open."""
    path = unquote(address.partition("?")[0]).rstrip("/")
    folder, _, page = path.rpartition("/")
    return (folder if page.casefold().endswith(".aspx") else path).casefold()


def _id_key(place: ListPlace) -> str:
    return place.id.casefold()


def _title(place: ListPlace) -> str:
    return place.title.casefold()


def _url_name(place: ListPlace) -> str:
    return place.url_name.casefold()


def _address(place: ListPlace) -> str:
    return unquote(place.web_url).rstrip("/").casefold()


def _choices(places: Iterable[ListPlace]) -> str:
    names = sorted(f"'{place.title}'" for place in places if not (place.system or place.hidden))
    return f"It has: {', '.join(names)}." if names else "The app sees no list there."


def _explain_feed(wire: Wire, refusal: Refusal) -> SpfcError | None:
    if refusal.status == 410 or refusal.has("resyncRequired"):
        return expired(wire, refusal, _FEED, "Nothing is lost: the list is read again in full.")
    return _explain_list(refusal)


def _explain_row(refusal: Refusal) -> SpfcError | None:
    # A list that is gone says the same of each row; the next page of its feed tells the two apart.
    return _RowGone("gone") if refusal.status in (404, 410) else _explain_list(refusal)


def _explain_list(refusal: Refusal) -> SpfcError | None:
    if refusal.status == 404:
        return PlaceNotFound(
            f"The list is not there any more ({refusal}).",
            hint="Restore it from the recycle bin of the site. If another list has taken its place, give the new "
            "pair a new route name and table. No row was removed.",
        )
    if refusal.status == 403:
        return PermissionMissing(
            f"The app may not read the list ({refusal}).",
            hint="It needs Sites.Read.All, or with Sites.Selected a read grant for this site, or with "
            "Lists.SelectedOperations.Selected one for this list. No row was removed.",
        )
    return None
