"""The approval task: passes when nothing is held, asks when something is, and tells who answered."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import TaskAwaitingInput

from spfc.pipeline import tasks
from spfc.pipeline.approval import APPROVE, REFUSE, ApproveRemovals, approval_text

HELD = {
    "plan_id": "legal.1.1",
    "fence": 1,
    "guard": {"tripped": True, "text": "Held: 9 of 10 synced items (90%) would be removed."},
    "removals": ["/Contracts", "/Old `stuff`.txt"],
    "counts": {"remove": 5},
}


def task(manifest: dict[str, Any]) -> ApproveRemovals:
    return ApproveRemovals(
        task_id="approve_removals", route="legal", manifest=manifest, consequence="They are moved away.", hours=24
    )


def context(**conf: Any) -> dict[str, Any]:
    return {"dag_run": SimpleNamespace(conf=conf), "task_instance": SimpleNamespace(id="1")}


def answer(option: str, user: dict[str, str] | None) -> dict[str, Any]:
    now = datetime(2026, 11, 21, tzinfo=UTC)
    return {"chosen_options": [option], "params_input": {}, "responded_at": now, "responded_by_user": user}


def test_nothing_held_asks_nobody() -> None:
    manifest = {**HELD, "guard": {"tripped": False, "text": "Nothing to remove."}}
    assert task(manifest).execute(context()) == {"verdict": "not needed"}


def test_an_unattended_run_waits_for_nobody() -> None:
    assert task(HELD).execute(context(unattended=True)) == {"verdict": "nobody to ask"}


def test_something_held_parks_the_task_with_a_text_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}
    monkeypatch.setattr(
        "airflow.providers.standard.operators.hitl.upsert_hitl_detail", lambda **given: asked.update(given)
    )
    with pytest.raises(TaskAwaitingInput):
        task(HELD).execute(context())
    assert asked["options"] == [APPROVE, REFUSE] and asked["defaults"] == [REFUSE]
    assert "legal" in asked["subject"] and "9 of 10" in asked["body"] and "/Contracts" in asked["body"]


def test_only_approval_releases_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    released: list[str] = []

    def release(route: str, _context: Any, manifest: Any, who: str) -> int:
        released.append(f"{route} {manifest['plan_id']} {who}")
        return 5

    monkeypatch.setattr(tasks, "release_task", release)
    asking = task(HELD)
    assert asking.execute_complete(context(), answer(REFUSE, {"id": "7", "name": "records"})) == {
        "verdict": "refused",
        "who": "records",
    }
    assert asking.execute_complete(context(), answer(REFUSE, None))["who"] == "nobody: time ran out"
    assert released == []
    approved = asking.execute_complete(context(), answer(APPROVE, {"id": "7", "name": "records"}))
    assert approved == {"verdict": "approved", "who": "records", "lines": 5}
    assert released == ["legal legal.1.1 records"]


def test_the_text_counts_what_it_does_not_list() -> None:
    text = approval_text(HELD, "They are moved away.")
    assert "and 3 more" in text and text.endswith("They are moved away.")
