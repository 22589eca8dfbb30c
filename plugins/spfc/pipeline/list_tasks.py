"""What each task of a list route's DAG does: open the run, call one step, hand back small values."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException

from spfc.pipeline.tasks import Context, finish_early, states_of, working

if TYPE_CHECKING:
    from spfc.steps.context import ListRun

log = logging.getLogger("spfc.task")

SYNC, SNAPSHOT = "sync_list", "write_snapshot"


def sync_task(route: str, context: Context) -> dict[str, Any]:
    """Read what has changed in the list and apply it to the table, page by page."""
    from spfc.steps.records import box_of, sync_list
    from spfc.transfer.interrupt import on_termination

    with opened_list(route, SYNC, context, None) as run:
        stop = box_of(run)
        with on_termination(stop.hurry):
            result = sync_list(run, stop)
        current = run.route.snapshot is not None and run.target.revision() is None
    if current:
        log.info("The snapshot is as new as the table.")
        finish_early(context, result, (SNAPSHOT,))
    return result


def snapshot_task(route: str, context: Context, result: Mapping[str, Any]) -> dict[str, Any]:
    """Write all living rows to the route's file."""
    from dataclasses import asdict

    from spfc.pipeline.wiring import make_target
    from spfc.steps.records import write_snapshot

    with opened_list(route, SNAPSHOT, context, result["fence"]) as run:
        wanted = run.route.snapshot
        if wanted is None:
            return {}
        done = write_snapshot(run, lambda: make_target(wanted.target, workers=1))
    return {} if done is None else asdict(done)


def list_report_task(route: str, context: Context) -> dict[str, Any]:
    """Write the report and give the route back; fail the run when it failed."""
    from spfc.pipeline.fate import note_silent_failures
    from spfc.pipeline.metrics import count_incident
    from spfc.pipeline.settings import dag_id
    from spfc.reporting.list_report import list_result, write_list_report
    from spfc.reporting.model import Verdict
    from spfc.reporting.places import reports_root
    from spfc.steps.records import close_list
    from spfc.web.links import REPORT_LINK_KEY, report_url

    result = context["ti"].xcom_pull(task_ids=SYNC) or {}
    with opened_list(route, "report", context, result.get("fence")) as run:
        note_silent_failures(run, states_of(context))
        closed = close_list(run, reports_root(), dag_id=dag_id(route))
        page = write_list_report(reports_root(), closed.summary)
    if closed.summary.incident:
        count_incident(route)
    told = list_result(closed.summary, page)
    log.info("Report: %s", page)
    context["ti"].xcom_push(key=REPORT_LINK_KEY, value=report_url(route, run.run_id))
    context["ti"].xcom_push(key="return_value", value=told)
    if closed.verdict is Verdict.FAILED:
        raise AirflowFailException(f"{closed.story} The report has more: {page}")
    return told


@contextmanager
def opened_list(route: str, task: str, context: Context, fence: int | None) -> Iterator[ListRun]:
    """Open the run of a list route for one task, as :func:`spfc.pipeline.tasks.working` does."""
    from spfc.pipeline.options import list_run_options
    from spfc.pipeline.wiring import open_list_run

    with working(
        route, task, context, lambda: open_list_run(route, context["run_id"], list_run_options(context), fence)
    ) as run:
        yield run
