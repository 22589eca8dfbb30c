"""An audit through the real DAG: it looks although nothing is owed, repairs, and tells what it saw."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.pipeline.conftest import DagRunSeen, World

pytestmark = [pytest.mark.airflow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

WORK = {"apply_structure", "create_empty_folders", "approve_removals", "apply_removals"}
SOUND = {"missing": 0, "changed": 0, "renamed": 0, "unknown": 0}


def seen_by(run: DagRunSeen) -> dict[str, Any]:
    """Return what the audit counted, as the manifest hands it on."""
    counted: dict[str, Any] = run.xcoms["diff_and_plan", "manifest"]["audit"]
    return {name: counted[name] for name in SOUND}


@pytest.fixture(scope="module")
def synced(world: World) -> World:
    assert world.run().state == "success"
    return world


def test_an_audit_without_drift_looks_and_skips_the_rest(synced: World) -> None:
    mark = synced.pair.journal.mark()
    run = synced.run(mode="audit")
    assert run.state == "success", run.log[-3000:]
    assert {run.tasks[task] for task in ("enumerate", "diff_and_plan", "report")} == {"success"}
    assert {run.tasks[task] for task in WORK} == {"skipped"}
    assert not any("[" in task for task in run.tasks), "no mapped instance"
    assert seen_by(run) == SOUND
    folders = run.xcoms["diff_and_plan", "manifest"]["audit"]["folders"]
    assert folders == 3, "the root and two folders"
    assert run.xcoms["enumerate", "return_value"]["full"] is True
    changing = {"upload", "createfolder", "renameormove", "renamefile", "deletefile"}
    assert not changing & {entry.operation for entry in synced.pair.journal.since(mark)}
    assert "no difference" in run.summary["story"]
    assert json.loads(Path(run.summary["json"]).read_text("utf-8"))["audit"]["folders"] == folders


def test_an_audit_is_not_skipped_although_nothing_is_owed(synced: World) -> None:
    (synced.mirror / "Reports/q1.bin").unlink()
    (synced.mirror / "theirs.txt").write_text("not ours")
    quiet = synced.run()
    assert quiet.tasks["diff_and_plan"] == "skipped", "an ordinary run does not look"
    run = synced.run(mode="audit")
    assert run.state == "success", run.log[-3000:]
    assert run.xcoms["enumerate", "return_value"]["debt"] == 0
    assert seen_by(run) == SOUND | {"missing": 1, "unknown": 1}
    assert {run.tasks[task] for task in WORK} == {"success"}
    (synced.mirror / "theirs.txt").unlink()
    assert synced.tree(synced.mirror) == synced.tree(synced.library)


def test_a_target_that_shows_nothing_needs_rebuild(synced: World) -> None:
    import shutil

    for entry in synced.mirror.iterdir():
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    refused = synced.run(mode="audit", retries=0)
    assert refused.state == "failed"
    assert "rebuild" in refused.summary["story"]
    assert synced.tree(synced.mirror) == {}
    run = synced.run(mode="audit", rebuild=True)
    assert run.state == "success", run.log[-3000:]
    assert synced.tree(synced.mirror) == synced.tree(synced.library)
