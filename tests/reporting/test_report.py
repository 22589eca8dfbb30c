"""The three files of a report: complete, atomic, bounded, harmless."""

from __future__ import annotations

import csv
import json
import re
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, seed
from hypothesis import strategies as st

from spfc.errors import RouteInvalid, SpfcError
from spfc.planning.model import Action, Outcome, Reason
from spfc.reporting import LineOutcome, Verdict, report_folder, safe_run_id, write_report
from spfc.reporting.explanations import ACTIONS, CODES, REASONS
from spfc.reporting.redaction import redact
from spfc.reporting.writers import defuse, undefuse

HOSTILE = [
    '/<script>alert("x")</script>.docx',
    "/a' onmouseover='x.docx",
    "/{{ 7 * 7 }} {% raw %}.txt",
    "/\u202egpj.exe",
    "/שלום/עולם.pdf",
    "/資料/最終版.docx",
    "/lone \ud83d surrogate",
    "/bell\x07 and\nnewline",
]


class Markup(HTMLParser):
    """Collects what a browser would see."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read(page: Path) -> Markup:
    seen = Markup()
    seen.feed(page.read_text("utf-8"))
    seen.close()
    return seen


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def test_three_files_stand_in_the_folder_of_the_run(make: Any, tmp_path: Path) -> None:
    make.line(Action.UPLOAD, Outcome.DONE, size=5)
    files = write_report(tmp_path, make.summary(run_id="scheduled__2026-11-21T07:00:00+00:00"), lambda: make.lines)
    folder = report_folder(tmp_path, "legal", "scheduled__2026-11-21T07:00:00+00:00")
    assert {files.csv.parent, files.json.parent, files.html.parent} == {folder}
    assert sorted(entry.name for entry in folder.iterdir()) == ["report.csv", "report.html", "report.json"]
    assert files.verdict is Verdict.GREEN
    assert "Copied 1 file (5 bytes)" in files.story


def test_page_needs_nothing_from_outside_and_runs_nothing(make: Any, tmp_path: Path) -> None:
    for path in HOSTILE:
        make.line(Action.UPLOAD, Outcome.DONE, path=path)
        make.line(Action.UPDATE, Outcome.FAILED, path=path, code="<b>", detail=path, hint=path)
        make.line(Action.MOVE, Outcome.DONE, path=path, from_path=path)
    summary = make.summary(source_label="<img src=x>", run_id="<u>", guard="<i>guard</i>", plan_id="<s>")
    page = write_report(tmp_path, summary, lambda: make.lines).html
    seen = read(page)
    assert {tag for tag, _ in seen.tags}.isdisjoint(
        {"script", "img", "link", "iframe", "u", "i onclick", "s", "object"}
    )
    assert not [name for _, attributes in seen.tags for name in attributes if name.startswith("on")]
    targets = {value for _, attributes in seen.tags for key, value in attributes.items() if key in ("href", "src")}
    assert targets == {"report.csv", "report.json"}
    assert "url(" not in page.read_text("utf-8") and "@import" not in page.read_text("utf-8")
    text = "".join(seen.text)
    assert 'alert("x")' in text and "{{ 7 * 7 }}" in text and "資料" in text and "\x07" not in text


def test_names_of_other_scripts_keep_their_own_direction(make: Any, tmp_path: Path) -> None:
    make.line(Action.UPLOAD, Outcome.DONE, path="/שלום/עולם.pdf")
    html = write_report(tmp_path, make.summary(), lambda: make.lines).html.read_text("utf-8")
    assert "<bdi>שלום</bdi>/<wbr><b><bdi>עולם.pdf</bdi></b>" in html


def test_csv_holds_every_line_unchanged(make: Any, tmp_path: Path) -> None:
    evidence = {"source_version": "7", "size": 3, "same": False, "hash": None}
    for path in (*HOSTILE, "/=1+1.xlsx"):
        make.line(Action.UPLOAD, Outcome.HELD, path=path, detail='=cmd|"x"', hint="'", size=3, evidence=evidence)
    files = write_report(tmp_path, make.summary(), lambda: make.lines)
    found = rows(files.csv)
    assert files.csv.read_bytes().startswith(b"\xef\xbb\xbf")
    assert [row["seq"] for row in found] == [str(line.seq) for line in make.lines]
    for row, line in zip(found, make.lines, strict=True):
        assert undefuse(row["path"]) == line.path.replace("\ud83d", "\\ud83d")
        assert row["detail"].startswith("'=") and undefuse(row["detail"]) == line.detail
        assert undefuse(row["hint"]) == line.hint
        assert json.loads(row["evidence"]) == evidence


@seed(20261121)
@given(st.text())
def test_defusing_can_be_undone_and_leaves_no_formula(text: str) -> None:
    assert undefuse(defuse(text)) == text
    assert not defuse(text).startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


def test_json_has_stable_keys_and_adds_up(make: Any, tmp_path: Path) -> None:
    make.line(Action.UPLOAD, Outcome.DONE, size=10)
    make.line(Action.UPLOAD, Outcome.FAILED, size=7, code="service_busy")
    summary = make.summary(debt_left=1, oldest_debt_age=60.0)
    files = write_report(tmp_path, summary, lambda: make.lines)
    content = json.loads(files.json.read_text("utf-8"))
    assert list(content) == [
        "format",
        "verdict",
        "story",
        "run",
        "counters",
        "totals",
        "audit",
        "scrub",
        "problems",
        "spending",
        "files",
    ]
    assert list(content["counters"]) == [
        "total_documents",
        "total_folders",
        "new_uploads",
        "updated_files",
        "skipped_files",
        "skipped_same_date",
        "updated_newer_source",
        "empty_folders_created",
        "errors",
    ]
    assert content["verdict"] == "failed"
    assert (content["totals"]["bytes_copied"], content["totals"]["bytes_waiting"]) == (10, 7)
    assert content["problems"][0]["code"] == "service_busy" and content["problems"][0]["paths"] == ["/a/b.docx"]
    assert content["spending"]["source_units"] == 8
    assert (content["audit"], content["scrub"]) == (None, None)
    before = files.json.read_bytes()
    assert write_report(tmp_path, summary, lambda: make.lines).json.read_bytes() == before


def test_a_failed_writing_leaves_the_former_report_and_no_rubbish(make: Any, tmp_path: Path) -> None:
    make.line(Action.UPLOAD, Outcome.DONE)
    files = write_report(tmp_path, make.summary(), lambda: make.lines)
    before = files.csv.read_bytes()

    def broken() -> Iterator[LineOutcome]:
        yield make.lines[0]
        raise RuntimeError("the ledger went away")

    with pytest.raises(RuntimeError, match="went away"):
        write_report(tmp_path, make.summary(), broken)
    assert files.csv.read_bytes() == before
    assert len(list(files.csv.parent.iterdir())) == 3


def test_wrong_sums_are_shown_not_hidden(make: Any, tmp_path: Path) -> None:
    make.line(Action.UPLOAD, Outcome.PENDING)
    files = write_report(tmp_path, make.summary(planned_lines=3), lambda: make.lines)
    assert files.verdict is Verdict.FAILED
    assert "do not add up" in "".join(read(files.html).text)
    assert len(json.loads(files.json.read_text("utf-8"))["totals"]["mistakes"]) == 2


def test_report_of_a_quiet_run_says_so(make: Any, tmp_path: Path) -> None:
    files = write_report(tmp_path, make.summary(plan_id=None), list)
    text = " ".join(read(files.html).text)
    assert "In sync" in text and "Nothing had changed" in text and "Line by line" not in text
    assert rows(files.csv) == []


def test_report_of_a_stopped_run_says_why(make: Any, tmp_path: Path) -> None:
    files = write_report(tmp_path, make.summary(error="The library is not there."), list)
    assert "stopped after 1 min 40 s: The library is not there." in files.story


def hostile_lines(base: LineOutcome, number: int) -> Iterator[LineOutcome]:
    outcomes = (Outcome.DONE, Outcome.FAILED, Outcome.HELD, Outcome.DEFERRED)
    for seq in range(number):
        yield replace(
            base,
            seq=seq,
            action=tuple(Action)[seq % 7],
            outcome=outcomes[seq % 4],
            path=f"/{'<&>' * 60}/{seq}",
            code=f"code{seq % 500}" if seq % 4 else "",
            detail="<'&\">" * 20 if seq % 3 else "",
        )


def test_hundred_thousand_hostile_lines_make_a_small_page(make: Any, tmp_path: Path) -> None:
    base = make.line(Action.UPLOAD, Outcome.DONE)
    files = write_report(tmp_path, make.summary(), lambda: hostile_lines(base, 100_000))
    assert files.totals.lines == 100_000
    assert 200_000 < files.html.stat().st_size < 1_000_000
    assert files.json.stat().st_size < 500_000
    assert "more in the" in files.html.read_text("utf-8")


def test_memory_does_not_grow_with_the_lines(make: Any, tmp_path: Path) -> None:
    base = make.line(Action.UPLOAD, Outcome.DONE)

    def peak(number: int) -> int:
        tracemalloc.start()
        write_report(tmp_path, make.summary(), lambda: hostile_lines(base, number))
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    peak(10)
    few, many = peak(4_000), peak(16_000)
    assert many < few + 500_000
    assert many < 24_000_000


SECRETS = {
    "pre-signed link": "GET https://contoso.sharepoint.com/_layouts/download.aspx?tempauth=v1.abcdef broke",
    "bearer": "sent Authorization: Bearer abcdefgh12345678",
    "jwt": "token was eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.c2ln",
    "password": "password=hunter2! refused",
    "json": '{"client_secret": "hunter2!abc"}',
    "cookie": "Set-Cookie: FedAuth77abc",
    "user info": "https://joe:hunter2!@files.example.com/core",
}


@pytest.mark.parametrize("text", SECRETS.values(), ids=SECRETS)
def test_nothing_secret_reaches_paper(make: Any, tmp_path: Path, text: str) -> None:
    make.line(Action.UPLOAD, Outcome.FAILED, detail=text, hint=text, evidence={"note": text})
    files = write_report(tmp_path, make.summary(error=text, guard=text), lambda: make.lines)
    secret = re.compile(r"tempauth=v1|abcdef|eyJ|hunter2|FedAuth77")
    for path in (files.csv, files.json, files.html):
        assert not secret.search(path.read_text("utf-8")), path.name


def test_redaction_leaves_plain_sentences_alone() -> None:
    sentence = "The file at https://contoso.sharepoint.com/sites/legal is locked: wait for its owner (basic rule)."
    assert redact(sentence) == sentence


def test_every_action_reason_and_error_is_explained() -> None:
    def codes(error: type[SpfcError]) -> Iterator[str]:
        yield error.code
        for child in error.__subclasses__():
            if child.__module__.startswith("spfc."):
                yield from codes(child)

    assert set(REASONS) == set(Reason) and set(ACTIONS) == set(Action)
    assert set(codes(SpfcError)) <= set(CODES)


def test_run_ids_become_folder_names() -> None:
    assert safe_run_id("manual__1") == "manual__1"
    odd = [
        "scheduled__2026-11-21T07:00:00+00:00",
        "scheduled__2026-11-21T07:00:00_00:00",
        "..",
        ".",
        "",
        "a/../b",
    ]
    odd += ["x" * 300, "x" * 301, "é"]
    names = [safe_run_id(run_id) for run_id in odd]
    assert len(set(names)) == len(odd)
    assert all(re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}", name) for name in names)


def test_a_route_name_cannot_leave_the_folder(tmp_path: Path) -> None:
    with pytest.raises(RouteInvalid):
        report_folder(tmp_path, "../etc", "run")
