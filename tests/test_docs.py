"""The documents say what the code does: tables, keys, codes, examples, commands and links are checked against it."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from simulators.common.faults import FaultPlan
from spfc.errors import SpfcError
from spfc.hooks.filecloud import FileCloudHook
from spfc.hooks.graph import GraphHook
from spfc.reporting.explanations import CODES
from spfc.route_file import parse_routes
from spfc.routes import RunMode

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])


def load_generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look for the module that they are in
    spec.loader.exec_module(module)
    return module


GENERATE = load_generator()


def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(name: str, language: str) -> list[str]:
    """Return the code blocks of a page, also indented ones."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^\1```", page(name), re.DOTALL | re.MULTILINE)
    return [re.sub(rf"^{indent}", "", body, flags=re.MULTILINE) for indent, body in found]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_generated_tables_are_current(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert GENERATE.renewed(text) == text, "run: .venv/bin/python docs/generate.py"


def test_every_table_is_used() -> None:
    used = {name for path in PAGES for name in re.findall(r"<!-- begin: ([a-z-]+) -->", path.read_text("utf-8"))}
    assert used == set(GENERATE.TABLES)


@pytest.mark.parametrize("section", GENERATE.SECTIONS.values(), ids=GENERATE.SECTIONS)
def test_every_key_is_explained_in_its_section_and_no_other(section: Any) -> None:
    text = page("docs/routes.md").split(f"\n## {section.heading}\n")[1].split("\n## ")[0]
    explained = re.findall(r"^### `([a-z_.]+)`$", text, re.MULTILINE)
    assert len(explained) == len(set(explained))
    assert set(explained) == {path for path, _ in section.fields()}


def test_every_mode_of_a_run_is_explained() -> None:
    text = page("docs/operations.md")
    assert [mode for mode in RunMode if f"`{mode.value}`" not in text] == []


def all_codes(error: type[SpfcError] = SpfcError) -> set[str]:
    return {error.code}.union(*(all_codes(kind) for kind in error.__subclasses__()))


def test_every_code_that_a_line_can_carry_is_explained() -> None:
    known = set(re.findall(r"^(?:\| )?`([a-z_]+)` (?:\||is a)", page("docs/operations.md"), re.MULTILINE))
    own = {
        code
        for module in (ROOT / "plugins" / "spfc").rglob("*.py")
        for code in re.findall(r'deferred\(\s*\w+, "([a-z_]+)"', module.read_text(encoding="utf-8"))
    }
    assert len(own) >= 4, "the search for codes of steps has gone blind"
    assert (all_codes() | own | set(CODES) | {"not_reached"}) - known == set()


@pytest.mark.parametrize("name", ["README.md", "docs/routes.md"])
def test_examples_of_routes_are_valid(name: str) -> None:
    documents = [yaml.safe_load(text) for text in blocks(name, "yaml")]
    assert documents
    for document in documents:
        assert parse_routes(document)


def test_the_example_of_a_fault_plan_is_valid(tmp_path: Path) -> None:
    (text,) = blocks("docs/simulators.md", "yaml")
    plan = tmp_path / "faults.yaml"
    plan.write_text(text, encoding="utf-8")
    assert len(FaultPlan.load(plan).rules) == 4


def connections() -> list[tuple[str, dict[str, Any]]]:
    text = "\n".join(blocks("docs/connections.md", "sh"))
    found = re.findall(r"^export (AIRFLOW_CONN_\w+)='(.*?)'$", text, re.DOTALL | re.MULTILINE)
    return [(name, json.loads(value)) for name, value in found]


@pytest.mark.parametrize(("name", "fields"), connections(), ids=lambda value: value if isinstance(value, str) else "")
def test_examples_of_connections_work(monkeypatch: pytest.MonkeyPatch, name: str, fields: dict[str, Any]) -> None:
    monkeypatch.setenv(name, json.dumps(fields))
    conn_id = name.removeprefix("AIRFLOW_CONN_").lower()
    if fields["conn_type"] == "msgraph":
        assert GraphHook(conn_id).get_settings().tenant
    elif fields["conn_type"] == "filecloud":
        assert FileCloudHook(conn_id).get_settings().user == "svc-sync"
    else:
        from airflow.sdk import BaseHook

        from spfc.pipeline.wiring import database_url

        assert database_url(BaseHook.get_connection(conn_id), conn_id).startswith("postgresql+psycopg://spfc:")


def test_every_extra_field_of_a_connection_is_explained() -> None:
    text = page("docs/connections.md")
    from spfc.hooks import filecloud
    from spfc.hooks import graph as graph_hook

    source = Path(graph_hook.__file__).read_text(encoding="utf-8")
    read = set(re.findall(r'_(?:text|flag|number)\("(\w+)"', source, re.IGNORECASE)) | {"proxies"}
    assert len(read) > 10
    assert {field for field in read | set(filecloud._EXTRAS) if f"`{field}`" not in text} == set()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        file, _, anchor = target.partition("#")
        goal = (path.parent / file).resolve() if file else path
        assert goal.exists(), f"{target} does not exist"
        if anchor:
            heads = re.findall(r"^#+ (.*)$", goal.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {slug(head) for head in heads}, f"{target}: no such heading"


def slug(heading: str) -> str:
    """Return the anchor that Git hosts give a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_every_command_of_make_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", page("Makefile"), re.MULTILINE))
    named = {name for path in PAGES for name in re.findall(r"\bmake ([a-z]+)`", path.read_text(encoding="utf-8"))}
    assert named
    assert named <= targets


def test_every_module_that_is_named_exists() -> None:
    named = {
        name
        for path in PAGES
        for name in re.findall(
            r"`((?:plugins|include|tests|docs|dags)/[\w./-]+\.\w+)`", path.read_text(encoding="utf-8")
        )
    }
    assert named
    assert {name for name in named if not (ROOT / name).exists()} == set()
