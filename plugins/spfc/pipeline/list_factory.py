"""Build the DAG of a list route. Parsing does no network and no database work and imports nothing heavy."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, Param, TriggerRule, get_current_context, task

from spfc.pipeline import list_tasks
from spfc.pipeline.frame import dag_of
from spfc.routes import ListRoute, ListRunMode, RowRemovals
from spfc.web.links import ReportLink


def build_list_dag(route: ListRoute, *, retries: int) -> DAG:
    """Return the DAG of one list route: read and apply, write the snapshot if there is one, report.

    Raises :class:`~spfc.errors.RouteInvalid` when Airflow does not understand the route's schedule.
    """
    dag = dag_of(route, retries=retries, doc=list_dag_doc(route), params=list_params())
    with dag:
        _chain(route)
    return dag


def _chain(route: ListRoute) -> None:
    name = route.name

    @task(
        task_id=list_tasks.SYNC,
        multiple_outputs=False,
        doc_md="Reads the change feed of the list and applies each page to the table, in one transaction each.",
    )
    def sync_list() -> dict[str, Any]:
        return list_tasks.sync_task(name, get_current_context())

    @task(
        task_id=list_tasks.SNAPSHOT,
        multiple_outputs=False,
        doc_md="Writes all rows to a file, if any changed since the last one.",
    )
    def write_snapshot(result: dict[str, Any]) -> dict[str, Any]:
        return list_tasks.snapshot_task(name, get_current_context(), result)

    @task(
        multiple_outputs=False,
        trigger_rule=TriggerRule.ALL_DONE,
        doc_md="Adds everything up; gives the route back.",
    )
    def report() -> dict[str, Any]:
        return list_tasks.list_report_task(name, get_current_context())

    # TaskFlow calls return references to results, which its annotations do not say.
    synced: Any = sync_list()
    closing: Any = report()
    closing.operator.operator_extra_links = (ReportLink(),)
    if route.snapshot is not None:
        written: Any = write_snapshot(synced)
        written >> closing
    synced >> closing


def list_params() -> dict[str, Param]:
    """Return the parameters that a person may set when triggering a run by hand."""
    return {
        "mode": Param(
            ListRunMode.INCREMENTAL.value,
            type="string",
            enum=[mode.value for mode in ListRunMode],
            title="Mode",
            description="incremental: what has changed since the last run. full: read the whole list, which also finds "
            "deletions that the change feed missed.",
        ),
        "purge": Param(
            False,
            type="boolean",
            title="Purge marked rows",
            description="First delete all rows that are marked as deleted, those that the removal guard held, too. "
            "Look at them before: WHERE spfc_deleted_at IS NOT NULL.",
        ),
    }


def list_dag_doc(route: ListRoute) -> str:
    """Return the documentation of a list route's DAG as Markdown."""
    guard = route.policies.removal_guard
    removals = route.policies.removals
    gone = "deleted" if removals is RowRemovals.DELETE else "marked in the column `spfc_deleted_at`"
    snapshot = f"`{route.snapshot_file}` in `{route.snapshot.target.label}`" if route.snapshot else "none"
    return f"""\
### {route.name}

{route.description or "A SharePoint list, kept in a SQL table."}

| | |
|---|---|
| list | `{route.source.label}` |
| table | `{route.target.label}` |
| rows of deleted items | {gone} |
| deletions are held above | {guard.max_items} rows or {guard.max_share:.0%} of the table in one run |
| snapshot | {snapshot} |

**Tasks.** `{list_tasks.SYNC}` reads what has changed and applies it: each page in one transaction with the place where
the next one goes on, so that every change is applied exactly once. `report` always runs; its button *Sync report* opens
the full account of the run.

Every task may be cleared and run again.
"""
