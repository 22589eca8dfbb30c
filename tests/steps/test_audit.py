"""An audit lists the target, says how it differs from what we put there, and repairs what the route allows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.planning.trees import folder
from tests.steps.house import FILLED, House

from spfc.errors import RouteInvalid, TargetSuspicious
from spfc.planning.model import Kind
from spfc.targets.base import PutSpec


def put(house: House, path: str, body: bytes, modified: int = 2000) -> None:
    """Write into the target as somebody else would."""
    house.target.put_chunk(PutSpec(path, len(body), modified), 0, body, last=True)


def reasons(house: House) -> set[tuple[str, str, str]]:
    return {(stored.line.path, stored.line.reason.value, stored.outcome.value) for stored in house.lines()}


@pytest.fixture
def filled(house: House) -> House:
    house.fill()
    house.run()
    assert house.target.tree() == FILLED
    house.target.counts.clear()
    return house


def test_an_audit_of_an_untouched_target_lists_every_folder_once_and_changes_nothing(filled: House) -> None:
    filled.run(mode="audit")
    assert dict(filled.target.counts) == {"list_folder": 3}
    assert filled.manifest["audit"] == {
        "folders": 3, "entries": 5, "missing": 0, "changed": 0, "renamed": 0, "retagged": 0, "unknown": 0,
    }  # fmt: skip
    assert filled.lines() == []
    assert filled.enumeration["full"], "an audit does not trust the feed"


def test_a_copy_that_vanished_is_brought_back_and_the_report_says_why(filled: House) -> None:
    filled.target.remove("/A/one.txt", Kind.FILE)
    filled.run()
    assert "/A/one.txt" not in filled.target.tree(), "an ordinary run does not look"
    filled.run(mode="audit")
    assert reasons(filled) == {("/A/one.txt", "missing_at_target", "done")}
    assert filled.target.tree() == FILLED


def test_a_folder_that_vanished_comes_back_with_everything_in_it(filled: House) -> None:
    filled.target.remove("/A", Kind.FOLDER)
    filled.run(mode="audit")
    assert reasons(filled) == {
        ("/A", "missing_at_target", "done"),
        ("/A/one.txt", "missing_at_target", "done"),
        ("/A/3.txt", "missing_at_target", "done"),
    }
    assert filled.target.tree() == FILLED
    assert filled.debt() == 0


def test_what_others_put_there_is_reported_and_left_alone(filled: House) -> None:
    put(filled, "/A/theirs.txt", b"not ours")
    filled.target.make_folder("/Theirs")
    put(filled, "/Theirs/deep.txt", b"not ours either")
    filled.run(mode="audit")
    assert reasons(filled) == {
        ("/A/theirs.txt", "unknown_at_target", "skipped"),
        ("/Theirs", "unknown_at_target", "skipped"),
    }
    assert filled.target.tree() == FILLED | {
        "/A/theirs.txt": b"not ours", "/Theirs": None, "/Theirs/deep.txt": b"not ours either",
    }  # fmt: skip


def test_case_and_form_of_a_name_are_put_right(filled: House) -> None:
    filled.target.move("/A/one.txt", "/A/ONE.txt")
    filled.run(mode="audit")
    assert reasons(filled) == {("/A/one.txt", "renamed", "done")}
    assert filled.target.tree() == FILLED


KEPT = "/A/one (1970-01-01 00.33.20 FileCloud).txt"


@pytest.mark.parametrize(
    ("policy", "tree", "told"),
    [
        ("keep_both", {"/A/one.txt": b"first body", KEPT: b"edited there"}, "done"),
        ("source_wins", {"/A/one.txt": b"first body"}, "done"),
        ("target_wins", {"/A/one.txt": b"edited there"}, "skipped"),
    ],
)
def test_an_edited_copy_is_settled_by_the_policy(
    filled: House, policy: str, tree: dict[str, bytes | None], told: str
) -> None:
    filled.fields = {"policies": {"conflicts": policy}}
    put(filled, "/A/one.txt", b"edited there")
    filled.run(mode="audit")
    assert filled.manifest["audit"]["changed"] == 1
    assert ("/A/one.txt", "changed_at_target", told) in reasons(filled)
    assert filled.target.tree() == FILLED | tree
    assert filled.debt() == 0
    filled.run()
    assert filled.target.tree() == FILLED | tree


def test_their_version_stays_theirs_until_the_route_says_otherwise(filled: House) -> None:
    filled.fields = {"policies": {"conflicts": "target_wins"}}
    put(filled, "/A/one.txt", b"edited there")
    filled.run(mode="audit")
    filled.publish([filled.file("1", "a", "one.txt", "second body")])
    filled.run()
    assert reasons(filled) == {("/A/one.txt", "changed_at_target", "skipped")}
    assert filled.target.tree()["/A/one.txt"] == b"edited there"
    filled.run(mode="audit")
    assert reasons(filled) == {("/A/one.txt", "changed_at_target", "skipped")}, "every audit reports it"
    filled.fields = {"policies": {"conflicts": "source_wins"}}
    filled.run(mode="audit")
    assert filled.target.tree()["/A/one.txt"] == b"second body"


@pytest.mark.parametrize("etags", [True, False], ids=["etags", "no-etags"])
@pytest.mark.parametrize(
    ("policy", "tree", "told"),
    [
        ("keep_both", {"/A/one.txt": b"second body", KEPT: b"edited there"}, "done"),
        ("source_wins", {"/A/one.txt": b"second body"}, "done"),
        ("target_wins", {"/A/one.txt": b"edited there"}, "skipped"),
    ],
)
def test_an_ordinary_update_finds_the_edit_too(
    house: House, etags: bool, policy: str, tree: dict[str, bytes | None], told: str
) -> None:
    house.target._etags = etags
    house.fields = {"policies": {"conflicts": policy}}
    house.fill()
    house.run()
    put(house, "/A/one.txt", b"edited there")
    house.publish([house.file("1", "a", "one.txt", "second body")])
    house.run()
    assert reasons(house) == {("/A/one.txt", "content_changed", told)}
    assert house.target.tree() == FILLED | tree
    assert house.debt() == 0


def test_setting_aside_can_be_repeated(filled: House) -> None:
    """A version of the same second, and a try that died after it had set theirs aside."""
    put(filled, KEPT, b"of the same second")
    put(filled, "/A/one.txt", b"edited there")
    filled.source.publish([filled.file("1", "a", "one.txt", "second body")])
    filled.target.fail_next = []
    run = filled.context()
    from spfc.steps.enumerate import enumerate_source
    from spfc.steps.plan import diff_and_plan

    enumerate_source(run)
    filled.manifest = diff_and_plan(run)
    filled.target.move("/A/one.txt", KEPT.replace(").txt", ") (2).txt"))  # what the try had done
    filled.execute(run)
    filled.end(run)
    tree = filled.target.tree()
    assert tree["/A/one.txt"] == b"second body"
    assert tree[KEPT] == b"of the same second"
    assert tree[KEPT.replace(").txt", ") (2).txt")] == b"edited there"


def test_a_target_that_shows_nothing_is_not_filled_again_by_surprise(filled: House) -> None:
    for path, kind in (("/A", Kind.FOLDER), ("/Empty", Kind.FOLDER), ("/two.txt", Kind.FILE)):
        filled.target.remove(path, kind)
    run = filled.context(mode="audit")
    with pytest.raises(TargetSuspicious, match="none of the 3 items"):
        from spfc.steps.enumerate import enumerate_source
        from spfc.steps.plan import diff_and_plan

        enumerate_source(run)
        diff_and_plan(run)
    filled.end(run)
    assert filled.target.tree() == {}
    assert filled.debt() == 0, "nothing was written down either"
    filled.run(mode="audit", rebuild=True)
    assert filled.target.tree() == FILLED


def test_a_dry_audit_changes_nothing_and_the_next_run_repairs(filled: House) -> None:
    filled.target.remove("/two.txt", Kind.FILE)
    filled.run(mode="audit", dry_run=True)
    assert reasons(filled) == {("/two.txt", "missing_at_target", "pending")}
    assert "/two.txt" not in filled.target.tree()
    filled.run()
    assert filled.target.tree() == FILLED


def test_an_audit_confined_to_paths_repairs_there_only(filled: House) -> None:
    filled.target.remove("/two.txt", Kind.FILE)
    filled.target.remove("/A/one.txt", Kind.FILE)
    filled.run(mode="audit", paths=["A/**"])
    assert "/A/one.txt" in filled.target.tree()
    assert "/two.txt" not in filled.target.tree()
    assert filled.debt() == 1


def test_a_first_run_may_be_an_audit(house: House) -> None:
    house.fill()
    house.run(mode="audit")
    assert house.target.tree() == FILLED


def window(start: int, end: int) -> dict[str, Any]:
    of: Callable[[int], str] = lambda second: datetime.fromtimestamp(second, UTC).isoformat()  # noqa: E731
    return {"mode": "backfill", "window": {"start": of(start), "end": of(end)}}


@pytest.fixture
def dated(house: House) -> House:
    """Three files of three moments, the last one in a folder that its neighbours share."""
    house.fill()
    house.publish(
        [
            folder("f", "root", "F"),
            house.file("early", "f", "early.txt", "early", modified=10_000),
            house.file("late", "f", "late.txt", "late", modified=20_000),
            house.file("end", "root", "end.txt", "end", modified=30_000),
        ]
    )
    house.run()
    house.source.counts.clear()
    house.target.counts.clear()
    return house


def test_a_backfill_looks_at_its_window_only_and_leaves_the_feed_alone(dated: House) -> None:
    dated.target.remove("/F/early.txt", Kind.FILE)
    dated.target.remove("/F/late.txt", Kind.FILE)
    put(dated, "/end.txt", b"edited there")
    dated.source.counts.clear()
    dated.target.counts.clear()
    dated.publish([dated.file("new", "root", "new.txt", "new", modified=15_000)])
    dated.run(**window(10_000, 20_000))
    assert reasons(dated) == {("/F/early.txt", "missing_at_target", "done")}, "the end is excluded"
    assert dict(dated.target.counts) == {"list_folder": 1, "put_chunk": 1}
    assert dict(dated.source.counts) == {"bind": 1, "open": 1}, "the feed was not read"
    dated.run(**window(20_000, 30_001))
    assert reasons(dated) == {
        ("/F/late.txt", "missing_at_target", "done"),
        ("/end.txt", "changed_at_target", "done"),
    }
    dated.run()
    assert dated.target.tree()["/new.txt"] == b"new", "the cursor was not moved: the next run hears of it"


def test_a_backfill_finds_a_folder_that_is_gone(dated: House) -> None:
    dated.target.remove("/F", Kind.FOLDER)
    dated.run(**window(10_000, 20_000))
    assert reasons(dated) == {("/F", "missing_at_target", "done"), ("/F/early.txt", "missing_at_target", "done")}
    assert dated.debt() == 1
    dated.run()
    assert dated.target.tree()["/F/late.txt"] == b"late"


def test_a_backfill_never_restores_old_content(dated: House) -> None:
    """The file was edited at the source, and the feed has not been read since: nothing old can come."""
    dated.target.remove("/F/early.txt", Kind.FILE)
    dated.publish([dated.file("early", "f", "early.txt", "a new body", modified=40_000)])
    dated.run(**window(10_000, 20_000))
    assert "/F/early.txt" not in dated.target.tree()
    assert reasons(dated) == {("/F/early.txt", "missing_at_target", "deferred")}
    dated.run()
    assert dated.target.tree()["/F/early.txt"] == b"a new body"


def test_a_backfill_needs_a_first_run(house: House) -> None:
    house.fill()
    with pytest.raises(RouteInvalid, match="has not been run yet"):
        house.run(**window(0, 1))


def test_a_backfill_without_a_window_is_refused(house: House) -> None:
    with pytest.raises(RouteInvalid, match="airflow backfill create"):
        house.run(mode="backfill")
