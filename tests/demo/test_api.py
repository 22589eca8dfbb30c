"""The client of Airflow's API against a small server that speaks the part of it we use."""

import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from demo.api import AirflowApi, RunState
from demo.problems import DemoProblem


class Server(http.server.ThreadingHTTPServer):
    """Answers as Airflow does; `seen` holds (method, path, query, body)."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: list[tuple[str, str, dict[str, list[str]], Any]] = []
        self.valid_tokens: set[str] = set()
        self.logins = 0
        self.tasks = 0
        self.import_errors: list[dict[str, str]] = []
        self.dags: set[str] = {"spfc_demo"}


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *_: object) -> None: ...

    def _answer(self) -> None:
        where = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        self.server.seen.append((self.command, unquote(where.path), parse_qs(where.query), body))
        status, answer = self._route(where.path, parse_qs(where.query), body)
        data = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PATCH = _answer  # noqa: N815 - the names that the base class looks for

    def _route(self, path: str, query: dict[str, list[str]], body: Any) -> tuple[int, Any]:
        server = self.server
        if path == "/auth/token":
            if body != {"username": "admin", "password": "right"}:
                return 401, {"detail": "Invalid credentials"}
            server.logins += 1
            token = f"token-{server.logins}"
            server.valid_tokens.add(token)
            return 201, {"access_token": token}
        if (self.headers.get("Authorization") or "").removeprefix("Bearer ") not in server.valid_tokens:
            return 401, {"detail": "expired"}
        if path.endswith("/importErrors"):
            return 200, {"import_errors": server.import_errors}
        if path.endswith("/dagRuns") and self.command == "GET":
            found = [{"dag_run_id": f"r{i}", "run_type": "backfill", "state": "queued"} for i in (2, 1)]
            return 200, {"dag_runs": found, "total_entries": 2}
        if path.endswith("/dagRuns"):
            return 200, {"dag_run_id": "manual__1+00:00"}
        if path.endswith("/taskInstances"):
            offset, limit = int(query["offset"][0]), int(query["limit"][0])
            found = [{"task_id": "t", "map_index": i, "state": None} for i in range(server.tasks)]
            return 200, {"task_instances": found[offset : offset + limit], "total_entries": server.tasks}
        if "xcomEntries" in path:
            return (200, {"value": {"totals": {}}}) if "/report/" in path else (404, {"detail": "none"})
        if "dagRuns" in path:
            return 200, {"state": "running"}
        return (200, {}) if path.rpartition("/")[2] in server.dags else (404, {"detail": "no such DAG"})


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def api(server: Server) -> Iterator[AirflowApi]:
    with AirflowApi(f"http://127.0.0.1:{server.server_address[1]}", "admin", "right") as api:
        yield api


def test_a_run_is_triggered_and_read(api: AirflowApi, server: Server) -> None:
    api.unpause("spfc_demo")
    run = api.trigger("spfc_demo", {"mode": "full"})
    assert run == "manual__1+00:00"
    assert api.run_state("spfc_demo", run) == "running"
    assert server.logins == 1
    assert server.seen[1][0] == "PATCH" and server.seen[1][3] == {"is_paused": False}
    assert server.seen[2][3] == {"logical_date": None, "conf": {"mode": "full"}}
    assert server.seen[3][1].endswith("/dagRuns/manual__1+00:00")


def test_the_runs_of_a_dag_oldest_first(api: AirflowApi) -> None:
    assert api.runs("spfc_demo") == [RunState("r1", "backfill", "queued"), RunState("r2", "backfill", "queued")]


def test_an_expired_token_is_renewed_once(api: AirflowApi, server: Server) -> None:
    assert api.dag_exists("spfc_demo")
    server.valid_tokens.clear()
    assert not api.dag_exists("spfc_other")
    assert server.logins == 2


def test_all_pages_of_task_instances(api: AirflowApi, server: Server) -> None:
    server.tasks = 250
    assert [task.map_index for task in api.tasks("spfc_demo", "r")] == list(range(250))
    server.tasks = 0
    assert api.tasks("spfc_demo", "r") == []


def test_what_a_task_handed_over(api: AirflowApi) -> None:
    assert api.xcom("spfc_demo", "r", "report") == {"totals": {}}
    assert api.xcom("spfc_demo", "r", "enumerate") is None


def test_a_refusal_is_one_sentence_with_airflows_reason(api: AirflowApi) -> None:
    with pytest.raises(DemoProblem, match="404 no such DAG"):
        api.unpause("spfc_other")


def test_a_wrong_password_never_shows(server: Server) -> None:
    url = f"http://127.0.0.1:{server.server_address[1]}"
    with (
        AirflowApi(url, "admin", "hush-hush") as api,
        pytest.raises(DemoProblem, match="refused the demo's") as caught,
    ):
        api.dag_exists("spfc_demo")
    assert "hush" not in str(caught.value)


def test_a_dag_that_cannot_be_loaded_is_reported_with_its_error(api: AirflowApi, server: Server) -> None:
    api.wait_for_dag("spfc_demo", lambda: None)
    server.import_errors = [{"filename": "spfc.py", "stack_trace": "ImportError: nothing there"}]
    with pytest.raises(DemoProblem, match=r"spfc\.py: ImportError"):
        api.wait_for_dag("spfc_other", lambda: None)


def test_no_answer_is_one_sentence() -> None:
    with (
        AirflowApi("http://127.0.0.1:9", "admin", "x") as api,
        pytest.raises(DemoProblem, match="did not answer"),
    ):
        api.dag_exists("spfc_demo")
