"""Runs a whole Airflow (API server, scheduler, DAG processor, triggerer) as children that always end."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import requests

from demo.problems import DemoProblem
from demo.settings import AirflowSettings

PROCESSES: dict[str, tuple[str, ...]] = {
    "api-server": ("api-server",),
    "scheduler": ("scheduler", "--skip-serve-logs"),
    "dag-processor": ("dag-processor",),
    "triggerer": ("triggerer", "--skip-serve-logs"),
}
"""Name of each process and the arguments of the `airflow` command that runs it."""

_MIGRATION = "db-migrate"
_HEALTH_KEYS = ("metadatabase", "scheduler", "dag_processor", "triggerer")
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def _die_with_parent() -> None:
    """Run in the child before exec: ask Linux to end it when the demo is killed outright."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class AirflowStack:
    """The processes of one Airflow. Use it as a context manager: leaving it ends every child.

    Each child leads its own process group, so that Ctrl-C reaches the demo alone and the demo ends the rest
    in order; on Linux they also end when the demo itself is killed.
    """

    def __init__(self, settings: AirflowSettings) -> None:
        self.settings = settings
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def begin(self) -> None:
        """Begin to create or upgrade the metadata database, in the background; `start` waits for it."""
        self.settings.write_login()
        self._spawn(_MIGRATION, ("db", "migrate"), {})

    def start(self, extra: Mapping[str, str]) -> None:
        """Start the four processes with `extra` variables (connections, ...); see `wait_healthy`.

        Raises DemoProblem naming the log file when the metadata database could not be made.
        """
        if _MIGRATION not in self._children:
            self.begin()
        if self._children[_MIGRATION].wait() != 0:
            raise self._death(_MIGRATION)
        del self._children[_MIGRATION]
        for name, arguments in PROCESSES.items():
            self._spawn(name, arguments, extra)

    def command(self, *arguments: str, timeout_s: float = 120) -> str:
        """Run one command of `airflow` (`"backfill", "create", ...`) to its end and return what it printed.

        Raises DemoProblem with its last line when it fails or takes longer than `timeout_s` seconds.
        """
        try:
            ended = subprocess.run(
                [sys.executable, "-m", "airflow", *arguments],
                env=self.settings.environment(os.environ),
                cwd=self.settings.home,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise DemoProblem(f"'airflow {arguments[0]}' did not end within {timeout_s:.0f} s.") from None
        if ended.returncode != 0:
            lines = (ended.stderr or ended.stdout).strip().splitlines() or ["it said nothing."]
            raise DemoProblem(f"'airflow {arguments[0]}' ended with {ended.returncode}: {lines[-1][:300]}")
        return ended.stdout

    def wait_healthy(self, tell: Callable[[str], None] = lambda _: None, timeout_s: float = 180) -> None:
        """Poll until every part of Airflow is healthy; raises DemoProblem when one dies or time is up."""
        deadline = time.monotonic() + timeout_s
        waiting = list(_HEALTH_KEYS)
        while waiting:
            self.check()
            if time.monotonic() > deadline:
                raise DemoProblem(
                    f"Airflow was not ready after {timeout_s:.0f} s (waiting for {', '.join(waiting)}); "
                    f"its logs are in {self.settings.logs}."
                )
            waiting = self._unhealthy()
            tell(", ".join(waiting))
            if waiting:
                time.sleep(0.3)

    def check(self) -> None:
        """Raise DemoProblem, naming the log file, if a process has ended by itself."""
        for name, child in self._children.items():
            if child.poll() is not None:
                raise self._death(name)

    def stop(self, patience_s: float = 12) -> None:
        """End every child: politely, then by force. Safe to call twice; Ctrl-C does not disturb it."""
        with _undisturbed():
            self._stop(patience_s)

    def _stop(self, patience_s: float) -> None:
        for child in self._children.values():
            _signal_group(child, signal.SIGTERM)
        deadline = time.monotonic() + patience_s
        for child in self._children.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(max(0.05, deadline - time.monotonic()))
        for child in self._children.values():
            # Also when the leader is gone: tasks of its group may have outlived it.
            _signal_group(child, signal.SIGKILL)
            child.wait()
        self._children.clear()

    @property
    def process_ids(self) -> dict[str, int]:
        """Process id of each running child, by name."""
        return {name: child.pid for name, child in self._children.items()}

    def log_of(self, name: str) -> Path:
        """Return the log file of a process."""
        return self.settings.logs / f"{name}.log"

    # -- inside --------------------------------------------------------------------------------------

    def _spawn(self, name: str, arguments: tuple[str, ...], extra: Mapping[str, str]) -> None:
        self.settings.logs.mkdir(parents=True, exist_ok=True)
        with self.log_of(name).open("wb") as log:
            child = subprocess.Popen(
                [sys.executable, "-m", "airflow", *arguments],
                env={**self.settings.environment(os.environ), **extra},
                cwd=self.settings.home,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )
        self._children[name] = child

    def _unhealthy(self) -> list[str]:
        try:
            answer = requests.get(f"{self.settings.url}/api/v2/monitor/health", timeout=5)
            parts = answer.json() if answer.ok else {}
        except (requests.RequestException, ValueError):
            parts = {}
        if not parts:
            return ["api_server", *_HEALTH_KEYS]
        return [key for key in _HEALTH_KEYS if (parts.get(key) or {}).get("status") != "healthy"]

    def _death(self, name: str) -> DemoProblem:
        log = self.log_of(name)
        lines = log.read_text("utf-8", "replace").strip().splitlines() if log.exists() else []
        last = f" Its last line: {lines[-1][:300]}" if lines else ""
        return DemoProblem(f"Airflow's {name} ended by itself; its log is {log}.{last}")


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Ignore SIGINT and SIGTERM for a while (in the main thread, which is where they arrive)."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    old = {which: signal.signal(which, signal.SIG_IGN) for which in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for which, handler in old.items():
            signal.signal(which, handler)


def _signal_group(child: subprocess.Popen[bytes], which: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, which)
