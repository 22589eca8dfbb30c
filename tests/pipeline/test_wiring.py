"""From Airflow connections to a ledger address."""

from __future__ import annotations

import pytest
from airflow.sdk import Connection

from spfc.errors import ConnectionInvalid
from spfc.pipeline.wiring import ledger_url

pytestmark = pytest.mark.airflow


def connection(**fields: object) -> Connection:
    return Connection(conn_id="spfc_ledger", **fields)  # type: ignore[arg-type]


def test_postgres_with_its_password_and_tls() -> None:
    found = connection(
        conn_type="postgres", host="db.example", port=5433, login="spfc", password="p@ss/word", schema="ledger",
        extra='{"sslmode": "verify-full", "connect_timeout": 5, "cursor": "dictcursor"}',
    )  # fmt: skip
    url = ledger_url(found)
    assert url.startswith("postgresql+psycopg://spfc:p%40ss%2Fword@db.example:5433/ledger?")
    assert set(url.partition("?")[2].split("&")) == {"sslmode=verify-full", "connect_timeout=5"}


def test_sqlite_by_path() -> None:
    assert ledger_url(connection(conn_type="sqlite", host="/var/lib/spfc/ledger.db")) == (
        "sqlite:////var/lib/spfc/ledger.db"
    )


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [({"conn_type": "sqlite"}, "names no database file"), ({"conn_type": "mysql"}, "has type 'mysql'")],
)
def test_what_cannot_be_a_ledger(fields: dict[str, str], sentence: str) -> None:
    with pytest.raises(ConnectionInvalid, match=sentence):
        ledger_url(connection(**fields))
