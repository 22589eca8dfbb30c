"""The parameters of an Airflow run as spfc takes them: the form's, and the window of a backfill."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spfc.errors import RouteInvalid
from spfc.pipeline.settings import UNATTENDED
from spfc.routes import ListRunOptions, RunMode, RunOptions, parse_list_options, parse_options

_BACKFILL = "backfill"
"""Airflow's type of a run that ``airflow backfill create`` has made; in a task a member of an enumeration of texts."""


def run_options(context: Mapping[str, Any]) -> RunOptions:
    """Return the options of the run that a task belongs to.

    A run of a backfill looks again at the files that were last modified within its data interval, whatever mode was
    given. Raises :class:`~spfc.errors.RouteInvalid`.
    """
    given = _given(context)
    if getattr(context.get("dag_run"), "run_type", None) != _BACKFILL:
        return parse_options(given)
    start, end = context.get("data_interval_start"), context.get("data_interval_end")
    if start is None or end is None or start >= end:
        raise RouteInvalid(
            "This backfill run has no span of time to look at.",
            hint="A backfill needs a route with a cron schedule.",
        )
    return parse_options({**given, "mode": RunMode.BACKFILL.value, "window": {"start": start, "end": end}})


def list_run_options(context: Mapping[str, Any]) -> ListRunOptions:
    """Return the options of the run of a list route. Raises :class:`~spfc.errors.RouteInvalid`, for backfills too."""
    if getattr(context.get("dag_run"), "run_type", None) == _BACKFILL:
        raise RouteInvalid(
            "A list cannot be backfilled: SharePoint tells what a list is now, not what it was.",
            hint="Trigger the DAG with mode full to read the whole list again.",
        )
    return parse_list_options(_given(context))


def _given(context: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in context["params"].items() if value not in (None, []) and name != UNATTENDED}
