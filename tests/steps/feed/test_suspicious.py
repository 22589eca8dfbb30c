"""Feed catalogue: a source that looks wrong. Nothing is removed, and each error says what was seen and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from tests.planning.trees import ROOT, file, folder
from tests.steps.feed.catalogue import AT_START, DEEP, START, A, B, Case, begin, gone, publish, told
from tests.steps.house import House

from spfc.errors import PermissionMissing, PlaceNotFound, RouteInvalid, SourceSuspicious, SpfcError
from spfc.planning.model import SourceItem

ONLY_A = {"source": {"hostname": "h", "site": "/s", "folder": "/A"}}
ONLY_DEEP = {"source": {"hostname": "h", "site": "/s", "folder": "/B/Deep"}}
MIRROR_OF_A = {"/one.txt": b"1", "/two.txt": b"22"}
STUCK = "a run that is tried again"


def refused(house: House, error: type[SpfcError], match: str, **options: Any) -> SpfcError:
    """Run into an error, twice, in the same words; nothing may happen at the target. Return the error."""
    before, counts = house.target.tree(), house.target.counts.copy()
    for _ in range(2):
        with pytest.raises(error, match=match) as caught:
            house.run(run_id=STUCK, **options)
    assert (house.target.tree(), house.target.counts) == (before, counts)
    return caught.value


def go_on(house: House, **options: Any) -> None:
    house.run(run_id=STUCK, **options)


def start(house: House, fields: dict[str, Any], items: Iterable[SourceItem] = START) -> dict[str, bytes | None]:
    house.fields = fields
    publish(house, [items])
    house.run()
    return house.target.tree()


def shows_only(house: House, *ids: str) -> None:
    """Let a full enumeration show nothing else."""
    house.source.unlisted = {item_id for item_id in house.source.items if item_id not in ids}


def test_a_library_that_is_suddenly_empty(house: House) -> None:
    begin(house, Case("", ()))
    shows_only(house, "root")
    error = refused(
        house, SourceSuspicious, "suddenly shows an empty library although 7 items were copied", mode="full"
    )
    assert "Check permissions" in error.hint and "nothing was removed" in error.hint
    assert house.debt() == 0
    house.source.unlisted = set()
    go_on(house)
    assert (house.manifest, house.target.tree()) == ({}, AT_START)


def test_a_library_that_shows_not_even_its_root(house: House) -> None:
    begin(house, Case("", ()))
    shows_only(house)
    error = refused(house, SourceSuspicious, "listed no root folder, so the enumeration proves nothing", mode="full")
    assert "nothing was removed" in error.hint
    house.source.unlisted = set()
    go_on(house)
    assert (house.manifest, house.target.tree()) == ({}, AT_START)


@pytest.mark.parametrize("how", ["full enumeration", "feed"])
def test_a_library_that_is_suddenly_much_smaller_is_held(house: House, how: str) -> None:
    many = [file(f"m{n:02}", "a", f"{n:02}.txt", "1") for n in range(40)]
    before = start(house, {}, [*START, *many])
    if how == "feed":
        publish(house, [[gone("a"), gone("4")]])
        house.run()
    else:
        shows_only(house, "root", "b", "d", "3")
        house.run(mode="full")
    assert house.manifest["guard"] == {
        "tripped": True,
        "text": "Held: 44 of 48 synced items (92%) would be removed; the route allows 25% at once.",
    }
    assert told(house) == ["held remove deleted_at_source /A", "held remove deleted_at_source /four.txt"]
    assert house.target.tree() == before
    house.run()
    assert (told(house)[0], house.target.tree()) == ("held remove deleted_at_source /A", before), "still, a run later"
    house.source.unlisted = set()
    publish(house, [[A, *START, *many]])
    house.run(mode="full")
    assert (house.debt(), house.target.tree()) == (0, before), "it was a lost permission; it is back"


def test_a_lost_permission(house: House) -> None:
    begin(house, Case("", ()))
    house.source.fail_next["changes"] = [PermissionMissing("The app may not read it.", hint="Nothing was removed.")] * 2
    refused(house, PermissionMissing, "may not read")
    go_on(house)
    assert (house.manifest, house.target.tree()) == ({}, AT_START)


def test_a_vanished_library(house: House) -> None:
    begin(house, Case("", ()))
    house.source.fail_next["changes"] = [PlaceNotFound("The library is not there any more.")] * 2
    refused(house, PlaceNotFound, "not there any more")


@pytest.mark.parametrize(
    ("news", "now"),
    [
        ([replace(A, name="Archive")], "/Archive"),
        ([replace(A, parent_id="d")], "/B/Deep/A"),
        ([replace(A, parent_id="b", name="Z"), replace(B, name="Y")], "/Y/Z"),
    ],
    ids=["renamed", "moved", "moved and renamed"],
)
def test_the_mirrored_folder_got_another_path(house: House, news: list[SourceItem], now: str) -> None:
    assert start(house, ONLY_A) == MIRROR_OF_A
    publish(house, [[*news, file("5", "a", "five.txt", "5")]])
    error = refused(house, PlaceNotFound, f"mirrors /A, but the folder that was copied so far is now {now}")
    assert f"Set source.folder to '{now}'" in error.hint and "Nothing was removed" in error.hint
    house.fields = {"source": {**ONLY_A["source"], "folder": now}}
    go_on(house)
    assert told(house) == ["done upload new /five.txt"], "what the error advises works, and nothing is copied again"
    assert house.target.tree() == {**MIRROR_OF_A, "/five.txt": b"5"}
    house.run()
    assert house.manifest == {}


def test_a_folder_above_the_mirrored_one_was_renamed(house: House) -> None:
    assert start(house, ONLY_DEEP) == {"/three.txt": b"333"}
    publish(house, [[replace(B, name="C")]])
    refused(house, PlaceNotFound, "mirrors /B/Deep, but the folder that was copied so far is now /C/Deep")
    publish(house, [[B]])
    go_on(house)
    assert (told(house), house.debt()) == ([], 0), "renamed back"


def test_a_mirrored_folder_that_changes_case_only_is_the_same(house: House) -> None:
    start(house, ONLY_A)
    publish(house, [[replace(A, name="a")]])
    house.run()
    assert (house.manifest, house.target.tree()) == ({}, MIRROR_OF_A)


@pytest.mark.parametrize(
    ("fields", "markers"),
    [(ONLY_A, ["a"]), (ONLY_A, ["1", "2", "a"]), (ONLY_DEEP, ["b", "d"]), (ONLY_DEEP, ["b"])],
    ids=["alone told", "all told", "with the one above", "the one above alone told"],
)
def test_the_mirrored_folder_was_deleted(house: House, fields: dict[str, Any], markers: list[str]) -> None:
    before = start(house, fields)
    publish(house, [[gone(item_id) for item_id in markers]])
    error = refused(house, PlaceNotFound, r"the source says that '(A|B|Deep)' was deleted")
    assert "Restore it from the recycle bin" in error.hint and "Nothing was removed" in error.hint
    publish(house, [START])
    go_on(house)
    assert (house.debt(), house.target.tree()) == (0, before), "restored"


def test_the_mirrored_folder_was_replaced_by_another_of_its_name(house: House) -> None:
    before = start(house, {**ONLY_A, "policies": {"removal_guard": {"max_share": 1.0}}})
    publish(house, [[gone("a"), gone("1")], [folder("a2", "root", "A"), file("5", "a2", "one.txt", "5")]])
    error = refused(house, PlaceNotFound, "mirrors /A, but the source says that 'A' was deleted")
    assert "new route name" in error.hint
    assert house.target.tree() == before


def test_the_mirrored_folder_was_moved_away_and_another_put_in_its_place(house: House) -> None:
    before = start(house, ONLY_A)
    publish(house, [[replace(A, name="Old")], [folder("a2", "root", "A"), file("5", "a2", "one.txt", "5")]])
    refused(house, PlaceNotFound, "mirrors /A, but the folder that was copied so far is now /Old")
    assert house.target.tree() == before


def test_a_full_enumeration_without_the_mirrored_folder(house: House) -> None:
    before = start(house, ONLY_A)
    shows_only(house, "root", "b", "d", "3", "4")
    refused(house, PlaceNotFound, "mirrors /A, but the source says that 'A' was deleted", mode="full")
    assert house.target.tree() == before


def test_a_route_whose_folder_was_never_there(house: House) -> None:
    house.fields = {"source": {**ONLY_A["source"], "folder": "/A/Nope"}}
    publish(house, [START])
    error = refused(house, PlaceNotFound, r"no folder 'Nope' in 'A' \(the route mirrors /A/Nope\)")
    assert "Correct source.folder" in error.hint
    house.fields = ONLY_A
    go_on(house)
    assert house.target.tree() == MIRROR_OF_A, "nothing was copied yet, so the folder may still be chosen"


def test_a_folder_of_the_route_that_is_pointed_at_another_folder(house: House) -> None:
    before = start(house, ONLY_A)
    house.fields = {"source": {**ONLY_A["source"], "folder": "/B"}}
    error = refused(house, PlaceNotFound, "mirrors /B, but the folder that was copied so far is now /A")
    assert "For another folder use a new route name" in error.hint
    house.fields = ONLY_A
    go_on(house)
    assert (house.manifest, house.target.tree()) == ({}, before)


def test_a_library_under_a_new_address_is_followed_when_it_is_the_same(house: House) -> None:
    begin(house, Case("", ()))
    house.fields = {"source": {"hostname": "new.host", "site": "/sites/renamed", "library": "Papers"}}
    house.run()
    assert (house.manifest, house.target.tree()) == ({}, AT_START)
    assert house.source.counts == {"bind": 1, "changes": 1}


@pytest.mark.parametrize(
    "fields",
    [
        {"source": {"hostname": "h", "site": "/other"}},
        {"target": {"folder": "/elsewhere"}},
        {"source": {"hostname": "h", "site": "/other"}, "target": {"folder": "/elsewhere"}},
    ],
    ids=["source", "target", "both"],
)
def test_a_route_pointed_at_another_place_is_refused(house: House, fields: dict[str, Any]) -> None:
    begin(house, Case("", ()))
    house.source.identity = "another library"
    house.fields = fields
    error = refused(house, RouteInvalid, "but its ledger is about")
    assert "new route name" in error.hint
    assert house.source.counts["changes"] == 0


def test_a_root_that_comes_back_under_its_own_id_goes_on(house: House) -> None:
    begin(house, Case("", ()))
    publish(house, [[gone("root")]])
    refused(house, PlaceNotFound, "the library itself was deleted")
    publish(house, [[ROOT, DEEP]])
    go_on(house)
    assert (house.manifest, house.target.tree()) == ({}, AT_START)
