"""Budgets in the ledger, on both databases: leases, pauses, counts, and how rarely they cost a transaction."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from sqlalchemy import event, select
from tests.ledger.test_database import together
from tests.pacing.crowd import Hands, Worker, run_for

from simulators.common.metering import UnitMeter
from spfc.ledger.budgets import LedgerBank, digest, read_account
from spfc.ledger.database import Database
from spfc.ledger.schema import budget_shares
from spfc.pacing import Purse, Quota, Report

NOON = 20_000 * 86_400.0 + 43_200
KEY = digest("graph", "https://login.example", "https://graph.example/v1.0", "contoso.example", "app-id")
SMALLEST = Quota(20.0, ceiling=100.0, per_day=1_200_000)


@pytest.fixture
def clock() -> Hands:
    return Hands(NOON)


@pytest.fixture
def bank(database: Database, clock: Hands) -> Callable[..., LedgerBank]:
    def make(quota: Quota = SMALLEST, holder: str = "") -> LedgerBank:
        return LedgerBank(database, KEY, quota, clock=clock.now, holder=holder)

    return make


def transactions(database: Database) -> list[int]:
    """Return a list that grows by one with each transaction of the database from now on."""
    seen: list[int] = []
    event.listen(database._engine, "begin", lambda _: seen.append(1))
    return seen


def test_busy_processes_cost_a_transaction_a_second_each(
    database: Database, bank: Callable[..., LedgerBank], clock: Hands
) -> None:
    meter = UnitMeter(clock, 1250)
    purses = [Purse(bank(), clock.now) for _ in range(3)]
    workers = [Worker(purse, 0.1) for purse in purses for _ in range(4)]
    seen = transactions(database)
    run_for(workers, clock, meter, 60)
    assert len(seen) <= 3 * 61
    spent = sum(worker.spent for worker in workers)
    assert 0.95 * 1250 <= spent <= 1250
    for purse in purses:
        purse.close()
    account = read_account(database, KEY)
    assert account is not None
    assert account.day_units == spent


def test_an_idle_process_asks_the_ledger_nothing(
    database: Database, bank: Callable[..., LedgerBank], clock: Hands
) -> None:
    purse = Purse(bank(), clock.now)
    assert purse.take(1) == 0
    seen = transactions(database)
    clock.time += 3600
    assert seen == []
    purse.close()
    purse.close()
    assert len(seen) == 1, "what was left is given back once"


def test_a_pause_is_written_through_before_anybody_sleeps(bank: Callable[..., LedgerBank], clock: Hands) -> None:
    one, other = Purse(bank(), clock.now), Purse(bank(), clock.now)
    assert one.take(1) == 0
    clock.time += 1
    assert other.take(1) == 0
    one.pause(120)
    fresh = Purse(bank(), clock.now)
    assert fresh.pause_left() == pytest.approx(122), "somebody new knows at once, and allows for another clock"
    clock.time += 1
    assert other.pause_left() > 118, "somebody busy knows within a second"
    assert one.take(1) == pytest.approx(119)
    one.pause(10)
    assert one.pause_left() == pytest.approx(119), "never shortened"
    clock.time += 122
    assert [purse.pause_left() > 0 for purse in (one, other, fresh)] == [False] * 3
    assert one.take(1) == 0


def test_shares_are_returned_and_those_of_the_dead_run_out(
    database: Database, bank: Callable[..., LedgerBank], clock: Hands
) -> None:
    dead, well = Purse(bank(holder="dead"), clock.now), Purse(bank(holder="well"), clock.now)
    dead.take(1)
    clock.time += 1
    well.take(1)
    assert shares_of(database) == {"dead": 20, "well": 10}
    well.close()
    assert shares_of(database) == {"dead": 20}
    clock.time += 6
    well.take(1)
    assert shares_of(database) == {"well": 20}
    account = read_account(database, KEY)
    assert account is not None
    assert account.day_units == 21, "all that the dead one might have spent, and the one unit of the other"


def test_processes_that_ask_at_the_same_time_get_no_unit_twice(
    database: Database, bank: Callable[..., LedgerBank], clock: Hands
) -> None:
    granted: list[float] = []
    start = threading.Barrier(6)

    def ask() -> None:
        own = bank()
        start.wait(10)
        granted.extend(own.exchange(Report(want=1)).granted for _ in range(9))

    together(ask, 6)
    assert sum(granted) == 30


def test_the_key_shows_nobody(database: Database, bank: Callable[..., LedgerBank]) -> None:
    bank().exchange(Report(want=1))
    assert "app-id" not in KEY
    assert "contoso" not in KEY
    assert len(KEY) == 32
    assert read_account(database, digest("graph", "another")) is None


def shares_of(database: Database) -> dict[str, int]:
    with database.reading() as connection:
        query = select(budget_shares.c.holder, budget_shares.c.units).where(budget_shares.c.key == KEY)
        return {row.holder: row.units for row in connection.execute(query)}
