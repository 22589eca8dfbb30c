"""When trouble is not about single files any more."""

from __future__ import annotations

import os
import signal

import pytest

from spfc.errors import (
    AuthenticationRefused,
    ItemChanged,
    QuotaFull,
    ReplyLost,
    ServiceBusy,
    SpfcError,
    TargetExists,
    Throttled,
    Unreachable,
)
from spfc.transfer.breaker import QUOTA_STRIKES, SERVICE_STRIKES, Breaker
from spfc.transfer.interrupt import on_termination

FULL = QuotaFull("full")


def told(*ends: SpfcError | None, strikes: int = 0) -> tuple[Breaker, int]:
    stops: list[int] = []
    breaker = Breaker(lambda: stops.append(1), quota_strikes=strikes)
    for end in ends:
        breaker.note(end)
    return breaker, len(stops)


def test_a_full_target_is_believed_after_three_files_in_a_row() -> None:
    assert not told(*[FULL] * (QUOTA_STRIKES - 1))[0].full
    assert told(*[FULL] * QUOTA_STRIKES)[0].full
    assert not told(FULL, FULL, None, FULL, FULL)[0].full, "a smaller one went in between"
    assert told(FULL, ItemChanged("x"), FULL, FULL)[0].full, "says nothing of room"
    assert told(*[FULL] * QUOTA_STRIKES, None)[0].full, "one that was under way"
    assert told(strikes=QUOTA_STRIKES)[0].full
    assert told(FULL, strikes=QUOTA_STRIKES - 1)[0].full
    assert told(*[FULL] * 20)[1] == 0, "removals and the like go on"


@pytest.mark.parametrize("error", [ServiceBusy("b"), Unreachable("u"), ReplyLost("r")])
def test_a_service_is_down_after_five_files_in_a_row(error: SpfcError) -> None:
    assert told(*[error] * (SERVICE_STRIKES - 1))[0].down is None
    breaker, stops = told(*[error] * (SERVICE_STRIKES + 3))
    assert (breaker.down, stops) == (error, 1)
    assert told(*[error] * (SERVICE_STRIKES - 1), None, *[error] * (SERVICE_STRIKES - 1))[0].down is None
    assert told(*[error, TargetExists("x")] * 20)[0].down is None, "it answers"


def test_what_stops_the_run_anyhow_is_not_counted() -> None:
    assert told(*[AuthenticationRefused("a")] * 20)[0].down is None
    assert told(*[Throttled("t")] * 20)[0].down is None, "who asks for a rest is not down"


def test_sigterm_is_heard_and_passed_on() -> None:
    heard: list[str] = []
    before = signal.signal(signal.SIGTERM, lambda *_: heard.append("airflow"))
    try:
        with on_termination(lambda: heard.append("us")):
            os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert heard == ["us", "airflow", "airflow"]
