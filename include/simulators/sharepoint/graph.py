"""The Graph host: what each URL answers (Graph reference 2, 4, 6, 8, 11)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from aiohttp import web

from simulators.common.calls import Call
from simulators.common.clock import Clock
from simulators.common.faults import FaultAction
from simulators.sharepoint import details
from simulators.sharepoint.download import malware_answer
from simulators.sharepoint.errors import GraphFailure
from simulators.sharepoint.feed import Feed, Page, Token
from simulators.sharepoint.items import Item
from simulators.sharepoint.knobs import SharePointKnobs
from simulators.sharepoint.library import Library
from simulators.sharepoint.places import Places
from simulators.sharepoint.urls import Target
from simulators.sharepoint.wire import Json, Writer, list_item_number, matches, pick

_LATEST = "latest"
_BAD_LINK = "resync-link-of-this-simulator-that-always-fails"
_COLLECTIONS = ("children", "site_drives", "sites", "subsites", "lists", "list_items", "columns", "search", "versions")
_COST: Mapping[str, int] = {**dict.fromkeys(_COLLECTIONS, 2), "permissions": 5}


def units_of(target: Target) -> int:
    """Return what a request costs (Graph reference 10.1)."""
    if target.kind == "delta":
        return 1 if target.token else 2
    return _COST.get(target.kind, 1)


def needs_scan(target: Target) -> bool:
    """Say whether the disk must be looked at: not for content, nor for the later pages of a round."""
    if target.kind == "delta":
        token = Token.decode(target.token) if target.token else None
        return token is None or token.round == 0
    if target.kind in ("children", "list_items", "search"):
        return target.option("skiptoken") is None
    return target.kind in ("item", "list_item", "versions")


def _denied(status: int) -> GraphFailure:
    """Return how content that may not be handed out is refused: as forbidden, or as if it were not there."""
    if status == 403:
        return GraphFailure(403, "accessDenied", "Access denied")
    return GraphFailure(404, "itemNotFound", "The resource could not be found.")


@dataclass(slots=True)
class GraphHost:
    """Answers the parsed requests for one site with one library. Run `answer` off the event loop."""

    library: Library
    knobs: SharePointKnobs
    writer: Writer
    feed: Feed
    clock: Clock
    places: Places

    def answer(
        self, target: Target, call: Call, base: str, headers: Mapping[str, str], fault: FaultAction | None
    ) -> web.Response:
        """Return the response to one request; raises GraphFailure. `base` is the root URL with version."""
        self.places.check(target)
        with self.library.opened(rescan=needs_scan(target) and not self._is_known(target)):
            if target.kind == "delta":
                return self._delta(target, call, base, fault)
            if target.kind in ("list_items", "list_item"):
                return self._list_items(target, base)
            if target.item is None:
                return self._json(base, *self.places.answer(target))
            item = self._item(target)
            call.item = item.id
            return self._of_item(target, item, base, headers)

    def _of_item(self, target: Target, item: Item, base: str, headers: Mapping[str, str]) -> web.Response:
        if target.kind == "item":
            return self._json(base, "drives/items/$entity", self.writer.item(item, target.select))
        if target.kind == "children":
            return self._children(target, item, base)
        if target.kind == "search":
            return self._found(target, item, base)
        if target.kind == "content":
            return self._content(item, headers)
        return self._detail(target, item, base)

    def _is_known(self, target: Target) -> bool:
        """Say whether one look at the disk shows that a file asked for by id is as it was."""
        if target.kind != "item" or target.names or target.item is None:
            return False
        item = self.library.store.items.get(target.item)
        if item is None or item.is_dir or item.deleted or item.racy:
            return False
        return self.library.is_fresh(item)

    # -- items -----------------------------------------------------------------------------------------

    def _item(self, target: Target) -> Item:
        base = self.library.get(target.item or "root")
        found = None if base is None else self.library.find(base, list(target.names))
        if found is None:
            raise GraphFailure(404, "itemNotFound", "The resource could not be found.")
        return found

    def _children(self, target: Target, folder: Item, base: str) -> web.Response:
        inside = self.library.store.children.get(folder.id, {}).values()
        return self._page_of(target, inside, f"{self._address(base)}/items/{folder.id}/children", base)

    def _found(self, target: Target, folder: Item, base: str) -> web.Response:
        text = target.part or ""
        found = details.found_below(self.library, folder, text)
        address = f"{self._address(base)}/items/{folder.id}/search(q='{quote(text)}')"
        return self._page_of(target, found, address, base)

    def _page_of(self, target: Target, items: Iterable[Item], address: str, base: str) -> web.Response:
        """Answer with the page of `items`, in the order of their names, that the skip token asks for."""
        top, after = self._top(target), tuple((target.option("skiptoken") or "").rpartition("/")[::2])
        left = sorted((i for i in items if (i.name, i.id) > after), key=lambda i: (i.name, i.id))
        page = left[:top]
        value: Json = {"value": [self.writer.item(i, target.select) for i in page]}
        if len(left) > top:
            value["@odata.nextLink"] = self._link(address, target, "$skiptoken", f"{page[-1].name}/{page[-1].id}")
        self.library.store.flush()
        return self._json(base, "Collection(driveItem)", value)

    def _detail(self, target: Target, item: Item, base: str) -> web.Response:
        if target.kind == "version_content":
            raise details.version_content(item, target.part or "")
        context = f"drives('{quote(self.library.ids.drive_id)}')/items('{item.id}')"
        if target.kind == "version":
            return self._json(base, f"{context}/versions/$entity", details.version(item, target.part or ""))
        value = details.versions(item) if target.kind == "versions" else details.permissions()
        return self._json(base, f"{context}/{target.kind}", {"value": value})

    # -- rows of the list ------------------------------------------------------------------------------

    def _list_items(self, target: Target, base: str) -> web.Response:
        rows = {list_item_number(i): i for i in self.library.store.items.values() if i.parent and not i.deleted}
        expand = target.option("expand") or ""
        if target.kind == "list_item":
            row = rows.get(int(target.part)) if target.part and target.part.isdecimal() else None
            if row is None:
                raise GraphFailure(404, "itemNotFound", "The specified list item was not found")
            found = pick(self.places.list_item(row, expand), target.select)
            return self._json(base, f"{self.places.list_context}/items/$entity", found)
        top, after = self._top(target), int(target.option("skiptoken") or 0)
        left = sorted(number for number in rows if number > after)
        value: Json = {"value": [pick(self.places.list_item(rows[n], expand), target.select) for n in left[:top]]}
        if len(left) > top:
            ids = self.library.ids
            address = f"{base}/sites/{quote(ids.site_id, safe=',')}/lists/{ids.list}/items"
            value["@odata.nextLink"] = self._link(address, target, "$skiptoken", str(left[top - 1]))
        return self._json(base, f"{self.places.list_context}/items", value)

    def _content(self, item: Item, headers: Mapping[str, str]) -> web.Response:
        if item.is_dir:
            raise GraphFailure(404, "itemNotFound", "The item has no content.")
        path = self.library.path(item)
        if matches(self.knobs.locked, path):
            raise GraphFailure(423, "notAllowed", "The resource is locked.", inner="resourceLocked")
        if matches(self.knobs.restricted, path):
            raise _denied(self.knobs.restricted_status)
        if any(matches(self.knobs.packages, self.library.path(above)) for above in self.library.ancestors(item)):
            return web.Response(status=self.knobs.package_part_status)
        if matches(self.knobs.malware, path) and self.knobs.malware_shape == "400":
            return malware_answer(self.knobs.malware_shape)
        if headers.get("If-None-Match") in (item.etag, item.ctag):
            return web.Response(status=304)
        return web.Response(status=302, headers={"Location": self.writer.link(item)})

    # -- delta -----------------------------------------------------------------------------------------

    def _delta(self, target: Target, call: Call, base: str, fault: FaultAction | None) -> web.Response:
        self._item(target)
        now = self.clock.now()
        address = f"{self._address(base)}/root/delta"
        if fault is not None and fault.kind == "gone":
            code = str(fault.get("code", self.knobs.gone_code))
            self._gone(target, address, code, str(fault.get("location", "good")))
        if target.token == _BAD_LINK:
            raise GraphFailure(500, "generalException", "General exception while processing")
        page = self.feed.latest(now) if target.token == _LATEST else self._page(target, address, now)
        value: Json = {"value": page.value}
        kind = "@odata.deltaLink" if page.last else "@odata.nextLink"
        value[kind] = self._link(address, target, "token", page.token)
        return self._json(base, "Collection(driveItem)", value)

    def _page(self, target: Target, address: str, now: float) -> Page:
        try:
            token = self.feed.parse(target.token, now) if target.token else None
            return self.feed.page(token, self._top(target), target.select, now)
        except GraphFailure as failure:
            if failure.status == 410:
                self._gone(target, address, failure.inner or "", self.knobs.gone_location)
            raise

    def _gone(self, target: Target, address: str, code: str, location: str) -> None:
        headers = {}
        if location == "good":
            headers["Location"] = self._link(address, target)
        elif location == "bad":
            headers["Location"] = self._link(address, target, "token", _BAD_LINK)
        raise GraphFailure(410, "resyncRequired", "Resync required.", inner=code, headers=headers)

    # -- helpers ---------------------------------------------------------------------------------------

    def _address(self, base: str) -> str:
        return f"{base}/drives/{quote(self.library.ids.drive_id, safe='!')}"

    def _top(self, target: Target) -> int:
        asked = target.option("top")
        if asked is None:
            return self.knobs.page_size
        if not asked.isdecimal() or int(asked) < 1:
            raise GraphFailure(400, "invalidRequest", "Invalid value for $top.")
        return min(int(asked), self.knobs.max_page_size)

    def _link(self, address: str, target: Target, name: str = "", value: str = "") -> str:
        """Return a link that carries the query options of the first call (reference 5.2)."""
        kept = {f"${name}": target.option(name) for name in ("select", "top", "expand")}
        if "select" in target.query:
            kept["select"] = kept.pop("$select")
        query = {k: v for k, v in kept.items() if v is not None}
        if name:
            query[name] = value
        return f"{address}?{urlencode(query, quote_via=quote, safe='$')}" if query else address

    def _json(self, base: str, context: str, value: Mapping[str, object]) -> web.Response:
        body = json.dumps({"@odata.context": f"{base}/$metadata#{context}", **value}, ensure_ascii=False)
        # Without charset text: the type that the service announces, parameters included.
        kind = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false"
        return web.Response(body=body.encode(), headers={"Content-Type": f"{kind};charset=utf-8"})
