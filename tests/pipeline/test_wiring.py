"""From Airflow connections to a ledger address."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from airflow.sdk import Connection

from spfc.errors import ConnectionInvalid
from spfc.filecloud.settings import FileCloudSettings
from spfc.graph.settings import GraphSettings
from spfc.ledger.database import Database
from spfc.pipeline import wiring
from spfc.pipeline.budgets import Budgets
from spfc.pipeline.wiring import database_url
from spfc.routes import parse_route

pytestmark = pytest.mark.airflow


def connection(**fields: object) -> Connection:
    return Connection(conn_id="spfc_ledger", **fields)  # type: ignore[arg-type]


def test_postgres_with_its_password_and_tls() -> None:
    found = connection(
        conn_type="postgres", host="db.example", port=5433, login="spfc", password="p@ss/word", schema="ledger",
        extra='{"sslmode": "verify-full", "connect_timeout": 5, "cursor": "dictcursor"}',
    )  # fmt: skip
    url = database_url(found, "spfc_ledger")
    assert url.startswith("postgresql+psycopg://spfc:p%40ss%2Fword@db.example:5433/ledger?")
    assert set(url.partition("?")[2].split("&")) == {"sslmode=verify-full", "connect_timeout=5"}


def test_sqlite_by_path() -> None:
    assert database_url(connection(conn_type="sqlite", host="/var/lib/spfc/ledger.db"), "spfc_ledger") == (
        "sqlite:////var/lib/spfc/ledger.db"
    )


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [({"conn_type": "sqlite"}, "names no database file"), ({"conn_type": "mysql"}, "has type 'mysql'")],
)
def test_what_cannot_be_a_ledger(fields: dict[str, str], sentence: str) -> None:
    with pytest.raises(ConnectionInvalid, match=sentence):
        database_url(connection(**fields), "spfc_ledger")


@pytest.mark.parametrize(("workers", "expected"), [(4, (32, 16)), (64, (64, 64))])
def test_each_worker_may_keep_a_connection_of_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, workers: int, expected: tuple[int, int]
) -> None:
    graph = {"conn_type": "msgraph", "login": "app", "password": "x", "extra": {"tenant_id": "t"}}
    cloud = {"conn_type": "filecloud", "host": "fc.example", "login": "u", "password": "x"}
    monkeypatch.setenv("AIRFLOW_CONN_SPFC_SHAREPOINT", json.dumps(graph))
    monkeypatch.setenv("AIRFLOW_CONN_SPFC_FILECLOUD", json.dumps(cloud))
    seen: list[GraphSettings | FileCloudSettings] = []
    graph_client, cloud_client = wiring.GraphClient, wiring.FileCloudClient
    monkeypatch.setattr(wiring, "GraphClient", lambda s, **more: seen.append(s) or graph_client(s, **more))
    monkeypatch.setattr(wiring, "FileCloudClient", lambda s: seen.append(s) or cloud_client(s))
    place = {"source": {"hostname": "h", "site": "/s"}, "target": {"folder": "/team/mirror"}}
    route = parse_route("house", {**place, "limits": {"workers": workers, "page_size": 7}})
    wiring.make_source(route, Budgets(Database(f"sqlite:///{tmp_path / 'ledger.db'}"), beat=lambda: None))
    wiring.make_target(route.target, workers)
    assert tuple(settings.pool_size for settings in seen) == expected
    assert isinstance(seen[0], GraphSettings) and seen[0].page_size == 7
