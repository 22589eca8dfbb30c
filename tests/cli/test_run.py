"""``spfc run``: what it prints and how it ends, green or not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from spfc.cli import main

if TYPE_CHECKING:
    from tests.cli.conftest import Terminal

pytestmark = pytest.mark.airflow


def test_a_green_run_in_a_fresh_process(terminal: Terminal) -> None:
    """The installed command, from the very start, on an Airflow home that is empty but for its folder."""
    environment = terminal.plain_environment("fresh") | terminal.environment | terminal.fresh_ledger()
    command = [str(Path(sys.executable).with_name("spfc")), "run", "demo", "--json"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240, check=False)
    assert ended.returncode == 0, ended.stderr
    summary = json.loads(ended.stdout)
    assert ended.stdout.count("\n") == 1, "one object, one line"
    assert summary["verdict"] == "green" and summary["totals"]["new_uploads"] == 2
    assert "Feed quiet" in ended.stderr and "Traceback" not in ended.stderr
    assert Path(summary["html"]).is_file()
    assert {p.name for p in terminal.pair.mirror.rglob("*.txt")} == {"a.txt", "b.txt"}


def test_a_run_tells_its_steps_its_sums_and_its_verdict(terminal: Terminal) -> None:
    ended = terminal.spfc("run", "demo")
    assert ended.status == 0, ended
    assert ended.err == ""
    for words in ("enumerate Feed quiet", "plan Plan demo.", "GREEN", "target call", "still owed 0"):
        assert words in ended.said, ended.said
    report = next(line for line in ended.out.splitlines() if line.startswith("report: ")).removeprefix("report: ")
    assert Path(report).is_file()


def test_a_run_that_is_not_green_says_so_by_its_status(terminal: Terminal) -> None:
    ended = terminal.spfc("run", "demo", "--json", **terminal.connection("spfc_sharepoint", password="wrong"))
    assert ended.status == 1
    summary = json.loads(ended.out)
    assert summary["verdict"] == "failed" and "client secret is wrong" in summary["story"]


def test_options_reach_the_run(terminal: Terminal) -> None:
    (terminal.folder / "library" / "Later").mkdir(exist_ok=True)
    for name in ("c.txt", "d.txt"):
        (terminal.folder / "library" / "Later" / name).write_text("new", encoding="utf-8")
    ended = terminal.spfc("run", "demo", "--json", "--max-documents", "1", "--paths", "Later/**", "--mode", "full")
    assert ended.status == 1, "one file is still owed"
    assert json.loads(ended.out)["totals"]["new_uploads"] == 1
    summary = json.loads(ended.out)
    assert summary["debt"] >= 1 and summary["verdict"] == "attention"


@pytest.mark.parametrize("command", ["--version", "--help"])
def test_what_needs_no_airflow_does_not_load_it(command: str) -> None:
    code = (
        "import sys; from spfc.cli import main\n"
        "try: main([sys.argv[1]])\n"
        "except SystemExit as leaving: assert leaving.code == 0\n"
        "loaded = {'airflow', 'aiohttp', 'sqlalchemy', 'msal', 'numpy', 'requests'} & set(sys.modules)\n"
        "assert not loaded, loaded"
    )
    ended = subprocess.run([sys.executable, "-c", code, command], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "spfc" in ended.stdout


def test_explain_answers_for_a_path_and_says_when_it_cannot(terminal: Terminal) -> None:
    place = str(terminal.folder / "explained.db")
    ledger = {"AIRFLOW_CONN_SPFC_LEDGER": json.dumps({"conn_type": "sqlite", "host": place})}
    early = terminal.spfc("explain", "demo", "/a.txt", **ledger)
    assert (early.status, early.out) == (2, "") and "has not shown its root folder yet" in early.err
    terminal.spfc("run", "demo", **ledger)
    known = terminal.spfc("explain", "demo", "/a.txt", **ledger)
    assert known.status == 0, known
    for words in ("the source says", "at the target", "what happened", "/a.txt"):
        assert words in known.said, known.said
    as_json = terminal.spfc("explain", "demo", "/a.txt", "--json", **ledger)
    assert json.loads(as_json.out)["synced"]["verification"] in ("hash", "adopted")
    unknown = terminal.spfc("explain", "demo", "/nobody.txt", **ledger)
    assert unknown.status == 2
    assert "never heard of '/nobody.txt'" in unknown.err


def test_simulate_without_its_packages_says_how_to_get_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "simulators", None)
    assert main(["simulate", "--library", "x"]) == 2
    assert "make setup" in capsys.readouterr().err
