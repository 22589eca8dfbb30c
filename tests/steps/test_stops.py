"""A batch that cannot go on stops cleanly: a full target, a service that is down, a task that is told to stop."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from tests.planning.trees import ROOT
from tests.steps.house import House

from spfc.errors import Interrupted, QuotaFull, ServiceBusy, SpfcError, Unreachable
from spfc.planning.model import Outcome, TargetEntry
from spfc.steps import copying
from spfc.steps.copying import transfer_batch
from spfc.steps.enumerate import enumerate_source
from spfc.steps.plan import diff_and_plan
from spfc.steps.structure import apply_structure
from spfc.targets.base import PutSpec
from spfc.transfer.breaker import QUOTA_STRIKES, SERVICE_STRIKES

FILES = 20


@pytest.fixture
def house(tmp_path: Path) -> House:
    house = House(tmp_path, {"limits": {"workers": 1, "batch_files": 10}})
    files = [house.file(f"{n:02}", "root", f"{n:02}.txt", "x" * (50 - n)) for n in range(FILES)]
    house.publish([ROOT, *files])
    return house


def planned(house: House) -> Any:
    run = house.context()
    house.enumeration = enumerate_source(run)
    house.manifest = diff_and_plan(run)
    assert len(house.manifest["batches"]) == 2
    apply_structure(run, house.manifest["plan_id"])
    return run


def copy(house: House, run: Any, batch: int = 0, **more: Any) -> dict[str, Any]:
    return transfer_batch(run, house.manifest["plan_id"], batch, **more)


def ends(house: House) -> dict[str, int]:
    found: dict[str, int] = {}
    for stored in house.lines():
        if stored.line.kind == "file":
            found[stored.outcome.value] = found.get(stored.outcome.value, 0) + 1
    return found


def failing(house: House, error: SpfcError, *, after: int = 0) -> list[str]:
    """Let the target refuse uploads after the first ones; return where the paths tried are noted."""
    plain, tried = house.target.put_chunk, []

    def put_chunk(spec: PutSpec, offset: int, chunk: bytes, *, last: bool) -> TargetEntry | None:
        if offset == 0:
            tried.append(spec.path)
        if len(set(tried)) > after:
            raise error
        return plain(spec, offset, chunk, last=last)

    house.target.put_chunk = put_chunk  # type: ignore[method-assign]
    return tried


def test_a_full_target_is_asked_three_times_in_the_whole_run(house: House) -> None:
    run = planned(house)
    tried = failing(house, QuotaFull("full", hint="Make room."), after=4)
    copy(house, run)
    copy(house, run, 1)
    assert len(tried) == 4 + QUOTA_STRIKES
    assert ends(house) == {"done": 4, "held": FILES - 4}
    told = {(stored.code, bool(stored.hint)) for stored in house.lines() if stored.outcome is Outcome.HELD}
    assert told == {("quota_full", True)}
    house.end(run)
    assert house.debt() == FILES - 4


@pytest.mark.parametrize("error", [ServiceBusy("FileCloud is busy"), Unreachable("nobody home")])
def test_a_target_that_is_down_ends_the_batch_and_its_name_is_told(house: House, error: SpfcError) -> None:
    run = planned(house)
    tried = failing(house, error, after=3)
    with pytest.raises(type(error), match=r"FileCloud \(spfc_filecloud:/team/mirror\) failed for 5 files in a row"):
        copy(house, run)
    assert len(set(tried)) == 3 + SERVICE_STRIKES
    assert ends(house) == {"done": 3, "failed": SERVICE_STRIKES - 1, "deferred": 1, "pending": FILES - 8}
    del house.target.put_chunk  # type: ignore[attr-defined]
    assert copy(house, run)["done"] == 2, "another try of the task goes on with what was left"


def test_a_source_that_is_down_is_told_apart(house: House) -> None:
    run = planned(house)
    house.source.fail_next["open"] = [ServiceBusy("no content") for _ in range(SERVICE_STRIKES)]
    with pytest.raises(ServiceBusy, match=r"SharePoint \(h/s/Documents\) failed"):
        copy(house, run)


def test_single_bad_files_stop_nothing(house: House) -> None:
    run = planned(house)
    house.source.fail_next["open"] = [ServiceBusy("no content") for _ in range(SERVICE_STRIKES - 1)]
    copy(house, run)
    assert ends(house) == {"failed": SERVICE_STRIKES - 1, "done": 6, "pending": 10}


def test_a_task_that_is_told_to_stop_breaks_off_and_another_goes_on(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.target.chunk_size = 4  # so that files have more than four chunks
    run, asked = planned(house), []
    monkeypatch.setattr(copying, "on_termination", lambda ask: nullcontext(asked.append(ask)))
    plain, offsets = house.target.put_chunk, []

    def put_chunk(spec: PutSpec, offset: int, chunk: bytes, *, last: bool) -> TargetEntry | None:
        offsets.append((spec.path, offset))
        if len(offsets) == 20:
            asked[0]()
        return plain(spec, offset, chunk, last=last)

    house.target.put_chunk = put_chunk  # type: ignore[method-assign]
    shown: list[str] = []
    with pytest.raises(Interrupted, match="9 files left"):
        copy(house, run, show=shown.append)
    assert len(offsets) == 20
    path, offset = offsets[-1]
    assert ends(house) == {"done": 1, "pending": FILES - 1}
    assert shown[-1].startswith("1 of 10 files")
    copy(house, run)
    assert offsets[20] == (path, offset + 4), "the chunk that had arrived is not sent again"
    assert ends(house) == {"done": 10, "pending": 10}
    assert house.target.tree()[path] == house.source.contents[path[1:3]]
