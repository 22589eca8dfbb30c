"""A visit to everything that the simulated Graph answers, in every state that its knobs know."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.simulators.sharepoint_reader import Reader

from simulators.common import FixedClock
from simulators.sharepoint import SharePointKnobs, SharePointSimulator
from simulators.sharepoint.errors import CODES_BY_STATUS
from spfc.graph.items import SELECT as OURS

FILES = (
    "a.txt", "empty.bin", "Reports/2024/q1.docx", "Reports/2024/q2.xlsx", "Reports/日本語 & 50%#1.txt",
    "Notes/Section.one", "Notes/Deep/Section.two", "Link/x.txt", "link.docx", "bad.exe", "secret.docx",
    "fresh.docx", "old.bin", "rewritten.docx", "held.txt",
)  # fmt: skip
ODD: Mapping[str, Any] = {
    "packages": ("Notes",), "shortcuts": ("Link", "link.docx"), "malware": ("bad.exe",),
    "restricted": ("secret.docx",), "pending": ("fresh.docx",), "hash_missing": ("old.bin",),
    "meta_mismatch": (("rewritten.docx", "both"),), "locked": ("held.txt",), "delta_dup_rate": 0.5,
    "delta_empty_pages": 1, "delta_omit_ctag": False, "delta_omit_path": False, "delete_markers": "all",
}  # fmt: skip
SELECTS = ("", f"$select={OURS}", f"$select={OURS},content.downloadUrl,sharepointIds,restricted", "select=id,name")
COLUMNS: Sequence[Mapping[str, Any]] = (
    {"name": "Tags", "choice": {"displayAs": "checkBoxes", "choices": ["a", "b"], "allowTextEntry": False}},
    {"name": "Customer", "lookup": {"columnName": "Title", "allowMultipleValues": False, "listId": "x"}},
    {"name": "Amount", "currency": {"locale": "en-US"}},
)
ROWS: Sequence[Mapping[str, Any]] = (
    {"Title": "one", "Tags": ["a"], "Customer": {"LookupId": 1, "LookupValue": "x"}}, {"Title": "two"}, {"Amount": 1.5},
)  # fmt: skip
GONE = ("resyncChangesApplyDifferences", "resyncChangesUploadDifferences", "resyncRequired")
SHAPES = ("plain", "empty_state", "zero_hash", "year_0001", "no_parent")


@dataclass
class Visit:
    """One simulator with one set of knobs, its library on disk, and a reader that is logged in."""

    sim: SharePointSimulator
    reader: Reader
    library: Path

    def get(self, *paths: str) -> None:
        """Ask for addresses, relative to the Graph root or absolute."""
        for path in paths:
            self.reader.get(path)

    @property
    def drive(self) -> str:
        """The address of the drive below the Graph root."""
        return f"/drives/{self.sim.drive_id}"

    @property
    def site(self) -> str:
        """The address of the site below the Graph root."""
        return f"/sites/{self.sim.site_hostname}:{self.sim.site_path}"


@contextmanager
def _visit(folder: Path, units: int | None = None, **knobs: Any) -> Iterator[Visit]:
    library = folder / "library"
    for name in FILES:
        (library / name).parent.mkdir(parents=True, exist_ok=True)
        (library / name).write_text("" if name.startswith("empty") else name)
    sim = SharePointSimulator(
        library, state_dir=folder / "state", clock=FixedClock(1_800_000_000.0), units_per_minute=units,
        knobs=SharePointKnobs(**knobs),
    )  # fmt: skip
    with sim:
        reader = Reader(sim, "")
        try:
            yield Visit(sim, reader, library)
        finally:
            reader.close()
    shutil.rmtree(folder)


def _places(visit: Visit) -> None:
    sim, site = visit.sim, visit.site
    for select in ("", "?$select=id,displayName,webUrl", "?$select=id,name,webUrl,driveType,system"):
        visit.get("/sites/root" + select, f"/sites/{sim.site_hostname}{select}", site + select, f"{site}:{select}")
        visit.get(f"/sites/{sim.ids.site_id}{select}", f"{site}:/drive{select}", f"{site}:/drives{select}")
        visit.get(f"{visit.drive}{select}", f"{visit.drive}/root{select}")


def _lists(visit: Visit) -> None:
    site, drive = f"/sites/{visit.sim.ids.site_id}", visit.drive
    rows = visit.sim.lists.create("Orders", COLUMNS, ROWS)
    visit.get(
        f"{site}/lists/Orders", f"{site}/lists/Orders/columns?$top=3", f"{site}/lists/Orders/items?$expand=fields"
    )
    for name in ("Documents", "Orders"):
        page = visit.reader.get(f"{site}/lists/{name}/items/delta?$expand=fields($select=Tags,Customer)&$top=2").json()
        while "@odata.nextLink" in page:
            page = visit.reader.get(page["@odata.nextLink"]).json()
        rows.update(1, {"Tags": None})
        rows.delete(2) if name == "Documents" else rows.restore(2)
        visit.get(page["@odata.deltaLink"], f"{site}/lists/{name}/items/delta(token='latest')")
    visit.get("/sites?search=demo", "/sites/getAllSites", f"{site}/sites", f"{site}/lists", f"{site}/lists/Documents")
    visit.get(f"{site}/lists/Documents/drive", f"{site}/lists/Documents/columns", f"{site}/lists/none", "/me")
    visit.get(f"{drive}/root/search(q='txt')", f"{drive}/root:/a.txt:/versions", f"{drive}/root:/a.txt:/versions/1.0")
    visit.get(f"{drive}/root:/a.txt:/versions/9.0/content", f"{drive}/root/permissions", "/me/drive", "/me/drives")
    url = f"{site}/lists/Documents/items?$expand=fields&$top=3"
    while url:
        page = visit.reader.get(url).json()
        for row in page.get("value", ()):
            visit.get(f"{site}/lists/Documents/items/{row['id']}")
        url = page.get("@odata.nextLink")


def _items(visit: Visit) -> None:
    visit.reader.follow()
    for item_id in visit.reader.items:
        address = f"{visit.drive}/items/{item_id}"
        visit.get(f"{address}?{SELECTS[2]}", f"{address}/content", f"{address}/children")
    for select in SELECTS:
        visit.get(f"{visit.drive}/root:/{quote('Reports/2024/q1.docx')}?{select}")
        visit.get(f"{visit.drive}/root:/Reports:/children?{select}", f"{visit.drive}/items/root/children?{select}")
        page = visit.reader.get(f"{visit.drive}/root/children?$top=2&{select}").json()
        while "@odata.nextLink" in page:
            page = visit.reader.get(page["@odata.nextLink"]).json()


def _feed(visit: Visit) -> None:
    reader = visit.reader
    for select in SELECTS[:3]:
        reader.query, reader.link = f"{select}&$top=3", None
        reader.follow()
    _edit(visit.library)
    reader.follow()
    reader.follow()
    visit.get(f"{visit.drive}/root/delta?token=latest", f"{visit.drive}/root/delta(token='latest')")
    visit.get(f"{visit.drive}/root/delta?token={quote('2020-09-29T20:00:00Z')}", f"{visit.drive}/items/root/delta()")


def _edit(library: Path) -> None:
    (library / "a.txt").write_text("edited")
    (library / "old.bin").unlink()
    shutil.rmtree(library / "Reports/2024")
    (library / "Reports").rename(library / "Archive")
    (library / "New").mkdir()
    (library / "New/new.txt").write_text("new")


def _refusals(visit: Visit) -> None:
    drive = visit.drive
    visit.get("/sites/elsewhere.test:/sites/none", "/drives/b!none/root/delta", f"{drive}/items/01NONE")
    visit.get(f"{drive}/root/delta?token=nonsense", f"{drive}/root/delta?$top=none", "/me/nothing", f"{drive}/nothing")
    visit.reader.http.put(visit.sim.graph_root + f"{drive}/root:/x:/content", data=b"x")
    parts = [
        {"id": "1", "method": "GET", "url": f"{drive}/root"},
        {"id": "2", "method": "GET", "url": f"{drive}/items/none"},
        {"id": "3", "method": "GET", "url": drive, "dependsOn": ["2"]},
        {"id": "4", "method": "DELETE", "url": drive},
    ]
    for given in ({"requests": parts}, {}, {"requests": parts * 6}):
        visit.reader.http.post(f"{visit.sim.graph_root}/$batch", json=given)
    for status in CODES_BY_STATUS | {502: None, 504: None, 509: None}:
        visit.sim.replace_faults([{"id": "s", "service": "graph", "action": {"kind": "status", "status": status}}])
        visit.get(drive)
    for location in ("good", "bad", "none"):
        rule = {"id": "g", "operation": "delta", "action": {"kind": "gone", "location": location}}
        visit.sim.replace_faults([rule])
        answer = visit.reader.get(f"{drive}/root/delta?token=latest")
        if "Location" in answer.headers:
            visit.get(answer.headers["Location"])
    visit.sim.replace_faults(None)
    del visit.reader.http.headers["Authorization"]
    visit.get(drive)
    visit.reader.login()
    assert isinstance(visit.sim.clock, FixedClock)
    visit.sim.clock.advance(7200)
    visit.get(drive)


def _throttled(visit: Visit) -> None:
    for _ in range(6):
        visit.get(visit.drive)


def _outdated(visit: Visit) -> None:
    page = visit.reader.get(f"{visit.drive}/root/delta?$top=2").json()
    visit.get(page["@odata.nextLink"])


def make_tour(folder: Path) -> None:
    """Visit everything. What is seen goes to whoever observes the simulators; ``folder`` is used and emptied."""
    scenes: list[tuple[Callable[[Visit], None], dict[str, Any]]] = [
        (_places, {}), (_lists, {}), (_lists, {"delta_dup_rate": 1.0}), (_items, {}),
        (_items, ODD | {"delta_order": "child-first"}), (_feed, {}),
        (_refusals, {}),
        *((_feed, ODD | {"delete_shape": shape, "delta_deleted_page_size": 2}) for shape in SHAPES),
        *((_outdated, {"gone_after_calls": 0, "gone_code": code}) for code in GONE),
        *((_items, {"malware": ("*.exe",), "malware_shape": shape}) for shape in ("400", "403_html")),
        *((_items, {"restricted": ("*.docx",), "restricted_status": status}) for status in (403, 404)),
        (_throttled, {"units": 5}),
    ]  # fmt: skip
    for number, (scene, knobs) in enumerate(scenes):
        with _visit(folder / str(number), **knobs) as visit:
            scene(visit)
