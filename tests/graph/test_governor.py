"""The governor: budget, announced windows, shared pauses; all in a time that nobody waits for."""

from __future__ import annotations

import random

import pytest
from tests.graph.stub import FakeClock

from spfc.errors import Throttled
from spfc.graph.governor import Governor
from spfc.pacing import LocalBank, Quota


def governor(clock: FakeClock, **options: object) -> Governor:
    return Governor(now=clock.now, sleep=clock.sleep, rng=random.Random(1), **options)  # type: ignore[arg-type]


def test_without_a_limit_nobody_waits(clock: FakeClock) -> None:
    gate = governor(clock)
    for _ in range(10_000):
        gate.enter("content", 1)
        gate.leave(1)
    assert clock.slept == []


def test_a_limit_is_kept_and_used_up(clock: FakeClock) -> None:
    gate = governor(clock, units_per_minute=1200)
    began = clock.now()
    for _ in range(1200):
        gate.enter("content", 1)
        gate.leave(1)
    # A burst of one second's worth is free, the rest flows at 20 units a second.
    assert clock.now() - began == pytest.approx(59, abs=0.1)


def test_a_call_dearer_than_the_burst_still_passes(clock: FakeClock) -> None:
    gate = governor(clock, units_per_minute=30)
    for _ in range(3):
        gate.enter("permissions", 5)
        gate.leave(5)
    assert clock.now() - 1000 < 60


def test_the_bill_counts_by_operation(clock: FakeClock) -> None:
    gate = governor(clock)
    for operation, units in (("delta", 2), ("content", 1), ("content", 1)):
        gate.enter(operation, units)
    bill = gate.meter.bill()
    assert (bill.requests, bill.units) == (3, 4)
    assert bill.requests_by == {"delta": 1, "content": 2}
    assert bill.units_by == {"delta": 2, "content": 2}


def test_what_the_service_has_left_is_used_up_but_not_exceeded(clock: FakeClock) -> None:
    gate = governor(clock)
    gate.enter("content", 1)
    gate.leave(1, remaining=3, reset=20)
    for _ in range(3):
        gate.enter("content", 1)
        gate.leave(1)
    assert clock.now() == 1000
    gate.enter("content", 1)
    assert clock.now() == 1020


def test_requests_in_flight_are_taken_off_what_is_left(clock: FakeClock) -> None:
    gate = governor(clock)
    for _ in range(3):
        gate.enter("content", 1)
    gate.leave(1, remaining=2, reset=20)
    gate.enter("content", 1)
    assert clock.now() == 1020


def test_a_late_answer_does_not_raise_what_is_left(clock: FakeClock) -> None:
    gate = governor(clock)
    gate.enter("content", 1)
    gate.leave(1, remaining=1, reset=20)
    gate.enter("content", 1)
    gate.leave(1, remaining=5, reset=20)
    gate.enter("content", 1)
    assert clock.now() == 1020


def test_an_absurd_reset_is_not_believed(clock: FakeClock) -> None:
    gate = governor(clock)
    gate.enter("content", 1)
    gate.leave(1, remaining=0, reset=86_400)
    gate.enter("content", 1)
    assert clock.now() == 1060


def test_a_pause_is_kept_in_full_and_never_shortened(clock: FakeClock) -> None:
    gate = governor(clock)
    gate.pause(30)
    gate.pause(5)
    gate.enter("delta", 1)
    assert 1030 <= clock.now() <= 1031


def test_a_shared_bank_holds_both_governors(clock: FakeClock) -> None:
    bank = LocalBank(Quota(), clock.now)
    one, other = governor(clock, bank=bank), governor(clock, bank=bank)
    one.pause(10)
    other.enter("delta", 1)
    assert clock.now() >= 1010


def test_a_pause_beyond_the_longest_wait_is_raised(clock: FakeClock) -> None:
    gate = governor(clock, longest_wait=60.0)
    gate.pause(61)
    with pytest.raises(Throttled) as caught:
        gate.hold()
    assert caught.value.retry_after == pytest.approx(61)
    assert gate.meter.bill().requests == 0
