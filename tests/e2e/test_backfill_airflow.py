"""``airflow backfill create`` on a real Airflow: it looks at its window only; runs of one route wait for each other."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from demo.airflow_stack import AirflowStack
from demo.api import FINISHED, AirflowApi, RunState
from demo.settings import ADMIN, AirflowSettings, free_port
from demo.watch import Watcher
from simulators.launch import LaunchOptions, SimulatorPair
from spfc.ledger.cursors import Cursor, load_cursor
from spfc.ledger.database import Database
from spfc.ledger.leases import release_lease, take_lease

pytestmark = [pytest.mark.airflow, pytest.mark.e2e, pytest.mark.timeout(900)]

PROJECT = Path(__file__).parents[2]
DAG = "spfc_demo"
DAGS = f"""
# The DAGs of the project as Airflow reads them, with a shorter wait for the lease.
import runpy
from datetime import timedelta
from spfc.pipeline import patience
patience.WAIT = timedelta(seconds=5)
globals().update(runpy.run_path({str(PROJECT / "dags" / "spfc_routes.py")!r}))
"""

FILES = {
    "first.txt": "2025-03-01 12:00",
    "A/second.txt": "2025-03-02 00:00",
    "A/third.txt": "2025-03-03 18:00",
    "fourth.txt": "2025-03-04 00:00",
}
"""Path and time of modification, UTC."""
FROM, TO = "2025-03-02", "2025-03-03"
"""Two days, so two runs: from the beginning of the second of March to the end of the third."""


def dated(path: Path, text: str, moment: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    when = datetime.strptime(moment, "%Y-%m-%d %H:%M").replace(tzinfo=UTC).timestamp()
    os.utime(path, (when, when))


@dataclass
class Installation:
    """A whole Airflow and both simulators; the route ``demo`` goes by a daily schedule and has run once."""

    airflow: AirflowStack
    api: AirflowApi
    pair: SimulatorPair
    ledger: Database

    @property
    def library(self) -> Path:
        return self.pair.options.library

    @property
    def mirror(self) -> Path:
        return self.pair.mirror

    def texts(self) -> dict[str, str]:
        found = (path for path in sorted(self.mirror.rglob("*")) if path.is_file())
        return {path.relative_to(self.mirror).as_posix(): path.read_text("utf-8") for path in found}

    def cursor(self) -> Cursor:
        with self.ledger.reading() as connection:
            cursor = load_cursor(connection, "demo")
        assert cursor is not None
        return cursor

    def until(self, done: Callable[[], bool], what: str, seconds: float = 300) -> None:
        """Look again and again whether something has happened in Airflow's processes."""
        deadline = time.monotonic() + seconds
        while not done():
            self.airflow.check()
            assert time.monotonic() < deadline, f"{what}; {self.api.runs(DAG)}"
            time.sleep(0.2)

    def order_backfill(self, *more: str) -> None:
        self.until(lambda: not self.api.backfill_runs(DAG), "Airflow should have closed the backfill before")
        self.airflow.command("backfill", "create", "--dag-id", DAG, "--from-date", FROM, "--to-date", TO, *more)

    def backfills(self) -> list[RunState]:
        return [run for run in self.api.runs(DAG) if run.run_type == "backfill"]

    def await_success(self) -> None:
        """Wait for the end of both runs of the backfill."""
        self.until(lambda: all(run.state in FINISHED for run in self.backfills()), "both runs should end")
        assert [run.state for run in self.backfills()] == ["success", "success"]

    def report(self, run_id: str) -> dict[str, Any]:
        summary = self.api.xcom(DAG, run_id, "report")
        content: dict[str, Any] = json.loads(Path(summary["json"]).read_text("utf-8"))
        return content


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("backfill")
    for name, moment in FILES.items():
        dated(folder / "library" / name, f"body of {name}", moment)
    (folder / "dags").mkdir()
    (folder / "dags" / "routes.py").write_text(DAGS, encoding="utf-8")
    settings = AirflowSettings(folder / "airflow", PROJECT, free_port(), folder / "dags")
    with ExitStack() as stack:
        airflow = stack.enter_context(AirflowStack(settings))
        airflow.begin()
        pair = stack.enter_context(SimulatorPair(LaunchOptions(folder / "library", folder / "store")))
        routes = yaml.safe_load(pair.route_file())
        routes["routes"]["demo"]["schedule"] = "@daily"
        routes["routes"]["broken"] = {**routes["routes"]["demo"], "colour": "red"}
        (folder / "routes.yaml").write_text(yaml.safe_dump(routes), encoding="utf-8")
        airflow.start(pair.environment(folder / "routes.yaml") | {"SPFC_REPORTS": str(folder / "reports")})
        airflow.wait_healthy()
        api = stack.enter_context(AirflowApi(settings.url, ADMIN, settings.password))
        ledger = Database(f"sqlite:///{pair.options.state_dir / 'ledger.db'}")
        stack.callback(ledger.close)
        made = Installation(airflow, api, pair, ledger)
        api.wait_for_dag(DAG, airflow.check)
        api.unpause(DAG)  # a daily schedule has a run due at once
        made.until(lambda: [run.state for run in api.runs(DAG)] == ["success"], "the first run should succeed")
        yield made


