"""What a transfer leaves to a later run, and what it says: quiet hours, a long rest, and goes on when they are over."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.planning.trees import ROOT
from tests.steps.house import FILLED, House

from spfc.errors import LeaseHeld, LeaseLost, Throttled
from spfc.ledger.leases import take_lease
from spfc.planning.model import Outcome, SourceItem
from spfc.sources.base import ContentStream
from spfc.sources.memory import MemorySource
from spfc.steps.copying import transfer_batch
from spfc.steps.enumerate import enumerate_source
from spfc.steps.plan import diff_and_plan
from spfc.steps.structure import apply_structure


def at_noon(house: House) -> None:
    house.clock.now = datetime(2026, 3, 2, 12, tzinfo=UTC).timestamp()


def outcomes(house: House) -> dict[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = {}
    for stored in house.lines():
        if stored.line.action.value == "upload":
            key = stored.outcome.value, stored.code
            found[key] = found.get(key, 0) + 1
    return found


def test_in_quiet_hours_nothing_is_copied_and_everything_else_is_done(tmp_path: Path) -> None:
    house = House(tmp_path, fields={"limits": {"quiet_hours": ["08:00-18:00"]}})
    at_noon(house)
    house.fill()
    house.run()
    assert outcomes(house) == {("deferred", "quiet_hours"): 3}
    assert all("until 18:00 UTC" in line.detail for line in house.lines() if line.code == "quiet_hours")
    assert house.target.tree() == {"/A": None, "/Empty": None}
    assert house.debt() >= 3
    house.clock.now += 6 * 3600
    house.publish([])
    house.run()
    assert house.target.tree() == FILLED
    assert house.debt() == 0


def test_quiet_hours_that_begin_during_a_transfer_end_it_cleanly(tmp_path: Path) -> None:
    house = House(tmp_path, fields={"limits": {"quiet_hours": ["12:00-13:00"], "workers": 1}})

    class Slow(MemorySource):
        def open(self, item: SourceItem, *, offset: int = 0) -> ContentStream:
            at_noon(house)
            return super().open(item, offset=offset)

    house.source = Slow()
    at_noon(house)
    house.clock.now -= 600
    house.fill()
    house.run()
    done = outcomes(house)
    assert done.get(("done", ""), 0) >= 1, "what was begun is finished"
    assert done.get(("deferred", "quiet_hours"), 0) >= 1
    assert sum(done.values()) == 3


@pytest.mark.parametrize(("wait", "outcome"), [(21_600.0, Outcome.DEFERRED), (5.0, Outcome.FAILED)])
def test_a_service_that_wants_a_long_rest_gets_it(tmp_path: Path, wait: float, outcome: Outcome) -> None:
    opened: list[str] = []

    class Spent(MemorySource):
        tired = True

        def open(self, item: SourceItem, *, offset: int = 0) -> ContentStream:
            opened.append(item.id)
            if self.tired:
                raise Throttled("The budget of this app for today is spent.", retry_after=wait)
            return super().open(item, offset=offset)

    source = Spent()
    house = House(tmp_path, fields={"limits": {"workers": 1}}, source=source)
    house.publish(*_many(house))
    house.run()
    assert {key[0] for key in outcomes(house)} == {outcome.value}
    assert {key[1] for key in outcomes(house)} == {"throttled"}
    asked = len(opened)
    assert asked == 40 if outcome is Outcome.FAILED else asked <= 2, "nobody asks again what was just denied"
    source.tired = False
    house.publish([])
    house.run()
    assert house.debt() == 0


def _many(house: House) -> list[list[Any]]:
    return [[ROOT, *(house.file(str(n), "root", f"{n}.txt", str(n)) for n in range(40))]]


def test_what_was_not_used_is_given_back_however_a_task_ends(tmp_path: Path) -> None:
    house = House(tmp_path)
    ended: list[str] = []
    for error in (None, Throttled("x"), RuntimeError("y")):
        run = house.context()
        run.at_end = lambda: ended.append("end")
        try:
            with run.task("transfer"):
                if error:
                    raise error
        except (Throttled, RuntimeError):
            continue
    assert ended == ["end"] * 3


def test_long_waits_keep_the_route(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.fill()
    run = house.context("ours")
    enumerate_source(run)
    for _ in range(20):
        house.clock.now += 600
        run.beat()
    with pytest.raises(LeaseHeld), house.database.writing() as connection:
        take_lease(connection, "house", "theirs", house.clock.now + 1000)
    with house.database.writing() as connection:
        take_lease(connection, "house", "theirs", house.clock.now + 2000)
    house.clock.now += 600
    with pytest.raises(LeaseLost):
        run.beat()


def test_a_service_that_turns_us_away_is_asked_by_fewer_at_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Busy(MemorySource):
        def open(self, item: SourceItem, *, offset: int = 0) -> ContentStream:
            self.refusals = 1  # as a client counts a 429 that it has waited out
            return super().open(item, offset=offset)

    caplog.set_level("INFO", "spfc.transfer")
    house = House(tmp_path, fields={"limits": {"workers": 16}}, source=Busy())
    house.publish(*_many(house))
    shown: list[str] = []
    run = house.context()
    house.enumeration, house.manifest = enumerate_source(run), diff_and_plan(run)
    apply_structure(run, house.manifest["plan_id"])
    transfer_batch(run, house.manifest["plan_id"], 0, show=shown.append)
    assert "A service turns us away: 2 files at once instead of 4." in caplog.messages
    assert shown[-1].endswith(" at once")
    assert house.target.tree()["/39.txt"] == b"39"
