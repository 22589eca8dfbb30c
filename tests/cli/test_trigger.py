"""``spfc run --trigger`` against the few calls of Airflow's public API that it takes, served over loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from spfc.cli import main, trigger

RUN = "manual__2026-01-01T00:00:00.000000+00:00"
PATH = "/api/v2/dags/spfc_demo/dagRuns/manual__2026-01-01T00%3A00%3A00.000000%2B00%3A00"
RESULT = f"{PATH}/taskInstances/report/xcomEntries/return_value"
SUMMARY = {
    "verdict": "green", "story": "Copied 2 files.", "totals": {"total_documents": 2}, "debt": 0,
    "requests": 1, "units": 3, "calls": 4, "html": "/reports/report.html",
}  # fmt: skip
PASSWORD = "correct horse"


class FakeAirflow(ThreadingHTTPServer):
    """Answers from a table: (method, path) to a list of (status, body), the last of which stays."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[tuple[str, str, Any]] = []
        self.answers: dict[tuple[str, str], list[tuple[int, Any]]] = {
            ("POST", "/auth/token"): [(201, {"access_token": "t0ken"})],
            ("GET", "/api/v2/dags/spfc_demo"): [(200, {"is_paused": False})],
            ("POST", "/api/v2/dags/spfc_demo/dagRuns"): [(200, {"dag_run_id": RUN})],
            ("GET", PATH): [(200, {"state": "queued"}), (200, {"state": "running"}), (200, {"state": "success"})],
            ("GET", f"{PATH}/taskInstances"): [
                (200, {"task_instances": []}),
                (200, {"task_instances": [{"task_id": "enumerate", "map_index": -1, "state": "running"}]}),
                (200, {"task_instances": [{"task_id": "transfer", "map_index": 3, "state": None}]}),
            ],
            ("GET", RESULT): [(200, {"value": SUMMARY})],
        }

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    def _answer(self) -> None:
        server: Any = self.server
        path = self.path.partition("?")[0]
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or "null")
        server.asked.append((self.command, path, body))
        if path != "/auth/token" and self.headers["Authorization"] != "Bearer t0ken":
            status, found = 401, {"detail": "no token"}
        else:
            answers = server.answers.get((self.command, path), [(404, {"detail": "not found"})])
            status, found = answers[0] if len(answers) == 1 else answers.pop(0)
        raw = found.encode() if isinstance(found, str) else json.dumps(found).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    do_GET = do_POST = _answer  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def airflow(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeAirflow]:
    monkeypatch.setattr(trigger, "POLL_SECONDS", 0.0)
    server = FakeAirflow()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv("SPFC_AIRFLOW_URL", server.url + "/")
    monkeypatch.setenv("SPFC_AIRFLOW_USER", "someone")
    monkeypatch.setenv("SPFC_AIRFLOW_PASSWORD", PASSWORD)
    monkeypatch.setenv("COLUMNS", "200")
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_run_is_asked_for_watched_and_told(airflow: FakeAirflow, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(["run", "demo", "--trigger", "--max-documents", "5", "--paths", "A/**", "--release-plan", "demo.3.1"]) == 0
    )
    out, err = capsys.readouterr()
    for words in (
        f"Run {RUN} of spfc_demo was queued",
        "enumerate",
        "transfer[3]",
        "waiting",
        "GREEN",
        "4 target calls",
    ):
        assert words in out
    assert err == ""
    (triggered,) = [body for method, path, body in airflow.asked if path.endswith("/dagRuns")]
    assert triggered["logical_date"] is None
    assert triggered["conf"] == {
        "mode": "incremental", "max_documents": 5, "paths": ["A/**"], "release_plan": "demo.3.1",
    }  # fmt: skip


def test_json_is_one_object_on_stdout(airflow: FakeAirflow, capsys: pytest.CaptureFixture[str]) -> None:
    airflow.answers["GET", RESULT] = [(200, {"value": SUMMARY | {"verdict": "failed"}})]
    assert main(["run", "demo", "--trigger", "--json"]) == 1
    out, err = capsys.readouterr()
    assert json.loads(out)["verdict"] == "failed" and out.count("\n") == 1
    assert "was queued" in err


DAG = ("GET", "/api/v2/dags/spfc_demo")
TRIGGER = ("POST", "/api/v2/dags/spfc_demo/dagRuns")


@pytest.mark.parametrize(
    ("call", "answer", "sentence"),
    [
        (("POST", "/auth/token"), (401, {"detail": "Invalid credentials"}), "does not accept this account"),
        (DAG, (404, {"detail": "no"}), "does not know /api/v2/dags/spfc_demo. Is the route in its route file"),
        (DAG, (200, {"is_paused": True}), "The DAG spfc_demo is paused"),
        (DAG, (200, "<html>a portal</html>"), "something else than JSON. Is SPFC_AIRFLOW_URL the address"),
        (DAG, (502, "bad gateway"), "with 502"),
        (TRIGGER, (403, {"detail": "Forbidden"}), "may trigger DAGs"),
        (TRIGGER, (422, {"detail": "max_documents: 0 is too small"}), "422: {\"detail\": \"max_documents: 0 is too"),
        (("GET", RESULT), (404, {"detail": "no"}), "ended as success without a report. Airflow shows why: http"),
    ],
)  # fmt: skip
def test_what_can_go_wrong_is_one_sentence(
    airflow: FakeAirflow, capsys: pytest.CaptureFixture[str], call: Any, answer: Any, sentence: str
) -> None:
    airflow.answers[call] = [answer]
    assert main(["run", "demo", "--trigger"]) == 2
    _, err = capsys.readouterr()
    assert err.startswith("spfc: ") and sentence in err and err.count("\n") == 1
    assert PASSWORD not in err and "t0ken" not in err


def test_nobody_there(
    airflow: FakeAirflow, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPFC_AIRFLOW_URL", "http://127.0.0.1:9")
    assert main(["run", "demo", "--trigger"]) == 2
    assert "does not answer (ConnectionError). Check SPFC_AIRFLOW_URL" in capsys.readouterr().err


@pytest.mark.parametrize("missing", ["SPFC_AIRFLOW_URL", "SPFC_AIRFLOW_USER"])
def test_nothing_set_up(
    airflow: FakeAirflow, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.delenv(missing)
    assert main(["run", "demo", "--trigger"]) == 2
    assert "Set SPFC_AIRFLOW_URL, SPFC_AIRFLOW_USER and SPFC_AIRFLOW_PASSWORD." in capsys.readouterr().err
