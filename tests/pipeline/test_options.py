"""What a run was asked for, from its form or as part of a backfill."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from spfc.errors import RouteInvalid
from spfc.pipeline.options import run_options
from spfc.routes import RunMode, RunOptions

pytestmark = pytest.mark.airflow

START, END = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)


def run_types() -> list[Any]:
    """Return a backfill's type as a task sees it, as the scheduler does, and as the API writes it."""
    from airflow.sdk.api.datamodels._generated import DagRunType as InTask
    from airflow.utils.types import DagRunType as InScheduler

    return [InTask.BACKFILL, InScheduler.BACKFILL_JOB, "backfill"]


def context(
    run_type: Any = "manual", *, start: datetime | None = START, end: datetime | None = END, **params: Any
) -> Any:
    return {
        "dag_run": SimpleNamespace(run_type=run_type),
        "params": params,
        "data_interval_start": start,
        "data_interval_end": end,
    }


@pytest.mark.parametrize("number", range(3))
def test_a_run_of_a_backfill_has_its_interval_for_a_window(number: int) -> None:
    options = run_options(context(run_types()[number]))
    assert options.mode is RunMode.BACKFILL
    assert options.window is not None
    assert (options.window.start, options.window.end) == (START, END)


def test_the_mode_of_the_form_does_not_matter_then_but_the_rest_does() -> None:
    options = run_options(context(run_types()[0], mode="audit", dry_run=True, max_documents=3, paths=["A/**"]))
    assert options.mode is RunMode.BACKFILL
    assert (options.dry_run, options.max_documents, options.paths) == (True, 3, ("A/**",))


@pytest.mark.parametrize(("start", "end"), [(None, END), (START, None), (None, None), (END, START), (START, START)])
def test_a_backfill_without_a_span_of_time_is_refused(start: datetime | None, end: datetime | None) -> None:
    with pytest.raises(RouteInvalid, match="no span of time") as caught:
        run_options(context(run_types()[0], start=start, end=end))
    assert "cron" in caught.value.hint


@pytest.mark.parametrize("run_type", ["scheduled", "manual", "asset_triggered"])
def test_other_runs_have_an_interval_too_and_no_window(run_type: str) -> None:
    from airflow.sdk.api.datamodels._generated import DagRunType

    assert run_options(context(DagRunType(run_type))) == RunOptions()


def test_what_was_left_empty_in_the_form_is_not_given() -> None:
    given = context(mode="full", dry_run=False, max_documents=None, paths=[], rebuild=False, unattended=True)
    assert run_options(given) == RunOptions(mode=RunMode.FULL)


def test_mode_backfill_cannot_be_asked_for_by_hand() -> None:
    with pytest.raises(RouteInvalid, match="airflow backfill create"):
        run_options(context(mode="backfill"))


def test_without_a_run_nothing_is_a_backfill() -> None:
    assert run_options({"params": {}}) == RunOptions()
