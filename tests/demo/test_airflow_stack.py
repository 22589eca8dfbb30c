"""The stack of processes: health, death and the end, with a stand-in for the `airflow` command."""

import os
import select
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.airflow_stack import PROCESSES, AirflowStack
from demo.problems import DemoProblem, UsageProblem
from demo.settings import AirflowSettings, demand_port, free_port

# Plays every airflow command: the API server answers health, the others sleep, one is stubborn.
STAND_IN = """
import http.server, json, os, signal, subprocess, sys, threading
command = sys.argv[1]
if os.environ.get("FAIL") == command:
    print("could not begin")
    sys.exit(3)
if command == "db":
    sys.exit(0)
if command == "scheduler":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    with open(os.path.join(os.environ["AIRFLOW_HOME"], "grandchild"), "w") as file:
        file.write(str(child.pid))
if command != "api-server":
    signal.pause()
class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        ready = os.path.exists(os.path.join(os.environ["AIRFLOW_HOME"], "grandchild"))
        state = "healthy" if ready else None
        parts = ("metadatabase", "scheduler", "triggerer", "dag_processor")
        body = json.dumps({part: {"status": state} for part in parts})
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body.encode())
    def log_message(self, *_):
        pass
http.server.HTTPServer(("127.0.0.1", int(os.environ["AIRFLOW__API__PORT"])), Health).serve_forever()
"""


@pytest.fixture
def settings(tmp_path: Path) -> AirflowSettings:
    package = tmp_path / "project" / "plugins" / "airflow"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(STAND_IN)
    return AirflowSettings(tmp_path / "home", tmp_path / "project", free_port())


@pytest.fixture
def stack(settings: AirflowSettings) -> Iterator[AirflowStack]:
    stack = AirflowStack(settings)
    yield stack
    stack.stop(0.1)


def has_ended(pid: int) -> bool:
    """Wait for the end of a process that need not be our child."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], 10)[0])
    finally:
        os.close(handle)


def test_all_four_run_and_all_end_even_the_stubborn_and_its_child(stack: AirflowStack) -> None:
    stack.begin()
    stack.start({})
    waited: list[str] = []
    stack.wait_healthy(waited.append, timeout_s=30)
    assert waited[-1] == ""
    ids = stack.process_ids
    assert set(ids) == set(PROCESSES)
    grandchild = int((stack.settings.home / "grandchild").read_text())
    stack.check()
    stack.stop(0.2)
    assert all(has_ended(pid) for pid in (*ids.values(), grandchild))
    stack.stop()


@pytest.mark.parametrize("process", ["db", "triggerer"])
def test_a_death_names_the_log_file_and_its_last_line(stack: AirflowStack, process: str) -> None:
    with pytest.raises(DemoProblem, match="could not begin") as caught:
        os.environ["FAIL"] = process
        try:
            stack.begin()
            stack.start({})
            if process in stack.process_ids:
                assert has_ended(stack.process_ids[process])
            stack.wait_healthy(timeout_s=30)
        finally:
            del os.environ["FAIL"]
    assert ".log" in str(caught.value)


def test_one_command_of_airflow_and_its_failures(stack: AirflowStack, monkeypatch: pytest.MonkeyPatch) -> None:
    stack.settings.write_login()
    assert stack.command("db", "check") == ""
    with pytest.raises(DemoProblem, match="'airflow backfill' did not end within 1 s"):
        stack.command("backfill", timeout_s=1)
    monkeypatch.setenv("FAIL", "backfill")
    with pytest.raises(DemoProblem, match="'airflow backfill' ended with 3: could not begin"):
        stack.command("backfill", "create")


def test_variables_reach_the_processes_and_the_users_own_airflow_does_not(settings: AirflowSettings) -> None:
    base = {
        "HOME": "/somewhere",
        "AIRFLOW_HOME": "/production",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "postgresql://production",
        "AIRFLOW_CONN_SPFC_LEDGER": "sqlite:///production",
        "SPFC_ROUTES": "/production/routes.yaml",
        "NO_PROXY": "intranet.test",
    }
    made = settings.environment(base)
    assert "production" not in " ".join(made.values())
    assert made["HOME"] == "/somewhere"
    assert made["AIRFLOW__CORE__LOAD_EXAMPLES"] == "False"
    assert made["NO_PROXY"] == "intranet.test,127.0.0.1,localhost"
    assert settings.environment({})["NO_PROXY"] == "127.0.0.1,localhost"


def test_the_password_is_new_each_time_and_not_shown(settings: AirflowSettings) -> None:
    other = AirflowSettings(settings.home, settings.project, settings.port)
    assert other.password != settings.password
    for secret in (settings.password, settings.signing_key, settings.fernet_key):
        assert secret not in repr(settings)
    settings.write_login()
    assert settings.password in settings.passwords_file.read_text()
    assert settings.passwords_file.stat().st_mode & 0o077 == 0


def test_a_port_that_is_taken_is_refused_in_one_sentence(settings: AirflowSettings) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UsageProblem, match=f"Port {port}"):
            demand_port(port)
    with pytest.raises(UsageProblem, match="does not exist"):
        demand_port(70000)
    assert demand_port(0) > 0
    assert demand_port(settings.port) == settings.port


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's help is asked for on Linux only")
def test_the_processes_end_when_the_demo_is_killed_outright(settings: AirflowSettings) -> None:
    script = f"""
        import signal
        from pathlib import Path
        from demo.airflow_stack import AirflowStack
        from demo.settings import AirflowSettings
        home, project = Path({str(settings.home)!r}), Path({str(settings.project)!r})
        stack = AirflowStack(AirflowSettings(home, project, {settings.port}))
        stack.begin()
        stack.start({{}})
        print(stack.process_ids["triggerer"], flush=True)
        signal.pause()
    """
    demo = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert demo.stdout is not None
    try:
        triggerer = int(demo.stdout.readline())
    finally:
        demo.send_signal(signal.SIGKILL)
        demo.wait()
        demo.stdout.close()
    try:
        assert has_ended(triggerer)
    finally:
        # The stand-in for the scheduler ignores SIGTERM on purpose: end its group by force.
        grandchild = settings.home / "grandchild"
        if grandchild.exists():
            os.killpg(os.getpgid(int(grandchild.read_text())), signal.SIGKILL)
