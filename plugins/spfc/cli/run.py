"""``spfc run``: the route's DAG once, in this process, the same tasks and XComs as under a scheduler."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from spfc.cli.quiet import quiet
from spfc.cli.show import ProgressHandler, exit_status, show_result
from spfc.errors import ConfigurationError, SpfcError
from spfc.pipeline.settings import UNATTENDED, airflow_home, find_route
from spfc.reporting.redaction import redact
from spfc.routes import AnyRoute, Route, parse_list_options, parse_options


def run_here(route_name: str, params: Mapping[str, Any], *, as_json: bool) -> int:
    """Run a route once and print what it came to; return 0 only for a green run.

    Airflow's own chatter goes to a log file, whose path is printed when the run fails.
    """
    route = find_route(route_name)
    given = {name: value for name, value in params.items() if value is not None}
    (parse_options if isinstance(route, Route) else parse_list_options)(given)
    log_file = _new_log_file()
    with quiet(log_file) as (terminal, errors):
        console = Console(file=terminal)
        with _listening(Console(file=errors if as_json else terminal)) as progress:
            summary = _guarded_test(route, given, log_file)
        if not summary:
            raise ConfigurationError(
                progress.last_error or "The run ended without a report.",
                hint=f"The log of its tasks is {log_file}.",
            )
        show_result(console, summary, as_json=as_json)
        if summary["verdict"] == "failed" and not as_json:
            console.print(f"log: {log_file}", highlight=False, markup=False, soft_wrap=True)
    return exit_status(summary)


def _new_log_file() -> Path:
    path = airflow_home() / "spfc" / "logs" / f"run-{secrets.token_hex(4)}.log"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
    except OSError as error:
        raise ConfigurationError(
            f"No log can be written to {path.parent}: {error.strerror}.",
            hint="Set AIRFLOW_HOME to a folder that you may write to.",
        ) from None
    return path


@contextlib.contextmanager
def _listening(console: Console) -> Iterator[ProgressHandler]:
    """Show what the steps log while the run goes."""
    handler, logger = ProgressHandler(console), logging.getLogger("spfc")
    logger.addHandler(handler)
    try:
        yield handler
    finally:
        logger.removeHandler(handler)


def _guarded_test(route: AnyRoute, given: Mapping[str, Any], log_file: Path) -> dict[str, Any]:
    """Run the DAG; trouble of Airflow itself becomes one sentence, its traceback goes to the log file."""
    try:
        return _test_dag(route, given)
    except SpfcError:
        raise
    except Exception as error:
        logging.getLogger("airflow.spfc").exception("Airflow could not run the route")
        said = str(error).strip().splitlines()
        raise ConfigurationError(
            f"Airflow could not run the route: {type(error).__name__}: {redact(said[0]) if said else 'no text'}.",
            hint=f"Everything it said is in {log_file}. Check that its own database can be used (airflow db check) and "
            "that its DAGs folder holds dags/spfc_routes.py (airflow dags list).",
        ) from None


def _test_dag(route: AnyRoute, given: Mapping[str, Any]) -> dict[str, Any]:
    """Run all tasks of the DAG and return what its report task handed back, nothing if it did not get that far.

    No task is tried again: the clients repeat what can help, and nobody at a terminal wants to wait for a scheduler's
    pauses between tries.
    """
    _prepare_airflow()
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session

    from spfc.pipeline.factory import build_any_dag
    from spfc.pipeline.settings import dag_id

    dag = build_any_dag(route, retries=0)
    run = dag.test(run_conf={UNATTENDED: True, **given})
    with create_session() as session:
        found = XComModel.get_many(run_id=run.run_id, dag_ids=dag_id(route.name), task_ids="report", key="return_value")
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
