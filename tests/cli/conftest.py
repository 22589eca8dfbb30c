"""The command line as a user meets it: a process with arguments, an environment, two streams and an exit status."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from simulators.launch import LaunchOptions, SimulatorPair

HERE = Path(__file__).parent
PROJECT = HERE.parents[1]


@dataclass(frozen=True)
class Ended:
    """How a command ended and what it said."""

    status: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """All of it, as one line of words: terminals break sentences where they like."""
        return " ".join((self.out + self.err).split())


@dataclass
class Terminal:
    """Runs ``spfc`` in a process of its own, on one Airflow home, with a ledger for each caller."""

    folder: Path
    pair: SimulatorPair
    process: subprocess.Popen[str]
    count: int = 0
    environment: dict[str, str] = field(default_factory=dict)

    def spfc(self, *arguments: str, **environment: str) -> Ended:
        """Run one command to its end."""
        self.count += 1
        out, err = self.folder / f"{self.count}.out", self.folder / f"{self.count}.err"
        request = {
            "arguments": arguments,
            "environment": self.environment | self.fresh_ledger() | environment,
            "out": str(out),
            "err": str(err),
        }
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        status = int(self.process.stdout.readline())
        ended = Ended(status, out.read_text(encoding="utf-8"), err.read_text(encoding="utf-8"))
        assert "Traceback" not in ended.out + ended.err, ended.out + ended.err
        return ended

    def plain_environment(self, home: str) -> dict[str, str]:
        """Return the environment of somebody with an Airflow home of this name and nothing else set up."""
        return plain_environment(self.folder / home)

    def fresh_ledger(self) -> dict[str, str]:
        """Return a connection to a ledger that nobody has used."""
        path = self.folder / f"ledger-{self.count}.db"
        return {"AIRFLOW_CONN_SPFC_LEDGER": json.dumps({"conn_type": "sqlite", "host": str(path)})}

    def connection(self, name: str, **fields: Any) -> dict[str, str]:
        """Return the environment variable of a connection of the simulators, some of its fields changed."""
        variable = f"AIRFLOW_CONN_{name.upper()}"
        known = json.loads(self.environment[variable])
        extra = known.get("extra", {}) | fields.pop("extra", {})
        return {variable: json.dumps(known | fields | {"extra": extra})}

    def routes(self, change: Callable[[dict[str, Any]], object]) -> dict[str, str]:
        """Return the environment variable of a route file that differs from the simulators' own."""
        document = yaml.safe_load(self.pair.route_file())
        change(document["routes"])
        return self.route_text(yaml.safe_dump(document))

    def route_text(self, text: str) -> dict[str, str]:
        """Return the environment variable of a route file with this text."""
        path = self.folder / f"routes-{self.count}.yaml"
        path.write_text(text, encoding="utf-8")
        return {"SPFC_ROUTES": str(path)}


@pytest.fixture(scope="session")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    folder = tmp_path_factory.mktemp("terminal")
    for name in ("a.txt", "Reports/b.txt"):
        (folder / "library" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "library" / name).write_text(name, encoding="utf-8")
    with (
        SimulatorPair(LaunchOptions(folder / "library", folder / "store")) as pair,
        subprocess.Popen(
            [sys.executable, str(HERE / "warm_spfc.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=plain_environment(folder / "airflow") | read_at_import(),
        ) as process,
    ):
        assert process.stdout is not None and process.stdin is not None
        (folder / "routes.yaml").write_text(pair.route_file(), encoding="utf-8")
        terminal = Terminal(folder, pair, process, environment=pair.environment(folder / "routes.yaml"))
        for line in process.stdout:
            if line == "ready\n":
                break
        yield terminal
        process.stdin.close()


def read_at_import() -> dict[str, str]:
    """Return what Airflow reads when it is imported, which ``spfc run`` would have set just before."""
    return {
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT / "plugins"),
    }


def plain_environment(home: Path) -> dict[str, str]:
    """Return the environment of somebody who has a fresh Airflow home and nothing else set up."""
    mine = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW_", "SPFC_"))}
    return mine | {"AIRFLOW_HOME": str(home), "COLUMNS": "200"}
