"""Old copies are read back on a slow schedule; what has changed is found, owed and repaired."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import select
from tests.planning.trees import ROOT, folder
from tests.steps.house import House

from spfc.errors import ServiceBusy, TargetSuspicious
from spfc.ledger.schema import scrubs, synced_items
from spfc.planning.model import Kind
from spfc.steps.closing import close_run
from spfc.steps.enumerate import enumerate_source
from spfc.steps.plan import diff_and_plan
from spfc.steps.scrub import WEEK, scrub, scrub_share

FILES = 20


@pytest.fixture
def house(tmp_path: Path) -> House:
    house = House(tmp_path, {"policies": {"scrub_percent_per_week": 50}})
    files = [house.file(str(n), "a", f"{n}.txt", f"body of {n:02}") for n in range(FILES)]
    house.publish([ROOT, folder("a", "root", "A"), *files])
    house.run()
    house.target.counts.clear()
    return house


def scrubbed(house: House) -> dict[str, int] | None:
    """A run with nothing new, as the DAG does it; what it planned is carried out."""
    run = house.context()
    house.enumeration = enumerate_source(run)
    house.manifest, house.results["run"] = {}, run.run_id
    found = None
    if house.enumeration["debt"] or scrub_share(run):
        house.manifest = diff_and_plan(run)
        found = house.manifest["scrub"]
        house.execute(run)
    house.end(run)
    return found


def verified(house: House) -> set[str]:
    with house.database.reading() as connection:
        rows = connection.execute(select(synced_items).where(synced_items.c.kind == Kind.FILE.value)).mappings()
        return {row["id"] for row in rows if row["verification"] == "read_back"}


def test_without_a_share_nothing_is_read(house: House) -> None:
    house.fields = {}
    house.clock.now += WEEK
    assert scrubbed(house) is None
    assert house.target.calls == 0


def test_the_share_grows_with_the_time_that_has_passed(house: House) -> None:
    shares = []
    for part in (0.05, 0.25, 0.5):
        house.clock.now += part * WEEK
        shares.append(scrub_share(house.context()))
    assert shares == [0, 3, 8]
    house.clock.now += 50 * WEEK
    assert scrub_share(house.context()) == 10, "never more than the share of a week"
    assert scrub_share(house.context(dry_run=True)) == 0
    assert scrub_share(house.context(mode="retry_failed")) == 0
    assert house.target.calls == 0


def test_in_two_weeks_half_a_week_each_every_copy_is_read_once(house: House) -> None:
    for _ in range(2):
        house.clock.now += WEEK
        assert scrubbed(house) == {"read": 10, "missing": 0, "changed": 0, "unread": 0}
        report = close_run(house.context(house.results["run"]), house.folder / "reports").files.json
        assert json.loads(report.read_text())["scrub"] == {"read": 10, "missing": 0, "changed": 0, "unread": 0}
    assert house.target.counts["open"] == FILES
    assert verified(house) == {str(n) for n in range(FILES)}
    house.clock.now += WEEK
    scrubbed(house)
    with house.database.reading() as connection:
        times = Counter(connection.execute(select(scrubs.c.verified_at)).scalars())
    assert sum(times.values()) == FILES, "the oldest again"


@pytest.mark.parametrize("conflicts", ["keep_both", "source_wins", "target_wins"])
def test_silent_rot_is_found_and_repaired_in_its_place(house: House, conflicts: str) -> None:
    house.fields["policies"] |= {"conflicts": conflicts, "scrub_percent_per_week": 100}
    house.target.spoil("/A/7.txt", b"BODY OF 07")
    house.clock.now += WEEK
    assert scrubbed(house) == {"read": FILES - 1, "missing": 0, "changed": 1, "unread": 0}
    if conflicts == "target_wins":
        assert ("/A/7.txt", "skip", "skipped") in house.told()
        return
    assert house.target.tree()["/A/7.txt"] == b"body of 07"
    assert len(house.target.tree()) == FILES + 1, "nobody's edit: nothing is set aside"
    assert house.debt() == 0
    house.clock.now += WEEK
    found = scrubbed(house)
    assert found is not None
    assert found["changed"] == 0


def test_missing_and_edited_copies_are_treated_as_an_audit_does(house: House) -> None:
    house.fields["policies"] |= {"scrub_percent_per_week": 100}
    house.target.remove("/A/3.txt", Kind.FILE)
    house.target.spoil("/A/4.txt", b"edited there")
    house.clock.now += WEEK
    found = scrubbed(house)
    assert found == {"read": FILES - 2, "missing": 1, "changed": 1, "unread": 0}
    tree = house.target.tree()
    assert (tree["/A/3.txt"], tree["/A/4.txt"]) == (b"body of 03", b"body of 04")
    assert b"edited there" in tree.values(), "set aside by the policy"


def test_an_emptied_target_is_not_taken_for_lost_copies(house: House) -> None:
    house.target.remove("/A", Kind.FOLDER)
    house.target.make_folder("/A")
    house.clock.now += WEEK
    run = house.context()
    enumerate_source(run)
    with pytest.raises(TargetSuspicious):
        scrub(run)
    assert house.debt() == 0


def test_a_copy_that_cannot_be_read_comes_again(house: House) -> None:
    house.clock.now += WEEK
    house.target.fail_next = [ServiceBusy("busy")]
    found = scrubbed(house)
    assert found == {"read": 9, "missing": 0, "changed": 0, "unread": 1}
    house.clock.now += WEEK
    scrubbed(house)
    assert len(verified(house)) == 19


def test_a_route_may_read_every_copy_back(tmp_path: Path) -> None:
    house = House(tmp_path, {"policies": {"verify": "read_back"}})
    house.fill()
    house.run()
    assert verified(house) == {"1", "2", "3"}
    assert house.target.counts["open"] == 3
