"""The main job on every kind of server: FileCloud profiles, dead sessions, and Graph's odd ways, each pair of them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.conftest import House, housed
from tests.e2e.pairs import Case, all_pairs, pairs_of, pairwise
from tests.e2e.test_main_job import tree

from simulators.filecloud.knobs import PROFILES, FileCloudKnobs
from simulators.sharepoint.knobs import SharePointKnobs

pytestmark = pytest.mark.e2e

SETTINGS: Mapping[str, Sequence[str]] = {
    "profile": tuple(PROFILES),
    "dead session": ("xml_result0", "http_401", "http_403", "redirect_html", "html_200"),
    "page size": ("1000", "7", "2"),
    "hashes": ("given", "missing"),
    "office files": ("as listed", "size", "hash", "both"),
    "feed order": ("random", "parents-first", "child-first"),
    "deleted per page": ("7", "1"),
    "removals": ("quarantine", "delete"),
    "verify": ("source", "read_back"),
    "expires": ("nothing", "cursor", "cursor in mid-chain", "access token", "links"),
}
"""The names of the values are those of the simulators' knobs."""
CASES = pairwise(SETTINGS)
REMOVES = {"quarantine": (), "delete": ("deletefile",)}
READS = {"source": (), "read_back": ("downloadfile",)}
"""Calls of FileCloud that only these settings need."""
FILES = 10


def write(path: Path, body: str, age: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(body)
    os.utime(path, (1_700_000_000 + age, 1_700_000_000 + age))


def fill(library: Path) -> None:
    for number in range(FILES):
        write(library / f"Old/{number:02}.txt", f"old {number}")
    for name in ("edited.txt", "Reports/2024/plan.docx", "Reports/2024/sheet.xlsx", "Reports/é & #1.txt", "moved.docx"):
        write(library / name, name)
    write(library / "empty.docx", "")
    (library / "Empty").mkdir()


def change(library: Path) -> None:
    """Edit, rename, move, delete, rename a folder, and delete a folder with more than a page of deletions."""
    write(library / "edited.txt", "edited, and longer", age=3600)
    write(library / "Reports/2024/plan.docx", "a new plan", age=3600)
    (library / "Reports").rename(library / "Archive")
    (library / "Archive/2024/sheet.xlsx").rename(library / "Archive/2024/Sheet of 2024.xlsx")
    (library / "moved.docx").rename(library / "Archive/moved.docx")
    (library / "Archive/é & #1.txt").unlink()
    for number in range(1, FILES - 1):
        (library / f"Old/{number:02}.txt").unlink()
    shutil.rmtree(library / "Empty")
    write(library / "New/Newer/new.txt", "new", age=7200)


def graph_knobs(case: Case) -> SharePointKnobs:
    return SharePointKnobs(
        delta_order=case["feed order"],
        delta_deleted_page_size=int(case["deleted per page"]),
        delete_markers="all",
        hash_missing=("*",) if case["hashes"] == "missing" else (),
        meta_mismatch=() if case["office files"] == "as listed" else (("*.docx", case["office files"]),),
    )


def graph_faults(case: Case, *, first: bool) -> list[dict[str, Any]]:
    """Return what expires in a run. A cursor can only die once there is one, in mid-chain only between two pages."""
    chain = {"operation": "delta", "nth": 2, "action": {"kind": "gone"}}
    kinds: dict[str, dict[str, Any]] = {
        "nothing": {},
        "cursor": {} if first else {"operation": "delta", "action": {"kind": "gone"}},
        "cursor in mid-chain": {} if first and case["page size"] == "1000" else chain,
        "access token": {"service": "graph", "nth": [2, 5], "action": {"kind": "expire_tokens"}},
        "links": {"service": "download", "nth": 2, "action": {"kind": "expire_links"}},
    }
    rule = kinds[case["expires"]]
    return [{"id": case["expires"], **rule}] if rule else []


def cloud_faults(*operations: str) -> list[dict[str, Any]]:
    """Let the session die at these calls."""
    return [{"id": name, "operation": name, "nth": 1, "action": {"kind": "drop_session"}} for name in operations]


def run(house: House, case: Case, *, first: bool, dying: Sequence[str]) -> None:
    house.sharepoint.replace_faults(graph_faults(case, first=first))
    house.filecloud.replace_faults(cloud_faults(*dying))
    closed = house.run()
    assert closed.verdict == "green", closed.story
    assert tree(house.mirror) == tree(house.library)
    house.sharepoint.faults.assert_all_hit()
    house.filecloud.faults.assert_all_hit()


def quiet(house: House) -> None:
    """A run without changes asks the feed once and FileCloud never."""
    house.sharepoint.replace_faults(None)
    graph, cloud = house.sharepoint.journal.mark(), house.filecloud.journal.mark()
    assert house.run().verdict == "green"
    asked = [entry.operation for entry in house.sharepoint.journal.since(graph) if entry.service == "graph"]
    assert (asked, house.filecloud.journal.since(cloud), house.manifest) == (["delta"], [], {})


def audit(house: House) -> None:
    """A look at everything at FileCloud finds nothing to do, though the session dies in it."""
    house.filecloud.replace_faults(cloud_faults("getfilelist"))
    closed = house.run(mode="audit")
    assert closed.verdict == "green", closed.story
    assert house.manifest["counts"] == {}
    house.filecloud.faults.assert_all_hit()


@pytest.mark.parametrize("case", CASES, ids=["-".join(case[name] for name in SETTINGS) for case in CASES])
def test_the_main_job(tmp_path: Path, case: Case) -> None:
    cloud = FileCloudKnobs.profile(case["profile"], expired_session_mode=case["dead session"])
    with housed(tmp_path, graph_knobs(case), cloud) as house:
        plain = house.graph_settings()
        house.graph_settings = lambda: replace(plain, page_size=int(case["page size"]))  # type: ignore[method-assign]
        guard = {"min_items": 100, "max_share": 1.0}
        house.fields = {"policies": {"removals": case["removals"], "verify": case["verify"], "removal_guard": guard}}
        fill(house.library)
        run(house, case, first=True, dying=("createfolder", "upload", "fileinfo", *READS[case["verify"]]))
        quiet(house)
        change(house.library)
        run(house, case, first=False, dying=("createfolder", "upload", "renameormove", *REMOVES[case["removals"]]))
        quiet(house)
        audit(house)


def test_every_pair_of_settings_has_a_case() -> None:
    held = {pair for case in CASES for pair in pairs_of(case)}
    assert held == all_pairs(SETTINGS)
    assert all(case.keys() == SETTINGS.keys() for case in CASES)
    assert len(CASES) <= 35
