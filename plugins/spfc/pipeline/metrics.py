"""What tasks spend, as metrics of Airflow: they go wherever its own go (StatsD, OpenTelemetry, or nowhere)."""

from __future__ import annotations

from airflow.sdk.observability import stats

from spfc.ledger.runs import Cost


def count_spending(route: str, task: str, cost: Cost) -> None:
    """Add to the counters ``spfc.requests``, ``spfc.units`` and ``spfc.calls``, tagged with route and task.

    The number of a batch is left out of the tag: it would make a series of its own for each.
    """
    tags = {"route": route, "task": task.partition("[")[0]}
    for name, value in (("requests", cost.requests), ("units", cost.units), ("calls", cost.calls)):
        if value:
            stats.incr(f"spfc.{name}", value, tags=tags)


def count_incident(route: str) -> None:
    """Count up ``spfc.incidents``: a route has failed so often in a row that it calls that an incident."""
    stats.incr("spfc.incidents", 1, tags={"route": route})
