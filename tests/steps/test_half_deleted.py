"""A folder of which only a part could be deleted comes back at the source: what is gone is brought anew."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.planning.trees import ROOT, folder
from tests.steps.house import House

from spfc.errors import ServiceBusy
from spfc.ledger.leases import LEASE_SECONDS
from spfc.planning.model import Kind
from spfc.steps.enumerate import enumerate_source
from spfc.steps.plan import diff_and_plan
from spfc.targets.memory import MemoryTarget

TREE = {"/Net": None, "/Net/a.txt": b"body a", "/Net/deep": None, "/Net/deep/b.txt": b"body b"}


class DiedError(Exception):
    """The process is gone."""


class PiecemealTarget(MemoryTarget):
    """Deletes folders as a disk does: file by file. ``trouble`` comes when half of the files are gone."""

    trouble: Exception | None = None

    def remove(self, path: str, kind: Kind) -> None:
        """See the protocol."""
        if kind is not Kind.FILE and self.trouble is not None:
            super().remove("/Net/deep/b.txt", Kind.FILE)
            raise self.trouble
        super().remove(path, kind)


@pytest.fixture
def half(tmp_path: Path) -> tuple[House, PiecemealTarget]:
    target = PiecemealTarget(16)
    house = House(tmp_path, target=target)
    house.fields = {"policies": {"removals": "delete", "removal_guard": {"max_share": 1.0}}}
    house.publish([
        ROOT, folder("n", "root", "Net"), folder("d", "n", "deep"),
        house.file("1", "n", "a.txt", "body a"), house.file("2", "d", "b.txt", "body b"),
    ])  # fmt: skip
    house.run()
    assert target.tree() == TREE
    house.publish([replace(house.source.items[item_id], deleted=True) for item_id in "nd12"])
    return house, target


def restore(house: House) -> None:
    house.publish([replace(house.source.items[item_id], deleted=False) for item_id in "nd12"])


def test_after_a_failure(half: tuple[House, PiecemealTarget]) -> None:
    house, target = half
    target.trouble = ServiceBusy("The disk is away.")
    house.run()
    house.end_badly()
    assert target.tree() == {path: body for path, body in TREE.items() if path != "/Net/deep/b.txt"}
    target.trouble = None
    restore(house)
    house.run()
    assert (target.tree(), house.debt()) == (TREE, 0)


def test_after_a_death(half: tuple[House, PiecemealTarget]) -> None:
    house, target = half
    target.trouble = DiedError()
    with pytest.raises(DiedError):
        house.run()
    target.trouble = None
    house.clock.now += LEASE_SECONDS + 60
    restore(house)
    house.run()
    assert (target.tree(), house.debt()) == (TREE, 0)


def test_looking_at_what_a_dead_run_may_have_deleted_forgets_nothing(half: tuple[House, PiecemealTarget]) -> None:
    house, target = half
    run = house.context()
    enumerate_source(run)
    diff_and_plan(run)  # and then it dies, with the removal open
    house.clock.now += LEASE_SECONDS + 60
    restore(house)
    house.run()
    assert (target.tree(), house.debt()) == (TREE, 0)
    assert house.manifest == {}, "everything is in its place, and known to be"
