"""What spfc adds to Airflow's web interface: the pages, their entry in the menu, the button on the task."""

from __future__ import annotations

from functools import cache
from typing import Any, ClassVar

from airflow.sdk.plugins_manager import AirflowPlugin

from spfc.web.links import URL_PREFIX, ReportLink, reports_url


@cache
def _pages() -> Any:
    # Every scheduler and worker process loads plugins, but only the web server asks for pages: importing
    # them and Airflow's access rules takes seconds there, so it waits until then.
    from spfc.web.access import airflow_gate
    from spfc.web.pages import make_app

    return make_app(airflow_gate())


class SpfcPlugin(AirflowPlugin):  # type: ignore[misc] # Airflow leaves it untyped
    """Read-only pages over the reports at ``/spfc/reports/``."""

    name = "spfc"
    operator_extra_links: ClassVar[list[Any]] = [ReportLink()]

    @property
    def fastapi_apps(self) -> list[Any]:
        """The pages, built when the web server asks for them."""
        return [{"app": _pages(), "url_prefix": URL_PREFIX, "name": "spfc reports"}]

    @property
    def external_views(self) -> list[Any]:
        """The entry in the menu; Airflow shows the page within its own frame."""
        return [
            {
                "name": "Sync reports",
                "href": reports_url(),
                "destination": "nav",
                "url_route": "spfc-reports",
                "category": "browse",
            }
        ]
