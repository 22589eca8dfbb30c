"""``spfc doctor`` as a user meets it: a table, JSON, an exit status, and Airflow's connections as a run reads them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from tests.cli.conftest import Terminal, plain_environment

from simulators.launch import LaunchOptions, SimulatorPair
from spfc.doctor.catalogue import CHECKS

pytestmark = pytest.mark.airflow

WRONG = "not-the-secret-and-nobody-may-see-it"
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["route", "verdict", "checks"],
    "properties": {
        "route": {"type": "string"},
        "verdict": {"enum": ["ok", "warn", "fail"]},
        "checks": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["name", "verdict", "found", "next_step", "seconds"],
                "properties": {
                    "name": {"enum": list(CHECKS)},
                    "verdict": {"enum": ["ok", "warn", "fail", "skipped"]},
                    "found": {"type": "string", "minLength": 1},
                    "next_step": {"type": "string"},
                    "seconds": {"type": "number", "minimum": 0},
                },
            },
        },
    },
}


def parsed(text: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(text)
    jsonschema.validate(document, SCHEMA)
    return document


def test_a_healthy_installation(terminal: Terminal) -> None:
    ended = terminal.spfc("doctor", "demo")
    assert (ended.status, ended.err) == (0, ""), ended
    assert "demo: 27 ok" in ended.out
    lines = ended.out.splitlines()
    assert lines[0].startswith("ledger                ok       sqlite:///")
    assert "holds no ledger yet; the first run makes it" in ended.said


def test_nothing_is_made(terminal: Terminal) -> None:
    terminal.spfc("doctor", "demo")
    assert not (terminal.folder / f"ledger-{terminal.count}.db").exists()


def test_for_machines(terminal: Terminal) -> None:
    ended = terminal.spfc("doctor", "demo", "--json", "--write-probe")
    assert (ended.status, ended.err) == (0, ""), ended
    document = parsed(ended.out)
    assert (document["route"], document["verdict"]) == ("demo", "ok")
    others = ("source.", "storage.", "table.", "graph.list", "graph.columns")
    assert [check["name"] for check in document["checks"]] == [n for n in CHECKS if not n.startswith(others)]


def test_a_mistake_fails_and_shows_what_to_do(terminal: Terminal) -> None:
    ended = terminal.spfc("doctor", "demo", **terminal.connection("spfc_filecloud", password=WRONG))
    assert ended.status == 1
    assert "filecloud.login       fail" in ended.out
    assert "-> Correct user and password in the connection" in ended.said
    assert "filecloud.target skipped because filecloud.login failed" in ended.said
    assert WRONG not in ended.said


@pytest.mark.parametrize(
    ("name", "fields", "check", "words"),
    [
        ("spfc_filecloud", {"password": None}, "filecloud.connection", "field 'password' is empty"),
        ("spfc_filecloud", {"extra": {"colour": "red"}}, "filecloud.connection", "unknown keys ['colour']"),
        ("spfc_sharepoint", {"extra": {"tenant_id": ""}}, "graph.connection", "tenant_id (extra) is missing"),
        ("spfc_sharepoint", {"password": WRONG}, "graph.token", "The client secret is wrong"),
    ],
)
def test_a_connection_that_cannot_work(
    terminal: Terminal, name: str, fields: dict[str, Any], check: str, words: str
) -> None:
    ended = terminal.spfc("doctor", "demo", "--json", **terminal.connection(name, **fields))
    assert ended.status == 1, ended
    failed = [each for each in parsed(ended.out)["checks"] if each["verdict"] == "fail"]
    assert [each["name"] for each in failed] == [check]
    assert words in f"{failed[0]['found']} {failed[0]['next_step']}"
    assert failed[0]["next_step"] and WRONG not in ended.said


def test_a_connection_that_is_not_there(terminal: Terminal) -> None:
    ended = terminal.spfc("doctor", "demo", **terminal.routes(lambda r: r["demo"]["target"].update(connection="gone")))
    assert ended.status == 1
    assert "Airflow has no connection 'gone'" in ended.said and "-> Add it with type 'filecloud'" in ended.said


@pytest.mark.parametrize(
    ("connection", "words"),
    [
        ({"conn_type": "mysql", "host": "db"}, "needs a connection of type postgres"),
        ({"conn_type": "sqlite", "host": "{file}/spfc/ledger.db"}, "cannot be written to"),
    ],
)
def test_a_ledger_that_cannot_work(terminal: Terminal, tmp_path: Path, connection: dict[str, str], words: str) -> None:
    (tmp_path / "file").touch()
    connection |= {"host": connection["host"].format(file=tmp_path / "file")}
    ended = terminal.spfc("doctor", "demo", "--json", AIRFLOW_CONN_SPFC_LEDGER=json.dumps(connection))
    failed = [each for each in parsed(ended.out)["checks"] if each["verdict"] == "fail"]
    assert [each["name"] for each in failed] == ["ledger"]
    assert words in f"{failed[0]['found']} {failed[0]['next_step']}"


def test_a_ledger_that_is_ready_shares_its_budget(terminal: Terminal, tmp_path: Path) -> None:
    from spfc.ledger.database import Database

    database = Database(f"sqlite:///{tmp_path / 'ledger.db'}")
    with database.writing():
        pass
    database.close()
    connection = json.dumps({"conn_type": "sqlite", "host": str(tmp_path / "ledger.db")})
    ended = terminal.spfc("doctor", "demo", AIRFLOW_CONN_SPFC_LEDGER=connection)
    assert ended.status == 0 and "ledger.db is ready" in ended.said
    from sqlalchemy import text

    with database.reading() as reading:
        assert reading.execute(text("SELECT count(*) FROM budgets")).scalar_one() > 0
    database.close()


@pytest.mark.parametrize("arguments", [("doctor",), ("doctor", "demo", "--fix")])
def test_a_command_that_is_none(terminal: Terminal, arguments: tuple[str, ...]) -> None:
    ended = terminal.spfc(*arguments)
    assert ended.status == 2 and "usage: spfc" in ended.err


def test_a_route_that_is_not_there(terminal: Terminal) -> None:
    ended = terminal.spfc("doctor", "dmeo")
    assert ended.status == 2 and "There is no route 'dmeo'." in ended.said and ended.out == ""


def test_a_signal_ends_it_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "library").mkdir()
    store = tmp_path / "store"
    with SimulatorPair(LaunchOptions(tmp_path / "library", store, latency_ms=20)) as pair:
        (tmp_path / "routes.yaml").write_text(pair.route_file(), encoding="utf-8")
        command = "import sys; from spfc.cli import main; sys.exit(main(['doctor', 'demo', '--write-probe']))"
        environment = plain_environment(tmp_path / "airflow") | pair.environment(tmp_path / "routes.yaml")
        root = Path(__file__).parents[2]
        environment["PYTHONPATH"] = f"{root / 'plugins'}:{root / 'include'}:{root}"
        with subprocess.Popen(
            [sys.executable, "-c", command], stdout=subprocess.PIPE, text=True, env=environment
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                if line.startswith("probe.P1 "):
                    assert any(store.iterdir())
                    process.send_signal(signal.SIGTERM)
                    break
            rest = process.stdout.read()
        assert process.returncode == 130
        assert "probe.cleanup         ok" in rest and "probe.P15" not in rest
        assert list(store.iterdir()) == []
