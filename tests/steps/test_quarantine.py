"""Removals that the target refuses to move into the quarantine: carried there piece by piece, and nothing is lost."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from typing import Any

import pytest
from tests.planning.trees import ROOT, folder
from tests.steps.house import House

from spfc.errors import Interrupted, ReplyLost
from spfc.planning.model import Kind
from spfc.steps.enumerate import enumerate_source
from spfc.steps.plan import diff_and_plan
from spfc.steps.removals import apply_removals
from spfc.targets.base import PutSpec

DAY = "/team/mirror.quarantine/2023-11-14"
TREE = {"/Net": None, "/Net/a.txt": b"body a", "/Net/deep": None, "/Net/deep/b.txt": b"body b", "/Net/deep/e": None}


@pytest.fixture
def netted(house: House) -> House:
    return fill(house)


def fill(house: House) -> House:
    house.fields = {"policies": {"removal_guard": {"max_items": 100, "max_share": 1.0}}}
    house.publish([
        ROOT, folder("n", "root", "Net"), folder("d", "n", "deep"), folder("e", "d", "e"),
        house.file("1", "n", "a.txt", "body a"), house.file("2", "d", "b.txt", "body b"),
    ])  # fmt: skip
    house.target.network_folders = {"/Net"}
    house.run()
    assert house.target.tree() == TREE
    return house


def gone(house: House, *ids: str) -> None:
    house.publish([replace(house.source.items[item_id], deleted=True) for item_id in ids])


def kept(house: House) -> dict[str, bytes | None]:
    """Return what the quarantine of the first day holds, without its upper folders."""
    found = house.target.retired().items()
    return {path.removeprefix(DAY): body for path, body in found if path.startswith(DAY) and path != DAY}


def quiet(house: House) -> None:
    assert house.debt() == 0
    calls = house.target.calls
    house.run()
    assert (house.manifest, house.target.calls) == ({}, calls)


def test_a_file_is_carried(netted: House) -> None:
    gone(netted, "1")
    netted.run()
    assert kept(netted) == {"/Net": None, "/Net/a.txt": b"body a"}
    assert "/Net/a.txt" not in netted.target.tree()
    assert [stored.detail for stored in netted.lines()] == [f"quarantined as {DAY}/Net/a.txt"]
    quiet(netted)


def test_a_folder_is_carried_with_everything_in_it(netted: House) -> None:
    netted.target.put_chunk(PutSpec("/Net/deep/theirs.txt", 5, 1), 0, b"their", last=True)
    gone(netted, "d", "e", "2")
    netted.run()
    deep = {path: body for path, body in TREE.items() if path != "/Net/a.txt"}
    assert kept(netted) == {**deep, "/Net/deep/theirs.txt": b"their"}
    assert netted.target.tree() == {"/Net": None, "/Net/a.txt": b"body a"}
    quiet(netted)


def test_a_file_in_the_way_of_the_folder_gives_it_a_number(netted: House) -> None:
    gone(netted, "1")
    netted.run()
    netted.publish([folder("n2", "n", "a.txt"), netted.file("9", "n2", "in.txt", "inside")])
    netted.run()
    gone(netted, "n2", "9")
    netted.run()
    assert kept(netted) == {
        "/Net": None, "/Net/a.txt": b"body a", "/Net/a (2).txt": None, "/Net/a (2).txt/in.txt": b"inside",
    }  # fmt: skip


@pytest.mark.parametrize("when", ["stays gone", "comes back renamed"])
def test_a_try_that_breaks_off_anywhere_is_finished_by_the_next_run(
    tmp_path_factory: pytest.TempPathFactory, when: str
) -> None:
    for number in range(100):
        house = fill(House(tmp_path_factory.mktemp("house")))
        gone(house, "d", "e", "2")
        failed = run_failing_at(house, number)
        if when != "stays gone":
            house.publish([
                replace(house.source.items["d"], deleted=False, name="renamed"),
                replace(house.source.items["e"], deleted=False), house.file("2", "d", "b.txt", "body b"),
            ])  # fmt: skip
        house.run()
        house.run()
        if when == "stays gone":
            assert house.target.tree() == {"/Net": None, "/Net/a.txt": b"body a"}, f"call {number}"
            assert kept(house) == {path: body for path, body in TREE.items() if path != "/Net/a.txt"}
        else:
            there = {path.replace("/deep", "/renamed"): body for path, body in TREE.items()}
            assert house.target.tree() == there, f"call {number}"
        quiet(house)
        if not failed:
            assert number > 10
            return
    raise AssertionError("the run makes no end")


def test_a_task_that_is_told_to_stop_leaves_the_line_open(netted: House) -> None:
    netted.publish([netted.file("1", "n", "a.txt", "more than a chunk of bytes", version="v2")])
    netted.run()
    gone(netted, "1")
    run = netted.context()
    enumerate_source(run)
    netted.manifest = diff_and_plan(run)
    plain = netted.target.open

    def told_to_stop(*args: Any, **more: Any) -> Any:
        os.kill(os.getpid(), signal.SIGTERM)
        return plain(*args, **more)

    netted.target.open = told_to_stop  # type: ignore[method-assign]
    before = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        with pytest.raises(Interrupted):
            apply_removals(run, netted.manifest["plan_id"])
    finally:
        signal.signal(signal.SIGTERM, before)
    assert [stored.outcome.value for stored in netted.lines()] == ["pending"]
    netted.target.open = plain  # type: ignore[method-assign]
    apply_removals(run, netted.manifest["plan_id"])
    netted.end(run)
    assert kept(netted) == {"/Net": None, "/Net/a.txt": b"more than a chunk of bytes"}


def test_a_task_that_is_told_to_stop_begins_no_further_file(netted: House) -> None:
    netted.publish([netted.file(str(n), "n", f"{n}.txt", f"body {n}") for n in range(2, 6)])
    netted.run()
    gone(netted, "2", "3", "4", "5")
    run = netted.context()
    enumerate_source(run)
    netted.manifest = diff_and_plan(run)
    plain = netted.target.remove

    def told_to_stop(path: str, kind: Kind) -> None:
        plain(path, kind)
        os.kill(os.getpid(), signal.SIGTERM)

    netted.target.remove = told_to_stop  # type: ignore[method-assign]
    before = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        with pytest.raises(Interrupted, match="3 removals left"):
            apply_removals(run, netted.manifest["plan_id"])
    finally:
        signal.signal(signal.SIGTERM, before)
    assert [stored.outcome.value for stored in netted.lines()] == ["done", "pending", "pending", "pending"]


def run_failing_at(house: House, number: int) -> bool:
    """Run, with one call of the removals failing; say whether that many were made."""
    run = house.context()
    house.enumeration = enumerate_source(run)
    house.manifest = diff_and_plan(run)
    before, plain = house.target.calls, house.target._count

    def failing(operation: str) -> None:
        plain(operation)
        if house.target.calls == before + number + 1:
            raise ReplyLost("declared")

    house.target._count = failing  # type: ignore[method-assign]
    apply_removals(run, house.manifest["plan_id"])
    house.target._count = plain  # type: ignore[method-assign]
    house.end(run)
    return house.target.calls > before + number
