"""The order of things: what is skipped, what a mishap becomes, and what is never shown."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from spfc.doctor.runner import Examination
from spfc.doctor.shape import Check, Finding, Step, Verdict, ok, skipped, warn, worst
from spfc.errors import AuthenticationRefused, QuotaFull


def run(*steps: Step, secrets: tuple[str, ...] = ()) -> list[Check]:
    return Examination(steps, secrets=lambda: secrets, clock=iter(range(100)).__next__).run()


def raising(error: BaseException) -> Callable[[], Finding]:
    def step() -> Finding:
        raise error

    return step


def test_what_needs_a_failed_step_is_skipped_and_names_the_first_culprit() -> None:
    checks = run(
        Step("a", raising(AuthenticationRefused("No.", hint="Say yes."))),
        Step("b", lambda: ok("never"), ("a",)),
        Step("c", lambda: ok("never"), ("b",)),
        Step("d", lambda: warn("hm", "look")),
        Step("e", lambda: skipped("not here"), ("d",)),
        Step("f", lambda: ok("yes"), ("e",)),
    )
    assert [(check.verdict.value, check.found) for check in checks] == [
        ("fail", "No."),
        ("skipped", "because a failed"),
        ("skipped", "because a failed"),
        ("warn", "hm"),
        ("skipped", "not here"),
        ("ok", "yes"),
    ]
    assert checks[0].next_step == "Say yes." and checks[0].seconds == 1


def test_an_error_without_a_hint_gets_the_step_of_its_code() -> None:
    (check,) = run(Step("a", raising(QuotaFull("Full.", item="/a/b"))))
    assert check.found == "Full. [/a/b]" and check.next_step


def test_an_error_that_nobody_foresaw_is_told_by_its_kind_only() -> None:
    (check,) = run(Step("a", raising(ValueError("planted-secret"))))
    assert check.verdict is Verdict.FAIL
    assert "ValueError" in check.found and "planted-secret" not in repr(check)
    assert check.next_step


def test_secrets_and_what_looks_like_one_are_cut_out() -> None:
    (check,) = run(
        Step("a", lambda: warn("it said hunter2 and\nBearer abcdefghijkl", "Do not use hunter2.")),
        secrets=("hunter2", ""),
    )
    assert check.found == "it said *** and Bearer [removed]"
    assert check.next_step == "Do not use ***."


def test_cleaning_up_happens_after_ctrl_c_and_nothing_else() -> None:
    done: list[str] = []

    def note(name: str) -> Callable[[], Finding]:
        def step() -> Finding:
            done.append(name)
            return ok(name)

        return step

    steps = [
        Step("a", note("a")),
        Step("b", raising(KeyboardInterrupt())),
        Step("c", note("c")),
        Step("d", note("d"), last=True),
    ]
    examination = Examination(steps)
    with pytest.raises(KeyboardInterrupt):
        examination.run()
    assert done == ["a", "d"]
    assert [check.name for check in examination.checks] == ["a", "d"]


def test_the_worst_of_all() -> None:
    def check(verdict: Verdict) -> Check:
        return Check("a", verdict, "x", "y", 0.0)

    assert worst([check(Verdict.OK), check(Verdict.SKIPPED)]) is Verdict.OK
    assert worst([check(Verdict.OK), check(Verdict.WARN)]) is Verdict.WARN
    assert worst([check(Verdict.WARN), check(Verdict.FAIL)]) is Verdict.FAIL
