"""A library at SharePoint, from its name to the bytes of one file."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from urllib.parse import quote

from spfc.doctor.graph import GraphChecks, default_governor
from spfc.doctor.shape import Finding, Step, Verdict, fail, ok, skipped, warn
from spfc.errors import ItemError, PlaceNotFound, SpfcError
from spfc.graph.governor import Governor
from spfc.graph.places import Drive
from spfc.graph.replies import Refusal
from spfc.graph.settings import GraphSettings
from spfc.graph.wire import Call
from spfc.planning.model import Flag, Kind, SourceItem
from spfc.quickxor import QuickXor, same_hash
from spfc.routes import SharePointSource
from spfc.wording import count, plural, size

_PAGES = 5
_SAMPLE = 4 << 20
"""Bytes: of a bigger file only a part is read, and its hash is not compared."""
_PART = 64 << 10
_TRIES = 3


class LibraryChecks(GraphChecks):
    """The checks of a route that copies a library."""

    def __init__(
        self,
        load: Callable[[], GraphSettings],
        place: SharePointSource,
        *,
        governor: Callable[[GraphSettings], Governor] = default_governor,
        now: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(load, place, governor=governor, now=now)
        self._library = place
        self._items: list[SourceItem] = []

    def content_steps(self, site: tuple[str, ...]) -> list[Step]:
        """See the base class."""
        return [
            Step("graph.library", self._find_library, site),
            Step("graph.folder", self._find_folder, ("graph.library",)),
            Step("graph.feed", self._read_feed, ("graph.library",)),
            Step("graph.download", self._download, ("graph.feed",)),
        ]

    def _find_library(self) -> Finding:
        self._drive: Drive = self.line.client.drive(self.site.id, self._library.library)
        return ok(f"{self._drive.name} at {self._drive.web_url}.")

    def _find_folder(self) -> Finding:
        folder = self._library.folder
        path = "".join(f"/{quote(part, safe='')}" for part in folder.split("/") if part)
        address = f"/drives/{quote(self._drive.id, safe='!')}/root{f':{path}' if path else ''}"
        call = Call(f"{address}?$select=id,name,size,folder,root", "item", 1, f"the folder {folder}", self._no_folder)
        found = self.line.wire.get_json(call)
        if found.get("folder") is None and found.get("root") is None:
            return fail(f"{folder} is not a folder.", "Set source.folder of the route to a folder of the library.")
        if isinstance(found.get("size"), int):
            self.bytes_held = int(found["size"])
        holds = "" if self.bytes_held is None else f" It holds {size(self.bytes_held)}."
        return ok(f"{'The whole library' if folder == '/' else folder} is mirrored.{holds}")

    def _no_folder(self, refusal: Refusal) -> SpfcError | None:
        if refusal.status != 404:
            return None
        return PlaceNotFound(
            f"The library has no folder {self._library.folder}.",
            hint="Correct source.folder of the route: the path below the library, without the library's own name.",
        )

    # -- what is in it -------------------------------------------------------------------------------

    def _read_feed(self) -> Finding:
        link, complete, pages = None, False, 0
        while not complete and pages < _PAGES and not self._samples():
            page = self.line.client.delta(self._drive.id, link)
            link, complete, pages = page.link, page.complete, pages + 1
            self._items += page.items
        seen = plural(len(self._items), "item")
        read = "the first page" if pages == 1 else f"the first {pages} pages"
        return ok(f"{seen} on {read}{'; that is all' if complete else '; more follow'}.")

    def _samples(self) -> list[SourceItem]:
        """Return files fit for a try, the smallest first; two bytes at least, so that there are two parts."""
        fit = (item for item in self._items if item.kind is Kind.FILE and item.size > 1 and not item.deleted)
        sound = (item for item in fit if not item.flags & {Flag.MALWARE, Flag.RESTRICTED, Flag.PENDING})
        return sorted(sound, key=lambda item: (item.hash is None, item.size))

    def _download(self) -> Finding:
        samples = self._samples()[:_TRIES]
        if not samples:
            return skipped("the first pages of the library show no file to try it with")
        for number, item in enumerate(samples, start=1):
            try:
                return self._read(item)
            except ItemError:
                if number == len(samples):
                    raise
        raise AssertionError("unreachable")

    def _read(self, item: SourceItem) -> Finding:
        half = item.size // 2
        whole, digest = item.size <= _SAMPLE, QuickXor()
        with closing(self.line.client.open(self._drive.id, item)) as stream:
            first = stream.read(half if whole else _PART)
        with closing(self.line.client.open(self._drive.id, item, offset=half)) as stream:
            second = stream.read(item.size if whole else _PART)
            skipped_bytes = stream.skipped
        digest.update(first)
        digest.update(second)
        told = f"{count(len(first) + len(second))} bytes of {item.name!r} in two parts"
        if skipped_bytes:
            return warn(
                f"{told}, but the server ignored Range and sent the whole file.",
                "Look for a proxy or filter that removes the header Range. Until then every broken download begins "
                "again at its first byte.",
            )
        if whole and item.hash is not None and not same_hash(digest.base64(), item.hash):
            return warn(
                f"{told}, but its bytes are not those that SharePoint lists.",
                "Nothing, if it is an Office or labelled file: spfc looks twice at those. Else look for a filter that "
                "changes downloads.",
            )
        proven = "; its hash is the listed one" if whole and item.hash is not None else ""
        return Finding(Verdict.OK, f"{told}, the second by Range{proven}.")
