"""The DAG as Airflow runs it: in this process, on a real metadata database, against both simulators."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from simulators.filecloud.sessions import Sessions
from simulators.launch import LaunchOptions, SimulatorPair
from simulators.sharepoint.tokens import Signer


@dataclass
class DagRunSeen:
    """What one run of the DAG left behind."""

    run_id: str
    state: str
    tasks: dict[str, str | None]
    tries: dict[str, int]
    labels: dict[str, str | None]
    xcoms: dict[tuple[str, str], Any]
    log: str

    @property
    def summary(self) -> dict[str, Any]:
        found: dict[str, Any] = self.xcoms["report", "return_value"]
        return found


@dataclass
class World:
    """Both simulators, their secrets, and an Airflow that knows the route ``demo``."""

    folder: Path
    pair: SimulatorPair
    secrets: set[str]
    route: str = "demo"
    environment: dict[str, str] = field(default_factory=dict)
    printed: Callable[[], str] = str
    """Returns what this process has printed and logged since the last call."""

    @property
    def library(self) -> Path:
        return self.folder / "library"

    @property
    def mirror(self) -> Path:
        return self.pair.mirror

    @property
    def reports(self) -> Path:
        return self.folder / "reports"

    @staticmethod
    def tree(root: Path) -> dict[str, bytes | None]:
        """Return every path below ``root``, with the bytes of files."""
        return {
            str(path.relative_to(root)): path.read_bytes() if path.is_file() else None
            for path in sorted(root.rglob("*"))
        }

    def run(self, *, retries: int | None = None, **conf: Any) -> DagRunSeen:
        """Run the route's DAG to its end; tries that follow a failure follow it at once."""
        from spfc.pipeline.factory import RETRIES, build_any_dag
        from spfc.pipeline.settings import find_route

        self.printed()
        with patched(self.environment):
            dag = build_any_dag(find_route(self.route), retries=RETRIES if retries is None else retries)
            for task in dag.tasks:
                task.retry_delay, task.retry_exponential_backoff = timedelta(0), False
            run = dag.test(run_conf=conf)
        return seen(run.run_id, dag.dag_id, self.printed())

    def again(self, run_id: str, task_id: str, map_index: int = -1) -> str | None:
        """Clear one task instance of an ended run, as the button in the UI does, run it, and return its new state."""
        from airflow.models.taskinstance import TaskInstance, clear_task_instances
        from airflow.sdk.definitions.dag import _run_task
        from airflow.utils.session import create_session
        from sqlalchemy import select

        from spfc.pipeline.factory import build_any_dag
        from spfc.pipeline.settings import find_route

        one = select(TaskInstance).where(
            TaskInstance.run_id == run_id, TaskInstance.task_id == task_id, TaskInstance.map_index == map_index
        )
        with patched(self.environment), create_session() as session:
            dag = build_any_dag(find_route(self.route), retries=0)
            cleared = session.scalars(one).one()
            clear_task_instances([cleared], session)
            cleared.try_number += 1
            session.commit()
            _run_task(ti=cleared, task=dag.task_dict[task_id])
        with create_session() as session:
            state: str | None = session.scalars(one).one().state
        return state


@contextmanager
def patched(values: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for a while."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def seen(run_id: str, dag_id: str, log: str) -> DagRunSeen:
    """Read a run back from the metadata database."""
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        run = session.scalars(select(DagRun).where(DagRun.run_id == run_id, DagRun.dag_id == dag_id)).one()
        rows = session.scalars(select(TaskInstance).where(TaskInstance.run_id == run_id)).all()
        values = session.scalars(select(XComModel).where(XComModel.run_id == run_id)).all()
        return DagRunSeen(
            run_id=run_id,
            state=str(run.state),
            tasks={named(row): row.state for row in rows},
            tries={named(row): row.try_number for row in rows},
            labels={named(row): row.rendered_map_index for row in rows},
            xcoms={(named(value), value.key): XComModel.deserialize_value(value) for value in values},
            log=log,
        )


def named(row: Any) -> str:
    """Return ``task`` or ``task[map index]``."""
    return f"{row.task_id}[{row.map_index}]" if row.map_index >= 0 else str(row.task_id)


@pytest.fixture(scope="module")
def world(
    airflow_home: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[World]:
    """A fresh library of a few files and folders, served; nothing synced yet."""
    folder = tmp_path_factory.mktemp("world")
    fill(folder / "library")
    with recorded_secrets() as issued, SimulatorPair(LaunchOptions(folder / "library", folder / "store")) as pair:
        issued |= {pair.sharepoint.client_secret}
        capture = request.config.pluginmanager.getplugin("capturemanager")
        world = World(folder, pair, issued, printed=lambda: "".join(capture.read_global_capture()))
        (folder / "routes.yaml").write_text(
            pair.route_file({**pair.route(), "limits": {"batch_files": 2}}), encoding="utf-8"
        )
        world.environment = pair.environment(folder / "routes.yaml") | {"SPFC_REPORTS": str(world.reports)}
        yield world


def fill(library: Path) -> None:
    """Put the files there that every test starts from: five files in two folders, one of them larger, one empty."""
    for name, body in {
        "a.txt": b"alpha",
        "Reports/q1.bin": bytes(range(256)) * 40,
        "Reports/q2.bin": b"",
        "Reports/2024/日本語 & 50%.txt": "日本".encode(),
        "Reports/2024/large.bin": bytes(range(250)) * 1000,
    }.items():
        (library / name).parent.mkdir(parents=True, exist_ok=True)
        (library / name).write_bytes(body)


@contextmanager
def recorded_secrets() -> Iterator[set[str]]:
    """Collect every token, pre-signed link and cookie that a simulator gives out."""
    issued: set[str] = set()
    token, link, session = Signer.access_token, Signer.tempauth, Sessions._open

    def recorded(make: Any) -> Any:
        def call(*given: Any, **named: Any) -> Any:
            made = make(*given, **named)
            values = [made] if isinstance(made, str) else [v for k, v in made.cookies.items() if "user" not in k]
            issued.update(values)
            return made

        return call

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Signer, "access_token", recorded(token))
        patch.setattr(Signer, "tempauth", recorded(link))
        patch.setattr(Sessions, "_open", recorded(session))
        yield issued
