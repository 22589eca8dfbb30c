"""The Graph host: what each URL answers (Graph reference 2, 4, 6, 8, 11)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from aiohttp import web

from simulators.common.calls import Call
from simulators.common.clock import Clock
from simulators.common.faults import FaultAction
from simulators.sharepoint.download import malware_answer
from simulators.sharepoint.errors import GraphFailure, utc
from simulators.sharepoint.feed import Feed, Page, Token
from simulators.sharepoint.items import Item
from simulators.sharepoint.knobs import SharePointKnobs
from simulators.sharepoint.library import Library
from simulators.sharepoint.urls import Target
from simulators.sharepoint.wire import Json, Writer, drive, matches, pick

_LATEST = "latest"
_BAD_LINK = "resync-link-of-this-simulator-that-always-fails"
_SYSTEM_COST: Mapping[str, int] = {"children": 2, "site_drives": 2}


def units_of(target: Target) -> int:
    """Return what a request costs (Graph reference 10.1)."""
    if target.kind == "delta":
        return 1 if target.token else 2
    return _SYSTEM_COST.get(target.kind, 1)


def needs_scan(target: Target) -> bool:
    """Say whether the disk must be looked at: not for content, nor for the later pages of a round."""
    if target.kind == "delta":
        token = Token.decode(target.token) if target.token else None
        return token is None or token.round == 0
    if target.kind == "children":
        return target.option("skiptoken") is None
    return target.kind == "item"


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
    site_path: str
    site_title: str
    library_name: str
    site_url: str

    def answer(
        self, target: Target, call: Call, base: str, headers: Mapping[str, str], fault: FaultAction | None
    ) -> web.Response:
        """Return the response to one request; raises GraphFailure. `base` is the root URL with version."""
        self._check_address(target)
        with self.library.opened(rescan=needs_scan(target) and not self._is_known(target)):
            if target.kind == "delta":
                return self._delta(target, call, base, fault)
            if target.kind in ("item", "children", "content"):
                item = self._item(target)
                call.item = item.id
                if target.kind == "item":
                    return self._json(base, "drives/items/$entity", self.writer.item(item, target.select))
                if target.kind == "children":
                    return self._children(target, item, base)
                return self._content(item, headers)
            return self._container(target, base)

    def _is_known(self, target: Target) -> bool:
        """Say whether one look at the disk shows that a file asked for by id is as it was."""
        if target.kind != "item" or target.names or target.item is None:
            return False
        item = self.library.store.items.get(target.item)
        if item is None or item.is_dir or item.deleted or item.racy:
            return False
        return self.library.is_fresh(item)

    # -- sites and drives ------------------------------------------------------------------------------

    def _check_address(self, target: Target) -> None:
        if target.kind == "unknown":
            raise GraphFailure(400, "invalidRequest", "The simulator does not know this resource.")
        ids = self.library.ids
        if target.site is not None and not self._is_our_site(target.site):
            raise GraphFailure(404, "itemNotFound", "Requested site could not be found")
        if target.drive is not None and target.drive != ids.drive_id:
            raise GraphFailure(404, "itemNotFound", "The resource could not be found.")

    def _is_our_site(self, address: str) -> bool:
        ids = self.library.ids
        host, colon, path = address.partition(":")
        if colon:
            wanted = path.rstrip("/").casefold()
            return host.casefold() == ids.hostname.casefold() and wanted == self.site_path.casefold()
        return address in ("root", ids.site_id) or address.casefold() == ids.hostname.casefold()

    def _container(self, target: Target, base: str) -> web.Response:
        library = drive(self.library, self.library_name, self.writer.web_url)
        if target.kind == "site":
            return self._json(base, "sites/$entity", pick(self._site(target), target.select))
        if target.kind == "site_drives":
            chosen = pick(dict(library), target.select)
            return self._json(base, "drives", {"value": [chosen]})
        return self._json(base, "drives/$entity", pick(dict(library), target.select))

    def _site(self, target: Target) -> Json:
        ids = self.library.ids
        created = utc(self.library.root.created_at)
        site: Json = {
            "createdDateTime": created,
            "description": "",
            "id": ids.site_id,
            "lastModifiedDateTime": created,
            "name": self.site_path.rsplit("/", 1)[-1],
            "webUrl": self.site_url,
            "displayName": self.site_title,
            "siteCollection": {"hostname": ids.hostname},
        }
        if target.site in ("root", ids.hostname):
            # The tenant's root site holds no library of ours; only its name is of use to clients.
            site |= {"id": f"{ids.hostname},{ids.tenant},{ids.tenant}", "name": "", "root": {}}
            site["webUrl"] = self.site_url.removesuffix(quote(self.site_path))
        return site

    # -- items -----------------------------------------------------------------------------------------

    def _item(self, target: Target) -> Item:
        base = self.library.get(target.item or "root")
        found = None if base is None else self.library.find(base, list(target.names))
        if found is None:
            raise GraphFailure(404, "itemNotFound", "The resource could not be found.")
        return found

    def _children(self, target: Target, folder: Item, base: str) -> web.Response:
        inside = sorted(self.library.store.children.get(folder.id, {}).values(), key=lambda i: i.name)
        top = self._top(target)
        after = target.option("skiptoken")
        if after is not None:
            inside = [i for i in inside if i.name > after]
        page = inside[:top]
        value: Json = {"value": [self.writer.item(i, target.select) for i in page]}
        if len(inside) > top:
            address = f"{base}/drives/{quote(self.library.ids.drive_id, safe='!')}/items/{folder.id}/children"
            value["@odata.nextLink"] = self._link(address, target, "$skiptoken", page[-1].name)
        self.library.store.flush()
        return self._json(base, "Collection(driveItem)", value)

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
        address = f"{base}/drives/{quote(self.library.ids.drive_id, safe='!')}/root/delta"
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

    def _top(self, target: Target) -> int:
        asked = target.option("top")
        if asked is None:
            return self.knobs.page_size
        if not asked.isdecimal() or int(asked) < 1:
            raise GraphFailure(400, "invalidRequest", "Invalid value for $top.")
        return min(int(asked), self.knobs.max_page_size)

    def _link(self, address: str, target: Target, name: str = "", value: str = "") -> str:
        """Return a link that carries the query options of the first call (reference 5.2)."""
        kept = {"$select": target.option("select"), "$top": target.option("top")}
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
