"""Threads work at the width that pays: what they report widens it, and what a service refuses narrows it."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field

import pytest

from spfc.transfer.pace import Pace
from spfc.transfer.pool import run_jobs
from spfc.transfer.width import PIECE


def never() -> bool:
    return False


@dataclass
class Clock:
    """Moves only when told."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Watch:
    """Counts who is at work."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    at_work: int = 0
    most: int = 0

    def __enter__(self) -> None:
        with self.lock:
            self.at_work += 1
            self.most = max(self.most, self.at_work)

    def __exit__(self, *_: object) -> None:
        with self.lock:
            self.at_work -= 1


def test_no_more_than_the_width_are_at_work() -> None:
    """The clock stands still, so the width stays what it was in the beginning."""
    watch = Watch()

    def work(_: int) -> None:
        with watch:
            threading.Event().wait(0.002)

    pace = Pace(32, clock=Clock())
    assert sum(len(group) for group in run_jobs(range(200), work, workers=32, stop=never, pace=pace)) == 200
    assert watch.most == pace.limit == 8


def test_bytes_that_arrive_widen_it_while_no_file_ends() -> None:
    """Eight long files: the four that wait begin as soon as the first four have shown that more brings more."""
    clock, meeting = Clock(), threading.Barrier(8, timeout=30)
    pace = Pace(8, clock=clock)

    def work(number: int) -> int:
        if number < 4:
            clock.now += 1.0
            pace.moved(2 * PIECE)
        meeting.wait()
        return number

    assert sorted(n for group in run_jobs(range(8), work, workers=8, stop=never, pace=pace) for n in group) == [
        *range(8)
    ]


def test_a_refusal_halves_it_and_the_others_wait() -> None:
    refused, watch = [0], Watch()
    pace = Pace(32, lambda: refused[0], Clock())

    def work(number: int) -> None:
        if number == 0:
            refused[0] = 1
            return
        with watch:
            threading.Event().wait(0.002)

    assert len(list(run_jobs(range(1), work, workers=32, stop=never, pace=pace))) == 1
    assert pace.limit == 4
    list(run_jobs(range(1, 100), work, workers=32, stop=never, pace=pace))
    assert watch.most == 4


def test_a_refusal_is_told_and_other_changes_are_not(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "spfc.transfer")
    clock, refused = Clock(), [0]
    pace = Pace(32, lambda: refused[0], clock)
    while pace.limit < 32:
        clock.now += 0.1 / pace.limit
        pace.ended()
    assert caplog.messages == []
    refused[0] = 1
    pace.ended()
    assert caplog.messages == ["A service turns us away: 16 files at once instead of 32."]


def test_the_ceiling_of_the_caller_counts_too() -> None:
    watch = Watch()

    def work(_: int) -> None:
        with watch:
            threading.Event().wait(0.002)

    list(run_jobs(range(50), work, workers=2, stop=never, pace=Pace(32, clock=Clock())))
    assert watch.most == 2


def test_threads_are_started_as_they_are_needed() -> None:
    before, seen = threading.active_count(), []
    list(run_jobs(range(20), lambda _: seen.append(threading.active_count()), workers=64, stop=never))
    assert max(seen) - before <= 20
    list(run_jobs(range(1), lambda _: seen.append(threading.active_count()), workers=64, stop=never))
    assert seen[-1] - before == 1
    assert threading.active_count() == before
