"""Listings, entries, times, totals, paths and names (reference 3.3, 4, 5, 6)."""

from __future__ import annotations

import json
import os
import unicodedata
from pathlib import Path

import pytest
from tests.simulators.filecloud_calls import NOW, SUMMER, WINTER, Caller, simulator

from simulators.filecloud import FileCloudKnobs, FileCloudSimulator

NAMES = [
    "é.txt", "a#b", "a&b", "a+b", "100%", "a%20b", "it's", 'say "x"', "two  words", "smile 😀.txt", "!mark",
    unicodedata.normalize("NFD", "für"), "<tag>", "semi;colon", "a=b", "ends.", "back\\slash", "文件", "ملف",
]  # fmt: skip


def fill(store: Path, files: int, folders: int = 0) -> list[str]:
    names = [f"d{n:04d}" for n in range(folders)] + [f"f{n:04d}" for n in range(files)]
    for name in names:
        if name[0] == "d":
            (store / name).mkdir()
        else:
            (store / name).write_bytes(b"x" * int(name[1:]))
    return names


def test_paging(sim: FileCloudSimulator, caller: Caller) -> None:
    names = fill(sim.store, files=22, folders=3)
    meta, page = caller.listing("/spfc", limit="")
    assert (meta["total"], meta["result"], [e["name"] for e in page]) == ("25", "1", names[:10])
    assert caller.names("/spfc", start=10, limit=10) == names[10:20]
    assert caller.names("/spfc", start=20, limit=10) == names[20:]
    assert caller.names("/spfc", start=25) == []
    assert caller.names("/spfc") == names
    sim.knobs = sim.knobs.but(max_limit=7)
    assert caller.names("/spfc", limit=1000) == names[:7]
    assert caller.names("/spfc", limit=-1) == names[:7]


def test_order(sim: FileCloudSimulator, caller: Caller) -> None:
    names = fill(sim.store, files=4, folders=2)
    for age, name in enumerate(names):
        os.utime(sim.store / name, (SUMMER - age, SUMMER - age))
    assert caller.names("/spfc", sortby="name", sortdir="-1") == ["d0001", "d0000", *names[:1:-1]]
    assert caller.names("/spfc", sortby="size", sortdir="-1")[2:] == names[:1:-1]
    assert caller.names("/spfc", sortby="date", sortdir="1") == ["d0001", "d0000", *names[:1:-1]]
    sim.knobs = sim.knobs.but(listing_order="permuted")
    shuffled = caller.names("/spfc")
    assert shuffled != names
    assert sorted(shuffled) == names
    assert caller.names("/spfc") == shuffled


def test_a_folder_that_is_not_there(sim: FileCloudSimulator, caller: Caller) -> None:
    (sim.store / "file").write_bytes(b"x")
    for path in ("/spfc/none", "/other", "/spfc/file", "/spfc/../..", "/spfc/a\0b", "/spfc//a"):
        meta, entries = caller.listing(path)
        assert (meta["result"], entries) == ("0", [])
        assert meta["message"]


def test_areas(sim: FileCloudSimulator, caller: Caller) -> None:
    assert caller.names("/") == ["spfc", "SHARED"]
    assert caller.names("") == ["spfc", "SHARED"]
    assert caller.names("/SHARED") == []
    sim.knobs = sim.knobs.but(team_folders=("Team",))
    (sim.store / "Team").mkdir()
    caller.put("/SHARED/Team/a", b"x")
    assert (sim.store / "Team/a").read_bytes() == b"x"
    assert caller.names("/SHARED") == ["Team"]
    assert caller.listing("/SHARED/Team")[1][0]["path"] == "/SHARED/Team/a"
    assert caller.names("/Team") == ["a"]


@pytest.mark.parametrize(
    ("epoch", "offset", "shown", "iso"),
    [
        (SUMMER, -18000, "Jul 19, 2024 2:32 PM", "2024-07-19T14:32:00+0000"),
        (WINTER, -21600, "Jan 19, 2024 1:32 PM", "2024-01-19T13:32:00+0000"),
        (SUMMER - 14 * 3600, -18000, "Jul 19, 2024 12:32 AM", "2024-07-19T00:32:00+0000"),
    ],
)
def test_four_times_from_one(
    sim: FileCloudSimulator, caller: Caller, epoch: int, offset: int, shown: str, iso: str
) -> None:
    path = sim.store / "a"
    path.write_bytes(b"x")
    os.utime(path, (epoch, epoch))
    for entry in (caller.listing("/spfc")[1][0], caller.info("/spfc/a")):
        assert entry is not None
        assert entry["modifiedepochutc"] == str(epoch)
        assert entry["modifiedepoch"] == str(epoch + offset)
        assert entry["modified"] == shown
        assert entry["modifiediso"] == iso


