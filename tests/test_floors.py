"""Upper floors import lower ones, never the reverse: the shape of the house, read from its source text."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "plugins" / "spfc"

FLOORS = {
    "": 0,
    "errors": 0,
    "quickxor": 0,
    "wording": 0,
    "routes": 1,
    "route_file": 1,
    "route_yaml": 1,
    "routes_schema": 1,
    "planning": 1,
    "records": 1,
    "pacing": 1,
    "ledger": 2,
    "graph": 2,
    "filecloud": 2,
    "sources": 3,
    "targets": 3,
    "hooks": 3,
    "transfer": 4,
    "reporting": 4,
    "steps": 5,
    "doctor": 5,
    "pipeline": 6,
    "web": 6,
    "cli": 6,
}
"""Floor of every room of the package. A new room must be given a floor here."""

STRANGERS = frozenset({"ledger", "graph", "filecloud"})
"""Rooms of one floor that must not know each other."""

OUTSIDE_WORLD = frozenset(
    {"sqlalchemy", "requests", "time", "random", "secrets", "os", "socket", "pathlib", "datetime"}
)
"""What the pure rooms must not touch: no I/O, no clock, no randomness."""


@dataclass(frozen=True)
class Import:
    """``module`` imports ``name`` (both dotted); ``typing_only`` when never at run time."""

    module: str
    name: str
    typing_only: bool = False

    @property
    def room(self) -> str:
        return room_of(self.module)


def room_of(dotted: str) -> str:
    return dotted.removeprefix("spfc").lstrip(".").split(".")[0]


def imports(root: Path) -> Iterator[Import]:
    """Yield every import below ``root``, which stands for the package ``spfc``, also those inside functions."""
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        is_package = parts[-1] == "__init__"
        module = ".".join(("spfc", *(parts[:-1] if is_package else parts)))
        tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
        typing_only = {
            id(inner)
            for node in ast.walk(tree)
            if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
            for statement in node.body
            for inner in ast.walk(statement)
        }
        for node in ast.walk(tree):
            for name in imported_names(node, module, is_package):
                yield Import(module, name, id(node) in typing_only)


def imported_names(node: ast.AST, module: str, is_package: bool) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    base = node.module or ""
    if node.level:
        above = module.split(".")[: len(module.split(".")) - node.level + is_package]
        base = ".".join([*above, *([node.module] if node.module else [])])
    # `from spfc import steps` names a room in its list: both spellings are looked at.
    return [f"{base}.{alias.name}" for alias in node.names] if base == "spfc" else [base]


def violations(root: Path) -> list[str]:
    """Return one sentence for every import that breaks the shape of the house."""
    found = []
    for each in imports(root):
        found += [f"{each.module} imports {each.name}: {why}" for why in broken_rules(each)]
    return found


def broken_rules(each: Import) -> Iterator[str]:
    if each.room not in FLOORS:
        yield f"the room {each.room!r} has no floor"
        return
    outermost = each.name.split(".")[0]
    if outermost == "spfc":
        yield from broken_floors(each)
    if outermost == "airflow" and FLOORS[each.room] <= 5 and each.room != "hooks":
        yield "only hooks and the top floor know Airflow"
    if outermost in ("simulators", "demo") and each.room != "cli":
        yield "the product does not know its simulators"
    if outermost in OUTSIDE_WORLD and (each.room == "planning" or (each.room == "records" and outermost != "datetime")):
        yield f"{each.room} has no I/O, clock or randomness"


def broken_floors(each: Import) -> Iterator[str]:
    room = room_of(each.name)
    if room not in FLOORS:
        if each.name.count(".") == 1 and not (ROOT / room).exists() and not (ROOT / f"{room}.py").exists():
            return  # `from spfc import __version__`
        yield f"the room {room!r} has no floor"
    elif FLOORS[room] > FLOORS[each.room]:
        yield "that is a higher floor"
    elif room != each.room and {room, each.room} <= STRANGERS:
        yield "these rooms must not know each other"


def test_every_import_goes_down() -> None:
    assert violations(ROOT) == []


def test_every_room_has_a_floor_and_every_floor_its_room() -> None:
    rooms = {path.stem for path in ROOT.glob("*.py")} | {path.name for path in ROOT.iterdir() if path.is_dir()}
    rooms -= {"__init__", "__pycache__"}
    assert rooms == set(FLOORS) - {""}


def test_pure_rooms_open_no_file_and_asks_no_clock() -> None:
    calls = {
        f"{path.name}:{node.lineno} {ast.unparse(node.func)}"
        for room in ("planning", "records")
        for path in (ROOT / room).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).split(".")[-1] in {"open", "now", "today", "utcnow", "print", "input", "urandom"}
    }
    assert calls == set()


@pytest.mark.parametrize(
    ("path", "text", "why"),
    [
        ("planning/bad.py", "from spfc.ledger import debts", "higher floor"),
        ("planning/bad.py", "import spfc.steps.plan", "higher floor"),
        ("planning/bad.py", "from spfc import steps", "higher floor"),
        ("planning/bad.py", "from ..transfer import copy", "higher floor"),
        ("planning/bad.py", "def f():\n    from spfc.sources import base", "higher floor"),
        ("planning/bad.py", "import sqlalchemy", "no I/O"),
        ("planning/bad.py", "from datetime import datetime", "no I/O"),
        ("planning/bad.py", "import random", "no I/O"),
        ("quickxor.py", "from spfc.routes import Route", "higher floor"),
        ("ledger/bad.py", "from spfc.graph.client import GraphClient", "must not know each other"),
        ("ledger/bad.py", "from ..filecloud import xml", "must not know each other"),
        ("transfer/bad.py", "from spfc.steps.context import RunContext", "higher floor"),
        ("transfer/bad.py", "import airflow.sdk", "know Airflow"),
        ("reporting/bad.py", "from airflow.sdk import BaseHook", "know Airflow"),
        ("web/bad.py", "from simulators.launch import main", "simulators"),
        ("pipeline/bad.py", "import demo", "simulators"),
        ("attic/bad.py", "import json", "has no floor"),
    ],
)
def test_a_planted_import_is_found(tmp_path: Path, path: str, text: str, why: str) -> None:
    planted = tmp_path / path
    planted.parent.mkdir(parents=True, exist_ok=True)
    planted.write_text(text, encoding="utf-8")
    (found,) = violations(tmp_path)
    assert why in found


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("steps/good.py", "from spfc.ledger.debts import occupants\nfrom spfc.errors import SpfcError"),
        ("hooks/good.py", "from airflow.sdk import BaseHook"),
        ("cli/good.py", "from simulators.launch import main"),
        ("web/good.py", "from spfc import __version__"),
        ("graph/good.py", "from .wire import Wire\nfrom spfc.planning.model import SourceItem"),
    ],
)
def test_a_good_import_is_not_found(tmp_path: Path, path: str, text: str) -> None:
    planted = tmp_path / path
    planted.parent.mkdir(parents=True, exist_ok=True)
    planted.write_text(text, encoding="utf-8")
    assert violations(tmp_path) == []
