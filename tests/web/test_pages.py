"""The pages serve reports read-only, to those who may see the DAG, and nothing else from the disk."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import HTTPException, Request
from fastapi.testclient import TestClient

from spfc.planning.model import Action, Kind, Outcome, Reason
from spfc.reporting import LineOutcome, RunSummary, reports_root, safe_run_id, write_report
from spfc.web.access import Gate
from spfc.web.links import report_url, reports_url
from spfc.web.pages import make_app

RUN_ID = "scheduled__2026-11-21T07:00:00+00:00"


def put_report(root: Path, route: str, run_id: str, *, outcome: Outcome = Outcome.DONE, dag_id: str = "") -> Path:
    line = LineOutcome(1, Action.UPLOAD, Reason.NEW, "i1", Kind.FILE, "/a/<b>.docx", "/a/b", size=5, outcome=outcome)
    summary = RunSummary(route, "source", "target", run_id, "full", 1_763_708_400, 1_763_708_410, dag_id=dag_id)
    return write_report(root, summary, lambda: [line]).json


def identify(request: Request) -> str:
    """Take the user's name from a header, as a stand-in for Airflow's session."""
    if not (user := request.headers.get("x-user")):
        raise HTTPException(401, "Not authenticated")
    return user


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "reports"
    put_report(made, "legal", RUN_ID)
    put_report(made, "legal", "manual__2", outcome=Outcome.FAILED)
    put_report(made, "hr", "manual__1", dag_id="hr_secret")
    (tmp_path / "secret.json").write_text("{}")
    return made


@pytest.fixture
def client(root: Path) -> Iterator[TestClient]:
    gate = Gate(
        identify=identify,
        may_read=lambda user, dag_id: user == "root" or dag_id == "legal",
        sign_in=lambda following: f"/auth/login?next={following}",
    )
    with TestClient(make_app(gate, lambda: root), follow_redirects=False) as made:
        made.headers["x-user"] = "reader"
        yield made


def test_the_address_of_a_report_is_the_one_that_the_task_pushes(client: TestClient) -> None:
    url = report_url("legal", RUN_ID, site="/airflow")
    assert url.startswith("/airflow/spfc/reports/legal/scheduled__2026-11-21T07_00_00_00_00-")
    answer = client.get(url.removeprefix("/airflow/spfc"))
    assert answer.status_code == 200 and "&lt;b&gt;" in answer.text
    assert '<a href="../../">All reports</a>' in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_csv_and_json_come_as_downloads(client: TestClient) -> None:
    for name, media in (("report.csv", "text/csv; charset=utf-8"), ("report.json", "application/json")):
        answer = client.get(f"/reports/legal/manual__2/{name}")
        assert answer.status_code == 200 and answer.headers["content-type"] == media
        assert f'filename="legal-manual__2.{name[-4:].strip(".")}"' in answer.headers["content-disposition"]
        assert answer.headers["cache-control"] == "private, no-cache"


def test_list_shows_runs_with_verdicts_newest_first(client: TestClient, root: Path) -> None:
    os.utime(root / "legal" / "manual__2" / "report.json", (2e9, 2e9))
    answer = client.get("/reports/")
    assert answer.status_code == 200
    assert answer.text.index("manual__2/report.html") < answer.text.index(f"{safe_run_id(RUN_ID)}/report.html")
    assert 'chip failed"' in answer.text and 'chip green"' in answer.text and "5 bytes" in answer.text
    assert client.get("/reports/legal/").text.count("report.html") == 2


def test_a_reader_sees_only_reports_of_dags_that_he_may_see(client: TestClient) -> None:
    assert "hr/manual__1" not in client.get("/reports/").text
    hidden = client.get("/reports/hr/manual__1/report.html")
    missing = client.get("/reports/hr/manual__99/report.html")
    assert (hidden.status_code, hidden.text) == (missing.status_code, missing.text) == (404, hidden.text)
    assert client.get("/reports/hr/").status_code == 404
    assert client.get("/reports/hr/manual__1/report.html", headers={"x-user": "root"}).status_code == 200


@pytest.mark.parametrize(
    "path",
    ["/reports/", "/reports/legal/", "/reports/legal/manual__2/report.html", "/reports/none/none/none"],
)
def test_nothing_without_signing_in(client: TestClient, path: str) -> None:
    assert client.get(path, headers={"x-user": ""}).status_code == 401
    browser = client.get(path, headers={"x-user": "", "accept": "text/html,*/*"})
    assert browser.status_code == 303
    assert browser.headers["location"] == f"/auth/login?next=http://testserver{path}"


@pytest.mark.parametrize(
    "path",
    [
        "/reports/legal/manual__2/../../../secret.json",
        "/reports/legal/%2e%2e/%2e%2e/secret.json",
        "/reports/legal/..%2f..%2f../report.json",
        "/reports/%2e%2e/reports/legal",
        "/reports/legal/manual__2/..%2f..%2f..%2fsecret.json",
        "/reports/legal/manual__2/.report.csv.part",
        "/reports/legal/manual__2/secret.json",
        "/reports/LEGAL/manual__2/report.json",
        "/reports/legal/.hidden/report.json",
        "/reports/legal/linked/report.html",
        "/reports/legal/linked/report.json",
        "/docs",
        "/openapi.json",
    ],
)
def test_nothing_else_from_the_disk(client: TestClient, root: Path, path: str) -> None:
    (root / "legal" / ".hidden").mkdir()
    (root / "legal" / ".hidden" / "report.json").write_text("{}")
    outside = put_report(root.parent / "elsewhere", "legal", "x")
    (root / "legal" / "linked").symlink_to(outside.parent)
    assert client.get(path, headers={"x-user": "root"}).status_code == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_read_only(client: TestClient, method: str) -> None:
    assert client.request(method, "/reports/legal/manual__2/report.json").status_code == 405


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"run": {}}', '{"run": {"dag_id": "legal"}, "verdict": "mauve"}', "\xff"]
)
def test_a_broken_report_does_not_break_the_list(client: TestClient, root: Path, content: str) -> None:
    (root / "legal" / "manual__2" / "report.json").write_bytes(content.encode("latin-1"))
    assert client.get("/reports/").text.count("report.html") == 1
    assert client.get("/reports/legal/manual__2/report.html").status_code == 404


def test_a_report_of_an_older_format_is_still_listed(client: TestClient, root: Path) -> None:
    old: dict[str, Any] = {"verdict": "attention", "run": {"dag_id": "legal"}}
    (root / "legal" / "manual__2" / "report.json").write_text(json.dumps(old))
    assert "chip attention" in client.get("/reports/legal/").text


def test_no_reports_yet(client: TestClient, root: Path) -> None:
    for name in ("legal", "hr"):
        (root / name).rename(root.parent / name)
    assert "no report that you may see yet" in client.get("/reports/").text
    root.rmdir()
    assert client.get("/reports/").status_code == 200


def test_where_reports_lie() -> None:
    assert reports_root({"SPFC_REPORTS": "/srv/reports", "AIRFLOW_HOME": "/x"}) == Path("/srv/reports")
    assert reports_root({"AIRFLOW_HOME": "/opt/airflow"}) == Path("/opt/airflow/spfc/reports")
    assert reports_root({}) == Path.home() / "airflow" / "spfc" / "reports"


def test_list_address() -> None:
    assert reports_url(site="") == "/spfc/reports/"
