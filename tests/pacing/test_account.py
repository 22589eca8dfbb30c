"""The rules of a shared budget: grants, growth and cuts, pauses, days, lost holders, and clocks that disagree."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spfc.pacing.account import (
    CUT,
    DAY,
    GROWTH,
    HEADROOM,
    MINUTE,
    SKEW,
    Account,
    Quota,
    Report,
    Share,
    Standing,
    Terms,
    settle,
)

NOON = 20_000 * DAY + DAY / 2
TERMS = Terms(burst=1.5, lease=5.0, batches=True)


@dataclass
class Book:
    """An account with its shares, and a clock that the test moves."""

    quota: Quota = field(default_factory=lambda: Quota(20.0))
    terms: Terms = TERMS
    now: float = NOON
    account: Account = field(default_factory=Account)
    shares: dict[str, Share] = field(default_factory=dict)

    def tell(self, holder: str, **report: Any) -> Standing:
        self.account, self.shares, standing = settle(
            self.account, self.shares, holder, Report(**report), self.quota, self.terms, self.now
        )
        return standing

    def busy_minute(self, units: int, **report: Any) -> None:
        """Spend so many units in the minute that begins next."""
        self.now = (self.now // MINUTE + 1) * MINUTE + 1
        self.tell("a", spent=units, **report)


def test_two_holders_share_what_there_is() -> None:
    book = Book()
    assert book.tell("a", want=1).granted == 20, "alone: a second's worth"
    assert book.tell("b", want=1).granted == 10, "half of it, of what had gathered before"
    book.now += 1
    assert book.tell("a", leased=20, spent=20, want=1).granted == 10
    assert book.tell("b", leased=10, spent=10, want=1).granted == 10
    book.now += 1.3
    assert book.tell("b", leased=10, spent=10, want=1).granted == 13, "who comes late has more time to make up for"
    assert book.tell("a", leased=10, spent=10, want=1).granted >= 12


def test_whoever_comes_last_in_each_round_finds_something() -> None:
    book, got = Book(), dict.fromkeys("abcdefg", 0)
    for _ in range(30):
        for holder in got:
            leased = book.shares[holder].units if holder in book.shares else 0
            got[holder] += int(book.tell(holder, leased=leased, spent=leased, want=1).granted)
        book.now += 1
    assert min(got.values()) > 0.6 * 20 * 30 / len(got)


def test_what_was_not_spent_is_there_for_others() -> None:
    book = Book()
    book.tell("a", want=30)
    assert book.tell("b", want=1).granted == 0
    book.tell("a", leased=30, spent=4, leave=True)
    assert book.tell("b", want=26).granted == 26
    assert (book.account.minute_units, book.account.day_units, set(book.shares)) == (4, 4, {"b"})


def test_a_holder_that_died_is_forgotten_and_its_units_count_as_spent() -> None:
    book = Book()
    book.tell("dead", want=30)
    book.now += TERMS.lease + 0.1
    standing = book.tell("b", want=1)
    assert (standing.granted, standing.others, standing.day_units) == (20, 0, 30)


def test_a_holder_that_was_taken_for_dead_gets_its_books_put_right() -> None:
    book = Book()
    book.tell("late", want=30)
    book.now += TERMS.lease + 0.1
    book.tell("b", want=1)
    book.now += 1
    assert book.tell("late", leased=30, spent=3, want=1).day_units == 3


def test_no_limit_is_no_grant_to_run_out_of_but_is_counted() -> None:
    book = Book(Quota())
    assert book.tell("a", want=1).granted == math.inf
    assert book.tell("a", spent=700, want=1).day_units == 700


def test_one_cut_for_one_wall_and_a_busy_minute_to_recover() -> None:
    book = Book()
    book.tell("a", want=1)
    book.tell("a", pause=30.0)
    book.tell("b", pause=20.0)
    assert book.account.rate == 20 * CUT
    assert book.account.pause_until == NOON + 30, "never shortened"
    book.now += 40
    for expected in (10.0, 10.0 + GROWTH, 20.0, 20.0):
        book.busy_minute(1200)
        assert book.account.rate == expected


def test_idle_minutes_prove_nothing() -> None:
    book = Book(Quota(20.0, ceiling=100.0))
    for _ in range(5):
        book.busy_minute(500)
    assert book.account.rate == 20


def test_an_unknown_tenant_is_felt_out_until_its_limit_is_named() -> None:
    book = Book(Quota(20.0, ceiling=100.0))
    for _ in range(3):
        book.busy_minute(1300)
    assert book.account.rate == 20 + 2 * GROWTH
    for _ in range(4):
        book.busy_minute(2000, limit=2500)
    assert book.account.rate == pytest.approx(2500 * HEADROOM / MINUTE), "up to the limit, and no further"
    book.now += DAY
    book.busy_minute(2400)
    book.busy_minute(2400)
    assert book.account.rate > 40, "a limit is believed for a day"


def test_a_warning_that_names_no_limit_stops_the_growth() -> None:
    book = Book(Quota(20.0, ceiling=100.0))
    for _ in range(4):
        book.busy_minute(1200, warned=True)
    assert book.account.rate == 20


def test_other_settings_begin_anew() -> None:
    book = Book(Quota(1.0))
    book.tell("a", want=1)
    book.quota = Quota(500.0)
    assert book.tell("a", want=1).rate == 500


def test_a_day_that_is_spent_says_how_long_it_still_is() -> None:
    book = Book(Quota(20.0, per_day=40))
    assert book.tell("a", want=30).granted == 30
    book.now += 2
    assert book.tell("a", leased=30, spent=30, want=1).granted == 10
    book.now += 2
    assert book.tell("b", want=1).tomorrow == pytest.approx(DAY / 2 - 4), "what the other holds is not there twice"
    spent = book.tell("a", leased=10, spent=10, want=1)
    assert (spent.granted, spent.tomorrow) == (0, pytest.approx(DAY / 2 - 4))
    book.now = 20_001 * DAY + 1
    assert book.tell("a", want=1).granted == 30


def test_a_pause_is_kept_longer_by_those_whose_clock_may_be_ahead() -> None:
    book = Book()
    book.tell("told", pause=30.0)
    book.now += 29
    assert book.tell("told", want=1).pause == pytest.approx(1)
    assert book.tell("other", want=1).pause == pytest.approx(1 + SKEW)
    book.now += 1 + SKEW
    assert book.tell("other", want=1).granted > 0


def test_a_clock_that_is_behind_refills_nothing_twice() -> None:
    book = Book()
    book.tell("a", want=30)
    book.now += 1
    assert book.tell("a", leased=30, spent=30, want=20).granted >= 20
    book.now -= 1
    assert book.tell("slow", want=5).granted == 0
    book.now += 1
    assert book.tell("a", leased=20, spent=20, want=20).granted == 0, "that second was granted already"


def test_a_clock_in_the_far_future_does_not_starve_the_others() -> None:
    book = Book()
    book.now += 400 * DAY
    book.tell("mad", want=1)
    book.now = NOON
    book.tell("a", want=1)
    book.now += 2
    assert book.tell("a", want=1).granted > 0


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 3), st.integers(1, 5), st.floats(0, 1)), max_size=150))
def test_no_minute_ever_sees_more_than_the_rate_allows(steps: list[tuple[str, float, int, float]]) -> None:
    """Whoever asks whenever, spends what part of its lease, comes late or dies: the sum stays bounded."""
    book = Book()
    grants: list[tuple[float, float]] = []
    held = dict.fromkeys("abc", 0)
    for holder, passed, want, share in steps:
        book.now += passed
        spent = round(held[holder] * share)
        standing = book.tell(holder, leased=held[holder], spent=spent, want=want)
        grants.append((book.now, spent))
        held[holder] = int(standing.granted)
        assert held[holder] in (0, *range(want, 31))
    for at, _ in grants:
        total = sum(units for when, units in grants if at <= when < at + MINUTE)
        assert total <= 20 * (MINUTE + 1.5 + 1.5 * 3) + 1
    assert book.account.day_units >= 0