def test_offset_may_follow_the_season(sim: FileCloudSimulator, caller: Caller) -> None:
    (sim.store / "a").write_bytes(b"x")
    os.utime(sim.store / "a", (WINTER, WINTER))
    sim.knobs = sim.knobs.but(offset_follows="season")  # the clock says summer
    assert caller.listing("/spfc")[1][0]["modifiedepoch"] == str(WINTER - 18000)
    sim.knobs = sim.knobs.but(server_tz="Asia/Kolkata")
    assert caller.listing("/spfc")[1][0]["modifiedepoch"] == str(WINTER + 19800)


def test_entry_fields(sim: FileCloudSimulator, caller: Caller) -> None:
    (sim.store / "dir.x").mkdir()
    caller.put("/spfc/a.txt", b"x" * 4096)
    folder, file = caller.listing("/spfc")[1]
    assert (folder["type"], folder["fullsize"], folder["size"], folder["ext"]) == ("dir", "0", "", "")
    assert (file["type"], file["fullsize"], file["size"], file["ext"]) == ("file", "4096", "4 KB", "txt")
    assert (file["path"], file["dirpath"], file["name"]) == ("/spfc/a.txt", "/spfc/", "a.txt")
    info = caller.info("/spfc/a.txt")
    assert info is not None
    assert info["dirpath"] == "/spfc"
    assert info["etag"] == file["etag"]
    root = caller.info("/spfc")
    assert root is not None
    assert root["isroot"] == "1"
    assert caller.info("/spfc/none") is None


def test_profiles(sim: FileCloudSimulator, caller: Caller) -> None:
    caller.put("/spfc/a", b"x")
    new = {"etag", "modifiedepochutc", "isdatasyncable", "favoriteid"}
    for profile, fields in (
        ("legacy", set()),
        ("2024", {"modifiedepochutc", "favoriteid"}),
        ("current", new),
    ):
        sim.knobs = FileCloudKnobs.profile(profile)
        assert new & set(caller.listing("/spfc")[1][0]) == fields
        header = caller.chunk("/spfc/b", b"x", headers={"X-FC-Send-ETag": "1"}).headers.get("ETag")
        assert (header is not None) == (profile == "current")
    sim.knobs = sim.knobs.but(etag_needs_extra_fields=True)
    assert "etag" not in caller.listing("/spfc")[1][0]
    assert "etag" in caller.listing("/spfc", includeextrafields=1)[1][0]


@pytest.mark.parametrize("name", NAMES)
def test_names_survive(sim: FileCloudSimulator, caller: Caller, name: str) -> None:
    assert caller.command("createfolder", path="/spfc", name=f"d {name}") == 1
    path = f"/spfc/d {name}/{name}"
    caller.put(path, name.encode())
    caller.put(f"/spfc/d {name}/from part", b"x")
    assert (sim.store / f"d {name}" / name).read_bytes() == name.encode()
    assert set(caller.names(f"/spfc/d {name}")) == {name, "from part"}
    info = caller.info(path)
    assert info is not None
    assert info["name"] == name
    assert caller.get(path).content == name.encode()


def test_unicode_form_is_kept_or_normalised(sim: FileCloudSimulator, caller: Caller) -> None:
    decomposed = unicodedata.normalize("NFD", "é")
    caller.put(f"/spfc/{decomposed}", b"x")
    assert caller.names("/spfc") == [decomposed]
    sim.knobs = sim.knobs.but(normalize="nfc")
    caller.put(f"/spfc/2{decomposed}", b"x")
    assert "2é" in caller.names("/spfc")


def test_changes_by_hand_are_seen(sim: FileCloudSimulator, caller: Caller) -> None:
    caller.put("/spfc/a", b"one", date="2024-07-19T19:32:00Z")
    before = caller.listing("/spfc")[1][0]
    (sim.store / "a").write_bytes(b"two")
    after = caller.listing("/spfc")[1][0]
    assert after["etag"] != before["etag"]
    assert after["modifiedepochutc"] != before["modifiedepochutc"]
    (sim.store / "b").write_bytes(b"new")
    assert caller.names("/spfc") == ["a", "b"]
    (sim.store / "a").rename(sim.store / "c")
    assert caller.names("/spfc") == ["b", "c"]
    assert caller.chunk("/spfc/C", b"x").text != "OK"
    info = caller.info("/spfc/c")
    assert info is not None
    assert info["etag"] == after["etag"]
    (sim.store / "b").unlink()
    assert caller.names("/spfc") == ["c"]


