"""The DAG that a route becomes: names, order, rules, texts. No run, no database."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from spfc.routes import Route, parse_route

pytestmark = [pytest.mark.airflow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

CHAIN = {
    "enumerate": set(),
    "diff_and_plan": {"enumerate"},
    "apply_structure": {"diff_and_plan"},
    "transfer": {"apply_structure", "diff_and_plan"},
    "create_empty_folders": {"apply_structure", "transfer", "diff_and_plan"},
    "approve_removals": {"diff_and_plan"},
    "apply_removals": {"approve_removals", "create_empty_folders", "diff_and_plan"},
    "report": {"apply_removals", "diff_and_plan", "enumerate"},
}


def route(name: str = "legal", **fields: Any) -> Route:
    base = {
        "source": {"hostname": "contoso.sharepoint.test", "site": "/sites/legal", "library": "Contracts"},
        "target": {"folder": f"/team/{name}"},
    }
    return parse_route(name, base | fields)


def dag_of(**fields: Any) -> Any:
    from spfc.pipeline.factory import build_dag

    return build_dag(route(**fields))


def test_the_chain() -> None:
    dag = dag_of()
    assert dag.dag_id == "spfc_legal"
    assert {task.task_id: task.upstream_task_ids for task in dag.tasks} == CHAIN
    assert [task.task_id for task in dag.tasks if task.is_mapped] == ["transfer"]
    assert [task.task_id for task in dag.leaves] == ["report"], "the state of the run is that of its report"


def test_rules_and_limits() -> None:
    dag = dag_of()
    rules = {task.task_id: task.trigger_rule for task in dag.tasks}
    assert rules.pop("report") == "all_done"
    assert rules.pop("create_empty_folders") == "none_failed_min_one_success"
    assert set(rules.values()) == {"all_success"}
    assert dag.max_active_runs == 1 and dag.catchup is False
    assert {task.retries for task in dag.tasks} == {2}


def test_the_page_tells_the_route() -> None:
    dag = dag_of(description="Contracts of the legal team.", tags=["team-a"], owner="it")
    for text in ("Contracts of the legal team.", "contoso.sharepoint.test/sites/legal/Contracts", "/team/legal",
                 "quarantine", "25%", "1000 items", "`~$*`"):  # fmt: skip
        assert text in dag.doc_md
    assert set(dag.tags) == {"spfc", "team-a"}
    assert {task.owner for task in dag.tasks} == {"it"}
    assert all(task.doc_md for task in dag.tasks)


def test_the_report_has_its_button() -> None:
    links = dag_of().get_task("report").operator_extra_links
    assert [link.name for link in links] == ["Sync report"]


# -- the form ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"mode": "full"},
        {"mode": "retry_failed", "dry_run": True},
        {"max_documents": 1},
        {"max_documents": None, "paths": None, "release_plan": None},
        {"paths": ["Reports/**", "*.docx"]},
        {"mode": "audit"},
        {"mode": "audit", "rebuild": True},
        {"release_plan": "legal.7.1"},
    ],
)
def test_the_form_takes(given: dict[str, Any]) -> None:
    from spfc.pipeline.settings import UNATTENDED
    from spfc.routes import parse_options

    params = dag_of().params
    params.update(given)
    values = params.validate()
    assert values | given == values
    parse_options({k: v for k, v in values.items() if v not in (None, []) and k != UNATTENDED})


@pytest.mark.parametrize(
    "given",
    [
        {"mode": "everything"},
        {"mode": "backfill"},
        {"rebuild": "yes"},
        {"mode": None},
        {"dry_run": "yes"},
        {"max_documents": 0},
        {"max_documents": 1.5},
        {"max_documents": "10"},
        {"paths": "Reports/**"},
        {"paths": [1]},
        {"release_plan": 7},
    ],
)
def test_the_form_refuses(given: dict[str, Any]) -> None:
    from airflow.sdk.exceptions import ParamValidationError

    params = dag_of().params
    with pytest.raises(ParamValidationError):
        params.update(given)
        params.validate()


# -- the DAG file --------------------------------------------------------------------------------------

PROJECT = Path(__file__).parents[2]
PARSE = """
import json, runpy, socket, sqlite3, sys, time
import airflow.sdk
heavy = ("requests", "sqlalchemy", "msal", "numpy", "alembic", "aiohttp", "jinja2", "rich")
known = {name for name in heavy if name in sys.modules}
def no(*given, **named):
    raise AssertionError("parsing reached for the network or a database")
socket.socket.connect = sqlite3.connect = no
before = time.process_time()
found = runpy.run_path(sys.argv[1])
spent = time.process_time() - before
dags = sorted(value.dag_id for value in found.values() if isinstance(value, airflow.sdk.DAG))
ours = sorted(name for name in heavy if name in sys.modules and name not in known)
print(json.dumps({"dags": dags, "spent": spent, "ours": ours}))
"""


def parse(routes: Path, code: str = PARSE) -> subprocess.CompletedProcess[str]:
    import os

    # Byte code is kept, as in any installation: what counts is the work of parsing, not of compiling.
    ours = {"PYTHONPATH": str(PROJECT / "plugins")}
    environment = os.environ | ours | {"SPFC_ROUTES": str(routes), "PYTHONPYCACHEPREFIX": str(routes.parent / "cache")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "-c", code, str(PROJECT / "dags" / "spfc_routes.py")]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)


def routes_file(folder: Path, *names: str, **fields: Any) -> Path:
    entries = {}
    for name in names:
        entries[name] = {
            "source": {"hostname": "contoso.sharepoint.test", "site": f"/sites/{name}"},
            "target": {"folder": f"/team/{name}"},
        } | fields
    path = folder / "routes.yaml"
    path.write_text(yaml.safe_dump({"routes": entries}), encoding="utf-8")
    return path


def test_parsing_is_light_and_gives_a_dag_per_route(tmp_path: Path) -> None:
    import json

    routes = routes_file(tmp_path, "legal", "works")
    parse(routes)  # fills the cache of byte code
    done = parse(routes)
    assert done.returncode == 0, done.stderr[-3000:]
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["dags"] == ["spfc_legal", "spfc_works"]
    assert result["ours"] == []
    assert result["spent"] < 0.5, result
