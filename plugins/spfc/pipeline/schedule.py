"""From the schedule of a route to a timetable of Airflow, or to a sentence about why there is none."""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.sdk import CronDataIntervalTimetable
from airflow.sdk.bases.timetable import BaseTimetable
from airflow.sdk.exceptions import AirflowTimetableInvalid
from croniter import CroniterBadDateError, croniter

from spfc.errors import RouteInvalid

_CONTINUOUS = frozenset({"continuous", "@continuous"})
_ONCE = "@once"
_HINT = "Use cron text such as '*/15 * * * *', a preset such as '@hourly', 'continuous', or null."


def is_continuous(schedule: str | None) -> bool:
    """Say whether the next run begins when the last one has ended."""
    return schedule in _CONTINUOUS


def timetable_of(route: str, schedule: str | None) -> BaseTimetable | str | None:
    """Return what a DAG takes for its schedule; cron runs get an interval of time, which a backfill takes as window.

    Raises :class:`~spfc.errors.RouteInvalid`, naming the route, when Airflow does not understand it.
    """
    if schedule is None or schedule == _ONCE:
        return schedule
    if is_continuous(schedule):
        return "@continuous"
    timetable = CronDataIntervalTimetable(schedule, timezone="UTC")
    try:
        timetable.validate()
        # Airflow's own check takes a date that never comes; then its scheduler stumbles over all DAGs of the file.
        croniter(timetable.expression, datetime.now(UTC)).get_next()
    except (AirflowTimetableInvalid, CroniterBadDateError) as error:
        raise RouteInvalid(
            f"Route {route!r}: Airflow does not understand the schedule {schedule!r}: {error}", hint=_HINT
        ) from None
    return timetable
