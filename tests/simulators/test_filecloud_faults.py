"""Faults, restart, many threads at once, journal (reference 17)."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
from tests.simulators.filecloud_calls import NOW, Caller, result_of, simulator

from simulators.common import FaultPlanError, FixedClock
from simulators.filecloud import FileCloudSimulator


def rule(operation: str | None, kind: str, **more: Any) -> dict[str, Any]:
    keys = {key: more.pop(key) for key in list(more) if key in ("nth", "times", "path")}
    return {"id": f"{operation}-{kind}", "operation": operation, "action": {"kind": kind, **more}, **keys}


@pytest.mark.parametrize(
    ("operation", "form"),
    [
        ("getfilelist", {"path": "/spfc"}),
        ("fileinfo", {"file": "/spfc/a"}),
        ("fileexists", {"file": "/spfc/a"}),
        ("createfolder", {"path": "/spfc", "name": "d"}),
        ("deletefile", {"path": "/spfc", "name": "a"}),
        ("renamefile", {"path": "/spfc", "name": "a", "newname": "b"}),
        ("renameormove", {"fromname": "/spfc/a", "toname": "/spfc/b"}),
        ("copyfile", {"path": "/spfc", "name": "a", "copyto": "/spfc", "copytoname": "b"}),
        ("getversions", {"filepath": "/spfc", "filename": "a"}),
        ("upload", {}),
        ("downloadfile", {"filepath": "/spfc/a"}),
        ("getauthenticationinfo", {}),
    ],
)
def test_generic_kinds_meet_every_operation(tmp_path: Path, operation: str, form: dict[str, str]) -> None:
    plan = [
        {"id": "one", "operation": operation, "nth": 1, "action": {"kind": "xml_error_200", "message": "no"}},
        {"id": "two", "operation": operation, "nth": 2, "action": {"kind": "html_200"}},
        {"id": "three", "operation": operation, "nth": 3, "action": {"kind": "status", "status": 503}},
    ]
    with simulator(tmp_path) as sim, Caller(sim) as caller:
        caller.put("/spfc/a", b"x")
        sim.replace_faults(plan)
        answer = caller.post(operation, **form)
        assert (answer.status_code, result_of(answer)) == (200, 0)
        assert f"<type>{operation}</type>" in answer.text
        assert "<html>" in caller.post(operation, **form).text
        assert caller.post(operation, **form).status_code == 503
        sim.faults.assert_all_hit()
        assert caller.names("/spfc") == ["a"]


def test_reply_lost_after_the_commit(tmp_path: Path) -> None:
    plan = [
        rule("upload", "reset_after", path="name=a&"),
        rule("createfolder", "reset_after"),
        rule("deletefile", "reset_before"),
    ]
    with simulator(tmp_path, faults=plan) as sim, Caller(sim) as caller:
        with pytest.raises(requests.ConnectionError):
            caller.chunk("/spfc/a", b"x")
        with pytest.raises(requests.ConnectionError):
            caller.command("createfolder", path="/spfc", name="d")
        with pytest.raises(requests.ConnectionError):
            caller.command("deletefile", path="/spfc", name="a")
        assert caller.names("/spfc") == ["d", "a"]
        sim.faults.assert_all_hit()


@pytest.mark.parametrize("size", [1000, 3_000_000])
def test_a_download_cut_short(tmp_path: Path, size: int) -> None:
    with simulator(tmp_path, faults=[rule("downloadfile", "truncate", bytes=900)]) as sim:
        with Caller(sim) as caller:
            caller.put("/spfc/a", bytes(size))
            with pytest.raises(requests.exceptions.ChunkedEncodingError):
                caller.get("/spfc/a")
            assert len(caller.get("/spfc/a").content) == size
        sim.faults.assert_all_hit()


def test_dropped_session_in_a_chosen_shape(tmp_path: Path) -> None:
    plan = [rule("getfilelist", "drop_session"), rule("upload", "drop_session", shape="http_401")]
    with simulator(tmp_path, faults=plan) as sim:
        with Caller(sim) as caller:
            assert result_of(caller.post("getfilelist", path="/spfc")) == 0
            assert caller.records("getauthenticationinfo", "info")[0]["authenticated"] == "0"
        with Caller(sim) as caller:
            assert caller.chunk("/spfc/a", b"x").status_code == 401
            assert not (sim.store / "a").exists()
        sim.faults.assert_all_hit()


def test_refusals_by_plan(tmp_path: Path) -> None:
    plan = [
        rule("upload", "quota_full"),
        rule("upload", "locked_file"),
        rule("createfolder", "refuse", message="because"),
        rule("getfilelist", "refuse"),
    ]
    with simulator(tmp_path, faults=plan) as sim, Caller(sim) as caller:
        assert "quota" in caller.chunk("/spfc/a", b"x").text
        assert "locked" in caller.chunk("/spfc/a", b"x").text
        caller.put("/spfc/a", b"x")
        assert "because" in caller.post("createfolder", path="/spfc", name="d").text
        assert result_of(caller.post("getfilelist", path="/spfc")) == 0
        assert caller.names("/spfc") == ["a"]
        sim.faults.assert_all_hit()


def test_staged_chunks_forgotten(tmp_path: Path) -> None:
    with simulator(tmp_path, faults=[rule("upload", "forget_staged", nth=2)]) as sim:
        with Caller(sim) as caller:
            assert caller.chunk("/spfc/a", b"01", offset=0, complete=0).text == "OK"
            assert caller.chunk("/spfc/a", b"23", offset=2, complete=1).text != "OK"
        sim.faults.assert_all_hit()


def test_listing_changes_in_mid_paging(tmp_path: Path) -> None:
    plan = [
        {**rule("getfilelist", "change_listing", remove=2, nth=2), "id": "fewer"},
        {**rule("getfilelist", "change_listing", add=1, nth=4), "id": "more"},
    ]
    with simulator(tmp_path, faults=plan) as sim, Caller(sim) as caller:
        names = [f"f{n}" for n in range(8)]
        for name in names:
            caller.put(f"/spfc/{name}", b"x")
        assert caller.names("/spfc", start=0, limit=4) == names[:4]
        meta, page = caller.listing("/spfc", start=4, limit=4)
        assert (meta["total"], [e["name"] for e in page]) == ("6", names[6:])
        assert caller.names("/spfc", start=0, limit=4) == names[:4]
        meta, page = caller.listing("/spfc", start=4, limit=4)
        assert (meta["total"], page[0]["name"]) == ("9", names[3])
        assert caller.names("/spfc") == names
        sim.faults.assert_all_hit()


def test_clock_jump(tmp_path: Path) -> None:
    clock = FixedClock(NOW)
    plan = [rule("upload", "clock_jump", seconds=3600)]
    with simulator(tmp_path, clock=clock, faults=plan) as sim, Caller(sim) as caller:
        caller.put("/spfc/a", b"x")
        assert (sim.store / "a").stat().st_mtime == NOW + 3600
        sim.faults.assert_all_hit()


def test_unknown_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FaultPlanError):
        simulator(tmp_path, faults=[rule("upload", "catch_fire")])


def test_everything_survives_a_restart(tmp_path: Path) -> None:
    first = simulator(tmp_path)
    with first, Caller(first) as caller:
        assert caller.command("createfolder", path="/spfc", name="d") == 1
        caller.put("/spfc/d/a", b"1")
        caller.put("/spfc/d/a", b"22", date="2024-07-19T19:32:00Z")
        assert caller.chunk("/spfc/b", b"01", offset=0, complete=0).text == "OK"
        assert caller.command("lock", path="/spfc/d/a") == 1
        before = caller.listing("/spfc/d")[1]
        cookies = caller.http.cookies.get_dict()
    first.close()
    second = simulator(tmp_path)
    with second, Caller(second, log_in=False) as caller:
        caller.http.cookies.update(cookies)
        assert caller.listing("/spfc/d")[1] == before
        assert len(caller.records("getversions", "version", filepath="/spfc/d", filename="a")) == 2
        assert caller.chunk("/spfc/b", b"23", offset=2, complete=1, filesize=4).text == "OK"
        assert (second.store / "b").read_bytes() == b"0123"
        etags = {caller.chunk("/spfc/c", b"x", headers={"X-FC-Send-ETag": "1"}).headers["ETag"]}
        etags |= {f'"{entry["etag"]}"' for entry in before}
        assert len(etags) == 2
    second.close()


@pytest.mark.parametrize("serialize", [False, True])
def test_many_threads_do_not_mix(tmp_path: Path, serialize: bool) -> None:
    threads, rounds = 8, 6
    together = threading.Barrier(threads)
    with simulator(tmp_path, serialize_sessions=serialize) as sim, Caller(sim) as shared:
        cookies = shared.http.cookies.get_dict()

        def work(number: int) -> None:
            with Caller(sim, log_in=False) as caller:
                caller.http.cookies.update(cookies)
                together.wait(timeout=30)
                assert caller.command("createfolder", path="/spfc", name=f"d{number}") == 1
                for turn in range(rounds):
                    path, data = f"/spfc/d{number}/f{turn}", f"{number}-{turn}".encode() * 1000
                    half = len(data) // 2
                    assert caller.chunk(path, data[:half], offset=0, complete=0).text == "OK"
                    assert caller.chunk(path, data[half:], offset=half, filesize=len(data)).text == "OK"
                    assert caller.get(path).content == data
                    assert len(caller.names(f"/spfc/d{number}")) == turn + 1

        with ThreadPoolExecutor(threads) as pool:
            for future in [pool.submit(work, number) for number in range(threads)]:
                future.result()
        assert len(shared.names("/spfc")) == threads
        assert sim.journal.count(operation="upload") == 2 * threads * rounds
        assert sim.journal.count(operation="downloadfile") == threads * rounds


def test_two_sessions_on_one_path_last_complete_wins(tmp_path: Path) -> None:
    with simulator(tmp_path) as sim, Caller(sim) as one, Caller(sim) as two:
        for caller, data in ((one, b"11"), (two, b"22")):
            assert caller.chunk("/spfc/a", data, offset=0, complete=0).text == "OK"
        assert two.chunk("/spfc/a", b"22", offset=2, complete=1, filesize=4).text == "OK"
        assert one.chunk("/spfc/a", b"11", offset=2, complete=1, filesize=4).text == "OK"
        assert (sim.store / "a").read_bytes() == b"1111"


def test_journal_tells_what_happened_without_secrets(tmp_path: Path) -> None:
    with simulator(tmp_path, faults=[rule("fileinfo", "status", status=500)]) as sim, Caller(sim) as caller:
        caller.put("/spfc/a b", b"12345")
        caller.post("fileinfo", file="/spfc/a b")
        assert sim.password not in str(sim.journal.entries)
        login, upload, info = sim.journal.entries
        assert (login.operation, login.session, upload.session) == ("loginguest", None, "s1")
        assert (upload.operation, upload.item, upload.status) == ("upload", "/spfc/a b", 200)
        assert upload.params["filesize"] == "5"
        assert upload.bytes_in > 5
        assert (info.operation, info.fault, info.status) == ("fileinfo", "fileinfo-status", 500)
        assert caller.http.cookies["tonido-login-hash"] not in str(sim.journal.entries)


def test_the_simulator_is_a_filecloud_simulator(tmp_path: Path) -> None:
    sim = FileCloudSimulator(tmp_path / "s", state_dir=tmp_path / "t", account="sync", password="p")
    with sim, Caller(sim) as caller:
        assert (sim.root, sim.account, sim.password) == ("/sync", "sync", "p")
        caller.put("/sync/a", b"x")
        assert (tmp_path / "s/a").read_bytes() == b"x"
