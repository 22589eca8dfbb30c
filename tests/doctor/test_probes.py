"""Each probe says what it found; where that contradicts what spfc relies on, it fails with a next step."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from tests.doctor.conftest import Bench, Clinic

from simulators.common import FaultPlan
from spfc.doctor import probes_content, probes_dates, probes_login, probes_names, probes_tree, probes_upload
from spfc.doctor.checkup import PROBES
from spfc.doctor.scratch import Scratch
from spfc.doctor.shape import Check, Finding, Verdict
from spfc.filecloud.settings import DateStyle

dates: Callable[[Scratch], Finding] = partial(probes_dates.dates, now=time.time())
OK, WARN, FAIL, SKIPPED = Verdict.OK, Verdict.WARN, Verdict.FAIL, Verdict.SKIPPED

CASES: list[tuple[Callable[[Scratch], Finding], dict[str, Any], Verdict, str]] = [
    (probes_login.kinds_of_client, {}, OK, "a browser taken only with the anti-CSRF header"),
    (probes_login.kinds_of_client, {"csrf": "off"}, OK, "a browser taken."),
    (probes_login.kinds_of_client, {"csrf": "strict"}, FAIL, "Switch browser_compat on"),
    (dates, {}, OK, "Times without a zone are read as UTC."),
    (dates, {"naive_date_is": "server_tz"}, OK, "Times without a zone are read as UTC-06:00 (in winter)."),
    (dates, {"date_ignored": True}, FAIL, "The server ignores the times of uploads"),
    (dates, {"utc_times": False}, WARN, "A time in winter shows -06:00 from UTC"),
    (probes_dates.tags, {}, OK, "changed when the same bytes are sent again, unchanged by a rename"),
    (probes_dates.tags, {"etag_same_bytes": "keep", "etag_after_move": "change"}, OK, "changed by a rename"),
    (probes_dates.tags, {"etag_needs_extra_fields": True}, OK, "absent without extra fields"),
    (probes_dates.tags, {"upload_etag_header": False}, OK, "in listings only"),
    (probes_dates.tags, {"etag": False}, OK, "This server has no tags of content"),
    (probes_dates.tags, {"etag_of_upload": "another"}, FAIL, "hold its own copies for edited ones"),
    (probes_upload.preconditions, {}, OK, "a wrong ifetag is refused with 'The file has another etag"),
    (probes_upload.preconditions, {}, OK, "in UTC is accepted, by its own clock refused with 'The file was modified"),
    (probes_upload.preconditions, {"iflastmodified_is": "server_clock"}, OK, "by its own clock accepted"),
    (probes_upload.preconditions, {"precondition_failure": "http"}, OK, "(status 409)"),
    (probes_upload.preconditions, {"etag": False}, OK, "Without tags"),
    (probes_upload.preconditions, {"preconditions": "ignored"}, FAIL, "files that are there could be lost"),
    (probes_upload.chunks, {}, OK, "another login cannot go on"),
    (probes_upload.chunks, {"staging_of": "account"}, OK, "another login can go on"),
    (probes_upload.chunks, {"repeat_chunk": "refuse"}, OK, "a repeated chunk is refused with"),
    (probes_upload.chunks, {"chunk_gap": "zeros"}, WARN, "a gap is accepted"),
    (probes_upload.chunks, {"atomic": False}, FAIL, "has replaced the old file already"),
    (probes_upload.chunks, {"refuse_chunk_over": 2000}, FAIL, "Raise chunk_mib"),
    (probes_tree.pages, {}, OK, "10 are listed without a limit, 12 with limit -1"),
    (probes_tree.pages, {"max_limit": 5}, OK, "5 with limit -1"),
    (probes_tree.pages, {"listing_order": "permuted"}, OK, "in another order"),
    (probes_tree.folders, {}, OK, "A folder made twice is refused"),
    (probes_tree.folders, {"mkdir_exists_result": 1, "mkdir_parents": True}, OK, "a missing folder accepted"),
    (probes_content.downloads, {}, OK, "Parts come by Range; HEAD gives status 200"),
    (probes_content.downloads, {"s3_redirect": True}, OK, "with redirect=1 it leads to 127.0.0.1"),
    (probes_content.downloads, {"download_missing": "http_404", "content_length": False}, OK, "told as missing"),
    (probes_content.downloads, {"range": "ignore"}, WARN, "proxy that removes the header Range"),
    (probes_content.downloads, {"range": "error"}, FAIL, "A part by Range is refused"),
    (probes_login.dead_session, {}, OK, "Both are understood as a dead session"),
    (probes_login.dead_session, {"expired_session_mode": "http_401"}, OK, "status 401"),
    (probes_login.dead_session, {"expired_session_mode": "http_403"}, OK, "status 403"),
    (probes_login.dead_session, {"expired_session_mode": "redirect_html"}, OK, "a redirect"),
    (probes_login.dead_session, {"expired_session_mode": "html_200"}, OK, "a web page or garbage"),
    (probes_login.dead_session, {"dead_session_stat": "missing"}, FAIL, "looks as if it were missing"),
    (probes_names.names, {}, OK, "The two Unicode forms of one name are two files"),
    (probes_names.names, {"normalize": "nfc"}, OK, "are one file"),
    (probes_names.names, {"refused_characters": "#"}, WARN, "'one # only.txt' refused"),
    (probes_names.names, {"refused_characters": ':*?"<>|\\'}, OK, "here taken: a dot last"),
    (probes_tree.deletes, {}, OK, "it goes to the recycle bin"),
    (probes_tree.deletes, {"recycle": False}, WARN, "Keep policies.removals: quarantine"),
    (probes_tree.deletes, {"delete_missing_result": 1}, OK, "Deleting something that is not there is accepted"),
    (probes_tree.own_feed, {}, OK, "No change feed (Sync is not available)"),
    (probes_tree.own_feed, {"change_feed": True}, OK, "There is a change feed, 1 record for one file"),
    (probes_upload.full_account, {}, SKIPPED, "no limit"),
    (probes_upload.full_account, {"quota_bytes": 1 << 20}, OK, "and understood"),
    (probes_content.checksums, {}, OK, "No checksum among the fields"),
    (probes_content.checksums, {"version_checksum_element": "digest"}, OK, "digest is the md5 of the content"),
]


@pytest.mark.parametrize(
    ("probe", "knobs", "verdict", "words"),
    CASES,
    ids=lambda value: ",".join(map(str, value)) if isinstance(value, dict) else None,
)
def test_what_a_probe_finds(
    bench: Bench, probe: Callable[[Scratch], Finding], knobs: dict[str, Any], verdict: Verdict, words: str
) -> None:
    if knobs.get("csrf") == "strict":
        bench.scratch.folder = lambda name: bench.scratch.path  # type: ignore[method-assign]
    finding = bench.run(probe, **knobs)
    assert finding.verdict is verdict, finding
    assert words in f"{finding.found} -> {finding.next_step}", finding
    assert finding.next_step or verdict in (OK, SKIPPED)


def test_a_browser_that_is_not_needed(bench: Bench) -> None:
    bench.settings(browser_compat=True)
    finding = bench.run(probes_login.kinds_of_client)
    assert finding.verdict is WARN
    assert "browser_compat is not needed" in finding.next_step


def test_a_browser_that_is_needed(bench: Bench) -> None:
    bench.settings(browser_compat=True)
    finding = bench.run(probes_login.kinds_of_client, csrf="strict")
    assert finding.verdict is OK and "client is refused" in finding.found


@pytest.mark.parametrize(
    ("style", "zone", "verdict", "words"),
    [
        (DateStyle.NAIVE_UTC, None, FAIL, "Set date_style to iso_z in the connection."),
        (DateStyle.NAIVE_SERVER, "America/Chicago", OK, "Times are kept as date_style naive_server sends them"),
        (DateStyle.NAIVE_SERVER, "Europe/Berlin", FAIL, "Set date_style to iso_z in the connection."),
    ],
)
def test_another_spelling_of_times(
    bench: Bench, style: DateStyle, zone: str | None, verdict: Verdict, words: str
) -> None:
    bench.settings(date_style=style, server_tz=zone)
    finding = bench.run(dates, naive_date_is="server_tz")
    assert finding.verdict is verdict
    assert words in f"{finding.found} -> {finding.next_step}"


def test_the_zone_of_the_server_is_told_when_nothing_else_helps() -> None:
    kept = {
        DateStyle.ISO_Z: probes_dates._Kept(7, 7),
        DateStyle.NAIVE_UTC: probes_dates._Kept(6 * 3600, 5 * 3600),
    }
    step = probes_dates._better(kept)
    assert "date_style to naive_server" in step and "UTC-06:00 in winter, UTC-05:00 in summer" in step


def test_pages_that_lose_a_file(bench: Bench) -> None:
    action = {"kind": "change_listing", "remove": 1}
    rule = {"id": "f", "operation": "getfilelist", "nth": 4, "times": 1, "action": action}
    bench.clinic.filecloud.faults = FaultPlan([rule], bench.clinic.filecloud.extra_fault_kinds)
    finding = bench.run(probes_tree.pages)
    assert finding.verdict is FAIL and "1 files are missing" in finding.found
    bench.clinic.filecloud.faults.assert_all_hit()


def test_words_for_a_full_account_that_nobody_knows(bench: Bench) -> None:
    action = {"kind": "refuse", "message": "Zu wenig Platz"}
    rule = {"id": "f", "operation": "upload", "times": 1, "action": action}
    bench.clinic.filecloud.faults = FaultPlan([rule], bench.clinic.filecloud.extra_fault_kinds)
    finding = bench.run(probes_upload.full_account, quota_bytes=1 << 20)
    assert finding.verdict is WARN and "Zu wenig Platz" in finding.found


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes_login, "_TOO_QUICK", 0.2)


@pytest.mark.usefixtures("measured")
def test_calls_of_one_login_that_wait_for_each_other(bench: Bench) -> None:
    finding = bench.run(probes_login.side_by_side, serialize_sessions=True, work_s=0.1)
    assert finding.verdict is WARN, finding
    assert "limits.workers above 1 hardly helps" in finding.next_step


def test_calls_that_are_too_quick_to_tell(bench: Bench) -> None:
    finding = bench.run(probes_login.side_by_side)
    assert finding.verdict is OK and "too quick to tell" in finding.found, finding


@pytest.mark.usefixtures("measured")
def test_calls_that_are_served_side_by_side(bench: Bench) -> None:
    finding = bench.run(probes_login.side_by_side, work_s=0.1)
    assert finding.verdict is OK and "served side by side" in finding.found, finding


# -- the folder of the probes ------------------------------------------------------------------------


def test_all_probes_pass_and_nothing_stays(clinic: Clinic) -> None:
    (clinic.store / "mirror").mkdir()
    (clinic.store / "mirror" / "a.txt").write_text("somebody's")
    before = clinic.held()
    result = clinic.examine(write_probe=True)
    assert result.bad() == []
    assert {check.name for check in result.checks} >= {*PROBES, "probe.scratch", "probe.cleanup"}
    assert clinic.held() == before
    assert "/spfc/mirror/spfc-doctor-" in result["probe.cleanup"].found
    made = {str(e.item) for e in clinic.filecloud.journal.entries if e.operation in ("upload", "createfolder")}
    assert made and all(path.startswith("/spfc/mirror/spfc-doctor-") for path in made)


@pytest.mark.parametrize("at", ["probe.scratch", "probe.P5", "probe.P15"])
def test_ctrl_c_removes_the_folder(clinic: Clinic, at: str) -> None:
    seen: list[Check] = []

    def interrupt(check: Check) -> None:
        seen.append(check)
        if check.name == at:
            assert clinic.leftovers
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        clinic.checkup(write_probe=True).run(interrupt)
    assert seen[-1].name == "probe.cleanup" and seen[-1].verdict is OK
    assert clinic.leftovers == []


def test_a_folder_that_stays_is_named(clinic: Clinic) -> None:
    rule = {"id": "f", "operation": "deletefile", "times": -1, "action": {"kind": "refuse", "message": "Not now"}}
    clinic.filecloud.faults = FaultPlan([rule], clinic.filecloud.extra_fault_kinds)
    result = clinic.examine(write_probe=True)
    assert set(result.fails) == {"probe.P12", "probe.cleanup"}
    left = clinic.leftovers[0].split("/")[0]
    assert f"Delete the folder /spfc/{left} at FileCloud by hand." == result["probe.cleanup"].next_step


def test_a_folder_whose_making_was_not_answered_is_used_and_removed(clinic: Clinic) -> None:
    rule = {"id": "f", "operation": "createfolder", "nth": 1, "action": {"kind": "reset_after"}}
    clinic.filecloud.faults = FaultPlan([rule])
    result = clinic.examine(write_probe=True)
    clinic.filecloud.faults.assert_all_hit()
    assert result.bad() == [] and clinic.leftovers == []


def test_a_probe_that_breaks_does_not_stop_the_others(clinic: Clinic) -> None:
    rule = {"id": "f", "operation": "getversions", "times": -1, "action": {"kind": "reset_before"}}
    clinic.filecloud.faults = FaultPlan([rule])
    result = clinic.examine(write_probe=True)
    result.only_fails("probe.P15")
    assert clinic.leftovers == []
