"""The Graph host: what each URL answers (Graph reference 2, 4, 6, 8, 11)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from aiohttp import web

from simulators.common.calls import Call
from simulators.common.faults import FaultAction
from simulators.sharepoint import details
from simulators.sharepoint.answers import json_answer, link, top_of
from simulators.sharepoint.delta import Delta, starts_round
from simulators.sharepoint.download import malware_answer
from simulators.sharepoint.errors import GraphFailure
from simulators.sharepoint.items import Item
from simulators.sharepoint.knobs import SharePointKnobs
from simulators.sharepoint.library import Library
from simulators.sharepoint.list_host import ListHost
from simulators.sharepoint.places import Places
from simulators.sharepoint.urls import Target
from simulators.sharepoint.wire import Json, Writer, matches

_COLLECTIONS = (
    "children", "site_drives", "sites", "subsites", "lists", "list_items", "list_columns", "search", "versions",
)  # fmt: skip
_DELTAS = ("delta", "list_delta")
_COST: Mapping[str, int] = {**dict.fromkeys(_COLLECTIONS, 2), "permissions": 5}


def units_of(target: Target) -> int:
    """Return what a request costs (Graph reference 10.1)."""
    if target.kind in _DELTAS:
        return 1 if target.token else 2
    return _COST.get(target.kind, 1)


def needs_scan(target: Target) -> bool:
    """Say whether the disk must be looked at: not for content, nor for the later pages of a round."""
    if target.kind in _DELTAS:
        return starts_round(target.token)
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
    delta: Delta[Item]
    places: Places
    lists: ListHost

    def answer(
        self, target: Target, call: Call, base: str, headers: Mapping[str, str], fault: FaultAction | None
    ) -> web.Response:
        """Return the response to one request; raises GraphFailure. `base` is the root URL with version."""
        self.places.check(target)
        if self.lists.serves(target):
            return self.lists.answer(target, base, fault)
        with self.library.opened(rescan=needs_scan(target) and not self._is_known(target)):
            if target.kind == "delta":
                return self._delta(target, base, fault)
            if target.item is None:
                return json_answer(base, *self.places.answer(target))
            item = self._item(target)
            call.item = item.id
            return self._of_item(target, item, base, headers)

    def _of_item(self, target: Target, item: Item, base: str, headers: Mapping[str, str]) -> web.Response:
        if target.kind == "item":
            return json_answer(base, "drives/items/$entity", self.writer.item(item, target.select))
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
        top, after = top_of(target, self.knobs), tuple((target.option("skiptoken") or "").rpartition("/")[::2])
        left = sorted((i for i in items if (i.name, i.id) > after), key=lambda i: (i.name, i.id))
        page = left[:top]
        value: Json = {"value": [self.writer.item(i, target.select) for i in page]}
        if len(left) > top:
            value["@odata.nextLink"] = link(address, target, "$skiptoken", f"{page[-1].name}/{page[-1].id}")
        self.library.store.flush()
        return json_answer(base, "Collection(driveItem)", value)

    def _detail(self, target: Target, item: Item, base: str) -> web.Response:
        if target.kind == "version_content":
            raise details.version_content(item, target.part or "")
        context = f"drives('{quote(self.library.ids.drive_id)}')/items('{item.id}')"
        if target.kind == "version":
            return json_answer(base, f"{context}/versions/$entity", details.version(item, target.part or ""))
        value = details.versions(item) if target.kind == "versions" else details.permissions()
        return json_answer(base, f"{context}/{target.kind}", {"value": value})

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

    def _delta(self, target: Target, base: str, fault: FaultAction | None) -> web.Response:
        self._item(target)
        select = target.select

        def write(item: Item) -> Json:
            return self.writer.deleted(item, select) if item.deleted else self.writer.item(item, select, feed=True)

        body = self.delta.answer(target, f"{self._address(base)}/root/delta", fault, write)
        return json_answer(base, "Collection(driveItem)", body)

    def _address(self, base: str) -> str:
        return f"{base}/drives/{quote(self.library.ids.drive_id, safe='!')}"
