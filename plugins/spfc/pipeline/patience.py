"""How long a run waits for a busy route, or for a service that wants a long rest, without holding a worker."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk.exceptions import AirflowRescheduleException

from spfc.pipeline.settings import UNATTENDED

WAIT = timedelta(minutes=1)
"""Between two looks at whether the route is free."""

PATIENCE = timedelta(hours=2)
"""From the start of a run until it gives up: longer than the lease of a run that has died."""


def come_back_later(context: Mapping[str, Any], now: datetime | None = None, wait: timedelta = WAIT) -> None:
    """Put the task off by ``wait`` when its run may still wait that long; return when it may not.

    Runs of one route meet when a backfill is made beside the schedule, or when ``spfc run`` is used by hand. Without
    a scheduler nobody would wake the task up again.
    """
    now = now or datetime.now(UTC)
    run = context["dag_run"]
    attended = not (run.conf or {}).get(UNATTENDED)
    if attended and run.start_date is not None and now + wait - WAIT - run.start_date < PATIENCE:
        raise AirflowRescheduleException(now + wait)  # type: ignore[no-untyped-call]
