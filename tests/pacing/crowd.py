"""Workers in a time that nobody waits for, asking a metered service as often as their purses let them."""

from __future__ import annotations

from dataclasses import dataclass, field

from simulators.common.metering import UnitMeter
from spfc.pacing import Account, Purse, Quota, Report, Share, Standing, settle
from spfc.pacing.account import INTERVAL, Terms

NOON = 20_000 * 86_400.0 + 43_200


@dataclass
class Hands:
    """A clock that the test moves."""

    time: float = NOON

    def now(self) -> float:
        return self.time


@dataclass
class Shelf:
    """What a ledger would keep."""

    account: Account = field(default_factory=Account)
    shares: dict[str, Share] = field(default_factory=dict)


@dataclass
class ShelfBank:
    """A bank on a shelf that several processes share; ``skew`` is by how much this one's clock is ahead."""

    shelf: Shelf
    clock: Hands
    quota: Quota
    holder: str
    terms: Terms
    skew: float = 0.0
    interval: float = INTERVAL

    def exchange(self, report: Report) -> Standing:
        self.shelf.account, self.shelf.shares, standing = settle(
            self.shelf.account, self.shelf.shares, self.holder, report, self.quota, self.terms,
            self.clock.now() + self.skew,
        )  # fmt: skip
        return standing


@dataclass
class Worker:
    """A thread that asks whenever it may; each request takes ``latency`` seconds."""

    purse: Purse
    latency: float
    next_at: float = 0.0
    spent: int = 0

    def step(self, clock: Hands, meter: UnitMeter) -> None:
        if clock.now() < self.next_at:
            return
        wait = self.purse.take(1)
        if wait > 0:
            self.next_at = clock.now() + wait
            return
        verdict = meter.charge("app", "item", 1)
        self.spent += 1
        self.next_at = clock.now() + self.latency
        if not verdict.allowed:
            self.purse.pause(verdict.retry_after)
        elif "RateLimit-Limit" in verdict.headers:
            self.purse.warn(int(verdict.headers["RateLimit-Limit"]))


def run_for(workers: list[Worker], clock: Hands, meter: UnitMeter, seconds: float) -> None:
    """Let the workers work, each when its time has come."""
    end = clock.now() + seconds
    while clock.now() < end:
        for worker in workers:
            worker.step(clock, meter)
        clock.time = min(worker.next_at for worker in workers)
