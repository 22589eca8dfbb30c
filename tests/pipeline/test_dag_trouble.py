"""When something goes wrong: the run is red, the report says why, the rest arrives, and the next run goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from spfc.errors import Unreachable

if TYPE_CHECKING:
    from tests.pipeline.conftest import DagRunSeen, World

pytestmark = [pytest.mark.airflow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

WRONG = "a-wrong-secret-that-nobody-may-see"


def told(run: DagRunSeen) -> str:
    """Return the account that a red run leaves: its sentence and its page."""
    assert run.state == "failed" and run.tasks["report"] == "failed", (run.state, run.tasks)
    assert run.summary["verdict"] == "failed"
    return run.summary["story"] + Path(run.summary["html"]).read_text(encoding="utf-8")


def with_password(world: World, connection: str, password: str) -> dict[str, str]:
    """Return the environment with another password in one connection."""
    name = f"AIRFLOW_CONN_{connection.upper()}"
    fields = json.loads(world.environment[name]) | {"password": password}
    return world.environment | {name: json.dumps(fields)}


def test_a_wrong_secret_stops_at_once_and_is_reported(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(world, "environment", with_password(world, "spfc_sharepoint", WRONG))
        run = world.run()
    text = told(run)
    assert "AADSTS7000215" in text and "client secret is wrong" in text
    assert run.tries["enumerate"] == 1, "a refusal is not repeated"
    assert WRONG not in text + run.log
    assert {run.tasks[task] for task in ("diff_and_plan", "apply_structure", "apply_removals")} == {"upstream_failed"}


def test_a_refused_password_is_tried_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Repeated logins lock accounts (FileCloud reference 2.1)."""
    mark = world.pair.journal.mark()
    with monkeypatch.context() as patch:
        patch.setattr(world, "environment", with_password(world, "spfc_filecloud", WRONG))
        run = world.run()
    text = told(run)
    assert "refused the login" in text and WRONG not in text + run.log
    assert world.pair.journal.count("filecloud", "loginguest", since=mark) == 1


def test_one_bad_file_fails_the_run_and_the_others_arrive(world: World) -> None:
    rule = {
        "id": "cut",
        "service": "download",
        "operation": "download",
        "times": -1,
        "action": {"kind": "truncate", "bytes": 100_000},
    }
    world.pair.sharepoint.replace_faults([rule])
    run = world.run()
    world.pair.sharepoint.faults.assert_all_hit()
    world.pair.sharepoint.replace_faults([])
    text = told(run)
    assert "large.bin" in text
    assert {state for task, state in run.tasks.items() if task != "report"} == {"success"}
    arrived, wanted = world.tree(world.mirror), world.tree(world.library)
    assert wanted.pop("Reports/2024/large.bin") is not None
    assert arrived == wanted

    healed = world.run(mode="retry_failed")
    assert healed.state == "success", healed.summary["story"]
    assert world.tree(world.mirror) == world.tree(world.library)


def test_trouble_that_passes_leaves_no_mark(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from spfc.steps import enumerate as step

    honest, calls = step.enumerate_source, []

    def once_broken(run: Any) -> dict[str, Any]:
        calls.append(run)
        result = honest(run)
        if len(calls) == 1:
            raise Unreachable("The network is away.", hint="Wait.")
        return result

    monkeypatch.setattr(step, "enumerate_source", once_broken)
    run = world.run()
    assert run.tries["enumerate"] == 2
    assert run.state == "success" and run.summary["verdict"] == "green", run.summary["story"]


def test_a_bug_is_told_by_its_kind_only(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from spfc.steps import enumerate as step

    def broken(_run: Any) -> NoReturn:
        raise KeyError(WRONG)

    monkeypatch.setattr(step, "enumerate_source", broken)
    text = told(world.run())
    assert "enumerate: stopped by a KeyError" in text
    assert WRONG not in text


def test_ctrl_c_is_told_and_gives_the_route_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from spfc.steps import enumerate as step

    def interrupted(_run: Any) -> NoReturn:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(step, "enumerate_source", interrupted)
        text = told(world.run(retries=0))
    assert "enumerate: interrupted" in text
    assert world.run().state == "success"


def test_a_task_that_dies_without_a_word_does_not_look_green(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker killed for memory writes nothing down; only Airflow knows."""
    from spfc.pipeline import tasks

    def killed(*_given: Any) -> NoReturn:
        raise SystemExit(137)

    monkeypatch.setattr(tasks, "enumerate_task", killed)
    text = told(world.run(retries=0))
    assert "enumerate: ended without a word" in text


def test_after_all_that_the_route_is_free(world: World) -> None:
    run = world.run()
    assert run.state == "success" and run.summary["verdict"] == "green", run.summary["story"]
