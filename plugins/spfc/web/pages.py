"""The pages: a list of runs, and the files of one report, served read-only to those who may see the DAG."""

# No postponed annotations here: FastAPI must see the gate that is only known inside make_app.

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.exception_handlers import http_exception_handler
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException as AnyHTTPException

from spfc.reporting.page import BACK_MARKER
from spfc.reporting.places import reports_root
from spfc.reporting.writers import CSV_NAME, HTML_NAME, JSON_NAME
from spfc.web.access import Gate
from spfc.web.overview import overview
from spfc.web.shelf import Shelf, Shelved

RUNS_PER_ROUTE = 10
RUNS_OF_ONE_ROUTE = 200

MEDIA_TYPES = {CSV_NAME: "text/csv; charset=utf-8", JSON_NAME: "application/json"}

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "private, no-cache",
}
"""A report shows names that strangers chose; even if one slipped through the escaping, nothing could run."""


def make_app(gate: Gate, reports: Callable[[], Path] = reports_root) -> FastAPI:
    """Return the application that Airflow mounts at ``/spfc``.

    A report that is not there and one that the visitor may not see get the same answer, 404. Visitors who
    are not signed in get 401, browsers are led to the sign-in page instead.
    """
    app = FastAPI(title="spfc reports", docs_url=None, redoc_url=None, openapi_url=None)
    visitor = Annotated[Any, Depends(gate.identify)]

    @app.exception_handler(AnyHTTPException)
    async def lead_to_sign_in(request: Request, error: AnyHTTPException) -> Response:
        if error.status_code == 401 and "text/html" in request.headers.get("accept", ""):
            return RedirectResponse(gate.sign_in(str(request.url)), status_code=303)
        return await http_exception_handler(request, error)

    @app.get("/reports/")
    def all_routes(user: visitor) -> HTMLResponse:
        shelf = Shelf(reports())
        groups = {route: _visible(shelf.runs(route, RUNS_PER_ROUTE), user) for route in shelf.routes()}
        return _html(overview({route: runs for route, runs in groups.items() if runs}, top=""))

    @app.get("/reports/{route}/")
    def one_route(route: str, user: visitor) -> HTMLResponse:
        runs = _visible(Shelf(reports()).runs(route, RUNS_OF_ONE_ROUTE), user)
        if not runs:
            raise HTTPException(404, "There is no report of this route.")
        return _html(overview({route: runs}, top="../"))

    @app.get("/reports/{route}/{run}/{name}")
    def one_file(route: str, run: str, name: str, user: visitor) -> Response:
        shelf = Shelf(reports())
        report = shelf.report(route, run)
        path = shelf.file(route, run, name)
        if report is None or path is None or not gate.may_read(user, report.dag_id):
            raise HTTPException(404, "There is no such report.")
        if name == HTML_NAME:
            back = '<a href="../../">All reports</a> · '
            return _html(path.read_text(encoding="utf-8").replace(BACK_MARKER, back, 1))
        filename = f"{route}-{run}{path.suffix}"
        return FileResponse(path, media_type=MEDIA_TYPES[name], filename=filename, headers=HEADERS)

    def _visible(runs: list[Shelved], user: Any) -> list[Shelved]:
        allowed = {dag_id: gate.may_read(user, dag_id) for dag_id in {run.dag_id for run in runs}}
        return [run for run in runs if allowed[run.dag_id]]

    return app


def _html(text: str) -> HTMLResponse:
    return HTMLResponse(text, headers=HEADERS)
