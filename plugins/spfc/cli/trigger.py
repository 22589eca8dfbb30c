"""``spfc run --trigger``: ask a running Airflow for a run through its public API, and wait for it."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

import requests
from rich.console import Console

from spfc.cli.show import show_result
from spfc.errors import AuthenticationRefused, ConnectionInvalid, PlaceNotFound, Unreachable
from spfc.pipeline.settings import dag_id

POLL_SECONDS = 2.0
TIMEOUT_SECONDS = 30.0
NOT_GREEN = 1
_ENDED = {"success", "failed"}


def run_there(route_name: str, params: Mapping[str, Any], *, as_json: bool) -> int:
    """Trigger the route's DAG, wait for its end and print what it came to; return 0 only for a green run.

    The address and account come from ``SPFC_AIRFLOW_URL``, ``SPFC_AIRFLOW_USER`` and ``SPFC_AIRFLOW_PASSWORD``.
    """
    api = _Api.from_environment()
    dag = dag_id(route_name)
    run_id = api.trigger(dag, {name: value for name, value in params.items() if value is not None})
    console = Console(stderr=as_json)
    console.print(f"Run {run_id} of {dag} was queued at {api.url}.", highlight=False, markup=False)
    seen: dict[str, str] = {}
    while (state := api.run_state(dag, run_id)) not in _ENDED:
        for task, now in api.task_states(dag, run_id).items():
            if seen.get(task) != now:
                seen[task] = now
                console.print(f"{task:<22} {now}", style="dim", highlight=False, markup=False)
        time.sleep(POLL_SECONDS)
    summary = api.result(dag, run_id)
    if summary is None:
        console.print(f"The run ended as {state} without a report: {api.url}/dags/{dag}/runs/{run_id}", style="red")
        return NOT_GREEN
    show_result(Console(), summary, as_json=as_json)
    return 0 if summary["verdict"] == "green" else NOT_GREEN


class _Api:
    """The few calls of Airflow's API v2 that a run takes."""

    def __init__(self, url: str, user: str, password: str) -> None:
        self.url = url.rstrip("/")
        self._session = requests.Session()
        token = self._send("POST", "/auth/token", json={"username": user, "password": password})["access_token"]
        self._session.headers["Authorization"] = f"Bearer {token}"

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

    def trigger(self, dag: str, conf: Mapping[str, Any]) -> str:
        """Queue a run and return its id."""
        body = {"logical_date": None, "conf": dict(conf)}
        return str(self._send("POST", f"/api/v2/dags/{dag}/dagRuns", json=body)["dag_run_id"])

    def run_state(self, dag: str, run_id: str) -> str:
        """Return the state of a run."""
        return str(self._send("GET", f"/api/v2/dags/{dag}/dagRuns/{run_id}")["state"])

    def task_states(self, dag: str, run_id: str) -> dict[str, str]:
        """Return the state of each task instance, by task and map index."""
        rows = self._send("GET", f"/api/v2/dags/{dag}/dagRuns/{run_id}/taskInstances")["task_instances"]
        return {
            row["task_id"] + (f"[{row['map_index']}]" if row["map_index"] >= 0 else ""): row["state"] or "waiting"
            for row in rows
        }

    def result(self, dag: str, run_id: str) -> dict[str, Any] | None:
        """Return what the report task handed back, None when there is nothing."""
        path = f"/api/v2/dags/{dag}/dagRuns/{run_id}/taskInstances/report/xcomEntries/return_value"
        try:
            value = self._send("GET", path, params={"deserialize": "true"})["value"]
        except PlaceNotFound:
            return None
        return value if isinstance(value, dict) else None

    def _send(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        try:
            reply = self._session.request(method, self.url + path, timeout=TIMEOUT_SECONDS, **arguments)
        except requests.RequestException as error:
            raise Unreachable(f"Airflow at {self.url} does not answer ({type(error).__name__}).") from None
        if reply.status_code in (401, 403):
            raise AuthenticationRefused(f"Airflow at {self.url} does not accept this account.")
        if reply.status_code == 404:
            raise PlaceNotFound(
                f"Airflow at {self.url} does not know {path}.", hint="Is the route in its route file, and parsed?"
            )
        if not reply.ok:
            raise Unreachable(f"Airflow at {self.url} answered {reply.status_code} to {path}.")
        body: dict[str, Any] = reply.json()
        return body
