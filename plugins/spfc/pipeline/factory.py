"""Build the DAG of a route that copies files. Parsing does no network, no database work, and imports little."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, TriggerRule, get_current_context, task

from spfc.pipeline import tasks
from spfc.pipeline.approval import ApproveRemovals
from spfc.pipeline.docs import dag_doc, removal_sentence
from spfc.pipeline.frame import dag_of
from spfc.pipeline.list_factory import build_list_dag
from spfc.pipeline.params import run_params
from spfc.routes import AnyRoute, Route
from spfc.web.links import ReportLink

RETRIES = 2
"""Tries of a task beyond the first, for trouble that passes; errors that cannot pass fail at once."""


def build_any_dag(route: AnyRoute, *, retries: int = RETRIES) -> DAG:
    """Return the DAG of a route of any kind. Raises RouteInvalid as :func:`build_dag` does."""
    return build_dag(route, retries=retries) if isinstance(route, Route) else build_list_dag(route, retries=retries)


def build_dag(route: Route, *, retries: int = RETRIES) -> DAG:
    """Return the DAG of one route that copies files: the chain of design section 4.

    ``retries`` counts tries of a task beyond the first. Raises :class:`~spfc.errors.RouteInvalid` when Airflow does
    not understand the route's schedule.
    """
    dag = dag_of(route, retries=retries, doc=dag_doc(route), params=run_params(route))
    with dag:
        _chain(route)
    return dag


def _chain(route: Route) -> None:
    name = route.name

    @task(task_id="enumerate", multiple_outputs=False, doc_md="Reads the change feed and stores what it says.")
    def enumerate_() -> dict[str, Any]:
        return tasks.enumerate_task(name, get_current_context())

    @task(multiple_outputs=False, doc_md="Compares source, target and what was synced; seals the plan.")
    def diff_and_plan(enumeration: dict[str, Any]) -> list[dict[str, Any]]:
        return tasks.plan_task(name, get_current_context(), enumeration)

    @task(multiple_outputs=False, doc_md="Folders, moves and renames, parents first.")
    def apply_structure(manifest: dict[str, Any]) -> dict[str, Any]:
        return tasks.structure_task(name, get_current_context(), manifest)

    @task(
        multiple_outputs=False,
        doc_md="Copies the files of one batch, verified byte by byte.",
        map_index_template="{{ task.op_kwargs['batch']['label'] }}",
    )
    def transfer(batch: dict[str, Any]) -> dict[str, Any]:
        return tasks.transfer_task(name, get_current_context(), batch)

    @task(
        multiple_outputs=False,
        trigger_rule=TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS,
        doc_md="Folders that hold no file.",
    )
    def create_empty_folders(manifest: dict[str, Any]) -> dict[str, Any]:
        return tasks.empty_folders_task(name, get_current_context(), manifest)

    @task(multiple_outputs=False, doc_md="Keeps, quarantines or deletes what is gone from the source.")
    def apply_removals(manifest: dict[str, Any]) -> dict[str, Any]:
        return tasks.removals_task(name, get_current_context(), manifest)

    @task(
        multiple_outputs=False,
        trigger_rule=TriggerRule.ALL_DONE,
        doc_md="Adds everything up; gives the route back.",
    )
    def report() -> dict[str, Any]:
        return tasks.report_task(name, get_current_context())

    # TaskFlow calls return references to results, which its annotations do not say.
    enumeration: Any = enumerate_()
    planned: Any = diff_and_plan(enumeration)
    manifest = planned[tasks.MANIFEST_KEY]
    structure, copies = apply_structure(manifest), transfer.expand(batch=planned)
    empties, removals = create_empty_folders(manifest), apply_removals(manifest)
    approval = ApproveRemovals(
        task_id="approve_removals",
        route=name,
        manifest=manifest,
        consequence=removal_sentence(route),
        hours=route.policies.approval_hours,
        doc_md="Asks a person when the removal guard has tripped.",
    )
    closing: Any = report()
    closing.operator.operator_extra_links = (ReportLink(),)
    structure >> copies
    [structure, copies] >> empties
    empties >> removals >> closing
    approval >> removals
    [enumeration, planned] >> closing
