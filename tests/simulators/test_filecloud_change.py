"""Folders, deletes, moves, copies, versions, locks and downloads (reference 5, 7.5, 8, 9, 13)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.simulators.filecloud_calls import NOW, SUMMER, Caller, records_of, result_of, simulator

from simulators.common import FixedClock
from simulators.filecloud import FileCloudKnobs, FileCloudSimulator, KnobError

SUMMER_TEXT = "2024-07-19T19:32:00Z"


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture
def sim(tmp_path: Path, clock: FixedClock) -> Iterator[FileCloudSimulator]:
    with simulator(tmp_path, clock=clock) as running:
        yield running


@pytest.fixture
def caller(sim: FileCloudSimulator) -> Iterator[Caller]:
    with Caller(sim) as one:
        yield one


# -- folders -----------------------------------------------------------------------------------------


def test_createfolder(sim: FileCloudSimulator, caller: Caller) -> None:
    answer = caller.post("createfolder", {"X-FC-Send-ETag": "1"}, path="/spfc", name="a")
    assert result_of(answer) == 1
    info = caller.info("/spfc/a")
    assert info is not None
    assert answer.headers["ETag"].strip('"') == info["etag"]
    assert caller.command("/app/explorer/createfolder", path="/spfc/a", name="b") == 1
    assert caller.command("createfolder", path="/spfc", name="a") == 0
    assert caller.command("createfolder", path="/spfc", name="A") == 0
    assert caller.command("createfolder", path="/spfc/none", name="a") == 0
    assert caller.command("createfolder", path="/spfc", name=" a") == 0
    assert caller.command("createfolder", path="/spfc", name="a/b/c") == 0
    caller.put("/spfc/file", b"x")
    assert caller.command("createfolder", path="/spfc", name="file") == 0
    assert caller.command("createfolder", path="/spfc/file", name="a") == 0
    assert sorted(p.name for p in sim.store.rglob("*")) == ["a", "b", "file"]


def test_createfolder_knobs(sim: FileCloudSimulator, caller: Caller) -> None:
    assert caller.command("createfolder", path="/spfc", name="x", subpath="y/z") == 1
    assert not (sim.store / "x/y").exists()
    sim.knobs = sim.knobs.but(mkdir_exists_result=1, mkdir_parents=True, mkdir_subpath="create")
    assert caller.command("createfolder", path="/spfc", name="x") == 1
    assert caller.command("createfolder", path="/spfc/p/q", name="r") == 1
    assert (sim.store / "p/q/r").is_dir()
    assert caller.command("createfolder", path="/spfc", name="x", subpath="y/z") == 1
    assert (sim.store / "x/y/z").is_dir()
    caller.put("/spfc/file", b"x")
    assert caller.command("createfolder", path="/spfc", name="file") == 0


def test_refusals_in_json_have_status_400(caller: Caller) -> None:
    json = {"Accept": "application/json"}
    assert caller.post("createfolder", json, path="/spfc/none", name="a").status_code == 400
    bad = caller.post("createfolder", json, path="/spfc")
    assert (bad.status_code, bad.json()["command"][0]["message"]) == (422, "bad request")
    good = caller.post("createfolder", json, path="/spfc", name="a")
    assert (good.status_code, good.json()["command"][0]["result"]) == (200, 1)
    assert caller.command("createfolder", path="/spfc") == 0


# -- delete ------------------------------------------------------------------------------------------


def test_delete_to_the_bin(sim: FileCloudSimulator, caller: Caller) -> None:
    assert caller.command("createfolder", path="/spfc", name="d") == 1
    for content in (b"1", b"22", b"333"):
        caller.put("/spfc/d/a", content)
    assert caller.command("deletefile", path="/spfc/d", name="a") == 1
    assert caller.command("deletefile", path="/spfc/d", name="a") == 0
    caller.put("/spfc/d/a", b"4444")
    assert len(caller.records("getversions", "version", filepath="/spfc/d", filename="a")) == 1
    assert caller.command("deletefile", path="/spfc", name="d") == 1
    assert list(sim.store.iterdir()) == []
    usage = caller.records("getdiskusagedetails", "usage")[0]
    assert (usage["recyclefiles"], usage["recyclesize"], usage["versionedfiles"]) == ("2", "7", "0")


def test_delete_knobs(sim: FileCloudSimulator, caller: Caller) -> None:
    sim.knobs = sim.knobs.but(recycle=False, delete_missing_result=1)
    caller.put("/spfc/a", b"x")
    assert caller.command("deletefile", path="/spfc", name="a") == 1
    assert caller.command("deletefile", path="/spfc", name="a") == 1
    assert caller.records("getdiskusagedetails", "usage")[0]["recyclefiles"] == "0"
    sim.knobs = sim.knobs.but(recycle=True, recycle_size_limit=2)
    caller.put("/spfc/a", b"xxx")
    assert caller.command("deletefile", path="/spfc", name="a") == 1
    assert caller.records("getdiskusagedetails", "usage")[0]["recyclefiles"] == "0"
    for name in ("", ".", "..", "../store"):
        assert caller.command("deletefile", path="/spfc", name=name) == 0
    assert sim.store.is_dir()


# -- rename, move, copy ------------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["/core/", "/app/explorer/"])
def test_move_keeps_time_versions_and_etag(sim: FileCloudSimulator, caller: Caller, prefix: str) -> None:
    assert caller.command("createfolder", path="/spfc", name="d") == 1
    caller.put("/spfc/a", b"1")
    caller.put("/spfc/a", b"22", date=SUMMER_TEXT)
    before = caller.info("/spfc/a")
    assert before is not None
    move = {"fromname": "/spfc/a", "toname": "/spfc/d/b", "overwrite": 0}
    assert caller.command(f"{prefix}renameormove", **move) == 1
    assert caller.command(f"{prefix}renameormove", **move) == 0
    after = caller.info("/spfc/d/b")
    assert after is not None
    assert (after["modifiedepochutc"], after["etag"]) == (str(SUMMER), before["etag"])
    assert len(caller.records("getversions", "version", filepath="/spfc/d", filename="b")) == 2
    assert caller.command("createfolder", path="/spfc", name="e") == 1
    assert caller.command(f"{prefix}renameormove", fromname="/spfc/d", toname="/spfc/e/f") == 1
    assert len(caller.records("getversions", "version", filepath="/spfc/e/f", filename="b")) == 2
    assert caller.names("/spfc/e/f") == ["b"]


def test_move_knobs(sim: FileCloudSimulator, caller: Caller) -> None:
    sim.knobs = sim.knobs.but(move_keeps_time=False, move_keeps_versions=False, etag_after_move="change")
    caller.put("/spfc/a", b"1")
    caller.put("/spfc/a", b"2", date=SUMMER_TEXT)
    before = caller.info("/spfc/a")
    assert caller.command("renamefile", path="/spfc", name="a", newname="b") == 1
    after = caller.info("/spfc/b")
    assert before is not None
    assert after is not None
    assert after["modifiedepochutc"] == str(int(NOW))
    assert after["etag"] != before["etag"]
    assert len(caller.records("getversions", "version", filepath="/spfc", filename="b")) == 1


def test_what_cannot_be_moved(sim: FileCloudSimulator, caller: Caller) -> None:
    for name in ("d", "e"):
        assert caller.command("createfolder", path="/spfc", name=name) == 1
    caller.put("/spfc/a", b"a")
    caller.put("/spfc/b", b"b")

    def move(old: str, new: str, overwrite: int = 0) -> int:
        return caller.command("renameormove", fromname=old, toname=new, overwrite=overwrite)

    assert move("/spfc/a", "/spfc/b") == 0
    assert move("/spfc/a", "/spfc/B") == 0
    assert move("/spfc/a", "/spfc/a") == 0
    assert move("/spfc/a", "/spfc/d", 1) == 0
    assert move("/spfc/d", "/spfc/e", 1) == 0
    assert move("/spfc/d", "/spfc/d/x") == 0
    assert move("/spfc/a", "/spfc/none/a") == 0
    assert move("/spfc/a", "/spfc/a.php") == 0
    assert move("/spfc", "/spfc/d/x") == 0
    assert move("/spfc/a", "/spfc/../x") == 0
    assert sorted(p.name for p in sim.store.iterdir()) == ["a", "b", "d", "e"]
    assert move("/spfc/a", "/spfc/b", 1) == 1
    assert (sim.store / "b").read_bytes() == b"a"
    versions = caller.records("getversions", "version", filepath="/spfc", filename="b")
    assert [v["versionnumber"] for v in versions] == ["Version 2", "Version 1"]


def test_case_only_rename(sim: FileCloudSimulator, caller: Caller) -> None:
    caller.put("/spfc/name", b"x")
    assert caller.command("renamefile", path="/spfc", name="name", newname="NAME") == 1
    assert caller.names("/spfc") == ["NAME"]
    assert caller.chunk("/spfc/name", b"x").text != "OK"
    sim.knobs = sim.knobs.but(case_rename="refuse")
    assert caller.command("renamefile", path="/spfc", name="NAME", newname="Name") == 0


@pytest.mark.parametrize("prefix", ["/core/", "/app/explorer/"])
def test_copy(sim: FileCloudSimulator, caller: Caller, prefix: str) -> None:
    assert caller.command("createfolder", path="/spfc", name="d") == 1
    caller.put("/spfc/a", b"1", date=SUMMER_TEXT)
    copy = {"path": "/spfc", "name": "a", "copyto": "/spfc/d"}
    assert caller.command(f"{prefix}copyfile", **copy) == 1
    assert (sim.store / "d/a").stat().st_mtime == SUMMER
    assert caller.command(f"{prefix}copyfile", **copy) == 0
    assert caller.command(f"{prefix}copyfile", **copy, copytoname="A") == 0
    caller.put("/spfc/a", b"2")
    sim.knobs = sim.knobs.but(copy_keeps_time=False)
    assert caller.command(f"{prefix}copyfile", **copy, overwrite=1) == 1
    assert ((sim.store / "d/a").read_bytes(), (sim.store / "d/a").stat().st_mtime) == (b"2", NOW)
    assert len(caller.records("getversions", "version", filepath="/spfc/d", filename="a")) == 2
    assert caller.command(f"{prefix}copyfile", path="/spfc", name="d", copyto="/spfc", copytoname="e") == 1
    assert (sim.store / "e/a").read_bytes() == b"2"
    assert caller.command(f"{prefix}copyfile", path="/spfc", name="d", copyto="/spfc/d") == 0
    assert not list(sim.store.rglob(".*"))


# -- versions ----------------------------------------------------------------------------------------


def test_five_uploads_give_four_versions(sim: FileCloudSimulator, caller: Caller) -> None:
    for number in range(1, 6):
        caller.put("/spfc/a", b"x" * number)
    answer = caller.post("getversions", filepath="/spfc", filename="a", checksum=1)
    versions = records_of(answer, "version")
    assert records_of(answer, "meta")[0]["total"] == "4"
    assert [v["sizeinbytes"] for v in versions] == ["5", "4", "3", "2"]
    assert [v["versionnumber"] for v in versions] == [f"Version {n}" for n in (5, 4, 3, 2)]
    assert len({v["fileid"] for v in versions}) == 4
    who = {"filepath": "/spfc", "filename": "a"}
    for version in versions:
        url = sim.url + "/core/downloadversionedfile"
        data = caller.http.get(url, params={**who, "fileid": version["fileid"]}).content
        assert data == b"x" * int(version["sizeinbytes"])
    assert caller.command("deleteversion", **who, fileid=versions[0]["fileid"]) == 0
    assert caller.command("deleteversion", **who, fileid=versions[1]["fileid"]) == 1
    assert caller.command("deleteversion", **who, fileid=versions[1]["fileid"]) == 0
    assert caller.command("makeversionlive", **who, fileid=versions[3]["fileid"]) == 1
    assert (sim.store / "a").read_bytes() == b"xx"
    assert [v["sizeinbytes"] for v in caller.records("getversions", "version", **who)] == ["2", "5", "3"]
    missing = caller.post("downloadversionedfile", **who, fileid="none")
    assert (missing.status_code, result_of(missing)) == (200, 0)


def test_version_knobs(sim: FileCloudSimulator, caller: Caller) -> None:
    sim.knobs = sim.knobs.but(keep_versions=0, version_checksum_element="md5")
    caller.put("/spfc/a", b"1")
    caller.put("/spfc/a", b"abc")
    versions = caller.records("getversions", "version", filepath="/spfc", filename="a", checksum=1)
    assert [v["md5"] for v in versions] == ["900150983cd24fb0d6963f7d28e17f72"]
    sim.knobs = sim.knobs.but(keep_versions=3, version_size_limit=2)
    caller.put("/spfc/a", b"1")
    caller.put("/spfc/a", b"2")
    assert len(caller.records("getversions", "version", filepath="/spfc", filename="a")) == 2


def test_an_edit_by_hand_stays_in_order(sim: FileCloudSimulator, caller: Caller) -> None:
    for content in (b"1", b"22"):
        caller.put("/spfc/a", content)
    (sim.store / "a").write_bytes(b"by hand")
    caller.put("/spfc/a", b"333")
    versions = caller.records("getversions", "version", filepath="/spfc", filename="a")
    assert [v["sizeinbytes"] for v in versions] == ["3", "7", "1"]


# -- locks -------------------------------------------------------------------------------------------


def test_locks(sim: FileCloudSimulator, caller: Caller, clock: FixedClock) -> None:
    caller.put("/spfc/a", b"x")
    assert caller.command("lock", path="/spfc/a", readlock=1, relative_expiration=60) == 1
    state = caller.records("getfilelockinfo", "filelockinfo", path="/spfc/a")[0]
    assert state == {"locked": "1", "readlock": "1", "lockedby": "spfc"}
    assert caller.listing("/spfc")[1][0]["locked"] == "1"
    clock.advance(61)
    assert caller.records("getfilelockinfo", "filelockinfo", path="/spfc/a")[0]["locked"] == "0"
    assert caller.command("lock", path="/spfc/a") == 1
    assert caller.command("unlock", path="/spfc/a") == 1
    assert caller.listing("/spfc")[1][0]["locked"] == "0"


def test_locked_by_another_user(sim: FileCloudSimulator, caller: Caller) -> None:
    caller.put("/spfc/a", b"x")
    sim.knobs = sim.knobs.but(locked_paths=("/spfc/a",))
    assert caller.chunk("/spfc/a", b"y").text != "OK"
    assert caller.command("deletefile", path="/spfc", name="a") == 0
    assert caller.command("renamefile", path="/spfc", name="a", newname="b") == 0
    assert caller.command("unlock", path="/spfc/a") == 0
    state = caller.records("getfilelockinfo", "filelockinfo", path="/spfc/a")[0]
    assert (state["locked"], state["lockedby"]) == ("1", "another user")
    assert caller.get("/spfc/a").content == b"x"


# -- download ----------------------------------------------------------------------------------------


def test_ranges(sim: FileCloudSimulator, caller: Caller) -> None:
    data = os.urandom(3_000_000)
    caller.put("/spfc/a", data)
    whole = caller.get("/spfc/a")
    assert (whole.content, whole.headers["Accept-Ranges"]) == (data, "bytes")
    part = caller.get("/spfc/a", {"Range": "bytes=1000-"})
    assert (part.status_code, part.content) == (206, data[1000:])
    assert part.headers["Content-Range"] == "bytes 1000-2999999/3000000"
    assert caller.get("/spfc/a", {"Range": "bytes=5-9"}).content == data[5:10]
    assert caller.get("/spfc/a", {"Range": "bytes=-7"}).content == data[-7:]
    assert caller.get("/spfc/a", {"Range": "bytes=9-5"}).status_code == 200
    beyond = caller.get("/spfc/a", {"Range": "bytes=3000000-"})
    assert (beyond.status_code, beyond.headers["Content-Range"]) == (416, "bytes */3000000")
    right = {"Range": "bytes=1-", "If-Range": whole.headers["ETag"]}
    assert caller.get("/spfc/a", right).status_code == 206
    assert caller.get("/spfc/a", {**right, "If-Range": '"other"'}).status_code == 200
    head = caller.http.head(whole.url)
    assert (head.headers["Content-Length"], head.content) == ("3000000", b"")


def test_download_knobs(sim: FileCloudSimulator, caller: Caller) -> None:
    caller.put("/spfc/a", b"0123456789")
    ranged = {"Range": "bytes=5-"}
    sim.knobs = sim.knobs.but(range="ignore", download_etag=False)
    plain = caller.get("/spfc/a", ranged)
    assert (plain.status_code, plain.content, "ETag" in plain.headers) == (200, b"0123456789", False)
    sim.knobs = sim.knobs.but(range="error")
    assert caller.get("/spfc/a", ranged).status_code == 416
    assert caller.get("/spfc/a").status_code == 200
    sim.knobs = sim.knobs.but(content_length=False)
    chunked = caller.get("/spfc/a")
    assert (chunked.content, "Content-Length" in chunked.headers) == (b"0123456789", False)
    missing = caller.get("/spfc/none")
    assert (missing.status_code, records_of(missing, "command")[0]["type"]) == (200, "downloadfile")
    sim.knobs = sim.knobs.but(download_missing="http_404")
    assert caller.get("/spfc/none").status_code == 404
    assert result_of(caller.get("/spfc/a", checkonly=1)) == 1


def test_redirect_to_object_storage(sim: FileCloudSimulator, caller: Caller) -> None:
    caller.put("/spfc/a", b"x" * 1000)
    assert caller.get("/spfc/a", redirect=1).status_code == 200
    sim.knobs = sim.knobs.but(s3_redirect=True)
    assert caller.get("/spfc/a", redirect=0).status_code == 200
    answer = caller.get("/spfc/a", redirect=1)
    link = answer.headers["Location"]
    assert (answer.status_code, link.startswith(sim.url_of("storage"))) == (302, True)
    with Caller(sim, log_in=False) as nobody:
        assert nobody.http.get(link, headers={"Range": "bytes=990-"}).content == b"x" * 10
        assert nobody.http.get(link.partition("=")[0] + "=guess").status_code == 403
    assert sim.metrics()["cookies_at_storage"] == 0
    caller.http.get(link)
    assert sim.metrics()["cookies_at_storage"] == 1
    assert link.partition("=")[2] not in str(sim.journal.entries)


# -- change feed -------------------------------------------------------------------------------------


def test_change_feed(sim: FileCloudSimulator, caller: Caller) -> None:
    assert caller.command("/app/sync/getsyncfolderlist", count=0) == 0
    sim.knobs = sim.knobs.but(change_feed=True)

    def delta(version: int) -> list[tuple[str, str, str]]:
        rows = caller.records("/app/sync/getsyncdelta", "record", path="/spfc", status=f"server,{version};")
        return [(row["fullpath"], row["type"], row["isdeleted"]) for row in rows]

    def version() -> int:
        row = caller.records("/app/sync/getsyncfolderlist", "syncfolder", count=0)[0]
        return int(row["statusset"].split(";")[0].split(",")[1])

    assert (delta(0), version()) == ([], 0)
    assert caller.command("createfolder", path="/spfc", name="d") == 1
    caller.put("/spfc/d/a", b"1")
    caller.put("/spfc/d/a", b"2")
    assert delta(0) == [("/spfc/d", "0", "0"), ("/spfc/d/a", "1", "0")]
    seen = version()
    assert caller.command("renamefile", path="/spfc", name="d", newname="e") == 1
    gone = [("/spfc/d", "0", "1"), ("/spfc/d/a", "1", "1")]
    assert delta(seen) == [*gone, ("/spfc/e", "0", "0"), ("/spfc/e/a", "1", "0")]
    seen = version()
    assert delta(seen) == []
    assert caller.command("deletefile", path="/spfc", name="e") == 1
    assert delta(seen) == [("/spfc/e", "0", "1"), ("/spfc/e/a", "1", "1")]
    assert delta(0) == []


# -- knobs -------------------------------------------------------------------------------------------


def test_knobs_from_plain_data() -> None:
    knobs = FileCloudKnobs.from_dict({"profile": "2024", "max_limit": 100, "team_folders": ["a"]})
    assert (knobs.etag, knobs.max_limit, knobs.team_folders) == (False, 100, ("a",))
    assert FileCloudKnobs() == FileCloudKnobs.profile("current")


@pytest.mark.parametrize(
    "bad",
    [
        {"colour": 1},
        {"profile": "2031"},
        {"csrf": "sometimes"},
        {"server_tz": "Mars/Base"},
        {"recycle": 1},
        {"max_limit": "7"},
        {"team_folders": [1]},
        {"session_ttl_s": True},
    ],
)
def test_bad_knobs_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(KnobError):
        FileCloudKnobs.from_dict(bad)
    if "colour" in bad:
        with pytest.raises(KnobError):
            FileCloudKnobs().but(**bad)


def test_nothing_goes_between_managed_storage_and_network_folders(sim: FileCloudSimulator, caller: Caller) -> None:
    sim.knobs = sim.knobs.but(network_folders=("/spfc/net",))
    caller.command("createfolder", path="/spfc", name="net")
    caller.put("/spfc/net/x", b"1")
    assert caller.command("renameormove", fromname="/spfc/net/x", toname="/spfc/x") == 0
    assert caller.command("copyfile", path="/spfc/net", name="x", copyto="/spfc") == 0
    assert caller.command("renameormove", fromname="/spfc/net", toname="/spfc/elsewhere") == 0
    assert caller.command("renameormove", fromname="/spfc/net/x", toname="/spfc/net/y") == 1
    assert caller.command("copyfile", path="/spfc/net", name="y", copyto="/spfc/net", copytoname="z") == 1
    assert caller.command("renameormove", fromname="/spfc/net", toname="/spfc/Net") == 1  # the same place
