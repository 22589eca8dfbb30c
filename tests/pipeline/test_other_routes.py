"""The DAGs of the other routes, run by Airflow: a list in a table, and files in a local folder and an object store."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from tests.pipeline.conftest import World, fill, recorded_secrets

from simulators.launch import FILECLOUD_CONNECTION, SHAREPOINT_CONNECTION, LaunchOptions, SimulatorPair

if TYPE_CHECKING:
    from tests.pipeline.conftest import DagRunSeen

pytestmark = [pytest.mark.airflow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

COLUMNS = [{"name": "Amount", "displayName": "Amount", "number": {}}]


def write_list(path: Path, rows: dict[int, dict[str, Any]], columns: list[dict[str, Any]] | None = None) -> None:
    items = [{"id": number, "fields": fields} for number, fields in rows.items()]
    path.write_text(json.dumps({"columns": columns or COLUMNS, "items": items}), encoding="utf-8")


@pytest.fixture(scope="module")
def world(
    airflow_home: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[World]:
    """Both simulators with a library, a list and a FileCloud folder, and a route from each of them."""
    folder = tmp_path_factory.mktemp("others")
    fill(folder / "library")
    fill(folder / "store" / "team")
    (folder / "lists").mkdir()
    write_list(folder / "lists" / "Orders.json", {n: {"Title": f"Order {n}", "Amount": n / 4} for n in range(1, 31)})
    options = LaunchOptions(folder / "library", folder / "store", lists=folder / "lists")
    with recorded_secrets() as issued, SimulatorPair(options) as pair:
        issued |= {pair.sharepoint.client_secret}
        capture = request.config.pluginmanager.getplugin("capturemanager")
        world = World(folder, pair, issued, printed=lambda: "".join(capture.read_global_capture()))
        (folder / "routes.yaml").write_text(yaml.safe_dump({"routes": routes(folder, pair)}), encoding="utf-8")
        warehouse = {"conn_type": "sqlite", "host": str(folder / "warehouse.db")}
        world.environment = pair.environment(folder / "routes.yaml") | {
            "SPFC_REPORTS": str(world.reports),
            "AIRFLOW_CONN_WAREHOUSE": json.dumps(warehouse),
        }
        yield world


def routes(folder: Path, pair: SimulatorPair) -> dict[str, Any]:
    site = {
        "connection": SHAREPOINT_CONNECTION,
        "hostname": pair.sharepoint.site_hostname,
        "site": pair.sharepoint.site_path,
    }
    local = {"type": "object_storage", "url": str(folder / "mirror")}
    return {
        "orders": {
            "source": {"type": "sharepoint_list", **site, "list": "Orders"},
            "target": {"connection": "warehouse", "table": "orders"},
            "snapshot": {"target": {"type": "object_storage", "url": str(folder / "snapshots")}, "format": "csv"},
            "limits": {"page_size": 10, "incident_after": 2},
        },
        "local": {"source": {**site, "library": pair.sharepoint.library_name}, "target": local},
        "cloud": {
            "source": {"type": "filecloud_folder", "connection": FILECLOUD_CONNECTION, "folder": "/spfc/team"},
            "target": {"type": "object_storage", "url": str(folder / "copy")},
        },
    }


def rows(world: World) -> dict[int, tuple[Any, ...]]:
    with closing(sqlite3.connect(world.folder / "warehouse.db")) as connection:
        found = connection.execute("SELECT spfc_id, title, amount FROM orders WHERE spfc_deleted_at IS NULL")
        return {row[0]: row[1:] for row in found}


def run(world: World, route: str, **conf: Any) -> DagRunSeen:
    world.route = route
    return world.run(**conf)


# -- lists -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def read(world: World) -> DagRunSeen:
    return run(world, "orders")


def test_the_first_run_of_a_list_fills_the_table_and_writes_the_snapshot(world: World, read: DagRunSeen) -> None:
    assert read.state == "success", read.log[-3000:]
    assert read.tasks == {"sync_list": "success", "write_snapshot": "success", "report": "success"}
    assert rows(world) == {n: (f"Order {n}", n / 4) for n in range(1, 31)}
    assert len((world.folder / "snapshots" / "orders.csv").read_text(encoding="utf-8").splitlines()) == 31
    assert read.summary["verdict"] == "green"
    assert read.summary["totals"]["added"] == read.summary["totals"]["rows_in_table"] == 30
    assert read.xcoms["report", "report_link"].startswith("/spfc/reports/orders/")


def test_a_run_without_changes_costs_one_request_and_writes_no_snapshot(world: World, read: DagRunSeen) -> None:
    before = (world.folder / "snapshots" / "orders.csv").stat().st_mtime_ns
    mark = world.pair.journal.mark()
    quiet = run(world, "orders")
    asked = [e.operation for e in world.pair.journal.since(mark) if e.service == "graph"]
    assert (quiet.state, asked) == ("success", ["list_delta"])
    assert quiet.tasks["write_snapshot"] == "skipped"
    assert (world.folder / "snapshots" / "orders.csv").stat().st_mtime_ns == before


def test_changes_arrive_and_every_changed_row_is_told(world: World, read: DagRunSeen) -> None:
    kept = {n: {"Title": f"Order {n}", "Amount": n / 4} for n in range(2, 31)}
    write_list(world.folder / "lists" / "Orders.json", kept | {5: {"Title": "Five", "Amount": 1}, 31: {"Title": "New"}})
    changed = run(world, "orders")
    assert changed.state == "success", changed.log[-3000:]
    assert {n: row for n, row in rows(world).items() if n in (1, 5, 31)} == {5: ("Five", 1.0), 31: ("New", None)}
    lines = Path(changed.summary["csv"]).read_text(encoding="utf-8-sig").splitlines()
    told = {tuple(line.split(",")[:2]) for line in lines[1:]}
    assert told == {("1", "deleted"), ("5", "updated"), ("31", "added")}
    page = Path(changed.summary["html"]).read_text(encoding="utf-8")
    assert "In sync" in page and "Added 1 row" in page
    document = json.loads(Path(changed.summary["json"]).read_text(encoding="utf-8"))
    assert document["kind"] == "list" and document["rows"]["touched"] == 3


def test_held_deletions_need_attention_and_are_purged_when_told(world: World, read: DagRunSeen) -> None:
    few = {n: {"Title": f"Order {n}", "Amount": n / 4} for n in range(2, 5)}
    write_list(world.folder / "lists" / "Orders.json", few)
    held = run(world, "orders")
    assert held.state == "success" and held.summary["verdict"] == "attention"
    assert "purge" in held.summary["story"] and held.summary["debt"] > 0
    assert "Removal guard" in Path(held.summary["html"]).read_text(encoding="utf-8")
    purged = run(world, "orders", purge=True)
    assert purged.summary["verdict"] == "green", purged.summary
    assert set(rows(world)) == {2, 3, 4}


def test_a_list_that_fails_again_and_again_is_an_incident(world: World, read: DagRunSeen) -> None:
    path = world.folder / "lists" / "Orders.json"
    hidden = path.rename(path.with_suffix(".gone"))
    try:
        first, second = run(world, "orders"), run(world, "orders")
    finally:
        hidden.rename(path)
    assert (first.state, second.state) == ("failed", "failed")
    assert "incident" not in first.summary["story"]
    assert "2 failed runs in a row" in second.summary["story"]
    assert "Incident" in Path(second.summary["html"]).read_text(encoding="utf-8")
    assert run(world, "orders").summary["verdict"] == "green"


# -- files -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("route", "source", "copy"), [("local", "library", "mirror"), ("cloud", "store/team", "copy")])
def test_files_arrive_in_a_folder_and_a_second_run_copies_nothing(
    world: World, route: str, source: str, copy: str
) -> None:
    first = run(world, route)
    assert first.state == "success", first.log[-3000:]
    wanted = world.tree(world.folder / source)
    found = {path: body for path, body in world.tree(world.folder / copy).items() if path != ".spfc-uploads"}
    assert found == wanted
    mark = world.pair.journal.mark()
    second = run(world, route)
    assert (second.state, second.summary["verdict"]) == ("success", "green")
    asked = {e.operation for e in world.pair.journal.since(mark)} - {"token", "openid"}
    quiet = {"loginguest", "getauthenticationinfo", "getfilelist", "locksession"}
    assert asked <= ({"delta"} if route == "local" else quiet)


def test_no_secret_anywhere(world: World, read: DagRunSeen) -> None:
    files = [
        path for path in world.folder.rglob("*") if path.is_file() and path.suffix in (".html", ".json", ".csv", ".db")
    ]
    bodies = {path.name: path.read_bytes() for path in files if "lists" not in path.parts}
    for secret in world.secrets:
        assert secret not in read.log
        assert [name for name, body in bodies.items() if secret.encode() in body] == []