def test_a_broken_entry_takes_no_other_route_away(house: Installation) -> None:
    assert house.api.import_errors() == []
    house.api.wait_for_dag("spfc_broken", house.airflow.check)


def test_a_backfill_repairs_its_window_and_nothing_else(house: Installation) -> None:
    before, mark = house.cursor(), house.pair.journal.mark()
    (house.mirror / "first.txt").unlink(missing_ok=True)
    (house.mirror / "A/second.txt").unlink()
    dated(house.mirror / "A/third.txt", "what people made of it", "2025-03-05 10:00")
    (house.mirror / "fourth.txt").unlink()
    dated(house.library / "meanwhile.txt", "new at the source", "2025-03-02 12:00")

    house.order_backfill("--max-active-runs", "1")
    house.await_success()

    assert house.texts() == {
        "A/second.txt": "body of A/second.txt",
        "A/third.txt": "body of A/third.txt",
        "A/third (2025-03-05 10.00.00 FileCloud).txt": "what people made of it",
    }, "the end of the window is excluded, and the feed is not read"
    after = house.cursor()
    assert (after.link, after.generation, after.updated_at) == (before.link, before.generation, before.updated_at)
    assert house.pair.journal.count("graph", "delta", since=mark) == 0
    reports = [house.report(run.run_id) for run in house.backfills()]
    assert {report["run"]["mode"] for report in reports} == {"backfill"}
    assert {report["verdict"] for report in reports} == {"green"}
    assert sorted(report["counters"]["new_uploads"] for report in reports) == [0, 1]


def test_runs_of_one_route_wait_for_each_other(house: Installation) -> None:
    """A run by hand holds the route; two backfill runs come at once, and none of the three fails."""
    for name in ("A/second.txt", "A/third.txt"):
        (house.mirror / name).unlink()
    with house.ledger.writing() as connection:
        fence = take_lease(connection, "demo", "by hand", time.time())
    house.order_backfill("--max-active-runs", "2", "--reprocess-behavior", "completed")
    waiting: set[str] = set()

    def both_wait() -> bool:
        for run in house.backfills():
            states = {task.task_id: task.state for task in house.api.tasks(DAG, run.run_id)}
            waiting.update([run.run_id] if states.get("enumerate") == "up_for_reschedule" else [])
        return len(waiting) == 2

    house.until(both_wait, "both runs should be put off")
    assert "A/second.txt" not in house.texts()
    with house.ledger.writing() as connection:
        release_lease(connection, "demo", fence)
    house.await_success()
    assert house.texts()["A/second.txt"] == "body of A/second.txt"
    assert house.texts()["A/third.txt"] == "body of A/third.txt"


def test_an_ordinary_run_goes_on_where_the_last_one_ended(house: Installation) -> None:
    (house.mirror / "first.txt").unlink(missing_ok=True)
    dated(house.library / "later.txt", "new at the source", "2025-03-02 12:00")
    mark = house.pair.journal.mark()
    result = Watcher(house.api, DAG, house.pair.journal, house.airflow.check, timeout_s=300).run(lambda _: None)
    assert result.succeeded
    assert house.texts()["later.txt"] == "new at the source"
    assert house.pair.journal.count("graph", "delta", since=mark) <= 2, "the feed went on, it did not begin again"
    assert not (house.mirror / "first.txt").exists(), "an ordinary run believes the ledger: that is what audits are for"
