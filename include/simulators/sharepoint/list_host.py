"""What the addresses of lists answer: generic lists, and the library seen as a list (Graph reference 4.1 and 7)."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from aiohttp import web

from simulators.common.clock import Clock
from simulators.common.faults import FaultAction
from simulators.sharepoint.answers import json_answer, link, top_of
from simulators.sharepoint.delta import Delta, starts_round
from simulators.sharepoint.errors import GraphFailure
from simulators.sharepoint.feed import Feed
from simulators.sharepoint.knobs import SharePointKnobs
from simulators.sharepoint.list_tables import GenericList, LibraryList, ListOfRows
from simulators.sharepoint.list_wire import View
from simulators.sharepoint.lists import Lists
from simulators.sharepoint.places import LIST_KINDS, Places
from simulators.sharepoint.urls import Target
from simulators.sharepoint.wire import Json, pick


@dataclass(slots=True)
class ListHost:
    """Answers the parsed requests for the lists of one site. Run `answer` off the event loop."""

    lists: Lists
    places: Places
    knobs: SharePointKnobs
    clock: Clock
    _deltas: dict[uuid.UUID, Delta[Any]] = field(default_factory=dict)

    def serves(self, target: Target) -> bool:
        """Say whether a request is one for lists."""
        return target.kind in LIST_KINDS

    def answer(self, target: Target, base: str, fault: FaultAction | None) -> web.Response:
        """Return the response to one request; raises GraphFailure. `base` is the root URL with version."""
        begins = starts_round(target.token) if target.kind == "list_delta" else target.option("skiptoken") is None
        with self._opened(begins):
            if target.kind == "lists":
                return self._lists(target, base)
            found = self._find(target.list_address or "")
            if target.kind == "list":
                return json_answer(base, f"{self._site}/lists/$entity", pick(found.value(), target.select))
            if target.kind == "list_columns":
                return self._columns(target, base, found)
            if target.kind == "list_delta":
                return self._delta(target, base, found, fault)
            return self._item(target, base, found) if target.kind == "list_item" else self._items(target, base, found)

    @contextmanager
    def _opened(self, rescan: bool) -> Iterator[None]:
        with self.places.library.opened(rescan), self.lists.opened(rescan):
            yield

    @property
    def _site(self) -> str:
        return f"sites('{quote(self.places.library.ids.site_id)}')"

    def _all(self) -> Iterator[ListOfRows[Any]]:
        yield LibraryList(self.places, self.knobs)
        with self.lists.opened() as store:
            for table in store.tables.values():
                if not table.gone:
                    yield GenericList(table, store, self.places, self.knobs)

    def _find(self, address: str) -> ListOfRows[Any]:
        """Return the list of that id or title; raises GraphFailure 404."""
        wanted = address.casefold()
        for key in ("id", "displayName"):
            for found in self._all():
                if str(found.value()[key]).casefold() == wanted:
                    return found
        raise GraphFailure(404, "itemNotFound", "The specified list was not found")

    def _lists(self, target: Target, base: str) -> web.Response:
        # Without `system` in the select, the service leaves system lists out (reference 4.1, of drives).
        with_system = target.select is not None and "system" in target.select
        values = [found.value() for found in self._all()]
        shown = [pick(value, target.select) for value in values if with_system or "system" not in value]
        return self._by_number(target, base, f"{self._site}/lists", f"{self._address(base)}", shown)

    def _columns(self, target: Target, base: str, found: ListOfRows[Any]) -> web.Response:
        # Hidden columns are shown only to who asks for the facet that says so (columnDefinition, Microsoft's docs).
        with_hidden = target.select is not None and "hidden" in target.select
        shown = [pick(c, target.select) for c in found.columns() if with_hidden or not c["hidden"]]
        where = f"{self._site}/lists('{found.guid}')/columns"
        return self._by_number(target, base, where, f"{self._address(base, found)}/columns", shown)

    def _by_number(self, target: Target, base: str, context: str, address: str, shown: list[Json]) -> web.Response:
        """Answer with the page of `shown` that begins after as many as the skip token says."""
        top, start = top_of(target, self.knobs), int(target.option("skiptoken") or 0)
        value: Json = {"value": shown[start : start + top]}
        if len(shown) > start + top:
            value["@odata.nextLink"] = link(address, target, "$skiptoken", str(start + top))
        return json_answer(base, context, value)

    def _items(self, target: Target, base: str, found: ListOfRows[Any]) -> web.Response:
        view, rows = View.of(target), found.living()
        top, after = top_of(target, self.knobs), int(target.option("skiptoken") or 0)
        left = sorted(number for number in rows if number > after)
        value: Json = {"value": [found.row(rows[number], view) for number in left[:top]]}
        if len(left) > top:
            address = f"{self._address(base, found)}/items"
            value["@odata.nextLink"] = link(address, target, "$skiptoken", str(left[top - 1]))
        return json_answer(base, f"{self._site}/lists('{found.guid}')/items", value)

    def _item(self, target: Target, base: str, found: ListOfRows[Any]) -> web.Response:
        number = int(target.part) if target.part and target.part.isdecimal() else 0
        row = found.living().get(number)
        if row is None:
            raise GraphFailure(404, "itemNotFound", "The specified list item was not found")
        where = f"{self._site}/lists('{found.guid}')/items/$entity"
        return json_answer(base, where, found.row(row, View.of(target)))

    def _delta(self, target: Target, base: str, found: ListOfRows[Any], fault: FaultAction | None) -> web.Response:
        # One feed for each list as long as the server runs: it counts the tokens that were used.
        delta = self._deltas.get(found.guid)
        if delta is None:
            delta = self._deltas[found.guid] = Delta(Feed(found.log, self.knobs), self.knobs, self.clock)
        view = View.of(target)
        address = f"{self._address(base, found)}/items/delta"
        body = delta.answer(target, address, fault, lambda entry: found.row(entry, view))
        return json_answer(base, "Collection(listItem)", body)

    def _address(self, base: str, found: ListOfRows[Any] | None = None) -> str:
        lists = f"{base}/sites/{quote(self.places.library.ids.site_id, safe=',')}/lists"
        return lists if found is None else f"{lists}/{found.guid}"
