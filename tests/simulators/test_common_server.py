"""The base of the simulators: faults, journal, streams and life cycle over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from aiohttp import web

from simulators.common import (
    Call,
    FaultPlan,
    FaultPlanError,
    FixedClock,
    Journal,
    SessionLabels,
    SimulatorServer,
    UnitMeter,
    send_file,
)
from simulators.common.journal import redact_path
from simulators.common.observers import Answer, observed

SIZE = 3 << 20


class Echo(SimulatorServer):
    """A tiny service: counts commits, sends a file."""

    commits = 0

    def classify(self, request: web.BaseRequest) -> Call:
        return Call("echo", request.path.strip("/") or "root", dict(request.query))

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/file":
            return await send_file(request, self.state_dir / "blob")
        self.commits += 1
        return web.Response(text="done")


@pytest.fixture
def echo(tmp_path: Path) -> Iterator[Echo]:
    (tmp_path / "blob").write_bytes(b"x" * SIZE)
    with Echo(state_dir=tmp_path, journal=Journal(tmp_path / "j.jsonl", FixedClock(1000.0))) as server:
        yield server


@pytest.fixture
def http() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


def rule(kind: str, **more: object) -> dict[str, object]:
    options = {k: more.pop(k) for k in list(more) if k not in ("nth", "times", "operation", "path")}
    return {"id": kind, "action": {"kind": kind, **options}, **more}


def test_journal_hides_secrets_and_is_written_as_lines(echo: Echo, http: requests.Session, tmp_path: Path) -> None:
    http.get(echo.url + "/call?password=geheim&tempauth=abc.d&x=1", headers={"Authorization": "Bearer q"})
    [entry] = echo.journal.entries
    assert (entry.operation, entry.status, entry.bytes_out, entry.has_authorization) == ("call", 200, 4, True)
    assert entry.params == {"password": "***", "tempauth": "***", "x": "1"}
    line = (tmp_path / "j.jsonl").read_text()
    assert "geheim" not in line and "abc.d" not in line and json.loads(line)["seq"] == 1


@pytest.mark.parametrize(
    "raw",
    ["/delta(token='secretv')", "/delta?token=secretv&a=1", "/x?a=1&$token=secretv", "/d?tempauth=secretv"],
)
def test_redacted_paths(raw: str) -> None:
    assert "secretv" not in redact_path(raw) and "***" in redact_path(raw)


def test_status_fault_then_normal(echo: Echo, http: requests.Session) -> None:
    echo.replace_faults([rule("status", status=503, retry_after=3, nth=2)])
    answers = [http.get(echo.url + "/call") for _ in range(3)]
    assert [a.status_code for a in answers] == [200, 503, 200]
    assert answers[1].headers["Retry-After"] == "3"
    assert [e.fault for e in echo.journal.entries] == [None, "status", None]
    echo.faults.assert_all_hit()


@pytest.mark.parametrize(("kind", "commits"), [("reset_before", 0), ("reset_after", 1)])
def test_resets(echo: Echo, http: requests.Session, kind: str, commits: int) -> None:
    echo.replace_faults([rule(kind)])
    with pytest.raises(requests.ConnectionError):
        http.get(echo.url + "/call")
    assert echo.commits == commits
    assert echo.journal.entries[-1].status == 0
    assert http.get(echo.url + "/call").text == "done"


@pytest.mark.parametrize(("path", "keep"), [("/file", 1_500_000), ("/file", 0), ("/call", 2)])
def test_truncated_bodies_announce_the_full_length(echo: Echo, http: requests.Session, path: str, keep: int) -> None:
    echo.replace_faults([rule("truncate", bytes=keep)])
    with http.get(echo.url + path, stream=True) as answer:
        assert int(answer.headers["Content-Length"]) == (SIZE if path == "/file" else 4)
        got = 0
        with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
            for piece in answer.iter_content(1 << 16):
                got += len(piece)
    assert got <= keep
    assert echo.journal.entries[-1].bytes_out == keep


def test_stall_ends_with_the_clients_patience(echo: Echo, http: requests.Session) -> None:
    echo.replace_faults([rule("stall")])
    with pytest.raises(requests.Timeout):
        http.get(echo.url + "/call", timeout=0.05)


def test_html_and_xml_and_delay(echo: Echo, http: requests.Session) -> None:
    echo.replace_faults(
        [rule("html_200"), rule("xml_error_200", message="a < b", nth=2), rule("delay", seconds=0, nth=3)]
    )
    html, xml, plain = (http.get(echo.url + "/call") for _ in range(3))
    assert html.headers["Content-Type"].startswith("text/html")
    assert xml.status_code == 200 and "<result>0</result><message>a &lt; b</message>" in xml.text
    assert plain.text == "done"
    assert echo.faults.unhit() == []


def test_whole_file_and_entry_before_last_byte(echo: Echo, http: requests.Session) -> None:
    assert len(http.get(echo.url + "/file").content) == SIZE
    assert echo.journal.entries[-1].bytes_out == SIZE
    assert int(http.head(echo.url + "/file").headers["Content-Length"]) == SIZE


@pytest.mark.parametrize(
    "bad",
    [
        {"id": "a"},
        {"id": "a", "action": {"kind": "explode"}},
        {"id": "a", "action": {"kind": "status"}},
        {"id": "a", "action": {"kind": "delay", "seconds": 1, "minutes": 2}},
        {"id": "a", "action": {"kind": "stall"}, "when": "later"},
        {"id": "a", "action": {"kind": "stall"}, "nth": 0},
        {"id": "a", "action": {"kind": "stall"}, "times": 0},
        {"id": "a", "action": {"kind": "stall"}, "path": "("},
    ],
)
def test_plans_that_cannot_be_understood_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(FaultPlanError, match="a"):
        FaultPlan([bad])


def test_plan_counts() -> None:
    plan = FaultPlan(
        [
            {"id": "list", "operation": "x", "nth": [1, 3], "action": {"kind": "stall"}},
            {"id": "run", "operation": "x", "nth": 4, "times": 2, "action": {"kind": "stall"}},
            {"id": "never", "service": "other", "action": {"kind": "stall"}},
        ]
    )
    fired = [r.id if (r := plan.hit("s", "x", "/")) else None for _ in range(6)]
    assert fired == ["list", None, "list", "run", "run", None]
    assert plan.unhit() == ["never"]
    with pytest.raises(AssertionError, match="never"):
        plan.assert_all_hit()


def test_plan_from_yaml_file(tmp_path: Path) -> None:
    file = tmp_path / "faults.yaml"
    file.write_text("- id: a\n  operation: delta\n  action: {kind: status, status: 500}\n")
    assert FaultPlan.load(file).rules[0].action.get("status") == 500


def test_control_endpoint_is_not_journalled(echo: Echo, http: requests.Session) -> None:
    http.get(echo.url + "/call")
    put = http.post(echo.url + "/_sim/faults", json=[rule("status", status=500)])
    assert put.json() == {"rules": 1}
    assert http.get(echo.url + "/_sim/faults").json() == {"unhit": ["status"]}
    assert http.post(echo.url + "/_sim/faults", json=[{"id": "b"}]).status_code == 400
    metrics = http.get(echo.url + "/_sim/metrics").json()
    assert metrics["calls"] == {"echo": {"call": {"calls": 1, "units": 0}}}
    assert [e["operation"] for e in http.get(echo.url + "/_sim/journal?since=0").json()] == ["call"]
    assert len(echo.journal.entries) == 1


def test_tls_and_restart_on_the_same_port(tmp_path: Path, http: requests.Session) -> None:
    with Echo(state_dir=tmp_path, tls=True) as first:
        port = first.port
        assert http.get(first.url + "/call", verify=str(first.ca_file)).text == "done"
    with Echo(state_dir=tmp_path, tls=True, port=port) as second:
        assert second.port == port
        with pytest.raises(OSError, match="in use"):
            Echo(state_dir=tmp_path, port=port).start()
        assert http.get(second.url + "/call", verify=str(first.ca_file)).text == "done"
    with pytest.raises(RuntimeError, match="not running"):
        _ = second.url


def test_meter_refuses_counts_and_carries_over() -> None:
    clock = FixedClock(1000.0)
    meter = UnitMeter(clock, 10)
    early = [meter.charge("app", "get", 1) for _ in range(10)]
    assert all(v.allowed for v in early)
    assert "RateLimit-Limit" not in early[6].headers and early[7].headers["RateLimit-Remaining"] == "2"
    clock.advance(15)
    refused = meter.charge("app", "get", 4)
    assert (refused.allowed, refused.retry_after) == (False, 45)
    assert meter.charge("other", "get", 1).allowed
    assert not meter.charge("app", "get", 1).allowed and meter.sent_while_fenced == 1
    clock.advance(45)
    after = [meter.charge("app", "get", 1).allowed for _ in range(6)]
    assert after == [True] * 5 + [False]
    assert meter.counters["get"].calls == 19 and meter.counters["get"].throttled == 3


def test_labels_and_marks() -> None:
    labels = SessionLabels()
    assert [labels.label(x) for x in ("a", "b", "a", None)] == ["s1", "s2", "s1", None]


def test_observers_see_whole_answers_while_they_watch(echo: Echo, http: requests.Session) -> None:
    seen: list[Answer] = []
    echo.replace_faults([rule("status", status=503, body="mine", nth=2)])
    with observed(seen.append):
        for path in ("/a?x=1", "/b", "/file", "/_sim/metrics"):
            http.get(echo.url + path)
    http.get(echo.url)
    assert [(a.path, a.operation, a.status, a.body, a.written_by_test) for a in seen] == [
        ("/a?x=1", "a", 200, b"done", False),
        ("/b", "b", 503, b"mine", True),
    ]
