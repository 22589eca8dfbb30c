"""A mass change of files that were copied before is held, reported, and released by a person, version by version."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.planning.trees import ROOT, folder
from tests.steps.house import House

from spfc.errors import RouteInvalid
from spfc.planning.model import SourceItem
from spfc.steps.closing import close_run
from spfc.steps.enumerate import enumerate_source
from spfc.steps.overwrites import RELEASED_BY

FILES = 10


@pytest.fixture
def filled(house: House) -> House:
    """Ten files in a folder, synced; the route allows four of them to change at once."""
    house.fields = {"policies": {"overwrite_guard": {"max_share": 0.4, "min_items": 2}}, "limits": {"workers": 1}}
    house.publish([ROOT, folder("a", "root", "A"), *(house.file(str(n), "a", f"{n}.txt") for n in range(FILES))])
    house.run()
    assert bodies(house) == {str(n): b"body" for n in range(FILES)}
    return house


def bodies(house: House) -> dict[str, bytes | None]:
    tree = house.target.tree()
    return {path[3:-4]: body for path, body in tree.items() if path.startswith("/A/")}


def edited(house: House, count: int, body: str = "ENCRYPTED", version: str = "v2") -> list[SourceItem]:
    return [house.file(str(n), "a", f"{n}.txt", body, version=version) for n in range(count)]


def changed(house: House, body: bytes = b"ENCRYPTED") -> int:
    return sum(found == body for found in bodies(house).values())


def outcomes(house: House) -> dict[tuple[str, str, str], int]:
    told: dict[tuple[str, str, str], int] = {}
    for stored in house.lines():
        key = (stored.line.action.value, stored.outcome.value, stored.code)
        told[key] = told.get(key, 0) + 1
    return told


def test_a_mass_change_is_held_and_everything_else_goes_on(filled: House) -> None:
    filled.publish([*edited(filled, 5), filled.file("new", "root", "new.txt"), folder("b", "root", "B")])
    filled.run()
    assert filled.manifest["overwrite_guard"]["tripped"] is True
    assert filled.manifest["guard"]["tripped"] is False
    assert outcomes(filled) == {
        ("update", "held", "too_many_changes"): 5,
        ("upload", "done", ""): 1,
        ("create_folder", "done", ""): 1,
    }
    assert changed(filled) == 0
    assert {"/new.txt", "/B"} <= set(filled.target.tree())
    assert sum(batch["files"] for batch in filled.manifest["batches"]) == 1, "held lines are in no batch"
    assert filled.debt() == 5


def test_held_lines_say_what_to_do_and_are_judged_again_without_a_pause(filled: House) -> None:
    filled.publish(edited(filled, 5))
    filled.run()
    plan_id = filled.manifest["plan_id"]
    (hint,) = {stored.hint for stored in filled.lines()}
    assert f"release_plan = {plan_id}" in hint
    assert f"release_plan = {plan_id}" in filled.manifest["overwrite_guard"]["text"]
    assert "5 of 10 synced files (50%)" in filled.manifest["overwrite_guard"]["text"]
    filled.run()
    assert outcomes(filled) == {("update", "held", "too_many_changes"): 5}, "not backing off"
    filled.fields = {}
    filled.run()
    assert changed(filled) == 5, "a guard that allows more lets them pass"
    assert filled.debt() == 0


def test_as_many_changes_as_the_route_allows_pass(filled: House) -> None:
    filled.publish(edited(filled, 4))
    filled.run()
    assert filled.manifest["overwrite_guard"]["tripped"] is False
    assert changed(filled) == 4


def test_a_released_plan_is_copied_and_its_lines_say_so(filled: House) -> None:
    filled.publish(edited(filled, 6))
    filled.run()
    held = filled.manifest["plan_id"]
    filled.run(release_plan=held)
    assert changed(filled) == 6
    assert {stored.line.evidence[RELEASED_BY] for stored in filled.lines()} == {held}
    assert filled.debt() == 0


def test_what_changed_again_since_it_was_looked_at_is_judged_anew(filled: House) -> None:
    filled.publish(edited(filled, 8))
    filled.run()
    held = filled.manifest["plan_id"]
    filled.publish(edited(filled, 5, "AGAIN", "v3"))
    filled.run(release_plan=held)
    assert (changed(filled), changed(filled, b"AGAIN")) == (3, 0)
    assert outcomes(filled) == {("update", "held", "too_many_changes"): 5, ("update", "done", ""): 3}
    assert "5 of 10" in filled.manifest["overwrite_guard"]["text"]
    second = filled.manifest["plan_id"]
    filled.run(release_plan=second)
    assert changed(filled, b"AGAIN") == 5


def test_few_further_changes_pass_beside_released_ones(filled: House) -> None:
    filled.publish(edited(filled, 6))
    filled.run()
    held = filled.manifest["plan_id"]
    filled.publish([filled.file("9", "a", "9.txt", "edited", version="v9")])
    filled.run(release_plan=held)
    assert changed(filled) == 6
    assert bodies(filled)["9"] == b"edited"
    (own,) = [stored for stored in filled.lines() if stored.line.item_id == "9"]
    assert RELEASED_BY not in own.line.evidence


def test_a_rest_may_be_released_again_with_the_same_plan(filled: House) -> None:
    filled.publish(edited(filled, 8))
    filled.run()
    held = filled.manifest["plan_id"]
    filled.run(release_plan=held, max_documents=3)
    assert changed(filled) == 3
    filled.run()
    assert changed(filled) == 3, "without a release the rest is held again"
    filled.run(release_plan=held)
    assert changed(filled) == 8


def test_held_lines_take_no_room_below_max_documents(filled: House) -> None:
    filled.publish([*edited(filled, 6), *(filled.file(f"z{n}", "a", f"z{n}.txt") for n in range(3))])
    filled.run(max_documents=2)
    assert outcomes(filled) == {("update", "held", "too_many_changes"): 6, ("upload", "done", ""): 2}
    assert filled.manifest["over_limit"] == 1


def test_a_mass_change_does_not_pass_in_slices(filled: House) -> None:
    filled.publish(edited(filled, 6))
    for _ in range(3):
        filled.run(max_documents=1)
    assert changed(filled) == 0


def test_changes_without_new_bytes_and_excluded_ones_do_not_count(filled: House) -> None:
    touched = [filled.file(str(n), "a", f"{n}.txt", version="v2") for n in range(6)]
    filled.publish([*touched, *(filled.file(str(n), "a", f"{n}.txt", "other", version="v2") for n in range(6, 10))])
    filled.run()
    assert outcomes(filled) == {("record", "done", ""): 6, ("update", "done", ""): 4}
    filled.fields = {**filled.fields, "filters": {"exclude": ["[0-5].txt"]}}
    filled.publish([*edited(filled, 6, version="v3"), filled.file("7", "a", "7.txt", "third", version="v3")])
    filled.run()
    assert outcomes(filled) == {("skip", "skipped", ""): 6, ("update", "done", ""): 1}


def test_moved_files_are_moved_and_only_their_new_bytes_wait(filled: House) -> None:
    moved = [filled.file(str(n), "root", f"{n}.txt", "ENCRYPTED", version="v2") for n in range(6)]
    filled.publish(moved)
    filled.run()
    assert outcomes(filled) == {("move", "done", ""): 6, ("update", "held", "too_many_changes"): 6}
    assert filled.target.tree()["/0.txt"] == b"body"
    filled.run(release_plan=filled.manifest["plan_id"])
    assert filled.target.tree()["/0.txt"] == b"ENCRYPTED"
    assert filled.debt() == 0


def test_a_dry_run_shows_the_verdict_and_may_be_released(filled: House) -> None:
    filled.publish(edited(filled, 6))
    filled.run(dry_run=True)
    assert filled.manifest["overwrite_guard"]["tripped"] is True
    assert outcomes(filled) == {("update", "held", "too_many_changes"): 6}
    filled.run(release_plan=filled.manifest["plan_id"])
    assert changed(filled) == 6


@pytest.mark.parametrize(("plan_id", "said"), [("house.99.1", "holds no plan 'house.99.1'"), ("quiet", "held no")])
def test_a_release_that_releases_nothing_is_refused_before_anything_is_done(
    filled: House, plan_id: str, said: str
) -> None:
    quiet = filled.manifest["plan_id"]
    source, target = filled.source.counts.copy(), filled.target.counts.copy()
    with pytest.raises(RouteInvalid, match=said):
        filled.run(release_plan=quiet if plan_id == "quiet" else plan_id)
    assert (filled.source.counts, filled.target.counts) == (source, target)
    filled.run()


def test_a_plan_of_another_route_releases_nothing(filled: House) -> None:
    filled.publish(edited(filled, 6))
    filled.run()
    other = filled.context(release_plan=filled.manifest["plan_id"])
    other.route = other.route.model_copy(update={"name": "other"})
    with pytest.raises(RouteInvalid, match="of route 'other'"):
        enumerate_source(other)


def test_the_report_shows_both_sentences(filled: House, tmp_path: Path) -> None:
    filled.fields["policies"]["removal_guard"] = {"max_items": 0}
    gone = folder("gone", "root", "Gone")
    filled.publish([gone])
    filled.run()
    filled.publish([*edited(filled, 6), replace(gone, deleted=True)])
    run = filled.run()
    closed = close_run(run, tmp_path)
    page = closed.files.html.read_text(encoding="utf-8")
    document: dict[str, Any] = json.loads(closed.files.json.read_text(encoding="utf-8"))
    plan_id = filled.manifest["plan_id"]
    assert closed.verdict == "attention"
    assert "Removal guard:" in page and "Overwrite guard:" in page and f"release_plan = {plan_id}" in page
    assert "6 of 10 synced files (60%) would be overwritten" in document["run"]["overwrite_guard"]
    assert "would be removed" in document["run"]["guard"]
    (problem,) = [each for each in document["problems"] if each["code"] == "too_many_changes"]
    assert problem["lines"] == 6 and plan_id in problem["next_step"]
