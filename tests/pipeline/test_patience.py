"""How long a run waits for its route: up to two hours, when a scheduler is there to wake it up again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowRescheduleException

from spfc.errors import LeaseHeld, Throttled
from spfc.pipeline import tasks
from spfc.pipeline.patience import PATIENCE, WAIT, come_back_later

pytestmark = pytest.mark.airflow

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def context(start: datetime | None, conf: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"dag_run": SimpleNamespace(start_date=start, conf=conf), "run_id": "r", "params": {}}


@pytest.mark.parametrize("waited", [timedelta(0), timedelta(minutes=30), PATIENCE - timedelta(seconds=1)])
def test_a_young_run_comes_back_in_a_minute(waited: timedelta) -> None:
    with pytest.raises(AirflowRescheduleException) as caught:
        come_back_later(context(NOW - waited), NOW)
    assert caught.value.reschedule_date == NOW + WAIT


@pytest.mark.parametrize("waited", [PATIENCE, PATIENCE + timedelta(seconds=1), timedelta(days=3)])
def test_an_old_run_gives_up(waited: timedelta) -> None:
    come_back_later(context(NOW - waited), NOW)


def test_nobody_would_wake_up_a_run_without_a_scheduler() -> None:
    come_back_later(context(NOW, {"unattended": True}), NOW)
    with pytest.raises(AirflowRescheduleException):
        come_back_later(context(NOW, {"unattended": False, "mode": "full"}), NOW)


def test_a_run_that_has_not_begun_does_not_wait() -> None:
    come_back_later(context(None), NOW)


def test_patience_outlasts_the_lease_of_a_run_that_died() -> None:
    from spfc.ledger.leases import LEASE_SECONDS

    assert timedelta(seconds=LEASE_SECONDS) * 2 < PATIENCE


@pytest.mark.parametrize(
    ("start", "ending"),
    [(datetime.now(UTC), AirflowRescheduleException), (datetime.now(UTC) - 2 * PATIENCE, AirflowFailException)],
)
def test_a_task_that_finds_the_route_taken(
    monkeypatch: pytest.MonkeyPatch, start: datetime, ending: type[AirflowException]
) -> None:
    def taken(*_: object) -> Any:
        raise LeaseHeld("Route 'legal' is being worked on by run x.")

    monkeypatch.setattr("spfc.pipeline.wiring.open_run", taken)
    with pytest.raises(ending), tasks.opened("legal", "enumerate", context(start), None):
        raise AssertionError("never opened")


@pytest.mark.parametrize(
    ("seconds", "ending"), [(None, WAIT), (3600.0, timedelta(hours=1)), (40_000.0, AirflowException)]
)
def test_a_service_that_wants_a_rest_gets_it_without_a_worker(
    monkeypatch: pytest.MonkeyPatch, seconds: float | None, ending: timedelta | type[AirflowException]
) -> None:
    def denied(*_: object) -> Any:
        raise Throttled("Microsoft Graph asks all requests of this app to wait.", retry_after=seconds)

    monkeypatch.setattr("spfc.pipeline.wiring.open_run", denied)
    began = datetime.now(UTC)
    kind = AirflowRescheduleException if isinstance(ending, timedelta) else ending
    with pytest.raises(kind) as caught, tasks.opened("legal", "enumerate", context(began), None):
        raise AssertionError("never opened")
    if isinstance(ending, timedelta):
        late = caught.value.reschedule_date - began - ending
        assert timedelta(0) <= late < timedelta(seconds=30)
    else:
        assert not isinstance(caught.value, AirflowRescheduleException)
