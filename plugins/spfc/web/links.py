"""The address of a report, and the button on the task that leads there."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from airflow.sdk import BaseOperatorLink

from spfc.reporting.writers import HTML_NAME, safe_run_id

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey

URL_PREFIX = "/spfc"
"""Where the pages are mounted below the address of Airflow."""

REPORT_LINK_KEY = "report_link"
"""The XCom key under which the report task pushes the address of its report."""


def site_path() -> str:
    """Return the path below which Airflow is reached, from ``[api] base_url``: empty or ``/...``."""
    from airflow.configuration import conf

    base = conf.get("api", "base_url", fallback="") or ""
    return urlsplit(base).path.rstrip("/")


def reports_url(site: str | None = None) -> str:
    """Return the address of the list of reports, relative to the host of Airflow."""
    return f"{site_path() if site is None else site}{URL_PREFIX}/reports/"


def report_url(route: str, run_id: str, site: str | None = None) -> str:
    """Return the address of one report, relative to Airflow's host; the report task pushes it."""
    return f"{reports_url(site)}{quote(route)}/{quote(safe_run_id(run_id))}/{HTML_NAME}"


class ReportLink(BaseOperatorLink):
    """The button "Sync report" on a task that pushed :func:`report_url` under :data:`REPORT_LINK_KEY`.

    Give it to the operator: ``operator_extra_links = (ReportLink(),)``, for a task of the ``@task``
    decorator on the ``operator`` of its result. Airflow asks :meth:`get_link` when the task ends, however it
    ends, and stores the answer under the same key; the web server only reads the XCom. A task that pushed
    nothing gets no button.
    """

    name = "Sync report"
    xcom_key = REPORT_LINK_KEY

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Return the address that the task pushed, empty when it pushed none."""
        from airflow.sdk.execution_time.xcom import XCom

        found = XCom.get_value(ti_key=ti_key, key=REPORT_LINK_KEY)
        return found if isinstance(found, str) else ""
