"""The environment under which the demo's Airflow runs: nothing of the user's own Airflow leaks in."""

from __future__ import annotations

import base64
import json
import os
import secrets
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from demo.problems import UsageProblem

HOST = "127.0.0.1"
ADMIN = "admin"
_AUTH_MANAGER = "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager"
_FOREIGN = ("AIRFLOW_", "SPFC_", "_AIRFLOW_")


def free_port() -> int:
    """Return a TCP port of the loopback interface that nothing listens on at this moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def demand_port(port: int) -> int:
    """Return `port` if it is free, any free one if it is 0; raises UsageProblem when it is taken."""
    if port == 0:
        return free_port()
    if not 0 < port < 65536:
        raise UsageProblem(f"Port {port} does not exist: choose one from 1 to 65535, or 0 for any free one.")
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise UsageProblem(f"Port {port} cannot be used: {error.strerror}.") from error
    return port


@dataclass(frozen=True, slots=True)
class AirflowSettings:
    """Where the demo's Airflow lives and how it is reached.

    `home` becomes AIRFLOW_HOME; `project` is the folder that holds `dags`, `plugins` and `include`;
    `dags` replaces the project's own folder of DAGs. The password and the keys are new for each start.
    """

    home: Path
    project: Path
    port: int
    dags: Path | None = None
    password: str = field(default_factory=lambda: secrets.token_urlsafe(9), repr=False)
    signing_key: str = field(default_factory=lambda: secrets.token_urlsafe(48), repr=False)
    fernet_key: str = field(default_factory=lambda: base64.urlsafe_b64encode(os.urandom(32)).decode(), repr=False)

    @property
    def url(self) -> str:
        """The root of the UI and the API, without a trailing slash."""
        return f"http://{HOST}:{self.port}"

    @property
    def logs(self) -> Path:
        """The folder with one log file per process."""
        return self.home / "processes"

    @property
    def passwords_file(self) -> Path:
        """Where the simple auth manager reads logins from (plain JSON, by its design)."""
        return self.home / "passwords.json"

    def write_login(self) -> None:
        """Store the login of this start, readable by the owner only."""
        self.home.mkdir(parents=True, exist_ok=True)
        self.passwords_file.touch(mode=0o600)
        self.passwords_file.write_text(json.dumps({ADMIN: self.password}) + "\n", encoding="utf-8")

    def environment(self, base: Mapping[str, str]) -> dict[str, str]:
        """Return the variables of every Airflow process: `base` without Airflow's, plus the demo's."""
        kept = {name: value for name, value in base.items() if not name.startswith(_FOREIGN)}
        return {
            **kept,
            **self._airflow(),
            **self._python(kept),
            **_loopback_without_proxy(kept),
        }

    def _airflow(self) -> dict[str, str]:
        options = {
            "CORE__DAGS_FOLDER": str(self.dags or self.project / "dags"),
            "CORE__PLUGINS_FOLDER": str(self.project / "plugins"),
            "CORE__LOAD_EXAMPLES": "False",
            "CORE__EXECUTOR": "LocalExecutor",
            "CORE__PARALLELISM": "4",
            "CORE__FERNET_KEY": self.fernet_key,
            "CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "CORE__AUTH_MANAGER": _AUTH_MANAGER,
            "CORE__SIMPLE_AUTH_MANAGER_USERS": f"{ADMIN}:admin",
            "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(self.passwords_file),
            "API__BASE_URL": self.url,
            "API__HOST": HOST,
            "API__PORT": str(self.port),
            "API__WORKERS": "1",
            "API__SECRET_KEY": self.signing_key,
            "API_AUTH__JWT_SECRET": self.signing_key,
            "DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{self.home / 'airflow.db'}?timeout=60",
            "LOGGING__BASE_LOG_FOLDER": str(self.home / "logs"),
            "USAGE_DATA_COLLECTION__ENABLED": "False",
            "DAG_PROCESSOR__PARSING_PROCESSES": "1",
            "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.5",
        }
        return {"AIRFLOW_HOME": str(self.home), **{f"AIRFLOW__{k}": v for k, v in options.items()}}

    def _python(self, base: Mapping[str, str]) -> dict[str, str]:
        ours = [str(self.project / "plugins"), str(self.project / "include")]
        old = base.get("PYTHONPATH")
        # Airflow starts helpers by name, so the interpreter's own folder of scripts has to come first.
        scripts = str(Path(sys.executable).parent)
        return {
            "PYTHONPATH": os.pathsep.join([*ours, *([old] if old else [])]),
            "PATH": os.pathsep.join([scripts, base.get("PATH", os.defpath)]),
            "PYTHONWARNINGS": "ignore",
        }


def _loopback_without_proxy(base: Mapping[str, str]) -> dict[str, str]:
    """Keep loopback traffic away from any proxy the user has configured."""
    hosts = [part for part in base.get("NO_PROXY", base.get("no_proxy", "")).split(",") if part]
    value = ",".join(dict.fromkeys([*hosts, HOST, "localhost"]))
    return {"NO_PROXY": value, "no_proxy": value}
