"""The ledger is looked at, never made, never migrated; a ready one lends its gate."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from spfc.doctor.ledger import LedgerCheck
from spfc.doctor.runner import Examination
from spfc.doctor.shape import Check, Step, Verdict
from spfc.graph.settings import GraphSettings
from spfc.ledger.database import HEAD, Database

SETTINGS = GraphSettings(tenant="t", client_id="c", client_secret="s")


def made(tmp_path: Path, version: str | None = None) -> str:
    """Return the address of a ledger, at another version than ours if one is given."""
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    database = Database(url)
    with database.writing() as connection:
        if version is not None:
            connection.execute(text("UPDATE spfc_version SET version_num = :it"), {"it": version})
    database.close()
    return url


def looked(url: str) -> tuple[Check, LedgerCheck]:
    ledger = LedgerCheck(lambda: Database(url))
    (check,) = Examination([Step("ledger", ledger.look)]).run()
    return check, ledger


@pytest.mark.parametrize(
    ("version", "verdict", "words"),
    [
        (None, Verdict.OK, "is ready"),
        ("0001", Verdict.OK, "the next run upgrades its tables"),
        ("9999", Verdict.FAIL, "Upgrade spfc"),
    ],
)
def test_what_a_ledger_can_be(tmp_path: Path, version: str | None, verdict: Verdict, words: str) -> None:
    url = made(tmp_path, version)
    check, ledger = looked(url)
    assert check.verdict is verdict
    assert words in f"{check.found} -> {check.next_step}"
    ledger.close()
    again = Database(url)
    assert again.version() == (version or HEAD), "it was only looked at"
    again.close()


def test_none_yet(tmp_path: Path) -> None:
    check, ledger = looked(f"sqlite:///{tmp_path / 'spfc' / 'ledger.db'}")
    assert check.verdict is Verdict.OK and "the first run makes it" in check.found
    assert not (tmp_path / "spfc").exists()
    ledger.close()


def test_a_server_that_does_not_answer(closed_port: int) -> None:
    check, ledger = looked(f"postgresql+psycopg://someone:hunter2@127.0.0.1:{closed_port}/spfc?connect_timeout=2")
    assert check.verdict is Verdict.FAIL and "hunter2" not in repr(check)
    assert "Check the Airflow connection spfc_ledger" in check.next_step
    assert "***@127.0.0.1" in check.found
    ledger.close()


def test_the_gate_of_all_workers_is_used_where_the_ledger_is_ready(tmp_path: Path) -> None:
    url = made(tmp_path)
    _, ledger = looked(url)
    spend(ledger)
    database = Database(url)
    with database.reading() as connection:
        assert connection.execute(text("SELECT count(*) FROM budgets")).scalar_one() == 1
    database.close()


def test_without_a_ready_ledger_the_gate_is_our_own(tmp_path: Path) -> None:
    _, ledger = looked(f"sqlite:///{tmp_path / 'ledger.db'}")
    spend(ledger)
    assert list(tmp_path.iterdir()) == []


def spend(ledger: LedgerCheck) -> None:
    governor = ledger.governor(SETTINGS)
    governor.enter("site", 1)
    governor.leave(1)
    ledger.close()
