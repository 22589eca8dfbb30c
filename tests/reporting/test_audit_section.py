"""What an audit saw at the target, and what reading copies back found: on the page, in the JSON, in the sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from spfc.planning.audit import Drift
from spfc.planning.model import Action, Outcome
from spfc.reporting import Verdict, write_report
from spfc.reporting.page import AUDIT_MEANINGS, SCRUB_MEANINGS
from spfc.steps.audit import Audit

SEEN = {"folders": 3, "entries": 1204, "missing": 2, "changed": 1, "renamed": 0, "retagged": 7, "unknown": 5}


def test_the_counts_stand_on_the_page_and_in_the_json(make: Any, tmp_path: Path) -> None:
    make.line(Action.UPLOAD, Outcome.DONE)
    files = write_report(tmp_path, make.summary(mode="audit", audit=SEEN), lambda: make.lines)
    page = files.html.read_text("utf-8")
    section = page[page.index('id="audit"') : page.index('id="lines"')]
    for name, number in SEEN.items():
        assert f"<code>{name}</code>" in section
        assert f">{number:,}</td>" in section
    assert json.loads(files.json.read_text("utf-8"))["audit"] == SEEN


def test_a_run_that_did_not_look_has_no_such_section(make: Any, tmp_path: Path) -> None:
    files = write_report(tmp_path, make.summary(), lambda: make.lines)
    assert 'id="audit"' not in files.html.read_text("utf-8")


def test_the_page_explains_everything_that_an_audit_counts() -> None:
    assert list(AUDIT_MEANINGS) == list(Audit().summary())


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({}, "2 missing, 1 changed, 5 unknown"),
        (dict.fromkeys(Drift, 0), "1,204 entries in 3 folders at the target: no difference."),
        (dict.fromkeys(Drift, 0) | {"retagged": 9}, "no difference"),
    ],
)
def test_an_audit_with_nothing_to_do_says_what_it_compared(
    make: Any, tmp_path: Path, changes: dict[str, int], sentence: str
) -> None:
    files = write_report(tmp_path, make.summary(mode="audit", audit=SEEN | changes), lambda: make.lines)
    assert sentence in files.story
    assert files.verdict is Verdict.GREEN


SCRUBBED = {"read": 1040, "missing": 2, "changed": 3, "unread": 0}


def test_copies_that_were_read_back_are_counted_on_the_page_and_in_the_json(make: Any, tmp_path: Path) -> None:
    make.line(Action.UPLOAD, Outcome.DONE)
    files = write_report(tmp_path, make.summary(scrub=SCRUBBED), lambda: make.lines)
    page = files.html.read_text("utf-8")
    section = page[page.index('id="scrub"') : page.index('id="lines"')]
    for name, number in SCRUBBED.items():
        assert f"<code>{name}</code>" in section
        assert f">{number:,}</td>" in section
    assert json.loads(files.json.read_text("utf-8"))["scrub"] == SCRUBBED
    assert list(SCRUBBED) == list(SCRUB_MEANINGS)


def test_a_run_that_read_nothing_back_has_no_such_section(make: Any, tmp_path: Path) -> None:
    files = write_report(tmp_path, make.summary(), lambda: make.lines)
    assert 'id="scrub"' not in files.html.read_text("utf-8")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({}, "Read 1,040 old copies back: 2 missing, 3 changed."),
        (dict.fromkeys(SCRUBBED, 0) | {"read": 1}, "Read 1 old copy back: no difference."),
    ],
)
def test_a_run_that_only_read_back_says_so(make: Any, tmp_path: Path, changes: dict[str, int], sentence: str) -> None:
    files = write_report(tmp_path, make.summary(scrub=SCRUBBED | changes), lambda: make.lines)
    assert sentence in files.story
