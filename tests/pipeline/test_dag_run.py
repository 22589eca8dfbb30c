"""The DAG of a route, run by Airflow: what moves, what it costs, what it hands on, and that it tells no secret."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.pipeline.conftest import DagRunSeen, World

pytestmark = [pytest.mark.airflow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

SMALL = 10_000
CHANGING = {"upload", "createfolder", "renameormove", "renamefile", "deletefile"}


@pytest.fixture(scope="module")
def dry(world: World) -> DagRunSeen:
    run = world.run(dry_run=True)
    assert not CHANGING & {entry.operation for entry in world.pair.journal.entries}
    return run


@pytest.fixture(scope="module")
def first(world: World, dry: DagRunSeen) -> DagRunSeen:
    return world.run()


@pytest.fixture(scope="module")
def second(world: World, first: DagRunSeen) -> tuple[DagRunSeen, list[str], int]:
    mark = world.pair.journal.mark()
    run = world.run()
    entries = world.pair.journal.since(mark)
    return run, [f"{e.service}.{e.operation}" for e in entries], sum(e.units for e in entries)


def test_a_dry_run_shows_the_plan_and_changes_nothing(world: World, dry: DagRunSeen) -> None:
    assert dry.state == "success", dry.log[-3000:]
    assert dry.tasks["apply_structure"] == dry.tasks["apply_removals"] == dry.tasks["transfer"] == "skipped"
    page = Path(dry.summary["html"]).read_text(encoding="utf-8")
    assert "Rehearsal" in dry.summary["story"]
    assert "a.txt" in page and "large.bin" in Path(dry.summary["csv"]).read_text(encoding="utf-8")


def test_the_first_run_brings_everything_and_every_task_succeeds(world: World, first: DagRunSeen) -> None:
    assert first.state == "success", first.log[-3000:]
    assert set(first.tasks.values()) == {"success"}, first.tasks
    assert sorted(t for t in first.tasks if t.startswith("transfer[")) == ["transfer[0]", "transfer[1]", "transfer[2]"]
    assert world.tree(world.mirror) == world.tree(world.library)
    assert first.summary["verdict"] == "green"


def test_mapped_tasks_say_what_they_carry(first: DagRunSeen) -> None:
    labels = {first.labels[task] for task in first.tasks if task.startswith("transfer[")}
    assert labels == {"batch 1: 1 file, 250 kB", "batch 2: 2 files, 10.2 kB", "batch 3: 2 files, 11 bytes"}


def test_the_report_button_gets_its_address(first: DagRunSeen) -> None:
    assert first.xcoms["report", "report_link"].startswith("/spfc/reports/demo/")


def test_what_tasks_hand_on_is_small(first: DagRunSeen) -> None:
    sizes = {key: len(json.dumps(value)) for key, value in first.xcoms.items()}
    assert max(sizes.values()) < SMALL, sizes


def test_a_run_without_changes_costs_one_request(second: tuple[DagRunSeen, list[str], int]) -> None:
    run, requests, units = second
    assert run.state == "success" and run.summary["verdict"] == "green"
    assert [name for name in requests if not name.startswith("login.")] == ["graph.delta"]
    assert units == 1
    ran = {task for task, state in run.tasks.items() if state == "success"}
    assert ran == {"enumerate", "report"}
    assert not any("[" in task for task in run.tasks), "no mapped instance"


def test_no_secret_anywhere(world: World, dry: DagRunSeen, first: DagRunSeen, second: object) -> None:
    """Secrets as the simulators gave them out: tokens, cookies, signatures of links, and the client secret."""
    assert len(world.secrets) >= 10, "nothing was recorded, so nothing would be found"
    places = {
        "xcom": json.dumps([list(run.xcoms.items()) for run in (dry, first)], default=str).encode(),
        "log": (dry.log + first.log).encode(),
        **{str(path): path.read_bytes() for path in world.folder.rglob("*") if is_ours(world, path)},
    }
    assert len(dry.log) > 2000 and any("ledger.db" in place for place in places)
    found = [(place, secret) for place, text in places.items() for secret in world.secrets if secret.encode() in text]
    assert found == []


def is_ours(world: World, path: Path) -> bool:
    """Say whether spfc wrote a file: the simulators' own books and the environment are not judged."""
    if not path.is_file():
        return False
    state = world.pair.options.state_dir
    return path.is_relative_to(world.reports) or path.name.startswith("ledger.db") or (
        not path.is_relative_to(state) and path.suffix == ".log"
    )  # fmt: skip


def test_tasks_cleared_and_run_again_do_no_harm(world: World, first: DagRunSeen) -> None:
    """What a person does with the Clear button, on a run that has ended: its lease is given back already."""
    before = world.tree(world.mirror)
    mark = world.pair.journal.mark()
    for task, index in (("transfer", 0), ("apply_structure", -1), ("apply_removals", -1), ("report", -1)):
        assert world.again(first.run_id, task, index) == "success", world.printed()[-3000:]
    assert world.tree(world.mirror) == before
    assert not CHANGING & {entry.operation for entry in world.pair.journal.since(mark)}
