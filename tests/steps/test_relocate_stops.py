"""Relocations end when they are told to, at a full target, and when the target is down; the next run goes on."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
from tests.planning.trees import ROOT, folder
from tests.steps.house import House
from tests.steps.netted import item, leftovers, moved_lines

from spfc.errors import Interrupted, QuotaFull, ServiceBusy
from spfc.planning.model import TargetEntry
from spfc.steps import structure
from spfc.steps.enumerate import enumerate_source
from spfc.steps.plan import diff_and_plan
from spfc.steps.relocate import DONE
from spfc.steps.structure import apply_structure
from spfc.targets.base import PutSpec
from spfc.transfer.breaker import QUOTA_STRIKES, SERVICE_STRIKES


@pytest.fixture
def crowded(house: House) -> House:
    """A folder on other storage with a file of five chunks and nine small ones, and a second folder beside it."""
    house.fields = {"limits": {"workers": 1}}
    house.publish([
        ROOT, folder("n", "root", "Net"), folder("d", "n", "deep"), folder("o", "n", "other"),
        house.file("0", "d", "0.bin", "x" * 20 * 16),
        *(house.file(f"{k}", "d", f"{k}.txt", f"{k}") for k in range(1, 10)),
    ])  # fmt: skip
    house.target.network_folders = {"/Net"}
    house.run()
    return house


def moved_out(house: House) -> tuple[Any, str]:
    """Plan both folders out of their storage; return the run and its plan."""
    house.publish([item(house, "d", parent_id="root"), item(house, "o", parent_id="root")])
    run = house.context()
    house.enumeration, house.manifest = enumerate_source(run), diff_and_plan(run)
    return run, house.manifest["plan_id"]


def arrived_out(house: House) -> bool:
    tree = house.target.tree()
    files = {f"/deep/{k}.txt": f"{k}".encode() for k in range(1, 10)} | {"/deep/0.bin": b"x" * 20 * 16}
    return tree == {**files, "/deep": None, "/other": None, "/Net": None}


def test_a_task_that_is_told_to_stop_breaks_off_a_relocation(crowded: House, monkeypatch: pytest.MonkeyPatch) -> None:
    run, plan_id = moved_out(crowded)
    asked: list[Callable[[], None]] = []
    monkeypatch.setattr(structure, "on_termination", lambda ask: nullcontext(asked.append(ask)))
    plain, sent = crowded.target.put_chunk, []

    def put_chunk(spec: PutSpec, offset: int, chunk: bytes, *, last: bool) -> TargetEntry | None:
        sent.append((spec.path, offset))
        if spec.path == "/deep/0.bin" and offset == 16:
            asked[0]()
        return plain(spec, offset, chunk, last=last)

    crowded.target.put_chunk = put_chunk  # type: ignore[method-assign]
    with pytest.raises(Interrupted, match="told to stop, with 1 change left"):
        apply_structure(run, plan_id)
    assert sent == [("/deep/0.bin", 0), ("/deep/0.bin", 16)], "the chunk under way arrives, nothing more is begun"
    [(_, outcome, code, detail)] = [line for line in moved_lines(crowded) if line[0] == "/deep"]
    assert (outcome, code) == ("deferred", "not_reached")
    assert detail.endswith("have yet to follow or to go: The task was told to stop.")
    apply_structure(run, plan_id)
    crowded.end(run)
    while not arrived_out(crowded):
        before = crowded.target.calls
        crowded.publish([])
        crowded.run()
        assert crowded.target.calls > before, "every run goes on"
    assert crowded.debt() == 0
    assert leftovers(crowded) == []


def test_a_single_file_that_is_broken_off_is_tried_again(crowded: House, monkeypatch: pytest.MonkeyPatch) -> None:
    crowded.publish([item(crowded, "0", parent_id="root")])
    run = crowded.context()
    crowded.enumeration, crowded.manifest = enumerate_source(run), diff_and_plan(run)
    asked: list[Callable[[], None]] = []
    monkeypatch.setattr(structure, "on_termination", lambda ask: nullcontext(asked.append(ask)))
    plain = crowded.target.put_chunk

    def put_chunk(spec: PutSpec, offset: int, chunk: bytes, *, last: bool) -> TargetEntry | None:
        asked[0]()
        return plain(spec, offset, chunk, last=last)

    crowded.target.put_chunk = put_chunk  # type: ignore[method-assign]
    with pytest.raises(Interrupted):
        apply_structure(run, crowded.manifest["plan_id"])
    assert [line[:2] for line in moved_lines(crowded)] == [("/0.bin", "pending")]
    assert leftovers(crowded) == []
    del crowded.target.put_chunk  # type: ignore[attr-defined]
    apply_structure(run, crowded.manifest["plan_id"])
    assert moved_lines(crowded) == [("/0.bin", "done", "", DONE)]


def test_a_service_that_is_down_ends_a_relocation(crowded: House) -> None:
    run, plan_id = moved_out(crowded)
    tried: list[str] = []

    def put_chunk(spec: PutSpec, offset: int, chunk: bytes, *, last: bool) -> TargetEntry | None:
        tried.append(spec.path)
        raise ServiceBusy("FileCloud is busy")

    crowded.target.put_chunk = put_chunk  # type: ignore[method-assign]
    with pytest.raises(ServiceBusy, match=r"FileCloud \(spfc_filecloud:/team/mirror\) failed for 5 files in a row"):
        apply_structure(run, plan_id)
    assert len(set(tried)) == SERVICE_STRIKES
    del crowded.target.put_chunk  # type: ignore[attr-defined]
    apply_structure(run, plan_id)
    crowded.end(run)
    for _ in range(3):
        crowded.clock.now += 86_400
        crowded.publish([])
        crowded.run()
    assert arrived_out(crowded)


def test_a_full_target_is_asked_three_times_by_relocations(crowded: House) -> None:
    run, plan_id = moved_out(crowded)
    tried: list[str] = []

    def put_chunk(spec: PutSpec, offset: int, chunk: bytes, *, last: bool) -> TargetEntry | None:
        tried.append(spec.path)
        raise QuotaFull("full", hint="Make room.")

    crowded.target.put_chunk = put_chunk  # type: ignore[method-assign]
    apply_structure(run, plan_id)
    assert len(tried) == QUOTA_STRIKES
