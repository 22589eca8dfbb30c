"""All DAGs of a route file: of each route its own, of each broken entry one that says what is wrong and fails."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NoReturn

from airflow.sdk import DAG, task
from airflow.sdk.exceptions import AirflowFailException

from spfc.errors import RouteInvalid
from spfc.pipeline.factory import build_any_dag
from spfc.pipeline.schedule import is_continuous, timetable_of
from spfc.pipeline.settings import DAG_PREFIX, dag_id
from spfc.route_file import BrokenRoute, RouteFile
from spfc.routes import ROUTE_NAME

BROKEN_TAG = "invalid"
"""Tag of the DAGs that stand for broken entries."""


def build_dags(file: RouteFile) -> Iterator[DAG]:
    """Yield the DAG of every entry. A mistake in one entry costs no other entry its DAG.

    Not an import error: Airflow takes all DAGs of a file with an import error off the schedule, the good ones too.
    """
    for route in file.routes.values():
        try:
            yield build_any_dag(route)
        except RouteInvalid as error:  # what only Airflow can tell: the schedule
            yield build_broken_dag(BrokenRoute(route.name, (error,)))
    for entry in file.broken.values():
        yield build_broken_dag(entry)


def build_broken_dag(entry: BrokenRoute) -> DAG:
    """Return a DAG that goes by the entry's schedule and fails each time with what is wrong.

    So whoever hears of failed runs hears of a route that has stopped. Paused or not is left as it is: an entry that
    is put right must not begin to copy before somebody has unpaused it.
    """
    text = entry.text
    dag = DAG(
        dag_id=_dag_id(entry),
        dag_display_name=f"{DAG_PREFIX}{entry.name} (invalid)",
        description=f"Not a valid route: {text}",
        doc_md=f"### This route is not valid\n\n{_as_plain_text(text)}\n\nNothing is copied until it is put right.\n",
        schedule=_schedule(entry),
        start_date=datetime(2024, 1, 1, tzinfo=UTC),
        catchup=False,
        max_active_runs=1,
        tags=["spfc", BROKEN_TAG],
        default_args={"owner": "spfc", "retries": 0},
    )
    with dag:

        @task(doc_md="Says what is wrong with the entry in the route file.")
        def invalid_route() -> NoReturn:
            raise AirflowFailException(text)

        invalid_route()
    return dag


def _dag_id(entry: BrokenRoute) -> str:
    """Return the id of the route's DAG, to keep its history; of a name that cannot be one, a number."""
    if ROUTE_NAME.fullmatch(entry.name):
        return dag_id(entry.name)
    return f"{DAG_PREFIX}invalid.{entry.position}"  # with a dot, which no route's name has


def _schedule(entry: BrokenRoute) -> object:
    if is_continuous(entry.schedule):
        return "@hourly"  # to fail without a pause would help nobody
    try:
        return timetable_of(entry.name, entry.schedule)
    except RouteInvalid:
        return None


def _as_plain_text(text: str) -> str:
    """Return Markdown that shows ``text`` as it is; it quotes what somebody wrote into the file."""
    return "\n".join(f"    {line}" for line in text.splitlines())