def test_fileexists(sim: FileCloudSimulator, caller: Caller) -> None:
    (sim.store / "Sub").mkdir()
    (sim.store / "Sub/File").write_bytes(b"x")
    assert caller.command("fileexists", file="/spfc/Sub/File") == 1
    assert caller.command("fileexists", file="/spfc/Sub") == 1
    assert caller.command("fileexists", file="/spfc/sub/file") == 0
    assert caller.command("fileexists", file="/spfc/sub/file", caseinsensitive=1) == 1
    assert caller.command("fileexists", file="/spfc/sub/none", caseinsensitive=1) == 0
    answer = caller.post("fileexists", {"Accept": "application/json"}, file="/spfc/none")
    assert (answer.status_code, answer.json()["command"][0]["result"]) == (200, 0)


def test_totals_and_permissions(sim: FileCloudSimulator, caller: Caller) -> None:
    caller.put("/spfc/a", b"123")
    caller.put("/spfc/a", b"12345")
    assert caller.command("createfolder", path="/spfc", name="ro") == 1
    usage = caller.records("/app/explorer/getfolderproperties", "usage", path="/spfc")[0]
    assert (usage["livefiles"], usage["livefolders"], usage["livesize"]) == ("1", "1", "5")
    assert (usage["versionedfiles"], usage["versionedsize"], usage["totalsize"]) == ("1", "3", "8")
    sim.knobs = sim.knobs.but(read_only_paths=("/spfc/ro",), denied_paths=("/spfc/a",))
    rights = caller.records("getaccessdetailsforpath", "accessdetail", fullpath="/spfc/ro")[0]
    assert (rights["read"], rights["write"]) == ("1", "0")
    assert caller.records("getaccessdetailsforpath", "accessdetail", fullpath="/spfc/a")[0]["read"] == "0"
    assert caller.names("/spfc") == ["ro"]
    assert caller.info("/spfc/a") is None
    assert caller.chunk("/spfc/ro/x", b"x").text != "OK"
    assert caller.command("createfolder", path="/spfc/ro", name="x") == 0
    assert caller.listing("/spfc")[1][0]["canupload"] == "0"


def test_json_listing_and_transport_conventions(sim: FileCloudSimulator, caller: Caller) -> None:
    caller.put("/spfc/a", b"x")
    answer = caller.post("getfilelist", {"Accept": "application/json"}, path="/spfc", time=1, unknown="y")
    data = json.loads(answer.text)
    assert (data["meta"][0]["total"], data["entry"][0]["name"]) == ("1", "a")
    url = sim.url + "/CORE/GetFileList"
    assert b"<name>a</name>" in caller.http.get(url, params={"path": "/spfc"}).content
    fields = {"path": (None, "/spfc")}
    assert b"<name>a</name>" in caller.http.post(sim.url + "/core/getfilelist", files=fields).content
    assert caller.post("unknownoperation").status_code == 404
    assert caller.post("//core/getfilelist", path="/spfc").status_code == 404
    xml = caller.post("getfilelist", path="/spfc")
    assert xml.content.startswith(b"<entries><meta><parentpath>")
    assert caller.listing("/spfc", adminproxyuserid="None")[0]["result"] == "1"
    assert caller.command("createfolder", path="/spfc", name="b", adminproxyuserid="someone") == 0


def test_mount_prefix_and_tls(tmp_path: Path) -> None:
    with simulator(tmp_path, mount_prefix="/files/", tls=True) as sim, Caller(sim) as caller:
        assert sim.url.startswith("https://127.0.0.1:")
        assert sim.url.endswith("/files")
        caller.put("/spfc/a", b"x")
        assert caller.names("/spfc") == ["a"]
        outside = sim.url.removesuffix("/files") + "/core/getfilelist"
        assert caller.http.post(outside, data={"path": "/spfc"}).status_code == 404


def test_a_thousand_entries(sim: FileCloudSimulator, caller: Caller) -> None:
    names = fill(sim.store, files=1001)
    pages = [caller.names("/spfc", start=start, limit=400) for start in (0, 400, 800)]
    assert [name for page in pages for name in page] == names
    assert caller.listing("/spfc", limit=1)[0]["total"] == "1001"


def test_now_is_the_injected_clock(sim: FileCloudSimulator, caller: Caller) -> None:
    shared = caller.listing("/")[1][1]
    assert shared["modifiedepochutc"] == str(int(NOW))
