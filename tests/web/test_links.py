"""The button on the report task: serialised with the DAG, filled from the XCom of the task."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import dag, task
from airflow.sdk.execution_time import xcom

from spfc.web.links import REPORT_LINK_KEY, ReportLink, report_url


@pytest.mark.parametrize(
    ("pushed", "link"),
    [
        (report_url("legal", "manual__1", site=""), "/spfc/reports/legal/manual__1/report.html"),
        (None, ""),
        (3, ""),
    ],
)
def test_link_is_what_the_task_pushed(monkeypatch: pytest.MonkeyPatch, pushed: Any, link: str) -> None:
    asked: list[tuple[Any, str]] = []

    def get_value(*, ti_key: Any, key: str) -> Any:
        asked.append((ti_key, key))
        return pushed

    monkeypatch.setattr(xcom.XCom, "get_value", get_value)
    instance: Any = SimpleNamespace(dag_id="legal", task_id="report")
    assert ReportLink().get_link(SimpleNamespace(), ti_key=instance) == link  # type: ignore[arg-type]
    assert asked == [(instance, REPORT_LINK_KEY)]


def test_link_travels_with_the_dag() -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    @task
    def report() -> None:
        """Stand in for the real task."""

    @dag(dag_id="legal", schedule=None)
    def legal() -> None:
        made: Any = report()
        made.operator.operator_extra_links = (ReportLink(),)

    stored = DagSerialization.to_dict(legal())
    links = stored["dag"]["tasks"][0]["__var"]["_operator_extra_links"]
    assert links == {"Sync report": "report_link"}
