"""Schedules of routes as Airflow takes them: interval of time, presets, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from tests.pipeline.test_dag_structure import dag_of

from spfc.errors import RouteInvalid
from spfc.pipeline.schedule import is_continuous

pytestmark = [pytest.mark.airflow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


def stored(schedule: str | None) -> Any:
    """Return the DAG as the scheduler reads it back from Airflow's database."""
    from airflow.serialization.serialized_objects import DagSerialization

    return DagSerialization.deserialize_dag(DagSerialization.serialize_dag(dag_of(schedule=schedule)))


@pytest.mark.parametrize(
    ("schedule", "summary", "periodic"),
    [
        (None, "None", False),
        ("@once", "@once", False),
        ("continuous", "@continuous", False),
        ("@continuous", "@continuous", False),
        ("@hourly", "0 * * * *", True),
        ("@quarterly", "0 0 1 */3 *", True),
        ("*/15 6-20 * * 1-5", "*/15 6-20 * * 1-5", True),
        ("0 0 29 2 *", "0 0 29 2 *", True),
    ],
)
def test_schedules(schedule: str | None, summary: str, periodic: bool) -> None:
    timetable = stored(schedule).timetable
    assert timetable.summary == summary
    assert timetable.periodic is periodic, "what can be backfilled"


def test_a_run_by_cron_has_the_time_before_it_for_its_interval() -> None:
    """From the last tick to this one, without a gap: so a backfill of many days looks at every moment once."""
    found = stored("30 6 * * *").iter_dagrun_infos_between(
        datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 3, 23, tzinfo=UTC)
    )
    spans = [(info.data_interval.start, info.data_interval.end) for info in found]
    assert spans[0] == (datetime(2026, 3, 1, 6, 30, tzinfo=UTC), datetime(2026, 3, 2, 6, 30, tzinfo=UTC))
    assert len(spans) == 3
    assert [end for _, end in spans[:-1]] == [start for start, _ in spans[1:]]


@pytest.mark.parametrize(
    "schedule", ["every day", "61 * * * *", "@sometimes", "", "0 0 30 2 *", "0 0 * * 8", "@reboot", "* * *"]
)
def test_a_schedule_that_airflow_does_not_know_names_the_route(schedule: str) -> None:
    """The thirtieth of February too: Airflow's own check takes it, and its scheduler stumbles later."""
    with pytest.raises(RouteInvalid, match=r"Route 'legal'.*schedule") as caught:
        dag_of(schedule=schedule)
    assert "*/15 * * * *" in caught.value.hint


def test_what_never_pauses() -> None:
    assert [is_continuous(text) for text in ("continuous", "@continuous", "@hourly", None)] == [
        True,
        True,
        False,
        False,
    ]
