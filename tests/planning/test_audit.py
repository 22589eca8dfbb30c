"""What counts as drift, folder by folder."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.planning.trees import file, folder, synced

from spfc.planning.audit import Drift, compare_folder
from spfc.planning.model import Kind, TargetEntry, Verification

OURS = replace(synced(file("1", "root", "one.txt", "body", modified=1000)), target_etag="e1")


def entry(name: str = "one.txt", kind: Kind = Kind.FILE, **more: object) -> TargetEntry:
    fields = {"size": 4, "modified": 1000, "etag": "e1"} | more
    return TargetEntry(f"/{name}", name, kind, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("shown", "found"),
    [
        (entry(), []),
        (entry(modified=1002), []),
        (entry(etag=None), []),
        (entry(etag=None, modified=None), []),
        (entry(etag="e2"), [Drift.RETAGGED]),
        (entry(size=5, modified=9), []),  # the etag says that it is the same
        (entry(etag="e2", size=5), [Drift.CHANGED]),
        (entry(etag="e2", modified=1003), [Drift.CHANGED]),
        (entry(etag=None, modified=None, size=5), [Drift.CHANGED]),
        (entry("ONE.txt"), [Drift.RENAMED]),
        (entry("ONE.txt", etag="e2", size=5), [Drift.RENAMED, Drift.CHANGED]),
    ],
)
def test_a_file(shown: TargetEntry, found: list[Drift]) -> None:
    drift = compare_folder([OURS], [shown])
    assert [finding.drift for finding in drift.findings] == found
    assert drift.unknown == ()


def test_another_unicode_form_of_the_same_name_is_no_drift() -> None:
    ours = synced(file("1", "root", "Caf\u00e9.txt", "body"))
    assert compare_folder([ours], [entry("Cafe\u0301.txt", etag=None)]).findings == ()


def test_missing_unknown_and_of_another_kind() -> None:
    there = synced(folder("2", "root", "Folder"))
    drift = compare_folder([OURS, there], [entry("one.txt", Kind.FOLDER), entry("Folder", Kind.FOLDER), entry("x")])
    assert [(finding.drift, finding.item.id) for finding in drift.findings] == [(Drift.MISSING, "1")]
    assert [item.id for item, _ in drift.folders] == ["2"]
    assert sorted(each.name for each in drift.unknown) == ["one.txt", "x"]


def test_bytes_that_never_had_the_listed_size_are_judged_by_time() -> None:
    ours = replace(OURS, verification=Verification.MISMATCH.value, size=999)
    assert compare_folder([ours], [entry(etag="e2")]).findings[0].drift is Drift.RETAGGED
    assert compare_folder([ours], [entry(etag="e2", modified=5000)]).findings[0].drift is Drift.CHANGED


def test_what_is_known_to_be_theirs_is_reported_every_time() -> None:
    theirs = replace(OURS, verification=Verification.FOREIGN.value)
    assert [finding.drift for finding in compare_folder([theirs], [entry()]).findings] == [Drift.CHANGED]
