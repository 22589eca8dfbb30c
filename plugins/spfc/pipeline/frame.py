"""What the DAGs of all routes have in common: schedule, retries, tags, one run at a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, Param

from spfc.pipeline.schedule import timetable_of
from spfc.pipeline.settings import dag_id
from spfc.routes import BaseRoute


def dag_of(route: BaseRoute, *, retries: int, doc: str, params: dict[str, Param]) -> DAG:
    """Return an empty DAG for a route. ``retries`` counts tries of a task beyond the first.

    Raises :class:`~spfc.errors.RouteInvalid` when Airflow does not understand the route's schedule.
    """
    source, target = route.ends
    return DAG(
        dag_id=dag_id(route.name),
        description=route.description or f"{source} to {target}",
        doc_md=doc,
        schedule=timetable_of(route.name, route.schedule),
        start_date=datetime(2024, 1, 1, tzinfo=UTC),
        catchup=False,
        max_active_runs=1,
        params=params,
        tags=["spfc", *route.tags],
        default_args={
            "owner": route.owner,
            "retries": retries,
            "retry_delay": timedelta(seconds=30),
            "retry_exponential_backoff": True,
            "max_retry_delay": timedelta(minutes=10),
        },
    )
