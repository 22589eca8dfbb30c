"""A small client of Airflow's public REST API (v2): what a script outside Airflow needs, nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import quote

import requests

from demo.problems import DemoProblem

FINISHED = frozenset({"success", "failed"})
"""States in which a DAG run has ended."""


@dataclass(frozen=True, slots=True)
class TaskState:
    """One task instance of a run. `map_index` is -1 for a task that is not mapped (or not expanded)."""

    task_id: str
    map_index: int
    state: str
    duration_s: float | None
    try_number: int = 1


@dataclass(frozen=True, slots=True)
class RunState:
    """One run of a DAG. `run_type` is Airflow's: scheduled, manual, backfill, ..."""

    run_id: str
    run_type: str
    state: str


class AirflowApi:
    """Talks to one Airflow with one login; the token is fetched when first needed and after it expired.

    Raises DemoProblem with Airflow's own explanation when a call is refused.
    """

    def __init__(self, url: str, username: str, password: str, *, timeout_s: float = 30) -> None:
        self._url = url
        self._login = {"username": username, "password": password}
        self._timeout = timeout_s
        self._session = requests.Session()
        self._session.trust_env = False  # loopback only: neither a proxy nor .netrc has a say

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connections."""
        self._session.close()

    def dag_exists(self, dag_id: str) -> bool:
        """Say whether the DAG processor has stored this DAG yet."""
        return self._send("GET", f"/dags/{quote(dag_id)}", accept=(404,)).status_code == 200

    def import_errors(self) -> list[str]:
        """Return the texts of DAG files that could not be loaded."""
        found = self._json("GET", "/importErrors")
        return [f"{e.get('filename')}: {e.get('stack_trace', '').strip()}" for e in found["import_errors"]]

    def unpause(self, dag_id: str) -> None:
        """Let the scheduler run the DAG."""
        self._json("PATCH", f"/dags/{quote(dag_id)}", {"is_paused": False}, {"update_mask": "is_paused"})

    def trigger(self, dag_id: str, conf: Mapping[str, Any] | None = None) -> str:
        """Start a run now and return its id."""
        body = {"logical_date": None, "conf": dict(conf or {})}
        return str(self._json("POST", f"/dags/{quote(dag_id)}/dagRuns", body)["dag_run_id"])

    def run_state(self, dag_id: str, run_id: str) -> str:
        """Return the state of a run: queued, running, success or failed."""
        return str(self._json("GET", f"/dags/{quote(dag_id)}/dagRuns/{quote(run_id, safe='')}")["state"])

    def runs(self, dag_id: str) -> list[RunState]:
        """Return the latest hundred runs of a DAG, the one that began to wait first at the beginning."""
        where = f"/dags/{quote(dag_id)}/dagRuns"
        page = self._json("GET", where, params={"limit": 100, "order_by": "-run_after"})
        found = [RunState(raw["dag_run_id"], raw["run_type"], raw["state"]) for raw in page["dag_runs"]]
        return found[::-1]

    def backfill_runs(self, dag_id: str) -> bool:
        """Say whether Airflow still counts a backfill of the DAG as running; it closes it some time after its runs."""
        found = self._json("GET", "/backfills", params={"dag_id": dag_id})
        return any(backfill["completed_at"] is None for backfill in found["backfills"])

    def tasks(self, dag_id: str, run_id: str) -> list[TaskState]:
        """Return every task instance of a run, all pages."""
        where = f"/dags/{quote(dag_id)}/dagRuns/{quote(run_id, safe='')}/taskInstances"
        found: list[TaskState] = []
        while True:
            page = self._json("GET", where, params={"limit": 100, "offset": len(found)})
            found += [_task(raw) for raw in page["task_instances"]]
            if not page["task_instances"] or len(found) >= page["total_entries"]:
                return found

    def xcom(self, dag_id: str, run_id: str, task_id: str, key: str = "return_value", map_index: int = -1) -> Any:
        """Return what a task handed over, or None if it handed over nothing."""
        where = (
            f"/dags/{quote(dag_id)}/dagRuns/{quote(run_id, safe='')}/taskInstances/{quote(task_id)}"
            f"/xcomEntries/{quote(key)}"
        )
        answer = self._send("GET", where, params={"map_index": map_index, "deserialize": "false"}, accept=(404,))
        return answer.json()["value"] if answer.ok else None

    def wait_for_dag(self, dag_id: str, check: Callable[[], None], timeout_s: float = 90) -> None:
        """Poll until the DAG is there; raises DemoProblem with its import error, if any."""
        deadline = time.monotonic() + timeout_s
        while not self.dag_exists(dag_id):
            check()
            errors = self.import_errors()
            if errors:
                raise DemoProblem(f"Airflow could not load the DAG: {errors[0]}")
            if time.monotonic() > deadline:
                raise DemoProblem(f"Airflow did not find the DAG {dag_id} within {timeout_s:.0f} s.")
            time.sleep(0.3)

    # -- inside --------------------------------------------------------------------------------------

    def _json(self, method: str, path: str, body: object = None, params: Mapping[str, Any] | None = None) -> Any:
        return self._send(method, path, body, params).json()

    def _send(
        self,
        method: str,
        path: str,
        body: object = None,
        params: Mapping[str, Any] | None = None,
        accept: tuple[int, ...] = (),
    ) -> requests.Response:
        if "Authorization" not in self._session.headers:
            self._log_in()
        answer = self._call(method, f"/api/v2{path}", body, params)
        if answer.status_code == 401:
            self._log_in()
            answer = self._call(method, f"/api/v2{path}", body, params)
        if not answer.ok and answer.status_code not in accept:
            raise DemoProblem(f"Airflow refused {method} {path}: {answer.status_code} {_why(answer)}")
        return answer

    def _log_in(self) -> None:
        self._session.headers.pop("Authorization", None)
        answer = self._call("POST", "/auth/token", self._login, None)
        if not answer.ok:
            raise DemoProblem(f"Airflow refused the demo's login: {answer.status_code}.")
        self._session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def _call(self, method: str, path: str, body: object, params: Mapping[str, Any] | None) -> requests.Response:
        try:
            return self._session.request(
                method,
                self._url + path,
                json=body,
                params=params,
                timeout=self._timeout,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise DemoProblem(f"Airflow's API did not answer {method} {path} ({type(error).__name__}).") from error


def _task(raw: Mapping[str, Any]) -> TaskState:
    return TaskState(
        task_id=str(raw["task_id"]),
        map_index=int(raw["map_index"]),
        state=str(raw["state"] or "none"),
        duration_s=raw.get("duration"),
        try_number=int(raw.get("try_number") or 0),
    )


def _why(answer: requests.Response) -> str:
    try:
        detail = answer.json().get("detail", "")
    except (ValueError, AttributeError):
        detail = answer.text
    return str(detail)[:300]
