"""Many jobs at once: bounded, stoppable, and no result lost when one of them fails."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from spfc.transfer.pool import StopSignal, run_jobs
from spfc.transfer.progress import Progress


def never() -> bool:
    return False


def test_all_results_come_back() -> None:
    groups = list(run_jobs(range(100), lambda n: n * n, workers=4, stop=never))
    assert sorted(result for group in groups for result in group) == [n * n for n in range(100)]
    assert list(run_jobs([], str, workers=4, stop=never)) == []


def test_never_more_than_workers_under_way() -> None:
    under_way, most, lock = 0, 0, threading.Lock()

    def work(_: int) -> None:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        threading.Event().wait(0.001)
        with lock:
            under_way -= 1

    list(run_jobs(range(60), work, workers=3, stop=never))
    assert most == 3


def test_jobs_are_drawn_as_they_are_needed() -> None:
    drawn = 0

    def jobs() -> Iterator[int]:
        nonlocal drawn
        for number in range(1, 1001):
            drawn = number
            yield number

    results = run_jobs(jobs(), lambda n: n, workers=2, stop=never)
    next(results)
    assert drawn <= 8
    results.close()  # type: ignore[attr-defined]


def test_a_stop_begins_nothing_new_and_finishes_what_is_under_way() -> None:
    stop = StopSignal(lambda: 0.0, 10.0)
    done: list[int] = []

    def work(n: int) -> int:
        if n == 3:
            stop.ask()
        done.append(n)
        return n

    results = [n for group in run_jobs(range(1000), work, workers=1, stop=stop) for n in group]
    assert sorted(results) == sorted(done)
    assert 4 <= len(done) < 10


def test_the_time_box_ends_by_the_clock() -> None:
    times = iter(range(1000))
    stop = StopSignal(lambda: float(next(times)), 20.0)
    assert len(list(run_jobs(range(1000), str, workers=1, stop=stop))) < 25
    assert stop()


def test_an_exception_ends_everything_but_loses_no_result() -> None:
    done: list[int] = []

    def work(n: int) -> int:
        if n == 5:
            raise ValueError("job 5")
        done.append(n)
        return n

    results: list[int] = []
    with pytest.raises(ValueError, match="job 5"):
        for group in run_jobs(range(1000), work, workers=2, stop=never):
            results += group
    assert sorted(results) == sorted(done)
    assert len(done) < 20


def test_what_ends_together_is_handed_back_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spfc.transfer.pool.GATHER_SECONDS", 60.0)
    go = threading.Event()

    def work(n: int) -> int:
        go.set() if n == 3 else go.wait(10)
        return n

    assert [sorted(group) for group in run_jobs(range(4), work, workers=4, stop=never)] == [[0, 1, 2, 3]]


def test_a_long_job_does_not_hold_back_what_others_have_done() -> None:
    heard = threading.Event()

    def work(n: int) -> bool:
        return heard.wait(10) if n == 0 else True

    results: list[bool] = []
    for group in run_jobs(range(3), work, workers=3, stop=never):
        heard.set()
        results += group
    assert results == [True] * 3


def test_jobs_that_cannot_be_drawn_any_more_lose_no_result() -> None:
    def jobs() -> Iterator[int]:
        yield from range(3)
        raise OSError("the ledger is gone")

    results: list[int] = []
    with pytest.raises(OSError, match="ledger"):
        for group in run_jobs(jobs(), lambda n: n, workers=1, stop=never):
            results += group
    assert set(results) <= {0, 1, 2}


def test_a_caller_that_gives_up_begins_nothing_new() -> None:
    """A lost lease: nothing more may be written to the target than what is under way."""
    begun: list[int] = []
    results = run_jobs(range(1000), begun.append, workers=1, stop=never)
    next(results)
    results.close()  # type: ignore[attr-defined]
    count = len(begun)
    assert count < 5
    assert len(begun) == count


def test_progress_speaks_now_and_then() -> None:
    said: list[str] = []
    now = [0.0]
    progress = Progress(10, 10_000, lambda: now[0], said.append)
    for second in range(1, 41):
        now[0] = float(second)
        progress.add_bytes(100)
    progress.add_file()
    assert len(said) == 4
    assert said[-1] == "0 of 10 files, 4.00 kB of 10.0 kB, 100 bytes/s, about 1 min left"
    assert progress.line().startswith("1 of 10 files")
