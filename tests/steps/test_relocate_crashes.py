"""A relocation that breaks off at any moment is healed by the next runs, whatever the source does meanwhile."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.steps.house import House
from tests.steps.netted import NET, fill, item, settled

from spfc.steps import relocate
from spfc.steps.enumerate import enumerate_source
from spfc.steps.plan import diff_and_plan


class Crash(Exception):
    """The power went."""


class Fuse:
    """Counts side effects of a relocation, before and after each, and blows at one of them."""

    def __init__(self, house: House, patch: pytest.MonkeyPatch, at: int) -> None:
        self.ticks, self.at = 0, at
        for name in ("put_chunk", "make_folder", "remove"):
            patch.setattr(house.target, name, self._around(getattr(house.target, name)))
        for name in ("claim_places", "leave_behind", "forget_copies"):
            patch.setattr(relocate, name, self._around(getattr(relocate, name)))

    def _around(self, plain: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            self._tick()
            result = plain(*given, **named)
            self._tick()
            return result

        return call

    def _tick(self) -> None:
        self.ticks += 1
        if self.ticks == self.at:
            raise Crash(f"at side effect {self.at}")


def crash_at(house: House, monkeypatch: pytest.MonkeyPatch, number: int) -> bool:
    """Run once and crash at a numbered side effect; say whether the run came so far."""
    with monkeypatch.context() as patch:
        fuse = Fuse(house, patch, number)
        run = house.context()
        try:
            house.enumeration = relocate_run(house, run)
        except Crash:
            house.end(run)
            return True
    assert fuse.ticks < number
    return False


def relocate_run(house: House, run: Any) -> dict[str, Any]:
    told = enumerate_source(run)
    if told["debt"]:
        house.manifest = diff_and_plan(run)
        house.execute(run)
    house.end(run)
    return told


GONE_HOME = {
    "/Net": None, "/Net/a.txt": b"body a", "/Home": None, "/Home/deep": None, "/Home/deep/b.txt": b"body b",
    "/Home/deep/empty": None,
}  # fmt: skip
STAYED = {**NET, "/Net": None, "/Home": None}
FILE_HOME = {**{p: b for p, b in STAYED.items() if p != "/Net/a.txt"}, "/Home/a.txt": b"body a"}

SWAPPED = {**{path.replace("/Net", "/Home"): body for path, body in NET.items()}, "/Home": None, "/Net": None}

Ways = dict[str, dict[str, Any]]
Story = tuple[Ways, Ways, dict[str, bytes | None]]
STORIES: list[Story] = [
    # what moves and how, what the source does to it after the crash, what the target shall show in the end
    ({"1": {"parent_id": "h"}}, {}, FILE_HOME),
    ({"d": {"parent_id": "h"}}, {}, GONE_HOME),
    ({"d": {"parent_id": "h"}}, {"d": {"parent_id": "n"}}, STAYED),
    ({"n": {"name": "Home"}, "h": {"name": "Net"}}, {}, SWAPPED),
]


@pytest.mark.parametrize(("ways", "then", "tree"), STORIES)
def test_a_crash_anywhere_is_healed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ways: Ways, then: Ways, tree: dict[str, bytes | None]
) -> None:
    migrated = House(tmp_path)
    migrated.debt()
    migrated.database.close()
    for number in itertools.count(1):
        (tmp_path / str(number)).mkdir()
        shutil.copy(tmp_path / "ledger.db", tmp_path / str(number))
        netted = fill(House(tmp_path / str(number)))
        netted.publish([item(netted, moving, **way) for moving, way in ways.items()])
        crashed = crash_at(netted, monkeypatch, number)
        bodies = list(netted.target.tree().values())
        assert b"body a" in bodies and b"body b" in bodies, f"lost for a moment, crash {number}"
        if then:
            back = [replace(netted.source.items[moving], version="v3", **way) for moving, way in then.items()]
            netted.publish(back)
        for _ in range(3):
            netted.run()
        print(f"crash {number}")  # shown when one of them is not healed
        settled(netted, tree)
        netted.database.close()
        if not crashed:
            break
    assert number > 8, "there were side effects to crash at"
