"""Feed catalogue over HTTP: 410 in every shape, and a service that refuses or has lost the library."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from tests.e2e.conftest import House
from tests.e2e.feed.watch import refused, requests, told, tree, write

from spfc.errors import PermissionMissing, PlaceNotFound, ServiceError, SourceSuspicious, SpfcError
from spfc.steps.enumerate import MAX_RESTARTS

APPLY, UPLOAD = "resyncChangesApplyDifferences", "resyncChangesUploadDifferences"
FILES = tuple(f"{folder}/{n}.txt" for folder in "AB" for n in range(4))


def fault(house: House, nth: int | None = 1, times: int = 1, **action: Any) -> None:
    rule: dict[str, Any] = {"id": "feed", "service": "graph", "operation": "delta", "times": times, "action": action}
    house.sharepoint.replace_faults([rule if nth is None else rule | {"nth": nth}])


def edit(house: House) -> None:
    (house.library / "A/0.txt").write_text("edited since")
    (house.library / "A/1.txt").unlink()
    write(house, "A/new.txt")


EDITED = [
    "done remove deleted_at_source /A/1.txt",
    "done update content_changed /A/0.txt",
    "done upload new /A/new.txt",
]


def check_edited(house: House) -> None:
    assert told(house) == EDITED
    assert tree(house.mirror) == tree(house.library)
    assert (house.enumeration["full"], house.enumeration["debt"]) == (True, 3)
    house.sharepoint.faults.assert_all_hit()
    house.run()
    assert (house.manifest, house.enumeration["full"]) == ({}, False)


@pytest.mark.parametrize(("location", "seen"), [("good", [410, 200]), ("none", [410, 200]), ("bad", [410, 500, 200])])
@pytest.mark.parametrize("code", [APPLY, UPLOAD])
def test_410_at_the_start_of_a_run(
    house: House, settings: Callable[..., None], code: str, location: str, seen: list[int]
) -> None:
    settings(retries=0)
    write(house, *FILES)
    house.run()
    edit(house)
    fault(house, kind="gone", code=code, location=location)
    mark = house.sharepoint.journal.mark()
    house.run()
    assert requests(house, mark) == seen
    check_edited(house)


def test_410_with_a_location_elsewhere_gets_no_token(house: House) -> None:
    write(house, *FILES)
    house.run()
    edit(house)
    fault(house, kind="status", status=410, headers={"Location": "https://elsewhere.test/v1.0/delta?token=x"})
    mark = house.sharepoint.journal.mark()
    house.run()
    assert requests(house, mark) == [410, 200]
    check_edited(house)


@pytest.mark.parametrize("location", ["good", "none"])
@pytest.mark.parametrize("code", [APPLY, UPLOAD])
def test_410_in_mid_chain(house: House, settings: Callable[..., None], code: str, location: str) -> None:
    settings(page_size=2)
    write(house, *FILES)
    fault(house, nth=4, kind="gone", code=code, location=location)
    mark = house.sharepoint.journal.mark()
    assert house.run().verdict == "green"
    assert requests(house, mark) == [200] * 3 + [410] + [200] * 6 + [200]
    assert tree(house.mirror) == tree(house.library)
    edit(house)
    fault(house, nth=2, kind="gone", code=code, location=location)
    assert house.run().verdict == "green"
    check_edited(house)


def test_endless_410_is_capped_reported_and_changes_nothing(house: House) -> None:
    write(house, *FILES)
    house.run()
    edit(house)
    fault(house, nth=None, times=-1, kind="gone", location="good")
    mark = house.sharepoint.journal.mark()
    for _ in range(2):
        error = refused(house, ServiceError, f"fresh start {MAX_RESTARTS + 1} times in one run")
        assert "the mirror stays as it is" in error.hint
    assert requests(house, mark) == [410] * 2 * (MAX_RESTARTS + 1)
    house.sharepoint.faults.assert_all_hit()
    house.sharepoint.replace_faults(None)
    house.run()
    check_edited(house)


@pytest.mark.parametrize(
    ("status", "error", "match", "hint"),
    [
        (403, PermissionMissing, "may not read the change feed", "Sites.Selected"),
        (404, PlaceNotFound, "library is not there any more", "recycle bin"),
    ],
)
@pytest.mark.parametrize("nth", [1, 2])
def test_a_library_that_is_lost_removes_nothing(
    house: House, settings: Callable[..., None], nth: int, status: int, error: type[SpfcError], match: str, hint: str
) -> None:
    """At the first request of a run, and in the middle of a full enumeration that is due."""
    settings(page_size=3)
    write(house, *FILES)
    house.run()
    edit(house)
    if nth == 2:
        house.clock = lambda: time.time() + 8 * 86_400
    fault(house, nth=nth, times=-1, kind="status", status=status)
    caught = refused(house, error, match)
    assert f"status {status}" in str(caught) and hint in caught.hint and "Nothing was removed" in caught.hint
    house.sharepoint.replace_faults(None)
    house.run()
    assert tree(house.mirror) == tree(house.library)


def test_a_library_that_is_suddenly_empty_removes_nothing(house: House, tune: Callable[..., None]) -> None:
    write(house, *FILES)
    house.run()
    tune(unlisted=("?*",))
    house.fields = {"limits": {"full_every_days": 1}}
    house.clock = lambda: time.time() + 2 * 86_400
    error = refused(house, SourceSuspicious, "suddenly shows an empty library although 10 items were copied")
    assert "Check permissions" in error.hint
    tune()
    house.run()
    assert (house.manifest, tree(house.mirror)) == ({}, tree(house.library))


def test_a_renamed_library_goes_on_and_may_get_its_new_name_in_the_route(house: House) -> None:
    write(house, *FILES)
    house.fields = {"source": {**_source(house), "library": "Documents"}}
    house.run()
    house.sharepoint.rename_library("Papers")
    mark = house.sharepoint.journal.mark()
    house.run()
    assert [entry.operation for entry in house.sharepoint.journal.since(mark) if entry.service == "graph"] == ["delta"]
    house.fields = {"source": {**_source(house), "library": "Papers"}}
    mark = house.sharepoint.journal.mark()
    house.run()
    sent = [entry.operation for entry in house.sharepoint.journal.since(mark) if entry.service == "graph"]
    assert sent == ["site", "site_drives", "delta"]
    assert (house.manifest, tree(house.mirror)) == ({}, tree(house.library))
    mark = house.sharepoint.journal.mark()
    house.run()
    assert requests(house, mark, "site") == [], "found once"


def test_a_library_that_nobody_knows_is_answered_with_those_that_exist(house: House) -> None:
    write(house, *FILES)
    house.run()
    house.fields = {"source": {**_source(house), "library": "Other"}}
    assert "'Documents'" in refused(house, PlaceNotFound, "no library 'Other'").hint


def test_the_mirrored_folder_is_renamed_replaced_and_deleted(house: House) -> None:
    write(house, *FILES)
    house.fields = {"source": {**_source(house), "folder": "/A"}}
    house.run()
    before = tree(house.mirror)
    (house.library / "A").rename(house.library / "Archive")
    write(house, "A/other.txt")
    error = refused(house, PlaceNotFound, "mirrors /A, but the folder that was copied so far is now /Archive")
    assert "Set source.folder to '/Archive'" in error.hint
    house.fields = {"source": {**_source(house), "folder": "/Archive"}}
    write(house, "Archive/more.txt")
    house.run()
    assert tree(house.mirror) == {**before, "more.txt": b"Archive/more.txt"}
    (house.library / "Archive").rename(house.tmp / "bin")
    refused(house, PlaceNotFound, "mirrors /Archive, but the source says that 'Archive' was deleted")
    (house.tmp / "bin").rename(house.library / "Archive")
    house.run()
    assert "remove" not in house.manifest["counts"] and "upload" not in house.manifest["counts"]
    assert tree(house.mirror) == {**before, "more.txt": b"Archive/more.txt"}


def _source(house: House) -> dict[str, str]:
    return {"hostname": house.sharepoint.site_hostname, "site": house.sharepoint.site_path}
