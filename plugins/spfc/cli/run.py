"""``spfc run``: the route's DAG once, in this process, the same tasks and XComs as under a scheduler."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from rich.console import Console

from spfc.cli.show import ProgressHandler, show_result
from spfc.errors import ConfigurationError, RouteInvalid
from spfc.pipeline.settings import airflow_home, routes_file
from spfc.routes import load_routes, parse_options

NOT_GREEN = 1


def run_here(route_name: str, params: Mapping[str, Any], *, as_json: bool) -> int:
    """Run a route once and print what it came to; return 0 only for a green run.

    Airflow's own chatter goes to a log file, whose path is printed when the run fails.
    """
    routes = load_routes(routes_file())
    if route_name not in routes:
        known = ", ".join(sorted(routes)) or "none"
        raise RouteInvalid(f"There is no route {route_name!r}.", hint=f"{routes_file()} has: {known}.")
    parse_options({name: value for name, value in params.items() if value is not None})
    log_file = airflow_home() / "spfc" / "logs" / f"run-{secrets.token_hex(4)}.log"
    log_file.parent.mkdir(parents=True, exist_ok=True)
    with _quiet(log_file) as (terminal, errors):
        console = Console(file=terminal)
        handler = ProgressHandler(Console(file=errors if as_json else terminal))
        logging.getLogger("spfc").addHandler(handler)
        summary = _test_dag(route_name, dict(params))
        logging.getLogger("spfc").removeHandler(handler)
        if not summary:
            raise ConfigurationError("The run ended without a report.", hint=f"The log of its tasks is {log_file}.")
        show_result(console, summary, as_json=as_json)
        if summary["verdict"] == "failed" and not as_json:
            console.print(f"log: {log_file}", highlight=False, markup=False, soft_wrap=True)
    return 0 if summary["verdict"] == "green" else NOT_GREEN


def _test_dag(route_name: str, params: dict[str, Any]) -> dict[str, Any]:
    """Run all tasks of the DAG and return what its report task handed back."""
    _prepare_airflow()
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session

    from spfc.pipeline.factory import build_dag
    from spfc.pipeline.settings import dag_id

    dag = build_dag(load_routes(routes_file())[route_name])
    run = dag.test(run_conf={name: value for name, value in params.items() if value is not None})
    with create_session() as session:
        found = XComModel.get_many(run_id=run.run_id, dag_ids=dag_id(route_name), task_ids="report", key="return_value")
        value = session.scalars(found.with_only_columns(XComModel.value)).first()
    if value is None:
        return {}
    decoded: dict[str, Any] = XComModel.deserialize_value(_Stored(value))
    return decoded


class _Stored:
    """The one attribute that Airflow's decoder of stored values reads."""

    def __init__(self, value: Any) -> None:
        self.value = value


def _prepare_airflow() -> None:
    """Make sure that Airflow knows our DAGs and has a metadata database: a laptop has neither.

    An Airflow that was set up before (it has its airflow.cfg) keeps its own settings.
    """
    if not (airflow_home() / "airflow.cfg").exists():
        project = Path(__file__).parents[3]
        for name, value in {
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGS_FOLDER": str(project / "dags"),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(project / "plugins"),
        }.items():
            os.environ.setdefault(name, value)
    from airflow.utils.db import check_migrations, initdb

    try:
        check_migrations(0)  # type: ignore[no-untyped-call]
    except TimeoutError:
        initdb()


@contextlib.contextmanager
def _quiet(log_file: Path) -> Iterator[tuple[IO[str], IO[str]]]:
    """Send everything that anybody prints to ``log_file``; yield the real terminal and error streams."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept_out, kept_err = os.dup(1), os.dup(2)
    with (
        os.fdopen(kept_out, "w", encoding="utf-8") as terminal,
        os.fdopen(kept_err, "w", encoding="utf-8") as errors,
        log_file.open("a", encoding="utf-8") as log,
    ):
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        try:
            yield terminal, errors
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            terminal.flush()
            errors.flush()
            os.dup2(terminal.fileno(), 1)
            os.dup2(errors.fileno(), 2)
