"""Design section 8, in virtual time: of a metered service 95 % are used, by all workers alike, and none is refused."""

from __future__ import annotations

import pytest
from tests.pacing.crowd import Hands, Shelf, ShelfBank, Worker, run_for

from simulators.common.metering import UnitMeter
from spfc.graph.tiers import AUTO, TIERS, quota
from spfc.ledger.budgets import TERMS
from spfc.pacing import Purse


def crowd(clock: Hands, tier: str, processes: int, threads: int, latency: float, skew: float = 0.0) -> list[Worker]:
    """Processes whose clocks disagree by up to ``skew`` seconds."""
    shelf = Shelf()
    found = []
    for number in range(processes):
        bank = ShelfBank(shelf, clock, quota(tier, None, None), str(number), TERMS, skew * (number % 2))
        purse = Purse(bank, clock.now)
        found += [Worker(purse, latency * (1 + thread / 10)) for thread in range(threads)]
    return found


@pytest.mark.parametrize("processes", [1, 2, 3, 16])
@pytest.mark.parametrize(("latency", "skew"), [(0.1, 0.0), (0.37, 0.0), (0.1, 2.0)])
def test_the_smallest_tenant_is_used_up_and_refuses_nobody(processes: int, latency: float, skew: float) -> None:
    clock = Hands()
    meter = UnitMeter(clock, 1250)
    workers = crowd(clock, AUTO, processes, 16, latency, skew)
    run_for(workers, clock, meter, 600)
    spent = sum(worker.spent for worker in workers)
    assert meter.counters["item"].throttled == 0
    assert spent >= 0.95 * 1250 * 10
    by_purse = [sum(w.spent for w in workers if w.purse is purse) for purse in {w.purse for w in workers}]
    assert min(by_purse) > 0.6 * spent / processes, by_purse


@pytest.mark.parametrize("tier", TIERS)
def test_every_tenant_is_felt_out_without_a_refusal(tier: str) -> None:
    """Nobody said how large it is: the rate grows each busy minute until the service names its limit."""
    clock, limit = Hands(), TIERS[tier].per_minute
    meter = UnitMeter(clock, limit)
    workers = crowd(clock, AUTO, 2, 16, 0.1)
    run_for(workers, clock, meter, 1200)
    before = meter.counters["item"].units
    run_for(workers, clock, meter, 300)
    assert meter.counters["item"].throttled == 0
    assert meter.counters["item"].units - before >= 0.93 * limit * 5


@pytest.mark.parametrize("tier", TIERS)
def test_a_tenant_of_known_size_is_used_from_the_first_minute(tier: str) -> None:
    clock, limit = Hands(), TIERS[tier].per_minute
    meter = UnitMeter(clock, limit)
    run_for(crowd(clock, tier, 3, 16, 0.1), clock, meter, 180)
    assert meter.counters["item"].throttled == 0
    assert meter.counters["item"].units >= 0.95 * limit * 3


def test_a_service_that_gives_less_than_it_should_is_met_once() -> None:
    """Half of what the tier promises, and no header that warns: one wall, then slower, and never into it in a pause."""
    clock = Hands()
    meter = UnitMeter(clock, 600)
    workers = crowd(clock, "0-1k", 2, 8, 0.1)
    for worker in workers:
        worker.purse.warn = lambda _limit: None  # type: ignore[method-assign]
    run_for(workers, clock, meter, 120)
    assert meter.counters["item"].throttled <= 2 * 8, "what was under way when it happened"
    during = meter.sent_while_fenced
    assert during <= 1 * 20, "less than a second's worth, until the other process knew"
