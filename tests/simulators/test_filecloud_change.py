"""Folders, deletes, moves, copies, versions, locks and downloads (reference 5, 7.5, 8, 9, 13)."""

from __future__ import annotations

import pytest
from tests.simulators.filecloud_calls import NOW, SUMMER, Caller, records_of, result_of

from simulators.common import FixedClock
from simulators.filecloud import FileCloudSimulator

SUMMER_TEXT = "2024-07-19T19:32:00Z"


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
