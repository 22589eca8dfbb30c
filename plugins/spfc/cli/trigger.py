"""``spfc run --trigger``: ask a running Airflow for a run through its public API, and wait for it."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import requests
from rich.console import Console

from spfc.cli.show import exit_status, show_result
from spfc.errors import (
    AnswerUnreadable,
    AuthenticationRefused,
    ConfigurationError,
    ConnectionInvalid,
    PlaceNotFound,
    RequestRefused,
    RunError,
    ServiceBusy,
    ServiceError,
    Unreachable,
)
from spfc.pipeline.settings import dag_id
from spfc.reporting.redaction import redact

POLL_SECONDS = 2.0
TIMEOUT_SECONDS = 30.0
MAX_TEXT = 300
"""Characters of a foreign answer that are repeated."""
_ENDED = {"success", "failed"}


def run_there(route_name: str, params: Mapping[str, Any], *, as_json: bool) -> int:
    """Trigger the route's DAG, wait for its end and print what it came to; return 0 only for a green run.

    The address and account come from ``SPFC_AIRFLOW_URL``, ``SPFC_AIRFLOW_USER`` and ``SPFC_AIRFLOW_PASSWORD``.
    """
    api = _Api.from_environment()
    dag = dag_id(route_name)
    if api.is_paused(dag):
        raise ConfigurationError(
            f"The DAG {dag} is paused at {api.url}, so a run would wait for ever.",
            hint="Unpause it in Airflow (the switch beside its name), then try again.",
        )
    run_id = api.trigger(dag, {name: value for name, value in params.items() if value is not None})
    console = Console(stderr=as_json)
    console.print(f"Run {run_id} of {dag} was queued at {api.url}.", highlight=False, markup=False)
    state = _wait(api, dag, run_id, console)
    summary = api.result(dag, run_id)
    if summary is None:
        raise RunError(
            f"The run ended as {state} without a report.", hint=f"Airflow shows why: {api.url}/dags/{dag}/runs/{run_id}"
        )
    show_result(Console(), summary, as_json=as_json)
    return exit_status(summary)


def _wait(api: _Api, dag: str, run_id: str, console: Console) -> str:
    """Show the states of the tasks as they change; return the state in which the run has ended."""
    seen: dict[str, str] = {}
    while True:
        state = api.run_state(dag, run_id)
        for task, now in api.task_states(dag, run_id).items():
            if seen.get(task) != now:
                seen[task] = now
                console.print(f"{task:<22} {now}", style="dim", highlight=False, markup=False)
        if state in _ENDED:
            return state
        time.sleep(POLL_SECONDS)


class _Api:
    """The few calls of Airflow's API v2 that a run takes."""

    def __init__(self, url: str, user: str, password: str) -> None:
        self.url = url.rstrip("/")
        self._session = requests.Session()
        answer = self._send("POST", "/auth/token", json={"username": user, "password": password})
        self._session.headers["Authorization"] = f"Bearer {answer.get('access_token', '')}"

    @classmethod
    def from_environment(cls) -> _Api:
        """Return the API that the environment names."""
        url, user = os.environ.get("SPFC_AIRFLOW_URL", ""), os.environ.get("SPFC_AIRFLOW_USER", "")
        if not url or not user:
            raise ConnectionInvalid(
                "Which Airflow is to be asked?",
                hint="Set SPFC_AIRFLOW_URL, SPFC_AIRFLOW_USER and SPFC_AIRFLOW_PASSWORD.",
            )
        return cls(url, user, os.environ.get("SPFC_AIRFLOW_PASSWORD", ""))

    def is_paused(self, dag: str) -> bool:
        """Say whether the scheduler leaves the runs of a DAG alone. Raises PlaceNotFound when there is no such DAG."""
        return bool(self._send("GET", f"/api/v2/dags/{dag}").get("is_paused"))

    def trigger(self, dag: str, conf: Mapping[str, Any]) -> str:
        """Queue a run and return its id."""
        body = {"logical_date": None, "conf": dict(conf)}
        return str(self._send("POST", f"/api/v2/dags/{dag}/dagRuns", json=body)["dag_run_id"])

    def run_state(self, dag: str, run_id: str) -> str:
        """Return the state of a run."""
        return str(self._send("GET", self._run(dag, run_id))["state"])

    def task_states(self, dag: str, run_id: str) -> dict[str, str]:
        """Return the state of each task instance, by task and map index."""
        rows = self._send("GET", self._run(dag, run_id) + "/taskInstances")["task_instances"]
        return {
            row["task_id"] + (f"[{row['map_index']}]" if row["map_index"] >= 0 else ""): row["state"] or "waiting"
            for row in rows
        }

    def result(self, dag: str, run_id: str) -> dict[str, Any] | None:
        """Return what the report task handed back, None when there is nothing."""
        path = self._run(dag, run_id) + "/taskInstances/report/xcomEntries/return_value"
        try:
            value = self._send("GET", path, params={"deserialize": "true"})["value"]
        except PlaceNotFound:
            return None
        return value if isinstance(value, dict) else None

    @staticmethod
    def _run(dag: str, run_id: str) -> str:
        return f"/api/v2/dags/{dag}/dagRuns/{quote(run_id, safe='')}"

    def _send(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        try:
            reply = self._session.request(method, self.url + path, timeout=TIMEOUT_SECONDS, **arguments)
        except requests.RequestException as error:
            raise Unreachable(
                f"Airflow at {self.url} does not answer ({type(error).__name__}).",
                hint="Check SPFC_AIRFLOW_URL, and that its web server is up.",
            ) from None
        if not reply.ok:
            raise _refusal(self.url, path, reply)
        try:
            body = reply.json()
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise AnswerUnreadable(
                f"{self.url} answered {path} with something else than JSON.",
                hint="Is SPFC_AIRFLOW_URL the address of an Airflow web server?",
            )
        return body


def _refusal(url: str, path: str, reply: requests.Response) -> ServiceError:
    """Return the error for an answer that is not a success."""
    if reply.status_code in (401, 403):
        return AuthenticationRefused(
            f"Airflow at {url} does not accept this account for {path} ({reply.status_code}).",
            hint="Check SPFC_AIRFLOW_USER and SPFC_AIRFLOW_PASSWORD, and that the user may trigger DAGs.",
        )
    if reply.status_code == 404:
        return PlaceNotFound(
            f"Airflow at {url} does not know {path}.",
            hint="Is the route in its route file (spfc routes), and has it read that file without an import error?",
        )
    if reply.status_code >= 500:
        return ServiceBusy(f"Airflow at {url} answered {path} with {reply.status_code}.", hint="Look at its log.")
    said = redact(" ".join(reply.text.split()))[:MAX_TEXT]
    return RequestRefused(f"Airflow at {url} refused {path} with {reply.status_code}: {said}")
